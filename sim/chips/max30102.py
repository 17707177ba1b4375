"""The MAX30102 at register level (Maxim 19-7740, Rev 1, 10/18).

Modelled: the register map with its power-on values, the 32-deep FIFO with its pointers, rollover
and overflow counter, almost-full, the interrupt flags and what clears them, sample averaging, the
resolution of each pulse width, the rate clamp of illegal pairs, shutdown, reset, brown-out, the
29 ms of a temperature conversion, red-only and two-light mode.

Not modelled: multi-LED mode (no samples come), the proximity mode of older revisions, conversion
timing inside a sample (red and infrared are one instant), the die's warming by its own lights,
noise (that is the light's), supply current, and how long a transfer takes.
"""

from collections.abc import Iterable
from math import floor
from typing import Any, Protocol

from sim.clock import Clock

DEPTH = 32
FULL_SCALE_ADC = 262143
DARK_ADC = 30  # typical dark count at 18 bit, electrical characteristics
CONVERSION_US = 29000  # die temperature, electrical characteristics

_RATES_HZ = (50, 100, 200, 400, 800, 1000, 1600, 3200)
_PULSES_US = (69, 118, 215, 411)
_FASTEST_HZ = {2: (3200, 1600, 1000, 800), 3: (1600, 1000, 800, 400)}  # tables 11 and 12

# Bits that exist; all others read 0.
_WRITABLE = {
    0x02: 0xE0, 0x03: 0x02, 0x04: 0x1F, 0x05: 0x1F, 0x06: 0x1F, 0x08: 0xFF, 0x09: 0xC7,
    0x0A: 0x7F, 0x0C: 0xFF, 0x0D: 0xFF, 0x11: 0x77, 0x12: 0x77, 0x21: 0x01,
}  # fmt: skip


class Light(Protocol):
    """What comes back from the finger.

    `until` yields, in order, every conversion completed up to now_us since it was last asked:
    (red_adc, ir_adc), with a third True when ambient light overflows its cancellation, or None
    for a conversion that was lost. `fixed`: these are output samples, taken as they are whatever
    the settings (a recording). Otherwise they are single conversions at the chip's rate and
    settings, and the chip averages, quantises and clips them.
    """

    fixed: bool

    def until(self, now_us: int, chip: Any) -> Iterable: ...


class Max30102:
    """The chip. Settings for a closed-loop light: rate_hz, pulse_us, range_na, average,
    led_red_ua, led_ir_ua, sampling. `writes` logs (now_us, register, value) of every write to
    range or LED current.

    Faults: 'stuck_fifo' (neither pointer moves), 'nack', 'wrong_id' (answers as a
    MAX30100; the app sees it within 2 s, at any time),
    'dead_red', 'dead_ir', 'sda_low', 'ambient', 'ovf_stuck' (the overflow counter reads 1 where it
    should read 0). With 'sda_low' the line is let go after
    `release_after_clocks` clocks, never if that is None.
    """

    def __init__(self, clock: Clock, light: Light) -> None:
        self.clock = clock
        self.light = light
        self.faults: set[str] = set()
        self.release_after_clocks: int | None = None
        self.die_c = 31.0
        self.writes: list[tuple[int, int, int]] = []
        self._fifo = [bytes(6)] * DEPTH
        self._register = 0
        self.power_cycle()

    def power_cycle(self) -> None:
        """Brown-out or power-up: every setting gone, and PWR_RDY says so."""
        self._reset()
        self._regs[0x00] = 0x01

    @property
    def interrupt(self) -> bool:
        """Whether the INT pin is pulled low."""
        self._catch_up()
        regs = self._regs
        return bool(regs[0] & (regs[2] | 0x01) or regs[1] & regs[3])

    # What the bus does.

    def write(self, data: bytes) -> None:
        """A register's number, then values for it and those after it."""
        self._register = data[0]
        if len(data) > 1:
            self._catch_up()
            for value in data[1:]:
                self._put(self._register, value)
                if self._register != 0x07:
                    self._register = self._register + 1 & 0xFF

    def read(self, n: int) -> bytes:
        """n bytes from the register last named, counting up; FIFO_DATA does not count up."""
        self._catch_up()
        first = self._register
        if first == 0x07:
            return self._pop(n)
        if first < 0x07 < first + n:
            head = self.read_registers(first, 0x07 - first)
            self._register = 0x07
            return head + self._pop(n - len(head))
        self._register = first + n & 0xFF
        return self.read_registers(first, n)

    def read_registers(self, first: int, n: int) -> bytes:
        """n registers from `first`, with what reading them clears."""
        regs = self._regs
        out = bytes(regs[first : first + n])
        if first == 0:
            regs[0] = 0
        if first <= 1 < first + n or first <= 0x20 < first + n:
            regs[1] = 0
        if first <= 0xFF < first + n and "wrong_id" in self.faults:
            out = out[: 0xFF - first] + b"\x11"
        if first <= 0x05 < first + n and "ovf_stuck" in self.faults:
            out = out[: 0x05 - first] + bytes((out[0x05 - first] or 1,)) + out[0x06 - first :]
        return out.ljust(n, b"\x00")

    # Inside.

    def _reset(self) -> None:
        self._regs = bytearray(256)
        self._regs[0xFE] = 0x03
        self._regs[0xFF] = 0x15
        self._unread = 0
        self._sums = [0, 0, 0]  # red, infrared, conversions in this average
        self._temperature_due_us: int | None = None
        self._settle()

    def _settle(self) -> None:
        """Decode the settings once, when they are written and not whenever they are asked."""
        self._caught_us = -1
        regs = self._regs
        self._mode = regs[0x09] & 0x07
        self.sampling = self._mode in (2, 3) and not regs[0x09] & 0x80
        self._sample_bytes = 3 if self._mode == 2 else 6
        pulse = regs[0x0A] & 3
        self.pulse_us = _PULSES_US[pulse]
        self._blank_bits = 3 - pulse
        fastest_hz = _FASTEST_HZ.get(self._mode, _FASTEST_HZ[3])[pulse]
        self.rate_hz = min(_RATES_HZ[regs[0x0A] >> 2 & 7], fastest_hz)
        self.range_na = 2048 << (regs[0x0A] >> 5 & 3)
        self.average = 1 << min(regs[0x08] >> 5, 5)
        self.led_red_ua = regs[0x0C] * 200
        self.led_ir_ua = regs[0x0D] * 200 if self._mode != 2 else 0

    def _catch_up(self) -> None:
        now_us = self.clock.now_us
        if now_us == self._caught_us:
            return  # a moment has several transfers, and light comes once in it
        self._caught_us = now_us
        plain = self.average == 1 and not self.faults
        for sample in self.light.until(now_us, self):
            if sample is not None and self.sampling:
                self._convert(sample, plain)
        if self._temperature_due_us is not None and now_us >= self._temperature_due_us:
            self._temperature_due_us = None
            sixteenths = floor(self.die_c * 16)
            self._regs[0x1F] = sixteenths >> 4 & 0xFF
            self._regs[0x20] = sixteenths & 0x0F
            self._regs[0x21] = 0
            self._regs[0x01] |= 0x02

    def _convert(self, sample: tuple, plain: bool) -> None:
        """One conversion; plain: nothing is averaged, nothing broken."""
        red = sample[0]
        ir = sample[1]
        faults = self.faults
        if (len(sample) > 2 and sample[2]) or (faults and "ambient" in faults):
            self._regs[0] |= 0x20
        if plain and 0 <= red <= FULL_SCALE_ADC and 0 <= ir <= FULL_SCALE_ADC:
            if not self.light.fixed:
                blank = self._blank_bits
                red = red >> blank << blank
                ir = ir >> blank << blank
            self._push((red << 24 | ir).to_bytes(6, "big"))
            return
        if faults:
            if "dead_red" in faults:
                red = DARK_ADC
            if "dead_ir" in faults:
                ir = DARK_ADC
            if "stuck_fifo" in faults:
                return
        if not self.light.fixed:
            sums = self._sums
            sums[0] += red
            sums[1] += ir
            sums[2] += 1
            if sums[2] < self.average:
                return
            blank = self._blank_bits
            red = min(max(sums[0] // sums[2], 0), FULL_SCALE_ADC) >> blank << blank
            ir = min(max(sums[1] // sums[2], 0), FULL_SCALE_ADC) >> blank << blank
            sums[0] = sums[1] = sums[2] = 0
        self._push((red << 24 | ir).to_bytes(6, "big"))

    def _push(self, sample: bytes) -> None:
        regs = self._regs
        write_ptr = regs[0x04]
        regs[0] |= 0x40
        if self._unread == DEPTH:
            if regs[0x05] < 31:
                regs[0x05] += 1
            if not regs[0x08] & 0x10:
                return  # without rollover the new one is lost, with it the oldest
            regs[0x06] = write_ptr + 1 & 31
        else:
            self._unread += 1
            if self._unread == DEPTH - (regs[0x08] & 0x0F):
                regs[0] |= 0x80
        self._fifo[write_ptr] = sample
        regs[0x04] = write_ptr + 1 & 31

    def _pop(self, n: int) -> bytes:
        """n bytes of FIFO_DATA. The pointer moves with a sample's first byte; a new transfer
        begins with a whole sample; an empty FIFO repeats what stands at the pointer."""
        regs = self._regs
        regs[0] &= ~0x40
        size = self._sample_bytes
        samples = -(-n // size)
        moves = 0 if "stuck_fifo" in self.faults else 1
        fifo = self._fifo
        first = regs[0x06]
        taken = min(samples, self._unread) if moves else 0
        out = [fifo[at & 31] for at in range(first, first + taken)]
        if taken:
            self._unread -= taken
            regs[0x05] = 0
            regs[0x06] = first + taken & 31
        if taken < samples:
            out += [fifo[first + taken & 31]] * (samples - taken)
        if size < 6:
            out = [sample[:size] for sample in out]
        return b"".join(out)[:n]

    def _put(self, register: int, value: int) -> None:
        if register not in _WRITABLE:
            return
        regs = self._regs
        value &= _WRITABLE[register]
        if register == 0x09 and value & 0x40:
            self._reset()
            return
        if register == 0x21 and not value:
            return
        regs[register] = value
        if register in (0x04, 0x06):
            self._unread = regs[0x04] - regs[0x06] & 31
        elif register == 0x21:
            self._temperature_due_us = self.clock.now_us + CONVERSION_US
        elif register in (0x08, 0x09, 0x0A, 0x0C, 0x0D):
            self._settle()
            self._sums = [0, 0, 0]
            if register >= 0x0A:
                self.writes.append((self.clock.now_us, register, value))
            elif register == 0x09 and value & 0x80:
                regs[0] = regs[1] = 0  # power save clears all interrupts
