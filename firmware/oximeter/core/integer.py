"""Integer helpers of the signal path, each inside 31 bits."""


def isqrt(value):
    """Largest integer whose square is <= value, for 0 <= value < 2^30."""
    root = 0
    bit = 1 << 28
    while bit > value:
        bit >>= 2
    while bit:
        if value >= root + bit:
            value -= root + bit
            root = (root >> 1) + bit
        else:
            root >>= 1
        bit >>= 2
    return root
