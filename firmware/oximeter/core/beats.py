"""Single beats from the slope of the pulse wave, for what a spectrum cannot tell.

The steepest point of the upstroke is the part of the pulse that drift, breathing and a dicrotic
wave disturb least. From the beats come their intervals (irregular pulse), their height (perfusion
index) and how long ago the last one was (a pulse that is gone must take its number with it).

Time is counted in ticks of the decimated signal; beat times are Q8 by a parabola.
"""

from micropython import const

from oximeter.core.integer import insert_sorted

LENGTH = 48

_INTERVALS = const(16)
# Layout: scalars, then a ring of intervals (ticks Q8), then a ring of heights (ln Q22).
_LEVEL = const(0)  # typical steepest slope, ln Q22 over three ticks; 0 while not known
_TOP = const(1)  # steepest slope of the upstroke under way
_BEFORE = const(2)  # slopes next to it, for the parabola
_AFTER = const(3)
_TOP_AT = const(4)
_LAST_AT_Q8 = const(5)
_LOW = const(6)  # extremes of ln light since the last beat
_HIGH = const(7)
_RISING = const(8)
_PREVIOUS = const(9)  # slope one tick ago
_TICK = const(10)
_AT = const(11)  # ring index
_KEPT = const(12)  # valid entries in the rings
_RING = const(16)
_HEIGHT_RING = const(32)

# A slope this many times the typical one is not the heart.
_DISRUPTION = const(4)
_LEAST_DISRUPTION = const(4194)  # 0.1 % of the light: below, it may be noise on a weak pulse
_LEAST_RISE = const(400)  # three deviations of the noise at a good light (ln Q22)
_WRAP = const(1 << 20)  # ticks; << 8 stays below 2^29


def clear(b):
    i = 0
    while i < LENGTH:
        b[i] = 0
        i += 1
    b[_LAST_AT_Q8] = -1


def forget(b):
    """Drop the intervals and heights kept; the level and the last beat stay."""
    b[_KEPT] = 0


def step(b, slope, light, refractory):
    """One tick: slope = fall of ln light over three ticks, light = ln light, both Q22.

    refractory: ticks within which no second beat can follow.
    Returns 1 on the tick that completes a beat, 2 when the slope cannot be the heart's, else 0.
    """
    tick = b[_TICK] + 1
    b[_TICK] = tick
    if light < b[_LOW] or b[_LOW] == 0:
        b[_LOW] = light
    if light > b[_HIGH]:
        b[_HIGH] = light
    level = b[_LEVEL]
    size = slope if slope >= 0 else -slope
    if b[_KEPT] >= 4 and size > level * _DISRUPTION and size > _LEAST_DISRUPTION:
        # Whatever it was, the slopes to come are learnt anew from its size: a pulse that has
        # grown is a pulse again at its next beat, and after a knock the level decays.
        b[_LEVEL] = size >> 1
        b[_KEPT] = 0
        b[_RISING] = 0
        b[_PREVIOUS] = slope
        return 2
    since = tick - (b[_LAST_AT_Q8] >> 8) if b[_LAST_AT_Q8] >= 0 else 1024
    if since > 50:
        level -= level >> 4
        b[_LEVEL] = level
    found = 0
    if b[_RISING]:
        if slope > b[_TOP]:
            b[_BEFORE] = b[_PREVIOUS]
            b[_TOP] = slope
            b[_TOP_AT] = tick
            b[_AFTER] = slope
        elif tick == b[_TOP_AT] + 1:
            b[_AFTER] = slope
        if slope < b[_TOP] >> 1:
            b[_RISING] = 0
            found = _complete(b)
    elif slope > level >> 1 and slope > _LEAST_RISE and since > refractory:
        b[_RISING] = 1
        b[_BEFORE] = b[_PREVIOUS]
        b[_TOP] = slope
        b[_TOP_AT] = tick
        b[_AFTER] = slope
    b[_PREVIOUS] = slope
    return found


def _complete(b):
    top = b[_TOP]
    bend = 2 * top - b[_BEFORE] - b[_AFTER]
    at_q8 = b[_TOP_AT] << 8
    if bend > 0:
        lean = b[_AFTER] - b[_BEFORE]
        while bend >= 1048576:
            bend >>= 1
            lean >>= 1
        at_q8 += (lean << 7) // bend
    level = b[_LEVEL]
    if b[_KEPT] < 4:
        # Not known yet: the first slopes found may be drift, far below the first true beat.
        b[_LEVEL] = top if top > level else level + (top - level >> 2)
    else:
        rise = top if top < 2 * level else 2 * level
        b[_LEVEL] = level + (rise - level >> 2)
    last_q8 = b[_LAST_AT_Q8]
    if last_q8 >= 0:
        i = b[_AT]
        b[_RING + i] = at_q8 - last_q8
        b[_HEIGHT_RING + i] = b[_HIGH] - b[_LOW]
        b[_AT] = (i + 1) & 15
        if b[_KEPT] < _INTERVALS:
            b[_KEPT] += 1
    b[_LOW] = 0
    b[_HIGH] = 0
    b[_LAST_AT_Q8] = at_q8
    if b[_TICK] > _WRAP:
        b[_LAST_AT_Q8] -= b[_TICK] << 8
        b[_TICK] = 0
        if b[_LAST_AT_Q8] < 0:
            b[_LAST_AT_Q8] = 0
    return 1


def since_ticks(b):
    """Ticks since the last beat."""
    if b[_LAST_AT_Q8] < 0:
        return b[_TICK]
    return b[_TICK] - (b[_LAST_AT_Q8] >> 8)


def _median(b, ring, kept, spare):
    """Median of the last `kept` (1 … 16) entries of a ring; spare is overwritten."""
    i = 0
    while i < kept:
        insert_sorted(spare, 0, i, b[ring + ((b[_AT] - 1 - i) & 15)])
        i += 1
    return spare[kept >> 1]


def height_q22(b, spare):
    """Median height of the last beats (up to 8) in ln Q22; 0 before three of them."""
    kept = b[_KEPT]
    if kept < 3:
        return 0
    if kept > 8:
        kept = 8
    return _median(b, _HEIGHT_RING, kept, spare)


def interval_q8(b, spare):
    """Mean interval in ticks Q8 over the rings, leaving out what a missed beat would add; or 0."""
    kept = b[_KEPT]
    if kept < 8:
        return 0
    middle = _median(b, _RING, kept, spare)
    total = 0
    taken = 0
    i = 0
    while i < kept:
        interval = b[_RING + i]
        if interval < 3 * middle:
            total += interval
            taken += 1
        i += 1
    return total // taken


def unevenness_q10(b, spare):
    """Median difference of neighbouring intervals over the median interval, Q10; -1 before 12.

    Sinus rhythm stays below some 5 %, atrial fibrillation lies above 10 % (RMSSD over mean RR:
    0.115 parts them, Dash 2009). A median, so that one premature beat does not count as that.
    """
    kept = b[_KEPT]
    if kept < 12:
        return -1
    middle = _median(b, _RING, kept, spare)
    i = 0
    while i < kept - 1:
        value = b[_RING + ((b[_AT] - 1 - i) & 15)] - b[_RING + ((b[_AT] - 2 - i) & 15)]
        if value < 0:
            value = -value
        insert_sorted(spare, 0, i, value)
        i += 1
    if middle < 1:
        return -1
    return (spare[kept - 1 >> 1] << 10) // middle
