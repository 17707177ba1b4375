"""Pulse rate from the lines of the cross-spectrum: which fundamental explains them best.

The cross-spectrum of the two channels is used because their noise is independent and averages
out of it. With one wavelength the caller passes that channel's power instead.
"""

from micropython import const

from oximeter.core.spectrum import LINES

_HARMONICS = const(8)
# A multiple of the best fundamental is taken when it explains this share (Q10) of what the best
# does: the best of all would often be half the true rate, since its comb holds all true lines.
_MULTIPLE_Q10 = const(870)


def smooth(cross, comb):
    """Energy around each line, weighted by frequency (as the slope of the wave would be).

    The weight takes wander down and harmonics up. Scaling: three lines < 2^24.6, >> 6, times
    line number < 2^7: comb below 2^25.6. Returns the total, below 2^30.
    """
    total = 0
    k = 0
    comb[0] = 0
    comb[LINES - 1] = 0
    while k < LINES:
        if 0 < k < LINES - 1:
            comb[k] = (cross[k - 1] + cross[k] + cross[k + 1] >> 6) * k
        total += (cross[k] >> 6) * k
        k += 1
    return total


def explained_q10(comb, total, line_q3):
    """Share (Q10) of the total that lies on the harmonics of line_q3 (lines in Q3).

    Corrected for the share that a comb of this density would catch of anything.
    """
    if total <= 0:
        return 0
    energy = 0
    at_q3 = line_q3
    last = (LINES - 1) << 3
    count = 0
    while count < _HARMONICS and at_q3 + 4 < last:
        value = comb[at_q3 + 4 >> 3]
        if value > 0:
            energy += value
        at_q3 += line_q3
        count += 1
    down = 0
    while total >> down >= 1048576:
        down += 1
    share_q10 = ((energy >> down) << 10) // ((total >> down) + 1)
    if share_q10 > 1024:
        share_q10 = 1024
    chance_q10 = (3 << 13) // line_q3
    if share_q10 <= chance_q10:
        return 0
    return ((share_q10 - chance_q10) << 10) // (1024 - chance_q10)


def fundamental_q3(comb, total, low_q3, high_q3):
    """The fundamental in lines Q3 between low_q3 and high_q3, or 0 where nothing stands out."""
    best_q3 = 0
    best = 0
    line_q3 = low_q3
    while line_q3 <= high_q3:
        # Only where a line stands at the fundamental or at its second harmonic.
        if comb[line_q3 + 4 >> 3] > 0:
            share = explained_q10(comb, total, line_q3)
            if share > best:
                best = share
                best_q3 = line_q3
        line_q3 += 1
    if best == 0:
        return 0
    multiple = 4
    while multiple >= 2:
        centre = best_q3 * multiple
        if centre <= high_q3:
            line_q3 = centre - multiple
            chosen = 0
            top = 0
            while line_q3 <= centre + multiple and line_q3 <= high_q3:
                share = explained_q10(comb, total, line_q3)
                if share > top:
                    top = share
                    chosen = line_q3
                line_q3 += 1
            if top << 10 >= best * _MULTIPLE_Q10:
                return chosen
        multiple -= 1
    return best_q3


def _peak_q8(power, k, reach):
    """Place of the maximum of power near line k (lines Q8) by a parabola through sqrt-like values.

    0 where no maximum lies within reach lines.
    """
    j = k - reach
    top = k
    while j <= k + reach:
        if power[j] > power[top]:
            top = j
        j += 1
    left = power[top - 1]
    mid = power[top]
    right = power[top + 1]
    if mid <= 0 or left > mid or right > mid:
        return 0
    while mid >= 1048576:
        left >>= 1
        mid >>= 1
        right >>= 1
    # The fourth root turns a Hann main lobe nearly into a parabola around its top.
    left = _fourth_root_q8(left)
    mid = _fourth_root_q8(mid)
    right = _fourth_root_q8(right)
    bend = 2 * mid - left - right
    if bend <= 0:
        return top << 8
    return (top << 8) + ((right - left) << 7) // bend


def _fourth_root_q8(value):
    """value^(1/4) in Q8 for 0 … 2^20."""
    return isqrt(isqrt(value << 8) << 12)


def isqrt(value):
    """Largest integer whose square is <= value, for 0 <= value < 2^30."""
    root = 0
    bit = 1 << 28
    while bit > value:
        bit >>= 2
    while bit:
        if value >= root + bit:
            value -= root + bit
            root = (root >> 1) + bit
        else:
            root >>= 1
        bit >>= 2
    return root


def refine_q8(cross, comb, line_q3):
    """The fundamental in lines Q8: harmonics' places over their numbers, weighted by energy.

    A harmonic h places the fundamental h times more finely, hence the weight h^2 * energy.
    """
    sum_weight = 0
    sum_place = 0
    h = 1
    guess_q8 = line_q3 << 5
    heaviest = 1
    while h <= _HARMONICS:
        k = h * guess_q8 + 128 >> 8
        if k + 3 >= LINES:
            break
        if comb[k] > heaviest:
            heaviest = comb[k]
        h += 1
    down = 0
    while heaviest >> down >= 4096:
        down += 1
    h = 1
    while h <= 6:
        k = h * guess_q8 + 128 >> 8
        if k + 3 >= LINES:
            break
        weight = comb[k] >> down
        if weight > 120:  # below 3 % of the heaviest line noise would place it
            place_q8 = _peak_q8(cross, k, 1)
            if place_q8 > 0:
                error_q8 = place_q8 // h - guess_q8
                if -256 < error_q8 < 256:
                    sum_weight += weight * h
                    sum_place += weight * h * error_q8 >> 4
                    if h == 1 or sum_weight > 0:
                        guess_q8 = guess_q8 if h > 1 else guess_q8
        h += 1
    if sum_weight == 0:
        return guess_q8
    return guess_q8 + (sum_place << 4) // sum_weight
