"""Power is cut at every byte while settings are written: the old record or the new one remains.

And at every program and erase while the log is, all round its ring.
"""

import io
import os
from pathlib import Path

import flash
import pytest
from test_log import cuts, written

from sim.door import settings


class PowerCut(BaseException):
    """Not an Exception: nothing in the firmware can catch a power cut."""


class Flash:
    """`open` and `rename` that reach the disk byte by byte, until the power is gone.

    `left` counts what still gets through: every byte, every opening and every rename takes one.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self) -> None:
        if self.left == 0:
            raise PowerCut
        self.left -= 1

    def open(self, path: str, mode: str = "r") -> io.BufferedIOBase:
        self.spend()
        file = open(path, mode, buffering=0)  # noqa: SIM115 (the firmware closes it)
        flash = self

        class Dribbling(io.BufferedIOBase):
            def write(self, data: bytes) -> int:  # type: ignore[override]
                for byte in data:
                    flash.spend()
                    file.write(bytes([byte]))
                return len(data)

            def read(self, size: int | None = -1) -> bytes:
                return file.read(-1 if size is None else size)

            def close(self) -> None:
                file.close()

        return Dribbling()

    def rename(self, old: str, new: str) -> None:
        self.spend()
        os.replace(old, new)


def made(batch: str, slope_e7: int) -> settings.Settings:
    told = settings.Settings()
    told.curve_e7 = (15958422, slope_e7, 1126898759)
    told.evidence = "secondary"
    told.batch = batch
    told.date = 20261124
    told.language = "en"
    return told


OLD = made("OLD-7", -340000000)
NEW = made("NEW-8", -350000000)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    settings.save(str(tmp_path), OLD)
    return str(tmp_path)


def save_until_cut(
    monkeypatch: pytest.MonkeyPatch, folder: str, told: settings.Settings, left: int
) -> bool:
    """True when all was written before the power went."""
    flash = Flash(left)
    with monkeypatch.context() as patch:
        patch.setattr(settings.storing, "open", flash.open, raising=False)
        patch.setattr(settings.storing.os, "rename", flash.rename)
        try:
            settings.save(folder, told)
        except PowerCut:
            return False
    return True


def test_a_cut_at_every_byte(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And after each, the next save succeeds over whatever the cut left behind."""
    size = len(settings.encode(NEW))
    steps = 1 + size + 1  # opened, written, renamed
    for left in range(steps + 1):
        settings.save(folder, OLD)
        whole = save_until_cut(monkeypatch, folder, NEW, left)
        assert whole == (left == steps)
        expected = NEW if whole else OLD
        assert vars(settings.load(folder)) == vars(expected), f"cut after {left} steps"
        settings.save(folder, NEW)
        assert vars(settings.load(folder)) == vars(NEW)


def test_a_cut_during_the_very_first_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(settings.encode(NEW))
    for left in range(size + 2):
        folder = tmp_path / str(left)
        folder.mkdir()
        save_until_cut(monkeypatch, str(folder), NEW, left)
        assert vars(settings.load(str(folder))) == vars(settings.Settings()), "safe defaults"


def test_a_record_cut_at_every_byte_or_with_any_bit_turned_is_no_record() -> None:
    """What a filesystem without atomic rename, or a worn flash, would hand back."""
    record = settings.encode(NEW)
    assert vars(settings.decode(record)) == vars(NEW)
    for size in range(len(record)):
        assert settings.decode(record[:size]) is None
    for bit in range(8 * len(record)):
        turned = bytearray(record)
        turned[bit // 8] ^= 1 << bit % 8
        assert settings.decode(bytes(turned)) is None, f"bit {bit}"


@pytest.mark.parametrize("torn", [0.0, 0.5, 1.0])
def test_a_cut_at_every_program_and_erase_all_round_the_ring(
    torn: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = sum(
        cuts(written(count, monkeypatch), count, torn, monkeypatch)[0]
        for count in range(0, 1200, 13)
    )
    assert cut > 1500


@pytest.mark.parametrize("torn", [0.0, 0.5, 1.0])
def test_settings_on_a_flash_that_is_cut(torn: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on real LittleFS, between whose bytes are blocks."""
    chip = flash.Chip()
    flash.Flash(chip).patch(monkeypatch, settings, settings.storing)
    settings.save("/data", OLD)
    content = bytes(chip.buffer)
    cut = 0
    while True:
        chip = flash.Chip(content)
        flash.Flash(chip).patch(monkeypatch, settings, settings.storing)
        chip.torn = torn
        chip.cut_after = chip.operations + cut
        try:
            settings.save("/data", NEW)
            break
        except flash.PowerCut:
            pass
        flash.Flash(flash.Chip(bytes(chip.buffer))).patch(monkeypatch, settings, settings.storing)
        found = vars(settings.load("/data"))
        assert found in (vars(OLD), vars(NEW)), f"cut {cut}"
        cut += 1
    assert cut >= 2
    assert vars(settings.load("/data")) == vars(NEW)
