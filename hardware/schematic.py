"""Draws hardware/design.yaml as hardware/board/xueyang.kicad_sch, the way sheet.yaml says.

    python3 -m hardware.schematic            writes it (KiCad's libraries must be installed)
    python3 -m hardware.schematic --check    only looks whether it is fresh

The drawing never decides what is connected: a wire between pins of two nets is refused, and what
KiCad makes of the drawing is compared with the design afterwards (hardware/kicad.py).
"""

import argparse
import copy
import hashlib
import json
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hardware.netlist import (
    DESIGN,
    HERE,
    Netlist,
    Quoted,
    child,
    children,
    designed,
    parsed,
    parts,
    plain,
    written,
)

SHEET = HERE / "sheet.yaml"
RULES = HERE / "rules.yaml"
BOARD = HERE / "board"
SYMBOLS = Path("/usr/share/kicad/symbols")
STEP = 1.27  # mm: the grid of sheet.yaml, and the height of text
SUPPLIES = {"GND": "GND", "+3V3": "+3V3", "+1V8": "+1V8", "VBAT": "+BATT", "VLED": "+5V"}
STUB = 2  # steps from a pin to its label
_NAMES = uuid.UUID("6f1c5b1e-3f5d-4a57-9d54-8f0c2b7d9a10")

Point = tuple[float, float]  # in steps on the sheet
Node = list[Any]


@dataclass(frozen=True)
class Box:
    """Something that takes room, for the check of overlaps; in steps."""

    what: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(frozen=True)
class Pin:
    number: str
    name: str
    at: Point  # its outer end
    out: Point  # the direction away from the body


def symbol(name: str) -> Node:
    """A symbol of KiCad's libraries ("Device:R") with what it inherits, under its full name."""
    library, own = name.split(":")
    root = _library(library)
    found = copy.deepcopy(next(s for s in children(root, "symbol") if s[1] == own))
    base = next(children(found, "extends"), None)
    if base:
        properties = {p[1]: p for p in children(found, "property")}
        found = copy.deepcopy(next(s for s in children(root, "symbol") if s[1] == base[1]))
        found[:] = [
            properties.pop(part[1], part)
            if isinstance(part, list) and part[0] == "property"
            else part
            for part in found
        ] + list(properties.values())
        for unit in children(found, "symbol"):
            unit[1] = Quoted(unit[1].replace(base[1], own))
    found[1] = Quoted(name)
    return found


_libraries: dict[str, Node] = {}


def _library(name: str) -> Node:
    if name not in _libraries:
        path = SYMBOLS / f"{name}.kicad_sym"
        if not path.exists():
            sys.exit(
                f"{path} is missing: install KiCad 9 with its symbols (see hardware/README.md)."
            )
        _libraries[name] = parsed(path.read_text())
    return _libraries[name]


def turned(point: Point, turn: int | str) -> Point:
    """A point of a symbol (steps, y upwards) as it lies on the sheet (y downwards)."""
    x, y = point
    if turn == "x":
        return x, y
    if turn == "y":
        return -x, -y
    for _ in range(int(turn) // 90):
        x, y = -y, x
    return x, -y


def pins_of(graphic: Node, at: Point, turn: int | str) -> Iterator[Pin]:
    """Every pin of a placed symbol, hidden ones too; those that connect nothing are left out."""
    for unit in children(graphic, "symbol"):
        for pin in children(unit, "pin"):
            if pin[1] == "no_connect":
                continue
            x, y, angle = (float(value) for value in child(pin, "at")[1:4])
            inward = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[int(angle)]
            dx, dy = turned((x / STEP, y / STEP), turn)
            ix, iy = turned(inward, turn)
            end = (round(at[0] + dx, 3), round(at[1] + dy, 3))
            yield Pin(child(pin, "number")[1], plain(child(pin, "name")[1]), end, (-ix, -iy))


def body(what: str, graphic: Node, at: Point, turn: int | str) -> Box:
    """The room of a symbol's drawing without its pins."""
    corners: list[Point] = []
    for unit in children(graphic, "symbol"):
        for shape in unit:
            if not isinstance(shape, list):
                continue
            if shape[0] == "rectangle":
                ends = [child(shape, "start"), child(shape, "end")]
            elif shape[0] == "arc":
                ends = [child(shape, name) for name in ("start", "mid", "end")]
            elif shape[0] == "polyline":
                ends = list(children(child(shape, "pts"), "xy"))
            elif shape[0] == "circle":
                x, y = map(float, child(shape, "center")[1:3])
                r = float(child(shape, "radius")[1])
                ends = [["", x - r, y - r], ["", x + r, y + r]]
            else:
                continue
            corners += [turned((float(e[1]) / STEP, float(e[2]) / STEP), turn) for e in ends]
    xs, ys = zip(*corners, strict=True)
    return Box(what, at[0] + min(xs), at[1] + min(ys), at[0] + max(xs), at[1] + max(ys))


def text_width(text: str) -> float:
    """Of KiCad's stroke font, in steps; a little generous."""
    return max(len(line) for line in text.split("\n")) * 0.95


class Drawing:
    """The sheet as it grows: KiCad's items, and the boxes that must not overlap."""

    def __init__(self, netlist: Netlist, book: dict[str, Any], sheet: dict[str, Any]) -> None:
        self.netlist = netlist
        self.book = book
        self.sheet = sheet
        self.items: list[Node] = []
        self.symbols: dict[str, Node] = {}
        self.boxes: list[Box] = []
        self.wires: list[tuple[Point, Point]] = []
        self.pins: dict[str, dict[str, list[Pin]]] = {}  # by reference and name
        self.net_at: dict[Point, str] = {}  # of pins, labels and supplies
        self.flags: list[Point] = []
        self.ids: dict[tuple[str, str], str] = {}  # KiCad's, of every pin by reference and number
        self._powers = 0
        self._blocks_of: dict[str, set[str]] = {}
        self.root = str(uuid.uuid5(_NAMES, "sheet"))

    # What KiCad knows.

    def _id(self, *what: object) -> Node:
        return ["uuid", Quoted(uuid.uuid5(_NAMES, repr((what, len(self.items)))))]

    def _graphic(self, name: str) -> Node:
        if name not in self.symbols:
            self.symbols[name] = symbol(name)
        return self.symbols[name]

    @staticmethod
    def _at(point: Point, angle: float = 0) -> Node:
        return ["at", round(point[0] * STEP, 4), round(point[1] * STEP, 4), angle]

    @staticmethod
    def _effects(
        size: float = STEP, justify: Sequence[str] = (), hide: bool = False, bold: bool = False
    ) -> Node:
        font: Node = ["font", ["size", size, size]]
        if bold:
            font.append(["bold", "yes"])
        effects: Node = ["effects", font]
        if justify:
            effects.append(["justify", *justify])
        if hide:
            effects.append(["hide", "yes"])
        return effects

    def _instance(
        self,
        name: str,
        reference: str,
        at: Point,
        turn: int | str,
        fields: Iterable[tuple[str, str, Point | None]],
        in_bom: bool = True,
    ) -> None:
        """Put a symbol; a field is (name, text, where its middle stands or None for hidden)."""
        angle = turn if isinstance(turn, int) else 0
        placed: Node = ["symbol", ["lib_id", Quoted(name)], self._at(at, angle)]
        if isinstance(turn, str):
            placed.append(["mirror", turn])
        yes, no = "yes", "no"
        placed += [
            ["unit", 1],
            ["exclude_from_sim", no],
            ["in_bom", yes if in_bom else no],
            ["on_board", yes],
            ["dnp", no],
            self._id("symbol", reference),
        ]
        lying = angle % 180 == 90
        for field, text, where in fields:
            placed.append(
                [
                    "property",
                    Quoted(field),
                    Quoted(text),
                    self._at(where or at, 90 if lying and where else 0),
                    self._effects(hide=where is None),
                ]
            )
        for unit in children(self._graphic(name), "symbol"):
            for pin in children(unit, "pin"):
                number = child(pin, "number")[1]
                identity = self._id(reference, number)
                self.ids[reference, number] = identity[1]
                placed.append(["pin", Quoted(number), identity])
        path = ["path", Quoted(f"/{self.root}"), ["reference", Quoted(reference)], ["unit", 1]]
        placed.append(["instances", ["project", Quoted("xueyang"), path]])
        self.items.append(placed)

    def text_box(self, what: str, text: str, middle: Point, size: float = 1.0) -> None:
        lines = text.count("\n") + 1
        half, high = text_width(text) * size / 2, 0.62 * size * lines
        x, y = middle
        self.boxes.append(Box(what, x - half, y - high, x + half, y + high))

    # What a reader sees.

    def component(self, reference: str, at: Point, turn: int | str) -> None:
        part = self.book["board"][self.netlist[reference].part]
        name = part["symbol"]
        graphic = self._graphic(name)
        value = part.get("value", part["mpn"])
        drawn = body(reference, graphic, at, turn)
        pins = list(pins_of(graphic, at, turn))
        sides = {pin.out for pin in pins}
        middle_x, middle_y = (drawn.left + drawn.right) / 2, (drawn.top + drawn.bottom) / 2
        if len(pins) <= 3 and not sides & {(1, 0), (-1, 0)}:  # upright: text to its right
            places = [
                (drawn.right + 0.5 + text_width(text) / 2, middle_y + shift)
                for text, shift in ((reference, -0.8), (value, 0.8))
            ]
            shown_value = value != "pad"
        elif name == "Connector:TestPoint":
            places = [(drawn.right + 0.6 + text_width(reference) / 2, middle_y), at]
            shown_value = False
        elif name.startswith("Transistor_FET"):
            x = drawn.right + 0.6 + text_width(value) / 2
            places = [
                (drawn.right + 0.6 + text_width(reference) / 2, middle_y - 0.8),
                (x, middle_y + 0.8),
            ]
            if turn == 90:  # lying: its gate is below
                places = [(middle_x, drawn.top - 2.6), (middle_x, drawn.top - 1.0)]
            shown_value = True
        elif sides == {(-1, 0)}:  # text to its right
            left = drawn.right + 0.8
            places = [
                (left + text_width(reference) / 2, middle_y - 0.8),
                (left + text_width(value) / 2, middle_y + 0.8),
            ]
            shown_value = True
        elif len(pins) == 2:  # lying: text above
            places = [(middle_x, drawn.top - 2.6), (middle_x, drawn.top - 1.0)]
            shown_value = True
        elif (1, 0) not in sides:  # a box with a free side
            left, top = drawn.right + 1.0, drawn.top + 6.0
            places = [
                (left + text_width(text) / 2, top + shift)
                for text, shift in ((reference, 0.0), (value, 1.8))
            ]
            shown_value = True
        else:  # a box: text above its corner
            left, top = drawn.left, drawn.top - 1.0
            if (0, -1) in sides:
                left, top = drawn.right + 0.5, drawn.bottom + 0.5
                places = [
                    (left + text_width(reference) / 2, top),
                    (left + text_width(value) / 2, top + 1.8),
                ]
            else:
                places = [
                    (left + text_width(reference) / 2, top),
                    (left + text_width(value) / 2 + text_width(reference) + 1.5, top),
                ]
            shown_value = True
        self.boxes.append(drawn)
        self.text_box(f"{reference}'s name", reference, places[0])
        if shown_value:
            self.text_box(f"{reference}'s value", value, places[1])
        self._instance(
            name,
            reference,
            at,
            turn,
            [
                ("Reference", reference, places[0]),
                ("Value", value, places[1] if shown_value else None),
                ("Footprint", part["footprint"], None),
                ("Datasheet", "", None),
                ("Description", part["what"], None),
                ("Part", self.netlist[reference].part, None),
                ("Maker", part["maker"], None),
                ("MPN", part["mpn"], None),
            ],
            in_bom=part["maker"] != "none",
        )
        named: dict[str, list[Pin]] = {}
        nets = self.netlist[reference].nets
        for pin in pins:
            key = pin.name if pin.name in nets else pin.number
            if key not in nets:
                sys.exit(
                    f"{reference}: the design says nothing of its pin {pin.number} ({pin.name})."
                )
            named.setdefault(key, []).append(pin)
            self._claim(pin.at, nets[key], f"{reference}.{key}")
        for key in nets:
            if key not in named:
                sys.exit(f"{reference}: {name} has no pin {key}.")
        self.pins[reference] = named

    def _claim(self, at: Point, net: str, what: str) -> None:
        if self.net_at.setdefault(at, net) != net:
            sys.exit(f"{what} ({net}) stands where {self.net_at[at]} is; move it in sheet.yaml.")

    def wire(self, points: Sequence[Point]) -> None:
        for start, end in zip(points, points[1:], strict=False):
            if start == end:
                continue
            if start[0] != end[0] and start[1] != end[1]:
                sys.exit(f"A wire from {start} to {end} is not straight; give it a corner.")
            self.wires.append((start, end))

    def supply(self, net: str, at: Point, out: Point) -> None:
        """The symbol of a supply at a point; `out` is where there is room for it."""
        self._powers += 1
        name = f"power:{SUPPLIES[net]}"
        graphic = self._graphic(name)
        up = (0, 1) if net == "GND" else (0, -1)
        turn = 0
        for candidate in (0, 90, 180, 270):
            x, y = turned((up[0], -up[1]), candidate)
            if (x, y) == out:
                turn = candidate
        if out == up:
            turn = 0
        width = text_width(net)
        reach = 3.0 if net == "GND" else 3.2
        where = (
            (at[0], at[1] + out[1] * (reach + 0.2))
            if out[0] == 0
            else (at[0] + out[0] * (reach - 0.4 + width / 2), at[1])
        )
        self.boxes.append(body(f"supply {net}", graphic, at, turn))
        self.text_box(f"supply's name {net}", net, where)
        self._claim(at, net, "supply")
        number = f"#PWR{self._powers:03d}"
        self._instance(
            name, number, at, turn, [("Reference", number, None), ("Value", net, where)], False
        )

    def flag(self, at: Point) -> None:
        self._powers += 1
        number = f"#FLG{self._powers:03d}"
        where = (at[0], at[1] - 3.6)
        self.flags.append(at)
        self.boxes.append(body("flag", self._graphic("power:PWR_FLAG"), at, 0))
        self.text_box("flag's name", "PWR_FLAG", where)
        fields = [("Reference", number, None), ("Value", "PWR_FLAG", where)]
        self._instance("power:PWR_FLAG", number, at, 0, fields, False)

    def label(self, net: str, at: Point, side: str | None) -> None:
        """The name of a net: a flag to the right or the left when it goes on in another block."""
        self._claim(at, net, "label")
        width = text_width(net)
        if side or len(self._blocks_of[net]) > 1:
            right = side != "left"
            angle, justify = (0, "left") if right else (180, "right")
            length = width + 1.6
            left = at[0] if right else at[0] - length
            self.boxes.append(Box(f"label {net}", left, at[1] - 0.8, left + length, at[1] + 0.8))
            self.items.append(
                [
                    "global_label",
                    Quoted(net),
                    ["shape", "passive"],
                    self._at(at, angle),
                    self._effects(justify=[justify]),
                    self._id("label", net, at),
                ]
            )
        else:
            self.boxes.append(Box(f"label {net}", at[0], at[1] - 1.5, at[0] + width, at[1] - 0.2))
            self.items.append(
                [
                    "label",
                    Quoted(net),
                    self._at(at, 0),
                    self._effects(justify=["left", "bottom"]),
                    self._id("label", net, at),
                ]
            )

    def block(self, block: dict[str, Any]) -> None:
        x0, y0, width, height = block["box"]

        def there(point: Sequence[float]) -> Point:
            return (x0 + point[0], y0 + point[1])

        def end(point: Any) -> Point:
            if isinstance(point, str):
                reference, _, pin = point.partition(".")
                return self.pins[reference][pin][0].at
            return there(point)

        self._rectangle(x0, y0, width, height)
        self._text(block["title"], (x0 + 1.5, y0 + 2.6), 1.4, True)
        if "note" in block:
            lines = block["note"].count("\n") + 1
            self._text(block["note"], (x0 + 1.5, y0 + height - 1.5 * lines + 0.2), 1.0, False)
        for reference, (x, y, turn) in block["place"].items():
            self.component(reference, there((x, y)), turn)
        ends: set[Point] = set()
        for wire in block.get("wires", ()):
            points = [end(point) for point in wire]
            self.wire(points)
            ends |= set(points)
        for net, x, y, *side in block.get("power", ()):
            out: Point = (0, 1) if net == "GND" else (0, -1)
            if side:
                out = (-1, 0) if side[0] == "left" else (1, 0)
            self.supply(net, there((x, y)), out)
        for x, y in block.get("flags", ()):
            self.flag(there((x, y)))
        for net, x, y, *side in block.get("labels", ()):
            self.label(net, there((x, y)), side[0] if side else None)
        met = [pin.at for r in block["place"] for ps in self.pins[r].values() for pin in ps]
        for reference in block["place"]:
            for key, pins in self.pins[reference].items():
                done: set[Point] = set()
                for pin in pins:
                    if pin.at in ends or pin.at in done:
                        continue
                    others = met.count(pin.at) - sum(p.at == pin.at for p in pins)
                    if others:
                        continue  # it touches a pin of another component
                    done.add(pin.at)
                    self._stub(self.netlist[reference].nets[key], pin)

    def _stub(self, net: str, pin: Pin) -> None:
        """What a pin gets that no wire ends on."""
        (x, y), (dx, dy) = pin.at, pin.out
        if net in SUPPLIES:
            upright = (0, 1) if net == "GND" else (0, -1)
            if pin.out == upright:
                self.supply(net, pin.at, pin.out)
                return
            at = (x + dx, y + dy)
            self.wire([pin.at, at])
            self.supply(net, at, pin.out if dx else upright)
            return
        at = (x + STUB * dx, y + STUB * dy)
        self.wire([pin.at, at])
        self.label(net, at, "left" if dx < 0 else "right")

    def _rectangle(self, x: float, y: float, width: float, height: float) -> None:
        self.items.append(
            [
                "rectangle",
                ["start", round(x * STEP, 4), round(y * STEP, 4)],
                ["end", round((x + width) * STEP, 4), round((y + height) * STEP, 4)],
                ["stroke", ["width", 0.2], ["type", "dash"]],
                ["fill", ["type", "none"]],
                self._id("box", x, y),
            ]
        )

    def _text(self, text: str, at: Point, size: float, bold: bool) -> None:
        lines = text.count("\n") + 1
        width, height = text_width(text) * size, 1.5 * size * lines
        self.boxes.append(
            Box(
                f"text {text!r}",
                at[0],
                at[1] - 0.9 * size,
                at[0] + width,
                at[1] - 0.9 * size + height,
            )
        )
        self.items.append(
            [
                "text",
                Quoted(text),
                ["exclude_from_sim", "no"],
                self._at((at[0], at[1] - 0.9 * size)),
                self._effects(STEP * size, ["left", "top"], bold=bold),
                self._id("text", text),
            ]
        )

    def finish(self) -> str:
        """The whole file. Every wire must join one net only, and have its name."""
        joined = _joined(self.wires, list(self.net_at))
        for points in joined:
            nets = {self.net_at[point] for point in points if point in self.net_at}
            if len(nets) != 1:
                sys.exit(f"A wire at {min(points)} joins {sorted(nets)}; mend sheet.yaml.")
        pins = {p.at for named in self.pins.values() for ps in named.values() for p in ps}
        split, dots = _split(self.wires, [*self.net_at, *self.flags], pins)
        for start, end in split:
            track: Node = [
                "pts",
                *(["xy", round(x * STEP, 4), round(y * STEP, 4)] for x, y in (start, end)),
            ]
            stroke = ["stroke", ["width", 0], ["type", "default"]]
            self.items.append(["wire", track, stroke, self._id("wire", start, end)])
        for x, y in dots:
            self.items.append(
                [
                    "junction",
                    ["at", round(x * STEP, 4), round(y * STEP, 4)],
                    ["diameter", 0],
                    ["color", 0, 0, 0, 0],
                    self._id("dot", x, y),
                ]
            )
        title = [
            "title_block",
            ["title", Quoted(self.sheet["title"])],
            ["rev", Quoted(self.sheet["revision"])],
            ["company", Quoted("the Xueyang contributors, CERN-OHL-P-2.0")],
            ["comment", 1, Quoted("Unreviewed: no engineer has checked it, nothing was built.")],
            ["comment", 2, Quoted(f"Drawn by hardware/schematic.py from {digest()}")],
        ]
        root = [
            "kicad_sch",
            ["version", 20250114],
            ["generator", Quoted("xueyang")],
            ["generator_version", Quoted("9.0")],
            ["uuid", Quoted(self.root)],
            ["paper", Quoted(self.sheet["paper"])],
            title,
            ["lib_symbols", *(self.symbols[name] for name in sorted(self.symbols))],
            *self.items,
            ["sheet_instances", ["path", Quoted("/"), ["page", Quoted("1")]]],
            ["embedded_fonts", "no"],
        ]
        return written(root) + "\n"

    def project(self) -> str:
        """The project file: the rules of the board, and the complaints that are accepted."""
        rules = yaml.safe_load(RULES.read_text())
        accepted = []
        for accept in rules["accepted"]:
            reference, name = accept["pin"].split(".")
            pin = self.pins[reference][name][0]
            x, y = (round(value * STEP * 1e4) for value in pin.at)
            ids = [self.ids[reference, pin.number], self.ids[accept["with"], "1"]]
            key = "|".join([accept["rule"], str(x), str(y), *ids, *[f"/{self.root}"] * 3])
            accepted.append([key, accept["why"]])
        drawn_as = {
            **{"wire_width": 6, "bus_width": 12, "line_style": 0},
            **{f"{where}_color": "rgba(0, 0, 0, 0.000)" for where in ("pcb", "schematic")},
        }
        common = {**drawn_as, **rules["default"]}
        project = {
            "board": {"design_settings": {"rules": rules["board"], "meta": {"version": 2}}},
            "erc": {"erc_exclusions": accepted, "meta": {"version": 0}},
            "meta": {"filename": "xueyang.kicad_pro", "version": 3},
            "net_settings": {
                "classes": [{"name": "Default", "priority": 2147483647, **common}]
                + [
                    {"name": name, "priority": i, **common, **each["sizes"]}
                    for i, (name, each) in enumerate(rules["classes"].items())
                ],
                "meta": {"version": 4},
                "netclass_patterns": [
                    {"netclass": name, "pattern": net}
                    for name, each in rules["classes"].items()
                    for net in each["nets"]
                ],
            },
        }
        return json.dumps(project, indent=2) + "\n"

    def overlaps(self) -> list[str]:
        """Texts over anything else, and wires through texts or symbols; empty when readable."""
        said = []
        for i, one in enumerate(self.boxes):
            for other in self.boxes[i + 1 :]:
                if one.overlaps(other) and not _are_bodies(one, other):
                    said.append(f"{one.what} overlaps {other.what}.")
        for (x1, y1), (x2, y2) in self.wires:
            line = Box("wire", min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
            for box in self.boxes:
                inner = Box(
                    box.what, box.left + 0.15, box.top + 0.15, box.right - 0.15, box.bottom - 0.15
                )
                touches = (
                    line.left <= inner.right
                    and inner.left <= line.right
                    and line.top <= inner.bottom
                    and inner.top <= line.bottom
                )
                if touches and not box.what.startswith(
                    ("supply G", "supply +", "supply V", "flag")
                ):
                    said.append(f"a wire at ({x1}, {y1}) runs through {box.what}.")
        return said


def _are_bodies(one: Box, other: Box) -> bool:
    return one.what.startswith("supply ") and other.what == "flag"


def _on(point: Point, start: Point, end: Point) -> bool:
    (x, y), (x1, y1), (x2, y2) = point, start, end
    return min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2)


def _joined(wires: list[tuple[Point, Point]], points: list[Point]) -> list[set[Point]]:
    """The points that wires join, by groups. Wires that only cross do not join."""
    groups: list[set[Point]] = []
    for start, end in wires:
        touching = {start, end} | {p for p in points if _on(p, start, end)}
        touching |= {p for wire in wires for p in wire if _on(p, start, end)}
        apart = [group for group in groups if not group & touching]
        groups = [*apart, touching.union(*(group for group in groups if group & touching))]
    return groups


def _split(
    wires: list[tuple[Point, Point]], points: list[Point], pins: set[Point]
) -> tuple[list[tuple[Point, Point]], list[Point]]:
    """The wires cut where another ends on them, and the points where three or more ends meet."""
    ends = {p for wire in wires for p in wire}
    pieces: set[tuple[Point, Point]] = set()
    for start, end in wires:
        stops = sorted(p for p in ends | set(points) if _on(p, start, end))
        pieces |= set(zip(stops, stops[1:], strict=False))
    meeting: dict[Point, int] = {}
    for piece in pieces:
        for point in piece:
            meeting[point] = meeting.get(point, 0) + 1
    return sorted(pieces), sorted(p for p, n in meeting.items() if n + (p in pins) >= 3)


def digest() -> str:
    """Of all that the drawing is made from, so that a stale one is noticed without KiCad."""
    drawn_of = {
        key: [part.get(name) for name in ("symbol", "footprint", "what", "maker", "mpn", "value")]
        for key, part in parts()["board"].items()
    }
    rules = yaml.safe_load(RULES.read_text())
    project = [rules[name] for name in ("board", "default", "classes", "accepted")]
    sources = [DESIGN.read_text(), SHEET.read_text(), project]
    return hashlib.sha256(json.dumps([sources, drawn_of]).encode()).hexdigest()[:16]


def drawn(netlist: Netlist | None = None) -> tuple[dict[str, str], list[str]]:
    """The files of the drawing by their names, and where it is hard to read."""
    sheet = yaml.safe_load(SHEET.read_text())
    drawing = Drawing(netlist or designed(), parts(), sheet)
    placed: dict[str, str] = {}
    for block in sheet["blocks"]:
        for reference in block["place"]:
            placed[reference] = block["title"]
    for reference, component in drawing.netlist.items():
        if reference not in placed:
            sys.exit(f"{reference} has no place in sheet.yaml.")
        for net in component.nets.values():
            drawing._blocks_of.setdefault(net, set()).add(placed[reference])
    for block in sheet["blocks"]:
        drawing.block(block)
    files = {"xueyang.kicad_sch": drawing.finish(), "xueyang.kicad_pro": drawing.project()}
    return files, drawing.overlaps()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m hardware.schematic", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args(arguments).check
    files, said = drawn()
    BOARD.mkdir(exist_ok=True)
    for name, text in files.items():
        path = BOARD / name
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            said.append(f"{name} is older than the design: run `python3 -m hardware.schematic`.")
    for sentence in said:
        print(sentence, file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
