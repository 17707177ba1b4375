"""Flashing many units at once, with real esptool against virtual chips and their faults."""

import dataclasses
import json
import os
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_build import listed
from typer.testing import CliRunner

from host_tools import build, bundle, filesystem, flash, identity
from host_tools.cli import app
from host_tools.flash import Plan, Slot
from host_tools.identity import Identity
from host_tools.sentences import SENTENCES, say
from sim.door import settings
from sim.vm import setup
from sim.vm.chip import Chip, running
from sim.vm.image import image
from sim.vm.port import Port

pytest.importorskip("esptool", reason="esptool is not installed: run `make setup-all`")
pytestmark = pytest.mark.skipif(
    bool(setup.missing()) and not os.environ.get("CI"), reason=setup.missing() or "ready"
)

FIRST = Identity("XY000101", "L2547", "1.2", 20261124)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bundle.Bundle]:
    """A bundle for each chip."""
    folder = tmp_path_factory.mktemp("bundles")
    found = {}
    for target in bundle.TARGETS:
        file = folder / f"{target}.bin"
        file.write_bytes(image(target, size=60_000))
        known = build.read_image(file, listed(folder / "list", file))
        build.make(folder / f"{target}.zip", known, known.target)
        found[target] = bundle.read(folder / f"{target}.zip")
    return found


@pytest.fixture
def plan(bundles: dict[str, bundle.Bundle]) -> Plan:
    return Plan(bundles["esp32c3"], deadline_s=30)


def chips(count: int, target: str = "esp32c3") -> list[Chip]:
    return [Chip(target, b"\x24\x6f\x28\x00\x00" + bytes([n])) for n in range(1, count + 1)]


def slots(jig) -> list[Slot]:
    return [Slot(f"1-{number}", chip.port.path) for number, chip in enumerate(jig, 1)]


def stored(chip: Chip, name: str) -> bytes | None:
    """A file of a chip's data partition, by the partition table in its flash."""
    part = chip.flash.partition("data")
    assert part is not None
    blocks = filesystem.blocks_of(chip.flash.read(part.start, part.size))
    return filesystem.read_file(blocks, part.size, name)


def holds(chip: Chip, plan: Plan) -> bool:
    """Whether a chip's flash is what the bundle says, its data partition left out."""
    parts = [plan.bundle.parts[name] for name in ("micropython", "vfs")]
    return all(chip.flash.read(p.at, len(p.content)) == p.content for p in parts)


@pytest.mark.parametrize("target", sorted(bundle.TARGETS))
def test_many_units_at_once(target: str, bundles: dict[str, bundle.Bundle]) -> None:
    plan = Plan(bundles[target], deadline_s=30, settings=settings.Settings())
    plan.settings.language = "en"
    seen: dict[str, list[tuple[str, int, int]]] = {}

    def progress(slot: Slot, phase: str, done: int, of: int) -> None:
        seen.setdefault(slot.name, []).append((phase, done, of))

    with running(chips(6, target)) as jig:
        outcomes = flash.flash(plan, slots(jig), flash.counted(FIRST), progress=progress)
        assert [outcome.state for outcome in outcomes] == ["passed"] * 6, outcomes
        assert [outcome.serial for outcome in outcomes] == [f"XY0001{n:02}" for n in range(1, 7)]
        assert len({outcome.mac for outcome in outcomes}) == 6
        assert {outcome.baud for outcome in outcomes} == {921_600}
        for chip, outcome in zip(jig, outcomes, strict=True):
            chip.stop()
            assert holds(chip, plan)
            found = identity.decode(stored(chip, "identity.bin"))
            assert found == dataclasses.replace(FIRST, serial=outcome.serial)
            settled = settings.decode(stored(chip, "settings.bin"))
            assert settled.language == "en"
    assert flash.exit_code(outcomes) == 0
    for reports in seen.values():
        phases = list(dict.fromkeys(phase for phase, _, _ in reports))
        assert phases == ["connect", "identify", "wait", "write", "verify", "passed"]
        written = [done / of for phase, done, of in reports if phase in ("write", "verify")]
        assert written == sorted(written) and written[-1] == 1, "its own bar, which never falls"


def test_what_was_flashed_runs(plan: Plan) -> None:
    """The firmware itself, from power-on: it loops, and its watchdog is fed."""
    with running(chips(1)) as (chip,):
        (outcome,) = flash.flash(plan, slots([chip]), flash.counted(FIRST))
        assert outcome.state == "passed"
        end_s = time.monotonic() + 10
        while not chip.is_running and time.monotonic() < end_s:
            time.sleep(0.02)
        boots = chip.boots
        time.sleep(3)  # twice as long as the watchdog waits
        assert chip.is_running and chip.boots == boots


def test_one_bad_unit_never_disturbs_the_others(plan: Plan) -> None:
    jig = chips(8)
    good = (0, 7)
    jig[1].mute = True
    at = plan.bundle.parts["micropython"].at + 0x10400
    jig[2].flash.stuck[at] = 0xFF & ~plan.bundle.parts["micropython"].content[0x10400]
    jig[3].flash.dies_after = 5
    jig[4].mac = jig[5].mac
    absent = Slot("1-9", "/dev/no-such-port")
    foreign = Chip("esp32", b"\x24\x6f\x28\x00\x01\x01")
    jig[6] = foreign
    began_s = time.monotonic()
    with running(jig):
        outcomes = flash.flash(plan, [*slots(jig), absent], flash.counted(FIRST))
        for chip in jig:
            chip.stop()
        assert all(holds(jig[n], plan) for n in good)
    causes = [outcome.cause for outcome in outcomes]
    assert causes == [
        "", "mute", "bad_flash", "pulled", "same_mac", "same_mac", "wrong_chip", "", "no_port",
    ]  # fmt: skip
    assert [o.state == "passed" for o in outcomes] == [cause == "" for cause in causes]
    assert flash.exit_code(outcomes) == 4
    assert foreign.flash.content == b"\xff" * foreign.flash.size, "it was not touched"
    assert jig[4].flash.content == b"\xff" * jig[4].flash.size
    given = [outcome.serial for outcome in outcomes if outcome.state == "passed"]
    assert len(set(given)) == len(given)
    assert time.monotonic() - began_s < 15, "a failure is fast"
    for outcome in outcomes:
        if outcome.cause:
            chinese, english = SENTENCES[outcome.cause]
            assert outcome.sentence.count(" / ") >= 1
            assert outcome.sentence.startswith(chinese.split("{")[0])


def test_the_deadline_is_by_the_wall_clock(bundles: dict[str, bundle.Bundle]) -> None:
    """Two chips on a line so slow that they cannot be done in time, one that can."""
    jig = [
        Chip("esp32c3", b"\x24\x6f\x28\x00\x02" + bytes([n]), port=Port(paced=n < 2))
        for n in range(3)
    ]
    plan = Plan(bundles["esp32c3"], bauds=[9600], deadline_s=4)
    with running(jig):
        began_s = time.monotonic()
        outcomes = flash.flash(plan, slots(jig))
        assert time.monotonic() - began_s < 4 + 2
    assert [outcome.cause for outcome in outcomes] == ["late", "late", ""]
    assert "4" in outcomes[0].sentence


def test_a_bad_line_is_flashed_more_slowly(plan: Plan) -> None:
    jig = chips(2)
    jig[0].port.max_baud = 300_000
    with running(jig):
        outcomes = flash.flash(plan, slots(jig))
        assert [outcome.state for outcome in outcomes] == ["passed", "passed"]
        assert [outcome.baud for outcome in outcomes] == [230_400, 921_600]


def test_an_identity_is_not_overwritten_unasked(plan: Plan) -> None:
    asked: list[tuple[Slot, Identity]] = []

    def ask(slot: Slot, found: Identity) -> bool:
        asked.append((slot, found))
        return slot.name == "1-2"

    with running(chips(3)) as jig:
        flash.flash(plan, slots(jig)[:2], flash.counted(FIRST))
        before = jig[0].flash.read(0, jig[0].flash.size)
        second = dataclasses.replace(FIRST, serial="XY000201")
        outcomes = flash.flash(plan, slots(jig), flash.counted(second), ask)
        assert [slot.name for slot, _ in asked] == ["1-1", "1-2"]
        assert [found.serial for _, found in asked] == ["XY000101", "XY000102"]
        assert [outcome.cause for outcome in outcomes] == ["has_identity", "", ""]
        assert "XY000101" in outcomes[0].sentence
        for chip in jig:
            chip.stop()
        assert jig[0].flash.read(0, jig[0].flash.size) == before
        serials = [identity.decode(stored(chip, "identity.bin")) for chip in jig]
        assert [s and s.serial for s in serials] == ["XY000101", "XY000201", "XY000202"], (
            "no serial is lost to a unit that was left alone"
        )


def newer(of: bundle.Bundle) -> bundle.Bundle:
    """The same with other code: one more file in its file system, and another in place of one."""
    at, content = of.parts["vfs"].at, of.parts["vfs"].content
    files = filesystem.read_all(filesystem.blocks_of(content), bundle.VFS_SIZE)
    noise = random.Random(7).randbytes(30_000)
    files |= {"oximeter/app.mpy": files["oximeter/app.mpy"] + b"\0", "new.bin": noise}
    part = bundle.Part("vfs", at, filesystem.make(files, bundle.VFS_SIZE))
    return dataclasses.replace(of, parts={**of.parts, "vfs": part})


def test_an_update_cut_at_any_block_keeps_the_data(plan: Plan) -> None:
    """Identity, calibration, settings, log: each byte of their partition, and MicroPython too."""
    ahead = Plan(newer(plan.bundle), update=True, deadline_s=20)
    (chip,) = chips(1)
    with running([chip]):
        flash.flash(plan, slots([chip]), flash.counted(FIRST))
        chip.stop()
        data = chip.flash.partition("data")
        assert data is not None
        log = data.start + data.size - 4096
        chip.flash.program(log, b"readings of years")
        before = chip.flash.read(0, bundle.VFS_AT), chip.flash.read(data.start, data.size)
        sectors = -(-len(ahead.bundle.parts["vfs"].content) // 4096)
        assert sectors > 40
        for cut in range(sectors):
            chip.flash.dies_after = cut
            (outcome,) = flash.flash(ahead, slots([chip]))
            assert outcome.cause == "pulled"
            assert outcome.serial == "XY000101", "it is still known who it is"
            chip.replug()
            after = chip.flash.read(0, bundle.VFS_AT), chip.flash.read(data.start, data.size)
            assert after == before, f"cut after {cut} sectors"
        chip.flash.dies_after = None
        (outcome,) = flash.flash(ahead, slots([chip]))
        assert outcome.state == "passed"
        chip.stop()
        assert holds(chip, ahead)
        after = chip.flash.read(0, bundle.VFS_AT), chip.flash.read(data.start, data.size)
        assert after == before
        assert identity.decode(stored(chip, "identity.bin")) == FIRST


def test_an_update_refuses_what_it_would_harm(plan: Plan) -> None:
    """A unit that was set up by hand, one with another MicroPython, and an empty chip."""
    jig = chips(3)
    jig[0].flash.program(0, image("esp32c3"))
    content = plan.bundle.parts["micropython"].content
    jig[1].flash.program(0, content.replace(b"v1.29.0", b"v1.24.1"))
    before = [chip.flash.read(0, chip.flash.size) for chip in jig]
    with running(jig):
        outcomes = flash.flash(dataclasses.replace(plan, update=True), slots(jig))
        assert [o.cause for o in outcomes] == ["not_ours", "other_micropython", "not_ours"]
        assert "1.24.1" in outcomes[1].sentence and "1.29" in outcomes[1].sentence
        for chip in jig:
            chip.stop()
    assert [chip.flash.read(0, chip.flash.size) for chip in jig][1:] == before[1:]


# The workaround of esptool's formatting of packets that nobody reads.


def formats_packets() -> bool:
    """Whether esptool, as it is now, writes out a packet although its trace is off."""
    from esptool import loader

    class Told:
        asked = False

        def __init__(self, *_: object) -> None: ...
        def __str__(self) -> str:
            Told.asked = True
            return ""

    before = loader.HexFormatter
    loader.HexFormatter = Told
    try:
        silent = SimpleNamespace(_port=SimpleNamespace(write=len), trace=lambda *_: None)
        loader.ESPLoader.write(silent, b"packet")
    finally:
        loader.HexFormatter = before
    return Told.asked


def test_esptool_still_needs_its_workaround() -> None:
    assert formats_packets(), "esptool has mended it: take the workaround out of host_tools/flash"


def test_the_workaround_is_undone() -> None:
    from esp_pylib.logger import EspLog
    from esptool import loader

    before = EspLog.instance, loader.HexFormatter
    with flash._esptool():
        assert str(loader.HexFormatter(b"packet")) == ""
    assert (EspLog.instance, loader.HexFormatter) == before


def test_it_lasts_while_anybody_uses_it() -> None:
    from esptool import loader

    before = loader.HexFormatter
    first, second = flash._esptool(), flash._esptool()
    first.__enter__()
    with second:
        first.__exit__(None, None, None)
        assert str(loader.HexFormatter(b"packet")) == "", "another row still flashes"
    assert loader.HexFormatter is before


# What is plugged in.


def plugged(*ports: tuple[str, int, int, str]) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(device=device, vid=vid, pid=pid, location=location)
        for device, vid, pid, location in ports
    ]


@pytest.fixture
def usb(monkeypatch: pytest.MonkeyPatch) -> Iterator[list]:
    from serial.tools import list_ports

    found: list = []
    monkeypatch.setattr(list_ports, "comports", lambda: found)
    yield found


def test_a_slot_has_the_name_of_its_place(usb: list) -> None:
    usb += plugged(
        ("/dev/ttyUSB0", 0x10C4, 0xEA60, "1-1.10"),
        ("/dev/ttyUSB1", 0x1A86, 0x7523, "1-1.9"),
        ("/dev/ttyS0", 0, 0, ""),
        ("/dev/ttyACM0", 0x2341, 0x0043, "1-2"),  # an Arduino, which is none of our business
    )
    assert [slot.name for slot in flash.all_slots()] == ["1-1.9", "1-1.10"]
    assert flash.slots_of(["/dev/ttyUSB0", "COM7"]) == [
        Slot("1-1.10", "/dev/ttyUSB0"), Slot("COM7", "COM7"),
    ]  # fmt: skip


def command(*arguments: str | Path):
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_the_command_takes_all_that_fit(plan: Plan, usb: list) -> None:
    with running([*chips(2), Chip("esp32", b"\x24\x6f\x28\x00\x03\x01")]) as jig:
        usb += plugged(
            *((chip.port.path, 0x1A86, 0x55D4, f"2-{n}") for n, chip in enumerate(jig, 1))
        )
        path = plan.bundle.path
        given = ("--serial", "A1", "--lot", "L1", "--hardware-revision", "1")
        told = command("flash", "--all", path, "--json", *given)
        assert told.exit_code == 0, told.stdout + told.stderr
        lines = [json.loads(line) for line in told.stdout.splitlines()]
        assert [(line["slot"], line["state"]) for line in lines] == [
            ("2-1", "passed"), ("2-2", "passed"), ("2-3", "left"),
        ]  # fmt: skip
        assert [line["serial"] for line in lines] == ["A1", "A2", ""]
        assert "2-1: 写入中 / writing" in told.stderr

        again = command("flash", "--port", jig[0].port.path, path, *given)
        assert again.exit_code == 1 and "A1" in again.stdout and "--overwrite" in again.stdout
        new = command("update", "--port", jig[0].port.path, path)
        assert new.exit_code == 0 and "合格 / PASS A1" in new.stdout


def test_what_cannot_be_begun_is_told(plan: Plan, usb: list, tmp_path: Path) -> None:
    assert command("flash", "--all", plan.bundle.path).exit_code == 3
    assert command("flash", plan.bundle.path).exit_code == 2
    assert command("flash", "--all", "--port", "x", plan.bundle.path).exit_code == 2
    assert command("flash", "--all", plan.bundle.path, "--serial", "A1").exit_code == 2
    assert command("flash", "--port", "/dev/nowhere", plan.bundle.path).exit_code == 3
    assert command("flash", "--all", tmp_path / "none.zip").exit_code == 1
    build.make(tmp_path / "partial.zip", None, bundle.TARGETS["esp32c3"])
    told = command("flash", "--port", "x", tmp_path / "partial.zip")
    assert told.exit_code == 1 and "xueyang update" in told.stderr


def test_every_sentence_is_in_both_languages() -> None:
    for key, (chinese, english) in SENTENCES.items():
        assert any("\u4e00" <= sign <= "\u9fff" for sign in chinese), key
        assert english.isascii(), key
        named = [re.findall(r"{(\w+)}", text) for text in (chinese, english)]
        assert set(named[0]) == set(named[1]), key


def test_a_sentence_in_a_sentence_keeps_its_languages_apart() -> None:
    told = say("refused", error=say("no_serials"))
    assert told == (
        "没有领到序列号：本站序列号已用完：用 xueyang reserve 再领一段。"
        " / It was given no serial: This station has no serials left: "
        "reserve a block with `xueyang reserve`."
    )
