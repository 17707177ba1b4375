"""The simulated board: the names of firmware/board.py, with virtual chips behind them.

    board = Board(Playback(recording))
    app = App(board)                    # driven step by step, or
    run(board, 60_000)                  # as the device does it: boot.py, main.py, resets and all

Time is the clock's: it passes in sleep_us and sleep_ms, and where the one who drives advances it.
"""

import builtins
import shutil
import tempfile
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.chips.i2c import I2cBus
from sim.chips.max30102 import Light, Max30102
from sim.chips.pin import Pin
from sim.chips.ssd1306 import Ssd1306
from sim.clock import Clock
from sim.door import FIRMWARE, i2c_port

_TICKS_END = 1 << 30  # of MicroPython's ticks_ms on a 32-bit port


class Reset(BaseException):
    """The microcontroller restarts; no firmware gets to catch it."""


class PowerOff(BaseException):
    """The run is over; no firmware gets to catch it."""


class DeepSleep(BaseException):
    """The microcontroller sleeps until the button; no firmware gets to catch it."""


class Buzzer:
    """The PWM of the buzzer: `hz` while it sounds, otherwise 0; `pitches` are those it had."""

    def __init__(self) -> None:
        self.pitches: list[int] = []
        self._hz = 0
        self._duty = 0

    @property
    def hz(self) -> int:
        return self._hz if self._duty else 0

    def freq(self, hz: int) -> None:
        if self._duty and hz != self._hz:
            self.pitches.append(hz)
        self._hz = hz

    def duty_u16(self, duty: int) -> None:
        if duty and not self._duty:
            self.pitches.append(self._hz)
        self._duty = duty


class BatteryAdc:
    """The ADC behind the divider. `cells_mv` is the voltage of the two cells; 0: none are in."""

    def __init__(self, divider: tuple[int, int]) -> None:
        self.cells_mv = 0
        self._divider = divider

    def read_uv(self) -> int:
        num, den = self._divider
        return self.cells_mv * 1000 * den // num


class Board:
    """A device under `light`. `sensor` and `display` are its chips, `clock` its time, `resets`
    counts its restarts. The rest has the names of firmware/board.py, and may be set to make it
    another device; `data_dir` None gives it an empty flash of its own. What a host sends goes into
    `console_in`, what it gets comes out of `console_out`.
    """

    DISPLAY_CONTROLLER = "ssd1306"
    EPOCH_S = 946684800  # 2000-01-01 by this Python
    UNIQUE_ID = b"\x01\x23\x45\x67\x89\xab"
    gmtime = staticmethod(time.gmtime)
    BATTERY_DIVIDER = (2, 1)

    def __init__(
        self, light: Light, clock: Clock | None = None, data_dir: str | Path | None = None
    ) -> None:
        self.clock = clock or Clock()
        self.sensor = Max30102(self.clock, light)
        self.display = Ssd1306(self.DISPLAY_CONTROLLER)
        self.display_bus = I2cBus({0x3C: self.display})
        self.resets = 0

        self.keep_awake = False
        self.leds_fixed = light.fixed
        self.is_product = True
        self.CHANNELS = getattr(light, "channels", 3)

        self._sensor_bus = I2cBus({0x57: self.sensor})
        self.sensor_scl = self._sensor_bus.scl
        self.sensor_sda = self._sensor_bus.sda
        self.display_reset = self.display.reset_pin
        self.button = Pin(1)
        self.vbus: Pin | None = Pin(0)
        self.buzzer = Buzzer()
        self.battery_adc = BatteryAdc(self.BATTERY_DIVIDER)

        self.woken = False
        self.bitten = False
        self.clock_set_s = -1  # seconds since 2000-01-01 at time 0 of the clock; -1: never set
        self.fed_for_ever = False

        self._data_dir = data_dir
        self.dozed_us = 0  # of it in light sleep
        self.console_in = bytearray()
        self.console_out = bytearray()
        self._watchdog_ms = 0
        self._bites_us: int | None = None
        self._off_us: int | None = None

    @property
    def DATA_DIR(self) -> str:
        if self._data_dir is None:
            self._data_dir = tempfile.mkdtemp(prefix="xueyang-")
            weakref.finalize(self, shutil.rmtree, self._data_dir, True)
        return str(self._data_dir)

    def sensor_bus(self) -> I2cBus:
        return self._sensor_bus

    def display_port(self) -> Any:
        return i2c_port.I2cPort(self.display_bus)

    def sleep_us(self, us: int) -> None:
        """Time passes; a watchdog that is not fed meanwhile bites at its moment."""
        clock = self.clock
        until_us = clock.now_us + us
        if self._bites_us is not None and until_us >= self._bites_us:
            clock.advance_us(max(0, self._bites_us - clock.now_us))
            if self.fed_for_ever:
                self._bites_us = None
            else:
                self.bitten = True
                self._restart()
        clock.advance_us(us)
        if self._off_us is not None and clock.now_us >= self._off_us:
            raise PowerOff

    def sleep_ms(self, ms: int) -> None:
        self.sleep_us(1000 * ms)

    def rest_ms(self, ms: int, busy: bool) -> None:
        if not (busy or not self.is_product or (self.vbus is not None and self.vbus.value())):
            self.dozed_us += 1000 * ms
        self.sleep_ms(ms)

    def ticks_ms(self) -> int:
        return self.clock.now_ms % _TICKS_END

    def console_read(self) -> int:
        return self.console_in.pop(0) if self.console_in else -1

    def console_write(self, content: bytes) -> None:
        self.console_out += content

    def set_clock(self, time_s: int) -> None:
        self.clock_set_s = time_s - self.clock.now_us // 1_000_000

    def start_watchdog(self, timeout_ms: int) -> None:
        self._watchdog_ms = timeout_ms
        self.feed_watchdog()

    def feed_watchdog(self) -> None:
        if self._watchdog_ms:
            self._bites_us = self.clock.now_us + 1000 * self._watchdog_ms

    def keep_feeding(self) -> None:
        self.fed_for_ever = True

    def time_s(self) -> int:
        return -1 if self.clock_set_s < 0 else self.clock_set_s + self.clock.now_us // 1_000_000

    def deep_sleep(self) -> None:
        """The pins float as in a reset; the watchdog sleeps too."""
        self._float()
        raise DeepSleep

    def unload(self, name: str) -> None:
        """CPython has room."""

    def forget_making(self, kinds: tuple[type, ...], module: Any) -> None:
        """CPython has room, and makes many a device."""

    def reset(self) -> None:
        self.bitten = False
        self._restart()

    def _restart(self) -> None:
        self.resets += 1
        self.woken = False
        self._float()
        raise Reset

    def _float(self) -> None:
        """So the display's reset line falls: a resistor on the board pulls it."""
        self._watchdog_ms = 0
        self._bites_us = None
        self.display_reset.value(0)
        self.buzzer.duty_u16(0)

    def power_off_at(self, us: int) -> None:
        """Sleeping past this moment ends the run with PowerOff."""
        self._off_us = us


def run(board: Board, duration_ms: int, boot_ms: int = 400) -> None:
    """Let the device run by itself: boot.py, then main.py, from their sources, for so long.

    After each reset it takes boot_ms until boot.py begins, and all begins anew. When main.py
    ends (the button was held), the device stays at its prompt: nothing happens any more.
    """
    board.power_off_at(board.clock.now_us + 1000 * duration_ms)
    try:
        while True:
            try:
                board.sleep_ms(boot_ms)
                for name in ("boot.py", "main.py"):
                    _execute(board, name)
                while True:
                    board.sleep_ms(1000)
            except Reset:
                continue
            except DeepSleep:
                while board.button.value():
                    board.sleep_ms(10)
                board.woken = True
                board.bitten = False
    except PowerOff:
        return


def _execute(board: Board, name: str) -> None:
    """Run one of the two sources with this board as its module `board`."""

    def importing(
        module: str,
        names: Mapping[str, object] | None = None,
        local: Mapping[str, object] | None = None,
        wanted: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if module == "board":
            return board
        return __import__(module, names, local, wanted or (), level)

    source = (FIRMWARE / name).read_text()
    scope = {"__name__": "__main__", "__builtins__": {**vars(builtins), "__import__": importing}}
    exec(compile(source, name, "exec"), scope)
