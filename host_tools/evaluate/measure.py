"""From a case to its result: the person's light, the algorithm's readings, their score.

The core alone is fed in blocks of four samples at the device's polls of 40 ms; where a case needs
it, the whole device runs in a closed loop. Any other program gets the same light as a recording.
"""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from host_tools.evaluate.case import Case
from host_tools.evaluate.cramer_rao import spo2_sd_pct
from host_tools.evaluate.score import WINDOW_S, Seen, score
from sim.door import App, core, field
from sim.patient import Person, record
from sim.patient.recording import Recorded

_POLL_MS = 40
_BLOCK = 4


def measure(case: Case, command: str | None = None) -> dict[str, Any]:
    """The result of one case: one flat dict, JSON-able (columns: score.score).

    Raises algorithm.AlgorithmError where `command` gives no rows.
    """
    person = Person(case.scene, case.seed)
    recorded = None
    if command is not None or not case.device:
        recorded = light(case, person)
    if command is not None:
        assert recorded is not None
        seen = _foreign(command, case, recorded)
    elif recorded is not None:
        seen = on_core(recorded)
    else:
        seen = on_device(case, person)
    bound = None
    if recorded is not None and _is_still(case):
        bound = spo2_sd_pct(
            case.scene, case.seed, recorded.red.mean(), recorded.ir.mean(), WINDOW_S
        )
    return score(case, person, seen) | {"crb_pct": bound}


def light(case: Case, person: Person) -> Recorded:
    """What an open-loop sensor sees of the case, at true times."""
    recorded = record(person)
    t_s, red, ir = recorded.t_s, recorded.red, recorded.ir
    if case.clock_drift_pct:
        # The person lives in the sensor's time; what is true passes through `true_s` as well.
        t_s = true_s(case, t_s)
    if case.swapped:
        red, ir = ir, red
    for fault in case.faults:
        assert case.event_s is not None
        red, ir = _faulty(fault, t_s >= case.event_s, red, ir)
    return Recorded(t_s, red, ir, recorded.ref_spo2, recorded.ref_hr)


def true_s(case: Case, sensor_s: Any) -> Any:
    """True time of a moment by the drifting clock of the sensor."""
    if not case.clock_drift_pct:
        return sensor_s
    gain = case.clock_drift_pct / 100 / case.scene.duration_s
    return np.log1p(gain * np.asarray(sensor_s)) / gain  # dt = du / (1 + gain u)


def _faulty(fault: str, on: NDArray, red: NDArray, ir: NDArray) -> tuple[NDArray, NDArray]:
    """The light with a fault of the chip, for programs that see nothing but light."""
    dark = 30
    if fault == "dead_red":
        red = np.where(on, dark, red)
    elif fault == "dead_ir":
        ir = np.where(on, dark, ir)
    elif fault in ("nack", "sda_low"):
        red, ir = (np.where(on, core.FAILED_READ_ADC, one) for one in (red, ir))
    return red, ir


def _is_still(case: Case) -> bool:
    scene = case.scene
    steady = not isinstance(scene.spo2_pct, tuple) and not isinstance(scene.perfusion_pct, tuple)
    return case.due and steady and not (scene.motion or scene.fibrillation or case.swapped)


def on_core(recorded: Recorded) -> Seen:
    """Readings of the core alone, one a block."""
    polled_ms = (np.ceil(recorded.t_s * 1000 / _POLL_MS - 1e-6) * _POLL_MS).astype(np.int32)
    rows = engine()(recorded.red, recorded.ir, polled_ms)
    last = np.minimum(np.arange(1, len(rows) + 1) * _BLOCK, len(polled_ms)) - 1
    return Seen(polled_ms[last] / 1000, rows)


@cache
def engine() -> Callable[..., NDArray[np.int32]]:
    """run(red, ir, t_ms): compiled by numba where it is installed, else plain Python."""
    if find_spec("numba") is None:
        return _interpreted
    from sim.fast import compiled

    run = compiled().run
    still = np.full(2 * _BLOCK, 100_000, dtype=np.int32)
    run(still, still, np.arange(2 * _BLOCK, dtype=np.int32))  # the first call compiles
    return run


def _interpreted(red: NDArray, ir: NDArray, t_ms: NDArray) -> NDArray[np.int32]:
    state = core.new()
    columns = [part.tolist() for part in (red, ir, t_ms)]
    rows = []
    for at in range(0, len(red), _BLOCK):
        red_adc, ir_adc, block_ms = (part[at : at + _BLOCK] for part in columns)
        core.feed(state, red_adc, ir_adc, len(block_ms), block_ms[-1], 0)
        rows.append(list(core.reading(state)))
    return np.array(rows, dtype=np.int32).reshape(len(rows), field.LENGTH)


def on_device(case: Case, person: Person) -> Seen:
    """Readings of the whole device, one a step."""
    from sim.board import Board

    board = Board(person)
    board.keep_awake = True
    board.leds_fixed = case.leds_fixed
    app = App(board)
    clock = board.clock
    t_s, rows = [], []
    while clock.now_us < case.scene.duration_s * 1e6:
        if case.faults and case.event_s is not None and clock.now_us >= case.event_s * 1e6:
            board.sensor.faults.update(case.faults)
        wait_ms = app.step(clock.now_ms)
        t_s.append(clock.now_us / 1e6)
        rows.append(list(app.reading))
        clock.advance_us(1000 * max(1, wait_ms))
    return Seen(np.array(t_s), np.array(rows, dtype=np.int32))


def _foreign(command: str, case: Case, recorded: Recorded) -> Seen:
    from host_tools.evaluate.algorithm import on_recorded

    rows = on_recorded(command, recorded, case.id)
    return Seen(recorded.t_s[0] + np.arange(1, len(rows) + 1), rows)
