"""The console's commands, a file each, and how they are answered.

Each has run(console, app, words), with the words after its name, and returns what follows OK; it
may leave console.job. ValueError("code", "sentence") becomes an ERROR, any other error too.
"""

import sys

NAMES = (
    " baseline calibration clock crash help identify language leds log mode off reset selftest "
    "settings stop stream "
)
_PLACE = "oximeter.link.commands."


def say(app, line):
    app.board.console_write(line.strip().encode() + b"\n")


def store(app):
    """Keep the settings as they are and follow them. Raises what settings.save does."""
    from oximeter import settings

    try:
        settings.save(app.board.DATA_DIR, app.settings)
    finally:
        app.unload("oximeter.settings")
    app.follow_settings()


def answer(app):
    """A job: what the console's line asks for is loaded in one step, and done and said in the
    next."""
    console = app.console
    try:
        if console.words is None:
            app.loaded = True
            console.words = _words(console.line, console.asked)
            if console.words[0] != "stop":
                __import__(_PLACE + console.words[0])
            return False
        told = "OK " + _run(console, app, console.words)
    except ValueError as error:
        told = error.args
        code, told = told if len(told) == 2 else ("value", told[0] if told else "")
        told = f'ERROR {code} "{told}"'
    except Exception as error:
        told = repr(error).replace('"', "'")
        told = f'ERROR failed "{told}"'
    console.words = None
    app.unload("oximeter.link.commands")
    say(app, told)
    return True


def _words(line, length):
    """The command's name, then what it is told."""
    if line and length > len(line):
        raise ValueError("too_long", "a line has at most 80 characters")
    words = bytes(line[:length]).decode().split() if length > 0 else ()
    if not words:
        raise ValueError("garbled", "this was no command: send it again")
    if words[0] == "set" and len(words) > 2:
        words = words[1:]
    words[0] = words[0].replace("-", "")
    if f" {words[0]} " not in NAMES:
        raise ValueError("unknown", "say help for the commands")
    return words


def _run(console, app, words):
    if words[0] == "stop":
        return ""
    whole = _PLACE + words[0]
    try:
        return sys.modules[whole].run(console, app, words[1:])
    finally:
        app.unload(whole)
