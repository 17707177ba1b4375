"""The console's commands, a file each, and how they are answered.

Each has run(console, app, words), with the words after its name, and returns what follows OK; it
may leave console.job. ValueError("code", "sentence") becomes an ERROR, any other error too. One
that changes settings gives app.save the changes, leaves in console.words what to ask when they are
stored, and returns None; WANTS is its sentence on a value that no unit may have.
"""

import sys

_PLACE = "oximeter.link.commands."


def say(app, line):
    app.board.console_write(line.strip().encode())
    app.board.console_write(b"\n")


def answer(app):
    """A job: a step each to read the console's line, to load what it asks for, and to do and say
    it. Settings are stored when all of it is gone, and it comes back to say so."""
    console = app.console
    try:
        if console.words is None:
            from oximeter.link import line

            app.unload("oximeter.link.line")  # when it has told
            console.words = line.words(console.line, console.asked)
            return False
        if not console.ready:
            console.ready = app.loaded = True
            if console.words[0] != "stop":
                __import__(_PLACE + console.words[0])
            return False
        told = _run(console, app, console.words)
        if told is None:
            console.ready = False
            console.job = console.stored
            app.unload("oximeter.link.commands")
            return True
        app.board.console_write(b"OK " if told else b"OK")
    except ValueError as error:
        told = error.args
        code, told = told if len(told) == 2 else ("value", told[0] if told else "")
        told = f'ERROR {code} "{told}"'
    except Exception as error:
        told = repr(error).replace('"', "'")
        told = f'ERROR failed "{told}"'
    console.words = None
    console.ready = False
    app.unload("oximeter.link.commands")
    say(app, told)
    return True


def _run(console, app, words):
    if words[0] == "stop":
        return ""
    whole = _PLACE + words[0]
    try:
        command = sys.modules[whole]
        refused, app.refused = app.refused, None
        if isinstance(refused, ValueError):
            raise ValueError(getattr(command, "WANTS", refused.args[0]))
        if refused:
            raise refused
        return command.run(console, app, words[1:])
    finally:
        app.unload(whole)
