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
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from sim.door import FIRMWARE, App, field

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
        self._next_us = 0

    def until(self, now_us: int, chip: Any) -> Any:
        while self._next_us <= now_us:
            wave = 0.005 * math.sin(2 * math.pi * 1.2 * self._next_us / 1e6)
            scale = 4096 / chip.range_na / 7000
            yield (
                min(262143, round(100_000 * scale * chip.led_red_ua * (1 - 0.55 * wave))),
                min(262143, round(120_000 * scale * chip.led_ir_ua * (1 - wave))),
            )
            self._next_us += 1_000_000 // chip.rate_hz


def measure() -> Work:
    """Let the simulated device measure, and count. It takes some seconds."""
    from sim.board import Board

    board = Board(_Finger())
    board.vbus = None
    app = App(board)
    clock = board.clock

    def run(seconds: float) -> None:
        until_us = clock.now_us + int(seconds * 1e6)
        while clock.now_us < until_us:
            clock.advance_us(1000 * app.step(clock.now_ms))

    run(15)
    assert app.reading[field.STATUS] == field.OK, "a still finger is measured"
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
            lit.append(sum(byte.bit_count() for byte in board.display.pixels()))
    finally:
        sys.settrace(before)
    chip = board.sensor
    return Work(
        bytecodes=counted / _SECONDS,
        sensor_bytes=_bytes(sensor_bus.log) / _SECONDS,
        display_bytes=_bytes(board.display_bus.log) / _SECONDS,
        led_ua=chip.led_red_ua + chip.led_ir_ua,
        lit_share=sum(lit) / len(lit) / (128 * 64),
        contrast=board.display.contrast,
    )


def _bytes(log: list[tuple]) -> int:
    """Bytes on the bus, with the address of each transfer."""
    return sum(1 + (what[2] if what[0] == "r" else len(what[2])) for what in log)


def cpu_share(work: Work, cycles: float = CYCLES_A_BYTECODE) -> float:
    """Of the time, how much the CPU works: signal path, drawing and both buses."""
    busy = (2 * work.sensor_bytes + work.display_bytes) * 9 / _BUS_HZ  # the first in software
    return work.bytecodes * cycles / _HZ + busy


def modes(book: Mapping[str, Any], work: Work, cycles: float = CYCLES_A_BYTECODE) -> list[Mode]:
    """Every mode of the device with its mean current."""
    share = cpu_share(work, cycles)
    run_ma = _typ(book, "microcontroller.run_160mhz_ma")
    idle_ma = _typ(book, "microcontroller.idle_160mhz_ma")
    sleep_ma = _typ(book, "microcontroller.light_sleep_ma")
    wake_s = _typ(book, "microcontroller.light_sleep_wake_ms") / 1000
    awake = min(1.0, share + wake_s / STEP_S)
    dozing_ma = awake * run_ma + (1 - awake) * sleep_ma
    waking_ma = share * run_ma + (1 - share) * idle_ma
    pulse_s = _typ(book, "sensor.led_pulse_us") / 1e6
    sensor_ma = _typ(book, "sensor.supply_on_ma")
    sensor_ma += work.led_ua / 1000 * pulse_s * _typ(book, "sensor.sample_rate_hz")
    display_ma = _typ(book, "display.on_dark_ma") + _typ(book, "resistors.display_reset_high_ma")
    contrast = (work.contrast + 1) / 256
    display_ma += _typ(book, "display.all_lit_ma") * work.lit_share * contrast
    always_ma = _typ(book, "regulator_1v8.quiescent_ua") / 1000
    always_ma += _typ(book, "resistors.from_3v3_ua") / 1000
    radio_ma = _typ(book, "microcontroller.ble_extra_ma")
    off_ma = (
        _typ(book, "microcontroller.deep_sleep_ua")
        + _typ(book, "sensor.supply_shutdown_ua")
        + _typ(book, "display.sleep_ua")
    ) / 1000
    parts = [
        ("measuring", dozing_ma + sensor_ma + display_ma, "light sleep between the steps"),
        ("measuring, awake", waking_ma + sensor_ma + display_ma, "a host on USB"),
        ("measuring, radio on", waking_ma + radio_ma + sensor_ma + display_ma, ""),
        ("result held", dozing_ma + sensor_ma + display_ma, "the sensor waits for a finger"),
        ("link mode, waiting", waking_ma + radio_ma + sensor_ma + display_ma, "advertising"),
        ("starting", run_ma, ""),
        ("off", off_ma, "deep sleep; the button wakes it"),
    ]
    return [_mode(book, name, rail_ma + always_ma, note) for name, rail_ma, note in parts]


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


def checks(book: Mapping[str, Any], told: list[Mode]) -> list[tuple[str, Life]]:
    """The ways in which a measurement is made, and how many of each there are."""
    start_s = _typ(book, "microcontroller.start_s")
    plain = {"starting": start_s, "measuring": CHECK_S}
    awake = {"starting": start_s, "measuring, awake": CHECK_S}
    held = plain | {"result held": HELD_S}
    sent = plain | {"measuring, radio on": 30.0}
    return [
        ("40 s, then off", life(book, told, plain)),
        ("40 s, result held for 60 s more", life(book, told, held)),
        ("40 s, then 30 s of radio to a bonded phone", life(book, told, sent)),
        ("40 s without light sleep, then off", life(book, told, awake)),
        ("40 s, then off, in one go", life(book, told, plain, checks_a_day=500.0)),
    ]


def table(book: Mapping[str, Any], work: Work) -> str:
    """The whole model as printed."""
    told = modes(book, work)
    lines = [
        "MODELLED, not measured: two AAA cells, ESP32-C3, figures of hardware/power.yaml.",
        f"While it measures: {work.bytecodes:,.0f} bytecodes/s, "
        f"{work.sensor_bytes:,.0f} and {work.display_bytes:,.0f} bytes/s to sensor and display,",
        f"lights {work.led_ua / 1000:.1f} mA in pulses, {100 * work.lit_share:.0f} % of the pixels"
        f" lit; the CPU works {100 * cpu_share(work):.0f} % of the time",
        f"at {CYCLES_A_BYTECODE} cycles a bytecode "
        f"({100 * cpu_share(work, CYCLES_LOW):.0f} % at {CYCLES_LOW}).",
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
    for name, found in checks(book, told):
        aim = "" if found.checks >= CHECKS_AIMED else f"  under the {CHECKS_AIMED} aimed at"
        years = f"{found.days / 365.25:.1f} years" if "one go" not in name else ""
        lines.append(
            f"{name:<46}{1000 * found.check_mah:>8.0f} uAh{found.checks:>9,.0f}{years:>13}{aim}"
        )
    quick = checks(book, modes(book, work, CYCLES_LOW))[0][1]
    dark = checks(book, modes(book, replace(work, lit_share=work.lit_share / 2)))[0][1]
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
