"""A small file of the form of MicroPython's official ESP32 images: no program, but valid headers.

Written after Espressif's "Firmware Image Format", "Partition Tables" and "App Image Format"; the
layout is that of MicroPython's partitions-4MiB.csv.
"""

import hashlib
import struct

CHIP_IDS = {"esp32": 0, "esp32c3": 5}
BEGINS_AT = {"esp32": 0x1000, "esp32c3": 0}
LOAD_AT = {"esp32": 0x3F400020, "esp32c3": 0x3C000020}
STOCK = (
    (1, 0x02, 0x9000, 0x6000, b"nvs"),
    (1, 0x01, 0xF000, 0x1000, b"phy_init"),
    (0, 0x00, 0x10000, 0x1F0000, b"factory"),
    (1, 0x81, 0x200000, 0x200000, b"vfs"),
)


def program(target: str, segment: bytes) -> bytes:
    """One segment with its headers, checksum and SHA-256."""
    segment += bytes(-len(segment) % 4)
    head = struct.pack("<BBBBI", 0xE9, 1, 2, 0x20, LOAD_AT[target])
    head += struct.pack("<BBBBHBHH4sB", 0xEE, 0, 0, 0, CHIP_IDS[target], 0, 0, 399, b"\0" * 4, 1)
    body = head + struct.pack("<II", LOAD_AT[target], len(segment)) + segment
    checksum = 0xEF
    for byte in segment:
        checksum ^= byte
    body += bytes(15 - len(body) % 16) + bytes([checksum])
    return body + hashlib.sha256(body).digest()


def description(version: str, project: str = "micropython") -> bytes:
    """esp_app_desc_t, with which the first segment of a program begins."""
    texts = [version, project]
    fields = [text.encode().ljust(32, b"\0") for text in texts]
    fields += [b"00:00:00".ljust(16, b"\0"), b"Aug 25 2026".ljust(16, b"\0")]
    head = struct.pack("<III4x4x", 0xABCD5432, 0, 0)[:16]
    return (head + b"".join(fields) + b"v5.5.1".ljust(32, b"\0")).ljust(256, b"\0")


def table(partitions=STOCK) -> bytes:
    """A partition table with its MD5."""
    entries = b"".join(
        struct.pack("<2sBBII16sI", b"\xaa\x50", kind, subtype, start, size, label, 0)
        for kind, subtype, start, size, label in partitions
    )
    return entries + b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(entries).digest()


def image(target: str, version: str = "v1.29.0", size: int = 40_000, partitions=STOCK) -> bytes:
    """The file as it is downloaded, to be flashed at BEGINS_AT; about `size` bytes of program
    that compress as code does, to six tenths."""
    noise = b"".join(hashlib.sha256(bytes([n & 255, n >> 8])).digest() for n in range(size // 53))
    code = noise + b"xueyang " * ((size - len(noise)) // 8)
    whole = bytearray(b"\xff" * (0x10000 - BEGINS_AT[target]))
    boot = program(target, b"second stage bootloader ")
    whole[: len(boot)] = boot
    at = 0x8000 - BEGINS_AT[target]
    whole[at : at + 0xC00] = table(partitions).ljust(0xC00, b"\xff")
    return bytes(whole) + program(target, description(version) + code)
