"""What a phone asks for over Bluetooth: records of the memory, the time, to be remembered.

Imported when something was asked, and dropped again. Record access is that of PLXS 1.0.1, 3.4:
report (1), delete (2), abort (3) and count (4) of all records (1), and report of the newest (6).
"""

import struct

from micropython import const

from oximeter.link import bonds, clock

_RECORDS = const(3)  # places in radio.handles, as in ble.py
_TIME = const(8)


def answer(radio, written):
    """Do what is due: `written` has a bit for each value that was written."""
    if radio.unsaved:
        radio.unsaved = False
        bonds.save(radio.app.board.DATA_DIR, radio.secrets)
    if written >> _RECORDS & 1:
        _records(radio, radio.ble.gatts_read(radio.handles[_RECORDS]))
    if written >> _TIME & 1 and radio.bonded:
        value = radio.ble.gatts_read(radio.handles[_TIME])
        try:
            if len(value) == 10:
                board = radio.app.board
                board.set_clock(clock.seconds(board, *struct.unpack_from(b"<HBBBBB", value)))
        except ValueError:
            pass  # no date: within a second the true time stands there again


def _records(radio, request):
    operation, operator = bytes(request + b"\x00\x00")[:2]
    log = radio.app.log
    code = 1
    if not radio.bonded:
        code = 8  # procedure not completed
    elif operation == 3:
        radio.at = -1
    elif radio.at >= 0 or radio.reply:
        return  # one after the other
    elif not 1 <= operation <= 4:
        code = 2  # operation not supported
    elif operator == 0:
        code = 3  # invalid operator
    elif operator != 1 and not (operator == 6 and operation == 1):
        code = 4  # operator not supported
    elif operation == 4:
        radio.reply = struct.pack(b"<BBH", 5, 0, log.next - log.first())
        return
    elif log.find() < 0:
        code = 6  # no records
    elif operation == 2:
        from oximeter.link import erase

        try:
            erase.erase(log)
        except OSError:
            code = 8
        radio.app.unload("oximeter.link.erase")
    else:
        radio.at = log.first() if operator == 1 else log.find()
        return
    radio.reply = bytes((6, 0, operation, code))
