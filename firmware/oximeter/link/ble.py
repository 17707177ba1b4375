"""Bluetooth Low Energy while it is on: what goes out, and what a phone may ask for.

The Pulse Oximeter Service with its record access, device information, battery and current time.
Only in link mode, which the button begins, a phone can be bonded, and only a bonded phone may read
the memory, delete it or set the clock. services.py is how it begins, request.py what is asked of
the memory; all of it is imported when the radio begins, and dropped with it.

MicroPython tells nobody who has subscribed: every value is written with `send_update`, which goes
out to whom it concerns, and an indication counts as sent when it was confirmed.
"""

import struct

from micropython import const

from oximeter import terms
from oximeter.core import field
from oximeter.link import plx

# Places in `handles`, the order of services.py.
_SPOT = const(0)
_CONTINUOUS = const(1)
_RECORDS = const(3)
_BATTERY = const(7)
_TIME = const(8)

_EVERY_MS = const(1000)
_CONFIRM_MS = const(2000)
_INTERVAL_US = const(250000)

_CONNECT = const(1)
_DISCONNECT = const(2)
_WRITE = const(3)
_INDICATED = const(20)
_ENCRYPTED = const(28)
_GET_SECRET = const(29)
_SET_SECRET = const(30)
_BONDS = const(3)  # kinds of secret under it belong to a bond; 10 is our own identity


class Radio:
    """One time that the radio is on: `step` it until it returns False. `name` is what a phone
    shows.
    """

    def __init__(self, app, until_ms, linking):
        self.app = app
        self.linking = linking
        self.reply = None  # to a request for records
        self.at = -1  # the record that is sent next; -1: none is asked for
        self.secrets = []
        self.unsaved = False
        self.bonded = False
        self._until_ms = until_ms
        self._peer = -1
        self._lonely = False  # nobody is connected, and nobody is invited
        self._written = 0  # a bit for each value that a phone has written
        self._sent_ms = -_EVERY_MS
        self._spot = None  # a settled reading that waits to be fetched
        self._asked = -1  # what waits to be confirmed; -1: nothing
        self._asked_ms = 0
        self._confirmed = False

    def offer(self, record):
        """A settled reading, as the log has it, for whoever connects."""
        self._spot = self._encoded(record, False)

    def step(self, now_ms):
        """What is due; False when the radio is off."""
        try:
            if now_ms >= self._until_ms:
                if self._peer < 0:
                    raise OSError
                if self.linking:
                    self.linking = False
                    self.ble.config(bond=False)
            if self._lonely:
                self._lonely = False
                self.ble.gap_advertise(_INTERVAL_US)
            if self._written or self.unsaved:
                from oximeter.link import request

                written = self._written
                self._written = 0
                request.answer(self, written)
                self.app.unload("oximeter.link.request")
            elif self._peer >= 0:
                self._serve(now_ms)
        except OSError:
            self.end()
            return False
        return True

    def end(self):
        """Switch the radio off."""
        self.ble.active(False)
        self.ble.irq(None)

    def irq(self, event, data):
        """What the stack tells, in between: noted here, acted on in `step`."""
        if event == _CONNECT:
            self._peer = data[0]
            self.bonded = False
        elif event == _DISCONNECT:
            self._peer = self._asked = self.at = -1
            self.reply = None
            self._lonely = True
        elif event == _WRITE:
            self._written |= 1 << self.handles.index(data[1])
        elif event == _INDICATED:
            self._confirmed = data[2] == 0
        elif event == _ENCRYPTED:
            self.bonded = data[1] and data[3]
        elif event == _GET_SECRET:
            kind, index, key = data
            for kept in self.secrets:
                if kept[0] == kind:
                    if key is None:
                        if index == 0:
                            return kept[2]
                        index -= 1
                    elif kept[1] == bytes(key):
                        return kept[2]
        elif event == _SET_SECRET:
            kind, key, value = data
            if value and kind < _BONDS and not self.linking:
                return False
            self.unsaved = True
            for kept in self.secrets:
                if kept[0] == kind and kept[1] == bytes(key):
                    self.secrets.remove(kept)
                    break
            if value:
                self.secrets.append((kind, bytes(key), bytes(value)))
            return True

    def write(self, which, value):
        """To whom it concerns."""
        self.ble.gatts_write(self.handles[which], value, True)

    def _serve(self, now_ms):
        app = self.app
        if now_ms - self._sent_ms >= _EVERY_MS:
            self._sent_ms = now_ms
            proven = app.settings.evidence == "human_sao2"
            self.write(_CONTINUOUS, plx.encode(app.reading, proven, None, b""))
            if app.battery_pct >= 0:
                self.write(_BATTERY, bytes((app.battery_pct,)))
            time_s = app.board.time_s()
            date = self._date(time_s, 7) if time_s >= 0 else (0, 0, 0, 0, 0, 0, -1)
            self.write(_TIME, struct.pack(b"<HBBBBBBBB", *date[:6], date[6] + 1, 0, 0))
        if self._asked >= 0:
            if self._confirmed:
                if self._asked == _RECORDS:
                    self.reply = None
                elif self.at >= 0:
                    self.at += 1
                else:
                    self._spot = None
            elif now_ms - self._asked_ms < _CONFIRM_MS:
                return
            else:  # nobody listens: the settled reading waits, the rest is over
                self.reply = None
                self.at = -1
            self._asked = -1
        self._confirmed = False
        self._asked_ms = now_ms
        told = self._spot
        if self.at >= 0:
            told = self._next_record()
        if self.reply:
            self._asked = _RECORDS
            self.write(_RECORDS, self.reply)
        elif told:
            self._asked = _SPOT
            self.write(_SPOT, told)

    def _next_record(self):
        """The next whole record; after the last one, say that this was all."""
        log = self.app.log
        while self.at < log.next:
            if log.read(self.at):
                return self._encoded(log.record, True)
            self.at += 1
        log.close()
        self.at = -1
        self.reply = b"\x06\x00\x01\x01"

    def _encoded(self, record, stored):
        time = b""
        if record[field.TIME_S] >= 0:
            time = struct.pack(b"<HBBBBB", *self._date(record[field.TIME_S], 6))
        return plx.encode(record, record[field.MARKS] & terms.MARK_HUMAN_SAO2, stored, time)

    def _date(self, time_s, fields):
        board = self.app.board
        return board.gmtime(time_s + board.EPOCH_S)[:fields]
