"""Whether an evaluation is a reading, and what it says where it is none."""

from oximeter.core import beats, curve, field, layout, settle, threshold, track
from oximeter.core.integer import isqrt


def withhold(state, status, flags):
    """No number, for this reason."""
    out = state[layout.OUT]
    out[field.STATUS] = status
    out[field.FLAGS] = flags
    i = field.SPO2_CENTIPCT
    while i <= field.RATIO_Q12:
        out[i] = field.NONE
        i += 1
    out[field.SETTLED_CENTIPCT] = field.NONE
    out[field.QUALITY] = 0


def overdue(s, b):
    """Whether a heart whose beats were seen has been silent for too long."""
    if s[layout.DISTURBED] < s[layout.RATE_MILLIHZ] // 500:
        return False
    if beats.since_ticks(b) <= s[layout.LONGEST]:
        return False
    if s[layout.BEATS_AGREE]:
        return True
    # Under movement beats are not found; but where nothing moves at all (half of what is known,
    # and that no weak pulse) there is no heart.
    known = s[layout.KNOWN_STRENGTH]
    return known > threshold.LOW_PERFUSION_MILLIPCT and beats.range_q22(b) // 84 < known


def judge(state, timely, counted, explained, pulse_decibpm, strength, other):
    """The verdict of one evaluation of an undisturbed window; True when a reading is published."""
    s = state[layout.S]
    b = state[layout.BEATS]
    spare = state[layout.SPARE]
    both = s[layout.CHANNELS] == 3
    ratio_q12 = spare[0]
    ratio_sd_q12 = spare[1]
    sd = field.NONE
    spo2 = field.NONE
    if both and ratio_q12 > 0:
        spo2 = curve.spo2_centipct(
            ratio_q12, s[layout.CURVE_A], s[layout.CURVE_B], s[layout.CURVE_C]
        )
        slope = curve.slope_centipct(ratio_q12, s[layout.CURVE_A], s[layout.CURVE_B])
        # In sixteenths: most estimates of a good finger are below 8 hundredths.
        sd_q4 = slope * ratio_sd_q12 >> 8
        if sd_q4 > 8191:
            sd_q4 = 8191  # 5 points, more than is ever shown
        sd = isqrt(sd_q4 * sd_q4 + threshold.SD_FLOOR_Q8) + 8 >> 4
    perfusion = beats.height_q22(b, spare)
    unlike = threshold.EVEN
    if s[layout.IRREGULAR]:
        unlike = threshold.EVEN_IRREGULAR
    elif s[layout.KNOWN_STRENGTH]:
        unlike = threshold.EVEN_KNOWN
    even = spare[8] * unlike < perfusion
    # / 2^22 * 100,000, within 0.03 %
    # Before three beats were seen, a sine of the same energy stands for it.
    perfusion = perfusion * 25 // 1048 if perfusion > 0 else strength
    most = (
        threshold.WEAK_SD_CENTIPCT if strength < threshold.WEAK_MILLIPCT else threshold.SD_CENTIPCT
    )
    fits = sd <= most and spo2 >= 0 if both else True
    beats.rhythm(b, s[layout.RATE_MILLIHZ] * 3 // 800, spare)  # 15 s of ticks
    many = spare[0] >= threshold.FEW_BEATS
    # A second of order or disorder more or less does not change the word.
    orderly = 5 * spare[2] >= (5 if s[layout.IRREGULAR] == threshold.RHYTHM_S else 4) * spare[0]
    rate_decibpm = beats.decibpm(
        s[layout.RATE_MILLIHZ], spare[3] if orderly else spare[0], spare[1]
    )
    aside = rate_decibpm - pulse_decibpm
    # Beats all of a size, or in order, that are far more or fewer than the spectrum says.
    apart = many and (even or orderly) and not -pulse_decibpm < aside * 4 < pulse_decibpm
    if strength < threshold.WEAK_MILLIPCT and explained >= threshold.ALONE_Q10:
        apart = False  # noise makes beats, but no lines
    disorder = many and not orderly and (apart or explained < threshold.REGULAR_Q10)
    disorder = disorder and not _fluctuates(state)
    known = s[layout.SURE_DECIBPM] if s[layout.ACCEPTED] else 0
    # Eight seconds of fibrillation may stand on one comb by chance.
    one = threshold.REGULAR_Q10 if s[layout.IRREGULAR] else threshold.EXPLAINED_Q10
    if explained >= one and -known < 8 * (pulse_decibpm - known) < known:
        # The lines of the known heart; what else beats is movement.
        apart = False
        disorder = False
    if s[layout.LAMP] and explained >= threshold.ALONE_Q10:
        # Or the lamp, out of the lines but still among the beats.
        apart = False
        disorder = False
    irregular = disorder and even
    aside = counted - pulse_decibpm
    if timely > 1 and -pulse_decibpm < aside * 8 < pulse_decibpm:
        s[layout.BEATS_AGREE] = 1
        # The next one is overdue after 1.9 s, since a number has to go within two; or after a
        # period and a quarter, where that is longer. Where a beat was missed of late two periods
        # pass, up to 2.4 s.
        period = s[layout.RATE_MILLIHZ] * 3 // (20 * counted)
        two_s = s[layout.RATE_MILLIHZ] * 19 // 40000
        longest = period * 9 >> 2 if spare[3] > spare[0] else 0
        if longest > two_s * 5 >> 2:
            longest = two_s * 5 >> 2
        if longest < two_s:
            longest = two_s
        s[layout.LONGEST] = longest if longest > period * 5 >> 2 else period * 5 >> 2
    elif beats.since_ticks(b) > s[layout.RATE_MILLIHZ] // 400 or not overdue(s, b):
        s[layout.BEATS_AGREE] = 0  # after 10 s nothing old is in the window
    accepted = explained >= threshold.EXPLAINED_Q10 and fits and not apart
    if timely > 2 and s[layout.BEATS_AGREE]:
        pulse_decibpm = counted
    if not accepted and fits and (not both or sd <= 100):
        # No one rate, but clean beats in a row: fibrillation or early beats.
        if disorder:
            accepted = True
            pulse_decibpm = field.NONE
        elif explained > threshold.PARTLY_EXPLAINED_Q10 and (
            many and orderly or timely >= threshold.TIMELY
        ):
            accepted = True
            pulse_decibpm = counted if timely > 2 else rate_decibpm
    if irregular and accepted:
        s[layout.IRREGULAR] = threshold.RHYTHM_S
    elif s[layout.IRREGULAR]:
        s[layout.IRREGULAR] -= 1
    if irregular:
        pulse_decibpm = rate_decibpm
    if known > 0 and accepted and (irregular or explained < threshold.EXPLAINED_Q10):
        # Without one rate in the spectrum, movement may be counted: a rate that is far from the
        # known one is believed when it has lasted for some ten seconds.
        aside = pulse_decibpm - known
        if not -pulse_decibpm < 4 * aside < pulse_decibpm:
            if pulse_decibpm > 0 and even and s[layout.KNOWN_STRENGTH] == 0:
                s[layout.SURE_DECIBPM] += aside >> 4
            pulse_decibpm = field.NONE
    if both and perfusion > threshold.MOTION_PERFUSION_MILLIPCT:
        accepted = False  # one wavelength comes from anywhere, its baseline often taken out
    if (
        s[layout.ACCEPTED] == 0
        and s[layout.BEATS_AGREE] == 0
        and s[layout.CLEAN] < s[layout.RATE_MILLIHZ] // 500
    ):
        accepted = False  # a rate half or double of the true one may look as good for 8 s
    rate_decibpm = pulse_decibpm
    if pulse_decibpm < 0:
        # Saturation without a rate: only of a heart that is known.
        rate_decibpm = s[layout.SURE_DECIBPM]
        accepted = accepted and both and known > 0
    if accepted:
        accepted = _is_heart(
            state, explained, strength, ratio_q12, ratio_sd_q12, rate_decibpm, other
        )
    if not accepted or s[layout.UNDISTURBED] == 0 or overdue(s, b):
        return False
    flags = field.FLAG_IRREGULAR if irregular else 0
    quality = explained * 100 >> 10
    publish(state, ratio_q12, spo2, sd, sd, pulse_decibpm, perfusion, quality, flags)
    return True


def refuse(state, strength):
    """No reading from this evaluation, and why."""
    out = state[layout.OUT]
    s = state[layout.S]
    s[layout.MISSES] += 1
    settle.interrupt(state[layout.TREND])
    withhold(state, _reason(state, strength), 0)
    # A pulse may stand beside these alone, and only one that is followed.
    status = out[field.STATUS]
    if status == field.MOTION or status == field.SEARCHING or status == field.WEAK_PULSE:
        out[field.PULSE_DECIBPM] = s[layout.BESIDE_DECIBPM]


def publish(state, ratio_q12, spo2, sd, most, pulse_decibpm, perfusion, quality, flags):
    """A reading into force. most: the error that it must not settle with."""
    out = state[layout.OUT]
    s = state[layout.S]
    s[layout.MISSES] = 0
    s[layout.ACCEPTED] += 1
    s[layout.SURE_Q12] = ratio_q12
    if not threshold.SLOWEST_DECIBPM <= pulse_decibpm <= threshold.FASTEST_DECIBPM:
        pulse_decibpm = field.NONE
    if pulse_decibpm > 0:
        s[layout.SURE_DECIBPM] = pulse_decibpm
    if 0 <= perfusion < threshold.LOW_PERFUSION_MILLIPCT:
        flags |= field.FLAG_LOW_PERFUSION
    settled = field.NONE
    out[field.STATUS] = field.OK
    out[field.PULSE_DECIBPM] = pulse_decibpm
    out[field.PERFUSION_MILLIPCT] = perfusion
    if s[layout.CHANNELS] == 3:
        if spo2 < 7000:
            flags |= field.FLAG_BELOW_RANGE
        if (
            ratio_q12 > threshold.OUT_OF_REACH_HIGH_Q12
            or ratio_q12 < threshold.OUT_OF_REACH_LOW_Q12
        ):
            flags |= field.FLAG_SUSPECT_SWAP
        settled = settle.step(
            state[layout.TREND], spo2, most, out[field.BEATS], 1 if pulse_decibpm > 0 else 0
        )
        if settled != field.NONE:
            flags |= field.FLAG_SETTLED
        out[field.SPO2_CENTIPCT] = spo2
        out[field.SPO2_SD_CENTIPCT] = sd
        out[field.RATIO_Q12] = ratio_q12
        quality = quality * (400 - sd) // 400
    out[field.SETTLED_CENTIPCT] = settled
    out[field.QUALITY] = quality
    out[field.FLAGS] = flags


def _fluctuates(state):
    """Whether the light is moved by what has no beat: steps up and down alike, and quick ones.

    Blood comes faster than it goes, so the light of a heart falls in few large steps and rises in
    many small ones, in what order soever its beats come. A wave so round, or a heart so fast, that
    both are alike has next to nothing above 4 Hz, where light that fluctuates at random, as beside
    a hand or a sleeve, has an eighth (1/f^2) or a quarter (1/f) of its slope's energy.
    Scaling: steps brought under 2^7, their squares' sum below 2^21, the cubes' below 2^28.
    """
    s = state[layout.S]
    cross = state[layout.RE]
    quick = 64 + 4000 * 128 // (s[layout.RATE_MILLIHZ] >> 3)
    total = 0
    above = 0
    k = 64
    while k < 128:
        total += cross[k] >> 3
        if k > quick:
            above += cross[k] >> 3
        k += 1
    if above < total >> 4:
        return False
    ring = state[layout.LN_IR]
    size = s[layout.SIZE]
    start = s[layout.HEAD] - size
    mean = (ring[start + size] - ring[start & 127]) // size
    largest = 1
    i = 0
    while i < size:
        x = ring[start + i & 127] - ring[start + i + 1 & 127] + mean
        if x < 0:
            x = -x
        if x > largest:
            largest = x
        i += 1
    down = 0
    while largest >> down >= 128:
        down += 1
    squares = 0
    cubes = 0
    i = 0
    while i < size:
        x = ring[start + i & 127] - ring[start + i + 1 & 127] + mean >> down
        squares += x * x
        cubes += x * x * x
        i += 1
    # Their skewness, Q10: sum x^3 sqrt(n) / (sum x^2)^(3/2).
    skew_q10 = cubes // ((squares >> 6) + 1) * isqrt(size << 8) // (isqrt(squares) + 1)
    return skew_q10 < threshold.SKEWED_Q10


def _is_heart(state, explained, strength, ratio_q12, ratio_sd_q12, pulse_decibpm, other):
    """False while a wave says something else than the heart that was followed up to now.

    A rhythmic movement with one ratio is a clean wave to every other test. A heart may beat
    stronger (a warm hand), or saturation or rate may change; two of these at once within seconds
    is the hand that moves, and in a wave that does not stand alone one of them is enough. After a
    minute the new wave is believed; after ten seconds one that has a new rate alone (`other`), as
    of a heart that began or ceased to race.
    """
    s = state[layout.S]
    heart = state[layout.TRACK]
    known = s[layout.KNOWN_STRENGTH]
    misses = s[layout.MISSES]
    # A wave that shrank and stands alone is what movement leaves when it ends.
    if known > 0 and heart[track.AGE] < threshold.FOLLOWED_AT_MOST:
        alone = explained >= threshold.ALONE_Q10
        strange = 0
        away = ratio_q12 - s[layout.SURE_Q12]
        # 0.005 a second since it was shown; a weak pulse scatters by noise alone.
        strange_q12 = threshold.STRANGE_Q12 + ratio_sd_q12 + 20 * (misses if misses < 15 else 15)
        if strength < threshold.SURE_MILLIPCT:
            strange_q12 += ratio_sd_q12
        grown = strength > known + (known >> 2)
        if grown:
            strange_q12 >>= 1  # half of the wave or so was there, and thins what came to it
        doubts = 0
        if away > strange_q12 or -away > strange_q12:
            strange = 1
            doubts = 4
        sharp = heart[track.AGE] > 0 and heart[track.VARIANCE_Q24] < threshold.SHARP_Q24
        if sharp and strength > threshold.SURE_MILLIPCT:
            # In movement what was followed knows better than one clean wave: a hand that comes to
            # the heart's rate makes one of both for some seconds.
            away = ratio_q12 - heart[track.RATIO_Q12]
            if away * away > heart[track.VARIANCE_Q24] + ratio_sd_q12 * ratio_sd_q12 + 4096:
                strange = 1
                doubts = 8
        aside = pulse_decibpm - s[layout.SURE_DECIBPM]
        if aside < 0:
            aside = -aside
        # A hand on one of the heart's overtones pulls the rate by some 5 %.
        if aside * (5 if alone else 24) > pulse_decibpm:
            strange += 1
            doubts = 10 if other else 30
        if strange and not alone:
            strange = 2
        if grown:
            strange += 1
        if strange >= 2 and (strength > known or not alone):
            doubts = 60
        if s[layout.DOUBTED] < doubts:
            s[layout.DOUBTED] += 1
            return False
    s[layout.DOUBTED] = 0
    return True


def _reason(state, strength):
    """Status word for an evaluation that was not accepted; strength in 1/1000 percent."""
    s = state[layout.S]
    second = s[layout.RATE_MILLIHZ] // 4000
    dead = s[layout.AGE] > 6 * second or state[layout.OUT][field.STATUS] == field.NO_FINGER
    if strength < 50 and dead:
        # Light as of a finger, and nothing in it that moves.
        return (
            field.NO_FINGER
            if s[layout.ACCEPTED] == 0 or s[layout.MISSES] > 15
            else field.WEAK_PULSE
        )
    if s[layout.DISTURBED] < 5 * second or s[layout.DOUBTED]:
        return field.MOTION
    if s[layout.AGE] < 6 * second:
        return field.SEARCHING
    return field.WEAK_PULSE if strength < 200 else field.MOTION
