"""The heart followed through movement, by what it was before.

Under movement the lines of the heart and of the hand lie side by side, over each other, and cross.
One window cannot tell them apart; a heart known from still seconds can be looked for: its rate
changes little from second to second, its ratio as well, and its wave had a shape.

The rate is a Viterbi track (Viterbi 1967): a log likelihood for each of 65 rates around the last
one, of which the best predecessor counts, a step to the side costing a little. What is added each
second is how much of the known wave is found on the harmonics of a rate, counted where red follows
infrared by the known ratio (what moves has another) and, for less, where there is light at all.

A hand that moves the light in one way only has one ratio Rh on all its lines. Between those of the
heart that is seen, and tested; then Y - Rh X (Y red, X infrared) holds nothing of it, wherever
its lines lie, and stands for the heart in both: it finds the rate, and is the instrument of the
regression (Reiersøl 1945) that says the ratio, which what the hand adds to X would else pull to
its own. Real movement mostly is of several ways, and fails the test.

The ratio is a Kalman filter (Kalman 1960): the lines of that rate say what it is, each weighted by
what the known ratio leaves unexplained around it; between two seconds it may have wandered. Where
the hand hides the heart the variance grows, and with it the error that is shown, until nothing is.
"""

from micropython import const

from oximeter.core.integer import isqrt
from oximeter.core.ratio import variance_q24

LENGTH = 84
RATE_Q8 = 65  # the rate followed, in lines Q8
WIDTH_Q3 = 66  # how far apart the rates lie that are nearly as likely, in lines Q3
RATIO_Q12 = 67
VARIANCE_Q24 = 68  # of the ratio
AGE = 69  # steps since the heart was clearly seen
LEAN_Q12 = 81  # running mean of what the lines said beside the ratio known
ONE = 83  # above 0: the hand is one source, of one ratio

_BINS = const(65)
_RATE = const(65)
_WIDTH = const(66)
_RATIO = const(67)
_VARIANCE = const(68)
_AGE = const(69)
_EXPONENT = const(70)  # the template is in units of 4^this
_TEMPLATE = const(71)  # energy on each harmonic when it was clearly seen, >> 10
_REST = const(76)  # what is unlike the heart on each harmonic
_HARMONICS = const(5)
_LEAN = const(81)
_HAND = const(82)  # ratio of the one source that the hand is, Q12
_ONE = const(83)
_TIMES = const(1)
_PART = const(4)
_HALF = const(64)

# Log likelihoods are in nats Q6.
_ASIDE_Q6 = const(26)  # a bin to the side, 0.7 a minute in a second
_WHOLE_Q6 = const(768)  # all of the wave found where it should be
# Rates within 7 nats of the best may be the true one. Where nothing is found they lie 17 bins to
# either side, so that a narrower peak is one that was seen.
_NEAR_Q6 = const(448)
_WANDER_Q24 = const(9800)  # 0.8 points of SpO2 in a second, as a variance of the ratio
_APART_Q24 = const(9800)  # what no residual shows: the hand has the heart's rate for a while
_GATE = const(9)  # three deviations
# Between the lines of the heart one source leaves some 0.5 % of red unexplained (the heart's own
# skirts), two that drift, with some milliseconds between the colours, 5 % and more. Three seconds
# make it sure; it may then hide on the heart's lines as long as a sweeping tempo does, some 18.
_BETWEEN_Q8 = const(512)  # lines; a half sine's main lobe in 8 s ends there
_PURE = const(50)
_SAME_Q12 = const(200)  # 0.05 of ratio from second to second
_UNKNOWN = const(-2)
_LONG = const(18)
_DIFFERENT_Q12 = const(400)  # 0.1: a hand nearer to the heart's ratio does little harm
_LEAST_Q12 = const(820)  # 0.2
_MOST_Q12 = const(8191)  # 2, so that products stay inside 31 bits
_MOST_Q24 = const(16777216)


def begin(track, re, line_q8, high, exponent, ratio_q12, ratio_sd_q12):
    """The heart clearly seen: remember rate, ratio and the energy of its harmonics.

    line_q8: its fundamental; exponent: how many bits the amplitudes of these lines were shifted
    down (negative: up), so that they can be compared with those of another window.
    """
    track[_RATE] = line_q8
    track[_RATIO] = ratio_q12 if ratio_q12 < _MOST_Q12 else _MOST_Q12
    track[_VARIANCE] = ratio_sd_q12 * ratio_sd_q12 + 4096 if ratio_sd_q12 < 4000 else _MOST_Q24
    track[_AGE] = 0
    track[_LEAN] = 0
    track[_ONE] = _UNKNOWN
    track[_EXPONENT] = exponent
    h = 1
    while h <= _HARMONICS:
        k = h * line_q8 + 128 >> 8
        track[_TEMPLATE + h - 1] = re[k - 1] + re[k] + re[k + 1] >> 10 if k < high else 0
        h += 1


def _unlike(re, im, k, ratio_q12, down):
    """sum |Y - R X|^2 over a line and its neighbours, >> down: what there is not the heart.

    Scaling: sums >> down at most 2^14.6; the bracket below 2^16.6, times 2^13.
    """
    xx = re[k - 1] + re[k] + re[k + 1] >> down
    xy = re[_HALF + k - 1] + re[_HALF + k] + re[_HALF + k + 1] >> down
    yy = im[k - 1] + im[k] + im[k + 1] >> down
    rest = yy + (ratio_q12 * ((ratio_q12 * xx >> 12) - 2 * xy) >> 12)
    return rest if rest > 0 else 0


def step(track, re, im, low, high, size, exponent):
    """One more second of movement. Results: track[RATE_Q8 … AGE]."""
    centre = _spread(track) - 32
    ratio_q12 = track[_RATIO]
    up = 2 * (track[_EXPONENT] - exponent)
    apart_q7 = _apart_q12(track) >> 5
    whole = 1
    h = 0
    while h < _HARMONICS:
        whole += isqrt(track[_TEMPLATE + h])
        h += 1
    h = 1
    while h <= _HARMONICS:
        energy = track[_TEMPLATE + h - 1]
        share_q6 = _WHOLE_Q6 * isqrt(energy) // whole
        energy = _scaled(energy, up)
        if energy > 0:
            last = -1
            found_q6 = 0
            i = 0
            while i < _BINS:
                k = (centre + i) * h + 4 >> 3
                if k != last:
                    last = k
                    found_q6 = 0
                    if low < k < high:
                        if apart_q7:
                            found_q6 = _alone_q9(re, im, k, track[_HAND], apart_q7, energy)
                        else:
                            found_q6 = _found_q9(re, im, k, ratio_q12, energy)
                        found_q6 = found_q6 * share_q6 >> 9
                track[i] += found_q6
                i += 1
        h += 1
    _locate(track, centre)
    _listen(track, re, im, low, high)
    _measure(track, re, im, low, high, size, up)
    track[_AGE] += 1


def _scaled(energy, up):
    """energy * 2^up, at most 2^20."""
    if up < 0:
        return energy >> -up
    return energy << up if up < 12 and energy < 1 << 20 - up else 1 << 20


def _spread(track):
    """The prior of this second to track[0 … 64]; returns the rate in their middle, lines Q3."""
    centre = track[_RATE] + 16 >> 5
    if track[_AGE] == 0:
        i = 0
        while i < _BINS:
            track[i] = -_ASIDE_Q6 * (i - 32 if i > 32 else 32 - i)
            i += 1
    i = 1
    while i < _BINS:
        least = track[i - 1] - _ASIDE_Q6
        if track[i] < least:
            track[i] = least
        i += 1
    i = _BINS - 2
    while i >= 0:
        least = track[i + 1] - _ASIDE_Q6
        if track[i] < least:
            track[i] = least
        i -= 1
    return centre


def _found_q9(re, im, k, ratio_q12, energy):
    """How much of a harmonic's energy is found at a line: up to 512 at the ratio, 256 at any.

    Concave in the energy, like a likelihood: half of it is more than half the evidence.
    """
    xx = re[k - 1] + re[k] + re[k + 1] >> 10
    # A line whose ratio is 0.35 away counts nothing: skin that slides has 1, a heart at 93 % 0.6.
    # Nearer the heart's hand and heart share a line, and what is the heart's still counts.
    own = xx - 8 * _unlike(re, im, k, ratio_q12, 10)
    found = 0
    if own > 0:
        share = (own << 8) // energy if own < energy else 256
        found = share * (512 - share) >> 7
    # Force may have taken 70 % of the energy.
    xx = xx * 10 // 3
    share = (xx << 8) // energy if xx < energy else 256
    return found + (share * (512 - share) >> 8)


def _alone_q9(re, im, k, hand_q12, apart_q7, energy):
    """The same where the hand is one source: Y - Rh X is the heart's, times its ratio less Rh.

    Scaling: what is unlike the hand below 2^18, << 10; apart at least 12.
    """
    own = (_unlike(re, im, k, hand_q12, 10) << 10) // (apart_q7 * apart_q7) << 4
    share = (own << 8) // energy if own < energy else 256
    return share * (512 - share) >> 7


def _apart_q12(track):
    """How far the ratio of the hand lies from the heart's, where it is one source; else 0."""
    apart = track[_RATIO] - track[_HAND]
    if apart < 0:
        apart = -apart
    return apart if track[_ONE] > 0 and apart >= _DIFFERENT_Q12 else 0


def _locate(track, centre):
    """Rate and its width from the likelihoods; they are then moved to lie around it."""
    best = 0
    i = 1
    while i < _BINS:
        if track[i] > track[best]:
            best = i
        i += 1
    top = track[best]
    first = -1
    last = 0
    weight = 0
    moment = 0
    i = 0
    while i < _BINS:
        track[i] -= top
        near = track[i] + _NEAR_Q6
        if near > 0:
            if first < 0:
                first = i
            last = i
            weight += near
            moment += near * i
        i += 1
    track[_RATE] = (centre << 5) + (moment << 5) // weight
    track[_WIDTH] = last - first
    aside = (track[_RATE] + 16 >> 5) - centre - 32
    i = 0
    if aside > 0:
        while i < _BINS:
            track[i] = track[i + aside] if i + aside < _BINS else -_WHOLE_Q6
            i += 1
    elif aside < 0:
        i = _BINS - 1
        while i >= 0:
            track[i] = track[i + aside] if i + aside >= 0 else -_WHOLE_Q6
            i -= 1


def _listen(track, re, im, low, high):
    """Is the hand one source of one ratio? From the lines between those of the heart.

    What the heart leaks there is kept out of the ratio by Y - R X, which holds nothing of it.
    Scaling: sums >> 3 below 2^27, then below 2^13; products with a ratio below 2^28.
    """
    rate = track[_RATE]
    one = track[_ONE]
    whole = 0
    xx = 0
    xy = 0
    yy = 0
    at = rate
    k = low
    while k <= high:
        aside = (k << 8) - at
        if aside > rate >> 1:
            at += rate
            aside -= rate
        whole += re[k] >> 3
        if not -_BETWEEN_Q8 < aside < _BETWEEN_Q8:
            xx += re[k] >> 3
            xy += re[_HALF + k] >> 3
            yy += im[k] >> 3
        k += 1
    if xx < whole >> 4 or xx < 64:
        # Nothing is heard of it here.
        track[_ONE] = one - 1 if one > _UNKNOWN else _UNKNOWN
        return
    while xx >= 8192 or yy >= 8192:
        xx >>= 1
        xy >>= 1
        yy >>= 1
    ratio_q12 = track[_RATIO]
    instrument = xy - (ratio_q12 * xx >> 12)
    if -xx < 8 * instrument < xx:
        return
    hand_q12 = ((yy << 12) - ratio_q12 * xy) // instrument
    known = _LEAST_Q12 <= hand_q12 <= _MOST_Q12
    if known:
        rest = yy + (hand_q12 * ((hand_q12 * xx >> 12) - 2 * xy) >> 12)
        aside = hand_q12 - track[_HAND]
        known = rest <= yy // _PURE
        if known and one == _UNKNOWN:
            track[_HAND] = hand_q12
            track[_ONE] = one + 1
            return
        known = known and -_SAME_Q12 < aside < _SAME_Q12
    if known:
        track[_HAND] += aside // (one + 3 if one < 5 else 8)
        track[_ONE] = one + 1 if one < _LONG else _LONG
    else:
        track[_ONE] = one - 2 if one > 0 else _UNKNOWN


def _measure(track, re, im, low, high, size, up):
    """The ratio on the lines of the rate, and what it makes of the ratio known."""
    ratio_q12 = track[_RATIO]
    variance = track[_VARIANCE] + _WANDER_Q24
    track[_VARIANCE] = variance if variance < _MOST_Q24 else _MOST_Q24
    largest = 0
    rate = track[_RATE]
    at = rate
    while at + 128 >> 8 < high and at <= rate * _HARMONICS:
        k = at + 128 >> 8
        if k > low:
            here = re[k - 1] + re[k] + re[k + 1]
            if here > largest:
                largest = here
            here = im[k - 1] + im[k] + im[k + 1]
            if here > largest:
                largest = here
        at += rate
    # Sums on these lines below 2^14.
    down = 0
    while largest >> down >= 16384:
        down += 1
    least = 1 << 20
    h = 0
    at = rate
    while h < _HARMONICS:
        k = at + 128 >> 8
        rest = 0
        if low < k < high:
            rest = _unlike(re, im, k, ratio_q12, down)
            # What is more than the heart ever had is not all of it, whatever its ratio.
            more = (re[k - 1] + re[k] + re[k + 1] >> down) - (
                _scaled(track[_TEMPLATE + h], up + 10 - down) << _TIMES
            )
            if more > 0:
                rest += more >> _PART
            if rest < least:
                least = rest
        track[_REST + h] = rest
        at += rate
        h += 1
    least += 1
    hand_q12 = track[_HAND]
    apart_q12 = _apart_q12(track)
    xx = 0
    xy = 0
    h = 0
    at = rate
    while h < _HARMONICS:
        k = at + 128 >> 8
        if low < k < high:
            weight_q8 = (least << 8) // (track[_REST + h] + least)
            x = re[k - 1] + re[k] + re[k + 1] >> down
            y = re[_HALF + k - 1] + re[_HALF + k] + re[_HALF + k + 1] >> down
            if apart_q12:
                # Y - Rh X in place of X*, times X and times Y.
                x = y - (hand_q12 * x >> 12)
                y = (im[k - 1] + im[k] + im[k + 1] >> down) - (hand_q12 * y >> 12)
            xx += x * weight_q8
            xy += y * weight_q8
        at += rate
        h += 1
    if apart_q12 and ratio_q12 < hand_q12:
        xx = -xx
        xy = -xy
    # Five lines of 2^16 (2^14 without an instrument) times 2^8 are below 2^27.
    energy = 3 * (xx >> 8)
    if apart_q12 and xx > 0:
        energy = (energy << 7) // (apart_q12 >> 5)  # of the heart alone
    while xx >= 65536:
        xx >>= 1
        xy >>= 1
    if xx < 16 or xy <= 0 or xy >= 4 * xx:
        return
    away = (xy << 12) // xx - ratio_q12
    if away > 4095:
        away = 4095
    elif away < -4095:
        away = -4095
    track[_LEAN] += away - track[_LEAN] >> 2
    # Movement is not white between the lines: two and a half times the deviation.
    measured = variance_q24(least, energy, size)
    measured = _APART_Q24 + (measured * 6 if measured < _MOST_Q24 >> 3 else _MOST_Q24)
    variance = track[_VARIANCE]
    both = variance + measured
    if away * away > _GATE * both:
        quotient_q4 = (away * away << 4) // (_GATE * both)
        if measured >> 4 < _MOST_Q24 // quotient_q4:
            measured = (measured >> 4) * quotient_q4
        else:
            measured = _MOST_Q24
        both = variance + measured
    gain_q10 = (variance >> 6 << 10) // (both >> 6)
    ratio_q12 += gain_q10 * away >> 10
    if ratio_q12 < _LEAST_Q12:
        ratio_q12 = _LEAST_Q12
    track[_RATIO] = ratio_q12 if ratio_q12 < _MOST_Q12 else _MOST_Q12
    track[_VARIANCE] = variance - (variance >> 4) * gain_q10 // 64
