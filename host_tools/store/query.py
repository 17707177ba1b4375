"""What is asked of a store, a station's or the plant's."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Select, Subquery, func, select

from host_tools.identity import Identity
from host_tools.sentences import say
from host_tools.station.route import Past
from host_tools.store.connect import StoreError, reading
from host_tools.store.models import (
    NOTES,
    PRODUCTION,
    Calibration,
    Label,
    LabelOutcome,
    Measure,
    Measurement,
    Nesting,
    Packing,
    RTransfer,
    Run,
    Shipment,
    StationKey,
    Unit,
)


def unit(store: Engine, serial: str) -> Identity:
    """Who a unit is. Raises StoreError when there is none of this serial."""
    with reading(store) as connection:
        wanted = select(Unit.serial, Unit.lot, Unit.revision, Unit.made)
        row = connection.execute(wanted.where(Unit.serial == serial)).first()
    if row is None:
        raise StoreError(say("no_unit", serial=serial))
    return Identity(*row)


def of_chip(store: Engine, mac: str) -> str | None:
    """The serial of the unit with this MAC (246f28abcdef), None when none is known here."""
    with reading(store) as connection:
        return connection.scalar(select(Unit.serial).where(Unit.mac == mac))


def past(store: Engine, serial: str) -> list[Past]:
    """What a unit has been through as one that is made, the oldest first."""
    wanted = select(Run.stage, Run.kind, Run.outcome, Run.at, Run.seconds)
    wanted = wanted.where(Run.kind.in_(PRODUCTION))
    with reading(store) as connection:
        rows = connection.execute(wanted.where(Run.serial == serial).order_by(Run.at, Run.id))
        return [Past(*row) for row in rows]


def signer(store: Engine, signed: Callable[[str], bool]) -> str | None:
    """The station whose key `signed` says yes to, among those that are known here."""
    with reading(store) as connection:
        keys = connection.execute(select(StationKey.public, StationKey.station)).all()
    return next((row.station for row in keys if signed(row.public)), None)


def trace(store: Engine, serial: str) -> dict[str, Any]:
    """A unit's life: itself, its runs with all they measured, the curves of its lot, labels, box,
    and to whom it went.

    Raises StoreError when there is no such unit.
    """
    with reading(store) as connection:
        unit = connection.execute(select(Unit.__table__).where(Unit.serial == serial)).first()
        if unit is None:
            raise StoreError(say("no_unit", serial=serial))
        told = dict(unit._mapping)
        runs = select(Run.__table__).where(Run.serial == serial).order_by(Run.at)
        told["runs"] = [dict(row._mapping) for row in connection.execute(runs)]
        measured = (
            select(Measurement.run, Measure.phase, Measure.name, Measure.unit, Measure.low)
            .add_columns(Measure.high, Measurement.value)
            .join(Measure, Measure.id == Measurement.measure)
            .where(Measurement.run.in_([run["id"] for run in told["runs"]]))
            .order_by(Measure.phase, Measure.name)
        )
        values = [dict(row._mapping) for row in connection.execute(measured)]
        for run in told["runs"]:
            run["values"] = [
                _without(value, "run") for value in values if value["run"] == run["id"]
            ]
        labels = (
            select(Label.copy, Label.content, Label.worker, Label.at, LabelOutcome.outcome)
            .outerjoin(LabelOutcome, LabelOutcome.label == Label.id)
            .where(Label.serial == serial)
            .order_by(Label.copy)
        )
        told["labels"] = [dict(row._mapping) for row in connection.execute(labels)]
        told["calibrations"] = _calibrations(connection, told["lot"])
        place = connection.execute(_places().where(Packing.serial == serial)).first()
        told["box"], told["carton"], told["shipped_to"] = (
            (place.box, place.carton, place.to) if place else (None, None, None)
        )
    return told


def _calibrations(connection: Connection, lot: str) -> list[dict[str, Any]]:
    """The curves of a lot, the newest last, each with its points of R-transfer."""
    wanted = (
        select(
            Calibration.sha256,
            Calibration.batch,
            Calibration.evidence,
            Calibration.date,
            Calibration.a_e7,
            Calibration.b_e7,
            Calibration.c_e7,
            Calibration.red_nm,
            Calibration.design,
            Calibration.station,
            Calibration.at,
        )
        .where(Calibration.lot == lot)
        .order_by(Calibration.at)
    )
    found = [dict(row._mapping) for row in connection.execute(wanted)]
    for each in found:
        points = (
            select(RTransfer.set_ratio, RTransfer.read_ratio)
            .where(RTransfer.calibration == each["sha256"])
            .order_by(RTransfer.number)
        )
        each["r_transfer"] = [list(row) for row in connection.execute(points)]
    return found


def _without(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


def _places() -> Select:
    """(serial, box, carton, to): by the shipment of the carton, or of the box itself."""
    return (
        select(Packing.serial, Packing.box, Nesting.carton, Shipment.to, Shipment.at)
        .outerjoin(Nesting, Nesting.box == Packing.box)
        .outerjoin(Shipment, Shipment.sscc == func.coalesce(Nesting.carton, Packing.box))
    )


def recall(store: Engine, lot: str) -> list[dict[str, Any]]:
    """Where each unit of a lot is: serial, box, carton, to whom, when; blank where it is not
    packed or not shipped."""
    places = _places().subquery()
    wanted = (
        select(Unit.serial, places.c.box, places.c.carton, places.c.to, places.c.at)
        .outerjoin(places, places.c.serial == Unit.serial)
        .where(Unit.lot == lot)
        .order_by(places.c.to, places.c.box, Unit.serial)
    )
    with reading(store) as connection:
        return [dict(row._mapping) for row in connection.execute(wanted)]


def first_runs(lot: str | None = None, station: str | None = None) -> Subquery:
    """The first run of each unit at each stage, as a unit that is made: the columns of Run, and
    its lot. Of a station alone, those of them that were there."""
    order = func.row_number().over(partition_by=(Run.serial, Run.stage), order_by=Run.at)
    ranked = select(Run.__table__, Unit.lot, order.label("n")).join(
        Unit, Unit.serial == Run.serial
    )
    ranked = ranked.where(Run.kind.in_(PRODUCTION), Run.stage.not_in(NOTES))
    if lot is not None:
        ranked = ranked.where(Unit.lot == lot)
    every = ranked.subquery()
    first = select(every).where(every.c.n == 1)
    return (first if station is None else first.where(every.c.station == station)).subquery()


def yields(
    store: Engine, lot: str | None = None, station: str | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(first-pass yield a stage, why first runs failed, most frequent first).

    First-pass yield: of the units that came to a stage, how many passed the first time. Notes
    (rework, scrap, rack) are no tests.
    """
    runs = first_runs(lot, station)
    of = (runs.c.stage, runs.c.outcome, runs.c.phase, runs.c.cause)
    with reading(store) as connection:  # one question: to find the first runs is the work of it
        groups = connection.execute(select(*of, func.count().label("units")).group_by(*of)).all()
    units: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    failed: Counter[tuple[str, str, str]] = Counter()
    for group in groups:
        units[group.stage] += group.units
        if group.outcome == "passed":
            passed[group.stage] += group.units
        else:
            failed[group.stage, group.phase, group.cause] += group.units
    by_stage = [
        {
            "stage": stage,
            "units": units[stage],
            "passed": passed[stage],
            "first_pass_pct": round(100 * passed[stage] / units[stage], 2),
        }
        for stage in sorted(units)
    ]
    pareto = [
        {"stage": stage, "phase": phase, "cause": cause, "units": count}
        for (stage, phase, cause), count in sorted(
            failed.items(), key=lambda each: (-each[1], each[0])
        )
    ]
    return by_stage, pareto


def columns(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as a plain table."""
    if not rows:
        return "nothing"
    names = list(rows[0])
    cells = [names, *([("" if v is None else str(v)) for v in row.values()] for row in rows)]
    widths = [max(len(line[n]) for line in cells) for n in range(len(names))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def life(told: dict[str, Any]) -> str:
    """What `trace` found, for people."""
    lines = [
        f"{told['serial']}  lot {told['lot']}, revision {told['revision']}, made {told['made']}, "
        f"MAC {told['mac']}, station {told['station']}"
    ]
    for run in told["runs"]:
        why = f" in {run['phase']}: {run['cause']}" if run["outcome"] != "passed" else ""
        lines.append(
            f"{run['at']:%Y-%m-%d %H:%M:%S}  {run['stage']} ({run['kind']}) {run['outcome']}{why}"
            f"; station {run['station']}, slot {run['slot']}, worker {run['worker'] or '-'}, "
            f"{run['seconds']:.1f} s, version {run['version']}"
        )
        for value in run["values"]:
            measured = "none" if value["value"] is None else f"{value['value']:g}"
            limits = [
                "" if limit is None else f"{limit:g}" for limit in (value["low"], value["high"])
            ]
            within = f" (limits {' to '.join(limits)})" if any(limits) else ""
            lines.append(
                f"    {value['phase']}.{value['name']} = {measured} {value['unit']}{within}"
            )
    for each in told["calibrations"]:
        worst = max((abs(read / was - 1) for was, read in each["r_transfer"]), default=0.0)
        lines.append(
            f"curve of lot {each['batch']}: evidence {each['evidence']}, {each['date']}, red LED "
            f"{each['red_nm']:g} nm, R-transfer at {len(each['r_transfer'])} ratios within "
            f"{100 * worst:.2f} %"
        )
    for label in told["labels"]:
        lines.append(
            f"label {label['copy']}: {label['outcome'] or 'not known'}, {label['content']}"
        )
    lines.append(
        f"box {told['box'] or '-'}, carton {told['carton'] or '-'}, "
        f"shipped to {told['shipped_to'] or '-'}"
    )
    return "\n".join(lines)
