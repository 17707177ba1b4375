"""help: what the console understands."""

from oximeter.link.commands import NAMES


def run(console, app, words):
    return NAMES.strip()
