"""The finger clip: `model` builds it, `checks` holds it against gauges, `render` draws it."""

from pathlib import Path

from hardware import copper
from hardware.enclosure import checks, model, render
from hardware.enclosure.checks import gates

__all__ = ["gates", "made"]


def made(out: Path) -> None:
    """Files to print (STL) and to mould from (STEP), and the pictures."""
    import cadquery as cq
    import trimesh

    out.mkdir(parents=True, exist_ok=True)
    sizes, limits = model.measures(), checks.gauges()
    board = copper.read(copper.BOARD.read_text())
    shapes = model.built(sizes, board)
    meshes = {name: checks.mesh(shape) for name, shape in shapes.items()}
    for name, shape in shapes.items():
        cq.exporters.export(shape, str(out / f"{name}.step"))
        meshes[name].export(out / f"{name}.stl")
    inside = {"board": trimesh.util.concatenate(list(checks.room(sizes, board).values()))}
    render.picture(meshes, out / "shut.png", (-70, -90, 70))
    gauge = checks.finger(sizes, board, 17, limits["tip_beyond_sensor"])
    angle = checks.resting(meshes["battery-half"], meshes["pad"], gauge, sizes) or 0.0
    turned = {
        name: checks.opened(piece, sizes, angle) if name in model.MOVING else piece
        for name, piece in meshes.items()
    }
    render.picture({**turned, "finger": gauge, **inside}, out / "on-a-finger.png", (-80, -110, 25))
    apart = {}
    for name, lift in (
        ("button", 55),
        ("lid", 42),
        ("board", 18),
        ("sensor-half", 0),
        ("pad", -14),
        ("battery-half", -30),
        ("battery-door", -48),
    ):
        piece = {**meshes, **inside}[name].copy()
        piece.apply_translation([0, 0, lift])
        apart[name] = piece
    render.picture(apart, out / "apart.png", (-90, -110, 60), size=(1200, 1400))
    under = {name: meshes[name] for name in ("sensor-half",)}
    render.picture({**under, **inside}, out / "sensor-half-from-the-finger.png", (-20, -50, -90))
