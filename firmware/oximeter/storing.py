"""Storing what a unit keeps over a power cut: what may be stored, and how.

Apart from settings.py, which reads it, so that a device loads half of it at a time.
"""

import binascii
import os
import struct

from micropython import const

MAGIC = b"XY"
VERSION = const(4)
# Magic, version, an index for each of CHOICES, language, curve a b c, date, batch, phone, the
# baseline's three percentages and days; then the CRC.
LAYOUT = "<2sB9s2siiiI16s16s3B3H"
SIZE = const(71)

CHOICES = (
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
    for name, choices in CHOICES:
        if getattr(settings, name) not in choices:
            raise ValueError(name)
    language = settings.language.encode()
    if len(language) != 2 or not (97 <= language[0] <= 122 and 97 <= language[1] <= 122):
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
    if len(batch) > 16 or (batch and not 32 < min(batch) <= max(batch) < 127):
        raise ValueError("batch")
    if settings.evidence != "none" and not (settings.date and batch):
        raise ValueError("evidence")  # needs a batch and a date
    phone = settings.phone.encode()
    if len(phone) > 16:
        raise ValueError("phone")
    for byte in phone:
        if byte not in b"0123456789+- ":
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
    """The record, made in one piece: memory is scarce. Raises ValueError like `check`."""
    check(settings)
    record = bytearray(SIZE + 4)
    chosen = bytearray(len(CHOICES))
    for i in range(len(CHOICES)):
        name, choices = CHOICES[i]
        chosen[i] = choices.index(getattr(settings, name))
    a, b, c = settings.curve_e7
    first, second, third = settings.baseline or ((0, 0), (0, 0), (0, 0))
    struct.pack_into(
        LAYOUT,
        record,
        0,
        MAGIC,
        VERSION,
        chosen,
        settings.language.encode(),
        a,
        b,
        c,
        settings.date,
        settings.batch.encode(),
        settings.phone.encode(),
        first[1],
        second[1],
        third[1],
        first[0],
        second[0],
        third[0],
    )
    struct.pack_into("<I", record, SIZE, binascii.crc32(memoryview(record)[:SIZE]))
    return record


def save(folder, settings):
    """Store them: the old record stays whole until the new one is. OSError: a full flash."""
    record = encode(settings)
    path = folder + "/settings.bin"
    new = path + ".new"
    try:  # noqa: SIM105 (MicroPython has no contextlib)
        os.mkdir(folder)
    except OSError:
        pass  # it is there, or the next line tells what is wrong
    with open(new, "wb") as file:
        file.write(record)
    os.rename(new, path)
    settings.lost = False


def change(folder, settings, changes):
    """Store them with other values, (name, value) each. A refusal leaves them as they were."""
    before = [(name, getattr(settings, name)) for name, _ in changes]
    try:
        for name, value in changes:
            setattr(settings, name, value)
        save(folder, settings)
    except (OSError, ValueError):
        for name, value in before:
            setattr(settings, name, value)
        raise
