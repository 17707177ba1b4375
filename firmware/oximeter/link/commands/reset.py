"""reset: start anew. The answer is given before."""

from oximeter.link.commands import say


def run(console, app, words):
    say(app, "OK")
    app.blank()
    app.board.reset()
