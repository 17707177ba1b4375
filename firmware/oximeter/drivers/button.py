"""One button to ground: pressed reads 0."""

from micropython import const

NONE = const(0)
SHORT = const(1)  # let go before 1.5 s
LONG = const(2)  # let go after it
HELD = const(3)  # 1.5 s reached and still down, told once

_DEBOUNCE_MS = const(30)
_LONG_MS = const(1500)


class Button:
    """`step` often (every 40 ms will do); it tells each event once."""

    def __init__(self, pin):
        self._pin = pin
        self._down = False
        self._held = False
        self._seen = 1
        self._seen_ms = 0
        self._down_ms = 0
        # Already down at power-up, it was pressed to switch on: that press is nobody's event.
        self._armed = pin.value() == 1

    def step(self, now_ms):
        """What just happened: NONE, SHORT, HELD (at 1.5 s), LONG (letting go after it)."""
        level = self._pin.value()
        if level != self._seen:
            self._seen = level
            self._seen_ms = now_ms
        settled = now_ms - self._seen_ms >= _DEBOUNCE_MS
        if not self._armed:
            self._armed = settled and level == 1
            return NONE
        if settled and self._down != (level == 0):
            self._down = level == 0
            if self._down:
                self._down_ms = self._seen_ms
                self._held = False
            else:
                return LONG if self._held else SHORT
        if self._down and not self._held and now_ms - self._down_ms >= _LONG_MS:
            self._held = True
            return HELD
        return NONE
