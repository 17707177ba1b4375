"""Readings against the truth: one case to one flat row of figures.

Rows are those of the contract, t = 1, 2, … with what is in force then. The truth of a row is the
mean over the window the device declares that ends at it. Sums stand in the result, not means:
whoever pools cases divides sums by sums. When something first happened is told to the reading, not
to the row.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from host_tools.evaluate.case import Case
from sim.door import field
from sim.patient import Person, ratio_of_spo2, spo2_of_ratio
from sim.patient.scene import follow

WINDOW_S = 8.0
IRREGULAR_WINDOW_S = 15.0
SCORED_FROM_S = 10.0  # after finger-in
_WORD_DUE_S = 3.0  # no number may stand later than this after a fault,
_GONE_DUE_S = 2.0  # or after the finger has left
_STEP_DONE = 0.9
_FAULT_WORDS = (
    field.NO_FINGER, field.TOO_BRIGHT, field.SATURATED, field.SENSOR_FAULT, field.LEDS_SWAPPED,
)  # fmt: skip


class Seen(NamedTuple):
    """Readings (n, field.LENGTH) and the times (n,) in seconds from which each is in force."""

    t_s: NDArray[np.float64]
    rows: NDArray[np.int32]

    def at(self, t_s: NDArray[np.float64]) -> NDArray[np.int32]:
        """What is in force at these times; before the first reading the device is starting."""
        nothing = np.full((1, field.LENGTH), field.NONE, dtype=np.int32)
        nothing[0, field.STATUS] = field.STARTING
        nothing[0, field.FLAGS] = 0
        index = np.searchsorted(self.t_s, t_s + 1e-6, side="right")
        return np.concatenate([nothing, self.rows])[index]


class Truth:
    """What was true over a window that ends at a moment."""

    def __init__(self, case: Case, person: Person) -> None:
        self._case = case
        self._person = person
        self._grid_s = np.arange(-IRREGULAR_WINDOW_S, case.scene.duration_s + 0.05, 0.05)
        spo2 = follow(case.scene.spo2_pct, self._grid_s)
        if case.curve_pct:
            spo2 = spo2_of_ratio(ratio_of_spo2(spo2) / (1 + case.curve_pct / 100))
        self._summed = np.cumsum(spo2) * 0.05

    def spo2_pct(self, t_s: Any, window_s: Any) -> NDArray[np.float64]:
        """Mean saturation, percent."""
        before, now = (np.interp(at, self._grid_s, self._summed) for at in (t_s - window_s, t_s))
        return (now - before) / window_s

    def pulse_bpm(self, t_s: Any, window_s: Any) -> NDArray[np.float64]:
        """Mean pulse rate, beats a minute."""
        if not self._case.clock_drift_pct:
            return self._person.pulse_bpm(t_s, window_s)
        from host_tools.evaluate.measure import true_s

        beat_s = true_s(self._case, self._person.beat_s)
        before, now = (
            np.interp(at, beat_s, np.arange(beat_s.size)) for at in (t_s - window_s, t_s)
        )
        return 60.0 * (now - before) / window_s


def score(case: Case, person: Person, seen: Seen) -> dict[str, Any]:
    """The result of one case. None where a column does not apply, and where a thing never
    happened."""
    truth = Truth(case, person)
    in_s, out_s = case.finger_in_s, case.finger_out_s
    last_s = float(min(seen.t_s[-1], case.scene.duration_s)) if len(seen.t_s) else 0.0
    every_s = np.arange(1.0, np.floor(last_s + 1e-6) + 1)
    result: dict[str, Any] = {
        "id": case.id,
        "row": case.row,
        "cell": case.cell,
        "seed": case.seed,
        "duration_s": case.scene.duration_s - in_s,
        "spo2_pct": round(float(truth.spo2_pct(out_s, max(out_s - in_s, 1.0))), 3),
        "pulse_bpm": round(float(truth.pulse_bpm(out_s, max(out_s - in_s, 1.0))), 3),
        "perfusion_pct": float(np.mean(follow(case.scene.perfusion_pct, [in_s, out_s]))),
        "window_s": WINDOW_S,
    }
    due_s = every_s[(every_s >= in_s + SCORED_FROM_S) & (every_s <= out_s)]
    if case.swapped:
        # Its numbers are wrong by design: what counts is whether it is told.
        suspect = seen.rows[:, field.FLAGS] & field.FLAG_SUSPECT_SWAP > 0
        result |= _settled(seen, in_s, truth) | {"swap_after_s": _first(seen, suspect, in_s)}
    elif case.due:
        result |= _numbers(seen.at(due_s), due_s, truth)
        result |= _minutes(seen, in_s, min(out_s, last_s))
        result |= _settled(seen, in_s, truth)
        result["first_s"] = _first(seen, _shows(seen.rows), in_s)
    if case.row == "step":
        result |= _step(case, seen, truth)
    elif case.row == "clock":
        result["rate_err_pct"] = _rate_error(seen.at(due_s), due_s, truth)
    elif not case.due:
        result |= _nothing_due(case, seen, every_s)
    return result


def _shows(rows: NDArray[np.int32]) -> NDArray[np.bool_]:
    return rows[:, field.SPO2_CENTIPCT] != field.NONE


def _first(seen: Seen, happens: NDArray[np.bool_], from_s: float) -> float | None:
    """Seconds from `from_s` to the first reading where it happens."""
    at = np.flatnonzero(happens & (seen.t_s >= from_s))
    return float(seen.t_s[at[0]] - from_s) if at.size else None


def _numbers(rows: NDArray[np.int32], t_s: NDArray[np.float64], truth: Truth) -> dict[str, Any]:
    """Errors of the numbers shown at rows where a number is due."""
    flags, status = rows[:, field.FLAGS], rows[:, field.STATUS]
    irregular = flags & field.FLAG_IRREGULAR > 0
    window_s = np.where(irregular, IRREGULAR_WINDOW_S, WINDOW_S)
    shown = _shows(rows)
    spo2 = rows[shown, field.SPO2_CENTIPCT] / 100 - truth.spo2_pct(t_s, window_s)[shown]
    sd = rows[shown, field.SPO2_SD_CENTIPCT] / 100
    told = rows[shown, field.SPO2_SD_CENTIPCT] != field.NONE
    beating = rows[:, field.PULSE_DECIBPM] != field.NONE
    true_bpm = truth.pulse_bpm(t_s, window_s)[beating]
    pulse = rows[beating, field.PULSE_DECIBPM] / 10 - true_bpm
    octave = np.abs(np.log2(np.maximum(pulse + true_bpm, 1.0) / true_bpm))
    size, aside = np.abs(spo2), np.abs(pulse)
    covered, wide = told & (size <= 2 * sd + 1e-9), told & (sd >= 0.10 - 1e-9)
    return {
        "seconds": len(t_s),
        "shown": int(shown.sum()),
        "spo2_err_sum": float(spo2.sum()),
        "spo2_err_sq": float((spo2**2).sum()),
        "spo2_err_max": float(size.max(initial=0.0)),
        "within_3": int((size <= 3).sum()),
        "over_4": int((size > 4).sum()),
        "covered": int(covered.sum()) if told.any() else None,
        "shown_sd_010": int(wide.sum()),
        "covered_sd_010": int((covered & wide).sum()),
        "pulse_shown": int(beating.sum()),
        "pulse_err_sum": float(pulse.sum()),
        "pulse_err_sq": float((pulse**2).sum()),
        "pulse_err_max": float(aside.max(initial=0.0)),
        "pulse_within_5": int((aside <= 5).sum()),
        "pulse_over_3": int((aside > 3).sum()),
        "pulse_over_5": int((aside > 5).sum()),
        "pulse_doubled": int((octave > 0.585).sum()),  # nearer to double or half: 1.5 fold off
        "irregular": int(irregular.sum()),
        "below_range": int((shown & (flags & field.FLAG_BELOW_RANGE > 0)).sum()),
        "fault_words": int(np.isin(status, _FAULT_WORDS).sum()),
    }


def _minutes(seen: Seen, in_s: float, out_s: float) -> dict[str, Any]:
    """Whole minutes from the first scored second, and those flagged in at least half of it."""
    first_s = np.ceil(in_s + SCORED_FROM_S)
    count = int((out_s - first_s) // 60)
    at_s = first_s + np.arange(max(count, 0) * 60)
    irregular = seen.at(at_s)[:, field.FLAGS] & field.FLAG_IRREGULAR > 0
    share = irregular.reshape(-1, 60).mean(1)
    return {"minutes": len(share), "irregular_minutes": int((share >= 0.5).sum())}


def _settled(seen: Seen, in_s: float, truth: Truth) -> dict[str, Any]:
    """The first settled reading."""
    settled = seen.rows[:, field.FLAGS] & field.FLAG_SETTLED > 0
    after_s = _first(seen, settled, in_s)
    if after_s is None:
        return {
            "settled_pct": None,
            "settled_truth_pct": float(
                truth.spo2_pct(seen.t_s[-1] if len(seen.t_s) else in_s, IRREGULAR_WINDOW_S)
            ),
            "settled_after_s": None,
        }
    at = np.flatnonzero(settled & (seen.t_s >= in_s))[0]
    return {
        "settled_pct": int(seen.rows[at, field.SETTLED_CENTIPCT]) / 100,
        # It is the median of 15 s, each of them a mean of its own.
        "settled_truth_pct": float(truth.spo2_pct(seen.t_s[at], IRREGULAR_WINDOW_S)),
        "settled_after_s": after_s,
    }


def _step(case: Case, seen: Seen, truth: Truth) -> dict[str, Any]:
    """How soon the number has followed a fall for good, and how far it fell too low."""
    assert case.event_s is not None
    before, after = (
        float(truth.spo2_pct(at, 1.0)) for at in (case.event_s - 1, case.scene.duration_s)
    )
    later = (seen.t_s >= case.event_s) & _shows(seen.rows)
    spo2 = seen.rows[:, field.SPO2_CENTIPCT] / 100
    high = np.flatnonzero(later & (spo2 > before + _STEP_DONE * (after - before)))
    done = later & (np.arange(len(spo2)) > (high[-1] if high.size else -1))
    return {
        "t90_s": _first(seen, done, case.event_s),
        "overshoot_pct": max(0.0, float(after - spo2[later].min())) if later.any() else None,
    }


def _rate_error(rows: NDArray[np.int32], t_s: NDArray[np.float64], truth: Truth) -> float | None:
    """Worst error of the pulse, percent."""
    beating = rows[:, field.PULSE_DECIBPM] != field.NONE
    if not beating.any():
        return None
    true_bpm = truth.pulse_bpm(t_s, WINDOW_S)[beating]
    return float(np.abs(rows[beating, field.PULSE_DECIBPM] / 10 / true_bpm - 1).max() * 100)


def _nothing_due(case: Case, seen: Seen, every_s: NDArray[np.float64]) -> dict[str, Any]:
    """Numbers that stand where none is due, and when the right word comes to stay."""
    event_s = case.event_s or 0.0
    left = case.row == "finger_off"
    numbers = _shows(seen.rows) | (seen.rows[:, field.PULSE_DECIBPM] != field.NONE)
    due_s = every_s[every_s > event_s + (_GONE_DUE_S if left else _WORD_DUE_S)]
    rows = seen.at(due_s)
    standing = _shows(rows) | (rows[:, field.PULSE_DECIBPM] != field.NONE)
    right = np.isin(
        seen.rows[:, field.STATUS], [field.STATUS_NAMES.index(word) for word in case.words]
    )
    result = {
        "number_shown": int(standing.sum()),
        "word_after_s": _for_good(seen, right & ~numbers, event_s),
    }
    if left:
        result["gone_after_s"] = _for_good(seen, ~numbers, event_s)
    return result


def _for_good(seen: Seen, holds: NDArray[np.bool_], from_s: float) -> float | None:
    """Seconds from `from_s` until it holds to the end; None if it does not."""
    fails = np.flatnonzero(~holds)
    first = fails[-1] + 1 if fails.size else 0
    return max(0.0, float(seen.t_s[first] - from_s)) if first < len(seen.t_s) else None
