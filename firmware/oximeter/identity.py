"""Which unit this is: written by the factory, kept through every update, changed by nobody here.

One record in identity.bin: LAYOUT, then the CRC32 over it. The format stands here and nowhere
else; what writes it takes it from here. The app does without: whoever is asked who this is imports
it then.
"""

import binascii
import struct

# "XI1", serial, lot, hardware revision (plain characters, 0 at their end), the day it was made as
# 20261124.
LAYOUT = "<3s16s16s8sI"


def decode(record):
    """(serial, lot, revision, made), texts as bytes with their zeros; None when it is damaged."""
    if len(record) != 51 or record[:3] != b"XI1":
        return None
    if struct.pack("<I", binascii.crc32(record[:47])) != record[47:]:
        return None
    return struct.unpack(LAYOUT, record[:47])[1:]
