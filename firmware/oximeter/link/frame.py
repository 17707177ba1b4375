"""Binary frames of the console, for what is sent over many steps."""

import struct
from binascii import crc32


def send(app, kind, payload):
    """kind is one byte; see console.py for the form."""
    head = struct.pack(b"<BH", kind[0], len(payload))
    write = app.board.console_write
    write(b"\x01" + head)
    write(payload)
    write(struct.pack(b"<I", crc32(payload, crc32(head))))
