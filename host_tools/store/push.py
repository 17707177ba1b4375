"""From a station's store to the plant's, however often it is interrupted.

The outbox says what the plant lacks. It is sent in its order, some at a time, each time one
transaction at the plant, in which what is there already is left alone; only when that is over is
it taken out of the outbox. A cut in between sends it once more, which changes nothing.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from host_tools.sentences import say
from host_tools.store.connect import StoreError, named, reading, reason
from host_tools.store.models import Base, Certified, Label, Measure, Measurement, Outbox, Unit

BATCH = 500


@dataclasses.dataclass
class Pushed:
    """records that have reached the plant now; held: sentences on units that it refuses, whose
    records stay in the outbox."""

    records: int = 0
    held: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class _Entry:
    """A line of the outbox: of which unit, and the rows to insert, by table."""

    number: int
    kind: str
    serial: str | None
    rows: dict[str, list[dict[str, Any]]]


def push(
    local: Engine, plant: Engine, progress: Callable[[int, int], None] = lambda done, of: None
) -> Pushed:
    """Send all that the plant lacks. progress(done, of). Raises StoreError when it is away."""
    pushed = Pushed()
    last = 0
    total = _count(local)
    while True:
        with reading(local) as connection:
            wanted = select(Outbox.__table__).where(Outbox.number > last).order_by(Outbox.number)
            batch = connection.execute(wanted.limit(BATCH)).all()
            entries = [_entry(connection, row) for row in batch]
        if not batch:
            return pushed
        try:
            with plant.begin() as connection:
                sent = _send(connection, entries, pushed)
        except SQLAlchemyError as error:
            raise StoreError(
                say("plant_refuses", store=named(plant), error=reason(error))
            ) from None
        with local.begin() as connection:
            connection.execute(delete(Outbox).where(Outbox.number.in_(sent)))
        pushed.records += len(sent)
        last = batch[-1].number
        progress(pushed.records, total)


def _count(local: Engine) -> int:
    with reading(local) as connection:
        return connection.scalar(select(func.count()).select_from(Outbox)) or 0


def _entry(connection: Connection, row: Row) -> _Entry:
    """A line of the outbox with its record, and all that belongs to it."""
    table = Base.metadata.tables[row.kind]
    (column,) = table.primary_key.columns
    value = row.key if column.type.python_type is str else column.type.python_type(row.key)
    record = dict(connection.execute(select(table).where(column == value)).one()._mapping)
    entry = _Entry(row.number, row.kind, record.get("serial"), {table.name: [record]})
    if row.kind == "run":
        values = select(Measurement.__table__).where(Measurement.run == value)
        measured = [dict(each._mapping) for each in connection.execute(values)]
        entry.rows["measurement"] = measured
        entry.rows["measure"] = _measures(connection, [m["measure"] for m in measured])
    elif row.kind == "gauge":
        entry.rows["measure"] = _measures(connection, [record["measure"]])
    elif row.kind == "reference_unit":
        certified = select(Certified.__table__).where(Certified.reference == value)
        entry.rows["certified"] = [dict(each._mapping) for each in connection.execute(certified)]
    elif row.kind == "label_outcome":
        entry.serial = connection.scalar(select(Label.serial).where(Label.id == value))
    return entry


def _measures(connection: Connection, ids: list[int]) -> list[dict[str, Any]]:
    wanted = select(Measure.__table__).where(Measure.id.in_(ids))
    return [dict(each._mapping) for each in connection.execute(wanted)]


def _send(connection: Connection, entries: list[_Entry], pushed: Pushed) -> list[int]:
    """All that the plant may have, parents first; the numbers of what it has now."""
    _insert(connection, "unit", entries)
    mine = {
        entry.serial: entry.rows["unit"][0]["mac"] for entry in entries if entry.kind == "unit"
    }
    if mine:
        there = connection.execute(
            select(Unit.serial, Unit.mac, Unit.station).where(
                Unit.serial.in_(mine) | Unit.mac.in_(mine.values())
            )
        ).all()
        for serial, mac in mine.items():
            for other in there:
                if (other.serial == serial) != (other.mac == mac):
                    pushed.held[str(serial)] = say(
                        "held_back",
                        serial=serial,
                        mac=mac,
                        other=other.serial,
                        its_mac=other.mac,
                        station=other.station,
                    )
    sent = [entry for entry in entries if entry.serial not in pushed.held]
    for table in Base.metadata.sorted_tables:
        if table.name != "unit":
            _insert(connection, table.name, sent)
    return [entry.number for entry in sent]


def _insert(connection: Connection, name: str, entries: list[_Entry]) -> None:
    """The rows for one table; those that are there already are left alone."""
    rows = [row for entry in entries for row in entry.rows.get(name, ())]
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        table = Base.metadata.tables[name]
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)
