"""What a unit keeps over a power cut: its calibration, how it was built, how its owner reads it.

One record of fixed length: "XY", version, payload, CRC32 over all before it. A record that is
absent, damaged, of another version or out of bounds is as good as none: the defaults hold, whose
calibration has no evidence and says so.
"""

import binascii
import os
import struct

from micropython import const

_MAGIC = b"XY"
_VERSION = const(1)
# Magic, version, an index for each of _CHOICES, curve a b c, date, batch; then the CRC.
_LAYOUT = "<2sB6siiiI16s"
_SIZE = const(41)

_CHOICES = (
    ("leds_swapped", (0, 1)),
    ("swap_confirmed", (0, 1)),
    ("turned", (0, 1)),
    ("evidence", ("none", "secondary", "human_sao2")),
    ("language", ("zh", "en")),
    ("controller", ("", "ssd1306", "sh1106")),
)

# Coefficients in percent * 10^7, as published. Beyond these bounds it is no oximeter's curve.
_BOUNDS_E7 = ((-500000000, 500000000), (-1500000000, 500000000), (800000000, 1500000000))


class Settings:
    """The defaults; `load` gives the stored ones."""

    def __init__(self):
        self.leds_swapped = 0  # 1: red and infrared are exchanged on this board; put right by us
        self.swap_confirmed = 0  # 1: the factory or a maker has seen that they are exchanged
        self.turned = 0  # 1: the picture is turned by 180 degrees
        self.evidence = "none"  # none, secondary (against an oximeter), human_sao2
        self.language = "zh"
        self.controller = ""  # of the display; empty: what the board was designed with
        # SpO2 = a R^2 + b R + c: Maxim's finger curve (AN6845, UG7087)
        self.curve_e7 = (15958422, -346596622, 1126898759)
        self.date = 0  # of the calibration, as 20261124; 0: never
        self.batch = ""  # of the calibration, up to 16 plain characters

    def curve_q20(self):
        """The curve as the core wants it: percent in Q20."""
        return tuple([((e7 << 20) + 5000000) // 10000000 for e7 in self.curve_e7])


def check(settings):
    """Raises ValueError with the name of the first field that no unit may have so."""
    for name, choices in _CHOICES:
        if getattr(settings, name) not in choices:
            raise ValueError(name)
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
    if len(batch) > 16 or not all(32 < byte < 127 for byte in batch):
        raise ValueError("batch")
    if settings.evidence != "none" and not (settings.date and batch):
        raise ValueError("evidence")  # needs a batch and a date


def encode(settings):
    """The record as bytes. Raises ValueError like `check`."""
    check(settings)
    chosen = bytes([choices.index(getattr(settings, name)) for name, choices in _CHOICES])
    a, b, c = settings.curve_e7
    batch = settings.batch.encode()
    record = struct.pack(_LAYOUT, _MAGIC, _VERSION, chosen, a, b, c, settings.date, batch)
    return record + struct.pack("<I", binascii.crc32(record))


def decode(record):
    """Settings of a record; None when it is damaged, of another version or out of bounds."""
    if len(record) != _SIZE + 4 or record[:2] != _MAGIC or record[2] != _VERSION:
        return None
    if binascii.crc32(record[:_SIZE]) != struct.unpack("<I", record[_SIZE:])[0]:
        return None
    settings = Settings()
    try:
        _, _, chosen, a, b, c, settings.date, batch = struct.unpack(_LAYOUT, record[:_SIZE])
        for (name, choices), index in zip(_CHOICES, chosen):  # noqa: B905
            setattr(settings, name, choices[index])
        settings.curve_e7 = (a, b, c)
        settings.batch = batch.rstrip(b"\0").decode()
        check(settings)
    except (IndexError, ValueError):
        return None
    return settings


def load(folder):
    """What is stored in `folder`, or the defaults."""
    try:
        with open(folder + "/settings.bin", "rb") as file:
            return decode(file.read(64)) or Settings()
    except OSError:
        return Settings()


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
