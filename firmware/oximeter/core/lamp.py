"""A lamp on the mains among the lines, known by its place and by what no blood does.

A lamp flickers at twice the mains. Against the sensor's own clock of nearly as many samples a
second that becomes a line between 0 and 5 Hz, between the heart's or on one of them. Infrared is
sampled 1.107 ms after red (MAX30102 datasheet, 411 us), a ninth of the flicker's period: its line
does not stand in step in both channels, as the heart's do.
"""

from micropython import const

_HALF = const(64)
_ASIDE = const(3)  # lines; the rate of the samples is known to 0.25 %, a quarter of a Hz


def line(re, im, low, high, reach, rate_millihz, light_q8):
    """The line on which a lamp stands, or 0.

    light_q8: infrared over red, where the lamp has to stand alone: of its counts, the same in both
    channels, red then has that much more in shares of the light. 0 where it may stand on a line of
    the heart.
    Where the sensor's rate is far from twice the mains there is none: in ticks and steps the
    flicker is averaged away.
    """
    away = rate_millihz - (100000 if rate_millihz < 110000 else 120000)
    place = (away if away > 0 else -away) * 1024 // rate_millihz  # a line is 1/1024 of the rate
    if place <= low + reach or place > high - reach - _ASIDE:
        return 0
    k = place - _ASIDE
    if k <= low + reach:
        k = low + reach + 1
    top = k
    while k <= place + _ASIDE:
        if re[k] + im[k] > re[top] + im[top]:
            top = k
        k += 1
    ir = 0
    red = 0
    cross = 0
    k = top - reach
    while k <= top + reach:
        ir += re[k]
        red += im[k]
        cross += re[_HALF + k]
        k += 1
    while ir >= 16384 or red >= 16384:
        ir >>= 1
        red >>= 1
        cross >>= 1
    # In step is 1. A lamp alone has cos^2 of 40 degrees at 50 Hz, 0.59, of 48 at 60 Hz, 0.45; one
    # on a line of the heart more.
    in_step = cross * cross
    both = ir * red >> 3
    if in_step <= 3 * both or in_step >= 7 * both:
        return 0
    expected = ir * (light_q8 * light_q8 >> 8) >> 8
    if light_q8 and (4 * red < 3 * expected or 3 * red > 4 * expected):
        return 0
    return top


def put_out(re, im, line, reach):
    """Empty that line and those its energy reaches."""
    k = line - reach - 1
    while k <= line + reach + 1:
        re[k] = 0
        im[k] = 0
        re[_HALF + k] = 0
        k += 1
