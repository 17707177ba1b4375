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

from oximeter.core import beats, curve, field, logarithm, pulse, ratio, settle, spectrum, track

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

# Parts of the state.
_OUT = const(0)
_S = const(1)
_LN_IR = const(2)
_LN_RED = const(3)
_RE = const(4)
_IM = const(5)
_COSINES = const(6)
_BEATS = const(7)
_TREND = const(8)
_SPARE = const(9)
_LEFT = const(10)
_TRACK = const(11)
# Scalars, state[_S].
# What a new finger clears, up to and with _PHASE.
_SUM_IR = const(0)
_SUM_RED = const(1)
_SUMMED = const(2)
_AGE = const(3)  # ticks since a finger came
_DARK = const(4)  # ticks for which one channel was dark
_SPAN = const(5)  # height of the wave on the screen, ln Q22
_ACCEPTED = const(6)  # evaluations accepted since a finger came
_MISSES = const(7)  # evaluations without success since the last accepted one
_IRREGULAR = const(8)  # 1: the rhythm was without order at the last evaluation
_KNOWN_STRENGTH = const(9)  # of the wave that is followed, 1/1000 percent; 0: none is
_DOUBTED = const(10)  # evaluations in a row that were strange against them
_BEATS_AGREE = const(11)  # 1: the single beats have the rate of the spectrum
_CLEAN = const(12)  # ticks of undisturbed signal, up to the ring's length
_FILLED = const(13)  # ticks in the rings since a finger came, disturbed or not
_PHASE = const(14)  # ticks until the next evaluation starts; negative inside one
# What stays.
_CHANNELS = const(15)
_LAST_IR = const(16)
_LAST_RED = const(17)
_BRIDGED = const(18)
_FAILED = const(19)
_CLIPPED = const(20)
_LAST_T_MS = const(21)
_ANCHOR_T_MS = const(22)
_ANCHOR_SAMPLES = const(23)
_NEXT_T_MS = const(24)
_NEXT_SAMPLES = const(25)
_RATE_MILLIHZ = const(26)
_HEAD = const(27)
_SIZE = const(28)
_SHIFT = const(29)
_DISTURBED = const(30)  # ticks since the last disturbance
_BASE = const(31)  # slow mean of ln ir, for that wave
_GAP = const(32)
_CURVE_A = const(33)
_CURVE_B = const(34)
_CURVE_C = const(35)
_STARTED = const(36)
_LONGEST = const(37)  # ticks after a beat when the next one is overdue
_WHOLE = const(38)  # 1: the window under evaluation is as long as they get
_BESIDE_DECIBPM = const(39)  # rate of a heart that is followed without a ratio, or NONE
_UNDISTURBED = const(40)  # 1: the window under evaluation is
_MISPACED = const(41)  # 1: samples come at a rate no sensor set to 100/s has
_ODD = const(42)  # 1: this tick ends no step
_WARM_CENTI_C = const(43)  # of the die above 25 C
_SURE_Q12 = const(44)  # ratio and rate that were last shown
_SURE_DECIBPM = const(45)
# The last ticks, moved on one by one from _RED_4 down to _LN_1.
_LN_1 = const(46)  # ln ir one, two and three ticks ago
_LN_2 = const(47)
_LN_3 = const(48)
_IR_1 = const(49)  # light one to four ticks ago
_IR_2 = const(50)
_IR_3 = const(51)
_IR_4 = const(52)
_RED_1 = const(53)
_RED_2 = const(54)
_RED_3 = const(55)
_RED_4 = const(56)
_SCALARS = const(57)

# Verdict thresholds.
_EXPLAINED_Q10 = const(614)  # of the energy on the harmonics of one rate
_PARTLY_EXPLAINED_Q10 = const(205)  # with two premature beats in 8 s a fifth of it is left
# A larger estimated error is no reading. Only a weak pulse has noise for its excuse: at PI 0.05 %
# and twice the usual noise nobody reads better than to 2.2 points in 8 s (Cramer-Rao), and this is
# 1.5 times that. In a strong one the hand has moved.
_WEAK_SD_CENTIPCT = const(350)
_SD_CENTIPCT = const(120)
_WEAK_MILLIPCT = const(150)
_LOW_PERFUSION_MILLIPCT = const(300)
_MOTION_PERFUSION_MILLIPCT = const(15000)
# What is followed through movement.
_FOLLOWED_AT_MOST = const(120)  # seconds; then it has to be seen clearly again
_FOLLOWED_WIDTH_Q3 = const(13)  # 5 beats a minute to either side
_FOLLOWED_MOST_CENTIPCT = const(160)
# Where the hand is one source the ratio is not drawn to the hand's: among the crossings of the
# tuning matrix no error up to this deviation was over 2.5 points.
_ONE_MOST_CENTIPCT = const(240)
_BESIDE_MOST_CENTIPCT = const(180)  # where not even the ratio is seen, the rate is a guess
_STIRRED = const(6)  # seconds
_LOST = const(6)  # seconds without a number; what then comes back must be what went,
_BACK_Q12 = const(410)  # within 0.1 of ratio
_ALONE_Q10 = const(870)  # 85 % explained: nothing else of note is in the light
_BESIDE_Q10 = const(768)  # 75 %: the hand's part may be as large as a quarter of the heart's
_EVEN = const(8)
_SURE_MILLIPCT = const(500)  # weaker waves scatter from line to line by noise alone
_APART_Q12 = const(250)  # 0.06 of ratio, 2 points
_STRANGE_Q12 = const(300)  # 0.073 of ratio, some 2.5 points
_TIMELY = const(5)  # beats in 8 s that keep time; by chance four do
_FEW_BEATS = const(8)  # fewer say nothing of rhythm
_REGULAR_Q10 = const(768)  # of the energy on one comb is no disorder
_FASTEST_MILLIHZ = const(4300)  # 258 a minute
_OUT_OF_REACH_HIGH_Q12 = const(6554)  # 1.6, SpO2 61 on the default curve
_OUT_OF_REACH_LOW_Q12 = const(819)  # 0.2, SpO2 106
_SD_FLOOR_CENTIPCT = const(3)  # rounding and the curve's own grain


def new(channels=3):
    """State for channels 1 (red only), 2 (infrared only) or 3 (both)."""
    step = array("i", [0] * 16)
    short = array("h", [0] * 16)
    state = (
        _zeros(field.LENGTH, step),
        _zeros(_SCALARS, step),
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
    spectrum.fill_cosines(state[_COSINES])
    out = state[_OUT]
    i = 0
    while i < field.LENGTH:
        out[i] = field.NONE
        i += 1
    s = state[_S]
    s[_CHANNELS] = channels
    s[_RATE_MILLIHZ] = _NOMINAL_MILLIHZ
    s[_CURVE_A], s[_CURVE_B], s[_CURVE_C] = curve.DEFAULT
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
    s = state[_S]
    s[_CURVE_A] = (a_q20 >> 6) * 25 + 256 >> 9  # 800 / 2^20 = 25 / 2^15
    s[_CURVE_B] = (b_q20 >> 6) * 25 + 256 >> 9
    s[_CURVE_C] = (c_q20 >> 6) * 25 + 256 >> 9


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
    state[_S][_WARM_CENTI_C] = warm if warm > -2500 else -2500


def reading(state):
    """The reading in force: an array with the fields of field.py, rewritten in place."""
    return state[_OUT]


def restart(state):
    """Forget the signal: a new finger, or new light. The measured sample rate is kept."""
    s = state[_S]
    _withhold(state, field.SEARCHING, 0)
    i = 0
    while i <= _PHASE:
        s[i] = 0
        i += 1
    s[_DISTURBED] = 1000
    s[_LONGEST] = s[_RATE_MILLIHZ] * 19 // 40000  # 1.9 s, see _judge
    beats.clear(state[_BEATS])
    settle.clear(state[_TREND])
    state[_OUT][field.BEATS] = 0


def _withhold(state, status, flags):
    """No number, for this reason."""
    out = state[_OUT]
    out[field.STATUS] = status
    out[field.FLAGS] = flags
    i = field.SPO2_CENTIPCT
    while i <= field.RATIO_Q12:
        out[i] = field.NONE
        i += 1
    out[field.SETTLED_CENTIPCT] = field.NONE
    out[field.QUALITY] = 0


def feed(state, red_adc, ir_adc, count, t_ms, events):
    """Take `count` (0 … 32) samples read at t_ms; events are bits of field.EVENT_*."""
    s = state[_S]
    if s[_STARTED] == 0:
        s[_LAST_T_MS] = t_ms
        if count:
            s[_STARTED] = 1
            s[_GAP] = 1
    since_ms = t_ms - s[_LAST_T_MS]
    if events & field.EVENT_LEDS:
        restart(state)
        s[_CLIPPED] = 0  # that was the old light
    if count == 0:
        if since_ms > 400 and s[_GAP] == 0:
            s[_GAP] = 1
            restart(state)
        return
    if since_ms > 400 + count * 17 or s[_GAP]:
        # Samples begin, or begin again: when those in this block were taken is not known.
        s[_GAP] = 0
        restart(state)
        _anchor(s, t_ms)
    elif events & field.EVENT_LOST:
        missing = since_ms * (s[_RATE_MILLIHZ] // 100) // 10000 - count
        if missing > 25:
            restart(state)
        else:
            while missing > 0:
                _sample(state, s[_LAST_RED], s[_LAST_IR])
                missing -= 1
        _anchor(s, t_ms)
    else:
        _measure_rate(s, count, t_ms)
    s[_LAST_T_MS] = t_ms
    state[_OUT][field.T_MS] = t_ms
    i = 0
    while i < count:
        _sample(state, red_adc[i], ir_adc[i])
        i += 1


def _anchor(s, t_ms):
    """Begin to count samples anew; the rate so far stays in force."""
    s[_ANCHOR_T_MS] = t_ms
    s[_ANCHOR_SAMPLES] = 0
    s[_NEXT_T_MS] = t_ms
    s[_NEXT_SAMPLES] = 0


def _measure_rate(s, count, t_ms):
    """Samples over time since an anchor 2 to 32 s ago; two anchors take turns.

    Samples below 2^13 (32 s at 170/s), * 100,000 below 2^30.
    """
    # What is read at the moment of an anchor was sampled before it.
    if t_ms != s[_ANCHOR_T_MS]:
        s[_ANCHOR_SAMPLES] += count
    if t_ms != s[_NEXT_T_MS]:
        s[_NEXT_SAMPLES] += count
    span_ms = t_ms - s[_ANCHOR_T_MS]
    if span_ms >= 2000:
        samples = s[_ANCHOR_SAMPLES]
        scaled = (samples if samples < 10000 else 10000) * 100000
        rate = scaled // span_ms
        rate = rate * 10 + (scaled - rate * span_ms) * 10 // span_ms
        s[_MISPACED] = 1
        if 50000 <= rate <= 170000:
            s[_RATE_MILLIHZ] = rate
            s[_MISPACED] = 0
    if t_ms - s[_NEXT_T_MS] >= 16000:
        s[_ANCHOR_T_MS] = s[_NEXT_T_MS]
        s[_ANCHOR_SAMPLES] = s[_NEXT_SAMPLES]
        s[_NEXT_T_MS] = t_ms
        s[_NEXT_SAMPLES] = 0


def _sample(state, red, ir):
    s = state[_S]
    channels = s[_CHANNELS]
    if channels == 1:
        ir = red
    elif channels == 2:
        red = ir
    if red == _FAILED_READ_ADC and ir == _FAILED_READ_ADC:
        s[_FAILED] += 1
        red = s[_LAST_RED]
        ir = s[_LAST_IR]
    else:
        s[_FAILED] = 0
        if red >= _CLIPPED_ADC or ir >= _CLIPPED_ADC:
            # One in twenty is already a pulse with its top cut off, which falsifies the ratio; the
            # rate alone stands one in five.
            if s[_CLIPPED] < 400:
                s[_CLIPPED] += 20 if channels == 3 else 4
        elif s[_CLIPPED] > 0:
            s[_CLIPPED] -= 1
        last = s[_LAST_IR]
        step = ir - last if ir > last else last - ir
        # 3 % from one sample to the next is no pulse. One wavelength alone may come without its
        # baseline, and then its pulse is most of it.
        shift = 5 if channels == 3 else 1
        jump = step > (last >> shift) + 64
        last = s[_LAST_RED]
        step = red - last if red > last else last - red
        if (jump or step > (last >> shift) + 64) and s[_BRIDGED] < _BRIDGE_SAMPLES:
            s[_BRIDGED] += 1
            red = s[_LAST_RED]
            ir = s[_LAST_IR]
        else:
            if s[_BRIDGED] >= _BRIDGE_SAMPLES:
                # A new level. In the first second that is still the finger coming, or the light
                # that was just set; later it moved.
                moved = s[_AGE] > _SETTLING_TICKS
                restart(state)
                if moved:
                    _withhold(state, field.MOTION, 0)
                    s[_DISTURBED] = 0
            s[_BRIDGED] = 0
            s[_LAST_RED] = red
            s[_LAST_IR] = ir
    s[_SUM_IR] += ir
    s[_SUM_RED] += red
    s[_SUMMED] += 1
    if s[_SUMMED] == 4:
        _tick(state, s[_SUM_RED], s[_SUM_IR])
        s[_SUM_IR] = 0
        s[_SUM_RED] = 0
        s[_SUMMED] = 0


def _obstacle(state, red4, ir4):
    """Why no finger can be measured at this tick, or OK. red4, ir4: sums of four samples."""
    s = state[_S]
    if s[_FAILED] > s[_RATE_MILLIHZ] // 1000 or s[_MISPACED]:
        return field.SENSOR_FAULT
    if s[_CLIPPED] > 100:
        return field.SATURATED
    if (red4 < _DARK_ADC * 4 and ir4 > _LIT_ADC * 4) or (
        ir4 < _DARK_ADC * 4 and red4 > _LIT_ADC * 4
    ):
        s[_DARK] += 1
    else:
        s[_DARK] = 0
    if s[_DARK] > 0:
        return field.SENSOR_FAULT if s[_DARK] >= 25 else field.SEARCHING
    if ir4 < _FINGER_ADC * 4 or red4 < 4:
        return field.NO_FINGER
    return field.OK


def _tick(state, red4, ir4):
    out = state[_OUT]
    s = state[_S]
    out[field.IR_DC_ADC] = ir4 >> 2
    out[field.RED_DC_ADC] = red4 >> 2
    obstacle = _obstacle(state, red4, ir4)
    if obstacle != field.OK:
        dark = s[_DARK]
        restart(state)
        s[_DARK] = dark
        flags = 0
        if obstacle == field.SENSOR_FAULT:
            flags = field.FLAG_FAULT_NACK
            if s[_MISPACED]:
                flags = field.FLAG_FAULT_FIFO
            elif dark:
                flags = field.FLAG_FAULT_DEAD_LED
        _withhold(state, obstacle, flags)
        out[field.WAVE] = 0
        return
    light = logarithm.ln_q22(ir4)
    if s[_FILLED] == 0:
        s[_IR_1] = s[_IR_2] = s[_IR_3] = s[_IR_4] = ir4
        s[_RED_1] = s[_RED_2] = s[_RED_3] = s[_RED_4] = red4
    _step(state, red4, ir4)
    if s[_CLEAN] < 2 * _RING:
        s[_CLEAN] += 1
    if s[_FILLED] < 2 * _RING:
        s[_FILLED] += 1
    if s[_AGE] == 0:
        # The obstacle is over; what it was must not stand until the first evaluation.
        _withhold(state, field.SEARCHING, 0)
        s[_DISTURBED] = 1000
        s[_BASE] = light
    elif s[_AGE] == _LOOK_TICKS and s[_SPAN] == _STILL_Q22:
        _withhold(state, field.NO_FINGER, 0)
    if s[_AGE] < 100000:
        s[_AGE] += 1
    if s[_DISTURBED] < 1000:
        s[_DISTURBED] += 1
    out[field.WAVE] = _wave(s, light)
    if s[_FILLED] > 3:
        _beat(state, s[_LN_3] - light, light)
    i = _RED_4
    while i > _LN_1:
        s[i] = s[i - 1]
        i -= 1
    s[_LN_1] = light
    s[_IR_1] = ir4
    s[_RED_1] = red4
    if s[_PHASE] < 0:
        _slice(state)
    elif s[_FILLED] >= s[_RATE_MILLIHZ] // 1250:  # 3.2 s of ticks
        if s[_PHASE] == 0:
            s[_PHASE] = -_SLICES
            _slice(state)
        else:
            s[_PHASE] -= 1


def _step(state, red4, ir4):
    """Every second tick an entry into the rings, of five ticks weighted 1 4 6 4 1.

    A pulse of 212 a minute has its second harmonic above half the rate of the steps, and would
    show it as a line of its own; of that this filter leaves a hundredth.
    Scaling: 16 weights times four counts of 18 bits is 2^24.
    """
    s = state[_S]
    s[_ODD] ^= 1
    if s[_ODD] == 0:
        head = (s[_HEAD] + 1) & 127
        s[_HEAD] = head
        light = (s[_IR_1] + s[_IR_3] << 2) + 6 * s[_IR_2] + s[_IR_4] + ir4
        state[_LN_IR][head] = logarithm.ln_q22(light >> 4)
        light = (s[_RED_1] + s[_RED_3] << 2) + 6 * s[_RED_2] + s[_RED_4] + red4
        state[_LN_RED][head] = logarithm.ln_q22(light >> 4)


def _wave(s, light):
    """Point of the pulse wave for the screen, -127 … 127, by its own running height."""
    rise = s[_BASE] - light
    s[_BASE] -= rise >> 4
    size = rise if rise > 0 else -rise
    span = s[_SPAN]
    span = size if size > span else span - (span >> 6)
    if span < _STILL_Q22:
        span = _STILL_Q22
    s[_SPAN] = span
    if span > 4194304:
        return 0
    return rise * 127 // span if rise >= 0 else -(size * 127 // span)


def _beat(state, slope, light):
    """slope: fall of ln light over three ticks."""
    out = state[_OUT]
    s = state[_S]
    b = state[_BEATS]
    # 0.2 s in ticks Q8; a period at 250 a minute is 0.24 s
    kind = beats.step(b, slope, light, s[_RATE_MILLIHZ] * 8 // 625)
    if kind == 2:
        # The next evaluation, within a second, sees whether the heart can still be followed.
        s[_CLEAN] = 0
        s[_DISTURBED] = 0
        return
    if kind == 1 and out[field.STATUS] == field.OK:
        out[field.BEATS] += 1
    if out[field.STATUS] == field.OK and _overdue(s, b):
        # The pulse is gone: its number goes too, and an old window must not bring it back.
        _withhold(state, field.WEAK_PULSE, 0)


def _overdue(s, b):
    """Whether a heart whose beats were seen has been silent for too long."""
    if s[_DISTURBED] < s[_RATE_MILLIHZ] // 500:
        return False
    if beats.since_ticks(b) <= s[_LONGEST]:
        return False
    if s[_BEATS_AGREE]:
        return True
    # Under movement beats are not found; but where nothing moves at all (half of what is known,
    # and that no weak pulse) there is no heart.
    known = s[_KNOWN_STRENGTH]
    return known > _LOW_PERFUSION_MILLIPCT and beats.range_q22(b) // 84 < known


def _slice(state):
    """One slice of an evaluation."""
    s = state[_S]
    phase = s[_PHASE] + 1
    s[_PHASE] = phase
    if phase == -3:
        size = s[_RATE_MILLIHZ] // 1000  # 8 s of steps
        if size >= _RING:
            size = _RING - 1
        s[_UNDISTURBED] = 1
        filled = s[_CLEAN]
        if filled < s[_RATE_MILLIHZ] // 1250:
            s[_UNDISTURBED] = 0
            filled = s[_FILLED]
        filled >>= 1
        if size >= filled:
            size = filled - 1
        s[_SIZE] = size
        s[_SHIFT] = spectrum.load(
            state[_LN_RED],
            state[_LN_IR],
            s[_HEAD],
            size,
            state[_COSINES],
            state[_RE],
            state[_IM],
        )
    elif phase == -2:
        spectrum.transform(state[_RE], state[_IM], state[_COSINES], 0, 7)
    elif phase == -1:
        _evaluate(state)
    else:
        s[_PHASE] = s[_RATE_MILLIHZ] // 4000 - _SLICES  # once a second


def _evaluate(state):
    """Pulse and ratio from the transform, then the verdict."""
    s = state[_S]
    b = state[_BEATS]
    re = state[_RE]
    im = state[_IM]
    spare = state[_SPARE]
    size = s[_SIZE]
    step_millihz = s[_RATE_MILLIHZ] >> 3
    reach = (128 + (size >> 1)) // size
    # Lines from 0.35 Hz, or from where the window's own main lobe of drift has ended, to 5.8 Hz.
    low = 350 * 128 // step_millihz + 1
    if low < 256 // size:
        low = 256 // size
    high = 5800 * 128 // step_millihz
    if high > spectrum.LINES - 2:
        high = spectrum.LINES - 2
    down = spectrum.lines(re, im, low)
    lowest = low
    beats.rhythm(b, s[_RATE_MILLIHZ] // 500, spare)  # 8 s of ticks
    timely = spare[2] if spare[2] * 5 >= spare[0] * 4 else 0
    counted = _counted_decibpm(s, spare[3], spare[1]) if timely > 1 else field.NONE
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
        if explained < _PARTLY_EXPLAINED_Q10 and timely >= _TIMELY:
            # Breathing may stand there, many times as high as the pulse.
            total = pulse.gather(re, im, known_q3 * 3 + 31 >> 5, high, reach)
            explained = pulse.whole_q10(im, total, known_q3, high, reach)
            if explained >= _ALONE_Q10:
                above = known_q3 * 3 + 31 >> 5
            else:
                explained = 0
        if explained >= (_PARTLY_EXPLAINED_Q10 if timely >= _TIMELY else _EXPLAINED_Q10):
            line_q8 = pulse.refine_q8(re, im, known_q3, high, reach)
            low = above
        elif known_q3 <= pulse.densest_q3(reach):
            # A slow pulse of which little was seen yet: its comb takes in everything.
            line_q8 = known_q8
            explained = _EXPLAINED_Q10
            low = above
    if line_q8 == 0:
        _search(state, low, high, reach, step_millihz)
        line_q8 = spare[0]
        explained = spare[1]
        low = spare[2]
    pulse_decibpm = _decibpm(s, line_q8) if line_q8 else field.NONE
    # A heart has nothing below its fundamental. What stands there is breathing, unless this is
    # the double of the true rate, which has lines halfway between the harmonics, too.
    above = line_q8 * 3 + 1023 >> 10
    if explained < _BESIDE_Q10 and above > low:
        total = pulse.gather(re, im, above, high, reach)
        alone = pulse.whole_q10(im, total, line_q8 >> 5, high, reach)
        if alone >= _ALONE_Q10:
            explained = alone
            low = above
    periodic = explained >= _EXPLAINED_Q10
    if periodic:
        ratio.mark_harmonics(im, line_q8, high, reach)
        split = line_q8 * 3 >> 9
    else:
        ratio.mark_band(im, low, high)
        split = (low + high) // 4
    strength = _strength_millipct(ratio.wave(re, im, low, high), down, s[_SHIFT], size)
    s[_BESIDE_DECIBPM] = field.NONE
    s[_WHOLE] = 1 if size > 125 or size * 1000 > s[_RATE_MILLIHZ] - 2000 else 0
    exponent = down - s[_SHIFT]
    state[_OUT][field.SEQ] += 1
    state[_OUT][field.RATE_MILLIHZ] = s[_RATE_MILLIHZ]
    known = s[_KNOWN_STRENGTH] > 0 and s[_WHOLE]
    known = known and state[_TRACK][track.AGE] < _FOLLOWED_AT_MOST
    # A strong wave with so much beside it is not asked what it says; it is followed. In a weak
    # one there is noise between the lines.
    judged = False
    asked = explained >= _BESIDE_Q10
    if known and state[_TRACK][track.ONE] > 0:
        # Nor is one beside a hand that can be told from it: it may lie on the heart's own lines.
        asked = False
    elif not asked and periodic and timely >= _TIMELY:
        # Or single beats say the same, all of a size: then it is breathing that stands beside.
        asked = -pulse_decibpm < 16 * (counted - pulse_decibpm) < pulse_decibpm
        height = beats.height_q22(b, spare)
        asked = asked and spare[8] * _EVEN < height
    if asked or strength <= _SURE_MILLIPCT or not known:
        ratio.estimate(re, im, state[_LEFT], low, high, split, size, spare)
        ratio_q12 = _at_25_c(s, spare[0])
        ratio_sd_q12 = spare[1]
        if periodic and strength > _SURE_MILLIPCT and ratio_q12 > 0:
            # Something shares a harmonic with the heart: the fundamental alone says otherwise.
            aside = _at_25_c(s, ratio.of_line(re, line_q8 + 128 >> 8, reach)) - ratio_q12
            if not -_APART_Q12 < aside < _APART_Q12:
                ratio_q12 = field.NONE
        spare[0] = ratio_q12
        again = pulse_decibpm - s[_SURE_DECIBPM]
        again = -pulse_decibpm < again * 16 < pulse_decibpm
        judged = _judge(state, timely, counted, explained, pulse_decibpm, strength)
        # Once alone may be chance, in fibrillation.
        alone = explained >= _ALONE_Q10 and s[_IRREGULAR] == 0
        # The beats may know better than the lines.
        aside = pulse_decibpm - state[_OUT][field.PULSE_DECIBPM]
        alone = alone and -pulse_decibpm < aside * 16 < pulse_decibpm
        if judged and alone and s[_WHOLE] and (known or again):
            s[_KNOWN_STRENGTH] = strength
            track.begin(state[_TRACK], re, line_q8, high, exponent, ratio_q12, ratio_sd_q12)
    if not judged:
        known = known and not _overdue(s, b)
        if not (known and _follow(state, lowest, high, exponent)):
            _refuse(state, strength)


def _decibpm(s, line_q8):
    """lines Q8 * Hz a line * 600."""
    return (line_q8 * (s[_RATE_MILLIHZ] >> 5) >> 8) * 75 // 4000


def _search(state, low, high, reach, step_millihz):
    """Pulse from the spectrum alone, of 42 a minute or more: what is slower may be breathing, and
    a pulse as slow as that is seen by its beats. Writes to the spare room: line Q8 (0: none), the
    share explained by it (Q10), and the first line that was looked at."""
    re = state[_RE]
    im = state[_IM]
    spare = state[_SPARE]
    high_q3 = _FASTEST_MILLIHZ * 1024 // step_millihz
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


def _at_25_c(s, ratio_q12):
    """The ratio that this one would be with the die at 25 C; 0.0000139 + 0.0000024 R in Q20."""
    if ratio_q12 < 0:
        return ratio_q12
    return ratio_q12 + (ratio_q12 * (s[_WARM_CENTI_C] * (15 + (5 * ratio_q12 >> 13))) >> 20)


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


def _judge(state, timely, counted, explained, pulse_decibpm, strength):
    """The verdict of one evaluation of an undisturbed window; True when a reading is published."""
    s = state[_S]
    b = state[_BEATS]
    spare = state[_SPARE]
    both = s[_CHANNELS] == 3
    ratio_q12 = spare[0]
    ratio_sd_q12 = spare[1]
    sd = field.NONE
    spo2 = field.NONE
    if both and ratio_q12 > 0:
        spo2 = curve.spo2_centipct(ratio_q12, s[_CURVE_A], s[_CURVE_B], s[_CURVE_C])
        slope = curve.slope_centipct(ratio_q12, s[_CURVE_A], s[_CURVE_B])
        sd = (slope * ratio_sd_q12 >> 12) + _SD_FLOOR_CENTIPCT
    perfusion = beats.height_q22(b, spare)
    even = spare[8] * (6 if s[_IRREGULAR] else 8) < perfusion
    # / 2^22 * 100,000, within 0.03 %
    # Before three beats were seen, a sine of the same energy stands for it.
    perfusion = perfusion * 25 // 1048 if perfusion > 0 else strength
    most = _WEAK_SD_CENTIPCT if strength < _WEAK_MILLIPCT else _SD_CENTIPCT
    fits = sd <= most and spo2 >= 0 if both else True
    beats.rhythm(b, s[_RATE_MILLIHZ] * 3 // 800, spare)  # 15 s of ticks
    many = spare[0] >= _FEW_BEATS
    # A second of order or disorder more or less does not change the word.
    orderly = 5 * spare[2] >= (5 if s[_IRREGULAR] else 4) * spare[0]
    rate_decibpm = _counted_decibpm(s, spare[3] if orderly else spare[0], spare[1])
    aside = rate_decibpm - pulse_decibpm
    # Beats all of a size, or in order, that are far more or fewer than the spectrum says.
    apart = many and (even or orderly) and not -pulse_decibpm < aside * 4 < pulse_decibpm
    if strength < _WEAK_MILLIPCT and explained >= _ALONE_Q10:
        apart = False  # noise makes beats, but no lines
    disorder = many and not orderly and (apart or explained < _REGULAR_Q10)
    known = s[_SURE_DECIBPM] if s[_ACCEPTED] else 0
    if explained >= _EXPLAINED_Q10 and -known < 8 * (pulse_decibpm - known) < known:
        # The lines of the known heart; what else beats is movement.
        apart = False
        disorder = False
    irregular = disorder and even
    aside = counted - pulse_decibpm
    if timely > 1 and -pulse_decibpm < aside * 8 < pulse_decibpm:
        s[_BEATS_AGREE] = 1
        # The next one is overdue after 1.9 s, since a number has to go within two; or after a
        # period and a quarter, where that is longer. Where a beat was missed of late two periods
        # pass, up to 2.4 s.
        period = s[_RATE_MILLIHZ] * 3 // (20 * counted)
        two_s = s[_RATE_MILLIHZ] * 19 // 40000
        longest = period * 9 >> 2 if spare[3] > spare[0] else 0
        if longest > two_s * 5 >> 2:
            longest = two_s * 5 >> 2
        if longest < two_s:
            longest = two_s
        s[_LONGEST] = longest if longest > period * 5 >> 2 else period * 5 >> 2
    elif beats.since_ticks(b) > s[_RATE_MILLIHZ] // 400 or not _overdue(s, b):
        s[_BEATS_AGREE] = 0  # after 10 s nothing old is in the window
    accepted = explained >= _EXPLAINED_Q10 and fits and not apart
    if timely > 2 and s[_BEATS_AGREE]:
        pulse_decibpm = counted
    if not accepted and fits and (not both or sd <= 100):
        # No one rate, but clean beats in a row: fibrillation or early beats.
        if disorder:
            accepted = True
            pulse_decibpm = field.NONE
        elif explained > _PARTLY_EXPLAINED_Q10 and (many or timely >= _TIMELY):
            accepted = True
            pulse_decibpm = counted if timely > 2 else rate_decibpm
    s[_IRREGULAR] = 1 if irregular and accepted else 0
    if irregular:
        pulse_decibpm = rate_decibpm
    if known > 0 and accepted and (irregular or explained < _EXPLAINED_Q10):
        # Without one rate in the spectrum, movement may be counted: a rate that is far from the
        # known one is believed when it has lasted for some ten seconds.
        aside = pulse_decibpm - known
        if not -pulse_decibpm < 4 * aside < pulse_decibpm:
            if pulse_decibpm > 0 and even and s[_KNOWN_STRENGTH] == 0:
                s[_SURE_DECIBPM] += aside >> 4
            pulse_decibpm = field.NONE
    if both and perfusion > _MOTION_PERFUSION_MILLIPCT:
        accepted = False  # one wavelength comes from anywhere, its baseline often taken out
    if s[_ACCEPTED] == 0 and s[_BEATS_AGREE] == 0 and s[_CLEAN] < s[_RATE_MILLIHZ] // 500:
        accepted = False  # a rate half or double of the true one may look as good for 8 s
    rate_decibpm = pulse_decibpm
    if pulse_decibpm < 0:
        # Saturation without a rate: only of a heart that is known.
        rate_decibpm = s[_SURE_DECIBPM]
        accepted = accepted and both and known > 0
    if accepted:
        accepted = _is_heart(state, explained, strength, ratio_q12, ratio_sd_q12, rate_decibpm)
    if not accepted or s[_UNDISTURBED] == 0 or _overdue(s, b):
        return False
    flags = field.FLAG_IRREGULAR if irregular else 0
    quality = explained * 100 >> 10
    _publish(state, ratio_q12, spo2, sd, sd, pulse_decibpm, perfusion, quality, flags)
    return True


def _refuse(state, strength):
    """No reading from this evaluation, and why."""
    out = state[_OUT]
    s = state[_S]
    s[_MISSES] += 1
    settle.interrupt(state[_TREND])
    _withhold(state, _reason(state, strength), 0)
    # A pulse may stand beside these alone, and only one that is followed.
    status = out[field.STATUS]
    if status == field.MOTION or status == field.SEARCHING or status == field.WEAK_PULSE:
        out[field.PULSE_DECIBPM] = s[_BESIDE_DECIBPM]


def _follow(state, low, high, exponent):
    """Follow the heart known from before through what disturbs it; True when published."""
    s = state[_S]
    heart = state[_TRACK]
    track.step(heart, state[_RE], state[_IM], low, high, s[_SIZE], exponent)
    if heart[track.AGE] > _STIRRED:
        s[_BEATS_AGREE] = 0  # a beat not found is no beat missed, in light that moves
    if heart[track.WIDTH_Q3] > _FOLLOWED_WIDTH_Q3:
        return False
    ratio_q12 = heart[track.RATIO_Q12]
    spo2 = curve.spo2_centipct(ratio_q12, s[_CURVE_A], s[_CURVE_B], s[_CURVE_C])
    slope = curve.slope_centipct(ratio_q12, s[_CURVE_A], s[_CURVE_B])
    sd = slope * ratio.isqrt(heart[track.VARIANCE_Q24]) >> 12
    pulse_decibpm = _decibpm(s, heart[track.RATE_Q8])
    away = ratio_q12 - s[_SURE_Q12]
    one = heart[track.ONE] > 0
    if s[_MISSES] < _LOST or -_BACK_Q12 < away < _BACK_Q12:
        fits = sd <= (_ONE_MOST_CENTIPCT if one else _FOLLOWED_MOST_CENTIPCT) and spo2 >= 0
    else:
        fits = False  # lost, and found at something else
    if not fits:
        if sd <= _BESIDE_MOST_CENTIPCT or one:
            s[_BESIDE_DECIBPM] = pulse_decibpm
        return False
    # Most of what the filter allows for is a change that mostly is not there; where there is one,
    # the lines lean to its side.
    lean = heart[track.LEAN_Q12]
    shown = (sd * 77 >> 8) + (slope * (lean if lean > 0 else -lean) * 3 >> 14)
    _publish(state, ratio_q12, spo2, shown, sd, pulse_decibpm, field.NONE, 50, 0)
    return True


def _publish(state, ratio_q12, spo2, sd, most, pulse_decibpm, perfusion, quality, flags):
    """A reading into force. most: the error that it must not settle with."""
    out = state[_OUT]
    s = state[_S]
    s[_MISSES] = 0
    s[_ACCEPTED] += 1
    s[_SURE_Q12] = ratio_q12
    if pulse_decibpm > 0:
        s[_SURE_DECIBPM] = pulse_decibpm
    if 0 <= perfusion < _LOW_PERFUSION_MILLIPCT:
        flags |= field.FLAG_LOW_PERFUSION
    settled = field.NONE
    out[field.STATUS] = field.OK
    out[field.PULSE_DECIBPM] = pulse_decibpm
    out[field.PERFUSION_MILLIPCT] = perfusion
    if s[_CHANNELS] == 3:
        if spo2 < 7000:
            flags |= field.FLAG_BELOW_RANGE
        if ratio_q12 > _OUT_OF_REACH_HIGH_Q12 or ratio_q12 < _OUT_OF_REACH_LOW_Q12:
            flags |= field.FLAG_SUSPECT_SWAP
        settled = settle.step(state[_TREND], spo2, most, out[field.BEATS], 1)
        if settled != field.NONE:
            flags |= field.FLAG_SETTLED
        out[field.SPO2_CENTIPCT] = spo2
        out[field.SPO2_SD_CENTIPCT] = sd
        out[field.RATIO_Q12] = ratio_q12
        quality = quality * (400 - sd) // 400
    out[field.SETTLED_CENTIPCT] = settled
    out[field.QUALITY] = quality
    out[field.FLAGS] = flags


def _is_heart(state, explained, strength, ratio_q12, ratio_sd_q12, pulse_decibpm):
    """False while a wave says something else than the heart that was followed up to now.

    A rhythmic movement with one ratio is a clean wave to every other test. A heart may beat
    stronger (a warm hand), or saturation or rate may change; two of these at once within seconds
    is the hand that moves, and in a wave that does not stand alone one of them is enough. After a
    minute the new wave is believed.
    """
    s = state[_S]
    heart = state[_TRACK]
    known = s[_KNOWN_STRENGTH]
    misses = s[_MISSES]
    # A wave that shrank and stands alone is what movement leaves when it ends.
    if known > 0 and heart[track.AGE] < _FOLLOWED_AT_MOST:
        alone = explained >= _ALONE_Q10
        strange = 0
        away = ratio_q12 - s[_SURE_Q12]
        # 0.005 a second since it was shown; a weak pulse scatters by noise alone.
        strange_q12 = _STRANGE_Q12 + ratio_sd_q12 + 20 * (misses if misses < 15 else 15)
        if strength < _SURE_MILLIPCT:
            strange_q12 += ratio_sd_q12
        doubts = 0
        if away > strange_q12 or -away > strange_q12:
            strange = 1
            doubts = 4
        if heart[track.AGE] > 0 and strength > _SURE_MILLIPCT:
            # In movement what was followed knows better than one clean wave: a hand that comes to
            # the heart's rate, and stays for some ten seconds, makes one of both.
            away = ratio_q12 - heart[track.RATIO_Q12]
            if away * away > heart[track.VARIANCE_Q24] + ratio_sd_q12 * ratio_sd_q12 + 4096:
                strange = 1
                doubts = 12
        aside = pulse_decibpm - s[_SURE_DECIBPM]
        if aside < 0:
            aside = -aside
        if aside * (5 if alone else 16) > pulse_decibpm:
            strange += 1
            doubts = 30
        if strange and not alone:
            strange = 2
        if strength > known + (known >> 2):
            strange += 1
        if strange >= 2 and (strength > known or not alone):
            doubts = 60
        if s[_DOUBTED] < doubts:
            s[_DOUBTED] += 1
            return False
    s[_DOUBTED] = 0
    return True


def _reason(state, strength):
    """Status word for an evaluation that was not accepted; strength in 1/1000 percent."""
    s = state[_S]
    second = s[_RATE_MILLIHZ] // 4000
    dead = s[_AGE] > 6 * second or state[_OUT][field.STATUS] == field.NO_FINGER
    if strength < 50 and dead:
        # Light as of a finger, and nothing in it that moves.
        return field.NO_FINGER if s[_ACCEPTED] == 0 or s[_MISSES] > 15 else field.WEAK_PULSE
    if s[_DISTURBED] < 5 * second or s[_DOUBTED]:
        return field.MOTION
    if s[_AGE] < 6 * second:
        return field.SEARCHING
    return field.WEAK_PULSE if strength < 200 else field.MOTION


def _counted_decibpm(s, periods, ticks_q8):
    """600 * periods * ticks a second * 256 / ticks Q8; up to 64 periods stay below 2^29."""
    return s[_RATE_MILLIHZ] * 192 // 5 * periods // ticks_q8 if ticks_q8 else field.NONE
