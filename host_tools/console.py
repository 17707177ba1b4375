"""The device's console from the other end of the cable (firmware/oximeter/link/console.py).

    with open_port("/dev/ttyACM0") as port:
        console = Console(port)
        print(console.identify())

A factory and a bench talk to a unit through this; the port may be anything that reads and writes
bytes, so also a simulated device.
"""

import datetime
import os
import re
import struct
import time
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

_EPOCH = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
_RECORD = struct.Struct("<IIIHHHHHHBBHI")
_RECORD_VERSION = 1
_NONE = 0xFFFF
_FRAME_MAX = 4096
_SAMPLES_HEAD = struct.Struct("<IBBHHHh")
_NO_DIE = -32768
_DRAINED = 200  # reads at most, until what was under way has ended
_STOPPED_S = 1.0  # and so long for the answer that it has
_EVIDENCE = {0: "none", 16: "secondary", 32: "human_sao2"}  # of the firmware's terms.py


class Port(Protocol):
    """What a serial port does: `read` returns at most n bytes, fewer when its time is over."""

    def read(self, n: int, /) -> bytes: ...

    def write(self, data: bytes, /) -> Any: ...


class ConsoleError(RuntimeError):
    """The device refuses (`code` is its word for why), or does not answer (`code` "silent")."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Samples:
    """A block as the sensor gave it; `lost` samples went missing before it (31: or more).

    range_na: photocurrent at full scale; die_c: the sensor's temperature, None while not known.
    """

    t_ms: int
    lost: int
    ambient: bool
    led_red_ua: int
    led_ir_ua: int
    range_na: int
    die_c: float | None
    red_adc: list[int]
    ir_adc: list[int]


@dataclass(frozen=True)
class Stored:
    """A settled reading of the log. `time` is None where the clock was never set: then `boot`
    and `uptime_s` still put it in order. `flags` are those of the firmware's core/field.py."""

    seq: int
    time: datetime.datetime | None
    boot: int
    uptime_s: int
    spo2_pct: float
    spo2_sd_pct: float | None
    pulse_bpm: float | None
    perfusion_pct: float | None
    ratio: float | None
    flags: int
    person: int
    evidence: str
    oxygen: bool


def stored(content: bytes) -> Stored:
    """A record of the log from its 32 bytes. Raises ValueError for a damaged one."""
    if len(content) != _RECORD.size:
        raise ValueError(f"a record has {_RECORD.size} bytes, and these are {len(content)}")
    seq, time_s, uptime_s, boot, *shorts, person, marks, ratio, crc = _RECORD.unpack(content)
    if crc != zlib.crc32(content[:-4], _RECORD_VERSION):
        raise ValueError("the record is damaged")
    spo2, sd, pulse, perfusion, flags = shorts

    def scaled(value: int, unit: float) -> float | None:
        return None if value == _NONE else round(value * unit, 4)

    return Stored(
        seq=seq,
        time=_EPOCH + datetime.timedelta(seconds=time_s) if time_s else None,
        boot=boot,
        uptime_s=uptime_s,
        spo2_pct=round(spo2 * 0.01, 2),
        spo2_sd_pct=scaled(sd, 0.01),
        pulse_bpm=scaled(pulse, 0.1),
        perfusion_pct=scaled(perfusion, 0.001),
        ratio=scaled(ratio, 1 / 4096),
        flags=flags,
        person=person,
        evidence=_EVIDENCE.get(marks & 48, "none"),
        oxygen=bool(marks & 1),
    )


class Console:
    """One unit. Every method raises ConsoleError."""

    def __init__(self, port: Port, timeout_s: float = 3.0) -> None:
        self._port = port
        self._timeout_s = timeout_s
        self._inbox = b""
        self._stale = True  # something may still come that answers nothing we have asked

    def ask(self, line: str) -> str:
        """What the device answers to a line, without its OK."""
        if self._stale:
            self._drain()
        self._stale = True
        self._inbox = b""
        self._port.write(line.encode() + b"\n")
        for told in self._incoming(self._timeout_s):
            if not isinstance(told, str):
                continue  # the rest of what was under way
            if told == "OK" or told.startswith("OK "):
                self._stale = False
                return told[3:]
            refused = re.fullmatch(r'ERROR (\w+) "(.*)"', told)
            if refused:
                self._stale = False
                raise ConsoleError(refused[1], refused[2])
        raise ConsoleError(
            "silent",
            f"the unit does not answer to {line.split()[0]!r}: is its program running, and is "
            "this its port?",
        )

    def begin(self, mark: datetime.datetime, timeout_s: float) -> None:
        """Find the first answer that is ours, on a unit that may still answer what was asked of it
        before it could.

        Its clock is set to `mark`, another one each time this is tried: an answer with that in it
        is the answer to this. They come in the order of the questions, so all others are over.
        """
        self._inbox = b""
        self._stale = True
        self._port.write(f"\nstop\nset clock {mark:%Y-%m-%dT%H:%M:%S}\n".encode())
        marks = [mark + datetime.timedelta(seconds=n) for n in range(2)]
        told = tuple(f"OK time={each:%Y-%m-%dT%H:%M:%S}Z" for each in marks)
        until_s = time.monotonic() + timeout_s
        for heard in self._incoming(timeout_s):
            if heard in told:
                self._stale = False
                return
            if time.monotonic() > until_s:
                break
        raise ConsoleError("silent", "the unit does not answer: is its program running?")

    def _drain(self) -> None:
        """End what is under way and take what it has left: up to the answer to this very stop,
        for a busy host hears it late, and would take it for that to the next question."""
        self._port.write(b"\nstop\n")
        heard = b"\n"
        until_s = time.monotonic() + _STOPPED_S
        for _ in range(_DRAINED):
            more = self._port.read(256)
            heard = heard[-16:] + more
            is_answered = re.search(rb"\nOK\r?\n$", heard) or time.monotonic() > until_s
            if not more and is_answered:
                break

    def fields(self, line: str) -> dict[str, str]:
        """An answer of the form name=value name=value."""
        return dict(re.findall(r"([a-z][a-z0-9_]*)=(\S+)", self.ask(line)))

    def identify(self) -> dict[str, str]:
        return self.fields("identify")

    def self_test(self) -> dict[str, str]:
        """What each part said; `result` is pass or fail."""
        return self.fields("self-test")

    def set_clock(self, now: datetime.datetime) -> None:
        """`now` has a time zone."""
        self.ask(f"set clock {now.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%S}")

    def clock(self) -> datetime.datetime | None:
        """The unit's time; None while it was never set."""
        told = self.fields("clock")["time"]
        return None if told == "-" else datetime.datetime.fromisoformat(told)

    def settings(self) -> dict[str, str]:
        return self.fields("settings")

    def set_setting(self, name: str, value: str | int) -> None:
        self.ask(f"set settings {name} {'-' if value == '' else value}")

    def set_language(self, language: str) -> None:
        self.ask(f"set language {language}")

    def calibration(self) -> dict[str, str]:
        return self.fields("calibration")

    def set_calibration(
        self, curve_e7: tuple[int, int, int], evidence: str, date: int, batch: str
    ) -> None:
        """The curve's coefficients in percent times 10^7; see the firmware's settings.py."""
        a, b, c = curve_e7
        self.ask(f"set calibration {a} {b} {c} {evidence} {date} {batch or '-'}")

    def set_baseline(self, person: int, readings: list[tuple[datetime.date, int]]) -> None:
        """Three settled readings (day in UTC, percent) of a person, 0: who chooses none."""
        told = " ".join(f"{day:%Y%m%d} {percent}" for day, percent in readings)
        self.ask(f"set baseline {person} {told}")

    def record(self, on: bool) -> None:
        """Whether the unit measures on a cable too, until its next reset."""
        self.ask(f"set mode {'recording' if on else 'home'}")

    def samples(self, quiet_s: float | None = None) -> Generator[Samples, None, None]:
        """Raw samples as they come; leaving the loop stops them, and so does it when none has
        come for quiet_s."""
        self.ask("stream raw")
        try:
            for told in self._incoming(quiet_s):
                if isinstance(told, tuple) and told[0] == "S":
                    yield _samples(told[1])
        finally:
            self.ask("stop")

    def log(self, newest: int | None = None) -> list[Stored]:
        """What is stored, the newest first, all of it or so many."""
        self.ask("log read" if newest is None else f"log read {newest}")
        found = []
        for told in self._incoming(self._timeout_s):
            if isinstance(told, tuple) and told[0] == "L":
                found.append(stored(told[1]))
            elif isinstance(told, tuple) and told[0] == "E":
                return found
        raise ConsoleError(
            "silent", f"the log broke off after {len(found)} records: read it again"
        )

    def clear_log(self) -> None:
        self.ask("log clear")

    def _incoming(self, timeout_s: float | None) -> Iterator[str | tuple[str, bytes]]:
        """Lines, and frames as (kind, payload), until nothing has come for so long. What is
        neither is passed over up to the next line."""
        until = time.monotonic() + timeout_s if timeout_s is not None else None
        while True:
            told, self._inbox = _first(self._inbox)
            if told is not None:
                yield told
                until = time.monotonic() + timeout_s if timeout_s is not None else None
                continue
            if until is not None and time.monotonic() > until:
                return
            self._inbox += self._port.read(256)


def _first(inbox: bytes) -> tuple[str | tuple[str, bytes] | None, bytes]:
    """The first line or frame, None while there is none, and what is left."""
    while inbox[:1] == b"\x01":
        if len(inbox) < 4:
            return None, inbox
        length = struct.unpack_from("<H", inbox, 2)[0]
        if length <= _FRAME_MAX and len(inbox) < length + 8:
            return None, inbox
        body = inbox[1 : 4 + length]
        crc = inbox[4 + length : 8 + length]
        if length <= _FRAME_MAX and crc == struct.pack("<I", zlib.crc32(body)):
            return (chr(body[0]), body[3:]), inbox[8 + length :]
        inbox = inbox[1:]  # damaged: look for what comes after
        at = min((at for at in (inbox.find(b"\x01"), inbox.find(b"\n")) if at >= 0), default=-1)
        if at < 0:
            return None, b""
        inbox = inbox[at:]
    line, newline, rest = inbox.partition(b"\n")
    if b"\x01" in line:
        at = inbox.index(b"\x01")  # a line that was cut short by a frame
        return _first(inbox[at:])
    if not newline:
        return None, inbox
    return line.decode(errors="replace").strip("\r"), rest


def _samples(payload: bytes) -> Samples:
    t_ms, lost, ambient, red_ua, ir_ua, range_na, die = _SAMPLES_HEAD.unpack_from(payload)
    values = [
        int.from_bytes(payload[at : at + 3], "big")
        for at in range(_SAMPLES_HEAD.size, len(payload), 3)
    ]
    die_c = None if die == _NO_DIE else die / 100
    red_adc, ir_adc = values[::2], values[1::2]
    return Samples(t_ms, lost, bool(ambient), red_ua, ir_ua, range_na, die_c, red_adc, ir_adc)


def open_port(name: str) -> Any:
    """The serial port of a unit, by its name or by a URL of pyserial.

    Raises ConsoleError("port") with a sentence that says what to do.
    """
    try:
        import serial
    except ImportError:
        raise ConsoleError("port", "a serial port needs pyserial: run `make setup-all`.") from None
    try:
        return serial.serial_for_url(name, baudrate=115200, timeout=0.1)
    except (serial.SerialException, ValueError) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number).lower() if number else error
        raise ConsoleError(
            "port",
            f"{name} cannot be opened ({reason}): check the cable and the port's name, and close "
            "what else uses it.",
        ) from None
