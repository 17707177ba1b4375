"""The console over USB: a line in, a line out.

    identify                        OK product=xueyang version=0.1.0 ...
    set language de                 ERROR value "language"

`help` lists the commands. Some send binary frames after their line, until all is sent or the next
line comes (`stop` does nothing else): the byte 1, the kind (a letter), the length of the payload
(16 bits, little-endian), the payload, and CRC-32 over all of these but the 1. No line begins with
that byte. What comes in is never trusted: a line that is too long or holds anything but plain
characters gets an ERROR, and nothing that is said here stops the measurement.

Only the reading of a line stays in memory; what a line asks for is imported and dropped again.
"""

from micropython import const

_LINE = const(80)
_PATIENCE_MS = const(600000)
_A_STEP = const(64)  # bytes taken at most at one step


class Console:
    """`step` it often. `app.board` has console_read() and console_write(bytes).

    `job` is what a command has left to do: job(app), called until it returns True. Somebody is
    taken to sit there until `until_ms`.
    """

    def __init__(self):
        self.job = None
        self.until_ms = 0
        self._line = None  # made for the first letter that ever comes
        self._length = 0  # over _LINE: too long; under 0: garbled

    def step(self, app):
        """Take what has come, answer a line that is whole, and go on with a job."""
        for _ in range(_A_STEP):
            byte = app.board.console_read()
            if byte < 0:
                break
            length = self._length
            if byte == 10 or byte == 13:
                if length:
                    self._length = 0
                    self._answer(app, length)
                    break
            elif not 32 <= byte < 127 or length < 0:
                self._length = -1
            else:
                if self._line is None:
                    self._line = bytearray(_LINE)
                if length < _LINE:
                    self._line[length] = byte
                self._length = min(length, _LINE) + 1
        if self.job is not None and self.job(app):
            self.job = None

    def _answer(self, app, length):
        from oximeter.link import commands

        self.job = None
        self.until_ms = app.now_ms + _PATIENCE_MS
        commands.answer(self, app, self._line, length)
        app.board.unload("oximeter.link.commands")
