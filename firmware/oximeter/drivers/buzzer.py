"""A piezo on a PWM pin, and the sounds of the oximeter.

A sound is two bytes a tone: its pitch in 10 Hz, 0 for a rest, and its length in 10 ms. Old ears
hear 500 to 1000 Hz best, and every tone lies there.
"""

FINGER = b"\x3c\x06"  # a finger was felt: one short tone
SETTLED = b"\x3c\x0c\x50\x14"  # two tones upwards
ATTENTION = b"\x50\x14\x00\x0f\x50\x14\x00\x0f\x50\x14"  # three alike
DOCTOR = b"\x64\x1e\x46\x1e\x64\x1e\x46\x1e\x64\x1e\x46\x1e"  # high and low, three times
FAULT = b"\x32\x50"  # one long, low


class Buzzer:
    """`pwm` has freq(hz) and duty_u16(0 … 65535)."""

    def __init__(self, pwm):
        self._pwm = pwm
        self._sounding = False
        self._until_ms = 0
        self._sound = b""
        self._at = 0
        pwm.duty_u16(0)

    def tone(self, hz, ms, now_ms):
        """Sound now; `step` ends it. A new tone takes over from the last."""
        self._sound = b""
        self._start(hz, ms, now_ms)

    def play(self, sound, now_ms):
        """One of the sounds above; it takes over from what sounds."""
        self._sound = sound
        self._at = 0
        self._next(now_ms)

    def busy(self):
        return self._sounding

    def step(self, now_ms):
        if self._sounding and now_ms - self._until_ms >= 0:
            self._next(now_ms)

    def off(self):
        self._pwm.duty_u16(0)
        self._sounding = False
        self._sound = b""

    def _next(self, now_ms):
        at = self._at
        if at >= len(self._sound):
            self.off()
            return
        self._at = at + 2
        self._start(10 * self._sound[at], 10 * self._sound[at + 1], now_ms)

    def _start(self, hz, ms, now_ms):
        if hz:
            self._pwm.freq(hz)
        self._pwm.duty_u16(32768 if hz else 0)
        self._sounding = True
        self._until_ms = now_ms + ms
