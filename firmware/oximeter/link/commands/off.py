"""off: sleep until the button is pressed, as from the menu; for a factory. OK comes first."""

from oximeter import terms


def run(console, app, words):
    if words or app.mode != terms.MODE_FACTORY:
        raise ValueError("refused", "only in a factory: say set mode factory, then off")
    app.go(terms.OFF, app.now_ms)
    return ""
