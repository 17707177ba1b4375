"""The keys of the phones that were bonded by the button: what Bluetooth calls its secrets.

A file of records (kind, length of key, length of value, key, value) and CRC-32 over them. Damaged,
it is as good as none: the phones have to be bonded again.
"""

import os
import struct
from binascii import crc32

from micropython import const

_MOST = const(13)  # our own identity, and three for each of four phones


def load(folder):
    """[(kind, key, value)] of bytes, the oldest first."""
    try:
        with open(folder + "/bonds", "rb") as file:
            content = file.read(2048)
    except OSError:
        return []
    found = []
    end = len(content) - 4
    if end < 0 or struct.unpack_from(b"<I", content, end)[0] != crc32(content[:end]):
        return []
    at = 0
    while at < end:
        kind, first, second = content[at : at + 3]
        at += 3
        found.append((kind, content[at : at + first], content[at + first : at + first + second]))
        at += first + second
    return found


def save(folder, secrets):
    """Keep them, the oldest phone left out where there are too many. OSError: a full flash."""
    while len(secrets) > _MOST:
        del secrets[1]  # the first is our own
    content = b""
    for kind, key, value in secrets:
        content += bytes((kind, len(key), len(value))) + key + value
    try:  # noqa: SIM105 (MicroPython has no contextlib)
        os.mkdir(folder)
    except OSError:
        pass  # it is there, or the next line tells what is wrong
    with open(folder + "/bonds", "wb") as file:
        file.write(content + struct.pack(b"<I", crc32(content)))
