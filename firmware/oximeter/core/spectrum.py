"""One complex Fourier transform of the window: infrared as the real part, red as the imaginary.

Both channels' spectra come out of it, so pulse rate, ratio, coherence and noise are read from the
same lines. Knows nothing of oximetry. Radix 2, decimation in time (Cooley and Tukey 1965); the two
real spectra are parted by their symmetry.

The window is a half sine. It wastes less of the signal than a Hann window (variance 1.5 against
1.94 times that of no window at all), and what leaks from slow drift is small already in steps.

Scaling: window values are shifted so that no component passes 2^14 ("block floating"). What a
stage turns is a transform of at most 64 points, four times halved: below 2^16.5 with both
channels in it, products with Q13 cosines below 2^30. Outputs below 2^17.
"""

from micropython import const

from oximeter.core.integer import largest_magnitude

LINES = 60  # lines kept for the estimators: below 5.8 Hz at 12.5 steps a second

_POINTS = const(128)
_LINES = const(60)
_HALF = const(64)

# cos(2 pi i / 128) in Q13 for the first quarter, i = 0 … 32 (test_core compares with math.cos)
_COS_QUARTER_Q13 = (
    8192, 8182, 8153, 8103, 8035, 7946, 7839, 7713, 7568, 7405, 7225, 7027,
    6811, 6580, 6333, 6070, 5793, 5501, 5197, 4880, 4551, 4212, 3862, 3503,
    3135, 2760, 2378, 1990, 1598, 1202, 803, 402, 0,
)  # fmt: skip


def fill_cosines(cos_q13):
    """Expand the quarter wave into cos_q13[0 … 128], a period and its first point again."""
    i = 0
    while i <= 32:
        value = _COS_QUARTER_Q13[i]
        cos_q13[i] = value
        cos_q13[128 - i] = value
        cos_q13[64 - i] = -value
        cos_q13[64 + i] = -value
        i += 1


def load(red_ln, ir_ln, newest, size, cos_q13, re, im):
    """Window the last `size` steps of the two rings into re (infrared) and im (red).

    red_ln, ir_ln: rings of 128 natural logarithms, Q22; newest: index of the last one written;
    a step lies between two entries; 8 <= size < 128. Steps, not values: breathing and drift
    may be ten times the pulse, but change slowly, and what would leak from them under the pulse
    shrinks before the window sees it. The mean step, a straight drift, is taken out.
    Written in bit-reversed order.
    Returns how far the steps were shifted left (negative: right).
    """
    start = (newest - size) & 127
    mean_ir = (ir_ln[newest] - ir_ln[start]) // size
    mean_red = (red_ln[newest] - red_ln[start]) // size
    largest = 1
    before_ir = ir_ln[start]
    before_red = red_ln[start]
    i = 1
    while i <= size:
        j = (start + i) & 127
        x = ir_ln[j] - before_ir - mean_ir
        before_ir = ir_ln[j]
        y = red_ln[j] - before_red - mean_red
        before_red = red_ln[j]
        if x < 0:
            x = -x
        if y < 0:
            y = -y
        if x > largest:
            largest = x
        if y > largest:
            largest = y
        i += 1
    shift = 0
    while largest >= 16384:
        largest >>= 1
        shift -= 1
    while largest < 8192 and shift < 8:
        largest <<= 1
        shift += 1
    i = 0
    while i < _POINTS:
        re[i] = 0
        im[i] = 0
        i += 1
    before_ir = ir_ln[start]
    before_red = red_ln[start]
    reverse = 0
    step_q9 = 16777216 // size  # a whole turn is 65536; from three quarters of one to five
    angle_q9 = 25165824 + (step_q9 >> 1)
    i = 1
    while i <= size:
        j = (start + i) & 127
        x = ir_ln[j] - before_ir - mean_ir
        before_ir = ir_ln[j]
        y = red_ln[j] - before_red - mean_red
        before_red = red_ln[j]
        if shift >= 0:
            x <<= shift
            y <<= shift
        else:
            x >>= -shift
            y >>= -shift
        j = angle_q9 >> 18 & 127
        weight = cos_q13[j]
        weight += (cos_q13[j + 1] - weight) * (angle_q9 >> 10 & 255) >> 8
        angle_q9 += step_q9
        re[reverse] = x * weight >> 13
        im[reverse] = y * weight >> 13
        bit = 64
        while reverse & bit:
            reverse ^= bit
            bit >>= 1
        reverse |= bit
        i += 1
    return shift


def _quarters(re, im):
    """Stages 0 and 1: butterflies of four without a product."""
    i = 0
    while i < _POINTS:
        a_re = re[i] + re[i + 1]
        a_im = im[i] + im[i + 1]
        b_re = re[i] - re[i + 1]
        b_im = im[i] - im[i + 1]
        c_re = re[i + 2] + re[i + 3]
        c_im = im[i + 2] + im[i + 3]
        d_re = re[i + 2] - re[i + 3]
        d_im = im[i + 2] - im[i + 3]
        re[i] = a_re + c_re
        im[i] = a_im + c_im
        re[i + 1] = b_re + d_im
        im[i + 1] = b_im - d_re
        re[i + 2] = a_re - c_re
        im[i + 2] = a_im - c_im
        re[i + 3] = b_re - d_im
        im[i + 3] = b_im + d_re
        i += 4


def transform(re, im, cos_q13, first, last):
    """Stages first … last - 1 of the seven; a slice of them a call keeps each call short.

    first is 0 or above 1: stages 0 and 1 go together, since they turn by whole quarters.
    """
    stage = first
    if stage == 0:
        _quarters(re, im)
        stage = 2
    while stage < last:
        half = 1 << stage
        stride = 64 >> stage
        down = 1 if 2 <= stage <= 5 else 0
        k = 0
        while k < half:
            wr = cos_q13[k * stride]
            wi = cos_q13[k * stride + 32]  # -sin of the angle
            i = k
            while i < _POINTS:
                j = i + half
                xr = re[j]
                xi = im[j]
                tr = wr * xr - wi * xi >> 13
                ti = wr * xi + wi * xr >> 13
                xr = re[i]
                xi = im[i]
                re[i] = xr + tr >> down
                im[i] = xi + ti >> down
                re[j] = xr - tr >> down
                im[j] = xi - ti >> down
                i = j + half
            k += 1
        stage += 1


def lines(re, im, low):
    """Turn the transform, in its own place, into the lines the estimators read.

        re[k] = |IR|^2    im[k] = |red|^2    re[64 + k] = Re(IR red*)    for low <= k < LINES

    Below `low` they are zero: drift there may be a hundred times the pulse and is no business of
    the estimators. im[64 + k] is left to them as room. Amplitudes are brought under 2^11, so that
    a power stays below 2^23 and the sum of all below 2^30; returns that right shift.

    The two real spectra are twice parts of the transform at k and 128 - k. Line 64 - k keeps its
    parts where the results of k go, and the other way round, so the two are done together.
    """
    # A sum of two is at most twice the largest.
    largest = largest_magnitude(re, low, _LINES - 1, 1)
    largest = largest_magnitude(im, low, _LINES - 1, largest)
    largest = largest_magnitude(re, _POINTS - _LINES + 1, _POINTS - low, largest)
    largest = largest_magnitude(im, _POINTS - _LINES + 1, _POINTS - low, largest) << 1
    down = 0
    while largest >= 2048:
        largest >>= 1
        down += 1
    re[0] = 0
    im[0] = 0
    re[_HALF] = 0
    k = 1
    while k <= 32:
        other = _HALF - k
        if k < low:
            near_ir = 0
            near_red = 0
            near_cross = 0
        else:
            j = _POINTS - k
            ir_re = re[k] + re[j] >> down
            ir_im = im[k] - im[j] >> down
            red_re = im[k] + im[j] >> down
            red_im = re[j] - re[k] >> down
            near_ir = ir_re * ir_re + ir_im * ir_im
            near_red = red_re * red_re + red_im * red_im
            near_cross = ir_re * red_re + ir_im * red_im
        if other >= _LINES:
            re[other] = 0
            im[other] = 0
            re[_HALF + other] = 0
        else:
            j = _POINTS - other
            ir_re = re[other] + re[j] >> down
            ir_im = im[other] - im[j] >> down
            red_re = im[other] + im[j] >> down
            red_im = re[j] - re[other] >> down
            re[other] = ir_re * ir_re + ir_im * ir_im
            im[other] = red_re * red_re + red_im * red_im
            re[_HALF + other] = ir_re * red_re + ir_im * red_im
        re[k] = near_ir
        im[k] = near_red
        re[_HALF + k] = near_cross
        k += 1
    return down
