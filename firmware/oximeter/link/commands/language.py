"""language, set language en: in which the screens speak."""

import os

import oximeter

_PACKS = oximeter.__file__[: oximeter.__file__.rfind("__init__")] + "ui"


def run(console, app, words):
    if len(words) > 1:
        raise ValueError("usage", "say language, or set language en")
    if words:
        if words[0] + ".pack" not in os.listdir(_PACKS):
            raise ValueError("value", "this unit has no such language")
        app.save((("language", words[0]),))
        console.words = console.words[:1]
        return None
    return "language=" + app.settings.language
