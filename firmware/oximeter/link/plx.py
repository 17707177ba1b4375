"""Readings as the bytes of Bluetooth's Pulse Oximeter Service 1.0.1 (PLXS).

SpO2 and pulse are the whole numbers that the screen shows: a phone that rounds for itself must
not come to another verdict. What is not there is NaN, never 0.
"""

import struct

from micropython import const

from oximeter.core import field

_NAN = const(0x07FF)
# For each status, the bit of Device and Sensor Status (table 3.5) that says it; 16: none does.
_SENSOR_BITS = b"\x10\x09\x09\x04\x06\x0b\x0a\x03\x0e\x01\x10\x10"


def _sfloat(value, exponent):
    """IEEE 11073-20601: a signed exponent of ten in 4 bits over a signed mantissa in 12."""
    if value < 0:
        return _NAN
    while value > 2045:  # those above are NaN and its like
        value //= 10
        exponent += 1
    return (exponent & 15) << 12 | value


def encode(reading, proven, stored, time):
    """Spot check (0x2A5E) of a record of the log, or continuous (0x2A5F) of the live reading.

    stored: None for continuous; False for a spot check just made, True for one from the memory.
    time: the seven bytes of a spot check's, empty while the clock is not set.
    proven: the calibration was held against arterial blood; without that it is a demonstration.
    """
    status = reading[field.STATUS]
    flags = reading[field.FLAGS]
    sensor = 1 << _SENSOR_BITS[status] & 0xFFFF
    if flags & field.FLAG_LOW_PERFUSION:
        sensor |= 1 << 5
    if flags & field.FLAG_IRREGULAR:
        sensor |= 1 << 8
    measured = 0 if proven else 1 << 10
    if flags & (field.FLAG_BELOW_RANGE | field.FLAG_SUSPECT_SWAP):
        measured |= 1 << 14
    if proven and flags & field.FLAG_SETTLED:
        measured |= 1 << 8
    if stored is None:
        measured |= 1 << 5
        if status != field.OK:
            measured |= 1 << 13
        elif not flags & field.FLAG_SETTLED:
            measured |= 1 << 6
    elif stored:
        measured |= 1 << 9
    kind = 0x1C
    if stored is not None:
        kind = 0x0F if time else 0x1E
    spo2 = reading[field.SPO2_CENTIPCT]
    pulse = reading[field.PULSE_DECIBPM]
    perfusion = _sfloat(reading[field.PERFUSION_MILLIPCT], -3)
    return (
        struct.pack(
            b"<BHH",
            kind,
            _sfloat(-1 if spo2 < 0 else (spo2 + 49) // 100, 0),
            _sfloat(-1 if pulse < 0 else (pulse + 5) // 10, 0),
        )
        + time
        + struct.pack(b"<HHBH", measured, sensor, 0, perfusion)
    )
