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
# Magic, version, bits, evidence, language, controller, curve a b c, date, batch; then the CRC.
_LAYOUT = "<2sBBBBBiiiI16s"

EVIDENCES = ("none", "secondary", "human_sao2")
LANGUAGES = ("zh", "en")
CONTROLLERS = ("", "ssd1306", "sh1106")  # "": whatever the board was designed with

# Coefficients in percent * 10^7, as published. Beyond these bounds it is no oximeter's curve.
_BOUNDS_E7 = ((-500000000, 500000000), (-1500000000, 500000000), (800000000, 1500000000))


class Settings:
    """The defaults; `load` gives the stored ones."""

    def __init__(self):
        self.leds_swapped = 0  # 1: red and infrared are exchanged on this board; put right by us
        self.swap_confirmed = 0  # 1: the factory or a maker has seen that they are exchanged
        # SpO2 = a R^2 + b R + c: Maxim's finger curve (AN6845, UG7087)
        self.curve_e7 = (15958422, -346596622, 1126898759)
        self.evidence = "none"
        self.batch = ""
        self.date = 0  # of the calibration, as 20261124; 0: never
        self.language = "zh"
        self.controller = ""
        self.turned = 0  # 1: the picture is turned by 180 degrees

    def curve_q20(self):
        """The curve as the core wants it: percent in Q20."""
        return tuple([((e7 << 20) + 5000000) // 10000000 for e7 in self.curve_e7])


def check(settings):
    """Raises ValueError, with what to do, for settings no unit may have."""
    for name, value, choices in (
        ("leds_swapped", settings.leds_swapped, (0, 1)),
        ("swap_confirmed", settings.swap_confirmed, (0, 1)),
        ("turned", settings.turned, (0, 1)),
        ("evidence", settings.evidence, EVIDENCES),
        ("language", settings.language, LANGUAGES),
        ("controller", settings.controller, CONTROLLERS),
    ):
        if value not in choices:
            raise ValueError(f"{name} cannot be {value}: choose one of {choices}")
    for name, value, (low, high) in zip("abc", settings.curve_e7, _BOUNDS_E7):  # noqa: B905
        if not low <= value <= high:
            raise ValueError(
                f"coefficient {name} is {value} and must be {low} to {high}: "
                "give percent times ten million"
            )
    a, b, _ = settings.curve_e7
    # More red absorbed is less oxygen, over all ratios people have (0.4 to 2.0; a parabola that
    # falls at both ends falls in between).
    if 4 * a + 5 * b >= 0 or 4 * a + b >= 0:
        raise ValueError("SpO2 must fall from ratio 0.4 to 2.0: check the signs of a and b")
    if not (settings.date == 0 or 20200101 <= settings.date <= 20991231):
        raise ValueError(f"the date is {settings.date}: write it as 20261124")
    batch = settings.batch.encode()
    if len(batch) > 16 or not all(32 < byte < 127 for byte in batch):
        raise ValueError("the batch must be at most 16 plain characters without spaces")
    if settings.evidence != "none" and not (settings.date and settings.batch):
        raise ValueError("a calibration with evidence needs its batch and its date")


def encode(settings):
    """The record as bytes. Raises ValueError like `check`."""
    check(settings)
    bits = settings.leds_swapped | settings.swap_confirmed << 1 | settings.turned << 2
    a, b, c = settings.curve_e7
    record = struct.pack(
        _LAYOUT,
        _MAGIC,
        _VERSION,
        bits,
        EVIDENCES.index(settings.evidence),
        LANGUAGES.index(settings.language),
        CONTROLLERS.index(settings.controller),
        a,
        b,
        c,
        settings.date,
        settings.batch.encode(),
    )
    return record + struct.pack("<I", binascii.crc32(record))


def decode(record):
    """Settings of a record; None when it is damaged, of another version or out of bounds."""
    size = len(record) - 4
    if size != struct.calcsize(_LAYOUT) or record[:2] != _MAGIC or record[2] != _VERSION:
        return None
    if binascii.crc32(record[:size]) != struct.unpack("<I", record[size:])[0]:
        return None
    fields = struct.unpack(_LAYOUT, record[:size])
    settings = Settings()
    try:
        bits = fields[2]
        settings.leds_swapped = bits & 1
        settings.swap_confirmed = bits >> 1 & 1
        settings.turned = bits >> 2 & 1
        settings.evidence = EVIDENCES[fields[3]]
        settings.language = LANGUAGES[fields[4]]
        settings.controller = CONTROLLERS[fields[5]]
        settings.curve_e7 = fields[6:9]
        settings.date = fields[9]
        settings.batch = fields[10].rstrip(b"\0").decode()
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
