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
        self.line = None  # made for the first letter that ever comes
        self.asked = 0  # how long a whole line is; over _LINE and under 0 as below
        self.words = None  # of the line that is being answered
        self.ready = False  # its command is loaded
        self._length = 0  # over _LINE: too long; under 0: garbled

    def step(self, app):
        """Go on with a job, take what has come, and make a job of a line that is whole."""
        job = self.job
        if job is not None and job(app) and self.job is job:
            self.job = None
        if app.loaded or self.words is not None:
            return  # what comes next waits for the answer
        for _ in range(_A_STEP):
            byte = app.board.console_read()
            if byte < 0:
                break
            length = self._length
            if byte == 10 or byte == 13:
                if length:
                    from oximeter.link import commands  # which the job lets go of

                    app.loaded = True
                    self._length = 0
                    self.asked = length
                    self.until_ms = app.now_ms + _PATIENCE_MS
                    self.job = commands.answer
                    break
            elif not 32 <= byte < 127 or length < 0:
                self._length = -1
            else:
                if self.line is None:
                    self.line = bytearray(_LINE)
                if length < _LINE:
                    self.line[length] = byte
                self._length = min(length, _LINE) + 1

    def stored(self, app):
        """A job: when settings are stored, or refused, load again what says so."""
        if app.unsaved:
            return False
        from oximeter.link import commands

        app.loaded = True
        self.job = commands.answer
        return True
