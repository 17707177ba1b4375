"""The jig's optical targets, as a unit's sensor sees them; hardware/jig.yaml says what they are.

Modelled: what each target returns of each colour, crosstalk inside the unit, lights that are
exchanged, the spread of sensors, noise, light from outside, a sensor's clock that is off. Not
modelled: where on the target a unit looks, its window, temperature, the spectrum of the lights.
"""

import dataclasses
import math
import random
from collections.abc import Iterator
from typing import Any

from sim.chips.max30102 import DARK_ADC, FULL_SCALE_ADC

# (red, infrared) that a target returns, against the grey one.
RETURNS = {
    "dark": (0.0, 0.0),
    "grey": (1.0, 1.0),
    "infrared": (0.04, 0.92),
    "modulated": (0.8, 0.8),
}
MODULATION_HZ = 1.2
MODULATION = 0.01  # of infrared; of red it is that times the ratio written on the target
_BASE_RANGE_NA = 4096


@dataclasses.dataclass
class Place:
    """A slot: the target before its sensor, the ratio written on its modulated one, what its
    targets still return of what they did when new, and light that leaks in (counts)."""

    target: str = "dark"
    ratio: float = 0.6
    left: float = 1.0
    leak_adc: float = 0.0


@dataclasses.dataclass
class Optics:
    """A unit's own: counts a mA that the grey target returns and that the case does, in red and
    infrared; noise as a share of the signal; its clock against a true one."""

    gain: tuple[float, float] = (14_300.0, 17_100.0)
    crosstalk: tuple[float, float] = (280.0, 340.0)
    noise: float = 6e-5
    clock: float = 1.0
    swapped: bool = False  # the two lights are mounted in each other's place

    @classmethod
    def drawn(cls, chance: random.Random) -> "Optics":
        """A good unit of a lot: gains within some 10 %, as the spread of LEDs and diodes."""

        def about(value: float, share: float) -> float:
            return value * min(1 + 2.5 * share, max(1 - 2.5 * share, chance.gauss(1, share)))

        return cls(
            (about(14_300, 0.05), about(17_100, 0.05)),
            (about(280, 0.1), about(340, 0.1)),
            about(6e-5, 0.1),
            about(1, 0.005),
        )


class Returned:
    """The light of sim.chips.max30102: what comes back at `place` to a unit of these optics."""

    fixed = False
    channels = 3

    def __init__(self, optics: Optics, place: Place, seed: int) -> None:
        self.optics = optics
        self.place = place
        self._chance = random.Random(seed)
        self._next_us = 0.0

    def until(self, now_us: int, chip: Any) -> Iterator[tuple[int, int]]:
        period_us = 1e6 / (chip.rate_hz * self.optics.clock)
        while self._next_us <= now_us:
            yield self._sample(self._next_us / 1e6, chip)
            self._next_us += period_us

    def _sample(self, t_s: float, chip: Any) -> tuple[int, int]:
        place, optics = self.place, self.optics
        red, ir = (share * place.left for share in RETURNS[place.target])
        if place.target == "modulated":
            wave = math.sin(2 * math.pi * MODULATION_HZ * t_s)
            red *= 1 - MODULATION * place.ratio * wave
            ir *= 1 - MODULATION * wave
        light = [
            gain * share + leak
            for gain, share, leak in zip(optics.gain, (red, ir), optics.crosstalk, strict=True)
        ]
        if optics.swapped:
            light.reverse()
        scale = _BASE_RANGE_NA / chip.range_na / 1000
        return self._counts(light[0] * chip.led_red_ua * scale), self._counts(
            light[1] * chip.led_ir_ua * scale
        )

    def _counts(self, signal_adc: float) -> int:
        noise_adc = self._chance.gauss(0, 2 + self.optics.noise * signal_adc)
        whole = DARK_ADC + self.place.leak_adc + signal_adc + noise_adc
        return min(max(round(whole), 0), FULL_SCALE_ADC)
