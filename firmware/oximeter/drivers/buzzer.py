"""A piezo on a PWM pin."""


class Buzzer:
    """`pwm` has freq(hz) and duty_u16(0 … 65535)."""

    def __init__(self, pwm):
        self._pwm = pwm
        self._sounding = False
        self._until_ms = 0
        pwm.duty_u16(0)

    def tone(self, hz, ms, now_ms):
        """Sound now; `step` ends it. A new tone takes over from the last."""
        self._pwm.freq(hz)
        self._pwm.duty_u16(32768)
        self._sounding = True
        self._until_ms = now_ms + ms

    def step(self, now_ms):
        if self._sounding and now_ms - self._until_ms >= 0:
            self.off()

    def off(self):
        self._pwm.duty_u16(0)
        self._sounding = False
