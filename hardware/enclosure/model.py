"""The clip's parts in CadQuery: two halves, lid, button, door, soft pad.

Where the windows and the board's ledges are follows from the board file, the rest from model.yaml.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hardware import copper
from hardware.netlist import HERE

MODEL = HERE / "enclosure" / "model.yaml"
THICKNESS = 1.0  # of the board; layout.yaml says the same


def measures(path: Path = MODEL) -> dict[str, Any]:
    """hardware/enclosure/model.yaml."""
    return yaml.safe_load(path.read_text())


class Levels:
    """Heights of the sensor half, from its face up; and from the board's to the clip's x and y."""

    def __init__(self, sizes: Mapping[str, Any], board: copper.Board) -> None:
        half = sizes["sensor_half"]
        self.floor = sizes["trough"]["depth"] + half["floor"]
        self.board = self.floor + half["parts_below"]  # the board's finger side
        self.board_top = self.board + THICKNESS
        self.lid = self.board_top + half["parts_above"]
        self.top = self.lid + half["lid"]
        self.left = half["board_at"]
        self.middle = board.size[1] / 2

    def at(self, point: copper.Point) -> copper.Point:
        return self.left + point[0], self.middle - point[1]


def place(board: copper.Board, reference: str) -> copper.Point:
    """The middle of a part's pads, on the board."""
    pads = [pad for pad in board.pads if pad.reference == reference]
    return tuple(
        (min(p.at[i] - p.reach[i] for p in pads) + max(p.at[i] + p.reach[i] for p in pads)) / 2
        for i in (0, 1)
    )  # type: ignore[return-value]


def box(x: float, y: float, z: float, long: float, wide: float, high: float) -> Any:
    """A box from its corner at x, z; y is its middle."""
    import cadquery as cq

    return (
        cq.Workplane("XY")
        .box(long, wide, high, centered=(False, True, False))
        .translate((x, y, z))
    )


def rod(x: float, y: float, z: float, diameter: float, high: float) -> Any:
    """An upright cylinder from z on."""
    import cadquery as cq

    return cq.Workplane("XY").circle(diameter / 2).extrude(high).translate((x, y, z))


def bar(x: float, z: float, diameter: float, wide: float) -> Any:
    """A cylinder across, its middle at y = 0."""
    import cadquery as cq

    return (
        cq.Workplane("XZ").circle(diameter / 2).extrude(wide / 2, both=True).translate((x, 0, z))
    )


def groove(sizes: Mapping[str, Any], face: float, up: bool) -> Any:
    """The finger's trough, to be cut from a face at z."""
    import cadquery as cq

    trough = sizes["trough"]
    axis = face + (trough["depth"] - trough["radius"]) * (1 if up else -1)
    return (
        cq.Workplane("YZ")
        .circle(trough["radius"])
        .extrude(trough["to"] + 5)
        .translate((-5, 0, axis))
    )


def screws(sizes: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Where the lid's two screws stand, behind the board."""
    screw = sizes["sensor_half"]["screw"]
    return [(screw["x"], screw["y"]), (screw["x"], -screw["y"])]


def sensor_half(sizes: Mapping[str, Any], board: copper.Board) -> Any:
    half, levels, wall = sizes["sensor_half"], Levels(sizes, board), sizes["wall"]
    long, wide = sizes["length"], half["width"]
    body = box(0, 0, 0, long, wide, levels.lid).edges("|Z").fillet(sizes["corner"])
    play = half["board_play"]
    size = board.size[0] + 2 * play, board.size[1] + 2 * play
    left = levels.left - play
    body = body.cut(box(left, 0, levels.board, size[0], size[1], 50))
    inner = size[0] - 2 * half["ledge"], size[1] - 2 * half["ledge"]
    body = body.cut(box(left + half["ledge"], 0, levels.floor, inner[0], inner[1], 50))
    # Behind the board only weight would be saved: a hollow, open to the lid.
    behind = left + size[0] + wall
    body = body.cut(
        box(behind, 0, wall, long - wall - behind, wide - 2 * wall, 50).edges("|Z").fillet(1.0)
    )
    body = body.cut(groove(sizes, 0, up=True))
    x, y = levels.at(place(board, "U4"))
    window = half["window"]["sensor"]
    body = body.cut(box(x - window[0] / 2, y, -1, window[0], window[1], levels.board + 1))
    # The factory's pads: a slot beside the trough.
    pads = [levels.at(place(board, name)) for name in ("TP6", "TP8")]
    first, last = min(p[0] for p in pads) - 1.5, max(p[0] for p in pads) + 1.5
    body = body.cut(box(first, pads[0][1], -1, last - first, 3.0, levels.board + 1))
    skirt = half["skirt"]
    for side in (1, -1):
        at = side * (skirt["inner"] + skirt["thick"]) / 2
        deep = skirt["deep"] + 1.0
        body = body.union(
            box(
                skirt["from"],
                at,
                -skirt["deep"],
                skirt["to"] - skirt["from"],
                skirt["thick"],
                deep,
            )
        )
    stop = sizes["stop"]
    body = body.union(
        box(
            sizes["trough"]["to"],
            0,
            -stop["height"],
            stop["thick"],
            stop["width"],
            stop["height"] + 1,
        )
    )
    hinge, axis = sizes["hinge"], -sizes["gap"] / 2
    cheek = hinge["cheek"]
    for side in (1, -1):
        at = side * (skirt["inner"] + cheek) / 2
        eye = bar(hinge["x"], axis, hinge["eye"], cheek).translate((0, at, 0))
        web = box(hinge["x"] - hinge["eye"] / 2, at, axis, hinge["eye"], cheek, -axis + 1)
        body = body.union(eye).union(web)
    body = body.cut(bar(hinge["x"], axis, hinge["pin"] + hinge["play"], 60))
    for x, y in screws(sizes):
        body = body.union(rod(x, y, 0.5, half["screw"]["boss"], levels.lid - 0.5))
        body = body.cut(rod(x, y, wall, half["screw"]["core"], 20))
    hook = half["hook"]
    body = body.cut(
        box(
            left - hook["long"] - hook["play"],
            0,
            levels.lid - half["lip"] - hook["play"],
            hook["long"] + 1,
            hook["width"] + 2 * hook["play"],
            hook["thick"] + 2 * hook["play"],
        )
    )
    # The wires to the cells, behind the board.
    return body.cut(rod(behind + 3, 8, -1, 3.0, wall + 2))


def lid(sizes: Mapping[str, Any], board: copper.Board) -> Any:
    half, levels = sizes["sensor_half"], Levels(sizes, board)
    plate = (
        box(0, 0, levels.lid, sizes["length"], half["width"], half["lid"])
        .edges("|Z")
        .fillet(sizes["corner"])
        .faces(">Z")
        .edges()
        .chamfer(0.6)
    )
    # A lip that keeps the lid in its place, open where the antenna's end of the module is; posts
    # in the corners hold the board down; a hook at the mouth and two screws hold the lid.
    play = 0.15
    long = board.size[0] + 2 * half["board_play"] - 2 * play
    wide = board.size[1] + 2 * half["board_play"] - 2 * play
    ring = box(
        levels.left - half["board_play"] + play,
        0,
        levels.lid - half["lip"],
        long,
        wide,
        half["lip"],
    )
    plate = plate.union(
        ring.cut(
            box(
                levels.left + 1.2,
                0,
                levels.lid - half["lip"] - 1,
                long,
                wide - 2.4,
                9,
            )
        )
    )
    hook = half["hook"]
    plate = plate.union(
        box(
            levels.left - half["board_play"] - hook["long"] + hook["play"],
            0,
            levels.lid - half["lip"],
            hook["long"] + 0.5,
            hook["width"],
            hook["thick"],
        )
    )
    low = levels.board_top + 0.1
    for x in (levels.left + 1.6, levels.left + board.size[0] - 3.0):
        for side in (1, -1):
            post = rod(x, side * (levels.middle - 1.4), low, 2.0, levels.lid + 0.5 - low)
            plate = plate.union(post)
    for x, y in screws(sizes):
        plate = plate.cut(rod(x, y, levels.lid - 1, half["screw"]["lid"], 9))
    glass = sizes["glass"]
    x = levels.left + glass["from"] + glass["active_from"] + glass["active"][0] / 2
    window = half["window"]["display"]
    plate = plate.cut(box(x - window[0] / 2, 0, levels.lid - 5, window[0], window[1], 20))
    dome = half["dome"]
    x, y = levels.at(place(board, "SW1"))
    plate = plate.union(rod(x, y, levels.lid, dome["outer"], half["lid"] + dome["height"]))
    plate = plate.cut(
        rod(x, y, levels.lid - 5, dome["inner"], 5 + half["lid"] + dome["height"] - 1.2)
    )
    plate = plate.cut(rod(x, y, levels.lid, dome["hole"], 20))
    sound = half["sound"]
    x, y = levels.at(place(board, "BZ1"))
    for i in range(sound["count"]):
        at = x + (i - (sound["count"] - 1) / 2) * sound["pitch"]
        plate = plate.cut(rod(at, y, levels.lid - 1, sound["hole"], 5))
    return plate


def button(sizes: Mapping[str, Any], board: copper.Board) -> Any:
    half, levels, dome = sizes["sensor_half"], Levels(sizes, board), sizes["sensor_half"]["dome"]
    x, y = levels.at(place(board, "SW1"))
    foot = levels.board_top + sizes["bodies"]["SW1"][2] + 0.05
    under = levels.lid + half["lid"] + dome["height"] - 1.2  # the dome's ceiling
    cap = rod(x, y, foot, dome["inner"] - 0.8, under - 0.1 - foot)
    return cap.union(rod(x, y, foot, dome["hole"] - 0.6, under + 1.2 + 1.4 - foot))


def battery_half(sizes: Mapping[str, Any], board: copper.Board) -> Any:
    half, long = sizes["battery_half"], sizes["length"]
    face, bottom = -sizes["gap"], -sizes["gap"] - half["thick"]
    body = (
        box(0, 0, bottom, long, half["width"], half["thick"]).edges("|Z").fillet(sizes["corner"])
    )
    body = body.edges("<Z").chamfer(1.0)
    body = body.cut(groove(sizes, face, up=False))
    cells, door = half["cells"], half["door"]
    body = body.cut(
        box(
            cells["from"],
            0,
            bottom - 1,
            cells["length"],
            cells["width"],
            1 + door["thick"] + cells["deep"],
        )
    )
    lap = door["lap"]
    body = body.cut(
        box(
            cells["from"] - lap,
            0,
            bottom - 1,
            cells["length"] + 2 * lap,
            cells["width"] + lap,
            1 + door["thick"],
        )
    )
    tongue, play = door["tongue"], door["play"]
    slot = tongue["long"] + play
    body = body.cut(
        box(
            cells["from"] - lap - slot,
            0,
            bottom + door["thick"] - tongue["thick"] - 2 * play,
            slot + 0.5,
            tongue["width"] + 2 * play,
            tongue["thick"] + 2 * play,
        )
    )
    end = cells["from"] + cells["length"] + lap
    body = body.cut(
        bar(end, bottom + door["thick"] / 2, 2 * (door["ridge"] + play), cells["width"] - 6)
    )
    wires = half["wires"]
    body = body.cut(rod(wires["x"], wires["y"], bottom + 5, wires["hole"], half["thick"]))
    # A hollow for the thumb's nail at the door's end.
    body = body.cut(rod(cells["from"] + cells["length"] + lap + 2, 0, bottom - 1, 14, 2.2))
    pad = half["pad"]
    body = body.cut(
        box(
            pad["from"],
            0,
            face - sizes["trough"]["depth"] - pad["under"],
            pad["length"],
            pad["width"],
            6,
        )
    )
    hinge, axis = sizes["hinge"], -sizes["gap"] / 2
    for side in (1, -1):
        at = side * (half["width"] / 2 - 2.0)
        eye = bar(hinge["x"], axis, hinge["eye"], 4.0).translate((0, at, 0))
        web = box(hinge["x"] - hinge["eye"] / 2, at, face - 1, hinge["eye"], 4.0, axis - face + 1)
        body = body.union(eye).union(web)
    # The stop of the sensor half dips into the trough; room for it when the clip is shut.
    stop = sizes["stop"]
    body = body.cut(
        box(sizes["trough"]["to"] - 1.5, 0, face - 1.0, stop["thick"] + 3, stop["width"] + 1, 5)
    )
    return body.cut(bar(hinge["x"], axis, hinge["pin"] + hinge["play"], 60))


def battery_door(sizes: Mapping[str, Any], board: copper.Board) -> Any:
    half = sizes["battery_half"]
    cells, door = half["cells"], half["door"]
    bottom = -sizes["gap"] - half["thick"]
    long = cells["length"] + 2 * door["lap"] - 2 * door["play"]
    plate = box(
        cells["from"] - door["lap"] + door["play"],
        0,
        bottom,
        long,
        cells["width"] + door["lap"] - 2 * door["play"],
        door["thick"] - door["play"],
    )
    # A tongue at one end, a ridge that snaps at the other, and grooves that an unsteady hand can
    # push.
    tongue = door["tongue"]
    plate = plate.union(
        box(
            cells["from"] - door["lap"] - tongue["long"],
            0,
            bottom + door["thick"] - tongue["thick"] - door["play"],
            tongue["long"] + 1,
            tongue["width"],
            tongue["thick"],
        )
    )
    end = cells["from"] + cells["length"] + door["lap"] - door["play"]
    plate = plate.union(
        bar(end - 0.1, bottom + door["thick"] / 2, 2 * door["ridge"], cells["width"] - 7)
    )
    for i in range(4):
        at = cells["from"] + cells["length"] - 6 - 3 * i
        plate = plate.cut(box(at, 0, bottom - 1, 1.2, 16, 1.6))
    return plate


def pad(sizes: Mapping[str, Any], board: copper.Board) -> Any:
    """The soft pad of the battery half; its face goes on with the trough."""
    soft, face = sizes["battery_half"]["pad"], -sizes["gap"]
    under = face - sizes["trough"]["depth"] - soft["under"]
    piece = box(
        soft["from"] + 0.1, 0, under, soft["length"] - 0.2, soft["width"] - 0.2, soft["thick"]
    )
    return piece.cut(groove(sizes, face, up=False))


PARTS = {
    "sensor-half": sensor_half,
    "lid": lid,
    "button": button,
    "battery-half": battery_half,
    "battery-door": battery_door,
    "pad": pad,
}
MOVING = ("battery-half", "battery-door", "pad")  # with the hinge


def built(
    sizes: Mapping[str, Any] | None = None, board: copper.Board | None = None
) -> dict[str, Any]:
    """Every part as a CadQuery shape, shut, in the clip's place."""
    sizes = sizes or measures()
    board = board or copper.read(copper.BOARD.read_text())
    return {name: make(sizes, board) for name, make in PARTS.items()}
