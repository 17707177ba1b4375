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


def insert_sorted(values, first, count, value):
    """Put value among the `count` ascending ones that begin at `first`."""
    j = first + count
    while j > first and values[j - 1] > value:
        values[j] = values[j - 1]
        j -= 1
    values[j] = value


def largest_magnitude(values, first, last, largest):
    """The greatest of `largest` and |values[first … last]|."""
    while first <= last:
        value = values[first]
        if value < 0:
            value = -value
        if value > largest:
            largest = value
        first += 1
    return largest
