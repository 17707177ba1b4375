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


def follow(re, im, low, high, first_q3, last_q3, near_q12, reach_q12, out):
    """The rate in first_q3 … last_q3 whose harmonics hold most of the energy at a known ratio.

    Under motion the lines of the heart and of the hand lie side by side, each with its own ratio.
    A line counts where it and its neighbours have a ratio within reach_q12 of near_q12 and red
    follows infrared (coherence above 0.8, which a lag between the channels breaks). Two harmonics
    at least must count. Returns the rate in lines Q3, or 0, and writes the sums of the counted
    lines to out[0 … 3] (see sums), their share of all energy (Q10) to out[4], their number to
    out[5]. The counted energy is left at im[128 + k] for pulse.refine_q8.

    Scaling: three lines below 2^24.6, >> 10 below 2^14.6, so that their products fit.
    """
    total = 1
    k = 0
    while k < 128:
        im[_HALF + k] = 0
        k += 1
    k = low + 1
    while k < high:
        xx = re[k - 1] + re[k] + re[k + 1] >> 10
        total += re[k] >> 10
        if xx >= 8:
            xy = re[_HALF + k - 1] + re[_HALF + k] + re[_HALF + k + 1] >> 10
            if xy > 0:
                away = (xy << 12) // xx - near_q12
                if -reach_q12 < away < reach_q12:
                    yy = im[k - 1] + im[k] + im[k + 1] >> 10
                    if (xy * xy >> 3) * 5 >= (xx * yy >> 3) * 4:
                        im[_HALF + k] = xx
        k += 1
    best = 0
    best_q3 = 0
    line_q3 = first_q3
    while line_q3 <= last_q3:
        score = 0
        count = 0
        h = 1
        at = line_q3
        while h <= 5:
            k = at + 4 >> 3
            if k >= high:
                break
            if im[_HALF + k] > 0:
                score += im[_HALF + k]
                count += 1
            at += line_q3
            h += 1
        if count >= 2 and score > best:
            best = score
            best_q3 = line_q3
        line_q3 += 1
    if best_q3 == 0:
        return 0
    i = 0
    while i < 6:
        out[i] = 0
        i += 1
    at = best_q3
    h = 1
    while h <= 5:
        centre = at + 4 >> 3
        if centre >= high:
            break
        if im[_HALF + centre] > 0:
            k = centre - 1
            while k <= centre + 1:
                out[0] += re[k]
                out[1] += im[k]
                out[2] += re[_HALF + k]
                out[3] += re[k] // (k * k)
                k += 1
            out[5] += 3
        at += best_q3
        h += 1
    out[4] = (best << 9) // ((total >> 1) + 1)  # below 2^17 * 2^9
    return best_q3


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
