"""help: what the console understands."""

from oximeter.link import line


def run(console, app, words):
    app.unload("oximeter.link.line")
    return line.NAMES.strip()
