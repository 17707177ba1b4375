"""Receive a unit's readings over Bluetooth: the standard Pulse Oximeter Service, any maker's.

The decoder takes bytes and needs no radio; `receive` is given a client with bleak's methods.
"""

import asyncio
import contextlib
import csv
import datetime
import math
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BASE = "0000{:04x}-0000-1000-8000-00805f9b34fb"
SERVICE = _BASE.format(0x1822)
SPOT_CHECK = _BASE.format(0x2A5E)
CONTINUOUS = _BASE.format(0x2A5F)
RECORD_ACCESS = _BASE.format(0x2A52)
CURRENT_TIME = _BASE.format(0x2A2B)

COLUMNS = ("time", "spo2_pct", "pulse_bpm", "perfusion_pct", "status", "sensor")

# PLXS 1.0.1, tables 3.4 and 3.5.
_STATUS = {
    5: "ongoing",
    6: "early_estimate",
    7: "validated",
    8: "fully_qualified",
    9: "from_storage",
    10: "demonstration",
    11: "testing",
    12: "calibrating",
    13: "unavailable",
    14: "questionable",
    15: "invalid",
}
_SENSOR = {
    0: "display_update",
    1: "malfunction",
    2: "irregular_processing",
    3: "inadequate_signal",
    4: "poor_signal",
    5: "low_perfusion",
    6: "erratic_signal",
    7: "non_pulsatile",
    8: "questionable_pulse",
    9: "analysing",
    10: "interference",
    11: "no_finger",
    12: "unknown_sensor",
    13: "displaced",
    14: "sensor_fault",
    15: "disconnected",
}
_RESPONSES = {
    2: "it does not know this request",
    3: "the request was wrong",
    4: "it cannot select records so",
    5: "the request was wrong",
    6: "it has no readings stored",
    7: "it could not stop",
    8: "it gives its memory only to a phone or computer that was bonded in link mode: begin link "
    "mode with the button, and run this again",
    9: "the request was wrong",
}


class ReceiveError(RuntimeError):
    """What went wrong, and what to do; `code` is the exit code."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Reading:
    """One measurement as received. What the unit does not know is None; never 0 for it."""

    live: bool
    time: datetime.datetime | None
    spo2_pct: float | None
    pulse_bpm: float | None
    perfusion_pct: float | None
    status: tuple[str, ...]
    sensor: tuple[str, ...]

    def row(self) -> tuple[str, ...]:
        """As the cells of a row, in the order of COLUMNS."""
        numbers = (self.spo2_pct, self.pulse_bpm, self.perfusion_pct)
        return (
            self.time.isoformat() if self.time else "",
            *("" if number is None else f"{number:g}" for number in numbers),
            " ".join(self.status),
            " ".join(self.sensor),
        )


def decode(content: bytes, live: bool) -> Reading:
    """A spot check (0x2A5E) or, `live`, a continuous measurement (0x2A5F).

    Raises ValueError for bytes that are too short for what they announce.
    """
    try:
        flags, spo2, pulse = struct.unpack_from("<BHH", content)
        at = 5
        time = None
        if live:
            at += 4 * ((flags & 1) + (flags >> 1 & 1))  # fast and slow averages
            flags >>= 1  # from here on the flags are those of the spot check
        elif flags & 1:
            time = _time(struct.unpack_from("<HBBBBB", content, at))
            at += 7
        status = sensor = 0
        amplitude = math.nan
        if flags & 2:
            status = struct.unpack_from("<H", content, at)[0]
            at += 2
        if flags & 4:
            low, high = struct.unpack_from("<HB", content, at)
            sensor = low | high << 16
            at += 3
        if flags & 8:
            amplitude = _sfloat(struct.unpack_from("<H", content, at)[0])
    except struct.error:
        raise ValueError(f"{content.hex()} is too short for a reading") from None
    return Reading(
        live=live,
        time=time,
        spo2_pct=_known(_sfloat(spo2)),
        pulse_bpm=_known(_sfloat(pulse)),
        perfusion_pct=_known(amplitude),
        status=tuple(word for bit, word in _STATUS.items() if status >> bit & 1),
        sensor=tuple(word for bit, word in _SENSOR.items() if sensor >> bit & 1),
    )


def _sfloat(raw: int) -> float:
    if raw in (0x7FF, 0x800, 0x801):
        return math.nan
    if raw in (0x7FE, 0x802):
        return math.inf if raw == 0x7FE else -math.inf
    mantissa = (raw & 0xFFF) - (raw & 0x800) * 2
    exponent = (raw >> 12) - (raw >> 15) * 16
    return mantissa / 10**-exponent if exponent < 0 else float(mantissa * 10**exponent)


def _known(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _time(fields: tuple[int, ...]) -> datetime.datetime | None:
    try:
        year, month, day, hour, minute, second = fields
        return datetime.datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None  # zeros: unknown


class Store:
    """Readings in a CSV file, each once: a record that is fetched again is known by its row."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[tuple[str, ...]] = set()
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.reader(file))
            if rows and tuple(rows[0]) != COLUMNS:
                raise ReceiveError(f"{path} is not a file of received readings: name another one.")
            self._known = {_same(row) for row in rows[1:]}

    def add(self, reading: Reading) -> bool:
        """Keep it; False when it is there already. It is on the disk when this returns."""
        row = reading.row()
        if _same(row) in self._known:
            return False
        new = not self._path.exists() or self._path.stat().st_size == 0
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(COLUMNS)
            writer.writerow(row)
        self._known.add(_same(row))
        return True


def _same(row: Any) -> tuple[str, ...]:
    """What tells one reading from another: all but whether it came from the memory."""
    time, spo2, pulse, perfusion, status, sensor = row
    words = " ".join(word for word in status.split() if word != "from_storage")
    return time, spo2, pulse, perfusion, words, sensor


async def receive(
    client: Any,
    tell: Callable[[Reading], None],
    records: bool = False,
    set_clock: bool = False,
    delete: bool = False,
    live: bool = False,
    seconds: float = 60.0,
) -> None:
    """Talk to a unit that is connected, and `tell` every reading.

    records: fetch its memory and end; delete: and empty it when all has come; set_clock: set its
    clock to UTC; live: tell the live numbers too. Otherwise it listens for so many seconds, or
    until the unit goes. Raises ReceiveError.
    """
    answers: asyncio.Queue[bytes] = asyncio.Queue()

    def spot(_: Any, content: bytearray) -> None:
        tell(decode(bytes(content), live=False))

    def ongoing(_: Any, content: bytearray) -> None:
        tell(decode(bytes(content), live=True))

    if records or set_clock or delete:
        await client.pair()
    await client.start_notify(SPOT_CHECK, spot)
    if live:
        await client.start_notify(CONTINUOUS, ongoing)
    if set_clock:
        now = datetime.datetime.now(datetime.UTC)
        fields = (now.year, now.month, now.day, now.hour, now.minute, now.second)
        content = struct.pack("<HBBBBBBBB", *fields, now.isoweekday(), 0, 1)
        await client.write_gatt_char(CURRENT_TIME, content, response=True)
    if records or delete:
        await client.start_notify(
            RECORD_ACCESS, lambda _, content: answers.put_nowait(bytes(content))
        )
        await _request(client, answers, 1, seconds)
        if delete:
            await _request(client, answers, 2, seconds)
        return
    await _wait(client, seconds)


async def _request(
    client: Any, answers: "asyncio.Queue[bytes]", operation: int, seconds: float
) -> None:
    """Ask the record access control point for one operation on all records, and wait for it."""
    await client.write_gatt_char(RECORD_ACCESS, bytes((operation, 1)), response=True)
    try:
        answer = await asyncio.wait_for(answers.get(), timeout=max(seconds, 1))
    except TimeoutError:
        raise ReceiveError("The unit has stopped answering: run this again.") from None
    code = answer[3] if len(answer) >= 4 and answer[0] == 6 else 2
    if code not in (1, 6):
        raise ReceiveError(f"The unit refuses: {_RESPONSES.get(code, f'code {code}')}.")


async def _wait(client: Any, seconds: float) -> None:
    left = seconds
    while left > 0 and client.is_connected:
        await asyncio.sleep(min(0.2, left))
        left -= 0.2


@contextlib.asynccontextmanager
async def connected(name: str | None, timeout_s: float = 30.0) -> AsyncIterator[Any]:
    """The first unit found (or the one of this name), as a bleak client. Raises ReceiveError."""
    try:
        import bleak
        from bleak.exc import BleakBluetoothNotAvailableError, BleakError
    except ImportError:
        raise ReceiveError(
            "Receiving needs bleak, which is not installed: run `make setup-all`."
        ) from None

    def fits(device: Any, found: Any) -> bool:
        return SERVICE in found.service_uuids and name in (None, found.local_name, device.address)

    try:
        device = await bleak.BleakScanner.find_device_by_filter(
            fits, timeout=timeout_s, service_uuids=[SERVICE]
        )
        if device is None:
            raise ReceiveError(
                f"No oximeter was found within {timeout_s:g} s: begin link mode with its button, "
                "and run this again.",
                code=3,
            )
        async with bleak.BleakClient(device) as client:
            yield client
    except (BleakBluetoothNotAvailableError, FileNotFoundError) as error:  # D-Bus has no socket
        raise ReceiveError(
            f"This computer's Bluetooth cannot be used ({error}): switch it on and run this again."
        ) from None
    except (BleakError, OSError) as error:
        raise ReceiveError(f"The connection failed ({error}): run this again.") from None
