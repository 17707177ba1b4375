"""Gauge studies, golden, known-bad and pilot units, out of a store and into the plant's."""

import datetime
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import postgres
import pytest
from test_capability_gauge import AIAG

pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed: run `make setup-all`")

from sqlalchemy import Engine, func, select

from host_tools.capability.reference import GOLDEN, KNOWN_BAD, WITHDRAWN, Reference
from host_tools.store import capability, connect, push, query, station
from host_tools.store.connect import StoreError
from host_tools.store.models import Base, Outbox
from host_tools.store.station import Value

WORKERS = ("w1", "w2", "w3")
SLOTS = ("1-1", "1-2")


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Engine]:
    found = connect.opened(tmp_path / "station.sqlite")
    station.reserve(found, found, "s1", "XY", 6)
    yield found
    found.dispose()


def unit(local: Engine, number: int, lot: str = "L1") -> str:
    return station.take(local, "s1", lot, "1.2", 20261124, f"246f28{number:06x}").serial


def ran(local: Engine, serial: str, values: list[Value], **more) -> None:
    told: dict = {"stage": "final", "kind": "first", "outcome": "passed", "phase": ""}
    told |= {"cause": "", "station": "s1", "slot": "1-1", "worker": "w1", "version": "0.1.0"}
    told |= {"seconds": 20.0, "at": station.now()}
    station.record(local, values, serial=serial, **told | more)


def optics(value: float | None) -> Value:
    return Value("optics", "red", "nA", -4, 4, value)


def noise(value: float | None) -> Value:
    return Value("noise", "rms", "pA", None, 2, value)


def measured(local: Engine, leave_out: int = 0, slots=SLOTS, turns: bool = True) -> None:
    """The published example as runs; the last `leave_out` of them are not done."""
    todo = []
    for n in range(10):
        serial = unit(local, n)
        for w, worker in enumerate(WORKERS):
            for repeat in range(3):
                slot = slots[(n + repeat * turns) % len(slots)]
                todo.append((serial, worker, slot, AIAG[n, w, repeat]))
    for serial, worker, slot, value in todo[: len(todo) - leave_out]:
        values = [optics(value), noise(1.0 if serial != "XY000003" else None)]
        ran(local, serial, values, kind="gauge", worker=worker, slot=slot)


def test_a_study_out_of_runs(local: Engine) -> None:
    serial = unit(local, 0)
    ran(local, serial, [optics(3.9)], kind="gauge", worker="w1")  # a first try, and not the last
    ran(local, serial, [optics(99.0)], kind="gauge", worker="w1", outcome="aborted")
    ran(local, serial, [optics(99.0)])
    measured(local)
    found = capability.study_of(local, "s1")
    assert (found.stage, found.units, found.workers, found.repeats) == ("final", 10, 3, 3)
    rms, red = found.measures
    assert red.study is not None and red.study.grr_pct == pytest.approx(27.86, abs=5e-3)
    assert red.study.tolerance_pct == pytest.approx(22.68, abs=5e-3)
    assert rms.study is None and "9 of 90" in rms.reason

    capability.keep_study(local, found)
    (kept,) = capability.gauges(local)
    assert (kept["phase"], kept["name"], kept["ndc"]) == ("optics", "red", 4)
    assert kept["grr_pct"] == red.study.grr_pct and kept["at"].tzinfo is not None
    with pytest.raises(StoreError, match="since its last study"):
        capability.study_of(local, "s1")
    since = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    assert capability.study_of(local, "s1", since=since).measures[1].study == red.study


def test_what_a_study_lacks_is_named(local: Engine) -> None:
    with pytest.raises(StoreError, match="10 units x 3 workers x 3 repeats"):
        capability.study_of(local, "s1")
    measured(local, leave_out=2)
    with pytest.raises(StoreError, match="XY000009 w3 2 x"):
        capability.study_of(local, "s1")
    ran(local, unit(local, 0), [optics(1.0)], kind="gauge", stage="pcba")
    with pytest.raises(StoreError, match="final, pcba"):
        capability.study_of(local, "s1")
    with pytest.raises(StoreError, match="1 units and 1 workers"):
        capability.study_of(local, "s1", stage="pcba")


def test_slots_must_not_hide_behind_units(local: Engine) -> None:
    """A unit that never left its slot carries what is the slot's own."""
    measured(local, turns=False)
    with pytest.raises(StoreError, match="let the units change slots"):
        capability.study_of(local, "s1")
    with pytest.raises(StoreError, match="5 units"):
        capability.study_of(local, "s1", slot="1-1")


def test_judging_runs_are_no_production(local: Engine) -> None:
    serial = unit(local, 0)
    ran(local, serial, [], kind="golden", outcome="failed", phase="optics")
    ran(local, serial, [], kind="gauge")
    assert query.yields(local) == ([], [])
    assert query.past(local, serial) == [], "nor do they lead it on, or hold it back"
    assert station.kind_of(local, serial, "final") == "first"
    ran(local, serial, [])
    assert query.yields(local)[0][0]["units"] == 1
    assert station.kind_of(local, serial, "final") == "retest"
    ran(local, serial, [], stage="rack")
    ran(local, serial, [], stage="scrap", kind="scrap", outcome="failed")
    assert len(query.yields(local)[0]) == 1, "notes on a unit are no tests"


# --------------------------------------------------------------------- golden and known-bad units


@pytest.fixture
def judged(local: Engine) -> Engine:
    golden, bad = unit(local, 0), unit(local, 1)
    certified = {("optics", "red"): (1.0, 0.1)}
    station.designate(local, Reference(golden, GOLDEN, "final", "", certified), "s1", "chief")
    station.designate(local, Reference(bad, KNOWN_BAD, "final", "crosstalk"), "s1", "chief")
    return local


NOON = datetime.datetime(2026, 11, 27, 12, tzinfo=datetime.UTC)


def golden(local: Engine, slot: str, value: float | None, hour: float, **more) -> None:
    at = NOON + datetime.timedelta(hours=hour)
    ran(local, "XY000000", [optics(value)], kind=GOLDEN, slot=slot, at=at, **more)


def bad(local: Engine, slot: str, hour: float, phase: str = "crosstalk") -> None:
    outcome = "failed" if phase else "passed"
    at = NOON + datetime.timedelta(hours=hour)
    ran(local, "XY000001", [], kind=KNOWN_BAD, slot=slot, outcome=outcome, phase=phase, at=at)


def locks(local: Engine, hour: float = 0.0, shift_h: float = 8.0) -> dict[str, str]:
    at = NOON + datetime.timedelta(hours=hour)
    return capability.locked(local, "s1", "final", SLOTS, shift_h, at)


def test_a_slot_is_locked_until_it_tells_good_from_bad(judged: Engine) -> None:
    assert all("XY000000 in this slot" in said for said in locks(judged).values())
    golden(judged, "1-1", 1.05, -1)
    assert "known-bad" in locks(judged)["1-1"] and "XY000001" in locks(judged)["1-1"]
    bad(judged, "1-1", -0.9)
    assert list(locks(judged)) == ["1-2"]
    assert locks(judged, hour=6.9).keys() == {"1-2"}
    assert "last 8 h" in locks(judged, hour=7.05)["1-1"], "the shift is over"
    assert locks(judged, hour=7.05, shift_h=12).keys() == {"1-2"}
    assert capability.locked(judged, "s2", "final", ["1-1"], at=NOON), "another station"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda s: golden(s, "1-1", 1.11, 0), "reads 1.11 for optics.red, certified 1 within 0.1"),
        (lambda s: golden(s, "1-1", None, 0), "was not measured for optics.red"),
        (lambda s: golden(s, "1-1", 1.0, 0, outcome="failed", phase="dark"), "failed in dark"),
        (lambda s: golden(s, "1-1", 1.0, 0, outcome="error"), "failed in error"),
        (lambda s: bad(s, "1-1", 0, phase=""), "XY000001 passed"),
        (lambda s: bad(s, "1-1", 0, phase="dark"), "must fail in crosstalk and failed in dark"),
    ],
)
def test_a_slot_that_went_wrong_is_locked_at_once(judged: Engine, what, said: str) -> None:
    golden(judged, "1-1", 1.05, -1)
    bad(judged, "1-1", -0.9)
    assert "1-1" not in locks(judged)
    what(judged)
    assert said in locks(judged, hour=0.1)["1-1"]
    assert "工程师" in locks(judged, hour=0.1)["1-1"], "in Chinese as well"
    golden(judged, "1-1", 0.95, 0.2)
    bad(judged, "1-1", 0.2)
    assert "1-1" not in locks(judged, hour=0.3), "a good test opens it again"


def test_without_reference_units_every_slot_is_locked(local: Engine) -> None:
    assert all("no golden unit" in said for said in locks(local).values())
    station.designate(local, Reference(unit(local, 0), GOLDEN, "final"), "s1", "chief")
    golden(local, "1-1", 1.0, -1)
    assert "no known-bad unit" in locks(local)["1-1"]


def test_a_unit_is_named_anew_or_withdrawn(judged: Engine) -> None:
    certified = {("optics", "red"): (2.0, 0.1)}
    again = Reference("XY000000", GOLDEN, "final", "", certified)
    station.designate(judged, again, "s1", "chief")
    assert capability.references(judged, "final")[0].certified == certified
    station.designate(judged, Reference("XY000000", WITHDRAWN, "final"), "s1", "chief")
    assert [found.kind for found in capability.references(judged, "final")] == [KNOWN_BAD]
    assert capability.kind_of(judged, "XY000001", "final") == KNOWN_BAD
    assert capability.kind_of(judged, "XY000001", "pcba") == "first"
    assert capability.kind_of(judged, "XY000000", "final") == "first"
    assert capability.kind_of(judged, "XY000000", "final", studying=True) == "gauge"
    for wrong in (
        Reference("XY000001", KNOWN_BAD, "final"),
        Reference("XY000001", GOLDEN, "final", "crosstalk"),
        Reference("XY999999", GOLDEN, "final"),
    ):
        with pytest.raises(StoreError):
            station.designate(judged, wrong, "s1", "chief")


def test_what_a_drifted_slot_passed_is_doubtful(judged: Engine) -> None:
    golden(judged, "1-1", 1.0, -3)
    bad(judged, "1-1", -2.9)
    for number, hour in ((5, -3.5), (6, -2), (7, -1)):
        at = NOON + datetime.timedelta(hours=hour)
        ran(judged, unit(judged, number), [optics(1.0)], at=at)
    ran(judged, unit(judged, 8), [], slot="1-2", at=NOON)

    def doubtful() -> list[str]:
        since = NOON - datetime.timedelta(hours=5)
        return capability.doubtful(judged, "s1", "final", "1-1", since)

    assert doubtful() == []
    golden(judged, "1-1", 1.5, -0.5)
    serials = [unit(judged, number) for number in (6, 7)]
    assert doubtful() == serials
    golden(judged, "1-1", 1.0, -0.1)
    assert doubtful() == serials, "cleaning the slot makes the units no better"
    ran(judged, serials[0], [optics(1.0)], kind="retest", at=NOON)
    assert doubtful() == serials[1:]


# ------------------------------------------------------------------------- pilot units, the plant


def test_limits_from_a_pilot_lot(local: Engine) -> None:
    values = np.random.default_rng(1).normal(1.0, 0.1, 60)
    for number, value in enumerate(values):
        pilot = unit(local, number, lot="PILOT")
        ran(
            local, pilot, [optics(value), noise(1.0)], outcome="failed" if number < 3 else "passed"
        )
        ran(local, pilot, [optics(9.0)], kind="retest")
    rms, red = capability.propose(local, "PILOT")
    assert red.proposal is not None and red.proposal.n == 60
    assert red.proposal.low == pytest.approx(1 - 4.1 * 0.1, abs=0.1)
    assert red.proposal.high == pytest.approx(1 + 4.1 * 0.1, abs=0.1)
    assert rms.proposal is None and "the same" in rms.reason
    with pytest.raises(StoreError, match="Lot L9"):
        capability.propose(local, "L9")


def test_all_of_it_reaches_the_plant(judged: Engine) -> None:
    measured(judged)
    capability.keep_study(judged, capability.study_of(judged, "s1"))
    golden(judged, "1-1", 1.05, -1)
    with postgres.server() as url:
        plant = connect.prepare_plant(url)
        for _ in range(2):
            assert push.push(judged, plant).held == {}
        with judged.connect() as connection:
            assert connection.scalar(select(func.count()).select_from(Outbox)) == 0
        for name, table in Base.metadata.tables.items():
            if name in ("outbox", "serial_block"):
                continue
            with judged.connect() as here, plant.connect() as there:
                mine, theirs = (
                    sorted(map(str, c.execute(select(table)).all())) for c in (here, there)
                )
            assert mine == theirs, name
        assert capability.gauges(plant) == capability.gauges(judged)
        assert capability.references(plant, "final") == capability.references(judged, "final")
        assert locks(plant) == locks(judged)
        since = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        found = capability.study_of(plant, "s1", since=since)
        assert found == capability.study_of(judged, "s1", since=since)
        plant.dispose()
