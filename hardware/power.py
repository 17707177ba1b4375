"""The power figures against the circuit, and what ngspice makes of the LEDs' supply.

    python -m hardware.power            all of it; the transient only where ngspice is installed

`figures_check` and `circuit_check` need nothing else and run in `make test`. The transient is an
averaged model: the converter is a source with the resistance and inductance of its loop, without
ripple.
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
MEASURED = ("vled_min", "v33_min", "vbat_min", "sensor_on", "led_on", "led_up")
CLOSED_OHM = 0.05  # a transistor that is on


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


def drawn_at_rest(
    netlist: Netlist, volts: Mapping[str, float], parts_book: Mapping[str, Any]
) -> dict[str, float]:
    """Amperes that resistors draw from each supply (V by net) while every pin of a chip is open;
    an N-channel transistor whose gate is on a supply is on."""
    links = []
    for component in netlist.values():
        part = parts_book["board"][component.part]
        nets = component.nets
        if part.get("symbol") == "Device:R":
            links.append((nets["1"], nets["2"], quantity(part["value"])))
        if component.part == "n_fet" and volts.get(nets["G"], 0.0) > 1.5:
            links.append((nets["D"], nets["S"], CLOSED_OHM))
    fixed = {GROUND: 0.0, **volts}
    free = sorted({net for a, b, _ in links for net in (a, b)} - set(fixed))
    index = {net: i for i, net in enumerate(free)}
    conductance = np.eye(len(free)) * 1e-15  # a net on one resistor only floats along
    current = np.zeros(len(free))
    for a, b, ohm in links:
        for here, there in ((a, b), (b, a)):
            if here in index:
                conductance[index[here], index[here]] += 1 / ohm
                if there in index:
                    conductance[index[here], index[there]] -= 1 / ohm
                else:
                    current[index[here]] += fixed[there] / ohm
    solved = np.linalg.solve(conductance, current)
    level = {**fixed, **{net: float(solved[i]) for net, i in index.items()}}
    drawn = dict.fromkeys(volts, 0.0)
    for a, b, ohm in links:
        for here, there in ((a, b), (b, a)):
            if here in drawn:
                drawn[here] += (level[here] - level[there]) / ohm
    return drawn


def circuit_check(
    book: Mapping[str, Any],
    netlist: Netlist,
    parts_book: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> Iterator[str]:
    """Where the power figures and the circuit disagree."""
    output = typical(book["boost"]["output_v"])
    found = rails.supplies(Circuit(netlist, parts_book), rules)
    low, high = found.get("+3V3", (0.0, 0.0))
    if not low <= output <= high:
        yield f"boost.output_v: {output} V, but the divider gives {low:.2f} to {high:.2f} V."
    if rules["cells"]["volts"][0] * 1000 != book["cells"]["cutoff_mv"]:
        yield "cells.cutoff_mv: is not the lowest voltage of the cells in rails.yaml."

    mean = typical(book["cells"]["volts_mean"])
    drawn = drawn_at_rest(netlist, {"+3V3": output, "+1V8": 1.8, "VBAT": mean}, parts_book)
    stated = book["resistors"]
    for key, net in (("from_3v3_ua", "+3V3"), ("from_cells_ua", "VBAT")):
        micro = 1e6 * drawn[net]
        if abs(micro - typical(stated[key])) > 0.03 * micro + 0.05:
            yield f"resistors.{key}: {typical(stated[key])} uA, but the design's draw {micro:.2f}."
    down = [
        ohm
        for _, ohm, other in Circuit(netlist, parts_book).resistors("DISPLAY_RESET")
        if other == GROUND
    ]
    milli = sum(1e3 * output / ohm for ohm in down)
    if abs(milli - typical(stated["display_reset_high_ma"])) > 0.02:
        yield f"resistors.display_reset_high_ma: the design's draw {milli:.2f} mA."


def asleep_ua(book: Mapping[str, Any]) -> float:
    """From the cells, in deep sleep with all else shut down, in microampere."""
    at_3v3 = (
        typical(book["microcontroller"]["deep_sleep_ua"])
        + typical(book["sensor"]["supply_shutdown_ua"])
        + typical(book["regulator_1v8"]["quiescent_ua"])
        + typical(book["display"]["sleep_ua"])
        + typical(book["resistors"]["from_3v3_ua"])
    )
    curve = typical(book["boost"]["efficiency"])
    share = float(np.interp(np.log10(at_3v3 / 1000), np.log10(list(curve)), list(curve.values())))
    volts = typical(book["boost"]["output_v"]) / typical(book["cells"]["volts_mean"])
    return at_3v3 * volts / share + typical(book["resistors"]["from_cells_ua"])


def faults_check(book: Mapping[str, Any]) -> Iterator[str]:
    """On paper: the fuse carries the device and opens at a short; the guard bears turned cells."""
    guard = book["protection"]
    cells = book["cells"]
    peak = (
        _base_ma(book)
        + typical(book["transient"]["ble_peak_ma"])
        + typical(book["sensor"]["led_full_scale_ma"])
        + worst(book["sensor"]["supply_on_ma"])
        + typical(book["sounder"]["on_ma"])
    )
    share = typical(book["boost"]["efficiency"])[200]
    ampere = (
        peak
        / 1000
        * typical(book["boost"]["output_v"])
        / share
        / (typical(guard["cells_empty_v"]) - 0.4 * worst(book["path_ohm"]))
    )
    if ampere > typical(guard["fuse_hold_hot_a"]):
        yield f"the fuse opens at {ampere:.2f} A, which the device may draw at the cut-off."
    if ampere > 0.4 + 0.05:
        yield f"rails.yaml reckons the drops at 0.4 A; the device may draw {ampere:.2f} A."
    least = typical(cells["volts_new"]) / (
        typical(guard["cells_new_ohm"]) + worst(book["path_ohm"])
    )
    if least < 2 * typical(guard["fuse_trip_a"]):
        yield f"a short draws {least:.1f} A, too little to open the fuse for certain."
    most = worst(cells["volts_new"]) / typical(guard["cells_new_ohm"])
    if most > typical(guard["fuse_interrupts_a"]):
        yield f"a short may draw {most:.1f} A, more than the fuse interrupts."
    if worst(cells["volts_new"]) > typical(guard["guard_volts"]) / 2:
        yield "turned cells come too near to what the guard bears."


# The transient.


def _capacitance(netlist: Netlist, parts_book: Mapping[str, Any], net: str) -> float:
    at = Circuit(netlist, parts_book).two_terminal("Device:C", net)
    return sum(farad for _, farad, other in at if other == GROUND)


def _node(net: str) -> str:
    """A net's name in ngspice."""
    known = {"+3V3": "v33", "+1V8": "v18", GROUND: "0", "VLED": "vledq"}
    return known.get(net, f"n_{net.lower()}")


def _switch(netlist: Netlist, parts_book: Mapping[str, Any]) -> str:
    """The LEDs' switch with all that drives its gate, as ngspice has it."""
    switch = next(c for c in netlist.values() if c.part == "p_fet" and c.nets["D"] == "VLED")
    gate = switch.nets["G"]
    circuit = Circuit(netlist, parts_book)
    near = {gate, *(other for _, _, other in circuit.resistors(gate))} - {"+3V3", "+1V8", GROUND}
    lines = [f"MQ vledq {_node(gate)} {_node(switch.nets['S'])} v33 pfet"]
    for reference, component in sorted(netlist.items()):
        part = parts_book["board"][component.part]
        nets = component.nets
        kind = {"Device:R": "R", "Device:C": "C"}.get(part.get("symbol", ""))
        if kind and near & {nets["1"], nets["2"]}:
            ends = f"{_node(nets['1'])} {_node(nets['2'])}"
            lines.append(f"{kind}{reference} {ends} {quantity(part['value']):g}")
        if component.part == "n_fet" and nets["D"] in near:
            drain, gate_, source = (_node(nets[pin]) for pin in "DGS")
            lines.append(f"M{reference} {drain} {gate_} {source} {source} nfet")
    return "\n".join(lines)


def _base_ma(book: Mapping[str, Any]) -> float:
    """Drawn all the time by a device at work: chip and a display with every pixel lit."""
    display = book["display"]
    return (
        typical(book["microcontroller"]["run_160mhz_ma"])
        + typical(display["on_dark_ma"])
        + typical(display["all_lit_ma"])
    )


def deck(
    book: Mapping[str, Any],
    netlist: Netlist,
    parts_book: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> str:
    """The netlist for ngspice: start from nothing, then the LEDs' pulses at full current, and a
    burst of the radio upon one of them, on cells at the cut-off."""
    step, sensor = book["transient"], book["sensor"]
    left = typical(step["capacitor_left_share"])
    low = rails.supplies(Circuit(netlist, parts_book), rules).get("+3V3", (0.0, 0.0))[0]
    led = typical(sensor["led_full_scale_ma"]) / 1000
    pulse = typical(sensor["led_pulse_us"]) * 1e-6
    period = 1 / typical(sensor["sample_rate_hz"])
    burst = typical(step["ble_burst_us"]) * 1e-6
    base = _base_ma(book) / 1000
    source_ohm = worst(book["cells"]["internal_ohm"]) + worst(book["path_ohm"])
    share = typical(book["boost"]["efficiency"])[100]
    radio = typical(step["ble_peak_ma"]) / 1000
    begin = 0.2  # s: all is up
    ohm = worst(step["switch_ohm"])
    # A level 1 transistor whose resistance at a gate of 2.5 V is the sheet's worst.
    factor = 1 / (ohm * (2.5 - 1.3))
    return f"""* The LEDs' supply at the cut-off: made by hardware/power.py from the design.
.model pfet pmos(level=1 vto=-1.3 kp={factor:g} lambda=0)
.model nfet nmos(level=1 vto=1.0 kp=5 lambda=0)
Vcell cell 0 {typical(step["cells_open_v"]):g}
* The converter holds its output at the low end of its divider's range.
Vboost boost 0 pwl(0 0 1m 0 3m {low:.4f})
Rboost boost b1 {typical(step["boost_output_ohm"]):g}
Lboost b1 v33 {typical(step["boost_output_uh"]):g}u
C33 v33 0 {left * _capacitance(netlist, parts_book, "+3V3"):g}
* Drawn from the cells, to see how far they fall.
Rpath cell vbat {source_ohm:g}
Bcells vbat 0 i=max(0, i(Vsense)+i(Vled))*{low:.4f}/({share:g}*max(v(vbat),1.2))
Vsense v33 load 0
* 1.8 V follows 3.3 V.
B18 v18s 0 v=min(1.8, max(0, v(v33)-0.3))
R18 v18s v18 1
C18 v18 0 {left * _capacitance(netlist, parts_book, "+1V8"):g}
{_switch(netlist, parts_book)}
Vled vledq vledt 0
Rtracks vledt vled {typical(step["tracks_ohm"]):g}
Cled vled 0 {max(1e-9, left * _capacitance(netlist, parts_book, "VLED")):g}
Ibase load 0 pwl(0 0 5m 0 6m {base:g})
Ired vled 0 pulse(0 {led:g} {begin:g} 2u 2u {pulse:g} {period:g})
Iir vled 0 pulse(0 {led:g} {begin + 1.107e-3:g} 2u 2u {pulse:g} {period:g})
Iradio load 0 pulse(0 {radio:g} {begin + 0.0201:g} 20u 20u {burst:g} 0.1)
.tran 5u {begin + 0.06:g} 0 20u
.meas tran vled_min min v(vled) from={begin - 0.01:g} to={begin + 0.06:g}
.meas tran v33_min min v(v33) from={begin - 0.01:g} to={begin + 0.06:g}
.meas tran vbat_min min v(vbat) from={begin - 0.01:g} to={begin + 0.06:g}
.meas tran sensor_on when v(v18)={typical(step["sensor_on_v"]):g} rise=1
.meas tran led_on when v(vled)=0.5 rise=1
.meas tran led_up when v(vled)={typical(step["led_least_v"]):g} rise=1
.end
"""


def simulated(text: str, keep: Path | None = None) -> dict[str, float]:
    """What ngspice measures; a measure that it could not take is missing."""
    with tempfile.TemporaryDirectory() as folder:
        path = (keep or Path(folder)) / "led-supply.cir"
        path.write_text(text)
        run = subprocess.run(
            ["ngspice", "-b", str(path)], capture_output=True, text=True, timeout=120
        )
    return {
        name: float(value)
        for name, value in re.findall(r"^(\w+)\s+=\s+([-+.\de]+)", run.stdout, re.M)
        if name in MEASURED
    }


def transient_check(
    book: Mapping[str, Any],
    netlist: Netlist,
    parts_book: Mapping[str, Any],
    rules: Mapping[str, Any],
    keep: Path | None = None,
) -> tuple[list[str], dict[str, float]]:
    """What is wrong with the LEDs' supply, and what was measured."""
    found = simulated(deck(book, netlist, parts_book, rules), keep)
    said = []
    missing = [name for name in MEASURED if name not in found]
    if missing:
        return [f"the transient never gave {', '.join(missing)}."], found
    least = typical(book["transient"]["led_least_v"])
    if found["vled_min"] < least:
        said.append(f"VLED falls to {found['vled_min']:.3f} V at the cut-off; least {least}.")
    if found["led_on"] < found["sensor_on"]:
        said.append("VLED comes before the sensor's 1.8 V.")
    if found["led_up"] > 0.1:
        said.append(f"VLED is up only after {1000 * found['led_up']:.0f} ms.")
    lowest = typical(book["transient"]["cells_least_v"])
    if found["vbat_min"] < lowest:
        said.append(f"the cells fall to {found['vbat_min']:.2f} V; the converter wants {lowest}.")
    return said, found


def gates(
    book: Mapping[str, Any],
    netlist: Netlist,
    parts_book: Mapping[str, Any],
    rules: Mapping[str, Any],
    keep: Path | None = None,
) -> tuple[list[str], dict[str, float]]:
    """Every rule of this module, and what ngspice measured."""
    said, found = transient_check(book, netlist, parts_book, rules, keep)
    paper = [
        *figures_check(book),
        *circuit_check(book, netlist, parts_book, rules),
        *faults_check(book),
    ]
    return paper + said, found


def main() -> int:
    """The command; returns its exit code."""
    if not shutil.which("ngspice"):
        print(
            "ngspice is missing: `python -m hardware.tools` says how to get it.", file=sys.stderr
        )
        return 1
    book = figures()
    said, found = gates(book, designed(), parts(), yaml.safe_load(rails.RAILS.read_text()))
    print(f"asleep     {asleep_ua(book):7.1f} uA from the cells")
    for name, value in found.items():
        print(f"{name:10} {value:7.4f} {'V' if name.endswith('min') else 's'}")
    for sentence in said:
        print(sentence, file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
