"""Natural logarithm of a count, in fixed point.

The pulse multiplies the light (Beer-Lambert), so in the logarithm it is a sum: its size no longer
depends on how bright the finger is, and slow changes of brightness subtract out.

Scaling: in 1 … 2^20 - 1 (four 18-bit counts); diff << 14 < 2^29; ratio u Q22 (u < 2^-6),
its half Q21 (square < 2^30), cube 2^16 * 2^13;
out Q22, below 14 * 2^22 < 2^26.
"""

from micropython import const

_LN2_Q22 = const(2907270)  # ln 2 * 2^22

# ln(1 + j/32) * 2^22, j = 0 … 31 (test_core compares with math.log)
_LN_STEPS_Q22 = (
    0, 129066, 254278, 375861, 494018, 608937, 720792, 829741,
    935932, 1039500, 1140573, 1239267, 1335692, 1429950, 1522136, 1612340,
    1700644, 1787127, 1871864, 1954922, 2036367, 2116261, 2194662, 2271624,
    2347199, 2421436, 2494382, 2566082, 2636576, 2705905, 2774106, 2841217,
)  # fmt: skip


def ln_q22(count):
    """ln(count) in Q22 for 1 <= count < 2^20; error below 1.2e-6 (five counts of Q22).

    Nearest node c from below on a grid of 32 steps an octave, then
    ln(x/c) = 2 atanh(u), u = (x - c)/(x + c), by the first two terms (error 2 u^5 / 5 < 4e-10).
    """
    octave = 0
    node = count
    while node >= 64:
        node >>= 1
        octave += 1
    while node < 32:
        node <<= 1
        octave -= 1
    log_q22 = _LN_STEPS_Q22[node - 32] + (octave + 5) * _LN2_Q22
    if octave > 0:
        base = node << octave
    else:
        return log_q22  # the count itself is a node: exact
    diff = count - base
    total = count + base
    # The quotient in two steps of division, since diff << 22 would leave 31 bits.
    scaled = diff << 14
    high = scaled // total
    u_q22 = (high << 8) + ((scaled - high * total) << 8) // total
    half_q21 = u_q22 >> 1
    square_q25 = half_q21 * half_q21 >> 17
    cube_q22 = u_q22 * square_q25 >> 25
    return log_q22 + ((u_q22 + cube_q22 // 3) << 1)
