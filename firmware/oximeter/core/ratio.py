"""Ratio of ratios and its error from the spectral lines.

R = (red AC / red DC) / (infrared AC / infrared DC). In logarithms the DC is divided out already,
so R is the slope of red on infrared: sum Re(X Y*) / sum |X|^2 over the lines taken. The slope
rather than the quotient of RMS values, which is 1/coherence too high (measured on real fingers).
"""

from micropython import const

from oximeter.core import field
from oximeter.core.integer import isqrt

_HALF = const(128)
_TOO_HIGH_Q12 = const(14336)  # 3.5: the curve ends below 10 % SpO2; no tissue gives that


def mark_harmonics(im, line_q8, high, reach):
    """Mark the lines within reach of a harmonic of line_q8, and no others; returns how many.

    Marks are ones in the free room at im[128 + k] (see spectrum.lines).
    """
    mark_band(im, 1, 0)
    count = 0
    at_q8 = line_q8
    while at_q8 + 128 >> 8 <= high:
        centre = at_q8 + 128 >> 8
        k = centre - reach
        while k <= centre + reach:
            if 0 < k <= high and im[_HALF + k] == 0:
                im[_HALF + k] = 1
                count += 1
            k += 1
        at_q8 += line_q8
    return count


def mark_band(im, low, high):
    """Mark the lines low … high and no others; returns how many."""
    k = 0
    while k < 128:
        im[_HALF + k] = 1 if low <= k <= high else 0
        k += 1
    return high - low + 1


def sums(re, im, high, out):
    """Write sum |X|^2, sum |Y|^2, sum Re(X Y*) over the marked lines to out[0 … 2].

    To out[3] goes the sum of |X|^2 / k^2: energy of the wave rather than of its slope.
    """
    xx = 0
    yy = 0
    xy = 0
    wave = 0
    k = 1
    while k <= high:
        if im[_HALF + k]:
            xx += re[k]
            yy += im[k]
            xy += re[_HALF + k]
            wave += re[k] // (k * k)
        k += 1
    out[0] = xx
    out[1] = yy
    out[2] = xy
    out[3] = wave


def estimate(out, lines_q4):
    """From out[0 … 2] the ratio to out[0] and its standard deviation to out[1], both Q12.

    lines_q4: independent lines behind the sums, Q4. The spread is that of a least squares fit of
    complex lines: var R = sum |Y - R X|^2 / (sum |X|^2 * (2 n - 1)).
    Scaling: sums brought under 2^16; quotients in two divisions so that Q24 fits.
    """
    xx = out[0]
    yy = out[1]
    xy = out[2]
    out[0] = field.NONE
    out[1] = 0
    if xx <= 64 or yy <= 0 or xy <= 0:
        return
    while xx >= 65536 or yy >= 65536 or xy >= 65536:
        xx >>= 1
        yy >>= 1
        xy >>= 1
    if xx < 64:
        return
    ratio_q12 = (xy << 12) // xx
    if ratio_q12 > _TOO_HIGH_Q12:
        return
    left_over = yy - (xy * ratio_q12 >> 12)
    if left_over < 1:
        left_over = 1  # no fit is better than the integers it is made with
    freedom_q4 = 2 * lines_q4 - 16
    if freedom_q4 < 16:
        freedom_q4 = 16
    whole = (left_over << 8) // xx
    if whole > 8191:
        return
    quotient_q20 = (whole << 12) + (((left_over << 8) - whole * xx << 12) // xx)
    variance_q20 = (quotient_q20 << 4) // freedom_q4
    out[0] = ratio_q12
    out[1] = isqrt(variance_q20 << 4) if variance_q20 < 67108864 else isqrt(variance_q20) << 2
