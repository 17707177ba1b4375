"""A serial port that is not there: the end of a pseudo-terminal which a virtual chip holds.

A pseudo-terminal has no modem lines (setting them gives ENOTTY), so nothing resets a chip behind
it but what comes over it. What it does have is the host's baud rate, and that the host hangs up.
"""

import errno
import os
import select
import termios
import time
import tty

_SPEEDS = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if name[0] == "B" and name[1:].isdigit()
}
_LOCAL_MODES, _OUTPUT_SPEED = 3, 5  # where termios has them


class Port:
    """`path` is what a host opens. `fd` becomes readable when it has written; `connected` says
    whether one is there. `max_baud` is what the wiring stands, beyond it all is noise;
    `paced` makes the chip read no faster than its baud rate lets bytes arrive."""

    def __init__(self, max_baud: int = 0, paced: bool = False) -> None:
        self.max_baud = max_baud
        self.paced = paced
        self.fd, host = os.openpty()
        self.path = os.ttyname(host)
        tty.setraw(host)
        os.close(host)  # from here on the kernel tells when the host hangs up
        os.set_blocking(self.fd, False)
        self.connected = False
        self._waiting = b""
        self._line_free_s = 0.0

    def look(self) -> bool:
        """Whether a host is there now; updates `connected`."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        states = [state for _, state in poll.poll(0)]
        has_hung_up = (
            bool(states) and states[0] & (select.POLLHUP | select.POLLIN) == select.POLLHUP
        )
        self.connected = not has_hung_up and self._is_raw()
        return self.connected

    def _is_raw(self) -> bool:
        """Whether the host has set the line up. It has just opened it if not, and what is sent to
        it now would be echoed, as if it had been typed."""
        return not termios.tcgetattr(self.fd)[_LOCAL_MODES] & termios.ECHO

    def is_busy(self) -> bool:
        """Whether, paced, the bytes that were read last are still arriving."""
        return self.paced and time.monotonic() < self._line_free_s

    def host_baud(self) -> int:
        """The rate to which the host has set the port."""
        return _SPEEDS.get(termios.tcgetattr(self.fd)[_OUTPUT_SPEED], 0)

    def read(self) -> bytes:
        """What has come; noise where the wiring does not stand the host's rate.

        Empty when nothing has, or when the host has hung up; `connected` tells which.
        """
        if self.is_busy():
            return b""
        try:
            data = os.read(self.fd, 4096)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            self.connected = False
            return b""
        self.connected = True
        host_baud = self.host_baud()
        if self.paced and host_baud:
            now_s = time.monotonic()
            self._line_free_s = max(self._line_free_s, now_s - 0.05) + 10 * len(data) / host_baud
        return noise(data) if self.max_baud and host_baud > self.max_baud else data

    def write(self, data: bytes, baud: int = 0) -> None:
        """Send it to the host; whatever no host is there for is lost, as on a wire."""
        if baud and (self.host_baud() != baud or (self.max_baud and baud > self.max_baud)):
            data = noise(data)
        self._waiting += data
        self.flush()

    def flush(self) -> bool:
        """Go on sending what the host was slow to take; whether all is sent."""
        if not self.connected or not self._is_raw():
            self._waiting = b""
        try:
            while self._waiting:
                self._waiting = self._waiting[os.write(self.fd, self._waiting) :]
        except BlockingIOError:
            return False
        except OSError:
            self._waiting = b""
        return True

    def close(self) -> None:
        """The cable is pulled: the path is gone, and the host's end says so."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def noise(data: bytes) -> bytes:
    """What is seen of it at another baud rate."""
    return b"\xf7" * len(data)
