"""Settled readings that outlast a power cut: the last thousand, in files on the flash.

A record has 32 bytes, the last four a checksum over the rest; 128 records fill a file, which is
one block of the flash, and nine files make a ring. Every record is written by opening, appending
and closing: LittleFS shows a file that was not closed as it was before, so that a power cut takes
the record being written and nothing else. Which record is the newest is read off the files at the
start; nothing else has to agree with them.
"""

import binascii
import os
import struct
from array import array

from micropython import const

from oximeter.core import field

KEPT = 1000

# seq, time, uptime; boot, SpO2, its error, pulse, perfusion, flags; person, marks; ratio.
_LAYOUT = b"<IIIHHHHHHBBH"
_SIZE = const(32)
_SUMMED = const(28)
_VERSION = const(1)  # the checksum begins with it: records of another version do not pass
_SHIFT = const(7)  # 128 records a file
_FILES = const(9)  # eight hold 1024 while one is filled
_NONE16 = const(0xFFFF)

_SHORTS = (
    field.BOOT,
    field.SPO2_CENTIPCT,
    field.SPO2_SD_CENTIPCT,
    field.PULSE_DECIBPM,
    field.PERFUSION_MILLIPCT,
    field.FLAGS,
    field.PERSON,
    field.MARKS,
    field.RATIO_Q12,
)


class Log:
    """The log in `folder`. `record` is where `find` leaves what it has found, in the order of
    core.field, and `content` its bytes. `damaged`: something unreadable was met since the start,
    and passed over. `next` is the number of the record to come, -1 before `open`.
    """

    def __init__(self, folder):
        self.record = array("i", [field.NONE] * field.STORED_LENGTH)
        self.damaged = False
        self.boot = 0
        self.content = bytearray(_SIZE)
        self.folder = folder
        self._file = None  # the file that was read last, kept open from one `find` to the next
        self._block = -1
        self.next = -1

    def open(self):
        """Look for the newest record. Before this the log must not be asked for anything."""
        self._find_end()
        self.boot = self.boot + 1 & 0x7FFF

    def append(self, reading, uptime_s, time_s, person, marks):
        """Store a settled reading; False when the flash does not take it.

        time_s: seconds since 2000-01-01 UTC, field.NONE while the clock is not set. It can take
        as long as flash takes to erase a block, 400 ms at worst.
        """
        self.close()
        record = self.record
        for i in range(field.LENGTH):
            record[i] = reading[i]
        record[field.SPO2_CENTIPCT] = reading[field.SETTLED_CENTIPCT]
        record[field.SEQ] = self.next
        record[field.TIME_S] = time_s
        record[field.UPTIME_S] = uptime_s
        record[field.BOOT] = self.boot
        record[field.PERSON] = person
        record[field.MARKS] = marks
        shorts = []
        for i in _SHORTS:
            shorts.append(min(record[i], _NONE16 - 1) if record[i] >= 0 else _NONE16)
        if time_s < 0:
            time_s = 0
        content = struct.pack(_LAYOUT, self.next, time_s, uptime_s, *shorts)
        content += struct.pack(b"<I", binascii.crc32(content, _VERSION))
        try:  # noqa: SIM105 (MicroPython has no contextlib)
            os.mkdir(self.folder)
        except OSError:
            pass  # it is there, or the next line tells what is wrong
        try:
            # The first record of a file replaces what was there a round ago.
            with open(self._name(self.next), "ab" if self.next & 127 else "wb") as file:
                file.write(content)
        except OSError:
            self._find_end()  # whatever of it has arrived
            return False
        self.next += 1
        return True

    def find(self, before=1 << 29, person=-1):
        """Find the newest record older than `before`, of one person or (-1) of anyone.

        Returns its number, to be given as `before` for the next; -1 when there is none. It is in
        `record` then.
        """
        before = min(before, self.next)
        first = self.first()
        while before > first:
            before -= 1
            if not self.read(before):
                continue
            if person < 0 or person == self.record[field.PERSON]:
                return before
        self.close()
        return -1

    def close(self):
        """Let go of the file that `find` reads."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._block = -1

    def _name(self, seq):
        return f"{self.folder}/log.{(seq >> _SHIFT) % _FILES}"

    def first(self):
        """The oldest number that is kept."""
        return max(0, self.next - KEPT)

    def read(self, seq):
        """Whether a whole record of this number is there; it is in `record` then."""
        if seq >> _SHIFT != self._block:
            self.close()
            self._block = seq >> _SHIFT
            try:  # noqa: SIM105
                self._file = open(self._name(seq), "rb")  # noqa: SIM115 (closed by close)
            except OSError:
                pass  # then there is no such record
        return self._file is not None and self._take(self._file, seq & 127) == seq

    def _take(self, file, at):
        """Number of the record at this place of a file, decoded into `record`; -1: none."""
        content = self.content
        file.seek(at * _SIZE)
        if file.readinto(content) != _SIZE:
            return -1
        values = struct.unpack_from(_LAYOUT, content)
        summed = binascii.crc32(memoryview(content)[:_SUMMED], _VERSION)
        if summed != struct.unpack_from(b"<I", content, _SUMMED)[0]:
            self.damaged = True
            return -1
        record = self.record
        record[field.SEQ] = values[0]
        record[field.STATUS] = field.OK
        record[field.TIME_S] = values[1] or field.NONE
        record[field.UPTIME_S] = values[2]
        for i in range(9):
            record[_SHORTS[i]] = field.NONE if values[3 + i] == _NONE16 else values[3 + i]
        return values[0]

    def _find_end(self):
        """The number of the next record, by the newest there is."""
        self.close()
        newest = -1
        whole = True
        try:
            names = os.listdir(self.folder)
        except OSError:
            names = ()
        for name in names:
            if not name.startswith("log."):
                continue
            try:
                with open(self.folder + "/" + name, "rb") as file:
                    size = file.seek(0, 2)
                    at = (size + _SIZE - 1) // _SIZE
                    seq = -1
                    while at > 0 and seq < 0:
                        at -= 1
                        seq = self._take(file, at)
            except OSError:
                self.damaged = True
                continue
            if seq > newest:
                newest = seq
                self.boot = self.record[field.BOOT]
                # Where the end of the file is not its last record, the next begins a file.
                whole = size == ((seq & 127) + 1) * _SIZE
        self.next = newest + 1
        if not whole:
            self.damaged = True
            self.next = ((newest >> _SHIFT) + 1) << _SHIFT
