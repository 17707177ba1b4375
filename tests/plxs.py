"""A decoder of Bluetooth's pulse oximeter bytes, written from the tables of the specification.

Pulse Oximeter Service 1.0.1 (PLXS), tables 3.1 to 3.5; SFLOAT from IEEE 11073-20601, annex F.6.
It shares nothing with the firmware or the host tools, which are held against it.
"""

import datetime
import math
from dataclasses import dataclass, field


@dataclass
class Measurement:
    spo2_pct: float
    pulse_bpm: float
    time: datetime.datetime | None = None
    status: set[int] = field(default_factory=set)
    sensor: set[int] = field(default_factory=set)
    amplitude_pct: float = math.nan
    clock_unset: bool = False


class Bytes:
    def __init__(self, content: bytes) -> None:
        self.left = content

    def unsigned(self, size: int) -> int:
        assert len(self.left) >= size, "the value is too short for its flags"
        taken, self.left = self.left[:size], self.left[size:]
        return sum(byte << 8 * place for place, byte in enumerate(taken))

    def sfloat(self) -> float:
        raw = self.unsigned(2)
        special = {0x7FF: math.nan, 0x800: math.nan, 0x7FE: math.inf, 0x802: -math.inf}
        if raw in special:
            return special[raw]
        mantissa, exponent = raw % 4096, raw // 4096
        mantissa -= 4096 if mantissa > 2047 else 0
        exponent -= 16 if exponent > 7 else 0
        return mantissa * 10.0**exponent

    def bits(self, size: int) -> set[int]:
        value = self.unsigned(size)
        return {bit for bit in range(8 * size) if value >> bit & 1}

    def end(self) -> None:
        assert not self.left, f"{len(self.left)} bytes too many"


def spot_check(content: bytes) -> Measurement:
    """Table 3.1."""
    taken = Bytes(content)
    flags = taken.bits(1)
    assert flags <= {0, 1, 2, 3, 4}, "a reserved flag"
    told = Measurement(taken.sfloat(), taken.sfloat())
    if 0 in flags:
        year, month, day, hour, minute, second = map(taken.unsigned, (2, 1, 1, 1, 1, 1))
        told.time = datetime.datetime(year, month, day, hour, minute, second)
    if 1 in flags:
        told.status = taken.bits(2)
        assert not told.status & {0, 1, 2, 3, 4}, "reserved"
    if 2 in flags:
        told.sensor = taken.bits(3)
        assert all(bit < 16 for bit in told.sensor), "reserved"
    if 3 in flags:
        told.amplitude_pct = taken.sfloat()
    told.clock_unset = 4 in flags
    taken.end()
    return told


def continuous(content: bytes) -> Measurement:
    """Table 3.2."""
    taken = Bytes(content)
    flags = taken.bits(1)
    assert flags <= {0, 1, 2, 3, 4}, "a reserved flag"
    told = Measurement(taken.sfloat(), taken.sfloat())
    for pair in (0, 1):
        if pair in flags:
            taken.sfloat()
            taken.sfloat()
    if 2 in flags:
        told.status = taken.bits(2)
        assert not told.status & {0, 1, 2, 3, 4}, "reserved"
    if 3 in flags:
        told.sensor = taken.bits(3)
        assert all(bit < 16 for bit in told.sensor), "reserved"
    if 4 in flags:
        told.amplitude_pct = taken.sfloat()
    taken.end()
    return told


def features(content: bytes) -> tuple[set[int], set[int], set[int]]:
    """Table 3.3: what is supported, and which bits of the two status fields may come."""
    taken = Bytes(content)
    told = taken.bits(2)
    status = taken.bits(2) if 0 in told else set()
    sensor = taken.bits(3) if 1 in told else set()
    taken.end()
    return told, status, sensor


# Table 3.4, Measurement Status
ONGOING, EARLY, VALIDATED, QUALIFIED, FROM_STORAGE, DEMONSTRATION = range(5, 11)
UNAVAILABLE, QUESTIONABLE, INVALID = 13, 14, 15
# Table 3.5, Device and Sensor Status
MALFUNCTION, INADEQUATE, POOR, LOW_PERFUSION, ERRATIC = 1, 3, 4, 5, 6
QUESTIONABLE_PULSE, ANALYSING, INTERFERENCE, NO_FINGER, SENSOR_FAULT = 8, 9, 10, 11, 14
