"""Bluetooth: the bytes against an independent decoder, the talk against a fake of the stack."""

import datetime
import math
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import plxs
import pytest
from device import Device, Finger
from test_log import opened

from sim.board import Board
from sim.door import bluetooth, bonds, field, plx, services, terms

SPOT, CONTINUOUS, FEATURES, RECORDS = 0x2A5E, 0x2A5F, 0x2A60, 0x2A52
BATTERY, TIME, ZONE = 0x2A19, 0x2A2B, 0x2A0F
ALL = b"\x01\x01"


@pytest.fixture(autouse=True)
def ble() -> Iterator[Any]:
    radio = bluetooth.BLE()
    radio.active(False)
    bluetooth.BLE.without_private = False
    yield radio
    radio.active(False)
    bluetooth.BLE.without_private = False


@pytest.fixture
def device(tmp_path: Path) -> Device:
    finger = Finger()
    return Device(finger, Board(finger, data_dir=tmp_path), vbus=None)


def linked(device: Device) -> Any:
    """The radio, begun by the button."""
    device.app.go(terms.LINK, device.now_ms)
    device.app.radio = services.begin(device.app, device.app.now_ms, True)
    device.run(80)
    return device.app.radio


def off(device: Device) -> None:
    radio: Any = device.app.radio
    radio.end()
    device.app.radio = None


def phone(device: Device, ble: Any, pair: bool = True, **how: Any) -> Any:
    """A phone that is connected, subscribed to everything, and bonded."""
    there = bluetooth.Phone(ble, **how)
    for uuid in (SPOT, CONTINUOUS, RECORDS, BATTERY):
        there.subscribe(uuid)
    if pair:
        assert there.pair()
    device.run(80)
    return there


def got(there: Any, uuid: int) -> list[bytes]:
    return [content for of, content in there.received if of == uuid]


def stored(device: Device, count: int) -> None:
    device.run(80)  # it opens the log
    told = [field.NONE] * field.LENGTH
    told[field.FLAGS] = field.FLAG_SETTLED
    for n in range(count):
        told[field.SETTLED_CENTIPCT] = 7000 + n * 10 % 3000
        told[field.PULSE_DECIBPM] = 400 + n
        device.app.log.append(
            told, n, 849_000_000 + 60 * n if n % 2 else field.NONE, 0, 16 * (n % 3)
        )


def encoded(told: list[int], proven: bool, stored: bool | None) -> bytes:
    """As the radio asks for it: with the time in a spot check, where there is one."""
    time = b""
    if stored is not None and told[field.TIME_S] >= 0:
        when = datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=told[field.TIME_S])
        time = struct.pack("<H5B", *when.timetuple()[:6])
    return plx.encode(told, proven, stored, time)


def live(**values: int) -> list[int]:
    told = [field.NONE] * field.STORED_LENGTH
    told[field.STATUS] = field.OK
    told[field.FLAGS] = 0
    for name, value in values.items():
        told[getattr(field, name.upper())] = value
    return told


# The bytes.


def test_a_settled_reading_says_what_the_screen_says() -> None:
    told = live(
        flags=field.FLAG_SETTLED | field.FLAG_LOW_PERFUSION,
        spo2_centipct=9450,
        pulse_decibpm=725,
        perfusion_millipct=253,
        time_s=849_000_123,
    )
    content = encoded(told, False, False)
    assert len(content) <= 20, "the smallest packet that every phone takes"
    seen = plxs.spot_check(content)
    assert seen.spo2_pct == 94, "halves down, like the screen and the verdict"
    assert seen.pulse_bpm == 73
    assert seen.amplitude_pct == pytest.approx(0.253)
    assert seen.time == datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=849_000_123)
    assert not seen.clock_unset
    assert seen.status == {plxs.DEMONSTRATION}, "no evidence, no more than a demonstration"
    assert seen.sensor == {plxs.LOW_PERFUSION}
    assert plxs.spot_check(encoded(told, True, False)).status == {plxs.QUALIFIED}
    assert plxs.FROM_STORAGE in plxs.spot_check(encoded(told, True, True)).status


def test_without_a_clock_there_is_no_time() -> None:
    seen = plxs.spot_check(encoded(live(spo2_centipct=9700), True, False))
    assert seen.time is None and seen.clock_unset


@pytest.mark.parametrize("status", range(len(field.STATUS_NAMES)))
def test_no_reading_is_not_a_number(status: int) -> None:
    told = live(status=status)
    seen = plxs.continuous(encoded(told, True, None))
    assert math.isnan(seen.spo2_pct) and math.isnan(seen.pulse_bpm)
    assert math.isnan(seen.amplitude_pct)
    assert plxs.ONGOING in seen.status
    assert (plxs.UNAVAILABLE in seen.status) == (status != field.OK)
    words = {
        "starting": plxs.ANALYSING,
        "searching": plxs.ANALYSING,
        "weak_pulse": plxs.POOR,
        "motion": plxs.ERRATIC,
        "no_finger": plxs.NO_FINGER,
        "too_bright": plxs.INTERFERENCE,
        "saturated": plxs.INADEQUATE,
        "sensor_fault": plxs.SENSOR_FAULT,
        "leds_swapped": plxs.MALFUNCTION,
    }
    word = words.get(field.STATUS_NAMES[status])
    assert seen.sensor == (set() if word is None else {word})


def test_live_and_settled_are_told_apart() -> None:
    told = live(spo2_centipct=9650, pulse_decibpm=600)
    assert plxs.continuous(encoded(told, True, None)).status == {plxs.ONGOING, plxs.EARLY}
    told[field.FLAGS] = field.FLAG_SETTLED
    assert plxs.continuous(encoded(told, True, None)).status == {
        plxs.ONGOING,
        plxs.QUALIFIED,
    }


@pytest.mark.parametrize("flag", [field.FLAG_BELOW_RANGE, field.FLAG_SUSPECT_SWAP])
def test_what_is_beyond_the_curve_is_questionable(flag: int) -> None:
    seen = plxs.continuous(encoded(live(flags=flag, spo2_centipct=6512), True, None))
    assert plxs.QUESTIONABLE in seen.status and seen.spo2_pct == 65


def test_every_number_survives() -> None:
    chance = random.Random(7)
    for _ in range(5000):
        spo2, pulse = chance.randrange(0, 10_100), chance.randrange(0, 3000)
        perfusion = chance.choice((chance.randrange(2046), chance.randrange(65_535)))
        told = live(spo2_centipct=spo2, pulse_decibpm=pulse, perfusion_millipct=perfusion)
        for seen in (
            plxs.continuous(encoded(told, True, None)),
            plxs.spot_check(encoded(told, True, True)),
        ):
            assert seen.spo2_pct == -(-(2 * spo2 - 100) // 200), "halves down"
            assert seen.pulse_bpm == (pulse + 5) // 10
            exact = perfusion / 1000
            assert exact * 0.9949 - 0.001 <= seen.amplitude_pct <= exact + 1e-9


def test_features_are_those_that_are_used() -> None:
    told, status, sensor = plxs.features(services.FEATURES)
    assert told == {0, 1, 2, 3, 6, 7}
    used_status: set[int] = set()
    used_sensor: set[int] = set()
    flags = [0, *(1 << bit for bit in range(len(field.FLAG_NAMES)))]
    for kind in (None, False, True):
        for state in range(len(field.STATUS_NAMES)):
            for flag in flags:
                for proven in (False, True):
                    content = encoded(live(status=state, flags=flag), proven, kind)
                    decode = plxs.continuous if kind is None else plxs.spot_check
                    used_status |= decode(content).status
                    used_sensor |= decode(content).sensor
    assert (status, sensor) == (used_status, used_sensor)


# The invitation.


def test_nothing_in_the_air_tells_which_unit_it_is(device: Device, ble: Any) -> None:
    names, payloads = set(), set()
    for _ in range(20):
        radio = linked(device)
        assert len(ble.advertised) <= 31
        parts = {}
        left = ble.advertised
        while left:
            size, kind = left[0], left[1]
            parts[kind] = left[2 : 1 + size]
            left = left[1 + size :]
        assert parts == {1: b"\x06", 3: b"\x22\x18", 9: radio.name.encode()}
        assert ble.settings["gap_name"] == radio.name.encode()
        assert ble.settings["addr_mode"] == 2, "resolvable by bonded phones alone"
        names.add(radio.name)
        payloads.add(ble.advertised)
        for value in ble.values.values():
            assert device.board.UNIQUE_ID.hex().encode() not in value.data
            assert device.board.UNIQUE_ID not in value.data
        radio.end()
    assert len(names) == len(payloads) > 15


def test_a_port_without_private_addresses_has_a_random_one(device: Device, ble: Any) -> None:
    bluetooth.BLE.without_private = True
    assert linked(device) is not None
    assert ble.advertised and ble.settings["addr_mode"] == 1


def test_every_service_is_there(device: Device, ble: Any) -> None:
    linked(device)
    there = phone(device, ble, pair=False)
    told, _, _ = plxs.features(there.read(FEATURES))
    assert 2 in told
    assert there.read(0x2A29) == b"Xueyang" and there.read(0x2A26) == b"0.1.0"
    assert there.read(ZONE) == b"\0\0"
    with pytest.raises(bluetooth.AttError):
        there.read(0x2A25)  # a serial number


def test_link_mode_lasts_two_minutes(device: Device, ble: Any) -> None:
    linked(device)
    device.run(119_000)
    assert ble.active() and ble.advertised
    device.run(1_500)
    assert not ble.active() and device.app.radio is None


@pytest.mark.parametrize("connected", [False, True])
def test_the_button_ends_link_mode_and_not_only_its_screen(
    device: Device, ble: Any, connected: bool
) -> None:
    device.light.present = False
    device.light._contact = 0.0
    device.run(3000)
    linked(device)
    assert device.phase == terms.LINK and ble.active()
    if connected:
        phone(device, ble)
    device.press()
    assert device.phase == terms.INSERT
    assert not ble.active() and device.app.radio is None, "nobody can be bonded any more"


def test_the_button_leaves_other_radio_alone(device: Device, ble: Any) -> None:
    """A finger in the two minutes: the phone that came for its numbers gets them."""
    linked(device)
    phone(device, ble)
    device.app.go(terms.NOTICE, device.now_ms)
    device.press()
    assert device.phase != terms.LINK and ble.active()


def test_who_is_connected_stays(device: Device, ble: Any) -> None:
    linked(device)
    there = phone(device, ble)
    device.run(180_000)
    assert ble.active() and not ble.settings["bond"], "but nobody can be bonded any more"
    there.leave()
    device.run(200)
    assert not ble.active()


def test_who_leaves_may_come_back_within_the_time(device: Device, ble: Any) -> None:
    linked(device)
    phone(device, ble).leave()
    device.run(200)
    assert ble.advertised
    again = phone(device, ble, pair=False)
    device.run(2000)
    assert got(again, CONTINUOUS)


def test_no_radio_is_no_trouble(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "EIO")

    monkeypatch.setattr(bluetooth.BLE, "active", broken)
    assert services.begin(device.app, 0, True) is None
    device.until_number()


def test_a_radio_that_fails_later_is_switched_off(device: Device, ble: Any) -> None:
    linked(device)
    phone(device, ble)
    ble.active(False)  # the stack has gone, and every call says ENODEV
    ble.phone = None
    device.run(2000)
    assert device.app.radio is None
    device.until_number()


# What is measured.


def test_live_numbers_are_those_of_the_screen(device: Device, ble: Any) -> None:
    linked(device)
    there = phone(device, ble)
    device.until_number()
    device.run(5000)
    seen = plxs.continuous(got(there, CONTINUOUS)[-1])
    assert seen.spo2_pct == device.shown() == 94
    assert seen.pulse_bpm == 72
    assert len(got(there, CONTINUOUS)) >= 5, "one a second"


def test_the_battery(device: Device, ble: Any) -> None:
    device.board.battery_adc.cells_mv = 2950
    device.run(1500)
    linked(device)
    there = phone(device, ble)
    device.run(1500)
    assert 80 <= there.read(BATTERY)[0] <= 100
    assert got(there, BATTERY)[-1] == there.read(BATTERY)


def test_a_held_result_is_never_a_live_one(device: Device, ble: Any) -> None:
    """The finger has gone: whatever the screen still shows, what is sent live is not a number."""
    linked(device)
    there = phone(device, ble)
    device.run(60_000, lambda: bool(device.flags & {"settled"}))
    device.run(2000)
    assert plxs.continuous(got(there, CONTINUOUS)[-1]).spo2_pct == 94
    device.light.present = False
    device.run(3000)
    there.received.clear()
    device.run(60_000)
    packets = [plxs.continuous(content) for content in got(there, CONTINUOUS)]
    assert len(packets) >= 50
    for seen in packets:
        assert math.isnan(seen.spo2_pct) and math.isnan(seen.pulse_bpm)
        assert {plxs.UNAVAILABLE} <= seen.status and plxs.NO_FINGER in seen.sensor


def test_a_settled_reading_starts_the_radio_for_a_phone_that_was_bonded(
    device: Device, ble: Any, tmp_path: Path
) -> None:
    device.run(60_000, lambda: bool(device.flags & {"settled"}))
    device.run(1000)
    assert device.app.radio is None, "nobody was ever bonded: nobody would hear"
    device.light.present = False
    device.run(3000)
    linked(device)
    first = phone(device, ble)
    device.run(200)
    keys = first.bonds
    first.leave()
    off(device)
    device.light.present = True
    device.run(60_000, lambda: device.app.radio is not None)
    assert "settled" in device.flags
    device.run(200)
    there = phone(device, ble, bonds=keys)
    device.run(3000)
    assert len(got(there, SPOT)) == 1, "once, and it was confirmed"
    seen = plxs.spot_check(got(there, SPOT)[0])
    assert seen.spo2_pct == 94 and seen.status == {plxs.DEMONSTRATION}
    kept = opened(str(tmp_path))
    kept.find()
    assert (kept.record[field.SPO2_CENTIPCT] + 49) // 100 == 94
    there.leave()
    device.run(40_000)
    assert not ble.active()


def test_who_subscribes_late_gets_the_settled_reading_all_the_same(
    device: Device, ble: Any
) -> None:
    radio = linked(device)
    stored(device, 1)
    radio.offer(device.app.log.record)
    there = bluetooth.Phone(ble)
    device.run(7000)
    there.subscribe(SPOT)
    device.run(5000)
    assert len(got(there, SPOT)) == 1


def test_an_indication_that_is_not_confirmed_is_sent_again_later(device: Device, ble: Any) -> None:
    radio = linked(device)
    stored(device, 1)
    radio.offer(device.app.log.record)
    there = phone(device, ble, slow=True)
    device.run(200)
    assert len(got(there, SPOT)) == 1
    there.confirm(status=13)  # BLE_HS_ETIMEOUT
    device.run(3000)
    assert len(got(there, SPOT)) == 2
    there.confirm()
    device.run(10_000)
    assert len(got(there, SPOT)) == 2


# The memory.


def asked(device: Device, there: Any, request: bytes, ms: int = 3000) -> list[bytes]:
    """What the record access control point answers."""
    there.received.clear()
    there.write(RECORDS, request)
    device.run(ms)
    return got(there, RECORDS)


def test_records_are_counted_reported_and_deleted(device: Device, ble: Any) -> None:
    device.light.present = False  # none comes to them meanwhile
    device.light._contact = 0.0
    stored(device, 60)
    linked(device)
    there = phone(device, ble)
    assert asked(device, there, b"\x04\x01") == [b"\x05\x00\x3c\x00"]
    assert asked(device, there, ALL, 20_000) == [b"\x06\x00\x01\x01"]
    told = [plxs.spot_check(content) for content in got(there, SPOT)]
    assert [seen.pulse_bpm for seen in told] == [(400 + n + 5) // 10 for n in range(60)]
    for n, seen in enumerate(told):
        assert plxs.FROM_STORAGE in seen.status
        assert (plxs.DEMONSTRATION in seen.status) == (n % 3 != 2), "2 is human_sao2"
        assert (seen.time is None) == (n % 2 == 0)
    order = [of for of, _ in there.received if of in (SPOT, RECORDS)]
    assert order[-1] == RECORDS, "and then it says that this was all"
    assert asked(device, there, b"\x01\x06") == [b"\x06\x00\x01\x01"]
    assert len(got(there, SPOT)) == 1
    assert asked(device, there, b"\x02\x01") == [b"\x06\x00\x02\x01"]
    assert asked(device, there, b"\x04\x01") == [b"\x05\x00\x00\x00"]
    assert asked(device, there, ALL) == [b"\x06\x00\x01\x06"], "no records found"
    assert device.app.log.find() == -1


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"\x01\x02", 4),
        (b"\x02\x06", 4),
        (b"\x09\x01", 2),
        (b"\x01\x00", 3),
        (b"", 2),
        (b"\x07", 2),
    ],
)
def test_what_is_not_supported_is_said(
    device: Device, ble: Any, request_: bytes, code: int
) -> None:
    stored(device, 2)
    linked(device)
    there = phone(device, ble)
    told = asked(device, there, request_)
    assert told == [bytes((6, 0, request_[0] if request_ else 0, code))]
    assert not got(there, SPOT)


def test_a_report_is_aborted(device: Device, ble: Any) -> None:
    stored(device, 300)
    linked(device)
    there = phone(device, ble)
    there.write(RECORDS, ALL)
    device.run(1000)
    before = len(got(there, SPOT))
    assert asked(device, there, b"\x03\x00") == [b"\x06\x00\x03\x01"]
    assert 0 < before < 300 and len(got(there, SPOT)) <= 1


def test_only_one_indication_is_under_way(device: Device, ble: Any) -> None:
    """A slow phone: each record waits for the confirmation of the last, and none is lost."""
    stored(device, 20)
    linked(device)
    there = phone(device, ble, slow=True)
    there.write(RECORDS, ALL)
    for _ in range(21):
        device.run(400)
        assert there.unconfirmed is not None and not there._again
        there.confirm()
    device.run(400)
    assert len(got(there, SPOT)) == 20 and got(there, RECORDS) == [b"\x06\x00\x01\x01"]


def test_a_phone_that_goes_in_the_middle(device: Device, ble: Any) -> None:
    stored(device, 100)
    linked(device)
    there = phone(device, ble)
    there.write(RECORDS, ALL)
    device.run(500)
    there.leave()
    device.run(200)
    again = phone(device, ble, bonds=there.bonds)
    device.run(3000)
    assert not got(again, SPOT), "what another asked for is not sent to this one"
    assert asked(device, again, b"\x04\x01") == [b"\x05\x00\x64\x00"]


def test_a_damaged_record_is_passed_over(device: Device, ble: Any, tmp_path: Path) -> None:
    stored(device, 10)
    content = bytearray((tmp_path / "log.0").read_bytes())
    content[32 * 4 + 9] ^= 1
    (tmp_path / "log.0").write_bytes(content)
    linked(device)
    there = phone(device, ble)
    asked(device, there, ALL, 6000)
    assert len(got(there, SPOT)) == 9


# Who may.


def test_a_stranger_may_neither_read_the_memory_nor_set_the_clock(
    device: Device, ble: Any
) -> None:
    stored(device, 5)
    linked(device)
    there = phone(device, ble, pair=False)
    for uuid, content in ((RECORDS, ALL), (TIME, bytes(10))):
        with pytest.raises(bluetooth.AttError, match="encryption"):
            there.write(uuid, content)
    device.run(3000)
    assert not got(there, SPOT) and device.board.time_s() == -1


def test_without_the_button_nobody_is_bonded(device: Device, ble: Any, tmp_path: Path) -> None:
    """Encrypted is not enough: whoever pairs after a settled reading stays a stranger."""
    stored(device, 5)
    linked(device)
    phone(device, ble).leave()
    device.run(200)
    assert (tmp_path / "bonds").exists()
    off(device)
    device.app.radio = services.begin(device.app, device.app.now_ms, False)
    device.run(200)
    stranger = bluetooth.Phone(ble)
    for uuid in (SPOT, RECORDS):
        stranger.subscribe(uuid)
    ble.settings["bond"] = True  # even if the stack were to
    (tmp_path / "bonds").unlink()
    radio: Any = device.app.radio
    radio.secrets.clear()
    assert not stranger.pair()
    assert asked(device, stranger, ALL) == [b"\x06\x00\x01\x08"]
    assert asked(device, stranger, b"\x02\x01") == [b"\x06\x00\x02\x08"]
    assert not got(stranger, SPOT) and device.app.log.find() == 4
    stranger.write(TIME, b"\xea\x07\x0b\x1a\x16\x2d\x00\x04\x00\x00")
    device.run(200)
    assert device.board.time_s() == -1
    assert stranger.read(TIME)[:2] == b"\0\0", "and the true time stands there again"
    assert not (tmp_path / "bonds").exists()


def test_a_bonded_phone_comes_back_after_a_restart(
    device: Device, ble: Any, tmp_path: Path
) -> None:
    stored(device, 3)
    linked(device)
    first = phone(device, ble)
    device.run(200)
    first.leave()
    off(device)
    board = Board(Finger(), data_dir=tmp_path)
    later = Device(board.sensor.light, board, vbus=None)
    later.app.radio = services.begin(later.app, 0, False)
    assert later.app.radio is not None
    later.run(80)
    there = phone(later, ble, bonds=first.bonds)
    assert asked(later, there, b"\x04\x01") == [b"\x05\x00\x03\x00"]
    there.leave()
    later.run(80)
    assert not bluetooth.Phone(ble, bonds={"key": b"x" * 32}).pair(), "another's key is none"


def test_the_clock_is_set_by_a_bonded_phone(device: Device, ble: Any) -> None:
    linked(device)
    there = phone(device, ble)
    device.run(1100)
    assert there.read(TIME) == bytes(10), "unknown"
    there.write(TIME, b"\xea\x07\x0b\x1a\x16\x2d\x0a\x04\x00\x01")
    device.run(200)
    now = datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=device.board.time_s())
    assert now == datetime.datetime(2026, 11, 26, 22, 45, 10)
    device.run(1100)
    told = there.read(TIME)
    assert told[:4] == b"\xea\x07\x0b\x1a" and len(told) == 10
    assert told[7] == now.isoweekday()
    for wrong in (b"", b"\xea\x07\x0d\x1a\x16\x2d\x0a\x04\x00\x01", b"\xff" * 10):
        there.write(TIME, wrong)
        device.run(200)
        assert abs(device.board.time_s() - 849_048_310) < 10


# The keys.


def test_bonds_survive_and_damage_costs_them(tmp_path: Path) -> None:
    kept = [(10, b"irk", bytes(16)), (1, b"\x01abcdef", b"k" * 80), (2, b"", b"")]
    bonds.save(str(tmp_path), kept)
    assert bonds.load(str(tmp_path)) == kept
    content = (tmp_path / "bonds").read_bytes()
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 64
        (tmp_path / "bonds").write_bytes(damaged)
        assert bonds.load(str(tmp_path)) == []
        (tmp_path / "bonds").write_bytes(content[:at])
        assert bonds.load(str(tmp_path)) == []
    assert bonds.load(str(tmp_path / "nowhere")) == []


def test_secrets_are_found_by_key_and_by_number(device: Device) -> None:
    """As MicroPython's manual has it: without a key, the index counts those of its kind."""
    radio = linked(device)

    def get(kind: int, index: int, key: bytes | None) -> bytes | None:
        return radio.irq(29, (kind, index, None if key is None else memoryview(key)))

    def put(kind: int, key: bytes, value: bytes | None) -> bool:
        return radio.irq(30, (kind, memoryview(key), None if value is None else memoryview(value)))

    for n in range(4):
        assert put(1, bytes([n]), b"one%d" % n) and put(2, bytes([n]), b"two%d" % n)
    assert get(1, 0, b"\x03") == b"one3"
    assert get(2, 0, None) == b"two0" and get(2, 3, None) == b"two3"
    assert get(2, 4, None) is None and get(3, 0, b"") is None
    assert put(1, b"\x03", b"new") and get(1, 0, b"\x03") == b"new"
    assert put(1, b"\x03", None) and get(1, 0, b"\x03") is None
    radio.linking = False
    assert not put(1, b"\x09", b"late") and get(1, 0, b"\x09") is None
    assert put(1, b"\x02", None), "but a key may always be forgotten"


def test_the_oldest_bonds_make_room(tmp_path: Path) -> None:
    kept = [(10, b"irk", b"us")] + [(1, bytes([n]), b"k") for n in range(40)]
    bonds.save(str(tmp_path), kept)
    told = bonds.load(str(tmp_path))
    assert len(told) == 13 and told[0][0] == 10 and told[-1][1] == bytes([39])
