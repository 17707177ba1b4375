"""What the cells give, modelled: mean currents by mode, hours, and how many measurements.

    python -m sim.power

Nothing here was measured on a unit. What each part draws is read from hardware/power.yaml; how
much there is to do is measured on the simulated device: the interpreter's steps, the bytes on the
buses, the currents of the lights, the lit pixels. A step is a bytecode of CPython, of which the
device's MicroPython needs about as many; what one costs on the ESP32-C3 is an estimate, and by far
the weakest figure, so the table says what another one would change.
"""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from sim.door import FIRMWARE, App, field, oled, terms

FIGURES = Path(__file__).resolve().parent.parent / "hardware" / "power.yaml"

CHECK_S = 40.0  # from the finger to the settled reading, with some seconds to read it
HELD_S = 60.0  # how long the result stays after the finger has left
CHECKS_AIMED = 2000
CHECKS_A_DAY = 4.0
STEP_S = 0.040  # the app is stepped so often
CYCLES_A_BYTECODE = 90  # the estimate of sim/vm/load.py, which says where it is from
CYCLES_LOW = 60
_HZ = 160e6
_BUS_HZ = 400e3
_SECONDS = 6


@dataclass(frozen=True)
class Work:
    """What the simulated device has to do while it measures, each second of it."""

    bytecodes: float
    sensor_bytes: float  # by a bus in software: the CPU is busy meanwhile
    display_bytes: float
    led_ua: float  # red and infrared together, while a pulse lasts
    lit_share: float  # of the display's pixels
    contrast: int


@dataclass(frozen=True)
class Measured:
    """What was seen of the device: its work while it measures and while it holds a result, the
    display's brightness when dimmed, and for how much of both times it is."""

    measuring: Work
    held: Work
    dimmed: int
    check_dimmed_s: float
    held_dimmed_s: float


@dataclass(frozen=True)
class Mode:
    """`rail_ma` is the mean at 3.3 V, `cells_ma` what the two cells in series give for it."""

    name: str
    rail_ma: float
    cells_ma: float
    hours: float
    note: str = ""


def figures() -> dict[str, Any]:
    """hardware/power.yaml."""
    import yaml

    told: dict[str, Any] = yaml.safe_load(FIGURES.read_text(encoding="utf-8"))
    return told


def _typ(book: Mapping[str, Any], path: str) -> float:
    node: Any = book
    for key in path.split("."):
        node = node[key]
    return float(node["typ"])


class _Finger:
    """A still finger, as a light: 72 beats a minute, 1 % of infrared, a ratio of 0.55."""

    fixed = False
    channels = 3

    def __init__(self) -> None:
        self.present = True
        self._next_us = 0

    def until(self, now_us: int, chip: Any) -> Any:
        while self._next_us <= now_us:
            wave = 0.005 * math.sin(2 * math.pi * 1.2 * self._next_us / 1e6)
            scale = 4096 / chip.range_na / 7000 * (1.0 if self.present else 0.02)
            yield (
                min(262143, round(100_000 * scale * chip.led_red_ua * (1 - 0.55 * wave))),
                min(262143, round(120_000 * scale * chip.led_ir_ua * (1 - wave))),
            )
            self._next_us += 1_000_000 // chip.rate_hz


def measure() -> Measured:
    """Let the simulated device make a measurement, and count. It takes some seconds."""
    from sim.board import Board

    finger = _Finger()
    board = Board(finger)
    board.vbus = None
    app = App(board)
    clock = board.clock
    bright = oled.BRIGHT
    dimmed_us = {True: 0, False: 0}
    levels = set()

    def run(seconds: float) -> None:
        until_us = clock.now_us + int(seconds * 1e6)
        while clock.now_us < until_us:
            step_us = 1000 * app.step(clock.now_ms)
            clock.advance_us(step_us)
            levels.add(board.display.contrast)
            if board.display.contrast < bright:
                dimmed_us[finger.present] += step_us

    run(15)
    assert app.reading[field.STATUS] == field.OK, "a still finger is measured"
    measuring = _counted(board, run)
    run(CHECK_S - 15 - _SECONDS)
    assert app.guide[terms.PHASE] == terms.RESULT, "and settles"
    finger.present = False
    run(5)
    held = _counted(board, run)
    run(HELD_S - 5 - _SECONDS - 1)
    assert app.guide[terms.PHASE] == terms.HELD
    return Measured(
        measuring=replace(measuring, contrast=bright),
        held=replace(held, contrast=bright),
        dimmed=min(levels),
        check_dimmed_s=dimmed_us[True] / 1e6,
        held_dimmed_s=dimmed_us[False] / 1e6,
    )


def _counted(board: Any, run: Callable[[float], None]) -> Work:
    """What is done in the next seconds, each of them."""
    sensor_bus: Any = board.sensor_bus()
    sensor_bus.log, board.display_bus.log = [], []
    counted = 0
    firmware = str(FIRMWARE)

    def watch(frame: FrameType, event: str, _: object) -> Any:
        nonlocal counted
        if not frame.f_code.co_filename.startswith(firmware):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        counted += event == "opcode"
        return watch

    lit: list[int] = []
    before = sys.gettrace()
    sys.settrace(watch)
    try:
        for _ in range(_SECONDS):
            run(1)
            lit.append(int.from_bytes(board.display.pixels()).bit_count())
    finally:
        sys.settrace(before)
    chip = board.sensor
    work = Work(
        bytecodes=counted / _SECONDS,
        sensor_bytes=_bytes(sensor_bus.log) / _SECONDS,
        display_bytes=_bytes(board.display_bus.log) / _SECONDS,
        led_ua=chip.led_red_ua + chip.led_ir_ua,
        lit_share=sum(lit) / len(lit) / (128 * 64),
        contrast=board.display.contrast,
    )
    sensor_bus.log = board.display_bus.log = None
    return work


def _bytes(log: list[tuple]) -> int:
    """Bytes on the bus, with the address of each transfer."""
    return sum(1 + (what[2] if what[0] == "r" else len(what[2])) for what in log)


def cpu_share(work: Work, cycles: float = CYCLES_A_BYTECODE) -> float:
    """Of the time, how much the CPU works: signal path, drawing and both buses."""
    busy = (2 * work.sensor_bytes + work.display_bytes) * 9 / _BUS_HZ  # the first in software
    return work.bytecodes * cycles / _HZ + busy


def modes(
    book: Mapping[str, Any], seen: Measured, cycles: float = CYCLES_A_BYTECODE
) -> list[Mode]:
    """Every mode of the device with its mean current."""
    run_ma = _typ(book, "microcontroller.run_160mhz_ma")
    idle_ma = _typ(book, "microcontroller.idle_160mhz_ma")
    sleep_ma = _typ(book, "microcontroller.light_sleep_ma")
    wake_s = _typ(book, "microcontroller.light_sleep_wake_ms") / 1000
    radio_ma = _typ(book, "microcontroller.ble_extra_ma")

    def dozing_ma(work: Work) -> float:
        awake = min(1.0, cpu_share(work, cycles) + wake_s / STEP_S)
        return awake * run_ma + (1 - awake) * sleep_ma

    def waking_ma(work: Work) -> float:
        share = cpu_share(work, cycles)
        return share * run_ma + (1 - share) * idle_ma

    def parts_ma(work: Work) -> float:
        return _sensor_ma(book, work) + _display_ma(book, work)

    off_ma = (
        _typ(book, "microcontroller.deep_sleep_ua")
        + _typ(book, "sensor.supply_shutdown_ua")
        + _typ(book, "display.sleep_ua")
    ) / 1000
    work, held = seen.measuring, seen.held
    link = replace(held, lit_share=work.lit_share)
    dim, held_dim = (replace(one, contrast=seen.dimmed) for one in (work, held))
    told = [
        ("measuring", dozing_ma(work) + parts_ma(work), "light sleep between the steps"),
        ("measuring, dimmed", dozing_ma(dim) + parts_ma(dim), "15 s after the last news"),
        ("measuring, awake", waking_ma(work) + parts_ma(work), "a host on USB"),
        ("measuring, radio on", waking_ma(work) + radio_ma + parts_ma(work), ""),
        ("result held", dozing_ma(held) + parts_ma(held), "the sensor waits for a finger"),
        ("result held, dimmed", dozing_ma(held_dim) + parts_ma(held_dim), "no red verdict"),
        ("link mode, waiting", waking_ma(link) + radio_ma + parts_ma(link), "advertising"),
        ("starting", run_ma, ""),
        ("off", off_ma, "deep sleep; the button wakes it"),
    ]
    always_ma = _typ(book, "regulator_1v8.quiescent_ua") / 1000
    always_ma += _typ(book, "resistors.from_3v3_ua") / 1000
    return [_mode(book, name, rail_ma + always_ma, note) for name, rail_ma, note in told]


def _sensor_ma(book: Mapping[str, Any], work: Work) -> float:
    pulse_s = _typ(book, "sensor.led_pulse_us") / 1e6
    lights_ma = work.led_ua / 1000 * pulse_s * _typ(book, "sensor.sample_rate_hz")
    return _typ(book, "sensor.supply_on_ma") + lights_ma


def _display_ma(book: Mapping[str, Any], work: Work) -> float:
    on_ma = _typ(book, "display.on_dark_ma") + _typ(book, "resistors.display_reset_high_ma")
    contrast = (work.contrast + 1) / 256
    return on_ma + _typ(book, "display.all_lit_ma") * work.lit_share * contrast


def _mode(book: Mapping[str, Any], name: str, rail_ma: float, note: str) -> Mode:
    cells_ma = from_cells_ma(book, rail_ma)
    return Mode(name, rail_ma, cells_ma, capacity_mah(book, cells_ma) / cells_ma, note)


def from_cells_ma(book: Mapping[str, Any], rail_ma: float) -> float:
    """What the cells give for so much at 3.3 V, through the boost and past the resistors."""
    efficiency = _between(book["boost"]["efficiency"]["typ"], rail_ma)
    watts = rail_ma * _typ(book, "boost.output_v") / efficiency
    at_rest_ua = _typ(book, "boost.quiescent_ua") + _typ(book, "resistors.from_cells_ua")
    return watts / _typ(book, "cells.volts_mean") + at_rest_ua / 1000


def capacity_mah(book: Mapping[str, Any], cells_ma: float) -> float:
    """Charge of the cells at a constant current; beyond the table, that of its end."""
    return _between(book["cells"]["capacity_mah"]["typ"], cells_ma)


def _between(table: Mapping[float, float], x: float) -> float:
    """Linear in the logarithm of x."""
    points = sorted((float(key), float(value)) for key, value in table.items())
    if x <= points[0][0]:
        return points[0][1]
    for (low, below), (high, above) in zip(points, points[1:], strict=False):
        if x <= high:
            return below + (above - below) * math.log(x / low) / math.log(high / low)
    return points[-1][1]


@dataclass(frozen=True)
class Life:
    """How far a pair of cells goes, used so often a day."""

    checks: float
    days: float
    check_mah: float


def life(
    book: Mapping[str, Any],
    told: list[Mode],
    seconds: Mapping[str, float],
    checks_a_day: float = CHECKS_A_DAY,
) -> Life:
    """`seconds` spent in each mode by one measurement; the rest of the day it is off."""
    by_name = {mode.name: mode for mode in told}
    charge = sum(by_name[name].cells_ma * s / 3600 for name, s in seconds.items())
    mean_ma = charge * 3600 / sum(seconds.values())
    whole = capacity_mah(book, mean_ma)
    # What goes without use: off, and the cells' own loss.
    a_day = 24 * by_name["off"].cells_ma
    a_day += whole * _typ(book, "cells.self_discharge_share_per_year") / 365
    days = whole / (charge * checks_a_day + a_day)
    return Life(checks=days * checks_a_day, days=days, check_mah=charge)


def checks(book: Mapping[str, Any], told: list[Mode], seen: Measured) -> list[tuple[str, Life]]:
    """The ways in which a measurement is made, and how many of each there are."""
    start_s = _typ(book, "microcontroller.start_s")
    bright = {"starting": start_s, "measuring": CHECK_S}
    plain = bright | {
        "measuring": CHECK_S - seen.check_dimmed_s,
        "measuring, dimmed": seen.check_dimmed_s,
    }
    held = {
        "result held": HELD_S - seen.held_dimmed_s,
        "result held, dimmed": seen.held_dimmed_s,
    }
    return [
        ("40 s, then off", life(book, told, plain)),
        ("40 s, then off, never dimmed", life(book, told, bright)),
        ("40 s, result held for 60 s more", life(book, told, plain | held)),
        (
            "the same with a red verdict, not dimmed",
            life(book, told, plain | {"result held": HELD_S}),
        ),
        (
            "40 s, then 30 s of radio to a bonded phone",
            life(book, told, plain | {"measuring, radio on": 30.0}),
        ),
        (
            "40 s without light sleep, then off",
            life(book, told, {"starting": start_s, "measuring, awake": CHECK_S}),
        ),
        ("40 s, then off, in one go", life(book, told, plain, checks_a_day=500.0)),
    ]


def table(book: Mapping[str, Any], seen: Measured) -> str:
    """The whole model as printed."""
    told = modes(book, seen)
    work, held = seen.measuring, seen.held
    lines = [
        "MODELLED, not measured: two AAA cells, ESP32-C3, figures of hardware/power.yaml.",
        f"While it measures: {work.bytecodes:,.0f} bytecodes/s, "
        f"{work.sensor_bytes:,.0f} and {work.display_bytes:,.0f} bytes/s to sensor and display,",
        f"lights {work.led_ua / 1000:.1f} mA in pulses, {100 * work.lit_share:.0f} % of the pixels"
        f" lit; the CPU works {100 * cpu_share(work):.0f} % of the time",
        f"at {CYCLES_A_BYTECODE} cycles a bytecode "
        f"({100 * cpu_share(work, CYCLES_LOW):.0f} % at {CYCLES_LOW}). A held result: "
        f"{held.bytecodes:,.0f} bytecodes/s, {100 * held.lit_share:.0f} % lit.",
        f"Dimmed to {(seen.dimmed + 1) / (work.contrast + 1):.2f} of the current for "
        f"{seen.check_dimmed_s:.0f} of {CHECK_S:.0f} s and {seen.held_dimmed_s:.0f} of "
        f"{HELD_S:.0f} s held.",
        "",
        f"{'mode':<26}{'at 3.3 V':>12}{'from cells':>12}{'continuous':>14}",
    ]
    for mode in told:
        hours = f"{mode.hours:,.0f} h" if mode.hours < 2000 else f"{mode.hours / 8766:,.1f} years"
        lines.append(
            f"{mode.name:<26}{mode.rail_ma:>9.3f} mA{mode.cells_ma:>9.3f} mA{hours:>14}"
            + (f"  {mode.note}" if mode.note else "")
        )
    lines += ["", f"{'a measurement':<46}{'charge':>12}{'checks':>9}{'at 4 a day':>13}"]
    for name, found in checks(book, told, seen):
        aim = "" if found.checks >= CHECKS_AIMED else f"  under the {CHECKS_AIMED} aimed at"
        years = f"{found.days / 365.25:.1f} years" if "one go" not in name else ""
        lines.append(
            f"{name:<46}{1000 * found.check_mah:>8.0f} uAh{found.checks:>9,.0f}{years:>13}{aim}"
        )
    quick = checks(book, modes(book, seen, CYCLES_LOW), seen)[0][1]
    darker = replace(seen, measuring=replace(work, lit_share=work.lit_share / 2))
    dark = checks(book, modes(book, darker), darker)[0][1]
    lines += [
        "",
        f"With {CYCLES_LOW} cycles a bytecode the first would be {quick.checks:,.0f}, "
        f"with half the pixels lit {dark.checks:,.0f}.",
    ]
    return "\n".join(lines)


def main() -> int:
    print(table(figures(), measure()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
