"""A unit's identity and calibration, as the factory writes them into its data partition."""

import binascii
import dataclasses
import json
import re
import struct
from pathlib import Path

from host_tools.sentences import say
from sim.door import identity, settings

FILE = "identity.bin"
SETTINGS_FILE = "settings.bin"


@dataclasses.dataclass(frozen=True)
class Identity:
    """serial and lot up to 16, revision (of the hardware) up to 8 plain characters; made: the day
    as 20261124."""

    serial: str
    lot: str
    revision: str
    made: int

    def encode(self) -> bytes:
        """The record of firmware/oximeter/identity.py. Raises ValueError with a sentence."""
        for name, limit in (("serial", 16), ("lot", 16), ("revision", 8)):
            text = getattr(self, name)
            if not re.fullmatch(rf"[!-~]{{1,{limit}}}", text):
                raise ValueError(say("identity_text", name=name, text=text, limit=limit))
        if not 20200101 <= self.made <= 20991231:
            raise ValueError(say("identity_day", made=self.made))
        texts = [text.encode() for text in (self.serial, self.lot, self.revision)]
        record = struct.pack(identity.LAYOUT, b"XI1", *texts, self.made)
        return record + struct.pack("<I", binascii.crc32(record))


def decode(record: bytes | None) -> Identity | None:
    """As the device reads it; None when there is none or it is damaged."""
    fields = identity.decode(record) if record else None
    if fields is None:
        return None
    try:
        serial, lot, revision = (text.rstrip(b"\0").decode("ascii") for text in fields[:3])
        return Identity(serial, lot, revision, fields[3])
    except UnicodeDecodeError:
        return None


def next_serial(serial: str, step: int = 1) -> str:
    """The serial `step` further on: the digits at its end count. Raises ValueError."""
    found = re.fullmatch(r"(.*?)(\d+)", serial)
    if not found:
        raise ValueError(say("no_digits", serial=serial))
    head, digits = found.groups()
    counted = f"{int(digits) + step:0{len(digits)}}"
    if len(counted) > len(digits):
        raise ValueError(say("serials_full", last=f"{head}{'9' * len(digits)}"))
    return head + counted


def calibration(path: Path) -> "settings.Settings":
    """Settings with the calibration of a JSON file: curve_e7 (three integers), evidence, date,
    batch, and nothing else. Raises ValueError with a sentence."""
    names = {"curve_e7", "evidence", "date", "batch"}
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(given, dict) or set(given) != names:
            raise ValueError
    except (OSError, ValueError):
        raise ValueError(
            say("no_calibration", path=path, names=", ".join(sorted(names)))
        ) from None
    found = settings.Settings()
    for name, value in given.items():
        setattr(found, name, tuple(value) if isinstance(value, list) else value)
    try:
        settings.check(found)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(say("bad_calibration", path=path, error=error)) from None
    return found
