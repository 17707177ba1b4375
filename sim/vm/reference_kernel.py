"""The yardstick of the signal path: eight biquads, four for red and four for infrared.

What a sample costs in the core is given as a multiple of what it costs here, in the same VM in
the same run, so that the figure means the same on every machine. It is written as one would
write a filter for speed in MicroPython, about 200 operations a sample, and must not change: a
test keeps its hash.

The filter is the Butterworth low-pass of eighth order at 8 Hz for 100 samples/s, in direct form
I, each section with a gain of one at rest. Scaling: in and out within +-2^14, coefficients Q14,
the accumulator within 2^30.
"""

# b0 b1 b2 a1 a2 of each section; a0 is 1. Q14.
_SECTIONS = (
    (688, 1376, 688, -19501, 5869),
    (724, 1446, 724, -20502, 7012),
    (799, 1599, 799, -22652, 9465),
    (926, 1853, 926, -26248, 13569),
)
_COEFFICIENTS_Q14 = [number for section in _SECTIONS for number in section]


def new():
    """Filter memory: x1 x2 y1 y2 of the four sections of red, then of infrared."""
    return [0] * 32


def run(memory, red, ir, count):
    """Filter the first `count` samples of both lists in place."""
    _channel(memory, 0, red, count)
    _channel(memory, 16, ir, count)


def _channel(memory, first, samples, count):
    coefficients_q14 = _COEFFICIENTS_Q14
    for i in range(count):
        value = samples[i]
        m = first
        for c in range(0, 20, 5):
            x1 = memory[m]
            y1 = memory[m + 2]
            out = (
                coefficients_q14[c] * value
                + coefficients_q14[c + 1] * x1
                + coefficients_q14[c + 2] * memory[m + 1]
                - coefficients_q14[c + 3] * y1
                - coefficients_q14[c + 4] * memory[m + 3]
                + 8192
            ) >> 14
            memory[m + 1] = x1
            memory[m] = value
            memory[m + 3] = y1
            memory[m + 2] = out
            value = out
            m += 4
        samples[i] = value
