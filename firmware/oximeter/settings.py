"""What a unit keeps over a power cut: its calibration, how it was built, how its owner reads it.

One record of fixed length: "XY", version, payload, CRC32 over all before it. A record that is
damaged, of another version or out of bounds is as good as none: the defaults hold, whose
calibration has no evidence and says so, and `lost` says that there was one.
"""

import binascii
import os
import struct

from micropython import const

from oximeter.unit import Settings as Settings

_MAGIC = b"XY"
_VERSION = const(4)
# Magic, version, an index for each of _CHOICES, language, curve a b c, date, batch, phone, the
# baseline's three percentages and days; then the CRC.
_LAYOUT = "<2sB9s2siiiI16s16s3B3H"
_SIZE = const(71)

_CHOICES = (
    ("leds_swapped", (0, 1)),
    ("swap_confirmed", (0, 1)),
    ("turned", (0, 1)),
    ("evidence", ("none", "secondary", "human_sao2")),
    ("controller", ("", "ssd1306", "sh1106")),
    ("silent", (0, 1)),
    ("winter", (0, 1)),
    ("dimming", (0, 1, 2)),
    ("baseline_person", (0, 1, 2, 3, 4)),
)

# Coefficients in percent * 10^7, as published. Beyond these bounds it is no oximeter's curve.
_BOUNDS_E7 = ((-500000000, 500000000), (-1500000000, 500000000), (800000000, 1500000000))


def check(settings):
    """Raises ValueError with the name of the first field that no unit may have so."""
    for name, choices in _CHOICES:
        if getattr(settings, name) not in choices:
            raise ValueError(name)
    language = settings.language.encode()
    if len(language) != 2 or not all([97 <= letter <= 122 for letter in language]):  # noqa: C419
        raise ValueError("language")
    for value, (low, high) in zip(settings.curve_e7, _BOUNDS_E7):  # noqa: B905
        if not low <= value <= high:
            raise ValueError("curve_e7")
    a, b, _ = settings.curve_e7
    # More red absorbed is less oxygen, over all ratios people have (0.4 to 2.0; a parabola that
    # falls at both ends falls in between).
    if 4 * a + 5 * b >= 0 or 4 * a + b >= 0:
        raise ValueError("curve_e7")
    if settings.date != 0 and not 20200101 <= settings.date <= 20991231:
        raise ValueError("date")
    batch = settings.batch.encode()
    if len(batch) > 16 or not all([32 < byte < 127 for byte in batch]):  # noqa: C419
        raise ValueError("batch")
    if settings.evidence != "none" and not (settings.date and batch):
        raise ValueError("evidence")  # needs a batch and a date
    phone = settings.phone.encode()
    if len(phone) > 16 or not all([byte in b"0123456789+- " for byte in phone]):  # noqa: C419
        raise ValueError("phone")
    if settings.baseline:
        days = [day for day, _ in settings.baseline]
        if len(days) != 3 or not all([0 <= day < 65535 for day in days]):  # noqa: C419
            raise ValueError("baseline")
        if min(days) == max(days) or max(days) - min(days) > 90:
            raise ValueError("baseline")  # three readings on at least two days, not years apart
        if not all([88 <= pct <= 94 for _, pct in settings.baseline]):  # noqa: C419
            raise ValueError("baseline")


def encode(settings):
    """The record as bytes. Raises ValueError like `check`."""
    check(settings)
    chosen = bytes([choices.index(getattr(settings, name)) for name, choices in _CHOICES])
    a, b, c = settings.curve_e7
    readings = settings.baseline or ((0, 0), (0, 0), (0, 0))
    record = struct.pack(
        _LAYOUT,
        _MAGIC,
        _VERSION,
        chosen,
        settings.language.encode(),
        a,
        b,
        c,
        settings.date,
        settings.batch.encode(),
        settings.phone.encode(),
        *[pct for _, pct in readings],
        *[day for day, _ in readings],
    )
    return record + struct.pack("<I", binascii.crc32(record))


def decode(record):
    """Settings of a record; None when it is damaged, of another version or out of bounds."""
    if len(record) != _SIZE + 4 or record[:2] != _MAGIC or record[2] != _VERSION:
        return None
    if binascii.crc32(record[:_SIZE]) != struct.unpack("<I", record[_SIZE:])[0]:
        return None
    settings = Settings()
    try:
        fields = struct.unpack(_LAYOUT, record[:_SIZE])
        for (name, choices), index in zip(_CHOICES, fields[2]):  # noqa: B905
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


def save(folder, settings):
    """Store them: the old record stays whole until the new one is. OSError: a full flash."""
    record = encode(settings)
    try:  # noqa: SIM105 (MicroPython has no contextlib)
        os.mkdir(folder)
    except OSError:
        pass  # it is there, or the next line tells what is wrong
    path = folder + "/settings.bin"
    with open(path + ".new", "wb") as file:
        file.write(record)
    os.rename(path + ".new", path)
    settings.lost = False
