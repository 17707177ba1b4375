"""When a reading has settled: the one moment a spot check waits for.

The rule of the design: 30 s of accepted signal and 20 accepted beats; over the last 15 s a range
of at most 1 point, a slope of at most 0.05 point a second, an error estimate of at most 0.5 point.
The settled value is the median of those 15 s.

Most of those seconds have to have a pulse, too: light that fluctuates with one ratio has none, and
a saturation of 80 whose error seems small.

A slope is only known as well as its points. Over 15 s of readings that each look back 8 s, an
error of 0.11 points makes one of 0.015 points a second; where the estimated error is larger, the
slope must be as flat over 31 s, above 0.24 points over 45 s. Over 15 s alone, every second fall of
0.1 points a second at PI 0.3 % passed for rest at some moment within two minutes.
"""

from micropython import const

from oximeter.core import field
from oximeter.core.integer import insert_sorted

LENGTH = 64

_SPAN = const(15)  # evaluations, one a second
_LONG = const(31)
_LONGEST = const(45)
_ACCEPTED = const(0)  # seconds of accepted signal
_AT = const(1)
_KEPT = const(2)
_RING = const(3)  # _LONGEST values, then _SPAN sorted
_SORTED = const(48)
_PULSES = const(63)  # seconds with a pulse less those without, 0 … _SPAN
_RANGE_CENTIPCT = const(100)
_SD_CENTIPCT = const(50)
_FINE_SD_CENTIPCT = const(11)
_COARSE_SD_CENTIPCT = const(24)
_SLOPE_CENTIPCT = const(5)  # a second


def clear(t):
    t[_ACCEPTED] = 0
    t[_PULSES] = 0
    interrupt(t)


def step(t, spo2_centipct, sd_centipct, beats, pulse):
    """One accepted second; returns the settled value in centipercent or field.NONE.

    beats: beats accepted so far in this measurement. pulse: whether this second has a rate.
    """
    if t[_ACCEPTED] < 10000:
        t[_ACCEPTED] += 1
    if pulse:
        if t[_PULSES] < _SPAN:
            t[_PULSES] += 1
    elif t[_PULSES] > 0:
        t[_PULSES] -= 1
    at = t[_AT]
    t[_RING + at] = spo2_centipct
    at += 1
    if at == _LONGEST:
        at = 0
    t[_AT] = at
    if t[_KEPT] < _LONGEST:
        t[_KEPT] += 1
    if t[_ACCEPTED] < 30 or beats < 20 or sd_centipct > _SD_CENTIPCT:
        return field.NONE
    if 2 * t[_PULSES] < _SPAN:
        return field.NONE
    span = _SPAN
    if sd_centipct > _FINE_SD_CENTIPCT:
        span = _LONG if sd_centipct <= _COARSE_SD_CENTIPCT else _LONGEST
    if t[_KEPT] < span:
        return field.NONE
    # Least squares: slope = sum x y / sum x x over x = -half ... half; 506 * 11,000 < 2^23.
    half = span >> 1
    slope_sum = 0
    squares = 0
    i = 0
    while i < span:
        at -= 1
        if at < 0:
            at = _LONGEST - 1
        value = t[_RING + at]
        slope_sum += (i - half) * value
        squares += (i - half) * (i - half)
        if i < _SPAN:
            insert_sorted(t, _SORTED, i, value)
        i += 1
    if slope_sum > _SLOPE_CENTIPCT * squares or -slope_sum > _SLOPE_CENTIPCT * squares:
        return field.NONE
    if t[_SORTED + _SPAN - 1] - t[_SORTED] > _RANGE_CENTIPCT:
        return field.NONE
    return t[_SORTED + (_SPAN >> 1)]


def interrupt(t):
    """A second without an accepted reading: the seconds looked back on begin anew, the accepted
    time stays."""
    t[_KEPT] = 0
    t[_AT] = 0
