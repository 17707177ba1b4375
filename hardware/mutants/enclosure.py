"""Spoiled clips: measures changed as a slip would change them."""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from hardware import copper
from hardware.enclosure import checks, model

Spoil = Callable[[dict[str, Any]], Any]


def measure(path: str, value: Any) -> Spoil:
    def spoil(sizes: dict[str, Any]) -> None:
        *folders, name = path.split(".")
        node = sizes
        for folder in folders:
            node = node[folder]
        node[name] = value

    return spoil


def void(shapes: dict[str, Any]) -> None:
    """A hollow that nothing reaches, as a forgotten cut leaves it."""
    shapes["battery-half"] = shapes["battery-half"].cut(model.box(74, 0, -18, 5, 5, 5))


def split(shapes: dict[str, Any]) -> None:
    shapes["lid"] = shapes["lid"].cut(model.box(50, 0, -50, 2, 100, 100))


def button_sunk(shapes: dict[str, Any]) -> None:
    shapes["button"] = shapes["button"].translate((0, 0, -2))


def door_shifted(shapes: dict[str, Any]) -> None:
    shapes["battery-door"] = shapes["battery-door"].translate((2, 0, 0))


MEASURES: dict[str, tuple[Spoil, str]] = {
    "a floor like paper": (measure("sensor_half.floor", 0.3), "walls of"),
    "shut too tightly for large fingers": (measure("widest_deg", 15), "does not go in"),
    "skirts too narrow": (measure("sensor_half.skirt.inner", 22), "a finger of 25 mm meets"),
    "skirts too short": (measure("sensor_half.skirt.deep", 2), "light comes in"),
    "the stop before the finger's end": (measure("trough.to", 40), "meets the sensor-half"),
    "no room above the board": (measure("sensor_half.parts_above", 2.5), "U1 cuts"),
    "no room for the sensor's side": (measure("sensor_half.parts_below", 0.9), "cuts sensor-half"),
    "a window too small": (measure("sensor_half.window.sensor", [3.0, 4.0]), "through its window"),
    "a display window too small": (measure("sensor_half.window.display", [9, 20]), "the display"),
    "the board a step aside": (measure("sensor_half.board_at", 5.3), "meets the sensor-half"),
    "cells too long": (measure("battery_half.cells.length", 44), "a cell and its contacts"),
    "a spring like a clamp": (measure("spring.torque_shut_nmm", 90), "the spring presses"),
    "the battery half too wide": (measure("battery_half.width", 30), "cuts sensor-half"),
}
SHAPES: dict[str, tuple[Spoil, str]] = {
    "a sealed void": (void, "bodies"),
    "a lid in two": (split, "bodies"),
    "the button sunk": (button_sunk, "found by touch"),
    "the door out of its place": (door_shifted, "battery-door"),
}


def spoiled() -> Iterator[tuple[str, str, Iterable[str]]]:
    """(name, words that the complaint must have, what the gates say) of each."""
    board, limits = copper.read(copper.BOARD.read_text()), checks.gauges()
    for name, (spoil, words) in MEASURES.items():
        sizes = copy.deepcopy(model.measures())
        spoil(sizes)
        yield name, words, checks.complaints(model.built(sizes, board), sizes, board, limits)
    for name, (spoil, words) in SHAPES.items():
        sizes = model.measures()
        shapes = model.built(sizes, board)
        spoil(shapes)
        yield name, words, checks.complaints(shapes, sizes, board, limits)
    # A change of the board that the clip must follow, or say so.
    sizes = model.measures()
    shapes = model.built(sizes, board)
    moved = replace(
        board,
        pads=[
            replace(p, at=(p.at[0] - 6, p.at[1])) if p.reference in ("U4", "SW1") else p
            for p in board.pads
        ],
    )
    said = checks.complaints(shapes, sizes, moved, limits)
    yield "sensor and button moved on the board", "through its window", said
