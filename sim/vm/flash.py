"""The flash memory of a virtual chip: NOR, so that erasing sets bits and programming clears them.

What it does not model: time, wear, and the busy state between two commands.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

SECTOR = 4096
TABLE_AT = 0x8000
_ENTRY = struct.Struct("<2sBBII16sI")


class PortDied(Exception):
    """The connection is gone in the middle of a write."""


class Partition(NamedTuple):
    """An entry of the partition table in flash; `start` and `size` in bytes."""

    label: str
    kind: int  # 0 app, 1 data
    subtype: int
    start: int
    size: int


class Flash:
    """`size` bytes, erased. Two faults: `stuck` maps an address to the value that its byte keeps;
    `dies_after` is how many sectors may yet be erased before PortDied, None for any number."""

    def __init__(self, size: int = 4 << 20) -> None:
        self.size = size
        self.content = bytearray(b"\xff" * size)
        self.stuck: dict[int, int] = {}
        self.dies_after: int | None = None

    def erase(self, start: int, length: int) -> None:
        """Whole sectors, as many as the range touches."""
        first = start // SECTOR * SECTOR
        end = min(-(-(start + length) // SECTOR) * SECTOR, self.size)
        for sector in range(first, end, SECTOR):
            if self.dies_after is not None:
                if self.dies_after == 0:
                    self.dies_after = None
                    raise PortDied
                self.dies_after -= 1
            self.content[sector : sector + SECTOR] = b"\xff" * SECTOR
        self._stick(first, end)

    def program(self, start: int, data: bytes) -> None:
        end = start + len(data)
        before = int.from_bytes(self.content[start:end], "little")
        both = before & int.from_bytes(data, "little")
        self.content[start:end] = both.to_bytes(len(data), "little")
        self._stick(start, end)

    def _stick(self, start: int, end: int) -> None:
        for address, value in self.stuck.items():
            if start <= address < end:
                self.content[address] = value

    def read(self, start: int, length: int) -> bytes:
        return bytes(self.content[start : start + length])

    def partitions(self) -> list[Partition]:
        """The table that is in flash; empty when there is none."""
        return list(_entries(self.read(TABLE_AT, 0xC00)))

    def partition(self, label: str) -> Partition | None:
        return next((part for part in self.partitions() if part.label == label), None)


def _entries(table: bytes) -> Iterator[Partition]:
    for at in range(0, len(table), _ENTRY.size):
        magic, kind, subtype, start, size, label, _ = _ENTRY.unpack_from(table, at)
        if magic != b"\xaa\x50":
            return
        yield Partition(label.rstrip(b"\0").decode(), kind, subtype, start, size)
