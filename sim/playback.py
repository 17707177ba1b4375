"""A recording as the light that falls on the sensor, open loop: LED settings change nothing.

Where the recording tells how warm the die was, the sensor says so.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sim.door import core
from sim.recording import Recording

OWN_CLOCK_HZ = (60.0, 150.0)  # rates played as the sensor's own clock
GRID_US = 10_000  # other rates are interpolated to 100 a second
FAILED = (core.FAILED_READ_ADC, core.FAILED_READ_ADC)

Sample = tuple[int, int] | None  # counts (red, ir); None is a lost sample


class Playback:
    """The samples of a recording, each due at its time after the first.

    A recording of 60 … 150 samples a second plays as it stands, at its own times. Any other is
    interpolated linearly to 100 a second. In a gap of more than three periods no sample is due.
    A failed read is passed on raw and a blank cell as a lost sample; where the recording is
    interpolated, so is everything between either and its neighbours, for nothing is known there.
    """

    fixed = True

    def __init__(self, recording: Recording):
        self.channels = recording.channels
        self.duration_s = recording.duration_s
        self._die_us, self._die_c = _die(recording)
        at_us, samples = _samples(recording)
        self._at_us: list[float] = [*at_us, math.inf]
        self._samples = samples
        self._next = 0

    def until(self, now_us: int, chip: Any) -> Sequence[Sample]:
        """The samples completed since the last call, up to and with now_us."""
        if len(self._die_us):
            at = int(np.searchsorted(self._die_us, now_us, side="right"))
            chip.die_c = float(self._die_c[max(at - 1, 0)])
        at_us = self._at_us
        first = past = self._next
        while at_us[past] <= now_us:
            past += 1
        self._next = past
        return self._samples[first:past]


def _die(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """When the die's temperature was told (microseconds after the first sample), and what it was;
    none where the recording does not tell it."""
    if recording.die_c is None:
        return np.empty(0), np.empty(0)
    told = ~np.isnan(recording.die_c)
    # Only where it changes: `until` looks it up at every poll.
    told[told] = np.diff(recording.die_c[told], prepend=np.inf) != 0
    return (recording.t_s[told] - recording.t_s[0]) * 1e6, recording.die_c[told]


def _samples(recording: Recording) -> tuple[list[int], list[Sample]]:
    """When each sample is due (microseconds after the first) and what it is."""
    t_us = np.rint((recording.t_s - recording.t_s[0]) * 1e6).astype(np.int64)
    dark = np.zeros(len(t_us))
    # An absent channel reads 0. It is never failed: a failed read shows in both channels.
    red = dark if recording.red is None else recording.red
    ir = dark if recording.ir is None else recording.ir
    lost = np.isnan(red) | np.isnan(ir)
    failed = (red == core.FAILED_READ_ADC) & (ir == core.FAILED_READ_ADC)
    slowest_hz, fastest_hz = OWN_CLOCK_HZ
    if not slowest_hz <= round(1 / recording.period_s, 1) <= fastest_hz:
        t_us, red, ir, lost, failed = _on_grid(recording.period_s, t_us, red, ir, lost, failed)
    red_adc = np.where(lost, 0, np.rint(red)).astype(np.int64).tolist()
    ir_adc = np.where(lost, 0, np.rint(ir)).astype(np.int64).tolist()
    samples: list[Sample] = list(zip(red_adc, ir_adc, strict=True))
    for at in np.flatnonzero(failed):
        samples[at] = FAILED
    for at in np.flatnonzero(lost):
        samples[at] = None
    return t_us.tolist(), samples


def _on_grid(
    period_s: float,
    t_us: np.ndarray,
    red: np.ndarray,
    ir: np.ndarray,
    lost: np.ndarray,
    failed: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The same on a grid of 10 ms, without the grid points that fall into a gap."""
    grid_us = np.arange(0, t_us[-1] + 1, GRID_US)
    before = np.searchsorted(t_us, grid_us, side="right") - 1
    # On a row both neighbours are that row itself.
    after = np.where(t_us[before] == grid_us, before, np.minimum(before + 1, len(t_us) - 1))
    # The extra millisecond: times are often written in whole milliseconds.
    known = t_us[after] - t_us[before] <= 3 * period_s * 1e6 + 1000
    grid_us, before, after = grid_us[known], before[known], after[known]
    return (
        grid_us,
        np.interp(grid_us, t_us, np.where(lost, 0, red)),
        np.interp(grid_us, t_us, np.where(lost, 0, ir)),
        lost[before] | lost[after],
        (failed[before] | failed[after]) & ~(lost[before] | lost[after]),
    )
