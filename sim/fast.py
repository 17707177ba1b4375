"""The very same core, compiled by numba: for judging hours of signal in seconds.

`compiled()` gives a namespace with the core's functions, over int32 arrays. There is no second
implementation: the functions are the firmware's own, compiled unchanged.
"""

import importlib.util
import sys
import types
from functools import cache
from types import SimpleNamespace
from typing import Any

from sim.door import core, field

_MODULES = (
    "integer", "logarithm", "spectrum", "curve", "led", "pulse", "ratio", "beats", "settle",
    "pipeline",
)  # fmt: skip


@cache
def compiled() -> SimpleNamespace:
    """Functions new, feed, restart, set_curve, reading and run (a whole recording in one call)."""
    import numba
    import numpy as np

    private: dict[str, types.ModuleType] = {}
    for name in _MODULES:
        full = f"oximeter.core.{name}"
        spec = importlib.util.spec_from_file_location(f"_fast_{name}", sys.modules[full].__file__)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        private[name] = module
    jitted: dict[str, Any] = {}
    for name, module in private.items():
        for key, value in list(vars(module).items()):
            if isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
                jitted[f"{name}.{key}"] = numba.njit(value)
    for module in private.values():
        for key, value in list(vars(module).items()):
            if isinstance(value, types.FunctionType) and value.__module__.startswith(
                ("oximeter.core.", "_fast_")
            ):
                owner = value.__module__.removeprefix("oximeter.core.").removeprefix("_fast_")
                setattr(module, key, jitted[f"{owner}.{value.__name__}"])
            elif isinstance(value, types.ModuleType):
                short = value.__name__.removeprefix("oximeter.core.")
                if short in private:
                    setattr(module, key, private[short])
    pipeline: Any = private["pipeline"]
    feed = pipeline.feed

    def new(channels: int = 3) -> tuple:
        return tuple(np.array(part, dtype=np.int32) for part in core.new(channels))

    @numba.njit
    def run(state, red, ir, t_ms, block, rows):
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

    def run_recording(red, ir, t_ms, channels: int = 3, block: int = 4):
        """Readings after each block of samples: array (blocks, field.LENGTH) of int32."""
        rows = np.zeros((-(-len(red) // block), field.LENGTH), dtype=np.int32)
        state = new(channels)
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
        run=run_recording,
    )
