"""From blocks of samples to a reading about once a second.

    sample (100/s)   failed reads and short glitches are bridged, clipping is counted
      -> tick (25/s) four samples are one tick: finger, logarithm, single beats
      -> step (12.5/s) two ticks are one step of the rings that the spectrum sees
      -> evaluation  once a second, in slices on successive ticks so that no tick is long:
                     window, transform, pulse and ratio, verdict

Results depend on the samples and their times alone, not on how they were cut into blocks.
The state is a tuple of arrays of int; `new` lists them.
"""

from array import array

from micropython import const

from oximeter.core import (
    beats,
    curve,
    evaluation,
    field,
    judgement,
    layout,
    logarithm,
    settle,
    spectrum,
    track,
)

FAILED_READ_ADC = 196351  # 0x2FEFF in both channels: what a failed bus read leaves behind
_FAILED_READ_ADC = const(196351)
_CLIPPED_ADC = const(262000)
_FINGER_ADC = const(8000)  # less light than this comes back from any finger at a working current
_DARK_ADC = const(1000)  # a lit LED returns more than this even from the case
_LIT_ADC = const(10000)
_BRIDGE_SAMPLES = const(20)  # a glitch up to 200 ms is bridged with the last good sample
_RING = const(128)
_SETTLING_TICKS = const(30)
# 2.5 s after light comes: has anything moved in it? Noise stays within 0.02 % of the light, and is
# not drawn as a pulse; in a finger, breathing and drift go beyond even where the pulse does not.
_LOOK_TICKS = const(62)
_STILL_Q22 = const(1024)
_SLICES = const(4)
_NOMINAL_MILLIHZ = const(100000)


def new(channels=3):
    """State for channels 1 (red only), 2 (infrared only) or 3 (both)."""
    step = array("i", [0] * 16)
    short = array("h", [0] * 16)
    state = (
        _zeros(field.LENGTH, step),
        _zeros(layout.SCALARS_LENGTH, step),
        _zeros(_RING, step),  # ln infrared, Q22
        _zeros(_RING, step),  # ln red
        _zeros(_RING, step),  # transform, real part; then lines
        _zeros(_RING, step),  # imaginary part
        _zeros(129, short),  # cosines
        _zeros(beats.LENGTH, step),
        _zeros(settle.LENGTH, step),
        _zeros(16, step),  # spare: sums, sorting
        _zeros(64, step),  # what the ratio leaves unexplained, a value a line
        _zeros(track.LENGTH, step),
    )
    spectrum.fill_cosines(state[layout.COSINES])
    out = state[layout.OUT]
    i = 0
    while i < field.LENGTH:
        out[i] = field.NONE
        i += 1
    s = state[layout.S]
    s[layout.CHANNELS] = channels
    s[layout.RATE_MILLIHZ] = _NOMINAL_MILLIHZ
    s[layout.CURVE_A], s[layout.CURVE_B], s[layout.CURVE_C] = curve.DEFAULT
    out[field.SEQ] = 0
    out[field.WAVE] = 0
    restart(state)
    out[field.STATUS] = field.STARTING
    return state


def _zeros(length, step):
    """Grown in steps: a list or bytes of the whole length would leave garbage of its size."""
    out = step[:0]
    while length >= 16:
        out.extend(step)
        length -= 16
    if length:
        out.extend(step[:length])
    return out


def set_curve(state, a_q20, b_q20, c_q20):
    """Calibration curve SpO2 = a R^2 + b R + c, coefficients in percent Q20, below 900."""
    s = state[layout.S]
    s[layout.CURVE_A] = (a_q20 >> 6) * 25 + 256 >> 9  # 800 / 2^20 = 25 / 2^15
    s[layout.CURVE_B] = (b_q20 >> 6) * 25 + 256 >> 9
    s[layout.CURVE_C] = (c_q20 >> 6) * 25 + 256 >> 9


def set_die(state, centi_c):
    """Temperature of the sensor's die, 1/100 C, for the wavelength of its red LED.

    The red LED grows longer by some 0.12 nm a degree (Reynolds et al. 1991, Br J Anaesth 67:638;
    MAX30102 datasheet, graph) and meets less absorption there: by the extinction of haemoglobin
    (Prahl) the ratio falls by 0.14 % a degree, a little more where it is high. The curve is taken
    to hold at 25 C. Without a call nothing is corrected.
    """
    warm = centi_c - 2500
    if warm > 2500:
        warm = 2500
    state[layout.S][layout.WARM_CENTI_C] = warm if warm > -2500 else -2500


def reading(state):
    """The reading in force: an array with the fields of field.py, rewritten in place."""
    return state[layout.OUT]


def restart(state):
    """Forget the signal: a new finger, or new light. The measured sample rate is kept."""
    s = state[layout.S]
    judgement.withhold(state, field.SEARCHING, 0)
    i = 0
    while i <= layout.PHASE:
        s[i] = 0
        i += 1
    s[layout.DISTURBED] = 1000
    s[layout.LONGEST] = s[layout.RATE_MILLIHZ] * 19 // 40000  # 1.9 s, see judgement.judge
    beats.clear(state[layout.BEATS])
    settle.clear(state[layout.TREND])
    state[layout.OUT][field.BEATS] = 0


def feed(state, red_adc, ir_adc, count, t_ms, events):
    """Take `count` (0 … 32) samples read at t_ms; events are bits of field.EVENT_*."""
    s = state[layout.S]
    if s[layout.STARTED] == 0:
        s[layout.LAST_T_MS] = t_ms
        if count:
            s[layout.STARTED] = 1
            s[layout.GAP] = 1
    since_ms = t_ms - s[layout.LAST_T_MS]
    if events & field.EVENT_LEDS:
        restart(state)
        s[layout.CLIPPED] = 0  # that was the old light
    if count == 0:
        if since_ms > 400 and s[layout.GAP] == 0:
            s[layout.GAP] = 1
            restart(state)
        return
    if since_ms > 400 + count * 17 or s[layout.GAP]:
        # Samples begin, or begin again: when those in this block were taken is not known.
        s[layout.GAP] = 0
        restart(state)
        _anchor(s, t_ms)
    elif events & field.EVENT_LOST:
        missing = since_ms * (s[layout.RATE_MILLIHZ] // 100) // 10000 - count
        if missing > 25:
            restart(state)
        else:
            while missing > 0:
                _sample(state, s[layout.LAST_RED], s[layout.LAST_IR])
                missing -= 1
        _anchor(s, t_ms)
    else:
        _measure_rate(s, count, t_ms)
    s[layout.LAST_T_MS] = t_ms
    state[layout.OUT][field.T_MS] = t_ms
    i = 0
    while i < count:
        _sample(state, red_adc[i], ir_adc[i])
        i += 1


def _anchor(s, t_ms):
    """Begin to count samples anew; the rate so far stays in force."""
    s[layout.ANCHOR_T_MS] = t_ms
    s[layout.ANCHOR_SAMPLES] = 0
    s[layout.NEXT_T_MS] = t_ms
    s[layout.NEXT_SAMPLES] = 0


def _measure_rate(s, count, t_ms):
    """Samples over time since an anchor 2 to 32 s ago; two anchors take turns.

    Samples below 2^13 (32 s at 170/s), * 100,000 below 2^30.
    """
    # What is read at the moment of an anchor was sampled before it.
    if t_ms != s[layout.ANCHOR_T_MS]:
        s[layout.ANCHOR_SAMPLES] += count
    if t_ms != s[layout.NEXT_T_MS]:
        s[layout.NEXT_SAMPLES] += count
    span_ms = t_ms - s[layout.ANCHOR_T_MS]
    if span_ms >= 2000:
        samples = s[layout.ANCHOR_SAMPLES]
        scaled = (samples if samples < 10000 else 10000) * 100000
        rate = scaled // span_ms
        rate = rate * 10 + (scaled - rate * span_ms) * 10 // span_ms
        s[layout.MISPACED] = 1
        if 50000 <= rate <= 170000:
            s[layout.RATE_MILLIHZ] = rate
            s[layout.MISPACED] = 0
    if t_ms - s[layout.NEXT_T_MS] >= 16000:
        s[layout.ANCHOR_T_MS] = s[layout.NEXT_T_MS]
        s[layout.ANCHOR_SAMPLES] = s[layout.NEXT_SAMPLES]
        s[layout.NEXT_T_MS] = t_ms
        s[layout.NEXT_SAMPLES] = 0


def _sample(state, red, ir):
    s = state[layout.S]
    channels = s[layout.CHANNELS]
    if channels == 1:
        ir = red
    elif channels == 2:
        red = ir
    if red == _FAILED_READ_ADC and ir == _FAILED_READ_ADC:
        s[layout.FAILED] += 1
        red = s[layout.LAST_RED]
        ir = s[layout.LAST_IR]
    else:
        s[layout.FAILED] = 0
        if red >= _CLIPPED_ADC or ir >= _CLIPPED_ADC:
            # One in twenty is already a pulse with its top cut off, which falsifies the ratio; the
            # rate alone stands one in five.
            if s[layout.CLIPPED] < 400:
                s[layout.CLIPPED] += 20 if channels == 3 else 4
        elif s[layout.CLIPPED] > 0:
            s[layout.CLIPPED] -= 1
        last = s[layout.LAST_IR]
        step = ir - last if ir > last else last - ir
        # 3 % from one sample to the next is no pulse. One wavelength alone may come without its
        # baseline, and then its pulse is most of it.
        shift = 5 if channels == 3 else 1
        jump = step > (last >> shift) + 64
        last = s[layout.LAST_RED]
        step = red - last if red > last else last - red
        if (jump or step > (last >> shift) + 64) and s[layout.BRIDGED] < _BRIDGE_SAMPLES:
            s[layout.BRIDGED] += 1
            red = s[layout.LAST_RED]
            ir = s[layout.LAST_IR]
        else:
            if s[layout.BRIDGED] >= _BRIDGE_SAMPLES:
                # A new level. In the first second that is still the finger coming, or the light
                # that was just set; later it moved.
                moved = s[layout.AGE] > _SETTLING_TICKS
                restart(state)
                if moved:
                    judgement.withhold(state, field.MOTION, 0)
                    s[layout.DISTURBED] = 0
            s[layout.BRIDGED] = 0
            s[layout.LAST_RED] = red
            s[layout.LAST_IR] = ir
    s[layout.SUM_IR] += ir
    s[layout.SUM_RED] += red
    s[layout.SUMMED] += 1
    if s[layout.SUMMED] == 4:
        _tick(state, s[layout.SUM_RED], s[layout.SUM_IR])
        s[layout.SUM_IR] = 0
        s[layout.SUM_RED] = 0
        s[layout.SUMMED] = 0


def _obstacle(state, red4, ir4):
    """Why no finger can be measured at this tick, or OK. red4, ir4: sums of four samples."""
    s = state[layout.S]
    if s[layout.FAILED] > s[layout.RATE_MILLIHZ] // 1000 or s[layout.MISPACED]:
        return field.SENSOR_FAULT
    if s[layout.CLIPPED] > 100:
        return field.SATURATED
    if (red4 < _DARK_ADC * 4 and ir4 > _LIT_ADC * 4) or (
        ir4 < _DARK_ADC * 4 and red4 > _LIT_ADC * 4
    ):
        s[layout.DARK] += 1
    else:
        s[layout.DARK] = 0
    if s[layout.DARK] > 0:
        return field.SENSOR_FAULT if s[layout.DARK] >= 25 else field.SEARCHING
    if ir4 < _FINGER_ADC * 4 or red4 < 4:
        return field.NO_FINGER
    return field.OK


def _tick(state, red4, ir4):
    out = state[layout.OUT]
    s = state[layout.S]
    out[field.IR_DC_ADC] = ir4 >> 2
    out[field.RED_DC_ADC] = red4 >> 2
    obstacle = _obstacle(state, red4, ir4)
    if obstacle != field.OK:
        dark = s[layout.DARK]
        restart(state)
        s[layout.DARK] = dark
        flags = 0
        if obstacle == field.SENSOR_FAULT:
            flags = field.FLAG_FAULT_NACK
            if s[layout.MISPACED]:
                flags = field.FLAG_FAULT_FIFO
            elif dark:
                flags = field.FLAG_FAULT_DEAD_LED
        judgement.withhold(state, obstacle, flags)
        out[field.WAVE] = 0
        return
    light = logarithm.ln_q22(ir4)
    if s[layout.FILLED] == 0:
        s[layout.IR_1] = s[layout.IR_2] = s[layout.IR_3] = s[layout.IR_4] = ir4
        s[layout.RED_1] = s[layout.RED_2] = s[layout.RED_3] = s[layout.RED_4] = red4
    _step(state, red4, ir4)
    if s[layout.CLEAN] < 2 * _RING:
        s[layout.CLEAN] += 1
    if s[layout.FILLED] < 2 * _RING:
        s[layout.FILLED] += 1
    if s[layout.AGE] == 0:
        # The obstacle is over; what it was must not stand until the first evaluation.
        judgement.withhold(state, field.SEARCHING, 0)
        s[layout.DISTURBED] = 1000
        s[layout.BASE] = light
    elif s[layout.AGE] == _LOOK_TICKS and s[layout.SPAN] == _STILL_Q22:
        judgement.withhold(state, field.NO_FINGER, 0)
    if s[layout.AGE] < 100000:
        s[layout.AGE] += 1
    if s[layout.DISTURBED] < 1000:
        s[layout.DISTURBED] += 1
    out[field.WAVE] = _wave(s, light)
    if s[layout.FILLED] > 3:
        _beat(state, s[layout.LN_3] - light, light)
    i = layout.RED_4
    while i > layout.LN_1:
        s[i] = s[i - 1]
        i -= 1
    s[layout.LN_1] = light
    s[layout.IR_1] = ir4
    s[layout.RED_1] = red4
    if s[layout.PHASE] < 0:
        _slice(state)
    elif s[layout.FILLED] >= s[layout.RATE_MILLIHZ] // 1250:  # 3.2 s of ticks
        if s[layout.PHASE] == 0:
            s[layout.PHASE] = -_SLICES
            _slice(state)
        else:
            s[layout.PHASE] -= 1


def _step(state, red4, ir4):
    """Every second tick an entry into the rings, of five ticks weighted 1 4 6 4 1.

    A pulse of 212 a minute has its second harmonic above half the rate of the steps, and would
    show it as a line of its own; of that this filter leaves a hundredth.
    Scaling: 16 weights times four counts of 18 bits is 2^24.
    """
    s = state[layout.S]
    s[layout.ODD] ^= 1
    if s[layout.ODD] == 0:
        head = (s[layout.HEAD] + 1) & 127
        s[layout.HEAD] = head
        light = (s[layout.IR_1] + s[layout.IR_3] << 2) + 6 * s[layout.IR_2] + s[layout.IR_4] + ir4
        state[layout.LN_IR][head] = logarithm.ln_q22(light >> 4)
        light = (
            (s[layout.RED_1] + s[layout.RED_3] << 2) + 6 * s[layout.RED_2] + s[layout.RED_4] + red4
        )
        state[layout.LN_RED][head] = logarithm.ln_q22(light >> 4)


def _wave(s, light):
    """Point of the pulse wave for the screen, -127 … 127, by its own running height."""
    rise = s[layout.BASE] - light
    s[layout.BASE] -= rise >> 4
    size = rise if rise > 0 else -rise
    span = s[layout.SPAN]
    span = size if size > span else span - (span >> 6)
    if span < _STILL_Q22:
        span = _STILL_Q22
    s[layout.SPAN] = span
    if span > 4194304:
        return 0
    return rise * 127 // span if rise >= 0 else -(size * 127 // span)


def _beat(state, slope, light):
    """slope: fall of ln light over three ticks."""
    out = state[layout.OUT]
    s = state[layout.S]
    b = state[layout.BEATS]
    # 0.2 s in ticks Q8; a period at 250 a minute is 0.24 s
    kind = beats.step(b, slope, light, s[layout.RATE_MILLIHZ] * 8 // 625)
    if kind == 2:
        # The next evaluation, within a second, sees whether the heart can still be followed.
        s[layout.CLEAN] = 0
        s[layout.DISTURBED] = 0
        return
    if kind == 1 and out[field.STATUS] == field.OK:
        out[field.BEATS] += 1
    if out[field.STATUS] == field.OK and judgement.overdue(s, b):
        # The pulse is gone: its number goes too, and an old window must not bring it back.
        judgement.withhold(state, field.WEAK_PULSE, 0)


def _slice(state):
    """One slice of an evaluation."""
    s = state[layout.S]
    phase = s[layout.PHASE] + 1
    s[layout.PHASE] = phase
    if phase == -3:
        size = s[layout.RATE_MILLIHZ] // 1000  # 8 s of steps
        if size >= _RING:
            size = _RING - 1
        s[layout.UNDISTURBED] = 1
        filled = s[layout.CLEAN]
        if filled < s[layout.RATE_MILLIHZ] // 1250:
            s[layout.UNDISTURBED] = 0
            filled = s[layout.FILLED]
        filled >>= 1
        if size >= filled:
            size = filled - 1
        s[layout.SIZE] = size
        s[layout.SHIFT] = spectrum.load(
            state[layout.LN_RED],
            state[layout.LN_IR],
            s[layout.HEAD],
            size,
            state[layout.COSINES],
            state[layout.RE],
            state[layout.IM],
        )
    elif phase == -2:
        spectrum.transform(state[layout.RE], state[layout.IM], state[layout.COSINES], 0, 7)
    elif phase == -1:
        evaluation.evaluate(state)
    else:
        s[layout.PHASE] = s[layout.RATE_MILLIHZ] // 4000 - _SLICES  # once a second
