"""What a store says of the station itself: gauge studies, golden and known-bad units, pilot units.

The judgements are those of `host_tools.capability`, on what is asked for here.
"""

import dataclasses
import datetime
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import aliased

from host_tools.capability import gauge, limits, reference
from host_tools.sentences import say
from host_tools.store.connect import StoreError, reading
from host_tools.store.models import (
    PRODUCTION,
    Certified,
    Gauge,
    Measure,
    Measurement,
    ReferenceUnit,
    Run,
)
from host_tools.store.query import first_runs
from host_tools.store.station import kind_of as production_kind
from host_tools.store.station import now, record_studies

_NAMED = 5  # pairs that a sentence names
_AT_ONCE = 500  # keys in a question


# ----------------------------------------------------------------------------------- gauge studies


@dataclasses.dataclass(frozen=True)
class Studied:
    """A measurement with its study, or with the reason why there is none."""

    measure: int
    phase: str
    name: str
    unit: str
    low: float | None
    high: float | None
    study: gauge.Study | None
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Station:
    """A station's gauge study at a stage: one `Studied` a measurement. slot: empty for all."""

    station: str
    stage: str
    slot: str
    units: int
    workers: int
    repeats: int
    measures: tuple[Studied, ...]


def study_of(
    store: Engine,
    station: str,
    stage: str | None = None,
    slot: str | None = None,
    since: datetime.datetime | None = None,
) -> Station:
    """The study that a station's runs of kind `gauge` make, since its last one or since `since`.

    Of each unit by each worker the last repeats count, as many as all pairs have. Raises
    StoreError with what is still to be tested, and where units never changed slots.
    """
    with reading(store) as connection:
        wanted = select(Run.id, Run.serial, Run.worker, Run.slot, Run.stage, Run.at)
        wanted = wanted.where(
            Run.station == station, Run.kind == "gauge", Run.outcome.in_(("passed", "failed"))
        )
        if stage is not None:
            wanted = wanted.where(Run.stage == stage)
        if slot is not None:
            wanted = wanted.where(Run.slot == slot)
        runs = connection.execute(wanted.order_by(Run.at)).all()
        ended = dict(
            connection.execute(
                select(Gauge.stage, func.max(Gauge.at))
                .where(Gauge.station == station)
                .group_by(Gauge.stage)
            ).all()
        )
        begin = since or datetime.datetime.min.replace(tzinfo=datetime.UTC)
        runs = [run for run in runs if run.at > (since or _utc(ended.get(run.stage)) or begin)]
        stages = sorted({run.stage for run in runs})
        if len(stages) > 1:
            raise StoreError(say("grr_stages", stages=", ".join(stages)))
        cells = _cells(station, runs)
        serials = sorted({serial for serial, _ in cells})
        workers = sorted({worker for _, worker in cells})
        repeats = min(map(len, cells.values()))
        used = [run for cell in cells.values() for run in cell[-repeats:]]
        values: dict[int, dict[Any, float | None]] = defaultdict(dict)
        for some in _parts([run.id for run in used]):
            asked = select(Measurement.run, Measurement.measure, Measurement.value)
            for row in connection.execute(asked.where(Measurement.run.in_(some))):
                values[row.measure][row.run] = row.value
        measures = connection.execute(
            select(Measure.__table__)
            .where(Measure.id.in_(list(values)))
            .order_by(Measure.phase, Measure.name)
        ).all()
    found = []
    for row in measures:
        told = values[row.id]
        grid = [
            [[told.get(run.id) for run in cells[serial, worker][-repeats:]] for worker in workers]
            for serial in serials
        ]
        study, reason = None, ""
        try:
            study = gauge.study(np.array(grid, dtype=np.float64), row.low, row.high)
        except gauge.GaugeError as error:
            reason = str(error)
        found.append(
            Studied(row.id, row.phase, row.name, row.unit, row.low, row.high, study, reason)
        )
    return Station(
        station, stages[0], slot or "", len(serials), len(workers), repeats, tuple(found)
    )


def _cells(station: str, runs: Sequence[Any]) -> dict[tuple[str, str], list]:
    """The runs of each unit by each worker, in order; all pairs have enough of them."""
    least = {"units": gauge.UNITS, "workers": gauge.WORKERS, "repeats": gauge.REPEATS}
    if not runs:
        raise StoreError(say("grr_none", station=station, **least))
    cells: dict[tuple[str, str], list] = defaultdict(list)
    for run in runs:
        cells[run.serial, run.worker].append(run)
    serials = sorted({serial for serial, _ in cells})
    workers = sorted({worker for _, worker in cells})
    if len(serials) < gauge.UNITS or len(workers) < gauge.WORKERS:
        told = {"units": len(serials), "workers": len(workers)}
        told |= {"least_units": gauge.UNITS, "least_workers": gauge.WORKERS}
        raise StoreError(say("grr_small", **told))
    lacking = [
        f"{serial} {worker or '-'} {gauge.REPEATS - len(cells[serial, worker])} x"
        for serial in serials
        for worker in workers
        if len(cells[serial, worker]) < gauge.REPEATS
    ]
    if lacking:
        more = f" … (+{len(lacking) - _NAMED})" if len(lacking) > _NAMED else ""
        missing = ", ".join(lacking[:_NAMED]) + more
        raise StoreError(say("grr_missing", repeats=gauge.REPEATS, missing=missing))
    places = {serial: {run.slot for run in runs if run.serial == serial} for serial in serials}
    stays = all(len(slots) == 1 for slots in places.values())
    if stays and len(set().union(*places.values())) > 1:
        raise StoreError(say("grr_one_slot"))
    return cells


def keep_study(local: Engine, found: Station) -> None:
    """Store a study, a row a measurement that has one."""
    studies = [(each.measure, each.study) for each in found.measures if each.study is not None]
    record_studies(local, found.station, found.stage, found.slot, studies)


def told(found: Station) -> list[dict[str, Any]]:
    """A study as rows to print."""
    rows = []
    for each in found.measures:
        study = each.study
        row: dict[str, Any] = {"stage": found.stage, "measurement": f"{each.phase}.{each.name}"}
        row |= {"unit": each.unit, "grr_pct": None, "tolerance_pct": None, "ndc": None}
        if study is not None:
            row["grr_pct"] = _rounded(study.grr_pct)
            row["tolerance_pct"] = _rounded(study.tolerance_pct)
            row["ndc"] = study.ndc
        rows.append(row | {"verdict": each.reason or (study.verdict if study else "")})
    return rows


def _rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, digits)


def gauges(store: Engine, station: str | None = None) -> list[dict[str, Any]]:
    """The latest study of each measurement at each station."""
    order = func.row_number().over(
        partition_by=(Gauge.station, Gauge.stage, Measure.phase, Measure.name),
        order_by=Gauge.at.desc(),
    )
    every = select(
        Gauge.station, Gauge.stage, Gauge.slot, Measure.phase, Measure.name, Measure.unit,
        Gauge.grr_pct, Gauge.tolerance_pct, Gauge.ndc, Gauge.units, Gauge.workers, Gauge.repeats,
        Gauge.at, order.label("n"),
    ).join(Measure, Measure.id == Gauge.measure)  # fmt: skip
    if station is not None:
        every = every.where(Gauge.station == station)
    ranked = every.subquery()
    wanted = [column for column in ranked.c if column.name != "n"]
    latest = select(*wanted).where(ranked.c.n == 1)
    latest = latest.order_by(ranked.c.station, ranked.c.stage, ranked.c.phase, ranked.c.name)
    with reading(store) as connection:
        return [dict(row._mapping) for row in connection.execute(latest)]


# --------------------------------------------------------------------- golden and known-bad units


def references(store: Engine, stage: str) -> list[reference.Reference]:
    """The golden and known-bad units of a stage, as they were named last."""
    order = func.row_number().over(
        partition_by=ReferenceUnit.serial, order_by=ReferenceUnit.at.desc()
    )
    ranked = (
        select(ReferenceUnit.__table__, order.label("n"))
        .where(ReferenceUnit.stage == stage)
        .subquery()
    )
    with reading(store) as connection:
        rows = connection.execute(
            select(ranked)
            .where(ranked.c.n == 1, ranked.c.kind != reference.WITHDRAWN)
            .order_by(ranked.c.serial)
        ).all()
        certified: dict[Any, dict] = defaultdict(dict)
        asked = select(Certified.__table__)
        asked = asked.where(Certified.reference.in_([row.id for row in rows]))
        for each in connection.execute(asked):
            certified[each.reference][each.phase, each.name] = (each.value, each.tolerance)
    return [
        reference.Reference(row.serial, row.kind, row.stage, row.phase, certified[row.id])
        for row in rows
    ]


def judges(store: Engine, serial: str) -> bool:
    """Whether a unit is golden or known-bad at any stage: such a one stays in the factory."""
    with reading(store) as connection:
        wanted = select(ReferenceUnit.stage).where(ReferenceUnit.serial == serial).distinct()
        stages = connection.scalars(wanted).all()
    return any(unit.serial == serial for stage in stages for unit in references(store, stage))


def kind_of(store: Engine, serial: str, stage: str, studying: bool = False) -> str:
    """What the next run of a unit at a stage is: gauge while a station is studied; golden or
    known_bad of a unit that judges slots; else first or retest."""
    if studying:
        return "gauge"
    judges = {unit.serial: unit.kind for unit in references(store, stage)}
    return judges.get(serial) or production_kind(store, serial, stage)


def checks(
    store: Engine, station: str, units: Sequence[reference.Reference], since: datetime.datetime
) -> list[reference.Check]:
    """The runs of these units at a station since then, oldest first, with all they measured."""
    found = []
    stages = {unit.stage for unit in units}
    with reading(store) as connection:
        runs = connection.execute(
            select(Run.id, Run.serial, Run.slot, Run.outcome, Run.phase, Run.at)
            .where(
                Run.station == station,
                Run.serial.in_([unit.serial for unit in units]),
                Run.stage.in_(stages),
                Run.kind.in_((reference.GOLDEN, reference.KNOWN_BAD)),
                Run.at > since,
            )
            .order_by(Run.at)
        ).all()
        values: dict[Any, dict] = defaultdict(dict)
        for some in _parts([run.id for run in runs]):
            asked = select(Measurement.run, Measure.phase, Measure.name, Measurement.value)
            asked = asked.join(Measure, Measure.id == Measurement.measure)
            for row in connection.execute(asked.where(Measurement.run.in_(some))):
                values[row.run][row.phase, row.name] = row.value
    for run in runs:
        found.append(
            reference.Check(run.serial, run.slot, run.outcome, run.phase, run.at, values[run.id])
        )
    return found


def locked(
    store: Engine,
    station: str,
    stage: str,
    slots: Iterable[str],
    shift_h: float = reference.SHIFT_H,
    at: datetime.datetime | None = None,
) -> dict[str, str]:
    """The slots of a station that its golden and known-bad units lock, each with a sentence."""
    at = at or now()
    units = references(store, stage)
    since = at - datetime.timedelta(hours=shift_h)
    done = checks(store, station, units, since) if units else []
    return reference.locked(stage, slots, units, done, at, shift_h)


def doubtful(
    store: Engine, station: str, stage: str, slot: str, since: datetime.datetime
) -> list[str]:
    """Serials to test again: this slot passed them between a reference unit that spoke against it,
    since then, and the one of that kind before it that did not; and nothing came after."""
    units = {unit.serial: unit for unit in references(store, stage)}
    done = checks(store, station, list(units.values()), since) if units else []
    last_good: dict[str, datetime.datetime] = {}
    spans = []
    for check in done:
        unit = units[check.serial]
        if check.slot != slot:
            continue
        if reference.complaint(unit, check):
            spans.append((last_good.get(unit.kind, since), check.at))
        else:
            last_good[unit.kind] = check.at
    found: set[str] = set()
    later = aliased(Run)
    with reading(store) as connection:
        for begin, end in spans:
            again = select(later.id).where(
                later.serial == Run.serial, later.stage == stage, later.at > end
            )
            wanted = select(Run.serial).where(
                Run.station == station,
                Run.stage == stage,
                Run.slot == slot,
                Run.kind.in_(PRODUCTION),
                Run.outcome == "passed",
                Run.at.between(begin, end),
                ~again.exists(),
            )
            found.update(connection.scalars(wanted))
    return sorted(found)


def slots_of(store: Engine, station: str, stage: str) -> list[str]:
    """The slots that a station has ever tested a unit in at a stage."""
    with reading(store) as connection:
        wanted = select(Run.slot).where(Run.station == station, Run.stage == stage).distinct()
        return sorted(connection.scalars(wanted))


def slots_told(
    store: Engine, station: str, stage: str, slots: Sequence[str] | None, shift_h: float
) -> list[dict[str, Any]]:
    """The state of slots as rows to print, with what is to be tested again."""
    at = now()
    wanted = slots or slots_of(store, station, stage)
    shut = locked(store, station, stage, wanted, shift_h, at)
    since = at - datetime.timedelta(hours=2 * shift_h)
    return [
        {
            "slot": slot,
            "state": "locked" if slot in shut else "open",
            "test_again": " ".join(doubtful(store, station, stage, slot, since)),
            "why": shut.get(slot, ""),
        }
        for slot in wanted
    ]


# ------------------------------------------------------------------------------------- pilot units


@dataclasses.dataclass(frozen=True)
class Proposed:
    """A measurement with the limits it has, and those that pilot units propose or why not."""

    stage: str
    phase: str
    name: str
    unit: str
    low: float | None
    high: float | None
    proposal: limits.Proposal | None
    reason: str = ""


def propose(store: Engine, lot: str, stage: str | None = None) -> list[Proposed]:
    """Limits out of the first runs of a lot of pilot units. Raises StoreError: it has none."""
    runs = first_runs(lot)
    wanted = (
        select(runs.c.stage, Measure.id, Measure.phase, Measure.name, Measure.unit, Measure.low)
        .add_columns(Measure.high, Measurement.value)
        .join(Measurement, Measurement.run == runs.c.id)
        .join(Measure, Measure.id == Measurement.measure)
        .order_by(runs.c.stage, Measure.phase, Measure.name)
    )
    if stage is not None:
        wanted = wanted.where(runs.c.stage == stage)
    values: dict[tuple, list[float]] = defaultdict(list)
    with reading(store) as connection:
        for *key, value in connection.execute(wanted):
            values[tuple(key)].append(math.nan if value is None else value)
    if not values:
        raise StoreError(say("limits_none", lot=lot))
    found = []
    for (stage_, _, phase, name, unit, low, high), some in values.items():
        proposal, reason = None, ""
        try:
            proposal = limits.propose(some, low, high)
        except limits.LimitsError as error:
            reason = str(error)
        found.append(Proposed(stage_, phase, name, unit, low, high, proposal, reason))
    return found


def proposed_told(each: Proposed) -> dict[str, Any]:
    """A proposal as a row to print, its limits rounded outwards to a tenth of a sigma or finer."""
    row: dict[str, Any] = {"stage": each.stage, "measurement": f"{each.phase}.{each.name}"}
    row |= {"unit": each.unit, "low": each.low, "high": each.high}
    row["provisional"] = limits.is_provisional(
        each.stage, each.phase, each.name, each.low, each.high
    )
    row |= {"proposed_low": None, "proposed_high": None, "units": None, "outside": None}
    found = each.proposal
    if found is not None:
        digits = 1 - math.floor(math.log10(found.sigma))
        if found.low is not None:
            row["proposed_low"] = round(
                math.floor(found.low * 10.0**digits) / 10.0**digits, digits
            )
        if found.high is not None:
            row["proposed_high"] = round(
                math.ceil(found.high * 10.0**digits) / 10.0**digits, digits
            )
        row |= {"units": found.n, "outside": found.outside}
    return row | {"basis": found.basis if found else each.reason}


def _parts(keys: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for begin in range(0, len(keys), _AT_ONCE):
        yield keys[begin : begin + _AT_ONCE]


def _utc(moment: datetime.datetime | None) -> datetime.datetime | None:
    """A moment that came out of an expression, whose zone SQLite has lost."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=datetime.UTC)
