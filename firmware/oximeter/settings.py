"""What a unit keeps over a power cut: its calibration, how it was built, how its owner reads it.

One record of fixed length: "XY", version, payload, CRC32 over all before it. A record that is
damaged, of another version or out of bounds is as good as none: the defaults hold, whose
calibration has no evidence and says so, and `lost` says that there was one.
"""

import binascii
import struct

from oximeter import storing
from oximeter.storing import check as check
from oximeter.storing import encode as encode
from oximeter.storing import save as save
from oximeter.unit import Settings as Settings


def decode(record):
    """Settings of a record; None when it is damaged, of another version or out of bounds."""
    size = storing.SIZE
    if len(record) != size + 4 or record[:2] != storing.MAGIC or record[2] != storing.VERSION:
        return None
    if binascii.crc32(record[:size]) != struct.unpack("<I", record[size:])[0]:
        return None
    settings = Settings()
    try:
        fields = struct.unpack(storing.LAYOUT, record[:size])
        for (name, choices), index in zip(storing.CHOICES, fields[2]):  # noqa: B905
            setattr(settings, name, choices[index])
        settings.language = fields[3].decode()
        settings.curve_e7 = fields[4:7]
        settings.date = fields[7]
        settings.batch = fields[8].rstrip(b"\0").decode()
        settings.phone = fields[9].rstrip(b"\0").decode()
        if fields[10]:
            settings.baseline = tuple([(fields[13 + i], fields[10 + i]) for i in range(3)])
        check(settings)
    except (IndexError, ValueError):
        return None
    return settings


def load(folder):
    """What is stored in `folder`, or the defaults."""
    try:
        with open(folder + "/settings.bin", "rb") as file:
            settings = decode(file.read(128))
    except OSError:
        return Settings()
    if settings is None:
        settings = Settings()
        settings.lost = True
    return settings
