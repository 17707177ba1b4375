"""mode, set mode home | factory | recording: whether a cable forbids to measure.

On the product board it does, unless this unit was told that it stands in a factory or records. The
screen shows the latter, and a reset drops both.
"""

from oximeter import terms

_MODES = "home factory recording"  # by their numbers in terms.py


def run(console, app, words):
    modes = _MODES.split()
    if words:
        if len(words) > 1 or words[0] not in modes:
            raise ValueError("usage", "say set mode home, factory or recording")
        if app.mode == terms.MODE_FACTORY:
            app.board.leds_fixed = False  # held lights follow the finger again
        app.mode = modes.index(words[0])
    return "mode=" + modes[app.mode]
