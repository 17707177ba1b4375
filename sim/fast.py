"""The very same core, compiled by numba: for judging hours of signal in seconds.

`compiled()` gives a namespace with the core's functions, over int32 arrays, and `in_the_device`
lends them to the whole app. There is no second implementation: the functions are the firmware's
own, compiled unchanged.
"""

import hashlib
import platform
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sim.door import FIRMWARE, core, field, layout, threshold

_CACHE = Path(__file__).resolve().parent.parent / "build" / "numba"
_OWN_SOURCE = Path(__file__).read_bytes()  # now: later it may not be what runs here

_MODULES = (
    "integer", "logarithm", "spectrum", "curve", "led", "pulse", "ratio", "track", "beats",
    "settle", "judgement", "evaluation", "pipeline",
)  # fmt: skip


@cache
def compiled() -> SimpleNamespace:
    """Functions new, feed, restart, set_curve, set_die and run (a whole recording in a call)."""
    import numba
    import numpy as np

    files = {name: FIRMWARE / "oximeter" / "core" / f"{name}.py" for name in _MODULES}
    sources = {name: file.read_bytes() for name, file in files.items()}
    jit = _jit(numba, sources)
    private: dict[str, types.ModuleType] = {}
    for name, source in sources.items():
        # Under its own name: from there numba finds it again when it reads what it kept.
        private[name] = types.ModuleType(f"oximeter.core.{name}")
        exec(compile(source, str(files[name]), "exec"), vars(private[name]))
    jitted: dict[str, Any] = {}
    for name, module in private.items():
        for key, value in list(vars(module).items()):
            if isinstance(value, types.FunctionType) and value.__globals__ is vars(module):
                jitted[f"{name}.{key}"] = jit(value)
    for module in private.values():
        for key, value in list(vars(module).items()):
            if isinstance(value, types.FunctionType):
                owner = value.__module__.removeprefix("oximeter.core.")
                if owner in private:
                    setattr(module, key, jitted[f"{owner}.{value.__name__}"])
            elif isinstance(value, types.ModuleType):
                short = value.__name__.removeprefix("oximeter.core.")
                if short in private:
                    setattr(module, key, private[short])
    pipeline: Any = private["pipeline"]
    feed = pipeline.feed

    def new(channels: int = 3) -> tuple:
        return tuple(np.array(part, dtype=np.int32) for part in core.new(channels))

    # Among the compiled functions the name `feed` means the compiled one.
    run = jit(types.FunctionType(_run.__code__, vars(pipeline), "run"))

    def run_recording(red, ir, t_ms, channels: int = 3, block: int = 4, die_centi_c: int = 2500):
        """Readings after each block of samples: array (blocks, field.LENGTH) of int32.

        die_centi_c: temperature of the sensor's die throughout, 1/100 C.
        """
        rows = np.zeros((-(-len(red) // block), field.LENGTH), dtype=np.int32)
        state = new(channels)
        pipeline.set_die(state, die_centi_c)
        n = run(
            state,
            np.ascontiguousarray(red, dtype=np.int32),
            np.ascontiguousarray(ir, dtype=np.int32),
            np.ascontiguousarray(t_ms, dtype=np.int32),
            block,
            rows,
        )
        return rows[:n]

    return SimpleNamespace(
        new=new,
        feed=feed,
        restart=pipeline.restart,
        set_curve=pipeline.set_curve,
        set_die=pipeline.set_die,
        run=run_recording,
    )


@contextmanager
def in_the_device() -> Iterator[None]:
    """Inside, an App that is made in this process has the compiled core. Nothing changes where
    numba is not installed."""
    if find_spec("numba") is None:
        yield
        return
    plain = core.new, core.feed
    core.new, core.feed = _lent()
    try:
        yield
    finally:
        core.new, core.feed = plain


class _State(tuple):
    """The firmware's own state, and the same memory as the compiled core wants it."""

    views: tuple[Any, ...]


@cache
def _lent() -> tuple[Any, Any]:
    """Compiled core.new and core.feed for arrays of the firmware."""
    import numpy as np

    plain_new = core.new
    compiled_feed = compiled().feed

    def new(channels: int = 3) -> _State:
        state = _State(plain_new(channels))
        state.views = tuple(np.frombuffer(part, part.typecode) for part in state)
        return state

    def feed(state, red_adc, ir_adc, count, t_ms, events):
        red, ir = np.frombuffer(red_adc, np.int32), np.frombuffer(ir_adc, np.int32)
        compiled_feed(state.views, red, ir, count, t_ms, events)

    nothing = memoryview(bytearray(4 * 32))
    feed(new(), nothing, nothing, 0, 0, 0)  # the first call compiles, before processes part
    return new, feed


def _jit(numba: Any, sources: dict[str, bytes]) -> Any:
    """The compiler, its work kept in a folder named after everything that goes into it.

    Numba's own index sees a change of a function, not of one that it calls: what has changed in
    any way must not find the old folder.
    """
    folder = _CACHE / _hash_of(sources, f"{numba.__version__} {sys.version} {platform.machine()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return numba.njit
    numba.config.CACHE_DIR = str(folder)
    return numba.njit(cache=True)


def _hash_of(sources: dict[str, bytes], platform_name: str) -> str:
    """Of all that goes into the compiled core, the modules that hold nothing but numbers too."""
    numbers = [
        sorted((key, value) for key, value in vars(module).items() if isinstance(value, int))
        for module in (field, layout, threshold)
    ]
    parts = [_OWN_SOURCE, repr(numbers).encode(), *sources.values(), platform_name.encode()]
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:32]


feed = core.feed


def _run(state, red, ir, t_ms, block, rows):
    """Feed a recording in blocks; copy the reading after each block into rows."""
    done = 0
    n = 0
    while done < red.shape[0]:
        count = min(block, red.shape[0] - done)
        feed(state, red[done : done + count], ir[done : done + count], count,
             t_ms[done + count - 1], 0)
        rows[n, :] = state[0]
        n += 1
        done += count
    return n
