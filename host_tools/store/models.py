"""The schema, the same on SQLite and PostgreSQL.

Keys are what the world already has (a serial, an SSCC) or UUIDs that a station makes, so that two
stations never meet, and that a record pushed twice is one record. Times are UTC, in microseconds.
"""

import datetime
import uuid

from sqlalchemy import (
    BigInteger,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Kinds of runs of units that are made; others judge the station (capability/reference.py).
PRODUCTION = ("first", "retest", "rework", "scrap")
# Stages that are no tests but notes on a unit: put on the ageing rack, reworked, scrapped.
NOTES = ("rack", "rework", "scrap")


class Utc(TypeDecorator[datetime.datetime]):
    """A moment in UTC. SQLite keeps no zone, so it is put on again when it is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value, dialect):
        assert value is None or value.tzinfo is not None, "a moment without a zone is none"
        return value.astimezone(datetime.UTC) if value else None

    def process_result_value(self, value, dialect):
        if value is not None and value.tzinfo is None:
            return value.replace(tzinfo=datetime.UTC)
        return value.astimezone(datetime.UTC) if value else None


class Base(DeclarativeBase):
    """What all tables are of."""

    type_annotation_map = {
        uuid.UUID: Uuid,
        datetime.datetime: Utc,
        str: String(200),
        float: Double,
        int: BigInteger,
    }


class SerialBlock(Base):
    """Serials `prefix` + number, `digits` long, from first to last: of one station alone.

    Blocks of a prefix are of one size and begin at its multiples, so that the unique first one is
    enough to keep two of them apart.
    """

    __tablename__ = "serial_block"
    __table_args__ = (UniqueConstraint("prefix", "first"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    station: Mapped[str]
    prefix: Mapped[str]
    digits: Mapped[int] = mapped_column(SmallInteger)
    first: Mapped[int]
    last: Mapped[int]
    at: Mapped[datetime.datetime]


class StationKey(Base):
    """A public key with which a station signs what it writes into units; see signature.py."""

    __tablename__ = "station_key"

    public: Mapped[str] = mapped_column(String(64), primary_key=True)
    station: Mapped[str]
    at: Mapped[datetime.datetime]


class Unit(Base):
    """A unit from the moment it has a serial; `mac` as 246f28abcdef."""

    __tablename__ = "unit"

    serial: Mapped[str] = mapped_column(String(16), primary_key=True)
    mac: Mapped[str] = mapped_column(String(12), unique=True)
    lot: Mapped[str] = mapped_column(String(16), index=True)
    revision: Mapped[str] = mapped_column(String(8))
    made: Mapped[int]  # the day, as 20261124
    station: Mapped[str]
    at: Mapped[datetime.datetime]


class Calibration(Base):
    """A curve by the hash of its file, which `document` is; see calibrate/document.py.

    lot: none for a design's. a_e7, b_e7, c_e7: percent times 10^7.
    """

    __tablename__ = "calibration"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    lot: Mapped[str | None] = mapped_column(String(16), index=True)
    batch: Mapped[str] = mapped_column(String(16))
    evidence: Mapped[str] = mapped_column(String(20))
    date: Mapped[int]  # the day, as 20261124
    a_e7: Mapped[int]
    b_e7: Mapped[int]
    c_e7: Mapped[int]
    red_nm: Mapped[float]
    design: Mapped[str | None] = mapped_column(ForeignKey("calibration.sha256"))
    document: Mapped[str] = mapped_column(Text)
    station: Mapped[str]
    worker: Mapped[str]
    at: Mapped[datetime.datetime]


class RTransfer(Base):
    """A ratio that a simulator set, and what a unit of the lot read."""

    __tablename__ = "r_transfer"

    calibration: Mapped[str] = mapped_column(ForeignKey("calibration.sha256"), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    set_ratio: Mapped[float]
    read_ratio: Mapped[float]


class Run(Base):
    """A unit at a stage of a station: how it went.

    outcome: passed, failed, error or aborted. kind: of PRODUCTION, or of those
    that judge the station. stage: of the route, or of NOTES. phase: where it failed, else empty.
    """

    __tablename__ = "run"
    __table_args__ = (Index("ix_run_serial", "serial"), Index("ix_run_stage_at", "stage", "at"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    serial: Mapped[str] = mapped_column(ForeignKey("unit.serial"))
    stage: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(10))
    outcome: Mapped[str] = mapped_column(String(10))
    phase: Mapped[str] = mapped_column(String(40))
    cause: Mapped[str]
    station: Mapped[str]
    slot: Mapped[str]
    worker: Mapped[str]
    version: Mapped[str]
    at: Mapped[datetime.datetime]  # when it began
    seconds: Mapped[float]


class Measure(Base):
    """What is measured: name, unit and limits. `id` follows from these, so all stations agree."""

    __tablename__ = "measure"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    phase: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(60))
    unit: Mapped[str] = mapped_column(String(20))
    low: Mapped[float | None]
    high: Mapped[float | None]


class Measurement(Base):
    """A value that a run measured; none where it could not be measured."""

    __tablename__ = "measurement"
    __table_args__ = {"sqlite_with_rowid": False}  # its key holds nearly all of it

    run: Mapped[uuid.UUID] = mapped_column(ForeignKey("run.id"), primary_key=True)
    measure: Mapped[int] = mapped_column(ForeignKey("measure.id"), primary_key=True)
    value: Mapped[float | None]


class Label(Base):
    """A copy of a unit's label, recorded before it is sent to the printer. The first is copy 1."""

    __tablename__ = "label"
    __table_args__ = (UniqueConstraint("serial", "copy"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    serial: Mapped[str] = mapped_column(ForeignKey("unit.serial"))
    copy: Mapped[int] = mapped_column(SmallInteger)
    content: Mapped[str]  # what its symbol says
    station: Mapped[str]
    worker: Mapped[str]
    at: Mapped[datetime.datetime]


class LabelOutcome(Base):
    """What the worker saw of it: printed, or spoilt. Until then it is not known."""

    __tablename__ = "label_outcome"

    label: Mapped[uuid.UUID] = mapped_column(ForeignKey("label.id"), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime.datetime]


class Package(Base):
    """A box or a carton, by its SSCC."""

    __tablename__ = "package"

    sscc: Mapped[str] = mapped_column(String(18), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    station: Mapped[str]
    at: Mapped[datetime.datetime]


class Packing(Base):
    """A unit is in one box."""

    __tablename__ = "packing"

    serial: Mapped[str] = mapped_column(ForeignKey("unit.serial"), primary_key=True)
    box: Mapped[str] = mapped_column(ForeignKey("package.sscc"), index=True)
    at: Mapped[datetime.datetime]


class Nesting(Base):
    """A box is in one carton."""

    __tablename__ = "nesting"

    box: Mapped[str] = mapped_column(ForeignKey("package.sscc"), primary_key=True)
    carton: Mapped[str] = mapped_column(ForeignKey("package.sscc"), index=True)
    at: Mapped[datetime.datetime]


class Shipment(Base):
    """A carton, or a box by itself, has gone to somebody."""

    __tablename__ = "shipment"

    sscc: Mapped[str] = mapped_column(ForeignKey("package.sscc"), primary_key=True)
    to: Mapped[str]
    at: Mapped[datetime.datetime]


class Gauge(Base):
    """What a study found of a measurement at a station: variances in its unit squared, %GRR of
    the study's variation and of the tolerance, number of distinct categories."""

    __tablename__ = "gauge"
    __table_args__ = (Index("ix_gauge_station_at", "station", "at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    measure: Mapped[int] = mapped_column(ForeignKey("measure.id"))
    station: Mapped[str]
    stage: Mapped[str] = mapped_column(String(20))
    slot: Mapped[str]  # empty when it was of several
    units: Mapped[int] = mapped_column(SmallInteger)
    workers: Mapped[int] = mapped_column(SmallInteger)
    repeats: Mapped[int] = mapped_column(SmallInteger)
    repeatability: Mapped[float]
    reproducibility: Mapped[float]
    interaction: Mapped[float]
    unit_variance: Mapped[float]
    grr_pct: Mapped[float | None]
    tolerance_pct: Mapped[float | None]
    ndc: Mapped[int | None]
    at: Mapped[datetime.datetime]


class ReferenceUnit(Base):
    """From this moment on a unit is golden, known_bad, or (withdrawn) neither of them, at a stage.

    phase: where a known-bad one must fail.
    """

    __tablename__ = "reference_unit"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    serial: Mapped[str] = mapped_column(ForeignKey("unit.serial"))
    stage: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(10))
    phase: Mapped[str] = mapped_column(String(40))
    station: Mapped[str]
    worker: Mapped[str]
    at: Mapped[datetime.datetime]


class Certified(Base):
    """What a golden unit must read: value ± tolerance."""

    __tablename__ = "certified"

    reference: Mapped[uuid.UUID] = mapped_column(ForeignKey("reference_unit.id"), primary_key=True)
    phase: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[float]
    tolerance: Mapped[float]


class Outbox(Base):
    """On a station only: what the plant has not got yet, in the order in which it happened."""

    __tablename__ = "outbox"

    number: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(120))
