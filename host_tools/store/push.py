"""From a station's store to the plant's, however often it is interrupted.

The outbox says what the plant lacks. It is sent in its order, some at a time, each time one
transaction at the plant, in which what is there already is left alone; only when that is over is
it taken out of the outbox. A cut in between sends it once more, which changes nothing.
"""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from host_tools.sentences import say
from host_tools.store.connect import StoreError, named, reading, reason
from host_tools.store.models import (
    Base,
    Certified,
    Label,
    Measure,
    Measurement,
    Outbox,
    RTransfer,
    Unit,
)

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

    @property
    def record(self) -> dict[str, Any]:
        return self.rows[self.kind][0]


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
            entries = _entries(connection, batch)
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


def _entries(connection: Connection, batch: Sequence[Row]) -> list[_Entry]:
    """These lines of the outbox with their records, and all that belongs to them; a few questions
    for all of a kind, since one at a time took half of a push."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for kind in {row.kind for row in batch}:
        keys = [row.key for row in batch if row.kind == kind]
        for record in _having(connection, kind, keys):
            (column,) = Base.metadata.tables[kind].primary_key.columns
            found[kind, str(record[column.name])] = record
    entries = []
    for row in batch:
        record = found[row.kind, row.key]
        entries.append(_Entry(row.number, row.kind, record.get("serial"), {row.kind: [record]}))
    _with_values(connection, [entry for entry in entries if entry.kind == "run"])
    for entry in entries:
        _complete(connection, entry)
    return entries


def _complete(connection: Connection, entry: _Entry) -> None:
    """What else belongs to records of which there are few."""
    if entry.kind == "calibration":
        of = RTransfer.calibration == entry.record["sha256"]
        entry.rows["r_transfer"] = _dicts(connection, select(RTransfer.__table__).where(of))
    elif entry.kind == "gauge":
        entry.rows["measure"] = _measures(connection, [entry.record["measure"]])
    elif entry.kind == "reference_unit":
        of = Certified.reference == entry.record["id"]
        entry.rows["certified"] = _dicts(connection, select(Certified.__table__).where(of))
    elif entry.kind == "label_outcome":
        wanted = select(Label.serial).where(Label.id == entry.record["label"])
        entry.serial = connection.scalar(wanted)


def _having(connection: Connection, kind: str, keys: Sequence[str]) -> list[dict[str, Any]]:
    table = Base.metadata.tables[kind]
    (column,) = table.primary_key.columns
    of = column.type.python_type
    values = keys if of is str else [of(key) for key in keys]
    return _dicts(connection, select(table).where(column.in_(values)))


def _with_values(connection: Connection, runs: Sequence[_Entry]) -> None:
    """Runs get what they measured, and what that is."""
    if not runs:
        return
    measured: dict[Any, list[dict[str, Any]]] = {entry.record["id"]: [] for entry in runs}
    wanted = select(Measurement.__table__).where(Measurement.run.in_(measured))
    for value in _dicts(connection, wanted):
        measured[value["run"]].append(value)
    ids = {value["measure"] for each in measured.values() for value in each}
    measures = {measure["id"]: measure for measure in _measures(connection, ids)}
    for entry in runs:
        values = measured[entry.record["id"]]
        entry.rows["measurement"] = values
        entry.rows["measure"] = [measures[value["measure"]] for value in values]


def _measures(connection: Connection, ids: Collection[int]) -> list[dict[str, Any]]:
    return _dicts(connection, select(Measure.__table__).where(Measure.id.in_(ids)))


def _dicts(connection: Connection, wanted: Select) -> list[dict[str, Any]]:
    result = connection.execute(wanted)
    names = list(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]


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
    """The rows for one table, each once; those that are there already are left alone."""
    table = Base.metadata.tables[name]
    key = [column.name for column in table.primary_key.columns]
    rows = {
        tuple(row[column] for column in key): row
        for entry in entries
        for row in entry.rows.get(name, ())
    }
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        insert = dialect.insert(table).on_conflict_do_nothing()
        connection.execute(insert, list(rows.values()))
