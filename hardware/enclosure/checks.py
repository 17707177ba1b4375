"""What the clip must pass, against gauges that know nothing of its measures (gauges.yaml)."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hardware import copper
from hardware.enclosure.model import MOVING, THICKNESS, Levels, built, measures, place
from hardware.netlist import HERE

GAUGES = HERE / "enclosure" / "gauges.yaml"
TOUCH_MM3 = 0.5  # of two meshes that only touch
SAMPLES = 3000
FINE_MM, FINE_RAD = 0.04, 0.2  # of the meshes


def gauges() -> dict[str, Any]:
    """hardware/enclosure/gauges.yaml."""
    return yaml.safe_load(GAUGES.read_text())


def mesh(shape: Any) -> Any:
    """A CadQuery shape as a trimesh."""
    import trimesh

    vertices, faces = shape.val().tessellate(FINE_MM, FINE_RAD)
    return trimesh.Trimesh([vertex.toTuple() for vertex in vertices], faces)


def overlap_mm3(one: Any, other: Any) -> float:
    """The volume that two meshes share."""
    low = np.maximum(one.bounds[0], other.bounds[0])
    high = np.minimum(one.bounds[1], other.bounds[1])
    if np.any(low >= high):
        return 0.0
    import trimesh

    shared = trimesh.boolean.intersection([one, other], engine="manifold")
    with np.errstate(all="ignore"):  # trimesh divides by the volume of what has none
        return 0.0 if shared.is_empty else float(abs(shared.volume))


def opened(piece: Any, sizes: Mapping[str, Any], degrees: float) -> Any:
    """A part of the moving half, turned about the hinge."""
    import trimesh

    point = [sizes["hinge"]["x"], 0, -sizes["gap"] / 2]
    turn = trimesh.transformations.rotation_matrix(-math.radians(degrees), [0, 1, 0], point)
    moved = piece.copy()
    moved.apply_transform(turn)
    return moved


def finger(sizes: Mapping[str, Any], board: copper.Board, diameter: float, tip: float) -> Any:
    """A gauge: a rod with a round tip, lying in the sensor half's trough with its end `tip` mm
    beyond the sensor, as a finger lies."""
    import trimesh

    x = Levels(sizes, board).at(place(board, "U4"))[0] + tip
    axis = sizes["trough"]["depth"] - diameter / 2
    ball = trimesh.creation.icosphere(subdivisions=4, radius=diameter / 2)
    ball.apply_translation([x - diameter / 2, 0, axis])
    long = x - diameter / 2 + 25
    rod = trimesh.creation.cylinder(radius=diameter / 2, height=long, sections=128)
    rod.apply_transform(trimesh.transformations.rotation_matrix(math.pi / 2, [0, 1, 0]))
    rod.apply_translation([x - diameter / 2 - long / 2, 0, axis])
    # Just off the trough's bottom, so that touching is not cutting.
    whole = trimesh.boolean.union([ball, rod], engine="manifold")
    whole.apply_translation([0, 0, -0.05])
    return whole


def room(sizes: Mapping[str, Any], board: copper.Board) -> dict[str, Any]:
    """The board and its parts as boxes, in the clip's place."""
    import trimesh

    levels = Levels(sizes, board)

    def block(x: float, y: float, z: float, long: float, wide: float, high: float) -> Any:
        cube = trimesh.creation.box([long, wide, high])
        cube.apply_translation([x, y, z + high / 2])
        return cube

    middle = levels.at((board.size[0] / 2, board.size[1] / 2))
    found = {"the board": block(*middle, levels.board, *board.size, THICKNESS)}
    heights, bodies, glass = sizes["height"], sizes["bodies"], sizes["glass"]
    for reference, layer in board.side.items():
        if reference.startswith("TP") or reference == "J1":
            continue
        above = layer == copper.FRONT
        pads = [pad for pad in board.pads if pad.reference == reference]
        x, y = levels.at(place(board, reference))
        long = max(p.at[0] + p.reach[0] for p in pads) - min(p.at[0] - p.reach[0] for p in pads)
        wide = max(p.at[1] + p.reach[1] for p in pads) - min(p.at[1] - p.reach[1] for p in pads)
        high = heights["display" if above else "finger"]
        if reference in bodies:
            along, across, high = bodies[reference]
            long, wide = max(long, along), max(wide, across)
            if reference == "U1":  # its pads stand back from the antenna's end
                x = levels.left + board.size[0] - along / 2
        z = levels.board_top if above else levels.board - high
        found[reference] = block(x, y, z, long, wide, high)
    x = levels.left + glass["from"] + glass["length"] / 2
    found["the glass"] = block(
        x, 0, levels.board_top, glass["length"], glass["width"], heights["glass"]
    )
    return found


def complaints(
    shapes: Mapping[str, Any],
    sizes: Mapping[str, Any],
    board: copper.Board,
    limits: Mapping[str, Any],
) -> Iterator[str]:
    """Where the clip fails, a sentence each; what is quickly found first."""
    meshes = {name: mesh(shape) for name, shape in shapes.items()}
    broken = list(_whole(meshes, limits))
    yield from broken
    if broken:
        return
    yield from _force(sizes, board, limits)
    yield from _windows(meshes, sizes, board, limits)
    yield from _cells(meshes, sizes, limits)
    yield from _walls(meshes, limits)
    yield from _light(meshes, sizes, board, limits)
    yield from _apart(meshes, sizes, board)
    yield from _fingers(meshes, sizes, board, limits)


def _whole(meshes: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[str]:
    for name, piece in meshes.items():
        if not piece.is_watertight:
            yield f"{name}: is not watertight."
        elif piece.body_count != 1:
            yield f"{name}: is {piece.body_count} bodies, not one (or holds a void)."
        if np.any(np.sort(piece.extents) > np.sort(limits["print_bed"])):
            yield f"{name}: is too large for the printer."


def _walls(meshes: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[str]:
    """The way from points of the surface straight in to the other side."""
    import trimesh

    for name, piece in meshes.items():
        points, faces = trimesh.sample.sample_surface(piece, SAMPLES, seed=7)
        inward = -piece.face_normals[faces]
        hits, rays, _ = piece.ray.intersects_location(
            points + 1e-4 * inward, inward, multiple_hits=False
        )
        thick = np.linalg.norm(hits - points[rays], axis=1)
        # An acute edge thins to nothing at its very rim; one place in a hundred may.
        least = float(np.percentile(thick, 1))
        if least < limits["thinnest_wall"]:
            yield f"{name}: walls of {least:.2f} mm; at least {limits['thinnest_wall']}."


def _apart(
    meshes: Mapping[str, Any], sizes: Mapping[str, Any], board: copper.Board
) -> Iterator[str]:
    """No two things in one place: shut, half and wide open; the board's parts too."""
    for part, block in room(sizes, board).items():
        for name, piece in meshes.items():
            shared = overlap_mm3(block, piece)
            if shared > TOUCH_MM3:
                yield f"{part} cuts {name} by {shared:.1f} mm3."
    names = list(meshes)
    for degrees in (0.0, sizes["widest_deg"] / 2, float(sizes["widest_deg"])):
        now = {n: opened(m, sizes, degrees) if n in MOVING else m for n, m in meshes.items()}
        for i, one in enumerate(names):
            for other in names[:i]:
                shared = overlap_mm3(now[one], now[other])
                if shared > TOUCH_MM3:
                    yield f"{one} cuts {other} by {shared:.1f} mm3, open {degrees:.0f} degrees."


def _free(piece: Any, points: np.ndarray, direction: tuple[float, float, float]) -> np.ndarray:
    """Of each point, whether nothing of the piece lies that way."""
    ways = np.tile(np.array(direction, dtype=float), (len(points), 1))
    return ~piece.ray.intersects_any(points, ways)


def _rim(x: float, y: float, z: float, long: float, wide: float) -> np.ndarray:
    """Middle and corners of a rectangle."""
    spots = [(0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)]
    return np.array([(x + i * long / 2, y + j * wide / 2, z) for i, j in spots])


def _windows(
    meshes: Mapping[str, Any],
    sizes: Mapping[str, Any],
    board: copper.Board,
    limits: Mapping[str, Any],
) -> Iterator[str]:
    """Sensor, display, button, sound and the factory's pads are reached from outside."""
    levels, play = Levels(sizes, board), limits["window_play"]
    down, up = (0.0, 0.0, -1.0), (0.0, 0.0, 1.0)
    shell = meshes["sensor-half"]
    x, y = levels.at(place(board, "U4"))
    long, wide, high = sizes["bodies"]["U4"]
    top = levels.board - high
    if not _free(shell, _rim(x, y, top - 0.01, long + play, wide + play), down).all():
        yield "the sensor does not see through its window."
    recess = top - sizes["trough"]["depth"]
    least, most = limits["sensor_recess"]
    if not least <= recess <= most:
        yield f"the sensor lies {recess:.2f} mm behind the trough; {least} to {most} is asked."
    glass = sizes["glass"]
    x = levels.left + glass["from"] + glass["active_from"] + glass["active"][0] / 2
    seen = _rim(
        x,
        0,
        levels.board_top + sizes["height"]["glass"] + 0.01,
        glass["active"][0] + play,
        glass["active"][1] + play,
    )
    if not _free(meshes["lid"], seen, up).all():
        yield "the lid covers a part of the display."
    x, y = levels.at(place(board, "SW1"))
    centre = np.array([(x, y, levels.board_top + sizes["bodies"]["SW1"][2] + 0.01)])
    if not _free(meshes["lid"], centre, up).all() or _free(meshes["button"], centre, up).any():
        yield "the button does not stand over its switch."
    out = float(meshes["button"].bounds[1][2] - meshes["lid"].bounds[1][2])
    least, most = limits["button_above_dome"]
    if not least <= out <= most:
        yield f"the button stands {out:.1f} mm out; {least} to {most} is found by touch."
    x, y = levels.at(place(board, "BZ1"))
    spread = np.array([(x + dx, y, levels.lid - 0.5) for dx in np.linspace(-4, 4, 81)])
    if not _free(meshes["lid"], spread, up).any():
        yield "no sound comes out over the sounder."
    for name in ("TP6", "TP7", "TP8", "TP9"):
        x, y = levels.at(place(board, name))
        if not _free(shell, _rim(x, y, levels.board - 0.01, 1.0, 1.0), down).all():
            yield f"{name} of the factory's port is covered."


def _fingers(
    meshes: Mapping[str, Any],
    sizes: Mapping[str, Any],
    board: copper.Board,
    limits: Mapping[str, Any],
) -> Iterator[str]:
    """Every gauge lies on the sensor, and the other half comes to rest on it near the sensor."""
    import trimesh

    sensor = Levels(sizes, board).at(place(board, "U4"))[0]
    for diameter in limits["fingers"]:
        gauge = finger(sizes, board, diameter, limits["tip_beyond_sensor"])
        for name in ("sensor-half", "lid"):
            shared = overlap_mm3(gauge, meshes[name])
            if shared > TOUCH_MM3:
                yield f"a finger of {diameter} mm meets the {name} ({shared:.0f} mm3)."
        # The soft pad gives; what must not cut is the half that carries it.
        half = meshes["battery-half"]
        angle = resting(half, meshes["pad"], gauge, sizes)
        if angle is None:
            yield f"a finger of {diameter} mm does not go in."
            continue
        turned = opened(trimesh.util.concatenate([half, meshes["pad"]]), sizes, angle)
        near = trimesh.proximity.closest_point(turned, gauge.vertices)[1]
        touch = float(gauge.vertices[np.argmin(near)][0])
        if abs(touch - sensor) > limits["contact_from_sensor"]:
            yield (
                f"a finger of {diameter} mm is pressed {touch - sensor:.0f} mm from the sensor; "
                f"at most {limits['contact_from_sensor']}."
            )


def resting(half: Any, soft: Any, gauge: Any, sizes: Mapping[str, Any]) -> float | None:
    """Degrees at which the moving half comes to rest on a gauge; None when it would have to open
    wider than it can."""

    def cuts(degrees: float) -> bool:
        return any(
            overlap_mm3(opened(piece, sizes, degrees), gauge) > TOUCH_MM3 for piece in (half, soft)
        )

    low, high = 0.0, float(sizes["widest_deg"])
    if cuts(high):
        return None
    if not cuts(low):
        return 0.0
    while high - low > 0.2:
        middle = (low + high) / 2
        low, high = (middle, high) if cuts(middle) else (low, middle)
    return high


def _cells(
    meshes: Mapping[str, Any], sizes: Mapping[str, Any], limits: Mapping[str, Any]
) -> Iterator[str]:
    """Two cells side by side, with some room for the contacts."""
    import trimesh

    cell, bay = limits["cell"], sizes["battery_half"]["cells"]
    bottom = (
        -sizes["gap"] - sizes["battery_half"]["thick"] + sizes["battery_half"]["door"]["thick"]
    )
    for side in (1, -1):
        rod = trimesh.creation.cylinder(radius=cell["diameter"] / 2, height=cell["length"] + 5)
        rod.apply_transform(trimesh.transformations.rotation_matrix(math.pi / 2, [0, 1, 0]))
        middle = bay["from"] + bay["length"] / 2
        rod.apply_translation(
            [middle, side * (cell["diameter"] / 2 + 0.2), bottom + cell["diameter"] / 2 + 0.2]
        )
        for name in ("battery-half", "battery-door"):
            if overlap_mm3(rod, meshes[name]) > TOUCH_MM3:
                yield f"a cell and its contacts do not fit the {name}."


def _light(
    meshes: Mapping[str, Any],
    sizes: Mapping[str, Any],
    board: copper.Board,
    limits: Mapping[str, Any],
) -> Iterator[str]:
    """From the sensor to either side, level and downwards, something dark stands in the way."""
    import trimesh

    rule = limits["side_light"]
    gauge = finger(sizes, board, rule["finger"], limits["tip_beyond_sensor"])
    angle = resting(meshes["battery-half"], meshes["pad"], gauge, sizes)
    turned = opened(meshes["battery-half"], sizes, angle or 0.0)
    dark = trimesh.util.concatenate([meshes["sensor-half"], turned])
    x, y = Levels(sizes, board).at(place(board, "U4"))
    for degrees in rule["angles_deg"]:
        for side in (1, -1):
            way = (0.0, side * math.cos(math.radians(degrees)), -math.sin(math.radians(degrees)))
            for dx in (-8.0, 0.0, 8.0):
                if _free(dark, np.array([(x + dx, y, -0.5)]), way).any():
                    yield f"light comes in from the side, {degrees} degrees down, x {x + dx:.0f}."


def _force(
    sizes: Mapping[str, Any], board: copper.Board, limits: Mapping[str, Any]
) -> Iterator[str]:
    """On paper: what the spring does to the smallest and the largest finger."""
    spring = sizes["spring"]
    lever = sizes["hinge"]["x"] - Levels(sizes, board).at(place(board, "U4"))[0]
    found = []
    for diameter in limits["fingers"]:
        degrees = math.degrees(math.atan2(max(0.0, diameter - sizes["gap"]), lever))
        found.append((spring["torque_shut_nmm"] + spring["rate_nmm_per_deg"] * degrees) / lever)
    least, most = limits["force_n"]
    if min(found) < least or max(found) > most:
        span = f"{min(found):.2f} to {max(found):.2f} N"
        yield f"the spring presses {span}; {least} to {most} is asked."
    if max(found) / min(found) > limits["force_spread"]:
        yield f"the spring presses {max(found) / min(found):.1f} times as much on a large finger."


def gates(path: Path | None = None) -> list[str]:
    """Every check of the committed model on the committed board."""
    sizes = measures(path) if path else measures()
    board = copper.read(copper.BOARD.read_text())
    return list(complaints(built(sizes, board), sizes, board, gauges()))
