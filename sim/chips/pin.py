"""A microcontroller's pin, with machine.Pin's `value`.

Not modelled: rise times, pull-ups, drive strength, interrupts.
"""

from collections.abc import Callable


class Pin:
    """Open drain when something else can hold it low: `held_low` then tells whether it does."""

    def __init__(
        self,
        value: int = 1,
        on_change: Callable[[int], None] | None = None,
        held_low: Callable[[], bool] | None = None,
    ) -> None:
        self._driven = value
        self._on_change = on_change
        self._held_low = held_low

    def value(self, x: int | None = None) -> int | None:
        """The level, without an argument; with one, drive it."""
        if x is None:
            return 0 if self._held_low is not None and self._held_low() else self._driven
        level = 1 if x else 0
        if level != self._driven:
            self._driven = level
            if self._on_change is not None:
                self._on_change(level)
        return None
