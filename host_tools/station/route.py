"""Who may go through a stage: read off what is recorded of the unit
(host_tools.store.query.past), and off nothing else.

What was recorded before a rework counts no more: a soldering iron undoes every test.
"""

import dataclasses
import datetime
from collections.abc import Sequence

from host_tools.station.declared import STAGES, stages

FAILURES = 2  # so often may a unit fail a stage; then it is reworked or scrapped


@dataclasses.dataclass(frozen=True)
class Past:
    """A run, as the route sees it."""

    stage: str
    kind: str
    outcome: str
    at: datetime.datetime
    seconds: float


def refusal(runs: Sequence[Past], stage: str) -> tuple[str, dict[str, object]] | None:
    """Why a unit with this past may not enter a stage: the key of a sentence and what it needs;
    None when it may."""
    if any(run.kind == "scrap" for run in runs):
        return "route_scrapped", {}
    counted = since_rework(runs)
    latest = {run.stage: run.outcome for run in counted}
    for before in STAGES[: STAGES.index(stage)]:
        if before not in latest:
            return "route_skipped", {"stage": before}
        if latest[before] != "passed":
            return "route_failed", {"stage": before}
        if before == "ageing":
            hours = max(run.seconds for run in counted if run.stage == before) / 3600
            if hours < least_hours():
                return "route_young", {"hours": f"{hours:.1f}", "least": f"{least_hours():g}"}
    if latest.get(stage) == "passed":
        return "route_passed", {"stage": stage}
    failures = sum(run.stage == stage and run.outcome == "failed" for run in counted)
    if failures >= FAILURES:
        return "route_exhausted", {"stage": stage, "times": failures}
    return None


def since_rework(runs: Sequence[Past]) -> list[Past]:
    """What counts: all after the last rework."""
    reworked = [n for n, run in enumerate(runs) if run.kind == "rework"]
    return list(runs[reworked[-1] + 1 if reworked else 0 :])


def least_hours() -> float:
    """How long a unit must have aged."""
    ((measurement,),) = [phase.measurements for phase in stages()["ageing"]]
    assert measurement.low is not None
    return measurement.low
