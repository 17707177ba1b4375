"""Ratio of ratios and its error from the spectral lines.

R = (red AC / red DC) / (infrared AC / infrared DC). In logarithms the DC is divided out already,
so R is the slope of red on infrared: sum Re(X Y*) / sum |X|^2 over the lines taken. The slope
rather than the quotient of RMS values, which is 1/coherence too high (measured on real fingers).
"""

from micropython import const

from oximeter.core import field
from oximeter.core.integer import isqrt

_HALF = const(64)
# No tissue gives less or more: by the curve these are 109 % and 10 %.
_TOO_LOW_Q12 = const(410)
_TOO_HIGH_Q12 = const(14336)


def mark_harmonics(im, line_q8, high, reach):
    """Mark the lines within reach of a harmonic of line_q8, and no others; returns how many.

    Marks are ones in the free room at im[64 + k] (see spectrum.lines).
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
    while k < _HALF:
        im[_HALF + k] = 1 if low <= k <= high else 0
        k += 1
    return high - low + 1


def residuals(re, im, left, low, high, ratio_q12):
    """Write |Y - R X|^2, what this ratio leaves of red, to left[low … high], at least 1.

    Scaling: powers below 2^23, ratio below 2^13.8; products in two parts of 12 bits.
    """
    k = low
    while k <= high:
        x = re[k]
        x = 2 * re[_HALF + k] - ratio_q12 * (x >> 12) - (ratio_q12 * (x & 4095) >> 12)
        x = im[k] - ratio_q12 * (x >> 12) - (ratio_q12 * (x & 4095) >> 12)
        left[k] = x if x > 0 else 1
        k += 1


def _weighted(re, im, left, low, high, least, out):
    """One pass over the marked lines, each weighted by the residual around it, or without.

    least: 0 finds the smallest mean of seven residuals; otherwise that, and out[0 … 2] become the
    sums of w |X|^2, w Re(X Y*) and the number of lines, w = least / residual, at most 1.
    Weights are Q7, so that a weight times a power stays below 2^30.
    """
    around = 0
    k = low
    while k < low + 6:
        around += left[k]
        k += 1
    xx = 0
    xy = 0
    count = 0
    smallest = 1 << 26
    scale = 0
    while least >> scale >= 4194304:
        scale += 1
    k = low
    while k <= high:
        n = 13
        if k + 6 <= high:
            around += left[k + 6]
        else:
            n -= k + 6 - high
        if k - 7 >= low:
            around -= left[k - 7]
        else:
            n -= low - k + 6
        if im[_HALF + k]:
            mean = around // n
            if least == 0:
                if mean < smallest:
                    smallest = mean
            else:
                weight = (least >> scale) * 127 // (mean >> scale)
                xx += weight * re[k] >> 7
                xy += weight * re[_HALF + k] >> 7
                count += 1
        k += 1
    if least == 0:
        return smallest if smallest > 0 else 1
    out[0] = xx
    out[1] = xy
    out[2] = count
    return least


def _beside(im, left, first, last):
    """Mean residual of the lines first … last that are not marked; 0 where all are."""
    total = 0
    count = 0
    k = first
    while k <= last:
        if im[_HALF + k] == 0:
            total += left[k] >> 3
            count += 1
        k += 1
    return (total // count << 3) + 1 if count > 0 else 0


def variance_q24(noise, energy, size):
    """Variance (Q24, at most 4 or so) of a ratio from lines of this energy over this noise.

    Lines of a windowed and padded signal repeat each other: var R = 1.5 / 2 (128 / size)
    noise / sum |X|^2, for white noise under a half sine.
    """
    while energy >= 524288 or noise >= 524288:
        energy >>= 1
        noise >>= 1
    if noise < 1:
        noise = 1
    if energy <= noise >> 2:
        return 67108864
    whole = (noise << 11) // energy
    quotient_q22 = (whole << 11) + ((noise << 11) - whole * energy << 11) // energy
    if quotient_q22 >= 1048576:
        return 67108864
    return (quotient_q22 * 96 // size) << 2


def wave(re, im, low, high):
    """sum |X|^2 / k^2 over the marked lines: energy of the wave, not of its slope."""
    energy = 0
    k = low
    while k <= high:
        if im[_HALF + k]:
            energy += re[k] // (k * k)
        k += 1
    return energy


def estimate(re, im, left, low, high, split, size, out):
    """Ratio from the marked lines to out[0] and its standard deviation to out[1], both Q12.

    Least squares of red on infrared, each line weighted by the inverse of what the last ratio
    left unexplained around it, three times (iteratively reweighted: Holland and Welsch 1977).
    Under white noise in both channels that is the maximum likelihood; where breathing or a hand
    stands between the lines, those lines count for less. What noise adds to sum |X|^2, a share
    1 / (1 + R^2) of the residual, is taken out, or a weak pulse would read high.
    Where the lines up to `split` (the fundamental) and those above it disagree by more than the
    noise beside them explains, one of them is not the heart's, and the difference is an error.
    out[0] is NONE without a ratio.
    left: room for 64 values. size: steps in the window.
    """
    xx = 0
    xy = 0
    lower_xx = 0
    lower_xy = 0
    k = low
    while k <= high:
        if im[_HALF + k]:
            xx += re[k]
            xy += re[_HALF + k]
        if k == split:
            lower_xx = xx
            lower_xy = xy
        k += 1
    upper_xx = xx - lower_xx
    upper_xy = xy - lower_xy
    out[1] = 0
    turn = 0
    total = 1
    least = 1
    while True:
        out[0] = field.NONE
        while xx >= 65536:
            xx >>= 1
            xy >>= 1
        if xx < 16 or xy <= 0 or xy >= 4 * xx:
            return
        ratio_q12 = (xy << 12) // xx
        if ratio_q12 < _TOO_LOW_Q12 or ratio_q12 > _TOO_HIGH_Q12:
            return
        if turn == 3:
            break
        residuals(re, im, left, low, high, ratio_q12)
        least = _weighted(re, im, left, low, high, 0, out)
        _weighted(re, im, left, low, high, least, out)
        xx = out[0]
        xy = out[1]
        unity_q4 = 4096 + (ratio_q12 * ratio_q12 >> 12) >> 8
        scale = 0
        while least >> scale >= 524288:
            scale += 1
        xx -= ((least >> scale) * out[2] * 16 // unity_q4) << scale
        if xx <= least:
            out[0] = field.NONE
            return
        turn += 1
        total = xx
    out[0] = ratio_q12
    variance = variance_q24(least, total, size)
    # Lines whose residual is small by chance weigh more: the mean of 1 / s, where s is a mean of n
    # squares, is n / (n - 2) times 1 / mean s. Thirteen lines of a windowed and padded signal are
    # worth some eight, each with two squares, so an eighth is added.
    variance += variance >> 3
    if lower_xx > 256 and upper_xx > 256:
        lower_noise = _beside(im, left, low, split)
        if lower_noise == 0:
            lower_noise = least
        upper_noise = _beside(im, left, split + 1, high)
        if upper_noise == 0:
            upper_noise = least
        while lower_xx >= 65536 or upper_xx >= 65536:
            lower_xx >>= 1
            lower_xy >>= 1
            upper_xx >>= 1
            upper_xy >>= 1
            lower_noise >>= 1
            upper_noise >>= 1
        if lower_xx > 15 and upper_xx > 15:
            apart_q12 = (lower_xy << 12) // lower_xx - (upper_xy << 12) // upper_xx
            if apart_q12 > 8191 or apart_q12 < -8191:
                apart_q12 = 8191
            excess_q24 = apart_q12 * apart_q12
            excess_q24 -= 4 * variance_q24(lower_noise, lower_xx, size)
            excess_q24 -= 4 * variance_q24(upper_noise, upper_xx, size)
            if excess_q24 > 0:
                both = lower_xx + upper_xx
                share_q8 = (lower_xx << 8) // both * ((upper_xx << 8) // both) >> 6  # 4 p (1 - p)
                variance += (excess_q24 >> 8) * share_q8
    out[1] = isqrt(variance << 2) + 1 >> 1 if variance < 268435456 else 32767


def of_line(re, centre, reach):
    """Ratio Q12 of the lines within reach of one, or NONE."""
    xx = 0
    xy = 0
    k = centre - reach
    while k <= centre + reach:
        xx += re[k]
        xy += re[_HALF + k]
        k += 1
    while xx >= 65536 or xy >= 65536:
        xx >>= 1
        xy >>= 1
    if xx < 16 or xy <= 0:
        return field.NONE
    return (xy << 12) // xx

