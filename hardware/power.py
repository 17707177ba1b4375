"""The power figures against the circuit, and what ngspice makes of the LEDs' supply.

    python -m hardware.power            all of it; the transient only where ngspice is installed

`figures_check` and `circuit_check` need nothing else and run in `make test`. The transient is an
averaged model: the converter as a source with the resistance and inductance of its loop, no ripple.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hardware import rails
from hardware.netlist import HERE, Netlist, designed, parts
from hardware.rails import GROUND, Circuit, quantity

POWER = HERE / "power.yaml"
CLOSED_OHM = 0.05  # a transistor that is on
SUPPLIES = ("+3V3", "VBAT", "+1V8")


def figures() -> dict[str, Any]:
    """hardware/power.yaml."""
    return yaml.safe_load(POWER.read_text())


def typical(figure: Mapping[str, Any]) -> Any:
    return figure["typ"]


def worst(figure: Mapping[str, Any]) -> float:
    return figure.get("max", figure["typ"])


def figures_check(book: Mapping[str, Any]) -> Iterator[str]:
    """Every figure with its source, and how far that was read."""

    def each(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for key, value in node.items():
            at = f"{path}.{key}".lstrip(".")
            if isinstance(value, Mapping) and ({"typ", "source", "read", "max"} & set(value)):
                yield at, value
            elif isinstance(value, Mapping):
                yield from each(value, at)

    for at, figure in each(book, ""):
        if "typ" not in figure:
            yield f"{at}: has no `typ`."
            continue
        if not figure.get("source"):
            yield f"{at}: name its source."
        own = "design.yaml" in str(figure.get("source")) or figure.get("source") == "firmware"
        if "read" not in figure and not own and not re.search(r"18 bit|above", figure["source"]):
            yield f"{at}: say whether its source was read (true, false or estimate)."
        if figure.get("read", False) not in (True, False, "estimate"):
            yield f"{at}: `read` is true, false or estimate."
        values = figure["typ"].values() if isinstance(figure["typ"], Mapping) else [figure["typ"]]
        if any(value < 0 for value in values):
            yield f"{at}: is negative."
        if "max" in figure and figure["max"] < max(values):
            yield f"{at}: its worst is better than its usual."
    efficiency = list(book["boost"]["efficiency"]["typ"].values())
    if not all(0.3 <= value < 1.0 for value in efficiency):
        yield "boost.efficiency: must lie between 0.3 and 1."
    capacity = list(book["cells"]["capacity_mah"]["typ"].values())
    if any(less < more for less, more in zip(capacity, capacity[1:], strict=False)):
        yield "cells.capacity_mah: rises with the current; look again."


def drawn_at_rest(netlist: Netlist, volts: Mapping[str, float]) -> dict[str, float]:
    """Amperes that resistors draw from each supply (V by net) when every pin of a chip is open;
    transistors whose gate is on a supply are on."""
    circuit = Circuit(netlist, parts())
    links = []
    for reference, component in netlist.items():
        part = parts_of(component.part)
        if part.get("symbol") == "Device:R":
            links.append((component.nets["1"], component.nets["2"], quantity(part["value"])))
        if component.part == "n_fet" and volts.get(component.nets["G"], 0.0) > 1.5:
            links.append((component.nets["D"], component.nets["S"], CLOSED_OHM))
        del reference
    del circuit
    fixed = {GROUND: 0.0, **volts}
    free = sorted({net for a, b, _ in links for net in (a, b)} - set(fixed))
    index = {net: i for i, net in enumerate(free)}
    matrix = np.eye(len(free)) * 1e-15  # a net on one resistor only floats along
    right = np.zeros(len(free))
    for a, b, ohm in links:
        for here, there in ((a, b), (b, a)):
            if here in index:
                matrix[index[here], index[here]] += 1 / ohm
                if there in index:
                    matrix[index[here], index[there]] -= 1 / ohm
                else:
                    right[index[here]] += fixed[there] / ohm
    solved = np.linalg.solve(matrix, right) if free else right
    level = {**fixed, **{net: float(solved[i]) for net, i in index.items()}}
    drawn = dict.fromkeys(volts, 0.0)
    for a, b, ohm in links:
        for here, there in ((a, b), (b, a)):
            if here in drawn:
                drawn[here] += (level[here] - level[there]) / ohm
    return drawn


_book: dict[str, Any] = {}


def parts_of(key: str) -> dict[str, Any]:
    """A part of parts.yaml, read once."""
    if not _book:
        _book.update(parts()["board"])
    return _book[key]
