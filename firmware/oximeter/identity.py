"""Which unit this is: written by the factory, kept through every update, changed by nobody here.

One record in identity.bin, of the form of settings.bin: "XI", version, payload, CRC32 over all
before it. Its format stands here and nowhere else; what writes it takes LAYOUT from here.
"""

import binascii
import struct

MAGIC = b"XI"
VERSION = 1
# Magic, version, serial, lot, hardware revision (plain characters, 0 at their end), day it was
# made as 20261124; then the CRC.
LAYOUT = "<2sB16s16s8sI"


def decode(record):
    """(serial, lot, revision, made) of a record; None when it is damaged or of another version."""
    size = struct.calcsize(LAYOUT)
    if len(record) != size + 4 or record[:2] != MAGIC or record[2] != VERSION:
        return None
    if binascii.crc32(record[:size]) != struct.unpack("<I", record[size:])[0]:
        return None
    fields = struct.unpack(LAYOUT, record[:size])
    serial, lot, revision = [text.rstrip(b"\0").decode() for text in fields[2:5]]
    return serial, lot, revision, fields[5]


def load(folder):
    """What is stored in `folder`, or None."""
    try:
        with open(folder + "/identity.bin", "rb") as file:
            return decode(file.read(64))
    except OSError:
        return None
