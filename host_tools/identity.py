"""A unit's identity and calibration, as the factory writes them into its data partition."""

import binascii
import dataclasses
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


def calibration(path: Path, lot: str | None = None) -> "settings.Settings":
    """Settings with the calibration of a file that `xueyang calibrate` has made, for a unit of
    this lot. Raises ValueError with a sentence."""
    from host_tools.calibrate import document

    found = document.read(path)
    if found.kind == "lot" and lot is not None and found.batch != lot:
        raise ValueError(say("other_lots_curve", path=path, batch=found.batch, lot=lot))
    return found.settings()
