"""The identity of a unit: what the factory writes is what the device reads, or nothing."""

import json
from pathlib import Path

import pytest

from host_tools import identity
from host_tools.calibrate import document
from host_tools.calibrate.curve import Curve
from host_tools.identity import Identity
from sim.door import identity as on_device

MADE = Identity("XY25A-000123", "L2547", "1.2", 20261124)


def test_what_is_written_is_read_on_the_device() -> None:
    fields = on_device.decode(MADE.encode())
    assert [text.rstrip(b"\0") for text in fields[:3]] == [b"XY25A-000123", b"L2547", b"1.2"]
    assert fields[3] == 20261124
    assert identity.decode(MADE.encode()) == MADE
    longest = Identity("S" * 16, "L" * 16, "R" * 8, 20991231)
    assert identity.decode(longest.encode()) == longest


def test_every_damaged_bit_is_noticed() -> None:
    record = MADE.encode()
    for bit in range(8 * len(record)):
        damaged = bytearray(record)
        damaged[bit // 8] ^= 1 << bit % 8
        assert on_device.decode(bytes(damaged)) is None
    for length in range(len(record)):
        assert on_device.decode(record[:length]) is None
    assert on_device.decode(record + b"\0") is None
    assert identity.decode(None) is None


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (Identity("", "L1", "1", 20261124), "serial"),
        (Identity("S" * 17, "L1", "1", 20261124), "serial"),
        (Identity("S 1", "L1", "1", 20261124), "serial"),
        (Identity("S1", "批号", "1", 20261124), "lot"),
        (Identity("S1", "L1", "123456789", 20261124), "revision"),
        (Identity("S1", "L1", "1", 20261301 - 10**6 * 20), "day"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: Identity, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        wrong.encode()


def test_serials_count_on() -> None:
    assert identity.next_serial("XY009") == "XY010"
    assert identity.next_serial("25A-0998", 3) == "25A-1001"
    for last in ("XY", "XY999"):
        with pytest.raises(ValueError, match="digits"):
            identity.next_serial(last)


def test_a_calibration_is_one_that_was_made(tmp_path: Path) -> None:
    """And none that somebody has written by hand, with the evidence he likes."""
    file = tmp_path / "calibration.json"
    default = Curve(1.5958422, -34.6596622, 112.6898759)
    document.made("design", default, "secondary", "S1", 660.0, {}).write(file)
    found = identity.calibration(file)
    assert (found.batch, found.evidence) == ("S1", "secondary")
    assert found.curve_e7 == (15958422, -346596622, 1126898759)
    by_hand = {"curve_e7": found.curve_e7, "evidence": "human_sao2", "date": 20261124}
    file.write_text(json.dumps(by_hand | {"batch": "L2547"}))
    with pytest.raises(ValueError, match="xueyang calibrate"):
        identity.calibration(file)
    with pytest.raises(ValueError, match="cannot be read"):
        identity.calibration(tmp_path / "absent.json")
