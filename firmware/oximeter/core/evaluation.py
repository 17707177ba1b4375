"""Once a second: from the transform of the last eight seconds to pulse and ratio, and on to the
verdict; or the heart known from before is followed.

Lines, rates and ratios are of the state that pipeline.py keeps (layout.py).
"""

from oximeter.core import (
    beats,
    curve,
    field,
    judgement,
    lamp,
    layout,
    pulse,
    ratio,
    spectrum,
    threshold,
    track,
)


def evaluate(state):
    """Pulse and ratio from the transform, then the verdict."""
    s = state[layout.S]
    b = state[layout.BEATS]
    re = state[layout.RE]
    im = state[layout.IM]
    spare = state[layout.SPARE]
    size = s[layout.SIZE]
    step_millihz = s[layout.RATE_MILLIHZ] >> 3
    reach = (128 + (size >> 1)) // size
    # Lines from 0.35 Hz, or from where the window's own main lobe of drift has ended, to 5.8 Hz.
    low = 350 * 128 // step_millihz + 1
    if low < 256 // size:
        low = 256 // size
    high = 5800 * 128 // step_millihz
    if high > spectrum.LINES - 2:
        high = spectrum.LINES - 2
    down = spectrum.lines(re, im, low)
    s[layout.LAMP] = 0
    light_q8 = 0
    if s[layout.KNOWN_STRENGTH] > 0 and state[layout.TRACK][track.AGE] > threshold.STIRRED:
        # What stands on the heart's lines may be the hand.
        out = state[layout.OUT]
        light_q8 = (out[field.IR_DC_ADC] << 8) // out[field.RED_DC_ADC]
        if light_q8 > 1023:
            light_q8 = 1023  # keeps the products inside 31 bits
    k = lamp.line(re, im, low, high, reach, s[layout.RATE_MILLIHZ], light_q8)
    if k:
        power = re[k] // (k * k)
        if _strength_millipct(power, down, s[layout.SHIFT], size) > threshold.LAMP_MILLIPCT:
            s[layout.LAMP] = 1
            lamp.put_out(re, im, k, reach)
    lowest = low
    beats.rhythm(b, s[layout.RATE_MILLIHZ] // 500, spare)  # 8 s of ticks
    timely = spare[2] if spare[2] * 5 >= spare[0] * 4 else 0
    disorder = timely == 0 and spare[0] >= threshold.TIMELY
    counted = (
        beats.decibpm(s[layout.RATE_MILLIHZ], spare[3], spare[1]) if timely > 1 else field.NONE
    )
    line_q8 = 0
    explained = 0
    if timely > 1:
        # Beats that keep time know a rate from its half and its double; the lines have to be
        # theirs.
        known_q8 = counted * 54613 // step_millihz  # 128 * 256 / 600 of a Hz in lines Q8
        known_q3 = known_q8 >> 5
        # What lies below half its rate and below 42 a minute, as slow as breathing, takes nothing
        # from it.
        above = 700 * 128 // step_millihz
        if above > known_q3 >> 4:
            above = known_q3 >> 4
        if above < low:
            above = low
        total = pulse.gather(re, im, above, high, reach)
        explained = pulse.explained_q10(im, total, known_q3, high, reach)
        if (
            explained < threshold.PARTLY_EXPLAINED_Q10
            and timely >= threshold.TIMELY
            and s[layout.LAMP] == 0
        ):
            # Breathing may stand there, many times as high as the pulse.
            total = pulse.gather(re, im, known_q3 * 3 + 31 >> 5, high, reach)
            explained = pulse.whole_q10(im, total, known_q3, high, reach)
            if explained >= threshold.ALONE_Q10:
                above = known_q3 * 3 + 31 >> 5
            else:
                explained = 0
        if explained >= (
            threshold.PARTLY_EXPLAINED_Q10
            if timely >= threshold.TIMELY
            else threshold.EXPLAINED_Q10
        ):
            line_q8 = pulse.refine_q8(re, im, known_q3, high, reach)
            low = above
        elif known_q3 <= pulse.densest_q3(reach) and counted >= threshold.SLOWEST_DECIBPM:
            # A slow pulse of which little was seen yet: its comb takes in everything.
            line_q8 = known_q8
            explained = threshold.EXPLAINED_Q10
            low = above
    if line_q8 == 0:
        _search(state, low, high, reach, step_millihz)
        line_q8 = spare[0]
        explained = spare[1]
        low = spare[2]
        if s[layout.LAMP] and s[layout.KNOWN_STRENGTH] == 0 and explained < threshold.ALONE_Q10:
            explained = 0  # with the lamp's beats for its own, half of this rate is not ruled out
    smooth = threshold.SMOOTH_MILLIHZ * 32768 // step_millihz
    if 0 < line_q8 < smooth and pulse.has_no_overtones(im, line_q8 >> 5, high):
        line_q8 = 0  # breathing: a heart so slow has emptied its wave long before the next
        explained = 0
    pulse_decibpm = _decibpm(s, line_q8) if line_q8 else field.NONE
    # A heart has nothing below its fundamental. What stands there is breathing, unless this is
    # the double of the true rate, which has lines halfway between the harmonics, too.
    above = line_q8 * 3 + 1023 >> 10
    if explained < threshold.BESIDE_Q10 and above > low:
        total = pulse.gather(re, im, above, high, reach)
        alone = pulse.whole_q10(im, total, line_q8 >> 5, high, reach)
        if alone >= threshold.ALONE_Q10:
            explained = alone
            low = above
    periodic = explained >= threshold.EXPLAINED_Q10
    if periodic:
        ratio.mark_harmonics(im, line_q8, high, reach)
        split = line_q8 * 3 >> 9
    else:
        ratio.mark_band(im, low, high)
        split = (low + high) // 4
    strength = _strength_millipct(ratio.wave(re, im, low, high), down, s[layout.SHIFT], size)
    s[layout.BESIDE_DECIBPM] = field.NONE
    s[layout.WHOLE] = 1 if size > 125 or size * 1000 > s[layout.RATE_MILLIHZ] - 2000 else 0
    exponent = down - s[layout.SHIFT]
    state[layout.OUT][field.SEQ] += 1
    state[layout.OUT][field.RATE_MILLIHZ] = s[layout.RATE_MILLIHZ]
    known = s[layout.KNOWN_STRENGTH] > 0 and s[layout.WHOLE]
    known = known and state[layout.TRACK][track.AGE] < threshold.FOLLOWED_AT_MOST
    # A strong wave with so much beside it is not asked what it says; it is followed. In a weak
    # one there is noise between the lines.
    judged = False
    other_decibpm = field.NONE
    asked = explained >= threshold.BESIDE_Q10
    if known and state[layout.TRACK][track.ONE] > 0:
        # Nor is one beside a hand that can be told from it: it may lie on the heart's own lines.
        asked = False
    elif not asked and periodic and timely >= threshold.TIMELY:
        # Or single beats say the same, all of a size: then it is breathing that stands beside.
        asked = -pulse_decibpm < 16 * (counted - pulse_decibpm) < pulse_decibpm
        height = beats.height_q22(b, spare)
        asked = asked and spare[8] * threshold.EVEN < height
    elif not asked and disorder:
        # Nor does a heart in fibrillation stand on one comb; a hand's strokes are not of a size.
        height = beats.height_q22(b, spare)
        asked = spare[8] * threshold.EVEN_KNOWN < height
    if asked or strength <= threshold.SURE_MILLIPCT or not known:
        ratio.estimate(re, im, state[layout.LEFT], low, high, split, size, spare)
        ratio_q12 = at_25_c(s, spare[0])
        ratio_sd_q12 = spare[1]
        if periodic and strength > threshold.SURE_MILLIPCT and ratio_q12 > 0:
            # Something shares a harmonic with the heart: the fundamental alone says otherwise.
            aside = at_25_c(s, ratio.of_line(re, line_q8 + 128 >> 8, reach)) - ratio_q12
            if not -threshold.APART_Q12 < aside < threshold.APART_Q12:
                ratio_q12 = field.NONE
        spare[0] = ratio_q12
        again = pulse_decibpm - s[layout.SURE_DECIBPM]
        again = -pulse_decibpm < again * 16 < pulse_decibpm
        if asked and timely >= threshold.TIMELY:
            # Its beats keep time, and its ratio is the heart's.
            aside = ratio_q12 - s[layout.SURE_Q12]
            if -threshold.STRANGE_Q12 < aside < threshold.STRANGE_Q12:
                other_decibpm = counted
        judged = judgement.judge(
            state, timely, counted, explained, pulse_decibpm, strength, other_decibpm > 0
        )
        # Once alone may be chance, in fibrillation.
        alone = explained >= threshold.ALONE_Q10 and s[layout.IRREGULAR] == 0 and not disorder
        # The beats may know better than the lines.
        aside = pulse_decibpm - state[layout.OUT][field.PULSE_DECIBPM]
        alone = alone and -pulse_decibpm < aside * 16 < pulse_decibpm
        if judged and alone and s[layout.WHOLE] and (known or again):
            s[layout.KNOWN_STRENGTH] = strength
            track.begin(state[layout.TRACK], re, line_q8, high, exponent, ratio_q12, ratio_sd_q12)
    if not judged:
        known = known and not judgement.overdue(s, b)
        if not (known and _follow(state, lowest, high, exponent, other_decibpm)):
            judgement.refuse(state, strength)


def _decibpm(s, line_q8):
    """lines Q8 * Hz a line * 600."""
    return (line_q8 * (s[layout.RATE_MILLIHZ] >> 5) >> 8) * 75 // 4000


def _search(state, low, high, reach, step_millihz):
    """Pulse from the spectrum alone, of 42 a minute or more: what is slower may be breathing, and
    a pulse as slow as that is seen by its beats. Writes to the spare room: line Q8 (0: none), the
    share explained by it (Q10), and the first line that was looked at."""
    re = state[layout.RE]
    im = state[layout.IM]
    spare = state[layout.SPARE]
    high_q3 = threshold.FASTEST_MILLIHZ * 1024 // step_millihz
    if high_q3 > high << 3:
        high_q3 = high << 3
    slow_q3 = 700 * 1024 // step_millihz
    if low < slow_q3 >> 3:
        low = slow_q3 >> 3
    total = pulse.gather(re, im, low, high, reach)
    line_q3 = pulse.fundamental_q3(im, total, slow_q3, high_q3, slow_q3, high, reach)
    spare[0] = 0
    spare[1] = 0
    spare[2] = low
    if line_q3 > 0:
        spare[0] = pulse.refine_q8(re, im, line_q3, high, reach)
        spare[1] = pulse.explained_q10(im, total, line_q3, high, reach)


def at_25_c(s, ratio_q12):
    """The ratio that this one would be with the die at 25 C; 0.0000139 + 0.0000024 R in Q20."""
    if ratio_q12 < 0:
        return ratio_q12
    return ratio_q12 + (ratio_q12 * (s[layout.WARM_CENTI_C] * (15 + (5 * ratio_q12 >> 13))) >> 20)


def _strength_millipct(power, down, shift, size):
    """Peak to peak height of a sine of this power, in 1/1000 percent of the light.

    A sine of amplitude A stands in the lines of its steps as power
    (A * 2 pi k / 128 * size / (8 pi))^2 * (pi^2 / 8) * 128 / size, and `power` is that over k^2;
    so A = 652 sqrt(power / (256 size)), times the shifts of transform and window.
    """
    amplitude = ratio.isqrt(power) * 16384 // ratio.isqrt(256 * size)  # < 2^13 * 2^14 * 2^-7
    up = down - shift
    if up >= 0:
        amplitude <<= up if up < 8 else 8
    else:
        amplitude >>= -up
    # 652 / 16384 * 2 / 2^22 * 100,000 = 1 / 527
    amplitude //= 527
    return amplitude if amplitude < 1000000 else 1000000


def _follow(state, low, high, exponent, other_decibpm):
    """Follow the heart known from before through what disturbs it; True when published.

    other_decibpm: the rate of a wave that might be the heart as well, or NONE; where the two
    differ, nobody knows the pulse.
    """
    s = state[layout.S]
    heart = state[layout.TRACK]
    track.step(heart, state[layout.RE], state[layout.IM], low, high, s[layout.SIZE], exponent)
    if heart[track.AGE] > threshold.STIRRED:
        s[layout.BEATS_AGREE] = 0  # a beat not found is no beat missed, in light that moves
    if heart[track.WIDTH_Q3] > threshold.FOLLOWED_WIDTH_Q3:
        return False
    ratio_q12 = heart[track.RATIO_Q12]
    spo2 = curve.spo2_centipct(ratio_q12, s[layout.CURVE_A], s[layout.CURVE_B], s[layout.CURVE_C])
    slope = curve.slope_centipct(ratio_q12, s[layout.CURVE_A], s[layout.CURVE_B])
    sd = slope * ratio.isqrt(heart[track.VARIANCE_Q24]) >> 12
    pulse_decibpm = _decibpm(s, heart[track.RATE_Q8])
    if other_decibpm > 0:
        aside = other_decibpm - pulse_decibpm
        if not -pulse_decibpm < 8 * aside < pulse_decibpm:
            pulse_decibpm = field.NONE
    away = ratio_q12 - s[layout.SURE_Q12]
    one = heart[track.ONE] > 0
    if s[layout.MISSES] < threshold.LOST or -threshold.BACK_Q12 < away < threshold.BACK_Q12:
        fits = (
            sd <= (threshold.ONE_MOST_CENTIPCT if one else threshold.FOLLOWED_MOST_CENTIPCT)
            and spo2 >= 0
        )
    else:
        fits = False  # lost, and found at something else
    if not fits:
        if sd <= threshold.BESIDE_MOST_CENTIPCT or one:
            s[layout.BESIDE_DECIBPM] = pulse_decibpm
        return False
    # Most of what the filter allows for is a change that mostly is not there; where there is one,
    # the lines lean to its side.
    lean = heart[track.LEAN_Q12]
    shown = (sd * 77 >> 8) + (slope * (lean if lean > 0 else -lean) * 3 >> 14)
    judgement.publish(state, ratio_q12, spo2, shown, sd, pulse_decibpm, field.NONE, 50, 0)
    return True
