"""The console's commands, a file each, and how they are answered.

Each has run(console, app, words), with the words after its name, and returns what follows OK; it
may leave console.job. ValueError("code", "sentence") becomes an ERROR, any other error too.
"""

import sys

NAMES = (
    "baseline calibration clock crash help identify language leds log mode off reset selftest "
    "settings stop stream"
)


def say(app, line):
    app.board.console_write(line.strip().encode() + b"\n")


def store(app):
    """Keep the settings as they are and follow them. Raises what settings.save does."""
    from oximeter import settings

    settings.save(app.board.DATA_DIR, app.settings)
    app.board.unload("oximeter.settings")
    app.follow_settings()


def answer(console, app, line, length):
    """Do what a line asks for and say what came of it."""
    try:
        if line and length > len(line):
            raise ValueError("too_long", "a line has at most 80 characters")
        words = bytes(line[:length]).decode().split() if length > 0 else ()
        if not words:
            raise ValueError("garbled", "this was no command: send it again")
        say(app, "OK " + _run(console, app, words))
    except ValueError as error:
        told = error.args
        code, told = told if len(told) == 2 else ("value", told[0] if told else "")
        say(app, f'ERROR {code} "{told}"')
    except Exception as error:
        told = repr(error).replace('"', "'")
        say(app, f'ERROR failed "{told}"')


def _run(console, app, words):
    if words[0] == "set" and len(words) > 2:
        words = words[1:]
    name = words[0].replace("-", "")
    if name not in NAMES.split():
        raise ValueError("unknown", "say help for the commands")
    if name == "stop":
        return ""
    whole = "oximeter.link.commands." + name
    try:
        __import__(whole)
        return sys.modules[whole].run(console, app, words[1:])
    finally:
        app.board.unload(whole)
