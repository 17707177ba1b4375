"""Every intermediate inside the 31-bit small integer of the ESP32, and the same for numba."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.door import core, field
from sim.fast import compiled

LIMIT = 2**30


class Small(int):
    """An int that fails where MicroPython would begin to allocate."""

    def __new__(cls, value):
        assert -LIMIT <= value < LIMIT, f"{int(value)} does not fit 31 bits"
        return super().__new__(cls, value)


def _checked(name):
    plain = getattr(int, name)

    def operation(self, *others):
        result = plain(self, *others)
        return Small(result) if type(result) is int else result

    return operation


for _name in ("add", "sub", "mul", "floordiv", "mod", "lshift", "rshift", "and", "or", "xor"):
    setattr(Small, f"__{_name}__", _checked(f"__{_name}__"))
    setattr(Small, f"__r{_name}__", _checked(f"__r{_name}__"))
Small.__neg__ = _checked("__neg__")  # type: ignore[method-assign]


class Cells(list):
    """A list that checks and marks what is stored."""

    def __setitem__(self, index, value):
        super().__setitem__(index, Small(value))


def small_state(channels=3):
    return tuple(Cells(Small(value) for value in part) for part in core.new(channels))


def signal_of(seed, level, swing_permille, period, noise, jumps, seconds):
    """Counts anywhere in 0 … 262143: pulse, noise, knocks, clipping."""
    rng = np.random.default_rng(seed)
    i = np.arange(seconds * 100)
    wave = np.sin(2 * np.pi * i / period) + 0.5 * np.sin(4 * np.pi * i / period + 1)
    both = []
    for gain in (0.6, 1.0):
        x = level * (1 + gain * swing_permille / 1000 * wave) + rng.normal(0, noise, i.size)
        for at in rng.integers(0, i.size, jumps):
            x[at : at + int(rng.integers(1, 60))] += rng.normal(0, level)
        both.append(np.clip(np.rint(x), 0, 262143).astype(int))
    return both


signals = st.builds(
    signal_of,
    seed=st.integers(0, 10**6),
    level=st.sampled_from([3, 9000, 30000, 131072, 250000, 262143]),
    swing_permille=st.sampled_from([0, 1, 10, 100, 400, 1000]),
    period=st.sampled_from([2, 7, 24, 60, 83, 150, 240]),
    noise=st.sampled_from([0, 8, 500, 60000]),
    jumps=st.sampled_from([0, 0, 3, 20]),
    seconds=st.just(7),
)


@settings(max_examples=20, deadline=None)
@given(signals, st.sampled_from([3, 3, 3, 1, 2]), st.sampled_from([60, 100, 150]))
def test_inside_31_bits(signal, channels, rate_hz):
    red, ir = ([Small(v) for v in channel.tolist()] for channel in signal)
    state = small_state(channels)
    for i in range(0, len(red), 20):
        core.feed(state, red[i : i + 20], ir[i : i + 20], 20, Small((i + 20) * 1000 // rate_hz), 0)
    assert core.reading(state)[field.T_MS] > 0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 262143), min_size=400, max_size=700), st.integers(0, 262143))
def test_inside_31_bits_whatever_the_counts(counts, other):
    state = small_state()
    counts = [Small(v) for v in counts]
    for i in range(0, len(counts) - 20, 20):
        ir = counts[i : i + 20]
        red = [Small((v * 5 + other) % 262144) for v in ir]
        core.feed(state, red, ir, 20, Small((i + 20) * 10), i & 7)


def test_the_checked_integer_bites():
    small = Small(LIMIT - 1)
    for overflow in (lambda: small + 1, lambda: 2 * small, lambda: small << 1, lambda: -2 - small):
        try:
            overflow()
        except AssertionError:
            continue
        raise AssertionError("passed an integer beyond 31 bits")


def test_numba_is_the_same():
    """The compiled core bit for bit, reading by reading."""
    fast = compiled()
    for seed, channels in ((1, 3), (2, 3), (3, 2)):
        red, ir = signal_of(seed, 90000, 12, 83, 20, 2 if seed == 2 else 0, 20)
        t_ms = np.arange(1, red.size + 1) * 10
        rows = fast.run(red, ir, t_ms, channels=channels, block=4)
        state = core.new(channels)
        seen = set()
        for n, i in enumerate(range(0, red.size, 4)):
            core.feed(state, red[i : i + 4].tolist(), ir[i : i + 4].tolist(), 4,
                      int(t_ms[i + 3]), 0)
            assert rows[n].tolist() == list(core.reading(state))
            seen.add(core.reading(state)[field.STATUS])
        assert field.OK in seen
