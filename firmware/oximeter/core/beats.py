"""Single beats from the slope of the pulse wave, for what a spectrum cannot tell.

The steepest point of the upstroke is the part of the pulse that drift, breathing and a dicrotic
wave disturb least. From the beats come rate and rhythm (a pulse that keeps no time has no lines
in a spectrum, one of 30 a minute too few seconds, one of 250 no second harmonic), their height
(perfusion index) and how long ago the last one was (a pulse that is gone must take its number
with it).

Time is counted in ticks of the decimated signal; beat times are Q8 by a parabola.
"""

from micropython import const

from oximeter.core import field
from oximeter.core.integer import insert_sorted

LENGTH = 56

_INTERVALS = const(32)  # 15 s of a pulse of 128 a minute, 8 s of one of 240
_HEIGHTS = const(8)
# Layout: scalars, then a ring of intervals (ticks Q8), then a ring of heights (ln Q22).
_LEVEL = const(0)  # typical steepest slope, ln Q22 over three ticks; 0 while not known
_TOP = const(1)  # steepest slope of the rise under way, 0 outside one
_BEFORE = const(2)  # slopes next to it, for the parabola
_AFTER = const(3)
_TOP_AT = const(4)
_LAST_AT_Q8 = const(5)
_LOW = const(6)  # extremes of ln light since the last beat
_HIGH = const(7)
_DRIFT = const(8)  # running mean of the slope
_PREVIOUS = const(9)  # slope one tick ago
_TICK = const(10)
_AT = const(11)  # ring index
_KEPT = const(12)  # valid entries in the rings
_DRIFT_LEFT = const(13)  # running mean of what that leaves
_CREST = const(14)  # steepest slope of that rise before anything was taken out
_RING = const(16)
_HEIGHT_RING = const(48)

# A slope this many times the typical one is not the heart.
_DISRUPTION = const(4)
_LEAST_DISRUPTION = const(4194)  # 0.1 % of the light: below, it may be noise on a weak pulse
_LEAST_RISE = const(400)  # three deviations of the noise at a good light (ln Q22)
_WRAP = const(1 << 20)  # ticks; << 8 stays below 2^29
# What a rise must reach of the typical one, Q8: 0.7 in the first quarter of a second after a
# beat, falling to 0.4 after half a second. The second wave of a dicrotic pulse has 0.6 of the
# first at 100 beats a minute and then comes after 0.25 s, 0.4 at 60 after 0.38 s; beats of
# fibrillation and premature ones that are weaker come later than that. Independent of the rate
# found so far, or a rate found doubled would keep itself up.
_EARLY_Q8 = const(179)
_LATE_Q8 = const(102)


def clear(b):
    i = 0
    while i < LENGTH:
        b[i] = 0
        i += 1
    b[_LAST_AT_Q8] = -1


def step(b, slope, light, apart_q8):
    """One tick: slope = fall of ln light over three ticks, light = ln light, both Q22.

    apart_q8: time within which no second beat can follow, 0.2 s, in ticks Q8.
    Returns 1 on the tick that completes a beat, 2 when the slope cannot be the heart's, else 0.
    """
    tick = b[_TICK] + 1
    b[_TICK] = tick
    if light < b[_LOW] or b[_LOW] == 0:
        b[_LOW] = light
    if light > b[_HIGH]:
        b[_HIGH] = light
    # Breathing may be steeper than the pulse, but for longer than its upstroke. Taken out twice,
    # half of its slope is left at 30 breaths a minute; less, and dicrotic waves pass for beats.
    whole = slope
    b[_DRIFT] += slope - b[_DRIFT] >> 3
    slope -= b[_DRIFT]
    b[_DRIFT_LEFT] += slope - b[_DRIFT_LEFT] >> 3
    slope -= b[_DRIFT_LEFT]
    level = b[_LEVEL]
    size = slope if slope >= 0 else -slope
    if b[_KEPT] >= 4 and size > level * _DISRUPTION and size > _LEAST_DISRUPTION:
        # Whatever it was, the slopes to come are learnt anew from its size: a pulse that has
        # grown is a pulse again at its next beat, and after a knock the level decays.
        b[_LEVEL] = size >> 1
        b[_KEPT] = 0
        b[_TOP] = 0
        b[_PREVIOUS] = slope
        return 2
    found = 0
    if slope > 0:
        if b[_TOP] == 0 or whole > b[_CREST]:
            b[_CREST] = whole
        if slope > b[_TOP]:
            b[_BEFORE] = b[_PREVIOUS]
            b[_TOP] = slope
            b[_TOP_AT] = tick
            b[_AFTER] = slope
        elif tick == b[_TOP_AT] + 1:
            b[_AFTER] = slope
    else:
        # After the run-off of a slow smooth wave the drift taken out swings back, and may look
        # like a rise. In a rise the light itself falls about as steeply, or, where breathing lifts
        # it, its slope then goes back by as much. With less than five eighths more slow pulses
        # stay doubled, with three quarters beats under breathing six times as high are lost.
        fall = b[_CREST] - (whole if whole < 0 else 0)
        if b[_TOP] > _LEAST_RISE and fall > b[_TOP] * 5 >> 3:
            found = _complete(b, apart_q8)
        b[_TOP] = 0
        if b[_LAST_AT_Q8] >= 0 and tick - (b[_LAST_AT_Q8] >> 8) > 64:
            b[_LEVEL] -= b[_LEVEL] >> 5
    b[_PREVIOUS] = slope
    return found


def _complete(b, apart_q8):
    """A rise has ended: 1 if it was a beat."""
    top = b[_TOP]
    level = b[_LEVEL]
    last_q8 = b[_LAST_AT_Q8]
    if last_q8 >= 0:
        since_q8 = (b[_TOP_AT] << 8) - last_q8
        if since_q8 < apart_q8:
            return 0
        part_q8 = _EARLY_Q8
        late = 4 * since_q8 - 5 * apart_q8
        if late >= 5 * apart_q8:
            part_q8 = _LATE_Q8
        elif late > 0:
            part_q8 -= (_EARLY_Q8 - _LATE_Q8) * late // (5 * apart_q8)
        if top < (level >> 4) * part_q8 >> 4:
            return 0
    bend = 2 * top - b[_BEFORE] - b[_AFTER]
    at_q8 = b[_TOP_AT] << 8
    if bend > 0:
        lean = b[_AFTER] - b[_BEFORE]
        while bend >= 1048576:
            bend >>= 1
            lean >>= 1
        at_q8 += (lean << 7) // bend
    if b[_KEPT] < 4:
        # Not known yet: the first slopes found may be drift, far below the first true beat.
        if top > 2 * level:
            b[_KEPT] = 0
            last_q8 = -1
        b[_LEVEL] = top if top > level else level + (top - level >> 2)
    else:
        # Near to the greater ones, so that small ones between them do not bring it down.
        rise = (top if top < 2 * level else 2 * level) - level
        b[_LEVEL] = level + (rise >> 1 if rise > 0 else rise >> 3)
    if last_q8 >= 0:
        i = b[_AT]
        b[_RING + i] = at_q8 - last_q8
        b[_HEIGHT_RING + (i & 7)] = b[_HIGH] - b[_LOW]
        b[_AT] = (i + 1) & 31
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


def range_q22(b):
    """How far the light has gone, up and down, since the last beat, in ln Q22."""
    return b[_HIGH] - b[_LOW]


def height_q22(b, spare):
    """Median height of the last beats (up to 8) in ln Q22; 0 before three of them.

    spare[8] becomes their mean distance from it. In fibrillation that is a tenth of it; what a
    moving hand makes is less even.
    """
    kept = b[_KEPT]
    if kept < 3:
        return 0
    if kept > _HEIGHTS:
        kept = _HEIGHTS
    i = 0
    while i < kept:
        insert_sorted(spare, 0, i, b[_HEIGHT_RING + ((b[_AT] - 1 - i) & 7)])
        i += 1
    middle = spare[kept >> 1]
    away = 0
    i = 0
    while i < kept:
        away += spare[i] - middle if spare[i] > middle else middle - spare[i]
        i += 1
    spare[8] = away // kept
    return middle


def _mean(b, count, least, most):
    """Mean of those of the last `count` intervals that lie between; 0 if it is under half."""
    total = 0
    taken = 0
    i = 0
    while i < count:
        value = b[_RING + (b[_AT] - 1 - i & 31)]
        if least <= value <= most:
            total += value
            taken += 1
        i += 1
    return total // taken if taken * 2 >= count else 0


def rhythm(b, span_ticks, out):
    """Intervals that end within the last span_ticks, and how many of them keep time.

    One keeps time within an eighth of the usual interval, or of twice that within a quarter of
    it (a beat too weak to be seen); and a short one keeps it together with the pause that follows
    it (a premature beat). In sinus rhythm, with breathing and one beat in eight premature, 91 % do
    so in 99 of 100 stretches of 15 s; in fibrillation at most 85 % do.
    Writes to out: intervals, their sum (ticks Q8), how many keep time, and the periods in all of
    them where those that were too weak are counted as well.
    """
    kept = b[_KEPT]
    newest = b[_AT] - 1
    left_q8 = span_ticks - since_ticks(b) << 8
    count = 0
    total = 0
    while count < kept:
        value = b[_RING + (newest - count & 31)]
        if total + value > left_q8:
            break
        total += value
        count += 1
    out[0] = count
    out[1] = total
    out[2] = 0
    out[3] = 0
    if count == 0:
        return
    # The usual one is near to the mean of all; or, where as many beats were missed as seen, to
    # that of the shorter ones.
    mean = total // count
    usual = _mean(b, count, mean - (mean >> 2), mean + (mean >> 2))
    if usual == 0:
        usual = _mean(b, count, 0, mean)
        usual = _mean(b, count, usual - (usual >> 2), usual + (usual >> 2))
        if usual == 0:
            usual = mean
    half = usual >> 1
    i = 0
    while i < count:
        value = b[_RING + (newest - i & 31)]
        away = value - usual
        out[3] += (value + half) // usual
        if -usual < 8 * away < usual or -usual < 4 * (away - usual) < usual:
            out[2] += 1
        elif away > 0 and i + 1 < count:
            value = b[_RING + (newest - i - 1 & 31)]
            if value < usual and -usual < 8 * (value - usual + away) < usual:
                out[2] += 2
                out[3] += (value + half) // usual
                i += 1
        i += 1


def decibpm(rate_millihz, periods, ticks_q8):
    """So many periods in ticks Q8, a tick being four samples: 600 * periods * ticks a second * 256
    / ticks Q8; up to 64 periods stay below 2^29. NONE where there are no ticks."""
    return rate_millihz * 192 // 5 * periods // ticks_q8 if ticks_q8 else field.NONE
