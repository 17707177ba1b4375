"""The whole line in four virtual slots: real esptool, the firmware just flashed, every stage, and
every seeded fault found in its phase."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from host_tools.station import declared, virtual
from host_tools.station.jig import JigError, JigLine
from sim.factory import jig as virtual_jig
from sim.factory.unit import FAULTS
from sim.vm import setup

pytest.importorskip("esptool", reason="esptool is not installed: run `make setup-all`")
pytest.importorskip("zxingcpp", reason="zxing-cpp is not installed: run `make setup-all`")
pytestmark = pytest.mark.skipif(
    bool(setup.missing()) and not os.environ.get("CI"), reason=setup.missing() or "ready"
)

UNITS = 21  # the least that hold every fault


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(exit code, units as told, summary, folder, what stood on stderr)"""
    folder = tmp_path_factory.mktemp("line")
    xueyang = str(Path(sys.executable).with_name("xueyang"))
    command = [xueyang, "station", "--virtual", "4", "--units", str(UNITS), "--seed-faults"]
    done = subprocess.run(
        [*command, "--json", "--keep", str(folder / "kept")],
        capture_output=True,
        text=True,
        env=os.environ | {"XDG_CONFIG_HOME": str(folder)},
    )
    *units, summary = [json.loads(text) for text in done.stdout.splitlines()] or [{}]
    return done.returncode, units, summary, folder / "kept", done.stderr


def test_it_ends_with_every_fault_caught_and_every_good_unit_passed(line: Any) -> None:
    code, units, summary, _, stderr = line
    assert (code, summary.get("reasons")) == (4, []), stderr[-3000:]
    assert len(units) == UNITS and all(unit["ok"] for unit in units)


def test_each_fault_is_found_in_its_phase(line: Any) -> None:
    """By what the runs say, apart from the line's own verdict on them."""
    _, units, summary, _, _ = line
    blamed = {
        (unit["seeded"], run["stage"], run["phase"], run["outcome"])
        for unit in units
        for run in unit["runs"]
        if run["outcome"] != "passed" and run["cause"] not in ("store", "samples_lost", "jig")
    }
    assert blamed >= {
        ("dead_red", "pcba", "leds", "failed"),
        ("dead_ir", "pcba", "leds", "failed"),
        ("stuck_fifo", "pcba", "dark", "failed"),
        ("wrong_id", "pcba", "sensor", "failed"),
        ("leds_swapped", "final", "infrared", "failed"),
        ("crosstalk", "final", "crosstalk", "failed"),
        ("slow_clock", "final", "clock", "failed"),
        ("bad_flash", "pcba", "flash", "failed"),
        ("port_dies", "pcba", "flash", "aborted"),
        ("same_mac", "pcba", "flash", "refused"),
        ("late_mac", "pcba", "flash", "refused"),
        ("early", "final", "", "refused"),
        ("skips", "final", "", "refused"),
    }
    assert {fault for fault, *_ in blamed} >= set(FAULTS)
    pulled = {(stage, phase) for fault, stage, phase, how in blamed if fault == "pulled"}
    assert len(pulled) >= 2 and summary["locked"] == ["4"]
    assert {"station_killed", "disk_full", "database_gone"} <= set(summary["events"])


def test_no_serial_twice_and_each_record_there(line: Any) -> None:
    """By SQL over the store that is left, and the labels that lie beside it."""
    import sqlite3

    _, units, summary, folder, _ = line
    packed = [unit["serial"] for unit in units if unit["became"] == "packed"]
    assert len(set(packed)) == len(packed) == summary["became"]["packed"]
    with sqlite3.connect(folder / "station.sqlite") as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = store.execute("SELECT serial, stage, outcome FROM run").fetchall()
        assert store.execute("SELECT count(*) FROM outbox").fetchone() == (0,), "all is pushed"
        boxed = {serial for (serial,) in store.execute("SELECT serial FROM packing")}
        names = store.execute(
            "SELECT DISTINCT measure.phase || '.' || measure.name FROM measurement "
            "JOIN measure ON measure.id = measurement.measure"
        )
        measured = {name for (name,) in names}
    assert boxed == set(packed)
    declared_names = {
        f"{phase.name}.{each.name}"
        for phases in declared.stages().values()
        for phase in phases
        for each in phase.measurements
    }
    assert measured == declared_names, "every declared measurement was made"
    passed = Counter((serial, stage) for serial, stage, outcome in rows if outcome == "passed")
    for serial in packed:
        assert all(passed[serial, stage] for stage in declared.STAGES)
    tested = Counter(
        run["stage"] for unit in units if unit["serial"] for run in unit["runs"]
        if run["outcome"] != "refused" and run["cause"] != "store"
    )  # fmt: skip
    recorded = Counter(stage for _, stage, _ in rows)
    assert recorded["final"] == tested["final"] and recorded["pack"] == tested["pack"]
    read = Counter(virtual.read_label(path) for path in folder.glob("label-*.png"))
    assert {text.partition("(21)")[2] for text in read} == set(packed)
    assert set(read.values()) == {1}


def test_hands_at_the_virtual_jig() -> None:
    """What goes wrong with a jig is a JigError, and the jig goes on."""
    with virtual_jig.running(4) as path:
        jig = JigLine(path)
        assert jig.slots() == ["1", "2", "3", "4"] and jig.seat("1") == 0 and jig.port("1") == ""
        with pytest.raises(JigError, match="Nothing is in slot 1"):
            jig.press("1", 10)
        jig.ask("define", number=7, mac="246f28000007", faults=[])
        with pytest.raises(JigError, match="no fault"):
            jig.ask("define", number=8, mac="246f28000008", faults=["haunted"])
        for seat in (1, 2):
            jig.ask("put_in", slot="1", number=7)
            assert jig.seat("1") == seat and os.path.exists(jig.port("1"))
            with pytest.raises(JigError, match="taken"):
                jig.ask("put_in", slot="1", number=7)
            jig.cable("1", False)
            assert jig.port("1") == "" and jig.seat("1") == seat
            jig.ask("take_out", slot="1")
        with pytest.raises(JigError, match="no target"):
            jig.target(["1"], "pink")
        with pytest.raises(JigError, match="does not know"):
            jig.ask("_unit", slot="1")
    with pytest.raises(JigError, match=path):
        JigLine(path).slots()


class Person:
    """Does at the virtual jig what is asked of hands, and says what the meters read."""

    def __init__(self, jig: JigLine, slot: str) -> None:
        self.jig = jig
        self.slot = slot
        self.heard: list[str] = []

    def answers(self, question: str) -> str:
        """To what stands behind the slash, in English."""
        self.heard.append(question)
        if found := re.search(r"how many mV has (\S+)\?", question):
            return f"{self.jig.rail_mv(self.slot, found[1]):g}"
        if "how many uA" in question:
            return f"{self.jig.current_ua(self.slot):g}"
        for words, target in (("black trap", "dark"), ("grey target", "grey")):
            if words in question:
                self.jig.target([self.slot], target)
                return ""
        raise AssertionError(f"a person does not know what is meant by {question}")

    def serve(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr and process.stdin
        said = ""
        while letter := process.stderr.read(1):
            said += letter
            if letter == "\n":
                said = ""
            elif re.search(r" / \S.*(\?|Enter\.) $", said):
                process.stdin.write(self.answers(said.partition(" / ")[2]) + "\n")
                process.stdin.flush()
                said = ""


def test_hands_instead_of_a_jig(tmp_path: Path) -> None:
    """One unit on a desk, with a meter and a black cap: the same stage, the same record."""
    path = virtual.virtual_bundle(tmp_path)
    store = tmp_path / "s1.sqlite"
    xueyang = str(Path(sys.executable).with_name("xueyang"))
    reserve = [xueyang, "reserve", "--station", "s1", "--prefix", "XY", "--store", str(store)]
    env = os.environ | {"XDG_CONFIG_HOME": str(tmp_path)}
    subprocess.run(reserve, check=True, env=env, capture_output=True)
    with virtual_jig.running(4) as socket:
        jig = JigLine(socket)
        jig.ask("define", number=1, mac="246f28000001", faults=[])
        jig.ask("put_in", slot="2", number=1)
        command = [xueyang, "station", "--stage", "pcba", str(path), "--port", jig.port("2")]
        command += ["--once", "--station", "s1", "--store", str(store), "--json"]
        command += ["--lot", "L1", "--hardware-revision", "1.2"]
        person = Person(jig, "2")
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with subprocess.Popen(command, text=True, env=env, **pipes) as process:  # type: ignore[call-overload]
            person.serve(process)
            told = json.loads(process.stdout.read())
    assert (told["outcome"], told["serial"]) == ("passed", "XY000000"), told["sentence"]
    assert len(person.heard) == 9 and process.returncode == 0
    names = {f"{each['phase']}.{each['name']}" for each in told["values"]}
    assert "supply.rail_3v3" in names and "leds.both_supply" in names
