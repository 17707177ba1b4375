"""A virtual unit: a chip on a pseudo-terminal, a board on its pins, and what is wrong with it."""

import random
import time
import zlib

from sim.board import Board
from sim.chips.pin import Pin
from sim.factory.target import Optics, Place, Returned
from sim.vm.chip import Chip, file_of
from sim.vm.flash import Flash

# What can be wrong with a unit, besides that it is pulled out.
FAULTS = (
    "dead_red",
    "dead_ir",
    "stuck_fifo",
    "wrong_id",
    "leds_swapped",
    "crosstalk",
    "slow_clock",
    "bad_flash",
    "port_dies",
)
_OF_CHIP = {"dead_red", "dead_ir", "stuck_fifo", "wrong_id"}
_STUCK_AT = range(0x11000, 0x11010)  # in the program
_SECTORS_BEFORE_DEATH = 5

# Milliamperes at 3.3 V, hardware/power.yaml.
_RUNNING_MA, _SENSOR_MA, _DISPLAY_MA = 21.0, 0.6, 4.0
_ASLEEP_MA = 0.020
_BOOST = 3.33 / 0.92  # volts out, by its efficiency


class Unit:
    """`number` draws its sensor; `mac` as 246f28000001, of a chip of its own unless another has
    the same. Until it is put in somewhere it is off, its flash as it was left."""

    def __init__(self, number: int, mac: str, faults: tuple[str, ...] = ()) -> None:
        self._number = number
        self._light = Returned(Optics(), Place(), number)
        self.board = Board(self._light)
        self.board.battery_adc.cells_mv = 2400
        self.chip = Chip("esp32c3", bytes.fromhex(mac), board=self.board)
        self.set_faults(faults)
        self.chip.unplug()
        self._kept = zlib.compress(self.chip.flash.content, 1)
        self.chip.flash.content = bytearray()
        self._tones_heard = 0

    def set_faults(self, faults: tuple[str, ...]) -> None:
        """Just these from here on. Raises ValueError for one that there is not."""
        unknown = set(faults) - set(FAULTS)
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))} is no fault of a virtual unit.")
        optics = Optics.drawn(random.Random(self._number))
        if "leds_swapped" in faults:
            optics.swapped = True
        if "crosstalk" in faults:
            optics.crosstalk = (8 * optics.crosstalk[0], 8 * optics.crosstalk[1])
        if "slow_clock" in faults:
            optics.clock = 0.9
        self._light.optics = optics
        self.board.sensor.faults -= _OF_CHIP
        self.board.sensor.faults |= _OF_CHIP.intersection(faults)
        self.chip.flash.stuck = dict.fromkeys(_STUCK_AT, 0) if "bad_flash" in faults else {}
        self.chip.flash.dies_after = _SECTORS_BEFORE_DEATH if "port_dies" in faults else None

    def put_in(self, place: Place) -> None:
        """Into a slot: it gets power and a cable, and starts if there is a program on it."""
        self._light.place = place
        self.board.sensor.power_cycle()
        self.board.vbus = Pin(1)
        self.board.button.value(1)
        chip = self.chip
        chip.flash.content = bytearray(zlib.decompress(self._kept))
        chip.cable(True)
        chip.boot()

    def take_out(self) -> None:
        chip = self.chip
        chip.unplug()
        self._kept = zlib.compress(chip.flash.content, 1)
        chip.flash.content = bytearray()  # four megabytes, of each unit of a factory

    def cable(self, is_in: bool) -> None:
        """The USB cable alone: the supply stays."""
        assert self.board.vbus is not None
        self.board.vbus.value(int(is_in))
        self.chip.cable(is_in)

    def file(self, name: str) -> bytes:
        """What a file of its data partition holds while it is off; empty when it has none."""
        flash = Flash()
        flash.content = bytearray(zlib.decompress(self._kept))
        return file_of(flash, "data", name)

    def press(self, ms: float) -> None:
        self.board.button.value(0)
        time.sleep(ms / 1000)
        self.board.button.value(1)

    def tone_hz(self) -> int:
        """The pitch of the newest tone since the last time this was asked; 0: none."""
        pitches = self.board.buzzer.pitches
        heard, self._tones_heard = self._tones_heard, len(pitches)
        return pitches[-1] if len(pitches) > heard else 0

    def dots(self) -> int:
        """How many dots of the display light up."""
        return sum(byte.bit_count() for byte in self.board.display.pixels())

    def current_ua(self) -> float:
        """Out of the cells, modelled: by what the parts do that can be seen on their pins."""
        began_us = self.board.clock.now_us
        time.sleep(0.25)  # awake, it asks its sensor or its display for something in this time
        total_ma = _ASLEEP_MA
        if self.board.clock.now_us != began_us:
            total_ma += _RUNNING_MA
        sensor = self.board.sensor
        if sensor.sampling:
            red_ua = 0 if "dead_red" in sensor.faults else sensor.led_red_ua
            ir_ua = 0 if "dead_ir" in sensor.faults else sensor.led_ir_ua
            pulsed_ua = (red_ua + ir_ua) * sensor.rate_hz
            total_ma += _SENSOR_MA + pulsed_ua * sensor.pulse_us / 1e9
        if self.dots():
            total_ma += _DISPLAY_MA
        return 1000 * total_ma * _BOOST / (self.board.battery_adc.cells_mv / 1000)
