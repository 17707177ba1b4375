"""Settled readings that outlast a power cut: the last thousand, in files on the flash.

A record has 32 bytes, the last four a checksum over the rest; 128 records fill a file, which is
one block of the flash, and nine files make a ring. Every record is written by opening, appending
and closing: LittleFS shows a file that was not closed as it was before, so that a power cut takes
the record being written and nothing else. Which record is the newest is read off the files at the
start; nothing else has to agree with them.
"""

import binascii
import struct
from array import array

from oximeter import stored
from oximeter.core import field

KEPT = 1000


class Log:
    """The log in `folder`. `record` is where `find` leaves what it has found, in the order of
    core.field, and `content` its bytes. `damaged`: something unreadable was met since the start,
    and passed over. `next` is the number of the record to come, -1 before `open`.
    """

    def __init__(self, folder):
        # seq, time, uptime; boot, SpO2, its error, pulse, perfusion, flags; person, marks; ratio.
        self.layout = b"<IIIHHHHHHBBH"
        self.shorts = (
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
        self.record = array("i", [field.NONE] * field.STORED_LENGTH)
        self.damaged = False
        self.boot = 0
        self.content = bytearray(stored.SIZE)
        self.folder = folder
        self._file = None  # the file that was read last, kept open from one `find` to the next
        self._block = -1
        self.next = -1

    def open(self):
        """Look for the newest record. Before this the log must not be asked for anything."""
        from oximeter import log_end

        log_end.find(self)
        self.boot = self.boot + 1 & 0x7FFF

    def append(self, reading, uptime_s, time_s, person, marks):
        """Store a settled reading; False when the flash does not take it.

        time_s: seconds since 2000-01-01 UTC, field.NONE while the clock is not set. It can take
        as long as flash takes to erase a block, 400 ms at worst.
        """
        from oximeter import log_end

        return log_end.append(self, reading, uptime_s, time_s, person, marks)

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

    def name(self, seq):
        return f"{self.folder}/log.{(seq >> stored.SHIFT) % stored.FILES}"

    def first(self):
        """The oldest number that is kept."""
        return max(0, self.next - KEPT)

    def read(self, seq):
        """Whether a whole record of this number is there; it is in `record` then."""
        if seq >> stored.SHIFT != self._block:
            self.close()
            self._block = seq >> stored.SHIFT
            try:  # noqa: SIM105
                self._file = open(self.name(seq), "rb")  # noqa: SIM115 (closed by close)
            except OSError:
                pass  # then there is no such record
        return self._file is not None and self.take(self._file, seq & 127) == seq

    def take(self, file, at):
        """Number of the record at this place of a file, decoded into `record`; -1: none."""
        content = self.content
        file.seek(at * stored.SIZE)
        if file.readinto(content) != stored.SIZE:
            return -1
        values = struct.unpack_from(self.layout, content)
        summed = binascii.crc32(memoryview(content)[: stored.SUMMED], stored.VERSION)
        if summed != struct.unpack_from(b"<I", content, stored.SUMMED)[0]:
            self.damaged = True
            return -1
        record = self.record
        record[field.SEQ] = values[0]
        record[field.STATUS] = field.OK
        record[field.TIME_S] = values[1] or field.NONE
        record[field.UPTIME_S] = values[2]
        for i in range(9):
            value = values[3 + i]
            record[self.shorts[i]] = field.NONE if value == stored.NONE16 else value
        return values[0]
