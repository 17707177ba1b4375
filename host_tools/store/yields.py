"""What the page on yield asks of a store.

All is counted by the database, but for the values of the latest units, whose order a chart needs.
"""

import datetime
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Double,
    Engine,
    Integer,
    Select,
    Subquery,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)

from host_tools.capability.reference import GOLDEN
from host_tools.store.connect import reading
from host_tools.store.models import (
    Certified,
    Measure,
    Measurement,
    ReferenceUnit,
    Run,
)
from host_tools.store.query import first_runs

LATEST = 500  # units of a station and stage whose values are charted


class Group(NamedTuple):
    """First runs of a stage at a station and of a lot: how many, and how many passed."""

    stage: str
    station: str
    lot: str
    units: int
    passed: int
    begun: datetime.datetime


class Spread(NamedTuple):
    """The values of a measurement at a station and of a lot, all first runs.

    mean, sd, least, most: of the `n` within the limits, for one dead part would hide how the
    others spread; nan of none, sd of one. outside: how many more there are, missing: without a
    value.
    """

    stage: str
    measure: int
    station: str
    lot: str
    n: int
    missing: int
    outside: int
    mean: float
    sd: float
    least: float
    most: float


def groups(store: Engine, lot: str | None, station: str | None) -> list[Group]:
    """All first runs, counted by stage, station and lot; lots in the order of their first unit."""
    runs = first_runs(lot, station)
    passed = func.sum(case((runs.c.outcome == "passed", 1), else_=0))
    wanted = select(
        runs.c.stage, runs.c.station, runs.c.lot, func.count(), passed, func.min(runs.c.at)
    )
    wanted = wanted.group_by(runs.c.stage, runs.c.station, runs.c.lot)
    with reading(store) as connection:
        rows = [Group(*row) for row in connection.execute(wanted)]
    found = [row._replace(passed=int(row.passed)) for row in rows]
    return sorted(found, key=lambda row: (row.begun.replace(tzinfo=None), row.stage, row.station))


def measures(store: Engine, ids: Sequence[int]) -> dict[int, Any]:
    """Phase, name, unit and limits of measurements, by their ids."""
    with reading(store) as connection:
        wanted = select(Measure.__table__).where(Measure.id.in_(ids))
        return {row.id: row for row in connection.execute(wanted)}


def _measured(runs: Subquery, *columns: Any) -> Select:
    return select(*columns).join(Measurement, Measurement.run == runs.c.id)


def spreads(store: Engine, lot: str | None, station: str | None) -> list[Spread]:
    """Each measurement by stage, station and lot."""
    runs = first_runs(lot, station)
    beyond = case(
        (Measurement.value < Measure.low, 1), (Measurement.value > Measure.high, 1), else_=0
    )
    good = case((beyond == 0, Measurement.value))
    keys = (runs.c.stage, Measurement.measure, runs.c.station, runs.c.lot)
    wanted = (
        _measured(
            runs, *keys, func.count(good), func.count(Measurement.value), func.count(),
            func.avg(good), func.avg(good * good), func.min(good), func.max(good),
        )
        .join(Measure, Measure.id == Measurement.measure)
        .group_by(*keys)
    )  # fmt: skip
    found = []
    with reading(store) as connection:
        for row in connection.execute(wanted):
            stage, measure, where, of, n, values, rows, mean, square, least, most = row
            sd = math.nan
            if n > 1:
                sd = math.sqrt(max(0.0, square - mean * mean) * n / (n - 1))
            ends = [math.nan if end is None else float(end) for end in (mean, sd, least, most)]
            found.append(Spread(stage, measure, where, of, n, rows - values, values - n, *ends))
    return found


def histograms(
    store: Engine,
    lot: str | None,
    station: str | None,
    scales: Mapping[int, tuple[float, float]],
    bins: int,
) -> dict[tuple[str, int, str], list[int]]:
    """How many values lie in each bin, by (stage, measurement, station).

    scales: of each measurement where its first bin begins and how wide one is. What lies before
    or behind is counted in a bin of its own at either end, so that there are bins + 2.
    """
    if not scales:
        return {}
    runs = first_runs(lot, station)
    scale = union_all(
        *(
            select(
                literal(key, BigInteger).label("measure"),
                literal(begin, Double).label("begin"),
                literal(width, Double).label("width"),
            )
            for key, (begin, width) in scales.items()
        )
    ).subquery()
    place = (Measurement.value - scale.c.begin) / scale.c.width
    # PostgreSQL rounds where SQLite cuts off; where it is cut, a place is never under 0.
    whole = func.floor(place) if store.dialect.name == "postgresql" else place
    bin_ = case((place < 0, -1), (place >= bins, bins), else_=cast(whole, Integer))
    counted = (
        _measured(runs, runs.c.stage, Measurement.measure, runs.c.station, bin_.label("bin"))
        .join(scale, scale.c.measure == Measurement.measure)
        .where(Measurement.value.is_not(None))
        .subquery()
    )
    keys = (counted.c.stage, counted.c.measure, counted.c.station, counted.c.bin)
    found: dict[tuple[str, int, str], list[int]] = defaultdict(lambda: [0] * (bins + 2))
    with reading(store) as connection:
        for stage, measure, where, number, n in connection.execute(
            select(*keys, func.count()).group_by(*keys)
        ):
            found[stage, measure, where][number + 1] = n
    return dict(found)


def latest(
    store: Engine, lot: str | None, station: str | None, most: int = LATEST
) -> dict[tuple[str, int, str], list[float]]:
    """The values of the latest units, oldest first, by (stage, measurement, station)."""
    runs = first_runs(lot, station)
    order = func.row_number().over(
        partition_by=(runs.c.stage, runs.c.station), order_by=runs.c.at.desc()
    )
    ranked = select(runs.c.id, runs.c.stage, runs.c.station, runs.c.at, order.label("place"))
    last = ranked.subquery()
    wanted = (
        select(last.c.stage, Measurement.measure, last.c.station, Measurement.value)
        .join(Measurement, Measurement.run == last.c.id)
        .where(last.c.place <= most, Measurement.value.is_not(None))
        .order_by(last.c.at)
    )
    found: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    with reading(store) as connection:
        for stage, measure, where, value in connection.execute(wanted):
            found[stage, measure, where].append(value)
    return dict(found)


class Golden(NamedTuple):
    """A reading of a golden unit, beside what it is certified for."""

    station: str
    stage: str
    serial: str
    phase: str
    name: str
    certified: float
    tolerance: float
    at: datetime.datetime
    slot: str
    value: float


def golden(store: Engine, station: str | None, most: int = LATEST) -> list[Golden]:
    """What the golden units read, in its order: certified measurements only, of the last runs."""
    order = func.row_number().over(
        partition_by=(ReferenceUnit.serial, ReferenceUnit.stage), order_by=ReferenceUnit.at.desc()
    )
    named = select(ReferenceUnit.__table__, order.label("n")).subquery()
    place = func.row_number().over(partition_by=(Run.station, Run.stage), order_by=Run.at.desc())
    tested = select(Run.__table__, place.label("place")).where(Run.kind == GOLDEN)
    if station is not None:
        tested = tested.where(Run.station == station)
    runs = tested.subquery()
    wanted = (
        select(
            runs.c.station, runs.c.stage, runs.c.serial, Certified.phase, Certified.name,
            Certified.value, Certified.tolerance, runs.c.at, runs.c.slot, Measurement.value,
        )
        .join(named, (named.c.serial == runs.c.serial) & (named.c.stage == runs.c.stage))
        .join(Certified, Certified.reference == named.c.id)
        .join(Measurement, Measurement.run == runs.c.id)
        .join(
            Measure,
            (Measure.id == Measurement.measure)
            & (Measure.phase == Certified.phase)
            & (Measure.name == Certified.name),
        )
        .where(
            named.c.n == 1,
            named.c.kind == GOLDEN,
            runs.c.place <= most,
            Measurement.value.is_not(None),
        )
        .order_by(runs.c.at)
    )  # fmt: skip
    with reading(store) as connection:
        return [Golden(*row) for row in connection.execute(wanted)]
