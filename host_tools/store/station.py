"""What a station writes into its own store. Each function is one transaction: a cut anywhere
leaves it done or not begun. What the plant must hear of goes into the outbox in the same one.
"""

import dataclasses
import datetime
import hashlib
import secrets
import time
import uuid
from collections.abc import Sequence
from math import isfinite
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from host_tools.calibrate.document import Calibration as Calibrated
from host_tools.capability.gauge import Study
from host_tools.capability.reference import KNOWN_BAD, Reference
from host_tools.identity import Identity
from host_tools.label import sscc
from host_tools.sentences import say
from host_tools.store.connect import StoreError, reading
from host_tools.store.models import (
    PRODUCTION,
    Base,
    Calibration,
    Certified,
    Gauge,
    Label,
    LabelOutcome,
    Measure,
    Measurement,
    Nesting,
    Outbox,
    Package,
    Packing,
    ReferenceUnit,
    RTransfer,
    Run,
    SerialBlock,
    Shipment,
    StationKey,
    Unit,
)

BLOCK = 500  # serials reserved at once: some hours of a station
BOX = "(00)"  # the prefix of blocks whose numbers are those of boxes and cartons
_TRIES = 20


@dataclasses.dataclass(frozen=True)
class Value:
    """One thing measured: limits and value in `unit`, None where there is no limit or no value."""

    phase: str
    name: str
    unit: str
    low: float | None
    high: float | None
    value: float | None

    @property
    def measure_id(self) -> int:
        """The same on every station: the first 63 bits of a hash of what is measured."""
        told = repr((self.phase, self.name, self.unit, self.low, self.high))
        return int.from_bytes(hashlib.sha256(told.encode()).digest()[:8], "big") >> 1


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def new_key() -> uuid.UUID:
    """A UUID of version 7: later ones are greater, so that what is written together lies together
    in an index."""
    ms = time.time_ns() // 1_000_000
    whole = ms << 80 | secrets.randbits(80)
    whole = whole & ~(0xF << 76) | 7 << 76
    return uuid.UUID(int=whole & ~(3 << 62) | 2 << 62)


def _posted(connection: Connection, kind: type[Base], key: object) -> None:
    connection.execute(insert(Outbox).values(kind=kind.__tablename__, key=str(key)))


def reserve(plant: Engine, local: Engine, station: str, prefix: str, digits: int) -> int:
    """Take the next block of serials for this station; its first number.

    plant: where all stations reserve; of a single station its own store. A block whose reservation
    is cut before it reaches the station is lost, never given twice. Raises StoreError.
    """
    for _ in range(_TRIES):
        try:
            with plant.begin() as connection:
                last = connection.scalar(
                    select(func.max(SerialBlock.first)).where(SerialBlock.prefix == prefix)
                )
                first = 0 if last is None else last + BLOCK
                if len(str(first + BLOCK - 1)) > digits:
                    raise StoreError(say("prefix_full", last=f"{prefix}{'9' * digits}"))
                block = {
                    "id": new_key(),
                    "station": station,
                    "prefix": prefix,
                    "digits": digits,
                    "first": first,
                    "last": first + BLOCK - 1,
                    "at": now(),
                }
                connection.execute(insert(SerialBlock).values(block))
        except IntegrityError:
            continue  # another station was quicker
        if plant is not local:
            with local.begin() as connection:
                connection.execute(insert(SerialBlock).values(block))
        return int(first)
    raise StoreError(say("reserve_busy"))


def announce_key(local: Engine, station: str, public: str) -> None:
    """This station signs with this key from now on."""
    with local.begin() as connection:
        there = select(StationKey.public).where(StationKey.public == public)
        if connection.scalar(there) is None:
            connection.execute(insert(StationKey).values(public=public, station=station, at=now()))
            _posted(connection, StationKey, public)


def take(local: Engine, station: str, lot: str, revision: str, made: int, mac: str) -> Identity:
    """The next serial of this station's blocks, for the chip with this MAC: a unit from here on.

    A chip that has one keeps it. Raises StoreError: no serial is left, or the chip is another
    lot's.
    """
    mac = mac.replace(":", "").lower()
    with local.begin() as connection:
        known = connection.execute(select(Unit).where(Unit.mac == mac)).first()
        if known is not None:
            if (known.lot, known.revision) != (lot, revision):
                raise StoreError(
                    say("other_lot", serial=known.serial, lot=known.lot, revision=known.revision)
                )
            return Identity(known.serial, known.lot, known.revision, known.made)
        serial = _next_serial(connection, station)
        unit = {
            "serial": serial,
            "mac": mac,
            "lot": lot,
            "revision": revision,
            "made": made,
            "station": station,
            "at": now(),
        }
        connection.execute(insert(Unit).values(unit))
        _posted(connection, Unit, serial)
    return Identity(serial, lot, revision, made)


def _next_serial(connection: Connection, station: str) -> str:
    blocks = select(SerialBlock).where(SerialBlock.station == station, SerialBlock.prefix != BOX)
    for block in connection.execute(blocks.order_by(SerialBlock.at)):
        first, last = (
            f"{block.prefix}{number:0{block.digits}}" for number in (block.first, block.last)
        )
        used = connection.scalar(
            select(func.max(Unit.serial)).where(Unit.serial.between(first, last))
        )
        number = block.first if used is None else int(used[len(block.prefix) :]) + 1
        if number <= block.last:
            return f"{block.prefix}{number:0{block.digits}}"
    raise StoreError(say("no_serials"))


def record(local: Engine, values: Sequence[Value], **run: object) -> uuid.UUID:
    """A run with all that it measured, by the columns of Run but for its id. Returns that."""
    key = new_key()
    with local.begin() as connection:
        connection.execute(insert(Run).values(id=key, **run))
        for value in values:
            if connection.scalar(select(Measure.id).where(Measure.id == value.measure_id)) is None:
                told = dataclasses.asdict(value)
                del told["value"]
                connection.execute(insert(Measure).values(id=value.measure_id, **told))
        if values:
            rows = [
                {"run": key, "measure": value.measure_id, "value": value.value} for value in values
            ]
            connection.execute(insert(Measurement), rows)
        _posted(connection, Run, key)
    return key


def keep_calibration(
    local: Engine, found: Calibrated, design: Calibrated | None, station: str, worker: str
) -> bool:
    """Record a calibration, of a lot with its design; whether it is new here."""
    with local.begin() as connection:
        is_new = False
        for each in filter(None, (design, found)):
            there = select(Calibration.sha256).where(Calibration.sha256 == each.sha256)
            is_new = connection.scalar(there) is None
            if is_new:
                a, b, c = each.curve.e7
                row = {
                    "sha256": each.sha256,
                    "kind": each.kind,
                    "lot": each.batch if each.kind == "lot" else None,
                    "batch": each.batch,
                    "evidence": each.evidence,
                    "date": each.date,
                    "a_e7": a,
                    "b_e7": b,
                    "c_e7": c,
                    "red_nm": each.red_nm,
                    "design": each.told.get("design", {}).get("sha256"),
                    "document": each.text(),
                    "station": station,
                    "worker": worker,
                    "at": now(),
                }
                connection.execute(insert(Calibration).values(row))
                points = each.told.get("r_transfer", {}).get("points", ())
                moved = [
                    {
                        "calibration": each.sha256,
                        "number": number,
                        "set_ratio": was,
                        "read_ratio": read,
                    }
                    for number, (was, read) in enumerate(points)
                ]
                if moved:
                    connection.execute(insert(RTransfer), moved)
                _posted(connection, Calibration, each.sha256)
    return is_new


def adopt(local: Engine, plant: Engine, mac: str) -> None:
    """Take over from the plant what other stations have recorded of the chip with this MAC: the
    unit and its runs, without what they measured. The plant has them, so nothing is posted."""
    with reading(plant) as connection:
        unit = connection.execute(select(Unit.__table__).where(Unit.mac == mac)).first()
        if unit is None:
            return
        wanted = select(Run.__table__).where(Run.serial == unit.serial).order_by(Run.at)
        runs = [dict(row._mapping) for row in connection.execute(wanted)]
    with local.begin() as connection:
        for table, rows in ((Unit, [dict(unit._mapping)]), (Run, runs)):
            if rows:
                connection.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)


def kind_of(local: Engine, serial: str, stage: str) -> str:
    """What the next run of a unit at a stage is: first, or retest."""
    with reading(local) as connection:
        there = select(Run.id).where(Run.serial == serial, Run.stage == stage)
        there = there.where(Run.kind.in_(PRODUCTION)).limit(1)
        return "first" if connection.scalar(there) is None else "retest"


def record_studies(
    local: Engine, station: str, stage: str, slot: str, studies: Sequence[tuple[int, Study]]
) -> None:
    """What was found of measurements, by their ids, at a station; slot: empty for all of them."""
    same = ["units", "workers", "repeats", "repeatability", "reproducibility", "interaction"]
    same += ["unit_variance", "ndc"]
    with local.begin() as connection:
        at = now()
        for measure, study in studies:
            row = {"id": new_key(), "measure": measure, "station": station, "stage": stage}
            row |= {name: getattr(study, name) for name in same}
            for name in ("grr_pct", "tolerance_pct"):
                value = getattr(study, name)
                row[name] = value if value is not None and isfinite(value) else None
            connection.execute(insert(Gauge).values(row | {"slot": slot, "at": at}))
            _posted(connection, Gauge, row["id"])


def designate(local: Engine, unit: Reference, station: str, worker: str) -> None:
    """From now on this unit judges the slots. Raises StoreError: it is not known here, or a
    known-bad one does not say where it fails."""
    if (unit.kind == KNOWN_BAD) != bool(unit.phase):
        raise StoreError(say("known_bad_where"))
    with local.begin() as connection:
        known = select(Unit.serial).where(Unit.serial == unit.serial)
        if connection.scalar(known) is None:
            raise StoreError(say("no_unit", serial=unit.serial))
        row = {"id": new_key(), "serial": unit.serial, "stage": unit.stage, "kind": unit.kind}
        row |= {"phase": unit.phase, "station": station, "worker": worker, "at": now()}
        connection.execute(insert(ReferenceUnit).values(row))
        for (phase, name), (value, tolerance) in unit.certified.items():
            must = {"phase": phase, "name": name, "value": value, "tolerance": tolerance}
            connection.execute(insert(Certified).values(reference=row["id"], **must))
        _posted(connection, ReferenceUnit, row["id"])


def begin_label(local: Engine, serial: str, content: str, station: str, worker: str) -> Label:
    """Record that a label is about to be printed, before it is. Its copy counts from 1."""
    with local.begin() as connection:
        copies = connection.scalar(select(func.max(Label.copy)).where(Label.serial == serial))
        row = {
            "id": new_key(),
            "serial": serial,
            "copy": (copies or 0) + 1,
            "content": content,
            "station": station,
            "worker": worker,
            "at": now(),
        }
        connection.execute(insert(Label).values(row))
        _posted(connection, Label, row["id"])
    return Label(**row)


def end_label(local: Engine, label: uuid.UUID, outcome: str) -> None:
    """What became of it: printed, or spoilt."""
    with local.begin() as connection:
        connection.execute(insert(LabelOutcome).values(label=label, outcome=outcome, at=now()))
        _posted(connection, LabelOutcome, label)


def unsettled_labels(local: Engine) -> list[tuple[uuid.UUID, str, int]]:
    """(id, serial, copy) of labels of which nobody has said whether they came out of the printer:
    what is left when a station was killed in between. Its worker is asked."""
    settled = select(LabelOutcome.label)
    wanted = select(Label.id, Label.serial, Label.copy).where(Label.id.not_in(settled))
    with reading(local) as connection:
        return [(row.id, row.serial, row.copy) for row in connection.execute(wanted)]


def next_sscc(local: Engine, station: str, company: str) -> str:
    """The next free one of this station's block for boxes (reserved with the prefix BOX)."""
    digits = 16 - len(company)
    with reading(local) as connection:
        blocks = select(SerialBlock).where(
            SerialBlock.station == station, SerialBlock.prefix == BOX
        )
        for block in connection.execute(blocks.order_by(SerialBlock.at)):
            first, last = (f"0{company}{number:0{digits}}" for number in (block.first, block.last))
            used = connection.scalar(
                select(func.max(Package.sscc)).where(Package.sscc.between(first, last + "9"))
            )
            number = block.first if used is None else int(used[1 + len(company) : -1]) + 1
            if number <= block.last:
                return sscc(company, number)
    raise StoreError(say("no_box_numbers", prefix=BOX))


def pack(local: Engine, station: str, code: str, serials: Sequence[str]) -> None:
    """These units are in this box, whose SSCC is new. Raises StoreError when one is elsewhere,
    or is not known."""
    with local.begin() as connection:
        _must_be_free(connection, Packing.serial, Packing.box, serials)
        known = set(connection.scalars(select(Unit.serial).where(Unit.serial.in_(serials))))
        for serial in serials:
            if serial not in known:
                raise StoreError(say("no_unit", serial=serial))
        _new_package(connection, station, code, "box")
        for serial in serials:
            connection.execute(insert(Packing).values(serial=serial, box=code, at=now()))
            _posted(connection, Packing, serial)


def nest(local: Engine, station: str, code: str, boxes: Sequence[str]) -> None:
    """These boxes are in this carton, whose SSCC is new. Raises StoreError as `pack` does."""
    with local.begin() as connection:
        _must_be_free(connection, Nesting.box, Nesting.carton, boxes)
        there = select(Package.sscc).where(Package.sscc.in_(boxes), Package.kind == "box")
        known = set(connection.scalars(there))
        for box in boxes:
            if box not in known:
                raise StoreError(say("no_box", sscc=box))
        _new_package(connection, station, code, "carton")
        for box in boxes:
            connection.execute(insert(Nesting).values(box=box, carton=code, at=now()))
            _posted(connection, Nesting, box)


def _must_be_free(connection: Connection, inner: Any, outer: Any, names: Sequence[str]) -> None:
    for name, there in connection.execute(select(inner, outer).where(inner.in_(names))):
        raise StoreError(say("packed_already", what=name, box=there))


def _new_package(connection: Connection, station: str, code: str, kind: str) -> None:
    connection.execute(insert(Package).values(sscc=code, kind=kind, station=station, at=now()))
    _posted(connection, Package, code)


def ship(local: Engine, code: str, to: str) -> None:
    """This carton, or box by itself, has gone to somebody. Raises StoreError: it is not known, or
    gone already."""
    with local.begin() as connection:
        if connection.scalar(select(Package.sscc).where(Package.sscc == code)) is None:
            raise StoreError(say("no_box", sscc=code))
        gone = connection.scalar(select(Shipment.to).where(Shipment.sscc == code))
        if gone is not None:
            raise StoreError(say("shipped_already", sscc=code, to=gone))
        connection.execute(insert(Shipment).values(sscc=code, to=to, at=now()))
        _posted(connection, Shipment, code)
