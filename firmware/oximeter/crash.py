"""What went wrong, in a file that the console can read: the last restarts nobody asked for."""

import os

from micropython import const

_KEPT = const(400)  # bytes


def read(folder):
    """The lines so far, oldest first; empty where nothing ever went wrong."""
    try:
        with open(folder + "/crash.txt") as file:
            return file.read()
    except OSError:
        return ""


def note(folder, what, uptime_s):
    """Add a line; the oldest go where there are too many. Never raises: it is called when all else
    has failed already."""
    try:
        lines = read(folder) + str(uptime_s) + " s: " + what[:120] + "\n"
        if len(lines) > _KEPT:
            lines = lines[lines.find("\n", len(lines) - _KEPT) + 1 :]
        try:  # noqa: SIM105 (MicroPython has no contextlib)
            os.mkdir(folder)
        except OSError:
            pass  # it is there, or the next line fails
        with open(folder + "/crash.new", "w") as file:
            file.write(lines)
        os.rename(folder + "/crash.new", folder + "/crash.txt")
    except (OSError, MemoryError):
        return
