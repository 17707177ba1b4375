"""From blocks of samples to a reading about once a second."""

from array import array

from oximeter.core import reading as field

FAILED_READ_ADC = 196351  # what a failed bus read looks like in both channels at once


def new(channels=3):
    """State for channels 1 (red only), 2 (infrared only) or 3 (both)."""
    state = (array("i", [field.NONE] * field.LENGTH), array("i", [channels, 0]))
    state[0][field.SEQ] = 0
    restart(state)
    return state


def set_curve(state, a_q20, b_q20, c_q20):
    """Calibration curve SpO2 = a R^2 + b R + c, coefficients in percent Q20."""


def restart(state):
    """Forget the signal: a new finger, or new light. The measured sample rate is kept."""
    out = state[0]
    out[field.STATUS] = field.SEARCHING
    out[field.FLAGS] = 0


def feed(state, red_adc, ir_adc, count, t_ms, events):
    """Take `count` (0 … 32) samples read at t_ms; events are bits of reading.EVENT_*."""
    out = state[0]
    state[1][1] += count
    if state[1][1] >= 100:
        state[1][1] -= 100
        out[field.SEQ] += 1
        out[field.T_MS] = t_ms


def reading(state):
    """The reading in force: an array with the fields of reading.py, rewritten in place."""
    return state[0]
