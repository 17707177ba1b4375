"""For tests of the whole device: a finger to lay on the sensor, and an eye on the display."""

import math
from collections.abc import Callable, Iterator

from sim.board import Board
from sim.door import App, field, terms
from sim.eye import held_on, number_on, picture_on

RATIO = 0.55  # of ratios
SPO2_PCT = 94  # 1.5958422 * 0.55^2 - 34.6596622 * 0.55 + 112.6898759 = 94.11
PULSE_BPM = 72


class Finger:
    """A still finger: a sine of one percent in infrared, and RATIO times that in red.

    At 7 mA and 4096 nA it returns `ir_adc` and `red_adc`; with `fixed` these whatever the
    settings. `present` False takes it away and True puts it back, within LANDING_S.
    """

    channels = 3
    LANDING_S = 0.3
    CASE = (2000, 2400)  # red and infrared that return without a finger

    def __init__(self, red_adc: int = 100_000, ir_adc: int = 120_000, fixed: bool = False) -> None:
        self.red_adc = red_adc
        self.ir_adc = ir_adc
        self.fixed = fixed
        self.present = True
        self._contact = 1.0
        self.fails = False  # the bus hands out what a failed read looks like
        self._next_us = 0

    def begin_us(self, now_us: int) -> None:
        """No samples before this moment."""
        self._next_us = now_us

    def until(self, now_us: int, chip) -> Iterator[tuple[int, int]]:
        period_us = 10_000 if self.fixed else 1_000_000 // chip.rate_hz
        while self._next_us <= now_us:
            yield self._sample(self._next_us / 1e6, chip)
            self._next_us += period_us

    def _sample(self, t_s: float, chip) -> tuple[int, int]:
        if self.fails:
            return 196351, 196351
        moved = 0.01 / self.LANDING_S
        self._contact = min(1.0, max(0.0, self._contact + (moved if self.present else -moved)))
        wave = 0.005 * math.sin(2 * math.pi * PULSE_BPM / 60 * t_s)
        away = 1.0 - self._contact
        red = self._contact * self.red_adc * (1 - RATIO * wave) + away * self.CASE[0]
        ir = self._contact * self.ir_adc * (1 - wave) + away * self.CASE[1]
        if not self.fixed:
            red *= chip.led_red_ua / 7000 * 4096 / chip.range_na
            ir *= chip.led_ir_ua / 7000 * 4096 / chip.range_na
        return min(round(red), 262143), min(round(ir), 262143)


class Device:
    """A board and the app on it, driven step by step as a host does."""

    def __init__(self, light=None, board: Board | None = None, **settings: object) -> None:
        self.light = light or Finger()
        self.board = board or Board(self.light)
        for name, value in settings.items():
            setattr(self.board, name, value)
        self.app = App(self.board)

    @property
    def now_ms(self) -> int:
        return self.board.clock.now_ms

    @property
    def status(self) -> str:
        return field.STATUS_NAMES[self.app.reading[field.STATUS]]

    @property
    def flags(self) -> set[str]:
        flags = self.app.reading[field.FLAGS]
        return {name for bit, name in enumerate(field.FLAG_NAMES) if flags >> bit & 1}

    def value(self, index: int) -> int:
        return self.app.reading[index]

    @property
    def phase(self) -> int:
        return self.app.guide[terms.PHASE]

    def shown(self) -> int | None:
        return number_on(self.board.display.pixels())

    def held(self) -> int | None:
        return held_on(self.board.display.pixels())

    def picture(self) -> str | None:
        return picture_on(self.board.display.pixels(), self.app.settings.language)

    def press(self, ms: int = 200) -> None:
        """The button down for so long, and up again."""
        self.board.button.value(0)
        self.run(ms)
        self.board.button.value(1)
        self.run(120)

    def run(self, ms: int, until: Callable[[], bool] | None = None) -> int:
        """Steps for `ms`, or until the condition holds; the milliseconds it took."""
        begin_ms = self.now_ms
        while self.now_ms - begin_ms < ms:
            wait_ms = self.app.step(self.now_ms)
            if until is not None and until():
                return self.now_ms - begin_ms
            self.board.clock.advance_us(1000 * wait_ms)
        assert until is None, f"not within {ms} ms: {self.status} {self.flags}"
        return ms

    def until_number(self, limit_ms: int = 8000) -> int:
        """Runs until the right number is in the reading and on the display."""
        return self.run(limit_ms, lambda: self.shown() == SPO2_PCT and self.status == "ok")
