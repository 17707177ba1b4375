"""Pulse rate from the lines of the cross-spectrum: which fundamental explains them best.

The spectrum is that of the wave's slope, in which the harmonics that tell a rate from its half
stand about as high as the fundamental.

The cross-spectrum of the two channels is used because their noise is independent and averages
out of it. With one wavelength it is that channel's power.

Every function takes the arrays that spectrum.lines has filled: `re` holds the cross-spectrum at
64 + k, and the free room at im[64 + k] takes the comb, the energy around each line.
"""

from micropython import const

from oximeter.core.integer import isqrt

_HALF = const(64)
_HARMONICS = const(8)
# A comb of half the true rate holds every true line too. Its own lines, the odd ones, must hold
# this share (Q10) of the energy and three times what noise would put there, or the rate is its
# multiple; a dicrotic wave leaves far more.
_ODD_LINES_Q10 = const(31)


def gather(re, im, low, high, reach):
    """Comb: energy within reach lines of each; returns the energy of all lines low … high.

    Lines outside low … high count as empty. Scaling: all power together is below 2^30, >> 3 keeps
    a sum of combs there too.
    """
    total = 0
    k = _HALF
    while k < 2 * _HALF:
        im[k] = 0
        k += 1
    first = _HALF + low
    last = _HALF + high
    near = 0
    k = first
    while k < first + reach:
        near += re[k] >> 3
        k += 1
    k = first
    while k <= last:
        if k + reach <= last:
            near += re[k + reach] >> 3
        if k - reach - 1 >= first:
            near -= re[k - reach - 1] >> 3
        im[k] = near
        total += re[k] >> 3
        k += 1
    return total


def _energy_q10(im, total, line_q3, high):
    """Share (Q10) of the total that lies on the harmonics of line_q3 (lines in Q3)."""
    energy = 0
    at_q3 = line_q3
    count = 0
    while count < _HARMONICS:
        k = at_q3 + 4 >> 3
        if k > high:
            break
        value = im[_HALF + k]
        if value > 0:
            energy += value >> 2
        at_q3 += line_q3
        count += 1
    scale = total >> 2
    while scale >= 1048576:
        scale >>= 1
        energy >>= 1
    return (energy << 10) // scale if energy < scale else 1024


def densest_q3(reach):
    """The fundamental up to which a comb takes in 85 % of anything, and so tells nothing."""
    return (2 * reach + 1 << 13) // 870


def explained_q10(im, total, line_q3, high, reach):
    """_energy_q10 corrected for what a comb of this density would catch of anything.

    0 for a comb too dense to tell.
    """
    chance_q10 = (2 * reach + 1 << 13) // line_q3
    if total < 256 or line_q3 <= densest_q3(reach):
        return 0
    share_q10 = _energy_q10(im, total, line_q3, high)
    if share_q10 <= chance_q10:
        return 0
    return (share_q10 - chance_q10 << 10) // (1024 - chance_q10)


def fundamental_q3(im, total, low_q3, high_q3, slow_q3, high, reach):
    """The fundamental in lines Q3 between low_q3 and high_q3, or 0 where nothing stands out.

    slow_q3: what may stand below it is breathing.
    """
    best_q3 = 0
    best = 0
    line_q3 = low_q3
    little = total >> 5
    while line_q3 <= high_q3:
        # Only where the fundamental or the second harmonic has 3 % of the energy. The grid widens
        # where fewer harmonics fit below `high`.
        second = line_q3 + 2 >> 2
        if im[_HALF + (line_q3 + 4 >> 3)] > little or (
            second <= high and im[_HALF + second] > little
        ):
            share = explained_q10(im, total, line_q3, high, reach)
            if share > best:
                best = share
                best_q3 = line_q3
        line_q3 += 1 + (line_q3 >> 7)
    if best == 0:
        return 0
    # What noise puts on a line: the energy off the comb, evenly.
    width = 2 * reach + 1
    between = (high << 3) // best_q3
    between = high - (between if between < _HARMONICS else _HARMONICS) * width
    if between < width:
        between = width
    noise_q10 = (1024 - _energy_q10(im, total, best_q3, high)) * width // between
    multiple = 4
    while multiple >= 2:
        centre = best_q3 * multiple
        if centre <= high_q3:
            line_q3 = centre - multiple
            chosen = 0
            top = 0
            while line_q3 <= centre + multiple and line_q3 <= high_q3:
                share = _energy_q10(im, total, line_q3, high)
                if share > top:
                    top = share
                    chosen = line_q3
                line_q3 += 1
            if chosen > 0:
                own_q10 = _between_q10(im, total, chosen, multiple, slow_q3, high, reach)
                if own_q10 <= _ODD_LINES_Q10 + 3 * noise_q10:
                    share = explained_q10(im, total, chosen, high, reach)
                    if share * 4 > best * 3:
                        return chosen
        multiple -= 1
    return best_q3


def whole_q10(im, total, line_q3, high, reach):
    """explained_q10; 0 where lines halfway between the harmonics tell of half this rate."""
    if _between_q10(im, total, line_q3, 2, line_q3, high, reach) > _ODD_LINES_Q10:
        return 0
    return explained_q10(im, total, line_q3, high, reach)


def has_no_overtones(im, line_q3, high):
    """Whether the second and third harmonic hold under a sixteenth of what the fundamental does.

    In the slope's energy the most damped pulse has a twelfth there at 48 a minute and a quarter at
    33, one with a second wave as much as in the fundamental; breathing a hundredth.
    """
    overtones = 0
    at_q3 = 2 * line_q3
    while at_q3 <= 3 * line_q3 and at_q3 + 4 >> 3 <= high:
        overtones += im[_HALF + (at_q3 + 4 >> 3)] >> 1
        at_q3 += line_q3
    return overtones < im[_HALF + (line_q3 + 4 >> 3)] >> 5


def _between_q10(im, total, line_q3, multiple, slow_q3, high, reach):
    """Share (Q10) of the total on the lines that a rate `multiple` times slower would have more.

    Counted as far as a line stands above what lies at its sides: the skirts of a strong line and
    noise cover all places alike. Places below slow_q3 may be breathing and do not count, nor do
    those where a harmonic from above half the step rate (line 64) is mirrored to.
    """
    aside = 2 * reach + 1
    energy = 0
    tooth = 1
    at_q3 = line_q3 // multiple
    while at_q3 >> 3 <= high - aside and tooth < 12:
        mirrored = (1024 - at_q3 + 12) % line_q3
        if tooth % multiple and at_q3 >= slow_q3 and mirrored > 24:
            k = _HALF + (line_q3 * tooth // multiple + 4 >> 3)
            peak = im[k] - (im[k - aside] + im[k + aside] >> 1)
            energy += peak >> 2
        tooth += 1
        at_q3 = line_q3 * tooth // multiple
    if energy <= 0:
        return 0
    scale = total >> 2
    while scale >= 1048576:
        scale >>= 1
        energy >>= 1
    return (energy << 10) // scale if energy < scale else 1024


def _fourth_root_q8(value):
    """value^(1/4) in Q8 for 0 … 2^20."""
    return isqrt(isqrt(value << 8) << 12)


def _peak_q8(re, k, reach, high):
    """Place of the greatest line within reach of k (lines Q8), between lines; 0 without one.

    A parabola through fourth roots: they turn the main lobe of a Hann window into one.
    """
    top = k
    j = k - reach
    while j <= k + reach:
        if re[_HALF + j] > re[_HALF + top]:
            top = j
        j += 1
    if top + 1 > high:
        return 0
    left = re[_HALF + top - 1]
    mid = re[_HALF + top]
    right = re[_HALF + top + 1]
    if mid <= 0 or left > mid or right > mid:
        return 0
    while mid >= 1048576:
        left >>= 1
        mid >>= 1
        right >>= 1
    left = _fourth_root_q8(left if left > 0 else 0)
    mid = _fourth_root_q8(mid)
    right = _fourth_root_q8(right if right > 0 else 0)
    bend = 2 * mid - left - right
    if bend <= 0:
        return top << 8
    return (top << 8) + (right - left << 7) // bend


def refine_q8(re, im, line_q3, high, reach):
    """The fundamental in lines Q8: places of the harmonics over their numbers, by energy.

    A harmonic h places the fundamental h times more finely, hence its weight also grows with h
    (in the slope's energy that the comb holds it does already).
    """
    heaviest = 1
    h = 1
    while h <= 4:
        k = h * line_q3 + 4 >> 3
        if k > high:
            break
        if im[_HALF + k] > heaviest:
            heaviest = im[_HALF + k]
        h += 1
    down = 0
    while heaviest >> down >= 4096:
        down += 1
    guess_q8 = line_q3 << 5
    sum_weight = 0
    sum_error_q8 = 0
    h = 1
    while h <= 4:
        k = h * line_q3 + 4 >> 3
        if k + reach >= high or k - reach < 2:
            break
        weight = im[_HALF + k] >> down
        if weight > 200:  # below 5 % of the heaviest, noise would place it
            # The comb is as good one line aside.
            place_q8 = _peak_q8(re, k, reach + 1, high)
            error_q8 = place_q8 // h - guess_q8
            if place_q8 > 0 and -400 < error_q8 < 400:
                sum_weight += weight
                sum_error_q8 += weight * error_q8
        h += 1
    if sum_weight == 0:
        return guess_q8
    return guess_q8 + sum_error_q8 // sum_weight
