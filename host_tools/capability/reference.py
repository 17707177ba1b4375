"""Golden and known-bad units: whether each slot still tells good from bad.

At the start of a shift each slot must pass the golden unit, with every certified value within its
tolerance, and fail the known-bad one in the phase that is to find its fault. Until then, and again
when a shift's hours are over, the slot is locked.
"""

import dataclasses
import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from pathlib import Path

from host_tools.sentences import say

SHIFT_H = 8.0
GOLDEN, KNOWN_BAD, WITHDRAWN = "golden", "known_bad", "withdrawn"
JUDGING = ("gauge", GOLDEN, KNOWN_BAD)  # kinds of runs that judge the station, not the unit


@dataclasses.dataclass(frozen=True)
class Reference:
    """A unit by which slots are judged at a stage.

    phase: where a known-bad one must fail. certified: value and tolerance by (phase, name).
    """

    serial: str
    kind: str
    stage: str
    phase: str = ""
    certified: Mapping[tuple[str, str], tuple[float, float]] = dataclasses.field(
        default_factory=dict
    )


@dataclasses.dataclass(frozen=True)
class Check:
    """A run of such a unit in a slot; values by (phase, name)."""

    serial: str
    slot: str
    outcome: str
    phase: str
    at: datetime.datetime
    values: Mapping[tuple[str, str], float | None] = dataclasses.field(default_factory=dict)


def certificate(path: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """What a golden unit must read, out of a JSON file {"phase.name": [value, tolerance]}.

    Raises ValueError with a sentence.
    """
    try:
        told = json.loads(path.read_text())
        found = {}
        for key, (value, tolerance) in told.items():
            phase, name = key.split(".", 1)
            found[phase, name] = (float(value), float(tolerance))
        is_good = bool(found) and all(0 < tolerance < inf for _, tolerance in found.values())
    except OSError as error:
        raise ValueError(say("no_certificate_file", path=path, error=error.strerror)) from None
    except (ValueError, TypeError, AttributeError):
        is_good = False
    if not is_good:
        raise ValueError(say("no_certificate", path=path))
    return found


def complaint(unit: Reference, check: Check) -> str:
    """What a run says against its slot, as a sentence; empty when it says nothing."""
    if unit.kind == KNOWN_BAD:
        if check.outcome == "passed":
            return say("known_bad_passed", serial=unit.serial)
        if check.outcome != "failed" or check.phase != unit.phase:
            found = check.phase or check.outcome
            told = {"serial": unit.serial, "wanted": unit.phase, "found": found}
            return say("known_bad_elsewhere", **told)
        return ""
    if check.outcome != "passed":
        return say("golden_failed", serial=unit.serial, phase=check.phase or check.outcome)
    for (phase, name), (certified, tolerance) in unit.certified.items():
        value = check.values.get((phase, name))
        if value is None:
            return say("golden_unread", serial=unit.serial, what=f"{phase}.{name}")
        if not abs(value - certified) <= tolerance:
            return say(
                "golden_off",
                serial=unit.serial,
                what=f"{phase}.{name}",
                value=f"{value:g}",
                certified=f"{certified:g}",
                tolerance=f"{tolerance:g}",
            )
    return ""


def locked(
    stage: str,
    slots: Iterable[str],
    units: Sequence[Reference],
    checks: Sequence[Check],
    now: datetime.datetime,
    shift_h: float = SHIFT_H,
) -> dict[str, str]:
    """The slots that are locked at a stage, each with the sentence that says why.

    The last check of each kind in a slot counts: a good one after a bad one unlocks it, a bad one
    after a good one locks it at once.
    """
    since = now - datetime.timedelta(hours=shift_h)
    found: dict[str, str] = {}
    for slot in slots:
        for kind in (GOLDEN, KNOWN_BAD):
            fit = {unit.serial: unit for unit in units if (unit.kind, unit.stage) == (kind, stage)}
            if not fit:
                said = say(f"no_{kind}", stage=stage)
            else:
                here = [c for c in checks if c.slot == slot and c.serial in fit and c.at > since]
                if here:
                    last = max(here, key=lambda check: check.at)
                    said = complaint(fit[last.serial], last)
                else:
                    told = {"hours": f"{shift_h:g}", "serial": " / ".join(sorted(fit))}
                    said = say(f"{kind}_due", **told)
            if said:
                found[slot] = said
                break
    return found
