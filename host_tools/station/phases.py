"""The phases: plain functions phase(dut, measure), by the names in phases.yaml.

Each measures what is declared there, and says nothing about limits: measure(name, value), None for
what could not be measured. The first phase of the stage pcba, `flash`, is done to all units of a
row at once, and stands in runner.py.
"""

import time
from collections.abc import Callable

import numpy as np

from host_tools.station.dut import Dut, Light

Measure = Callable[[str, float | None], None]

_TEST_UA = 7000  # the firmware's own first current
_MODULATION_HZ = 1.2  # hardware/jig.yaml
_PRESS_MS = 400
_TONE_WAIT_S = 4.0
_MENU_WAIT_S = 1.5
_RAILS = {"rail_3v3": "+3V3", "rail_1v8": "+1V8", "rail_vled": "VLED", "rail_usb": "USB_5V"}


def supply(dut: Dut, measure: Measure) -> None:
    """The rails, and what is drawn while it runs."""
    dut.who()
    for name, net in _RAILS.items():
        measure(name, dut.jig.rail_mv(dut.slot, net))
    measure("running", dut.jig.current_ua(dut.slot))


def sensor(dut: Dut, measure: Measure) -> None:
    """What the unit's own self-test says of its parts."""
    told = dut.fields("self-test")
    measure("part", int(told["part"], 0))
    measure("revision", int(told["revision"], 0))
    for name in ("display", "flash", "log"):
        measure(name, float(told[name] == "ok"))


def dark(dut: Dut, measure: Measure) -> None:
    """Counts without light: no target, both lights off."""
    light = dut.light(0.5, 0, 0)
    measure("rate", light.rate_hz if light else None)
    measure("red", float(light.red_adc.mean()) if light else None)
    measure("ir", float(light.ir_adc.mean()) if light else None)


def leds(dut: Dut, measure: Measure) -> None:
    """What a milliampere returns, that twice as many return twice as much, and that the supply
    feels both lights."""
    low, high = dut.light(0.4, 5000, 5000), dut.light(0.4, 10000, 10000)
    if low is None or high is None:
        for name in ("red_return", "ir_return", "red_linear", "ir_linear", "both_supply"):
            measure(name, None)
        return
    (red_low, ir_low), (red_high, ir_high) = _per_ma(low), _per_ma(high)
    measure("red_return", red_high)
    measure("ir_return", ir_high)
    measure("red_linear", 100 * red_high / red_low if red_low > 0 else None)
    measure("ir_linear", 100 * ir_high / ir_low if ir_low > 0 else None)
    dut.hold(0, 0)
    without_ua = dut.jig.current_ua(dut.slot)
    dut.hold(50000, 50000)
    measure("both_supply", dut.jig.current_ua(dut.slot) - without_ua)
    dut.hold(_TEST_UA, _TEST_UA)


def crosstalk(dut: Dut, measure: Measure) -> None:
    """What comes back from the case itself, a milliampere."""
    light = dut.kept["crosstalk"] = dut.light(0.6, _TEST_UA, _TEST_UA)
    red, ir = _per_ma(light) if light else (None, None)
    measure("red", red)
    measure("ir", ir)
    dut.jig.tone_hz(dut.slot)  # whatever has sounded so far is not the next phase's


def sound(dut: Dut, measure: Measure) -> None:
    """The tone with which a unit greets a finger, and so the grey target."""
    until_s = time.monotonic() + _TONE_WAIT_S
    hz = 0.0
    while not hz and time.monotonic() < until_s:
        time.sleep(0.1)
        hz = dut.jig.tone_hz(dut.slot)
    measure("tone", hz or None)


def optics(dut: Dut, measure: Measure) -> None:
    """What the grey target returns, a milliampere, the case's own share taken off."""
    light = dut.kept["grey"] = dut.light(1.6, _TEST_UA, _TEST_UA)
    red, ir = _beyond_case(dut, light)
    dut.kept["grey_per_ma"] = (red, ir)
    measure("red_return", red)
    measure("ir_return", ir)


def clock(dut: Dut, measure: Measure) -> None:
    """The sensor's clock by the unit's, of the last samples; and the unit's by the station's, of
    all since the stage began."""
    light: Light | None = dut.kept["grey"]
    measure("sensor_rate", light.rate_hz if light else None)
    share = dut.clock_share()
    measure("chip_rate", None if share is None else 100 * share)


def noise(dut: Dut, measure: Measure) -> None:
    """Scatter from sample to sample as a share of the signal; of the last samples."""
    light: Light | None = dut.kept["grey"]
    measure("red", _noise_ppm(light.red_adc) if light else None)
    measure("ir", _noise_ppm(light.ir_adc) if light else None)


def ambient(dut: Dut, measure: Measure) -> None:
    """Light from outside: both of ours off, before the target that lets most in."""
    light = dut.light(0.4, 0, 0)
    measure("red", float(light.red_adc.mean()) if light else None)
    measure("ir", float(light.ir_adc.mean()) if light else None)
    measure("overflow", light.overflows if light else None)


def infrared(dut: Dut, measure: Measure) -> None:
    """A tile that takes red and lets infrared pass: exchanged lights show here."""
    red, ir = _beyond_case(dut, dut.light(0.4, _TEST_UA, _TEST_UA))
    grey_red, grey_ir = dut.kept["grey_per_ma"]
    measure("red_taken", 100 * (1 - red / grey_red) if red is not None and grey_red else None)
    measure("ir_taken", 100 * (1 - ir / grey_ir) if ir is not None and grey_ir else None)


def modulated(dut: Dut, measure: Measure) -> None:
    """A known ratio: a sine of the shutter's frequency is fitted to both logarithms."""
    light = dut.light(2.2, _TEST_UA, _TEST_UA)
    if light is None or min(light.red_adc.min(), light.ir_adc.min()) <= 0:
        measure("pulse", None)
        measure("ratio_error", None)
        return
    case: Light = dut.kept["crosstalk"]
    red = light.red_adc - case.red_adc.mean()
    ir = light.ir_adc - case.ir_adc.mean()
    ir_sine, ir_cosine = _wave(np.log(ir), light.rate_hz)
    red_sine, red_cosine = _wave(np.log(red), light.rate_hz)
    size = ir_sine**2 + ir_cosine**2
    measure("pulse", 200 * float(np.sqrt(size)))
    ratio = (red_sine * ir_sine + red_cosine * ir_cosine) / size if size else 0.0
    measure("ratio_error", 100 * (ratio / dut.jig.ratio(dut.slot) - 1))


def display(dut: Dut, measure: Measure) -> None:
    measure("dots", dut.jig.dots(dut.slot))


def button(dut: Dut, measure: Measure) -> None:
    """A press turns the picture, which the unit keeps as a setting; another turns it back."""
    before = dut.fields("settings")["turned"]
    seen: list[bool] = []
    for _ in range(2):
        dut.jig.press(dut.slot, _PRESS_MS)
        seen.append(_becomes(dut, before if seen else str(1 - int(before))))
    measure("pressed", float(all(seen)))


def _becomes(dut: Dut, turned: str) -> bool:
    until_s = time.monotonic() + _MENU_WAIT_S
    while dut.fields("settings")["turned"] != turned:
        if time.monotonic() > until_s:
            return False
    return True


def battery(dut: Dut, measure: Measure) -> None:
    """The unit's own voltmeter against the jig's supply."""
    for mv in (2200, 3000):
        dut.jig.supply(dut.slot, mv)
        time.sleep(0.1)
        measure(f"at_{mv}", float(dut.fields("self-test")["battery_mv"]) - mv)
    dut.jig.supply(dut.slot, 2400)


def sleep(dut: Dut, measure: Measure) -> None:
    """What it draws and shows when it is off, its cable pulled; the last that is asked of it."""
    dut.ask("off")
    dut.hang_up()
    dut.jig.cable(dut.slot, False)
    time.sleep(0.5)
    measure("current", dut.jig.current_ua(dut.slot))
    measure("dots", dut.jig.dots(dut.slot))


def _per_ma(light: Light) -> tuple[float, float]:
    """Counts a milliampere of red and of infrared."""
    return float(light.red_adc.mean()) / light.red_ma, float(light.ir_adc.mean()) / light.ir_ma


def _beyond_case(dut: Dut, light: Light | None) -> tuple[float | None, float | None]:
    """The same without what the case returns."""
    case: Light | None = dut.kept.get("crosstalk")
    if light is None or case is None:
        return None, None
    (red, ir), (case_red, case_ir) = _per_ma(light), _per_ma(case)
    return red - case_red, ir - case_ir


def _noise_ppm(adc: np.ndarray) -> float | None:
    """By second differences, which no slow change moves; their variance is six times the noise."""
    mean = adc.mean()
    return float(1e6 * np.diff(adc, 2).std() / np.sqrt(6) / mean) if mean > 0 else None


def _wave(logarithm: np.ndarray, rate_hz: float) -> tuple[float, float]:
    """Sine and cosine of the shutter's frequency in it, beside a line."""
    turns = 2 * np.pi * _MODULATION_HZ * np.arange(len(logarithm)) / rate_hz
    beside = np.linspace(-1, 1, len(logarithm))
    base = np.stack([np.sin(turns), np.cos(turns), np.ones_like(turns), beside], axis=1)
    sine, cosine, *_ = np.linalg.lstsq(base, logarithm, rcond=None)[0]
    return float(sine), float(cosine)
