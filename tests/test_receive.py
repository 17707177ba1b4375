"""`xueyang receive`: the device's bytes into readings and a file, without a radio."""

import asyncio
import csv
import datetime
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import plxs
import pytest
from device import Device, Finger
from typer.testing import CliRunner

from host_tools import cli
from host_tools import receive as verb
from sim.board import Board
from sim.door import bluetooth, field, plx, services, terms


@pytest.fixture(autouse=True)
def ble() -> Iterator[Any]:
    radio = bluetooth.BLE()
    radio.active(False)
    yield radio
    radio.active(False)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    finger = Finger()
    finger.present = False
    finger._contact = 0.0
    return Device(finger, Board(finger, data_dir=tmp_path), vbus=None)


class Client:
    """bleak's client, talking to a simulated device over the fake of its stack."""

    def __init__(self, device: Device, bonds: dict | None = None, linking: bool = True) -> None:
        self.device = device
        if linking:
            device.app.go(terms.LINK, device.now_ms)
        device.app.radio = services.begin(device.app, device.app.now_ms, linking)
        device.run(80)
        self.phone = bluetooth.Phone(bluetooth.BLE(), bonds=bonds)
        self.is_connected = True
        self.handlers: dict[str, Any] = {}
        self._seen = 0

    async def pair(self) -> None:
        self.phone.pair()

    async def start_notify(self, uuid: str, handler: Any) -> None:
        self.phone.subscribe(int(uuid[4:8], 16))
        self.handlers[uuid[4:8]] = handler

    async def write_gatt_char(self, uuid: str, content: bytes, response: bool) -> None:
        assert response
        self.phone.write(int(uuid[4:8], 16), content)

    async def air(self) -> None:
        """Time passes, and what the device sends arrives."""
        while True:
            self.device.run(200)
            for uuid, content in self.phone.received[self._seen :]:
                self._seen += 1
                handler = self.handlers.get(f"{uuid:04x}")
                if handler is not None:
                    handler(None, bytearray(content))
            await asyncio.sleep(0)


def session(client: Client, **asked: Any) -> list[verb.Reading]:
    """Every reading that a session tells."""
    told: list[verb.Reading] = []

    async def both() -> None:
        air = asyncio.create_task(client.air())
        try:
            await verb.receive(client, told.append, **asked)
        finally:
            air.cancel()

    asyncio.run(both())
    return told


def stored(device: Device, count: int) -> None:
    device.run(80)  # it opens the log
    told = [field.NONE] * field.LENGTH
    told[field.FLAGS] = field.FLAG_SETTLED
    told[field.PERFUSION_MILLIPCT] = 1234
    for n in range(count):
        told[field.SETTLED_CENTIPCT] = 8000 + 10 * n
        told[field.PULSE_DECIBPM] = 600 + n
        device.app.log.append(told, n, 849_000_000 + 60 * n, 0, 0)


def test_the_decoder_agrees_with_the_independent_one() -> None:
    chance = random.Random(5)
    for _ in range(3000):
        told = [field.NONE] * field.STORED_LENGTH
        told[field.STATUS] = chance.randrange(len(field.STATUS_NAMES))
        told[field.FLAGS] = chance.randrange(1 << len(field.FLAG_NAMES))
        for index, most in (
            (field.SPO2_CENTIPCT, 10_100),
            (field.PULSE_DECIBPM, 3000),
            (field.PERFUSION_MILLIPCT, 65_000),
        ):
            told[index] = chance.choice((-1, chance.randrange(most)))
        time = chance.choice((b"", b"\xea\x07\x0b\x1a\x16\x2d\x0a"))
        for kind in (None, False, True):
            content = plx.encode(told, chance.random() < 0.5, kind, b"" if kind is None else time)
            ours = verb.decode(content, kind is None)
            theirs = (plxs.continuous if kind is None else plxs.spot_check)(content)
            for number, other in (
                (ours.spo2_pct, theirs.spo2_pct),
                (ours.pulse_bpm, theirs.pulse_bpm),
                (ours.perfusion_pct, theirs.amplitude_pct),
            ):
                assert number is None if math.isnan(other) else number == pytest.approx(other)
            assert ours.time == theirs.time
            assert len(ours.status) == len(theirs.status)
            assert len(ours.sensor) == len(theirs.sensor)
            assert ("demonstration" in ours.status) == (plxs.DEMONSTRATION in theirs.status)
            assert ("no_finger" in ours.sensor) == (plxs.NO_FINGER in theirs.sensor)


@pytest.mark.parametrize(
    ("content", "live", "spo2", "pulse"),
    [
        (b"\x00\x61\x00\x48\x00", False, 97, 72),
        (b"\x00\x17\xf0\xff\x07", False, 2.3, None),
        (b"\x03\x5f\x00\x50\x00\x01\x00\x02\x00\x03\x00\x04\x00", True, 95, 80),
        (b"\x00\x00\x08\x02\x08", True, None, None),
    ],
)
def test_packets_of_others(
    content: bytes, live: bool, spo2: float | None, pulse: float | None
) -> None:
    """97 = 0x0061 and 2.3 = 0xF017; with averages this project never sends; NRes and -INF."""
    told = verb.decode(content, live)
    assert (told.spo2_pct, told.pulse_bpm) == (spo2, pulse)


def test_what_is_too_short_is_refused() -> None:
    told = [field.NONE] * field.STORED_LENGTH
    told[field.STATUS] = told[field.FLAGS] = 0
    whole = plx.encode(told, True, True, b"\xea\x07\x0b\x1a\x16\x2d\x0a")
    for size in range(len(whole)):
        with pytest.raises(ValueError, match="too short"):
            verb.decode(whole[:size], live=False)


def test_the_memory_is_fetched_each_reading_once(device: Device, tmp_path: Path) -> None:
    stored(device, 30)
    path = tmp_path / "readings.csv"
    client = Client(device)
    store = verb.Store(path)
    told = session(client, records=True)
    assert [reading.pulse_bpm for reading in told] == [(600 + n + 5) // 10 for n in range(30)]
    assert all(store.add(reading) for reading in told)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30 and tuple(rows[0]) == verb.COLUMNS
    first = rows[0]
    assert first["spo2_pct"] == "80" and first["perfusion_pct"] == "1.234"
    began = datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=849_000_000)
    assert first["time"] == began.isoformat()
    assert first["status"] == "from_storage demonstration"
    again = verb.Store(path)
    assert not any(again.add(reading) for reading in session(client, records=True))


def test_the_memory_is_emptied_when_all_has_come(device: Device) -> None:
    stored(device, 5)
    assert len(session(Client(device), records=True, delete=True)) == 5
    assert device.app.log.find() == -1


def test_an_empty_memory_is_no_error(device: Device) -> None:
    assert session(Client(device), records=True) == []


def test_the_clock_is_set_in_utc(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(device.board, "set_clock", told.append)
    session(Client(device), set_clock=True, seconds=1)
    then = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=told[0])
    late = datetime.datetime.now(datetime.UTC) - then
    assert len(told) == 1 and 0 <= late.total_seconds() < 30


def test_a_stranger_is_told_what_to_do(device: Device) -> None:
    stored(device, 5)
    Client(device).phone.pair()
    device.run(200)
    phone: Any = bluetooth.BLE().phone
    phone.leave()
    radio: Any = device.app.radio
    radio.end()
    client = Client(device, linking=False)
    with pytest.raises(verb.ReceiveError, match="link mode"):
        session(client, records=True)


def test_live_numbers_and_the_settled_one(device: Device) -> None:
    device.light.present = True
    client = Client(device)
    client.phone.pair()
    told = session(client, live=True, seconds=2)
    live = [reading for reading in told if reading.live]
    settled = [reading for reading in told if not reading.live]
    assert live[-1].spo2_pct == 94 and live[0].spo2_pct is None
    assert len(settled) == 1 and settled[0].spo2_pct == 94
    assert settled[0].status == ("demonstration",)


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.csv"
    path.write_text("Dear Li,\n")
    with pytest.raises(verb.ReceiveError, match="name another"):
        verb.Store(path)
    assert path.read_text() == "Dear Li,\n"


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "host_tools.cli", "receive", *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere"},
    )


@pytest.mark.skipif(sys.platform != "linux", reason="says what a Linux without Bluetooth says")
def test_a_computer_without_bluetooth_gets_a_sentence() -> None:
    done = run()
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "Bluetooth cannot be used" in done.stderr, "and not that a connection has failed"
    assert "run this again" in done.stderr and done.stdout == ""


def test_deleting_needs_a_file() -> None:
    done = run("--delete")
    assert done.returncode == 2 and "--csv" in done.stderr


def test_without_bleak_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bleak", None)
    done = CliRunner().invoke(cli.app, ["receive"])
    assert done.exit_code == 1 and "make setup-all" in done.output


def test_the_command_prints_and_keeps(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(device, 3)
    client = Client(device)

    class Found:
        async def __aenter__(self) -> Client:
            self.air = asyncio.create_task(client.air())
            return client

        async def __aexit__(self, *_: object) -> None:
            self.air.cancel()

    monkeypatch.setattr(verb, "connected", lambda name: Found())
    path = tmp_path / "kept.csv"
    done = CliRunner().invoke(cli.app, ["receive", "--records", "--json", "--csv", str(path)])
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["spo2_pct"] for one in told] == ["80", "80", "80"]
    assert path.read_text().count("\n") == 4


def test_nobody_there_is_exit_3(monkeypatch: pytest.MonkeyPatch) -> None:
    import bleak

    async def nobody(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(bleak, "BleakScanner", SimpleNamespace(find_device_by_filter=nobody))
    done = CliRunner().invoke(cli.app, ["receive"])
    assert done.exit_code == 3 and "link mode" in done.output
