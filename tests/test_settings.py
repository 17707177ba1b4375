"""Settings survive what flash does to them: a whole record or the safe defaults."""

import binascii
import os
import struct
from pathlib import Path

import pytest

from sim.door import core, settings


def stored() -> settings.Settings:
    """A record in which every field differs from its default."""
    told = settings.Settings()
    told.leds_swapped = 1
    told.swap_confirmed = 1
    told.turned = 1
    told.evidence = "human_sao2"
    told.language = "en"
    told.controller = "sh1106"
    told.curve_e7 = (-12345678, -250000001, 1101234567)
    told.date = 20261124
    told.batch = "B-2026/47.1"
    told.silent = 1
    told.winter = 1
    told.dimming = 2
    told.phone = "+86 138-0013800"
    told.baseline = ((9800, 91), (9800, 90), (9802, 92))  # type: ignore[assignment]
    told.baseline_person = 3
    return told


DEFAULTS = vars(settings.Settings())
LOST = {**DEFAULTS, "lost": True}  # the same, and it is said that there was something


def signed(body: bytes) -> bytes:
    return body + struct.pack("<I", binascii.crc32(body))


def test_the_defaults_are_safe() -> None:
    told = settings.Settings()
    settings.check(told)
    assert told.evidence == "none", "nothing is called calibrated that is not"
    assert (told.leds_swapped, told.swap_confirmed) == (0, 0)
    a, b, c = (e7 / 1e7 for e7 in told.curve_e7)
    assert (a, b, c) == pytest.approx((1.5958422, -34.6596622, 112.6898759), abs=1e-12)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    for name, value in vars(stored()).items():
        assert value != DEFAULTS[name] or name == "lost", name
    settings.save(str(tmp_path), stored())
    assert vars(settings.load(str(tmp_path))) == vars(stored())


def test_no_record_and_no_folder(tmp_path: Path) -> None:
    assert vars(settings.load(str(tmp_path))) == DEFAULTS
    assert vars(settings.load(str(tmp_path / "nowhere"))) == DEFAULTS
    settings.save(str(tmp_path / "nowhere"), stored())
    assert vars(settings.load(str(tmp_path / "nowhere"))) == vars(stored())


def test_any_byte_changed_to_anything_is_no_record(tmp_path: Path) -> None:
    record = settings.encode(stored())
    for at in range(len(record)):
        for value in range(256):
            damaged = bytearray(record)
            damaged[at] = value
            assert value == record[at] or settings.decode(bytes(damaged)) is None
    path = tmp_path / "settings.bin"
    for at in range(len(record)):
        path.write_bytes(record[:at] + bytes((record[at] ^ 0xFF,)) + record[at + 1 :])
        assert vars(settings.load(str(tmp_path))) == LOST
    settings.save(str(tmp_path), settings.load(str(tmp_path)))
    assert vars(settings.load(str(tmp_path))) == DEFAULTS, "saved anew, nothing is lost any more"


@pytest.mark.parametrize("damage", ["empty", "short", "long", "zeros", "erased"])
def test_a_record_of_another_length(tmp_path: Path, damage: str) -> None:
    record = settings.encode(stored())
    contents = {
        "empty": [b""],
        "short": [record[:size] for size in range(1, len(record))],
        "long": [record + b"\0", record * 2, record * 100],
        "zeros": [bytes(len(record))],
        "erased": [b"\xff" * len(record)],
    }
    for content in contents[damage]:
        (tmp_path / "settings.bin").write_bytes(content)
        assert vars(settings.load(str(tmp_path))) == LOST


def test_a_record_of_another_version() -> None:
    body = bytearray(settings.encode(stored())[:-4])
    assert settings.decode(signed(bytes(body))) is not None
    for version in (0, 1, 2, 3, 255):
        body[2] = version
        assert settings.decode(signed(bytes(body))) is None


@pytest.mark.parametrize(
    ("offset", "content"),
    [
        (3, b"\x02"),  # neither swapped nor not
        (6, b"\x03"),  # an evidence nobody has heard of
        (7, b"\x03"),  # a controller
        (9, b"\x02"),  # winter
        (10, b"\x03"),  # dimming
        (11, b"\x05"),  # the person of the baseline
        (12, b"\xe6\xb1"),  # a language
        (14, struct.pack("<i", 500_000_001)),  # a
        (18, struct.pack("<i", 346_596_622)),  # b of the wrong sign
        (22, struct.pack("<i", 0)),  # c
        (26, struct.pack("<I", 4_000_000_000)),  # date
        (30, b"\xff" * 16),  # batch
        (46, b"12345678901234x"),  # phone
        (62, b"\x57"),  # a baseline of 87
        (65, struct.pack("<H", 9700)),  # readings that lie months apart
    ],
)
def test_a_whole_record_that_makes_no_sense(offset: int, content: bytes) -> None:
    """Written by a program with a mistake: the sum is right and the value is not."""
    body = bytearray(settings.encode(stored())[:-4])
    body[offset : offset + len(content)] = content
    assert settings.decode(signed(bytes(body))) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("leds_swapped", 2),
        ("swap_confirmed", -1),
        ("turned", None),
        ("evidence", "good"),
        ("language", "DE"),
        ("language", "deu"),
        ("silent", 2),
        ("winter", 2),
        ("phone", "call me"),
        ("phone", "12345678901234567"),
        ("baseline", ((9800, 91), (9801, 91))),
        ("baseline", ((9800, 91), (9800, 91), (9800, 91))),
        ("baseline", ((9800, 91), (9800, 87), (9801, 91))),
        ("baseline", ((9800, 95), (9800, 91), (9801, 91))),
        ("baseline", ((9800, 91), (9800, 91), (9891, 91))),
        ("baseline_person", 5),
        ("baseline_person", -1),
        ("controller", "st7789"),
        ("curve_e7", (600_000_000, -346_596_622, 1_126_898_759)),
        ("curve_e7", (15_958_422, 346_596_622, 1_126_898_759)),
        ("curve_e7", (500_000_000, -500_000_000, 1_126_898_759)),
        ("curve_e7", (15_958_422, -346_596_622, 100)),
        ("date", 241_126),
        ("batch", "seventeen letters"),
        ("batch", "第七批"),
    ],
)
def test_nothing_senseless_is_saved(tmp_path: Path, name: str, value: object) -> None:
    settings.save(str(tmp_path), stored())
    told = stored()
    setattr(told, name, value)
    with pytest.raises(ValueError, match=name):
        settings.save(str(tmp_path), told)
    assert vars(settings.load(str(tmp_path))) == vars(stored())


def test_evidence_needs_a_batch_and_a_date() -> None:
    told = settings.Settings()
    told.evidence = "secondary"
    with pytest.raises(ValueError, match="evidence"):
        settings.check(told)


def test_a_save_that_fails_leaves_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.save(str(tmp_path), stored())

    def full(*_: object) -> None:
        raise OSError(28, "ENOSPC")

    monkeypatch.setattr(os, "rename", full)
    other = stored()
    other.language = "zh"
    with pytest.raises(OSError):
        settings.save(str(tmp_path), other)
    assert vars(settings.load(str(tmp_path))) == vars(stored())


@pytest.mark.parametrize("told", [settings.Settings(), stored()], ids=["default", "stored"])
def test_the_curve_reaches_the_core(told: settings.Settings) -> None:
    q20 = told.curve_q20()
    for coefficient, e7 in zip(q20, told.curve_e7, strict=True):
        assert abs(coefficient / 2**20 - e7 / 1e7) <= 0.5 / 2**20
        assert -(2**30) <= coefficient < 2**30, "a small integer of the ESP32"
    core.set_curve(core.new(), *q20)


def test_a_baseline_is_the_median_and_lasts_ninety_days() -> None:
    told = stored()
    assert told.baseline_pct() == 91
    assert [told.baseline_holds(day, 3) for day in (9801, 9802, 9892, 9893)] == [
        False,
        True,
        True,
        False,
    ]
    assert not told.baseline_holds(-1, 3), "without a clock nobody knows how old it is"
    assert settings.Settings().baseline_pct() == -1
    assert not settings.Settings().baseline_holds(9802, 0)


def test_a_baseline_is_of_one_person_alone() -> None:
    """What is usual for a sick person would hide that somebody else has become one."""
    told = stored()
    assert [told.baseline_holds(9802, person) for person in range(5)] == [
        False,
        False,
        False,
        True,
        False,
    ]
    told.baseline_person = 0
    assert [told.baseline_holds(9802, person) for person in (0, 1)] == [True, False]


def test_any_language_of_two_letters_may_be_chosen(tmp_path: Path) -> None:
    told = stored()
    told.language = "de"
    settings.save(str(tmp_path), told)
    assert settings.load(str(tmp_path)).language == "de"
