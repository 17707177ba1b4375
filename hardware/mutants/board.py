"""Spoiled boards: some for KiCad's rules, some for those that hardware/copper.py adds."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from hardware import copper, kicad
from hardware.netlist import Quoted, child, children, parsed, written

Node = list[Any]
Spoil = Callable[[Node], None]


def _footprint(root: Node, reference: str) -> Node:
    return next(
        f
        for f in children(root, "footprint")
        if any(p[1] == "Reference" and p[2] == reference for p in children(f, "property"))
    )


def _number(root: Node, net: str) -> str:
    return next(n[1] for n in children(root, "net") if n[2].removeprefix("/") == net)


def _tracks(root: Node, net: str) -> list[Node]:
    number = _number(root, net)
    return [s for s in children(root, "segment") if child(s, "net")[1] == number]


def _length(track: Node) -> float:
    (ax, ay), (bx, by) = (map(float, child(track, end)[1:3]) for end in ("start", "end"))
    return abs(ax - bx) + abs(ay - by)


def _longest(root: Node, net: str) -> Node:
    return max(_tracks(root, net), key=_length)


def _shift(node: Node, name: str, x: float, y: float) -> None:
    at = child(node, name)
    at[1], at[2] = f"{float(at[1]) + x:.4f}", f"{float(at[2]) + y:.4f}"


def track_gone(net: str) -> Spoil:
    return lambda root: root.remove(_longest(root, net))


def track_moved(net: str, by: float) -> Spoil:
    def spoil(root: Node) -> None:
        track = _longest(root, net)
        for end in ("start", "end"):
            _shift(track, end, by, by)

    return spoil


def tracks_thin(net: str, width: float) -> Spoil:
    def spoil(root: Node) -> None:
        for track in _tracks(root, net):
            child(track, "width")[1] = str(width)

    return spoil


def pad_on(reference: str, number: str, net: str) -> Spoil:
    def spoil(root: Node) -> None:
        for pad in children(_footprint(root, reference), "pad"):
            if pad[1] == number:
                child(pad, "net")[1:] = [_number(root, net), Quoted(net)]

    return spoil


def pads_swapped(reference: str, one: str, other: str) -> Spoil:
    """As if the part were turned round: its pads' nets change places with all their copper."""

    def spoil(root: Node) -> None:
        pads = {p[1]: p for p in children(_footprint(root, reference), "pad")}
        pads[one][1], pads[other][1] = Quoted(other), Quoted(one)

    return spoil


def part_moved(reference: str, x: float, y: float) -> Spoil:
    return lambda root: _shift(_footprint(root, reference), "at", x, y)


def part_gone(reference: str) -> Spoil:
    return lambda root: root.remove(_footprint(root, reference))


def part_says(reference: str, field: str, text: str) -> Spoil:
    def spoil(root: Node) -> None:
        for told in children(_footprint(root, reference), "property"):
            if told[1] == field:
                told[2] = Quoted(text)

    return spoil


def vias_drilled(drill: float) -> Spoil:
    def spoil(root: Node) -> None:
        for via in children(root, "via"):
            child(via, "drill")[1] = str(drill)

    return spoil


def zones_gone(root: Node) -> None:
    root[:] = [node for node in root if not (isinstance(node, list) and node[0] == "zone")]


def edge_moved(root: Node) -> None:
    """The corner of the outline stands open."""
    line = next(s for s in children(root, "gr_line") if child(s, "layer")[1] == "Edge.Cuts")
    _shift(line, "end", 0.3, 0.3)


def track_under_antenna(root: Node) -> None:
    track = _longest(root, "TXD")
    copied = [part if not isinstance(part, list) else list(part) for part in track]
    left, top = _corner(root)
    child(copied, "start")[1:3] = [str(left + 60), str(top + 10)]
    child(copied, "end")[1:3] = [str(left + 62), str(top + 10)]
    root.append(copied)


def beside_sensor(net: str) -> Spoil:
    """A track of this net on the sensor's other side."""

    def spoil(root: Node) -> None:
        copied = [list(p) if isinstance(p, list) else p for p in _longest(root, net)]
        x, y = (float(v) for v in child(_footprint(root, "U4"), "at")[1:3])
        child(copied, "start")[1:3] = [str(x - 1), str(y)]
        child(copied, "end")[1:3] = [str(x + 1), str(y)]
        child(copied, "layer")[1] = Quoted("F.Cu")
        root.append(copied)

    return spoil


def _corner(root: Node) -> tuple[float, float]:
    ends = [
        [float(value) for value in child(shape, "start")[1:3]]
        for shape in children(root, "gr_line")
        if child(shape, "layer")[1] == "Edge.Cuts"
    ]
    return min(x for x, _ in ends), min(y for _, y in ends)


def text_gone(words: str) -> Spoil:
    def spoil(root: Node) -> None:
        root.remove(next(t for t in children(root, "gr_text") if words in t[1]))

    return spoil


BOARD: dict[str, tuple[Spoil, str]] = {
    "a track gone": (track_gone("SENSOR_SCL"), "unconnected"),
    "a track a quarter millimetre aside": (track_moved("DISPLAY_SDA", 0.25), "board"),
    "a pad on another net": (pad_on("U4", "2", "SENSOR_SDA"), "the design SENSOR_SCL"),
    "sensor's supply and LED supply exchanged": (pads_swapped("U4", "9", "11"), "the design +1V8"),
    "guard turned round": (pads_swapped("Q1", "2", "3"), "the design"),
    "battery track thin": (tracks_thin("VBAT", 0.2), "by 0.6 mm all the way"),
    "3.3 V thin to the module": (tracks_thin("+3V3", 0.3), "by 0.5 mm all the way"),
    "LED supply thin": (tracks_thin("VLED", 0.15), "by 0.4 mm all the way"),
    "switch node's neck thin": (tracks_thin("SW", 0.2), "SW: "),
    "sensor's capacitor far away": (part_moved("C8", -25, 5), "C8: "),
    "converter's capacitor far away": (part_moved("C2", -6, 0), "C2: "),
    "a part gone": (part_gone("C10"), "no pad on the board"),
    "another part number": (part_says("U2", "MPN", "TPS61021ADSGR"), "U2 MPN"),
    "vias with a hair for a hole": (vias_drilled(0.1), "hole"),
    "no ground poured": (zones_gone, "Via"),
    "the outline open": (edge_moved, "board"),
    "copper under the antenna": (track_under_antenna, "under the antenna"),
    "switch node beside the sensor": (beside_sensor("SW"), "mm from U4; at least 15"),
    "the display's clock under the sensor": (beside_sensor("DISPLAY_SCL"), "past the sensor"),
    "a test pad at the edge": (part_moved("TP1", 0, -1.2), "TP1: is nearer than"),
    "two test pads too near": (part_moved("TP2", -2.5, 0), "nearer than 4.0 mm to TP"),
    "a test pad beside a part": (part_moved("TP13", 3, 10), "may touch"),
    "the board does not say that it is unreviewed": (text_gone("unreviewed"), "unreviewed"),
}


def spoiled() -> Iterator[tuple[str, str, Iterable[str]]]:
    """(name, words that the complaint must have, what the gates say) of each."""
    original = copper.BOARD.read_text()
    for name, (spoil, words) in BOARD.items():
        with tempfile.TemporaryDirectory() as folder:
            board = Path(folder) / copper.BOARD.name
            sheet = Path(folder) / copper.SHEET.name
            for path in (copper.SHEET, copper.SHEET.with_suffix(".kicad_pro")):
                shutil.copy(path, folder)
            root = parsed(original)
            spoil(root)
            board.write_text(written(root))
            yield name, words, kicad.board_gates(board, sheet, Path(folder) / "work")
