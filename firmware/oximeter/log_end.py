"""The end of the log: where it is, and what is written there. Imported for that moment."""

import binascii
import os
import struct

from oximeter import stored
from oximeter.core import field


def append(log, reading, uptime_s, time_s, person, marks):
    """Store a settled reading, as Log.append says."""
    log.close()
    record = log.record
    for i in range(field.LENGTH):
        record[i] = reading[i]
    record[field.SPO2_CENTIPCT] = reading[field.SETTLED_CENTIPCT]
    record[field.SEQ] = log.next
    record[field.TIME_S] = time_s
    record[field.UPTIME_S] = uptime_s
    record[field.BOOT] = log.boot
    record[field.PERSON] = person
    record[field.MARKS] = marks
    shorts = []
    for i in log.shorts:
        most = stored.NONE16 - 1
        shorts.append(min(record[i], most) if record[i] >= 0 else stored.NONE16)
    if time_s < 0:
        time_s = 0
    content = struct.pack(log.layout, log.next, time_s, uptime_s, *shorts)
    content += struct.pack(b"<I", binascii.crc32(content, stored.VERSION))
    try:  # noqa: SIM105 (MicroPython has no contextlib)
        os.mkdir(log.folder)
    except OSError:
        pass  # it is there, or the next line tells what is wrong
    try:
        # The first record of a file replaces what was there a round ago.
        with open(log.name(log.next), "ab" if log.next & 127 else "wb") as file:
            file.write(content)
    except OSError:
        find(log)  # whatever of it has arrived
        return False
    log.next += 1
    return True


def find(log):
    """The number of the next record, by the newest there is."""
    log.close()
    newest = -1
    whole = True
    try:
        names = os.listdir(log.folder)
    except OSError:
        names = ()
    for name in names:
        if not name.startswith("log."):
            continue
        try:
            with open(log.folder + "/" + name, "rb") as file:
                size = file.seek(0, 2)
                at = (size + stored.SIZE - 1) // stored.SIZE
                seq = -1
                while at > 0 and seq < 0:
                    at -= 1
                    seq = log.take(file, at)
        except OSError:
            log.damaged = True
            continue
        if seq > newest:
            newest = seq
            log.boot = log.record[field.BOOT]
            # Where the end of the file is not its last record, the next begins a file.
            whole = size == ((seq & 127) + 1) * stored.SIZE
    log.next = newest + 1
    if not whole:
        log.damaged = True
        log.next = ((newest >> stored.SHIFT) + 1) << stored.SHIFT
