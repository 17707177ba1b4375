"""The station without a chip: what is declared, verdicts, route, records, the jig's line."""

import datetime
import json
import re
import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from device import Device, Finger
from hypothesis import given
from hypothesis import strategies as st
from test_console import Cable
from typer.testing import CliRunner

from host_tools import flash
from host_tools.cli import app
from host_tools.console import Console, ConsoleError
from host_tools.sentences import SENTENCES, say
from host_tools.station import declared, jig, line, phases, record, route, runner, view, virtual
from host_tools.station.declared import Measurement, Phase
from host_tools.station.dut import Light, Lost, Pulled, clock_share
from host_tools.station.jig import Hands, JigError, JigLine
from host_tools.station.route import Past
from host_tools.station.runner import Fault
from sim.board import Board
from sim.door import buzzer, registers

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: run `make setup-all`")

from sqlalchemy.exc import OperationalError

from host_tools.capability.reference import Reference
from host_tools.store import connect, push, query, station

REPO = Path(__file__).parent.parent
DAY = datetime.datetime(2026, 11, 20, 8, tzinfo=datetime.UTC)
MAC = "246f28000001"  # of unit 1
STAGES = {name: found for name, found in declared.stages().items() if name != "pcba"}
EVERY = [(stage, phase) for stage, found in declared.stages().items() for phase in found]


# What is declared.


def test_the_stages_are_those_of_the_route() -> None:
    assert tuple(declared.stages()) == declared.STAGES


@pytest.mark.parametrize(("stage", "phase"), EVERY, ids=lambda each: getattr(each, "name", each))
def test_every_phase_is_whole(stage: str, phase: Phase) -> None:
    assert phase.sentence in SENTENCES
    assert hasattr(phases, phase.name) or phase.name in ("flash", "aged", "label")
    for each in phase.measurements:
        assert each.source and isinstance(each.provisional, bool)
        assert each.low is not None or each.high is not None
        assert each.low is None or each.high is None or each.low <= each.high
        said = say(each.do, name="a.b", value="7", unit=each.unit, low="1", high="2")
        chinese, english = said.split(" / ", 1)
        assert re.search("[\u4e00-\u9fff]", chinese) and "a.b = 7" in english
    targets = yaml.safe_load((REPO / "hardware" / "jig.yaml").read_text())["targets"]
    assert phase.target in ("", *targets)


def test_the_rails_are_those_of_the_jig() -> None:
    pads = yaml.safe_load((REPO / "hardware" / "jig.yaml").read_text())["pads"]
    limits = {each.name: each for _, phase in EVERY for each in phase.measurements}
    for pad, name in (("TP3", "rail_3v3"), ("TP4", "rail_1v8")):
        told = re.search(r"([\d.]+) to ([\d.]+) V", pads[pad]["does"])
        assert told
        found = limits[name].low, limits[name].high
        assert found == (1000 * float(told[1]), 1000 * float(told[2]))


def test_the_tone_is_the_firmwares() -> None:
    ((tone,),) = [phase.measurements for _, phase in EVERY if phase.name == "sound"]
    assert tone.holds(10 * buzzer.FINGER[0]) and not tone.holds(10 * buzzer.SETTLED[2])


def test_a_row_is_what_shares_a_slide() -> None:
    slots = yaml.safe_load((REPO / "hardware" / "jig.yaml").read_text())["slots"]
    assert slots["columns"] == jig.COLUMNS


def test_the_shutter_is_that_of_the_jig_and_of_its_model() -> None:
    from sim.factory import target

    written = yaml.safe_load((REPO / "hardware" / "jig.yaml").read_text())["targets"]
    assert f"{phases._MODULATION_HZ:g} Hz" in written["modulated"]["made_of"]
    assert phases._MODULATION_HZ == target.MODULATION_HZ


@pytest.mark.parametrize("fault", ["", "wrong_id", "nack", "log", "display"])
def test_the_self_test_at_home_says_the_same(fault: str, tmp_path: Path) -> None:
    """Its parts are measurements of the factory by the same names, and so is its verdict."""
    finger = Finger()
    device = Device(finger, Board(finger, data_dir=tmp_path))
    device.run(3000)
    if fault == "display":
        device.board.display.faults.add("nack")
    elif fault == "log":
        device.app.log.damaged = True
    elif fault:
        device.board.sensor.faults.add(fault)
    console = Console(Cable(device), timeout_s=0.3)
    told = console.self_test()
    mine = {each.self_test: each for _, phase in EVERY for each in phase.measurements}
    # The verdict over all, what stands behind `part`, and a figure of the program's own.
    assert set(told) - {"result", "sensor", "free_bytes"} <= set(mine)
    found: dict[str, float | None] = {}
    dut: Any = SimpleNamespace(fields=console.fields)
    phases.sensor(dut, found.__setitem__)
    passed = all(mine[name].holds(value) for name, value in found.items())
    assert passed == (told["result"] == "pass") or fault == "log", "a log may heal at home"
    assert passed == (not fault)
    assert mine["part"].low == mine["part"].high == registers.PART_ID


# Verdicts.

LIMITS = Measurement("light", "counts", 10, 20, True, "do_optics", "a test")


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        (10, True),
        (20, True),
        (9.999, False),
        (20.001, False),
        (None, False),
        (float("nan"), False),
    ],
)
def test_limits(value: float | None, holds: bool) -> None:
    assert LIMITS.holds(value) is holds


class Slot:
    """A unit in a slot of a jig that moves what it is told to."""

    def __init__(self, slot: str) -> None:
        self.slot = slot
        self.serial = f"XY{slot}"
        self.mac = f"246f2800000{slot}"
        self.here = True
        self.hung_up = False
        self.targets: list[str] = []
        self.doubt = ""
        self.jig = SimpleNamespace(
            target=lambda slots, name: self.targets.append(name), doubt=lambda slot: self.doubt
        )

    def is_there(self) -> bool:
        return self.here

    def hang_up(self) -> None:
        self.hung_up = True


def went(
    units: dict[str, Any], *asked: Phase, functions: dict[str, Any]
) -> tuple[dict[str, runner.Tested], list[str], list[view.SlotView]]:
    """Through these phases: results, in which order they left, and what was told."""
    tests: Any = {
        slot: (dut, runner.Tested(slot, "final", dut.serial)) for slot, dut in units.items()
    }
    left: list[str] = []
    seen: list[view.SlotView] = []
    runner.run_stage(
        "final", asked, tests, seen.append, lambda t: left.append(t.slot), {}, functions
    )
    return {slot: result for slot, (_, result) in tests.items()}, left, seen


def phase(name: str, *names: str, **more: Any) -> Phase:
    measurements = tuple(
        Measurement(each, "counts", 10, 20, True, "do_optics", "a test") for each in names
    )
    return Phase(name, measurements, **more)


def test_one_bad_unit_never_disturbs_the_others() -> None:
    units = {n: Slot(n) for n in "123"}
    values = {"1": 15.0, "2": 25.0, "3": None}
    functions = {
        "optics": lambda dut, measure: measure("light", values[dut.slot]),
        "noise": lambda dut, measure: measure("dark", 12),
    }
    asked = phase("optics", "light", target="grey"), phase("noise", "dark")
    results, left, seen = went(units, *asked, functions=functions)
    assert [results[n].outcome for n in "123"] == ["passed", "failed", "failed"]
    assert left[:2] == ["2", "3"] and left[2] == "1", (
        "a failure is told before the others are done"
    )
    assert [each.name for each in results["2"].values] == ["light"], "it ended there"
    assert "25" in results["2"].sentence and "10" in results["2"].sentence
    assert results["3"].values[0].value is None and not results["3"].values[0].passed
    assert units["1"].targets == ["grey"] and units["2"].hung_up
    testing = [(each.slot, each.phase, each.done, each.of) for each in seen]
    assert ("1", "phase_noise", 1, 2) in testing and ("2", "phase_noise", 1, 2) not in testing


def test_a_phase_may_go_on() -> None:
    functions = {
        "optics": lambda dut, measure: measure("light", 1),
        "noise": lambda dut, measure: measure("dark", 1),
    }
    asked = phase("optics", "light", go_on=True), phase("noise", "dark")
    results, _, _ = went({"1": Slot("1")}, *asked, functions=functions)
    assert [each.phase for each in results["1"].values] == ["optics", "noise"]
    assert (results["1"].outcome, results["1"].phase) == ("failed", "optics"), "the first counts"


def raising(error: BaseException) -> Any:
    def function(*_: Any) -> None:
        raise error

    return function


@pytest.mark.parametrize(
    ("function", "outcome", "cause"),
    [
        (raising(Pulled()), "aborted", "unit_pulled"),
        (raising(JigError("stuck")), "error", "jig"),
        (raising(Lost()), "error", "samples_lost"),
        (raising(ConsoleError("silent", "no answer")), "failed", "unit_silent"),
        (raising(ZeroDivisionError()), "error", "unexpected"),
        (raising(Fault("refused", "route_scrapped")), "refused", "route_scrapped"),
        (lambda dut, measure: measure("other", 1), "error", "unexpected"),
        (lambda dut, measure: None, "error", "unexpected"),
        (lambda dut, measure: [measure("light", 15) for _ in range(2)], "error", "unexpected"),
        (lambda dut, measure: measure("light", float("nan")), "failed", "do_optics"),
    ],
)
def test_whose_fault_it_is(function: Any, outcome: str, cause: str) -> None:
    asked = phase("optics", "light")
    results, _, _ = went({"1": Slot("1")}, asked, functions={"optics": function})
    assert (results["1"].outcome, results["1"].cause) == (outcome, cause)
    assert results["1"].sentence and results["1"].phase == "optics"


@pytest.mark.parametrize(
    "error", [ConsoleError("silent", "x"), JigError("x"), KeyError("x"), None]
)
def test_a_unit_that_is_gone_has_not_failed(error: Exception | None) -> None:
    def function(dut: Any, measure: Any) -> None:
        dut.here = False
        measure("light", 0)
        if error:
            raise error

    results, _, _ = went(
        {"1": Slot("1")}, phase("optics", "light"), functions={"optics": function}
    )
    assert (results["1"].outcome, results["1"].cause) == ("aborted", "unit_pulled")


def test_what_is_measured_under_an_open_lid_proves_nothing() -> None:
    dut = Slot("1")
    dut.doubt = "the lid is open"
    functions = {"optics": lambda dut, measure: measure("light", 1)}
    results, _, _ = went({"1": dut}, phase("optics", "light"), functions=functions)
    assert (results["1"].outcome, results["1"].cause) == ("error", "jig")
    assert "the lid is open" in results["1"].sentence
    functions = {"optics": lambda dut, measure: measure("light", 15)}
    results, _, _ = went({"1": dut}, phase("optics", "light"), functions=functions)
    assert results["1"].outcome == "passed", "it speaks for the unit all the more"


def test_a_jig_that_sticks_is_no_ones_failure() -> None:
    def stuck(slots: Any, name: str) -> None:
        raise JigError("the slide is stuck")

    dut = Slot("1")
    dut.jig = SimpleNamespace(target=stuck)
    asked = phase("optics", "light", target="grey")
    results, left, _ = went({"1": dut}, asked, functions={})
    assert (results["1"].outcome, results["1"].cause) == ("error", "jig") and left == ["1"]


# What phases compute, against signals that are known.


@pytest.mark.parametrize(("rate_hz", "turns", "ratio"), [(100.0, 0.0, 0.6), (97.7, 1.9, 1.2)])
def test_a_known_ratio_is_found(rate_hz: float, turns: float, ratio: float) -> None:
    t_s = np.arange(int(2.2 * rate_hz)) / rate_hz
    chance = np.random.default_rng(1)
    wave = np.sin(2 * np.pi * 1.2 * t_s + turns)

    def channel(size: float, drift: float) -> np.ndarray:
        return (
            np.exp(size * wave + drift * t_s) * 9e4 * (1 + 6e-5 * chance.standard_normal(t_s.size))
        )

    red, ir = (np.log(channel(size, 0.002)) for size in (0.01 * ratio, 0.01))
    (red_sine, red_cosine), (ir_sine, ir_cosine) = (phases._wave(x, rate_hz) for x in (red, ir))
    found = (red_sine * ir_sine + red_cosine * ir_cosine) / (ir_sine**2 + ir_cosine**2)
    assert found == pytest.approx(ratio, rel=0.004)
    assert np.hypot(ir_sine, ir_cosine) == pytest.approx(0.01, rel=0.004)


def test_noise_is_no_slow_change() -> None:
    t_s = np.arange(400) / 100
    noise = np.random.default_rng(2).standard_normal(400)
    slow = 1e5 * (1 + 0.01 * np.sin(2 * np.pi * 1.2 * t_s) + 0.02 * t_s)
    assert phases._noise_ppm(slow + 10 * noise) == pytest.approx(10 / 1.04e5 * 1e6, rel=0.15)
    assert phases._noise_ppm(np.zeros(9)) is None


@pytest.mark.parametrize("share", [0.97, 1.0, 1.03])
def test_a_clock_is_measured_in_spite_of_a_busy_host(share: float) -> None:
    """Messages every 40 ms, most of them held up, some of them for long."""
    chance = np.random.default_rng(3)
    ours_s = np.arange(40) * 0.04
    came_s = ours_s + chance.exponential(0.03, 40) + 0.5 * (chance.random(40) < 0.1)
    heard = list(zip(ours_s * share, came_s, strict=True))
    assert clock_share(heard) == pytest.approx(share, abs=0.01)
    assert clock_share(heard[:7]) is None


def test_without_samples_everything_is_unmeasured() -> None:
    dut: Any = SimpleNamespace(
        light=lambda *_: None, kept={}, slot="1", hold=lambda *_: None, clock_share=lambda: None,
        jig=SimpleNamespace(tone_hz=lambda slot: 0),
    )  # fmt: skip
    for name in ("dark", "leds", "crosstalk", "optics", "clock", "noise", "ambient", "infrared"):
        found: dict[str, float | None] = {}
        getattr(phases, name)(dut, found.__setitem__)
        names = {
            each.name for _, phase in EVERY if phase.name == name for each in phase.measurements
        }
        assert set(found) == names and not any(found.values()), name


def test_crosstalk_is_taken_off_what_the_targets_return() -> None:
    def light(red: float, ir: float) -> Light:
        return Light(np.full(9, red), np.full(9, ir), 7.0, 7.0, 100.0, 0, 0)

    lights = [light(2100, 2800), light(72_100, 142_800), light(5600, 128_800)]
    dut: Any = SimpleNamespace(
        light=lambda *_: lights.pop(0), kept={}, slot="1",
        jig=SimpleNamespace(tone_hz=lambda slot: 0),
    )  # fmt: skip
    found: dict[str, float | None] = {}
    for name in ("crosstalk", "optics", "infrared"):
        getattr(phases, name)(
            dut, lambda key, value, name=name: found.update({f"{name}.{key}": value})
        )
    assert found == pytest.approx(
        {
            "crosstalk.red": 300, "crosstalk.ir": 400,
            "optics.red_return": 10_000, "optics.ir_return": 20_000,
            "infrared.red_taken": 95, "infrared.ir_taken": 10,
        }
    )  # fmt: skip


# The route.


def past(*told: str) -> list[Past]:
    """ "pcba+" passed, "pcba-" failed, "pcba!" aborted; "rework", "scrap"; ageing lasts 5 h."""
    outcomes = {"+": "passed", "-": "failed", "!": "aborted"}
    runs = []
    for n, each in enumerate(told):
        at = DAY + datetime.timedelta(hours=n)
        if each in ("rework", "scrap"):
            runs.append(Past(each, each, "passed", at, 0))
        else:
            seconds = 5 * 3600.0 if each.startswith("ageing") else 20.0
            runs.append(Past(each[:-1], "first", outcomes[each[-1]], at, seconds))
    return runs


@pytest.mark.parametrize(
    ("told", "stage", "key"),
    [
        ("", "pcba", None),
        ("", "final", "route_skipped"),
        ("pcba+", "pcba", "route_passed"),
        ("pcba+", "final", "route_skipped"),
        ("pcba-", "pcba", None),
        ("pcba- pcba-", "pcba", "route_exhausted"),
        ("pcba- pcba! pcba!", "pcba", None),
        ("pcba- pcba+ rack+ ageing+", "final", None),
        ("pcba- rack+ ageing+", "final", "route_failed"),
        ("pcba+ rack+", "final", "route_skipped"),
        ("pcba+ rack+ ageing-", "final", "route_failed"),
        ("pcba+ rack+ ageing- ageing+", "final", None),
        ("pcba+ rack+ ageing+", "pack", "route_skipped"),
        ("pcba+ rack+ ageing+ final+", "pack", None),
        ("pcba+ rack+ ageing+ final- final+", "pack", None),
        ("pcba+ rack+ ageing+ final+ pcba-", "pack", "route_failed"),
        ("pcba+ rack+ ageing+ final+ pack+", "pack", "route_passed"),
        ("pcba+ rack+ ageing+ final- final- rework", "final", "route_skipped"),
        ("pcba+ rack+ ageing+ final- final- rework", "pcba", None),
        ("pcba- pcba- rework pcba-", "pcba", None),
        ("pcba+ rack+ ageing+ final- scrap", "final", "route_scrapped"),
        ("pcba- scrap rework", "pcba", "route_scrapped"),
    ],
)
def test_the_route(told: str, stage: str, key: str | None) -> None:
    found = route.refusal(past(*told.split()), stage)
    assert (found and found[0]) == key
    if found:
        assert say(found[0], **found[1])


def test_a_unit_must_have_aged_long_enough() -> None:
    runs = past("pcba+", "rack+", "ageing+")
    runs[-1] = Past("ageing", "first", "passed", DAY, 3.9 * 3600)  # by an older limit
    found = route.refusal(runs, "final")
    assert found and found[0] == "route_young" and "3.9" in say(found[0], **found[1])


WORDS = [f"{stage}{sign}" for stage in ("pcba", "ageing", "final", "pack") for sign in "+-!"]


@given(st.lists(st.sampled_from([*WORDS, "rework", "scrap"]), max_size=12))
def test_whoever_may_enter_has_passed_all_before(told: list[str]) -> None:
    for n, stage in enumerate(declared.STAGES):
        if route.refusal(past(*told), stage) is None:
            assert "scrap" not in told
            text = " ".join(told).rpartition("rework")[2].split()
            for before in declared.STAGES[:n]:
                assert [each[-1] for each in text if each[:-1] == before][-1] == "+"


# Records away from the jig.

WHO = record.Who("s1", "Li", "0.1.0")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    found = connect.opened(tmp_path / "s1.sqlite")
    station.reserve(found, found, "s1", "XY", 6)
    yield found
    found.dispose()


def unit(store: Any, number: int = 1) -> str:
    return station.take(store, "s1", "L1", "1.2", 20261127, f"246f2800000{number}").serial


def run(store: Any, serial: str, stage: str, outcome: str = "passed", at=DAY) -> None:
    station.record(
        store, [], serial=serial, stage=stage, kind=station.kind_of(store, serial, stage),
        outcome=outcome, phase="", cause="", station="s1", slot="1", worker="", version="", at=at,
        seconds=1.0,
    )  # fmt: skip


def hours(count: float) -> datetime.datetime:
    return DAY + datetime.timedelta(hours=count)


def test_ageing_is_from_the_rack_to_its_end(store: Any) -> None:
    serial = unit(store)
    with pytest.raises(record.RecordError, match="pcba must come first"):
        record.onto_rack(store, serial, WHO, hours(0))
    run(store, serial, "pcba")
    with pytest.raises(record.RecordError, match="not put on the rack"):
        record.off_rack(store, serial, WHO, hours(5))
    record.onto_rack(store, serial, WHO, hours(1))
    assert record.off_rack(store, serial, WHO, hours(3)) == (2.0, False)
    refused = route.refusal(query.past(store, serial), "final")
    assert refused and refused[0] == "route_failed"
    assert record.off_rack(store, serial, WHO, hours(5)) == (4.0, True), "the limit itself passes"
    assert route.refusal(query.past(store, serial), "final") is None
    told = query.trace(store, serial)["runs"][-1]
    assert (told["at"], told["seconds"]) == (hours(1), 4 * 3600)
    assert [(v["phase"], v["name"], v["value"]) for v in told["values"]] == [
        ("aged", "hours", 4.0)
    ]


def test_rework_and_scrap(store: Any) -> None:
    serial = unit(store)
    for _ in range(2):
        run(store, serial, "pcba", "failed")
    assert route.refusal(query.past(store, serial), "pcba")
    record.rework(store, serial, "sensor replaced", WHO, hours(1))
    assert route.refusal(query.past(store, serial), "pcba") is None
    record.scrap(store, serial, "fell down", WHO, hours(2))
    for act in (record.rework, record.scrap):
        with pytest.raises(record.RecordError, match="scrapped"):
            act(store, serial, "again", WHO, hours(3))
    kinds = [(r["kind"], r["cause"]) for r in query.trace(store, serial)["runs"]]
    assert kinds[-2:] == [("rework", "sensor replaced"), ("scrap", "fell down")]


def test_at_the_bench_each_unit_is_told_in_both_languages(store: Any, tmp_path: Path) -> None:
    aged, unknown, failed = unit(store), "XY000099", "XY000098"
    run(store, aged, "pcba")

    def bench(*asked: str) -> Any:
        command = ["station", "--station", "s1", "--store", str(store.url.database), *asked]
        return CliRunner().invoke(app, command)

    begun = bench("--begin", unknown, "--begin", aged, "--begin", failed)
    assert begun.exit_code == 4, "one that is not known holds up no other"
    assert f"{aged}: on the rack" in begun.stdout and unknown in begun.stderr
    ended = bench("--end", aged)
    assert ended.exit_code == 1 and "put it back on the rack" in ended.stderr
    assert bench("--rework", aged).exit_code == 2
    scrapped = bench("--scrap", aged, "--because", "fell", "--json")
    told = json.loads(scrapped.stdout)
    assert (told["serial"], told["ok"], scrapped.exit_code) == (aged, True, 0)
    again = bench("--begin", aged)
    assert again.exit_code == 1 and "keep it apart" in again.stderr
    for text in (begun.stdout, ended.stderr, told["sentence"], again.stderr):
        assert re.search("[\u4e00-\u9fff]", text) and " / " in text


# A line with units that are not there.


class Recognised(Slot):
    """What line.Dut is, for a unit that says who it is."""

    def __init__(self, slot: str, jig: Any) -> None:
        super().__init__(slot)
        self.jig = jig
        self.seat = jig.seats.get(slot, 0)
        self.kept: dict[str, Any] = {}

    def who(self) -> dict[str, str]:
        return {"uid": self.jig.macs[self.slot]}


@pytest.fixture
def labelled(store: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A line at the stage pack, whose printer and reader are told what to do."""
    monkeypatch.setattr(line, "Dut", Recognised)
    jig = SimpleNamespace(
        seats={}, macs={}, port=lambda slot: "", seat=lambda slot: 1, doubt=lambda slot: ""
    )
    read = {"as": ""}
    made = SimpleNamespace(rounds_read=[], between=lambda: None)
    seen: list[view.SlotView] = []

    def work(*slots: dict[str, int], **more: Any) -> line.Summary:
        """A round each, with units by number in slots."""
        rounds = list(slots)

        def ready(row: Any) -> bool:
            made.between()
            if not rounds:
                return False
            if made.rounds_read:
                read["as"] = made.rounds_read.pop(0)
            jig.seats = dict(rounds[0])
            jig.macs = {slot: f"246f2800000{n}" for slot, n in rounds.pop(0).items()}
            return True

        plan = line.Plan(
            "pack", more.pop("store", store), "s1", "Li", "0.1.0", jig, [["1", "2"]], ready,
            labelling=line.Labelling(
                None,
                lambda slot, pictures: None,
                lambda slot: read["as"] or serials[jig.macs[slot]],
            ),
            **more,
        )  # fmt: skip
        return line.run(plan, seen.append)

    serials = {}
    for n in range(1, 6):
        serial = serials[f"246f2800000{n}"] = unit(store, n)
        for at, stage in enumerate(("pcba", "ageing", "final")):
            run(store, serial, stage, at=hours(at))
    with store.begin() as connection:
        connection.exec_driver_sql("UPDATE run SET seconds = 18000 WHERE stage = 'ageing'")
    vars(made).update(jig=jig, work=work, read=read, seen=seen, store=store, serials=serials)
    return made


def outcomes(summary: line.Summary) -> list[tuple[str, str, str]]:
    return sorted((each.slot, each.outcome, each.cause) for each in summary.tested)


def test_a_unit_passes_when_it_is_recorded(labelled: Any) -> None:
    summary = labelled.work({"1": 1, "2": 2})
    assert outcomes(summary) == [("1", "passed", ""), ("2", "passed", "")]
    assert summary.exit_code() == 0
    told = query.trace(labelled.store, summary.tested[0].serial)["runs"][-1]
    assert (told["stage"], told["kind"], told["worker"]) == ("pack", "first", "Li")
    assert [value["name"] for value in told["values"]] == ["read_back"]
    assert labelled.seen[-1].state == "passed" and labelled.seen[-1].serial


def test_no_unit_stands_under_the_verdict_of_another(
    labelled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "_WATCH_S", 0.01)
    seats = {"1": 1, "2": 1}
    labelled.jig.seat = seats.get

    def states() -> list[str]:
        return [each.state for each in labelled.seen if each.slot == "1"]

    def until(state: str) -> None:
        for _ in range(500):
            if states()[-1] == state:
                return
            threading.Event().wait(0.01)
        pytest.fail(f"slot 1 shows {states()}, not {state}")

    def between() -> None:
        if "passed" not in states():
            return
        seats["1"] = 0
        threading.Event().wait(0.1)
        assert states()[-1] == "passed", "who has taken it out still reads what it was"
        for seats["1"], shown in ((2, "waiting"), (0, "empty"), (3, "waiting")):
            until(shown)

    labelled.between = between
    assert labelled.work({"1": 1, "2": 2}).exit_code() == 0


def test_who_was_judged_and_stays_in_is_not_tested_again(labelled: Any) -> None:
    seats = {"1": 1, "2": 1}
    labelled.jig.seat = seats.get
    labelled.between = lambda: seats.update({"2": seats["2"] + 1})
    summary = labelled.work({"1": 1, "2": 2}, {"1": 1, "2": 3}, knows_seats=True)
    assert sorted(each.slot for each in summary.tested) == ["1", "2", "2"]
    assert summary.exit_code() == 0, "1 has passed, and its neighbour was changed"


def test_a_record_that_cannot_be_kept_is_no_pass(labelled: Any) -> None:
    disk = virtual._Disk(labelled.store)
    disk.full = True
    other = labelled.serials["246f28000005"]
    with pytest.raises(OperationalError, match="full"):
        while True:  # until what is left of the last pages is used up
            run(labelled.store, other, "other")
    for _ in range(2):
        (told,) = labelled.work({"1": 1}).tested
        assert (told.outcome, told.cause) == ("error", "store") and "full" in told.sentence
        assert labelled.seen[-1].state == "ended"
    disk.full = False
    before = query.past(labelled.store, labelled.serials["246f28000001"])
    assert "pack" not in [each.stage for each in before]
    for key, _, _ in station.unsettled_labels(labelled.store):
        station.end_label(labelled.store, key, "spoilt")
    assert outcomes(labelled.work({"1": 1})) == [("1", "passed", "")]


def test_who_may_not_come_in(labelled: Any) -> None:
    assert outcomes(labelled.work({"1": 9})) == [("1", "refused", "route_unknown")]
    twice = labelled.work({"1": 1, "2": 1})
    assert outcomes(twice) == [("1", "passed", ""), ("2", "refused", "route_elsewhere")]
    assert outcomes(labelled.work({"1": 1})) == [("1", "refused", "route_passed")]
    assert labelled.work().exit_code() == 3
    runs = query.past(labelled.store, labelled.serials["246f28000001"])
    assert [each.stage for each in runs].count("pack") == 1, "who was refused was not tested"


def test_what_other_stations_have_recorded_counts(labelled: Any, tmp_path: Path) -> None:
    """Three stations and a plant: the one at the end knows the units by the plant alone, and goes
    on by what it knows when that is away."""
    plant = connect.opened(tmp_path / "plant.sqlite")
    here = connect.opened(tmp_path / "s3.sqlite")
    assert outcomes(labelled.work({"1": 1}, store=here)) == [("1", "refused", "route_unknown")]
    push.push(labelled.store, plant)
    there = {"store": here, "plant": plant}
    assert outcomes(labelled.work({"1": 1}, **there)) == [("1", "passed", "")]
    assert outcomes(labelled.work({"1": 1}, **there)) == [("1", "refused", "route_passed")]
    with here.connect() as connection:
        kinds = sorted(connection.exec_driver_sql("SELECT kind FROM outbox").scalars())
    assert kinds == ["label", "label_outcome", "run"], "what the plant has stays where it is"
    push.push(here, plant)
    serial = labelled.serials["246f28000001"]
    runs = [each.stage for each in query.past(plant, serial)]
    assert runs == ["pcba", "ageing", "final", "pack"]
    record.rework(labelled.store, serial, "window", WHO, datetime.datetime.now(datetime.UTC))
    push.push(labelled.store, plant)
    assert outcomes(labelled.work({"1": 1}, **there)) == [("1", "refused", "route_skipped")]
    away = connect.engine("postgresql://line@/plant?host=" + str(tmp_path))
    assert outcomes(labelled.work({"1": 2}, store=here, plant=away)) == [
        ("1", "refused", "route_unknown")
    ]
    plant.dispose()
    here.dispose()


def test_a_silent_unit_fails_where_it_may_be(labelled: Any, monkeypatch) -> None:
    """Its flash still says who it is, so that it does not vanish from the yield."""
    monkeypatch.setattr(Recognised, "who", raising(ConsoleError("silent", "")))
    found = {"mac": "24:6f:28:00:00:01"}
    monkeypatch.setattr(
        line.flash, "look", lambda slot: line.flash.Found(found["mac"], None, None, bool)
    )
    labelled.jig.port = lambda slot: "/dev/null"
    assert outcomes(labelled.work({"1": 1})) == [("1", "failed", "unit_silent")]
    past = query.past(labelled.store, labelled.serials["246f28000001"])
    assert (past[-1].stage, past[-1].outcome) == ("pack", "failed")
    run(labelled.store, labelled.serials["246f28000002"], "final", "failed", at=hours(9))
    found["mac"] = "24:6f:28:00:00:02"
    assert outcomes(labelled.work({"1": 2})) == [("1", "refused", "route_failed")]
    found["mac"] = "24:6f:28:00:00:09"
    assert outcomes(labelled.work({"1": 9})) == [("1", "failed", "unit_silent")], "it is nobody"


def test_who_is_flashed(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A blank chip gets a serial, a known one keeps its own, and who is known elsewhere is left
    alone; so is who has passed."""
    mac = {"1": "24:6f:28:00:00:01", "2": "24:6f:28:00:00:02"}
    on_it: dict[str, str] = {}

    def flashed(plan, slots, identity_of, ask, progress) -> list[flash.Outcome]:
        told = []
        for slot in slots:
            outcome = flash.Outcome(
                slot.name, slot.port, "passed", mac=mac[slot.name], baud=921600
            )
            who = on_it.get(slot.name)
            if who and not ask(slot, SimpleNamespace(serial=who)):
                outcome.state, outcome.cause, outcome.sentence = "failed", "has_identity", "left"
            else:
                try:
                    on_it[slot.name] = identity_of(outcome.mac).serial
                except flash.Refused:
                    outcome.state, outcome.cause = "failed", "refused"
            told.append(outcome)
        return told

    baud = Measurement("baud", "Bd", 115200, 921600, False, "do_cable", "a test")
    monkeypatch.setattr(line.flash, "flash", flashed)
    monkeypatch.setattr(line, "Dut", Recognised)
    monkeypatch.setattr(declared, "stages", lambda: {"pcba": (Phase("flash", (baud,)),), **STAGES})
    slots: Any = SimpleNamespace(
        seat=lambda slot: 1,
        seats={"1": 1, "2": 1},
        port=lambda slot: "/dev/null",
        doubt=lambda slot: "",
    )

    def work() -> list[tuple[str, str, str]]:
        rounds = [True, False]
        flashing = line.Flashing(SimpleNamespace(), "L1", "1.2", b"")  # type: ignore[arg-type]
        plan = line.Plan(
            "pcba", store, "s1", "Li", "", slots, [["1", "2"]], lambda row: rounds.pop(0),
            flashing=flashing,
        )  # fmt: skip
        return outcomes(line.run(plan, lambda view: None))

    on_it["2"] = "ZZ000001"
    assert work() == [("1", "passed", ""), ("2", "refused", "has_identity")]
    assert on_it == {"1": "XY000000", "2": "ZZ000001"}
    del on_it["2"]
    assert work() == [("1", "refused", "route_passed"), ("2", "passed", "")]
    assert query.past(store, "XY000000")[-1].kind == "first"
    record.rework(store, "XY000000", "x", WHO, datetime.datetime.now(datetime.UTC))
    mac["2"] = mac["1"]
    assert work() == [("1", "passed", ""), ("2", "refused", "route_elsewhere")]
    assert on_it["1"] == "XY000000" and query.past(store, "XY000000")[-1].kind == "retest"


def test_notes_are_no_tests(store: Any) -> None:
    serial = unit(store)
    run(store, serial, "pcba")
    record.onto_rack(store, serial, WHO, hours(1))
    record.off_rack(store, serial, WHO, hours(6))
    record.scrap(store, serial, "fell down", WHO, hours(7))
    stages, failures = query.yields(store)
    assert [row["stage"] for row in stages] == ["ageing", "pcba"] and not failures


def test_two_in_a_row_lock_a_slot(labelled: Any) -> None:
    labelled.read["as"] = "smudge"
    summary = labelled.work({"1": 1}, {"1": 1}, {"1": 2}, {"1": 3, "2": 4})
    assert [(each.slot, each.outcome) for each in summary.tested] == [
        ("1", "failed"), ("1", "failed"), ("1", "failed"), ("2", "failed"),
    ], "one unit alone locks nothing, a second one does"  # fmt: skip
    assert list(summary.locked) == ["1"]
    locked = [each for each in labelled.seen if each.state == "locked"]
    assert {each.slot for each in locked} == {"1"} and "1" in locked[0].sentence


def test_a_slot_that_is_locked_tests_nothing(labelled: Any) -> None:
    shut = {"1": "the golden unit has failed here"}
    summary = labelled.work({"1": 1, "2": 2}, locked=lambda row: shut)
    assert outcomes(summary) == [("2", "passed", "")]
    (locked,) = [each for each in labelled.seen if each.state == "locked"]
    assert locked.sentence == "the golden unit has failed here"
    assert "pack" not in [e.stage for e in query.past(labelled.store, labelled.serials[MAC])]


def test_a_golden_unit_goes_no_route_and_opens_a_slot(labelled: Any) -> None:
    serial = labelled.serials[MAC]
    for kind in ("golden", "known_bad"):
        phase = "label" if kind == "known_bad" else ""
        of = Reference(serial, kind, "pack", phase, {("label", "read_back"): (1.0, 0.0)})
        station.designate(labelled.store, of, "s1", "Li")
        for _ in range(2):
            shut = labelled.work({"1": 1}, locked=lambda row: {"1": "not judged yet"})
            assert outcomes(shut) == [("1", "passed", "")], "it must be tested just there"
        assert query.trace(labelled.store, serial)["runs"][-1]["kind"] == kind
    labelled.read["as"] = "smudge"
    (bad,) = labelled.work({"1": 1}).tested
    assert "not for repair" in bad.sentence and "不送修" in bad.sentence
    labelled.read["as"] = "smudge"
    assert list(labelled.work({"1": 2}, {"1": 3}).locked) == ["1"]
    golden = Reference(serial, "golden", "pack", "", {("label", "read_back"): (1.0, 0.0)})
    station.designate(labelled.store, golden, "s1", "Li")
    labelled.rounds_read = ["smudge", "smudge", ""]
    again = labelled.work({"1": 4}, {"1": 5}, {"1": 1})
    assert not again.locked, "the golden unit has opened it"


def test_a_unit_that_judges_slots_is_not_packed(labelled: Any) -> None:
    serial = labelled.serials[MAC]
    for kind, became in (("golden", "refused"), ("withdrawn", "passed")):
        station.designate(labelled.store, Reference(serial, kind, "final"), "s1", "Li")
        assert [each.outcome for each in labelled.work({"1": 1}).tested] == [became], kind


def test_a_gauge_study_tests_again_and_again(labelled: Any) -> None:
    for _ in range(3):
        assert outcomes(labelled.work({"1": 1}, studying=True)) == [("1", "passed", "")]
    assert query.trace(labelled.store, labelled.serials[MAC])["runs"][-1]["kind"] == "gauge"


def test_a_label_that_is_open_is_asked_for_first(labelled: Any) -> None:
    serial = labelled.serials["246f28000001"]
    station.begin_label(labelled.store, serial, serial, "s1", "Li")
    assert outcomes(labelled.work({"1": 1})) == [("1", "refused", "unsettled")]


def test_a_fault_of_ours_is_told(labelled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(line._Line, "_recognised", broken)
    with pytest.raises(RuntimeError, match="ours"):
        labelled.work({"1": 1})


# The jig.


def test_the_line_of_a_jig(tmp_path: Path) -> None:
    path = str(tmp_path / "jig")
    with pytest.raises(JigError, match="jig: no such file"):
        JigLine(path).slots()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        heard: list[bytes] = []

        def answer() -> None:
            connection, _ = listening.accept()
            with connection, connection.makefile("rwb") as file:
                for told in (b'{"ok": 3330.5}', b'{"error": "the slide is stuck"}', b"nonsense"):
                    heard.append(file.readline())
                    file.write(told + b"\n")
                    file.flush()

        thread = threading.Thread(target=answer)
        thread.start()
        jig = JigLine(path)
        assert jig.rail_mv("3", "+3V3") == 3330.5
        with pytest.raises(JigError, match="the slide is stuck"):
            jig.target(["3"], "grey")
        with pytest.raises(JigError, match=str(tmp_path / "jig")):
            jig.seat("3")
        thread.join()
    assert heard[0] == b'{"do": "rail_mv", "slot": "3", "net": "+3V3"}\n'


def test_hands_are_asked_in_both_languages(tmp_path: Path) -> None:
    asked: list[str] = []
    answers = {"hand_rail": "3312", "hand_current": "much"}

    def ask(key: str, **values: Any) -> str:
        asked.append(say(key, **values))
        return answers.get(key, "")

    port = tmp_path / "tty"
    jig = Hands({"a": str(port)}, ask)
    assert jig.port("a") == ""
    port.touch()
    assert jig.port("a") == str(port) and jig.seat("a") == 1
    assert jig.rail_mv("a", "+3V3") == 3312
    with pytest.raises(JigError, match="much"):
        jig.current_ua("a")
    for name in ("dark", "grey", "infrared", "modulated"):
        jig.target(["a"], name)
    jig.press("a", 250)
    jig.cable("a", False)
    assert len(asked) == 10 and all(" / " in each for each in asked)


# The command.


def command(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["station", *arguments])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--stage"),
        (["--stage", "final"], "--station"),
        (["--stage", "final", "--station", "s1"], "--jig"),
        (["--stage", "pcba", "--station", "s1", "--port", "x"], "BUNDLE"),
        (["--stage", "ageing", "--station", "s1"], "--begin"),
        (["--scrap", "XY000001", "--station", "s1"], "--because"),
        (["--scrap", "XY000001", "--because", "x"], "--station"),
    ],
)
def test_a_command_that_is_none(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XUEYANG_STORE", str(tmp_path / "s1.sqlite"))
    told = command(*arguments)
    assert (
        told.exit_code == 2 and says in told.output and re.search("[\u4e00-\u9fff]", told.output)
    )


def test_the_bench_by_command(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XUEYANG_STORE", str(tmp_path / "s1.sqlite"))
    serial = unit(store)
    assert "pcba must come first" in command("--begin", serial, "--station", "s1").output
    run(store, serial, "pcba")
    assert command("--begin", serial, "--station", "s1").exit_code == 0
    assert command("--end", serial, "--station", "s1").exit_code == 1, "it has not aged"
    told = command("--scrap", serial, "--because", "burnt", "--station", "s1")
    assert told.exit_code == 0, told.output
    assert command("--rework", serial, "--because", "x", "--station", "s1").exit_code == 1
    assert "No unit" in command("--begin", "XY000499", "--station", "s1").output


def test_a_jig_that_does_not_answer_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XUEYANG_STORE", str(tmp_path / "s1.sqlite"))
    told = command("--stage", "final", "--station", "s1", "--jig", str(tmp_path / "none"))
    assert told.exit_code == 1 and "does not answer" in told.output and "夹具" in told.output


def test_a_port_that_is_away_fails_no_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XUEYANG_STORE", str(tmp_path / "s1.sqlite"))
    port = str(tmp_path / "tty")
    for more in (["--once"], []):
        told = command("--stage", "final", "--station", "s1", "--port", port, *more)
        assert told.exit_code == 3 and not told.stdout, told.output
        assert ("没有连接" in told.stderr and "check the USB cable" in told.stderr) == bool(more)


def test_few_units_cannot_hold_all_faults() -> None:
    with pytest.raises(virtual.LineError, match="need 21 units"):
        virtual.seeded(20, True)
    for count in (21, 64):
        units = virtual.seeded(count, True)
        faults = {each.fault for each in units}
        assert {name for name, *_ in virtual._FAULTS} < faults
        assert {"same_mac", "late_mac", "early", "skips", "pulled", ""} < faults
        assert len({each.mac for each in units}) == count - 2
