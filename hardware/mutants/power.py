"""Spoiled power figures and circuits: for the checks on paper and for ngspice."""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import yaml

from hardware import power, rails
from hardware.netlist import Netlist, designed, parts

Spoil = Callable[[dict[str, Any], Netlist], Any]


def figure(path: str, value: Any, key: str = "typ") -> Spoil:
    def spoil(book: dict[str, Any], netlist: Netlist) -> None:
        node = book
        for name in path.split("."):
            node = node[name]
        node[key] = value

    return spoil


def another(reference: str, part: str) -> Spoil:
    def spoil(book: dict[str, Any], netlist: Netlist) -> None:
        netlist[reference] = replace(netlist[reference], part=part)

    return spoil


def rewired(reference: str, pin: str, net: str) -> Spoil:
    def spoil(book: dict[str, Any], netlist: Netlist) -> None:
        nets = {**netlist[reference].nets, pin: net}
        netlist[reference] = replace(netlist[reference], nets=nets)

    return spoil


POWER: dict[str, tuple[Spoil, str]] = {
    "a figure without source": (figure("sensor.supply_on_ma", "", "source"), "name its source"),
    "a figure of unknown standing": (figure("display.sleep_ua", "maybe", "read"), "`read` is"),
    "a worst better than the usual": (figure("sensor.supply_on_ma", 0.1, "max"), "its worst"),
    "an efficiency over one": (figure("boost.efficiency", {1: 1.1, 100: 1.1, 200: 1.1}), "0.3"),
    "the switch's resistors small again": (another("R4", "r100k"), "from_3v3_ua"),
    "the battery's divider small": (another("R16", "r10k"), "from_cells_ua"),
    "the converter's divider small": (another("R2", "r4k7"), "from_3v3_ua"),
    "another output voltage": (figure("boost.output_v", 3.6), "boost.output_v"),
    "another cut-off": (lambda book, _: book["cells"].update(cutoff_mv=2000), "cells.cutoff_mv"),
    "a fuse too small": (figure("protection.fuse_hold_hot_a", 0.3), "the fuse opens"),
    "cells too weak for the fuse": (figure("protection.cells_new_ohm", 2.0), "too little"),
    "a guard of 6 V": (figure("protection.guard_volts", 6), "turned cells"),
    "a wide switch that is none": (figure("transient.switch_ohm", 2.0, "max"), "VLED falls"),
    "LEDs of half an ampere": (figure("sensor.led_full_scale_ma", 510), "VLED falls"),
    "converter set too low": (another("R2", "r470k"), "the transient never gave led_up"),
    "cells of four ohms": (figure("cells.internal_ohm", 4.0, "max"), "the cells fall"),
    "LEDs switched on by the 3.3 V": (rewired("Q2", "G", "GND"), "VLED comes before"),
    "LEDs never switched on": (rewired("Q3", "G", "GND"), "the transient never gave"),
    "the switch slow as an hour": (another("C6", "c22u"), "the transient never gave led_on"),
}


def spoiled() -> Iterator[tuple[str, str, Iterable[str]]]:
    """(name, words that the complaint must have, what the gates say) of each."""
    rules = yaml.safe_load(rails.RAILS.read_text())
    for name, (spoil, words) in POWER.items():
        book, netlist = copy.deepcopy(power.figures()), designed()
        spoil(book, netlist)
        yield name, words, power.gates(book, netlist, parts(), rules)[0]
