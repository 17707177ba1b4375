"""When a reading has settled: the one moment a spot check waits for.

The rule of the design: 30 s of accepted signal and 20 accepted beats; over the last 15 s a range
of at most 1 point, a slope of at most 0.05 point a second, an error estimate of at most 0.5 point.
The settled value is the median of those 15 s.
"""

from micropython import const

from oximeter.core import field
from oximeter.core.integer import insert_sorted

LENGTH = 33

_SPAN = const(15)  # evaluations, one a second
_ACCEPTED = const(0)  # seconds of accepted signal
_AT = const(1)
_KEPT = const(2)
_RING = const(3)  # _SPAN values, then _SPAN sorted
_SORTED = const(18)
_RANGE_CENTIPCT = const(100)
_SD_CENTIPCT = const(50)
# Least squares slope over x = -7 … 7: sum x y / 280 <= 5 centipercent a second.
_SLOPE_SUM = const(1400)


def clear(t):
    t[_ACCEPTED] = 0
    interrupt(t)


def step(t, spo2_centipct, sd_centipct, beats, seconds):
    """One accepted second; returns the settled value in centipercent or field.NONE.

    beats: beats accepted so far in this measurement.
    """
    if t[_ACCEPTED] < 10000:
        t[_ACCEPTED] += seconds
    at = t[_AT]
    t[_RING + at] = spo2_centipct
    at += 1
    if at == _SPAN:
        at = 0
    t[_AT] = at
    if t[_KEPT] < _SPAN:
        t[_KEPT] += 1
    if t[_KEPT] < _SPAN or t[_ACCEPTED] < 30 or beats < 20 or sd_centipct > _SD_CENTIPCT:
        return field.NONE
    slope_sum = 0
    i = 0
    while i < _SPAN:
        j = at + i
        if j >= _SPAN:
            j -= _SPAN
        value = t[_RING + j]
        slope_sum += (i - 7) * value
        insert_sorted(t, _SORTED, i, value)
        i += 1
    if slope_sum > _SLOPE_SUM or slope_sum < -_SLOPE_SUM:
        return field.NONE
    if t[_SORTED + _SPAN - 1] - t[_SORTED] > _RANGE_CENTIPCT:
        return field.NONE
    return t[_SORTED + (_SPAN >> 1)]


def interrupt(t):
    """A second without an accepted reading: the last 15 s begin anew, the accepted time stays."""
    t[_KEPT] = 0
    t[_AT] = 0
