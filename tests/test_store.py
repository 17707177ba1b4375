"""The factory's stores: a station's SQLite, the plant's real PostgreSQL, and what is between."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import postgres
import pytest

pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed: run `make setup-all`")

from sqlalchemy import Engine, func, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from host_tools.store import connect, push, query, station
from host_tools.store.connect import StoreError
from host_tools.store.models import Base, Measurement, Outbox, Run, SerialBlock, Unit
from host_tools.store.station import Value

MADE = 20261124


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@pytest.fixture
def plant(server: str) -> Iterator[Engine]:
    """The plant's store, empty; its owner's own connection."""
    found = connect.prepare_plant(server)
    with found.begin() as connection:
        for table in Base.metadata.tables:
            connection.execute(text(f"TRUNCATE {table} CASCADE"))
    yield found
    found.dispose()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Engine]:
    found = connect.opened(tmp_path / "station.sqlite")
    station.reserve(found, found, "s1", "XY", 6)
    yield found
    found.dispose()


def mac(number: int) -> str:
    return f"246f28{number:06x}"


def unit(local: Engine, number: int, name: str = "s1", lot: str = "L1") -> str:
    return station.take(local, name, lot, "1.2", MADE, mac(number)).serial


def value(number: int, measured: float | None) -> Value:
    return Value("supply", f"rail_{number}", "V", 3.2, 3.4, measured)


def ran(local: Engine, serial: str, outcome: str = "passed", **more) -> uuid.UUID:
    told: dict[str, object] = {
        "stage": "pcba",
        "kind": "first",
        "phase": "",
        "cause": "",
        "station": "s1",
    }
    told |= {"slot": "1-1", "worker": "w7", "version": "0.1.0", "seconds": 25.5}
    values = [value(n, 3.3 + n / 100) for n in range(5)] + [value(9, None)]
    return station.record(
        local, values, serial=serial, outcome=outcome, at=station.now(), **told | more
    )


def count(store: Engine, table) -> int:
    with store.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def everything(store: Engine) -> dict[str, list]:
    """All rows but those of the outbox."""
    with store.connect() as connection:
        return {
            name: sorted(map(str, connection.execute(select(table)).all()))
            for name, table in Base.metadata.tables.items()
            if name != "outbox"
        }


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_migrations_lead_to_the_models(kind: str, tmp_path: Path, request) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    if kind == "postgresql":
        store = request.getfixturevalue("plant")
    else:
        store = connect.opened(tmp_path / "store.sqlite")
    connect.migrate(store)  # a second time changes nothing
    with store.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_station_writes_safely(local: Engine) -> None:
    with local.connect() as connection:
        told = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert told == ["wal", 2, 1]


def test_serials_count_on_and_a_chip_keeps_its_own(local: Engine) -> None:
    assert [unit(local, n) for n in range(3)] == ["XY000000", "XY000001", "XY000002"]
    assert unit(local, 1) == "XY000001", "the same chip again"
    with pytest.raises(StoreError, match="XY000001 of lot L1"):
        unit(local, 1, lot="L2")
    assert count(local, Unit) == 3


def test_a_station_without_serials_says_so(local: Engine, tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(StoreError, match="xueyang reserve"):
        unit(local, 1, name="s2")
    monkeypatch.setattr(station, "BLOCK", 3)
    small = connect.opened(tmp_path / "small.sqlite")
    for _ in range(2):
        station.reserve(small, small, "s1", "A", 1)
    assert [unit(small, n) for n in range(6)] == ["A0", "A1", "A2", "A3", "A4", "A5"]
    with pytest.raises(StoreError, match="no serials left"):
        unit(small, 6)
    station.reserve(small, small, "s1", "A", 1)
    with pytest.raises(StoreError, match="another prefix"):
        station.reserve(small, small, "s1", "A", 1)


def _reserve(url: str, name: str, times: int) -> None:
    store = connect.engine(url)
    for _ in range(times):
        station.reserve(store, store, name, "XY", 6)
    store.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_two_stations_get_the_same_block(kind: str, tmp_path: Path, request) -> None:
    if kind == "postgresql":
        store = request.getfixturevalue("plant")
        url = request.getfixturevalue("server")
    else:
        url = str(tmp_path / "store.sqlite")
        store = connect.opened(url)
    with ThreadPoolExecutor(4) as stations:
        list(stations.map(lambda name: _reserve(url, name, 6), ("s1", "s2", "s3", "s4")))
    with store.connect() as connection:
        firsts = sorted(connection.scalars(select(SerialBlock.first)))
    assert firsts == [n * station.BLOCK for n in range(24)]


def test_the_database_itself_refuses_doubles(local: Engine, plant: Engine) -> None:
    for store in (local, plant):
        row = {"serial": "Z1", "mac": mac(77), "lot": "L", "revision": "1", "made": MADE}
        row |= {"station": "s1", "at": station.now()}
        with store.begin() as connection:
            connection.execute(insert(Unit).values(row))
        for wrong in ({"serial": "Z2"}, {"mac": mac(78)}):
            with pytest.raises(IntegrityError), store.begin() as connection:
                connection.execute(insert(Unit).values(row | wrong))


def a_day(local: Engine) -> None:
    """Units with all that happens to them."""
    serials = [unit(local, n, lot="L1" if n < 6 else "L2") for n in range(8)]
    for number, serial in enumerate(serials):
        if number == 2:
            ran(local, serial, "failed", phase="sensor", cause="dead_led")
            ran(local, serial, kind="retest")
        elif number in (4, 5):
            ran(local, serial, "failed", phase="supply", cause="rail_1")
        else:
            ran(local, serial)
        if number not in (4, 5):
            label = station.begin_label(local, serial, f"(21){serial}", "s1", "w7")
            if number:
                station.end_label(local, label.id, "printed")
    again = station.begin_label(local, serials[1], f"(21){serials[1]}", "s1", "w7")
    station.end_label(local, again.id, "spoilt")
    station.pack(local, "s1", "1" * 18, serials[:2])
    station.pack(local, "s1", "2" * 18, serials[6:])
    station.nest(local, "s1", "8" * 18, ["2" * 18])
    station.ship(local, "1" * 18, "Clinic A")
    station.ship(local, "8" * 18, "Clinic B")


def test_what_a_station_knows_reaches_the_plant(local: Engine, plant: Engine) -> None:
    a_day(local)
    waiting = count(local, Outbox)
    pushed = push.push(local, plant)
    assert (pushed.records, pushed.held) == (waiting, {})
    assert count(local, Outbox) == 0
    mine, theirs = everything(local), everything(plant)
    mine["serial_block"] = theirs["serial_block"]  # this one was reserved at home
    assert theirs == mine
    assert push.push(local, plant).records == 0


def test_a_push_that_is_cut_anywhere_is_no_harm(
    local: Engine, plant: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut before the plant has it, and between that and the outbox; then sent once more."""
    a_day(local)
    monkeypatch.setattr(push, "BATCH", 7)
    real, calls = push._send, iter(range(1000))

    def cut_before(connection, entries, pushed):
        if next(calls) % 2:
            raise KeyboardInterrupt
        return real(connection, entries, pushed)

    def cut_after(connection, entries, pushed):
        sent = real(connection, entries, pushed)
        connection.commit()
        if next(calls) % 3:
            raise KeyboardInterrupt
        return sent

    for way in (cut_before, cut_after, cut_before):
        monkeypatch.setattr(push, "_send", way)
        for _ in range(4):
            try:
                push.push(local, plant)
            except KeyboardInterrupt:
                plant.dispose()
    monkeypatch.setattr(push, "_send", real)
    push.push(local, plant)
    assert count(local, Outbox) == 0
    mine, theirs = everything(local), everything(plant)
    mine["serial_block"] = theirs["serial_block"]
    assert theirs == mine


def test_without_the_plant_work_goes_on(local: Engine) -> None:
    a_day(local)
    waiting = count(local, Outbox)
    with pytest.raises(StoreError, match="what is recorded stays here"):
        connect.plant("postgresql://nobody@/plant?host=/no/such/folder")
    gone = connect.engine("postgresql://nobody@/plant?host=/no/such/folder")
    with pytest.raises(StoreError, match="kept here"):
        push.push(local, gone)
    assert count(local, Outbox) == waiting
    assert unit(local, 99)


def test_a_chip_that_two_stations_have_is_held_back(
    local: Engine, plant: Engine, tmp_path: Path
) -> None:
    other = connect.opened(tmp_path / "other.sqlite")
    station.reserve(other, other, "s2", "ZZ", 6)
    ran(local, unit(local, 5))
    push.push(local, plant)
    bad, good = unit(other, 5, "s2"), unit(other, 6, "s2")
    for serial in (bad, good):
        ran(other, serial)
        label = station.begin_label(other, serial, serial, "s2", "w1")
        station.end_label(other, label.id, "printed")
    for _ in range(2):
        pushed = push.push(other, plant)
        assert list(pushed.held) == [bad]
        assert "XY000000" in pushed.held[bad] and "station s1" in pushed.held[bad]
    assert count(other, Outbox) == 4, "unit, run, label and its outcome of the one that is held"
    assert query.trace(plant, good)["runs"]
    with pytest.raises(StoreError):
        query.trace(plant, bad)


def test_a_stations_role_cannot_change_what_was(local: Engine, plant: Engine, server: str) -> None:
    with plant.begin() as connection:
        if not connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = 'line-1'")):
            connection.execute(text('CREATE ROLE "line-1" LOGIN'))
    connect.prepare_plant(server, "line-1")
    mine = connect.plant(server.replace("plant@", "line-1@"))
    station.reserve(mine, local, "s1", "PQ", 6)
    a_day(local)
    push.push(local, mine)
    assert query.yields(mine)[0]
    for wrong in (
        "UPDATE run SET outcome = 'passed'",
        "DELETE FROM measurement",
        "TRUNCATE unit CASCADE",
        "DROP TABLE label",
        "UPDATE alembic_version SET version_num = 'x'",
        "INSERT INTO alembic_version VALUES ('x')",
    ):
        with pytest.raises(ProgrammingError), mine.begin() as connection:
            connection.execute(text(wrong))
    mine.dispose()


def test_an_older_plant_is_told_apart(server: str, plant: Engine) -> None:
    with plant.begin() as connection:
        today = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    try:
        with pytest.raises(StoreError, match="xueyang plant"):
            connect.plant(server)
    finally:
        with plant.begin() as connection:
            connection.execute(text(f"UPDATE alembic_version SET version_num = '{today}'"))
    connect.plant(server).dispose()


@pytest.mark.parametrize("where", ["mysql://x/y", "://", "postgresql://h:port/x"])
def test_what_is_no_store_is_told(where: str) -> None:
    with pytest.raises(StoreError):
        connect.engine(where)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_is_asked(kind: str, local: Engine, request) -> None:
    a_day(local)
    store = local
    if kind == "postgresql":
        store = request.getfixturevalue("plant")
        push.push(local, store)
    told = query.trace(store, "XY000002")
    assert (told["lot"], told["mac"], told["box"]) == ("L1", mac(2), None)
    assert [(run["outcome"], run["kind"]) for run in told["runs"]] == [
        ("failed", "first"), ("passed", "retest"),
    ]  # fmt: skip
    values = {v["name"]: v["value"] for v in told["runs"][0]["values"]}
    assert values == {
        "rail_0": 3.3,
        **{f"rail_{n}": 3.3 + n / 100 for n in (1, 2, 3, 4)},
        "rail_9": None,
    }
    assert told["runs"][0]["at"].tzinfo is not None
    shipped = query.trace(store, "XY000001")
    assert (shipped["box"], shipped["shipped_to"]) == ("1" * 18, "Clinic A")
    assert [(label["copy"], label["outcome"]) for label in shipped["labels"]] == [
        (1, "printed"), (2, "spoilt"),
    ]  # fmt: skip

    stages, pareto = query.yields(store)
    assert stages == [{"stage": "pcba", "units": 8, "passed": 5, "first_pass_pct": 62.5}]
    assert [(row["cause"], row["units"]) for row in pareto] == [("rail_1", 2), ("dead_led", 1)]
    assert query.yields(store, lot="L2")[0][0]["first_pass_pct"] == 100
    assert query.yields(store, station="s9") == ([], [])

    gone = {row["serial"]: (row["box"], row["to"]) for row in query.recall(store, "L1")}
    assert gone["XY000000"] == ("1" * 18, "Clinic A") and gone["XY000003"] == (None, None)
    assert len(gone) == 6 and query.recall(store, "L9") == []
    (nested, _) = query.recall(store, "L2")
    assert (nested["carton"], nested["to"]) == ("8" * 18, "Clinic B"), "by its carton"
    with pytest.raises(StoreError, match="XY999999"):
        query.trace(store, "XY999999")


def test_a_label_of_which_nobody_knows_is_asked_for(local: Engine) -> None:
    a_day(local)
    ((_, serial, copy),) = station.unsettled_labels(local)
    assert (serial, copy) == ("XY000000", 1)


def test_a_unit_is_in_one_box(local: Engine) -> None:
    a_day(local)
    with pytest.raises(StoreError, match="is in 111111111111111111"):
        station.pack(local, "s1", "3" * 18, ["XY000003", "XY000001"])
    assert query.trace(local, "XY000003")["box"] is None, "nothing of it was done"
    for wrong in (["XY000003", "XY999999"], ["XY000003", "XY000003"]):
        with pytest.raises((StoreError, IntegrityError)):
            station.pack(local, "s1", "3" * 18, wrong)
        assert query.trace(local, "XY000003")["box"] is None
    with pytest.raises(StoreError, match="222222222222222222 is in 8"):
        station.nest(local, "s1", "9" * 18, ["2" * 18])
    with pytest.raises(StoreError, match="No box"):
        station.nest(local, "s1", "9" * 18, ["4" * 18])
    for wrong_code, said in (("8" * 18, "gone to Clinic B"), ("4" * 18, "No box or carton")):
        with pytest.raises(StoreError, match=said):
            station.ship(local, wrong_code, "Clinic C")


WRITER = """
import sys
from host_tools.store import connect, station
local = connect.opened(sys.argv[1])
number = int(sys.argv[2])
print("ready", flush=True)
while True:
    number += 1
    serial = station.take(local, "s1", "L1", "1.2", 20261124, f"{number:012x}").serial
    station.record(
        local, [station.Value("p", "v", "V", None, None, 1.0)], serial=serial, stage="pcba",
        kind="first", outcome="passed", phase="", cause="", station="s1", slot="1", worker="w",
        version="1", at=station.now(), seconds=1.0,
    )
    print("recorded", flush=True)
"""


def test_a_killed_station_loses_and_doubles_nothing(local: Engine, plant: Engine) -> None:
    path = str(local.url.database)
    for kill in range(6):
        command = [sys.executable, "-c", WRITER, path, str(1_000_000 * (kill + 1))]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert writer.stdout
        for _ in range(2 + kill):
            assert writer.stdout.readline()
        time.sleep(0.002 * kill)  # somewhere in a transaction
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    assert count(local, Unit) >= 1 + 2 + 3 + 4 + 5 + 6
    with local.connect() as connection:
        serials = sorted(connection.scalars(select(Unit.serial)))
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert serials == [f"XY{n:06}" for n in range(len(serials))], "none left out, none twice"
    assert count(local, Run) == count(local, Measurement), "no half record"
    assert count(local, Outbox) == count(local, Unit) + count(local, Run)
    push.push(local, plant)
    assert count(plant, Unit) == len(serials)
    assert {"unit", "run"} <= set(inspect(plant).get_table_names())
