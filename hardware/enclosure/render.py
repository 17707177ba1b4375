"""Pictures of the clip, drawn by VTK without a display."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

COLOURS = {
    "sensor-half": (0.20, 0.22, 0.26),
    "lid": (0.86, 0.87, 0.88),
    "button": (0.85, 0.35, 0.20),
    "battery-half": (0.30, 0.34, 0.40),
    "battery-door": (0.70, 0.72, 0.75),
    "pad": (0.10, 0.10, 0.10),
    "finger": (0.93, 0.72, 0.60),
    "board": (0.05, 0.40, 0.20),
}


def picture(
    meshes: Mapping[str, Any],
    path: Path,
    look_from: Sequence[float],
    size: tuple[int, int] = (1400, 900),
    clear: Sequence[str] = (),
) -> None:
    """Draw the parts (trimesh by name), seen from a direction, into a PNG; those in `clear` are
    glassy."""
    import vtk
    from vtk.util import numpy_support

    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)  # "no X server": none is needed
    scene = vtk.vtkRenderer()
    scene.SetBackground(1, 1, 1)
    for name, piece in meshes.items():
        points = vtk.vtkPoints()
        points.SetData(numpy_support.numpy_to_vtk(np.ascontiguousarray(piece.vertices), deep=True))
        cells = np.hstack([np.full((len(piece.faces), 1), 3), piece.faces]).astype(np.int64)
        polygons = vtk.vtkCellArray()
        polygons.SetCells(
            len(piece.faces), numpy_support.numpy_to_vtkIdTypeArray(cells.ravel(), deep=True)
        )
        data = vtk.vtkPolyData()
        data.SetPoints(points)
        data.SetPolys(polygons)
        mapper = vtk.vtkPolyDataMapper()
        mapper.SetInputData(data)
        actor = vtk.vtkActor()
        actor.SetMapper(mapper)
        actor.GetProperty().SetColor(*COLOURS[name])
        actor.GetProperty().SetInterpolationToFlat()
        actor.GetProperty().SetOpacity(0.35 if name in clear else 1.0)
        scene.AddActor(actor)
        edges = vtk.vtkFeatureEdges()
        edges.SetInputData(data)
        edges.SetFeatureAngle(25)
        edges.ColoringOff()
        lines = vtk.vtkPolyDataMapper()
        lines.SetInputConnection(edges.GetOutputPort())
        drawn = vtk.vtkActor()
        drawn.SetMapper(lines)
        drawn.GetProperty().SetColor(0, 0, 0)
        drawn.GetProperty().SetLineWidth(1.2)
        scene.AddActor(drawn)
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(8)
    window.SetSize(*size)
    window.AddRenderer(scene)
    camera = scene.GetActiveCamera()
    camera.SetFocalPoint(0, 0, 0)
    camera.SetPosition(*look_from)
    camera.SetViewUp(0, 0, 1)
    scene.ResetCamera()
    camera.Zoom(1.35)
    window.Render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.Update()
    writer = vtk.vtkPNGWriter()
    writer.SetFileName(str(path))
    writer.SetInputConnection(grab.GetOutputPort())
    writer.Write()
