"""What is recorded of a unit away from the jig: ageing, rework, scrap."""

import dataclasses
import datetime
from typing import Any

from host_tools.sentences import say
from host_tools.station import declared, route

# The rack is no test, so it is no stage: it only says since when a unit stands there.
RACK = "rack"


@dataclasses.dataclass(frozen=True)
class Who:
    """Who records: the station, the worker, and the program's version."""

    station: str
    worker: str
    version: str


class RecordError(Exception):
    """This cannot be recorded of this unit; the text is a sentence that says what to do."""


def onto_rack(store: Any, serial: str, who: Who, at: datetime.datetime) -> None:
    """It begins to age. Raises RecordError."""
    _run(store, serial, "age_first", "pcba")
    _note(store, serial, RACK, "first", "passed", who, at)


def off_rack(store: Any, serial: str, who: Who, at: datetime.datetime) -> tuple[float, bool]:
    """It has aged: the hours since it was put on the rack, and whether they are enough. Raises
    RecordError."""
    from host_tools.store import station as writes

    begun = _run(store, serial, "age_rack", RACK).at
    seconds = (at - begun).total_seconds()
    ((phase),) = declared.stages()["ageing"]
    (limit,) = phase.measurements
    hours = seconds / 3600
    passed = limit.holds(hours)
    value = writes.Value(
        phase.name, limit.name, limit.unit, limit.low, limit.high, round(hours, 3)
    )
    writes.record(
        store,
        [value],
        serial=serial,
        stage="ageing",
        kind=writes.kind_of(store, serial, "ageing"),
        outcome="passed" if passed else "failed",
        phase="" if passed else phase.name,
        cause="" if passed else limit.do,
        station=who.station,
        slot="",
        worker=who.worker,
        version=who.version,
        at=begun,
        seconds=seconds,
    )
    return hours, passed


def rework(store: Any, serial: str, what: str, who: Who, at: datetime.datetime) -> None:
    """Something was done to it: all tests before this count no more. Raises RecordError."""
    _alive(store, serial)
    _note(store, serial, "rework", "rework", "passed", who, at, what)


def scrap(store: Any, serial: str, why: str, who: Who, at: datetime.datetime) -> None:
    """It goes to no stage any more. Raises RecordError."""
    _alive(store, serial)
    _note(store, serial, "scrap", "scrap", "failed", who, at, why)


def _alive(store: Any, serial: str) -> list[route.Past]:
    from host_tools.store import query

    query.unit(store, serial)  # raises what says that it is not known
    runs = query.past(store, serial)
    if any(run.kind == "scrap" for run in runs):
        raise RecordError(say("scrapped_already", serial=serial))
    return runs


def _run(store: Any, serial: str, otherwise: str, stage: str) -> route.Past:
    """The latest run that counts of a unit at a stage, which must have passed; `otherwise` is the
    sentence for when it has not."""
    runs = [run for run in route.since_rework(_alive(store, serial)) if run.stage == stage]
    if not runs or runs[-1].outcome != "passed":
        raise RecordError(say(otherwise, serial=serial, stage=stage))
    return runs[-1]


def _note(store, serial, stage, kind, outcome, who, at, cause="") -> None:
    from host_tools.store import station as writes

    writes.record(
        store,
        [],
        serial=serial,
        stage=stage,
        kind=kind,
        outcome=outcome,
        phase="",
        cause=cause,
        station=who.station,
        slot="",
        worker=who.worker,
        version=who.version,
        at=at,
        seconds=0.0,
    )
