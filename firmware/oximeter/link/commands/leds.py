"""set leds RED IR: hold the currents of both lights, in uA up to 51000; for a factory alone.

In steps of 200, until the mode is set again or the unit is reset. The lights then follow nothing,
and with none a sensor is not taken for a dead one.
"""

from oximeter import terms


def run(console, app, words):
    if len(words) != 2:
        raise ValueError("usage", "say set leds 7000 7000")
    if app.mode != terms.MODE_FACTORY:
        raise ValueError("refused", "only in a factory: say set mode factory first")
    red_ua, ir_ua = int(words[0]) // 200 * 200, int(words[1]) // 200 * 200
    app.light(red_ua, ir_ua)
    app.board.leds_fixed = True
    return f"red_ua={red_ua} ir_ua={ir_ua}"
