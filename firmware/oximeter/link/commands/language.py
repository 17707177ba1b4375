"""language, set language en: in which the screens speak."""

import os

import oximeter
from oximeter.link.commands import store

_PACKS = oximeter.__file__[: oximeter.__file__.rfind("__init__")] + "ui"


def run(console, app, words):
    kept = app.settings
    if len(words) > 1:
        raise ValueError("usage", "say language, or set language en")
    if words:
        if words[0] + ".pack" not in os.listdir(_PACKS):
            raise ValueError("value", "this unit has no such language")
        before = kept.language
        kept.language = words[0]
        try:
            store(app)
        except (ValueError, OSError):
            kept.language = before
            raise
    return "language=" + kept.language
