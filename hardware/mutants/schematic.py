"""Spoiled schematics: KiCad's rule check alone would pass several of them."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from hardware import kicad
from hardware.netlist import Quoted, child, children, parsed, written
from hardware.schematic import BOARD, STEP

Node = list[Any]


def _field(symbol: Node, name: str) -> Node:
    return next(f for f in children(symbol, "property") if f[1] == name)


def _symbols(root: Node, name: str, text: str) -> list[Node]:
    return [s for s in children(root, "symbol") if _field(s, name)[2] == text]


def _part(root: Node, reference: str) -> Node:
    return _symbols(root, "Reference", reference)[0]


def _labels(root: Node, net: str) -> list[Node]:
    return [
        item
        for item in root
        if isinstance(item, list) and item[0] in ("label", "global_label") and item[1] == net
    ]


def _at(item: Node) -> tuple[float, float]:
    return float(child(item, "at")[1]), float(child(item, "at")[2])


def renamed(net: str, to: str, near: str) -> Callable[[Node], None]:
    """The label of `net` that stands nearest to a component says something else."""

    def spoil(root: Node) -> None:
        x, y = _at(_part(root, near))
        label = min(
            _labels(root, net), key=lambda item: abs(_at(item)[0] - x) + abs(_at(item)[1] - y)
        )
        label[1] = Quoted(to)

    return spoil


def swapped_labels(one: str, other: str, near: str) -> Callable[[Node], None]:
    def spoil(root: Node) -> None:
        renamed(one, "SPARE", near)(root)
        renamed(other, one, near)(root)
        renamed("SPARE", other, near)(root)

    return spoil


def other_supply(net: str, to: str, near: str) -> Callable[[Node], None]:
    def spoil(root: Node) -> None:
        x, y = _at(_part(root, near))
        symbol = min(
            _symbols(root, "Value", net),
            key=lambda item: abs(_at(item)[0] - x) + abs(_at(item)[1] - y),
        )
        _field(symbol, "Value")[2] = Quoted(to)

    return spoil


def without(reference: str) -> Callable[[Node], None]:
    return lambda root: root.remove(_part(root, reference))


def turned(reference: str) -> Callable[[Node], None]:
    def spoil(root: Node) -> None:
        at = child(_part(root, reference), "at")
        at[3] = str((int(at[3]) + 180) % 360)

    return spoil


def moved(reference: str) -> Callable[[Node], None]:
    def spoil(root: Node) -> None:
        at = child(_part(root, reference), "at")
        at[1] = f"{float(at[1]) + STEP:g}"

    return spoil


def says(reference: str, field: str, text: str) -> Callable[[Node], None]:
    def spoil(root: Node) -> None:
        _field(_part(root, reference), field)[2] = Quoted(text)

    return spoil


def without_wire_at(reference: str) -> Callable[[Node], None]:
    """The wire that ends nearest to a component is gone."""

    def spoil(root: Node) -> None:
        x, y = _at(_part(root, reference))

        def far(wire: Node) -> float:
            ends = [(float(p[1]), float(p[2])) for p in children(child(wire, "pts"), "xy")]
            return min(abs(a - x) + abs(b - y) for a, b in ends)

        root.remove(min(children(root, "wire"), key=far))

    return spoil


def bridged(one: str, other: str) -> Callable[[Node], None]:
    """A wire from one label to another."""

    def spoil(root: Node) -> None:
        ends = [["xy", *map(str, _at(_labels(root, net)[0]))] for net in (one, other)]
        root.append(
            ["wire", ["pts", *ends], ["stroke", ["width", "0"], ["type", "default"]]]
            + [["uuid", Quoted("00000000-0000-4000-8000-000000000001")]]
        )

    return spoil


SCHEMATIC: dict[str, Callable[[Node], None]] = {
    "sensor's two lines swapped": swapped_labels("SENSOR_SCL", "SENSOR_SDA", "U4"),
    "sensor's two lines swapped at the chip": swapped_labels("SENSOR_SCL", "SENSOR_SDA", "U1"),
    "display's two lines swapped": swapped_labels("DISPLAY_SCL", "DISPLAY_SDA", "U1"),
    "display on the sensor's clock": renamed("DISPLAY_SCL", "SENSOR_SCL", "DS1"),
    "sensor on 3.3 V": other_supply("+1V8", "+3V3", "C7"),
    "LEDs straight on 3.3 V": other_supply("VLED", "+3V3", "C10"),
    "a letter wrong in a label": renamed("BUTTON", "BUTTOM", "SW1"),
    "two lines bridged": bridged("BUTTON", "BUZZER"),
    "guard turned round": turned("Q1"),
    "a pull-up gone": without("R5"),
    "a capacitor a step aside": moved("C9"),
    "a wire gone at the boost": without_wire_at("U2"),
    "a supply's flag gone": without("#FLG004"),
    "another resistor in the boost's divider": says("R2", "Value", "390k"),
    "another part under the same name": says("R2", "Part", "r390k"),
    "another footprint": says("U3", "Footprint", "Package_TO_SOT_SMD:SOT-89-3"),
    "no part number": says("F1", "MPN", ""),
    "the strap's pull-up to ground": other_supply("+3V3", "GND", "R9"),
}


def spoiled() -> Iterator[tuple[str, str, Iterable[str]]]:
    """(name, words that the complaint must have, what the gates say) of each."""
    original = (BOARD / "xueyang.kicad_sch").read_text()
    for name, spoil in SCHEMATIC.items():
        with tempfile.TemporaryDirectory() as folder:
            sheet = Path(folder) / "xueyang.kicad_sch"
            shutil.copy(BOARD / "xueyang.kicad_pro", folder)
            root = parsed(original)
            spoil(root)
            sheet.write_text(written(root))
            yield name, "", kicad.schematic_gates(sheet, Path(folder) / "work")
