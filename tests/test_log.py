"""The log keeps what was measured, whatever happens to the power and to the flash."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from device import Device, Finger
from flash import BLOCK, Chip, Flash, PowerCut

from sim.board import Board
from sim.door import erase, field, log, log_end, terms

KEPT = 1000
A_FILE = 128


def reading(n: int = 0) -> list[int]:
    """A settled reading that can be told from others."""
    told = [field.NONE] * field.LENGTH
    told[field.STATUS] = field.OK
    told[field.FLAGS] = field.FLAG_SETTLED | field.FLAG_LOW_PERFUSION
    told[field.SPO2_CENTIPCT] = 9300
    told[field.SETTLED_CENTIPCT] = 7000 + n % 3000
    told[field.SPO2_SD_CENTIPCT] = 41
    told[field.PULSE_DECIBPM] = 400 + n
    told[field.PERFUSION_MILLIPCT] = 250
    told[field.RATIO_Q12] = 2345
    return told


def opened(folder: str) -> log.Log:
    kept = log.Log(folder)
    kept.open()
    return kept


def append(kept: log.Log, n: int, person: int = 0, time_s: int = field.NONE) -> bool:
    return kept.append(reading(n), 30 + n, time_s, person, terms.MARK_OXYGEN)


def seen(kept: log.Log, person: int = -1) -> list[int]:
    """The `n` of every record, newest first."""
    found = []
    at = kept.find(person=person)
    while at >= 0:
        found.append(kept.record[field.PULSE_DECIBPM] - 400)
        at = kept.find(at, person)
    return found


def test_a_record_has_all_that_was_measured(tmp_path: Path) -> None:
    kept = opened(str(tmp_path / "data"))
    assert kept.find() == -1
    assert append(kept, 7, person=3, time_s=849_000_123)
    assert opened(str(tmp_path / "data")).find() == 0
    told = opened(str(tmp_path / "data"))
    told.find()
    expected = {
        field.SEQ: 0,
        field.STATUS: field.OK,
        field.FLAGS: field.FLAG_SETTLED | field.FLAG_LOW_PERFUSION,
        field.SPO2_CENTIPCT: 7007,
        field.SPO2_SD_CENTIPCT: 41,
        field.PULSE_DECIBPM: 407,
        field.PERFUSION_MILLIPCT: 250,
        field.RATIO_Q12: 2345,
        field.TIME_S: 849_000_123,
        field.UPTIME_S: 37,
        field.BOOT: 1,
        field.PERSON: 3,
        field.MARKS: terms.MARK_OXYGEN,
    }
    for index in range(field.STORED_LENGTH):
        assert told.record[index] == expected.get(index, field.NONE), index


def test_a_record_is_the_bytes_that_its_docstring_says(tmp_path: Path) -> None:
    """Read by hand: other programs may meet them in an image of the flash."""
    kept = opened(str(tmp_path))
    append(kept, 0)
    append(kept, 1, person=2, time_s=5)
    content = (tmp_path / "log.0").read_bytes()
    assert len(content) == 64
    values = struct.unpack("<IIIHHHHHHBBHI", content[32:])
    assert values[:-1] == (1, 5, 31, 1, 7001, 41, 401, 250, 5, 2, terms.MARK_OXYGEN, 2345)
    assert values[-1] == zlib.crc32(content[32:60], 1)


def test_what_cannot_be_stored_is_not_a_zero(tmp_path: Path) -> None:
    kept = opened(str(tmp_path))
    told = reading()
    told[field.PERFUSION_MILLIPCT] = 1_000_000
    told[field.SPO2_SD_CENTIPCT] = field.NONE
    kept.append(told, 0, field.NONE, 0, 0)
    kept.find()
    assert kept.record[field.PERFUSION_MILLIPCT] == 65534, "the most there is room for"
    assert kept.record[field.SPO2_SD_CENTIPCT] == field.NONE


def test_the_last_thousand_are_kept(tmp_path: Path) -> None:
    kept = opened(str(tmp_path))
    for n in range(2500):
        assert append(kept, n)
        if n in (0, 127, 128, 999, 1000, 1151, 1152, 2499):
            expected = list(range(n, max(-1, n - KEPT), -1))
            assert seen(kept) == expected
            assert seen(opened(str(tmp_path))) == expected
    assert len(seen(kept)) == KEPT
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 9 * BLOCK
    assert not kept.damaged


def test_the_last_ten_of_one_person(tmp_path: Path) -> None:
    kept = opened(str(tmp_path))
    for n in range(400):
        append(kept, n, person=n % 5)
    assert seen(kept, person=3)[:10] == list(range(398, 348, -5))
    assert seen(kept, person=0)[:2] == [395, 390]
    assert seen(opened(str(tmp_path)), person=4) == list(range(399, 0, -5))


def test_starts_are_counted_in_which_something_was_stored(tmp_path: Path) -> None:
    for n in range(3):
        opened(str(tmp_path))  # a start without a reading
        append(opened(str(tmp_path)), n)
    told = opened(str(tmp_path))
    starts = []
    at = told.find()
    while at >= 0:
        starts.append(told.record[field.BOOT])
        at = told.find(at)
    assert starts == [3, 2, 1]


def test_cleared_it_is_empty_and_begins_anew(tmp_path: Path) -> None:
    kept = opened(str(tmp_path))
    for n in range(300):
        append(kept, n)
    kept.find()
    erase.erase(kept)
    assert seen(kept) == [] and list(tmp_path.iterdir()) == []
    append(kept, 5)
    assert seen(kept) == seen(opened(str(tmp_path))) == [5]


@pytest.mark.parametrize("place", ["first", "last", "between"])
def test_any_damage_costs_only_the_record_it_meets(tmp_path: Path, place: str) -> None:
    kept = opened(str(tmp_path))
    for n in range(200):
        append(kept, n)
    at = {"first": 0, "last": 71, "between": 40}[place]
    path = tmp_path / "log.1"
    whole = path.read_bytes()
    for offset in range(32):
        damaged = bytearray(whole)
        damaged[32 * at + offset] ^= 0x10
        path.write_bytes(damaged)
        (tmp_path / "log.2").unlink(missing_ok=True)
        told = opened(str(tmp_path))
        assert seen(told) == [n for n in range(199, -1, -1) if n != A_FILE + at]
        assert told.damaged, "and it says so"
        assert append(told, 300)
        assert seen(opened(str(tmp_path)))[0] == 300


@pytest.mark.parametrize("size", [1, 31, 33, 100, BLOCK - 1, BLOCK + 5])
def test_a_file_of_no_whole_records(tmp_path: Path, size: int) -> None:
    kept = opened(str(tmp_path))
    for n in range(A_FILE):
        append(kept, n)
    path = tmp_path / "log.0"
    content = path.read_bytes()
    path.write_bytes((content + b"\xff" * BLOCK)[:size])
    told = opened(str(tmp_path))
    left = min(A_FILE, size // 32)
    assert seen(told) == list(range(left - 1, -1, -1))
    assert append(told, 500) and append(told, 501)
    assert seen(opened(str(tmp_path)))[:2] == [501, 500]
    assert seen(opened(str(tmp_path)))[2:] == list(range(left - 1, -1, -1))


def test_nonsense_in_place_of_every_file(tmp_path: Path) -> None:
    for block in range(9):
        (tmp_path / f"log.{block}").write_bytes(b"\xff" * 5000)
    told = opened(str(tmp_path))
    assert seen(told) == [] and told.damaged
    assert append(told, 1) and seen(opened(str(tmp_path))) == [1]


def test_a_full_flash_is_told_and_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    flash = Flash(Chip())
    flash.patch(monkeypatch, log, log_end)
    kept = opened("/data")
    for n in range(50):
        append(kept, n)
    ballast = 0
    with pytest.raises(OSError):
        while True:
            with flash.open(f"/ballast.{ballast}", "wb") as file:
                file.write(bytes(BLOCK - 100))
            ballast += 1
    for n in range(50, 60):
        assert not append(kept, n)
    assert seen(kept) == list(range(49, -1, -1))
    for n in range(ballast):
        flash.fs.remove(f"/ballast.{n}")
    assert append(kept, 60)
    assert seen(kept) == [60, *range(49, -1, -1)] == seen(opened("/data"))


def written(count: int, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A flash with so many records."""
    chip = Chip()
    Flash(chip).patch(monkeypatch, log, log_end)
    kept = opened("/data")
    for n in range(count):
        assert append(kept, n)
    return bytes(chip.buffer)


def cuts(
    content: bytes, count: int, torn: float, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, int]:
    """Append one record with the power cut at every program and erase: (cuts, arrived)."""
    cut = arrived = 0
    while True:
        chip = Chip(content)
        Flash(chip).patch(monkeypatch, log, log_end)
        kept = opened("/data")
        chip.torn = torn
        chip.cut_after = chip.operations + cut
        try:
            assert append(kept, count)
            whole = True
        except PowerCut:
            whole = False
        # Power comes again.
        after = Chip(bytes(chip.buffer))
        Flash(after).patch(monkeypatch, log, log_end)
        told = opened("/data")
        before = list(range(count - 1, max(-1, count - 1 - KEPT), -1))
        with_it = [count, *before][:KEPT]
        found = seen(told)
        assert found == with_it if whole else found in (before, with_it), f"cut {cut}"
        assert not told.damaged
        assert append(told, count + 1)
        assert seen(opened("/data"))[:2] == [count + 1, found[0]] if found else [count + 1]
        if whole:
            return cut, arrived
        arrived += found == with_it
        cut += 1


# The first ones, across the end of a file, and where the ring begins to replace what it has.
PLACES = (0, 1, 2, 5, 60, 126, 127, 128, 129, 300, 1151, 1152, 1153)


@pytest.mark.parametrize("torn", [0.0, 0.5, 1.0])
def test_a_power_cut_at_every_program_and_erase(
    torn: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = arrived = 0
    for count in PLACES:
        more = cuts(written(count, monkeypatch), count, torn, monkeypatch)
        cut += more[0]
        arrived += more[1]
    assert cut > 100, "they were really cut"
    assert arrived < cut / 5, "and mostly before the record was there"


def test_a_power_cut_while_it_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    content = written(300, monkeypatch)
    cut = 0
    while True:
        chip = Chip(content)
        flash = Flash(chip)
        flash.patch(monkeypatch, log, log_end)
        flash.patch(monkeypatch, erase)
        kept = opened("/data")
        chip.cut_after = chip.operations + cut
        try:
            erase.erase(kept)
            break
        except PowerCut:
            cut += 1
        Flash(Chip(bytes(chip.buffer))).patch(monkeypatch, log, log_end)
        told = opened("/data")
        assert seen(told) == [n for n in range(299, -1, -1) if n in set(seen(told))]
        assert append(told, 700) and seen(opened("/data"))[0] == 700
    assert cut >= 3


class Stalling(Device):
    """A device whose flash takes `stall_ms` over each record."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stall_ms: int) -> None:
        super().__init__(Finger(), vbus=None)
        self.stalls: list[int] = []

        def slow(path: str, mode: str = "r") -> object:
            if "b" in mode and mode != "rb":
                self.stalls.append(self.now_ms)
                self.board.clock.advance_us(1000 * stall_ms)
            return open(path, mode)

        monkeypatch.setattr(log_end, "open", slow, raising=False)


def told_after(stall_ms: int, monkeypatch: pytest.MonkeyPatch) -> Sequence[tuple[int, int, int]]:
    """(time since the record, pulse, SpO2) at each reading of the minute after it."""
    device = Stalling(monkeypatch, stall_ms)
    device.run(60_000, lambda: bool(device.stalls))
    told = []
    lost = device.app.block()[3]
    begin_ms = device.stalls[0]
    while device.now_ms < begin_ms + 30_000:
        device.run(40)
        lost += device.app.block()[3]
        told.append(
            (
                device.now_ms - begin_ms,
                device.value(field.PULSE_DECIBPM),
                device.value(field.SPO2_CENTIPCT),
            )
        )
    assert bool(lost) == (stall_ms > 320), "the FIFO holds 320 ms"
    assert len(device.stalls) == 1, "one record a finger"
    return told


@pytest.mark.parametrize("stall_ms", [0, 45, 400])
def test_a_flash_that_stalls_makes_no_false_pulse(
    stall_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finger has 72 beats a minute and 94.1 percent, before, over and after the gap."""
    for t_ms, pulse, spo2 in told_after(stall_ms, monkeypatch):
        if pulse != field.NONE:
            assert abs(pulse - 720) <= 20, f"{pulse} after {t_ms} ms"
        if spo2 != field.NONE:
            assert abs(spo2 - 9411) <= 60, f"{spo2} after {t_ms} ms"
        if t_ms > 12_000:
            assert pulse != field.NONE and spo2 != field.NONE, f"nothing after {t_ms} ms"


def test_the_device_stores_what_it_has_shown(tmp_path: Path) -> None:
    finger = Finger()
    board = Board(finger, data_dir=tmp_path)
    board.set_clock(849_000_000)
    device = Device(finger, board, vbus=None)
    device.run(45_000)
    finger.present = False
    device.run(5_000)
    finger.present = True
    device.run(45_000)
    kept = opened(str(tmp_path))
    assert len(seen(kept)) == 2
    kept.find()
    assert abs(kept.record[field.SPO2_CENTIPCT] - 9411) <= 60
    assert abs(kept.record[field.PULSE_DECIBPM] - 720) <= 10
    assert kept.record[field.FLAGS] & field.FLAG_SETTLED
    assert 50 <= kept.record[field.UPTIME_S] <= 95
    assert kept.record[field.TIME_S] - 849_000_000 == pytest.approx(
        kept.record[field.UPTIME_S], abs=1
    )
    assert kept.record[field.MARKS] == 0, "a curve without evidence"
