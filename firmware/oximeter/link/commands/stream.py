"""stream raw: every sample as it comes, until the next line.

Frames of kind S: the time in ms (32 bits), samples lost before these (31: or more) and 1 where
ambient light was too much (8 bits each), the currents of red and infrared in uA, the photocurrent
at full scale in nA and the temperature of the die in 1/100 C (16 bits each, the last -32768 where
it is not known), then 24 bits of red and 24 of infrared a sample, the higher byte first as the
sensor sends them.
"""

import struct

from oximeter.core import field
from oximeter.link import frame


def run(console, app, words):
    if words != ["raw"]:
        raise ValueError("usage", "say stream raw")
    if app.reading[field.STATUS] == field.USB_POWER:
        raise ValueError("refused", "no measurement on a cable: say set mode recording first")
    console.job = _job
    return "streaming"


def _job(app):
    count, red_adc, ir_adc, lost, ambient, red_ua, ir_ua, range_na, die_centi_c = app.block()
    if not count:
        return False
    payload = bytearray(14 + 6 * count)
    struct.pack_into(
        b"<IBBHHHh",
        payload,
        0,
        app.now_ms,
        lost,
        ambient,
        red_ua,
        ir_ua,
        range_na,
        -32768 if die_centi_c is None else die_centi_c,
    )
    at = 14
    for i in range(count):
        for adc in (red_adc[i], ir_adc[i]):
            payload[at] = adc >> 16
            payload[at + 1] = adc >> 8 & 255
            payload[at + 2] = adc & 255
            at += 3
    frame.send(app, b"S", payload)
    return False
