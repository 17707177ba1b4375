"""The virtual bus, and freeing it by the driver's nine clocks."""

import pytest

from sim.chips.i2c import I2cBus
from sim.chips.pin import Pin
from sim.door import bus


class Memory:
    """The least chip: one register pointer, 256 bytes."""

    def __init__(self):
        self.faults = set()
        self.release_after_clocks = None
        self.cells = bytearray(range(256))
        self.at = 0

    def write(self, data):
        self.at = data[0]
        self.cells[self.at : self.at + len(data) - 1] = data[1:]

    def read(self, n):
        return bytes(self.cells[self.at : self.at + n])


def test_transfers_and_their_log():
    wire = I2cBus({0x20: Memory()})
    wire.log = []
    into = bytearray(2)
    wire.writeto_mem(0x20, 5, memoryview(b"\x55\x66"))
    wire.readfrom_mem_into(0x20, 5, into)
    assert into == b"\x55\x66"
    wire.readfrom_into(0x20, into)
    assert wire.writeto(0x20, bytearray(b"\x07")) == 2
    assert wire.log == [
        ("w", 0x20, b"\x05\x55\x66"),
        ("w", 0x20, b"\x05"),
        ("r", 0x20, 2),
        ("r", 0x20, 2),
        ("w", 0x20, b"\x07"),
    ]


def test_a_read_fills_a_slice_in_place():
    wire = I2cBus({0x20: Memory()})
    whole = bytearray(6)
    wire.readfrom_mem_into(0x20, 9, memoryview(whole)[2:4])
    assert whole == b"\0\0\x09\x0a\0\0"


def test_errors_have_the_numbers_of_the_esp32():
    chip = Memory()
    wire = I2cBus({0x20: chip})
    assert wire.scan() == [0x20]
    for address, fault, number in ((0x21, None, 19), (0x20, "nack", 5), (0x20, "sda_low", 116)):
        chip.faults = {fault} if fault else set()
        for transfer in (
            lambda: wire.readfrom_mem_into(address, 0, bytearray(1)),  # noqa: B023
            lambda: wire.writeto_mem(address, 0, b"x"),  # noqa: B023
            lambda: wire.readfrom_into(address, bytearray(1)),  # noqa: B023
            lambda: wire.writeto(address, b"x"),  # noqa: B023
        ):
            with pytest.raises(OSError) as told:
                transfer()
            assert told.value.errno == number
        assert wire.scan() == ([] if fault else [0x20])


def test_pin():
    seen: list[int] = []
    pin = Pin(0, on_change=seen.append)
    pin.value(0)
    pin.value(1)
    pin.value(5)
    assert (pin.value(), seen) == (1, [1])
    assert Pin(1, held_low=lambda: True).value() == 0


class Line:
    """Records what recovery does to the two lines, and lets go of the data line after n clocks."""

    def __init__(self, release_after):
        self.release_after = release_after
        self.edges = []
        self.levels = {"scl": 1, "sda": 1}

    def pin(self, name):
        line = self

        class _Pin:
            def value(self, x=None):
                if x is None:
                    return line.read(name)
                line.edges.append((name, x))
                if (name, x) == ("scl", 1) and line.levels["scl"] == 0:
                    line.release_after -= 1
                line.levels[name] = x

        return _Pin()

    def read(self, name):
        return self.levels[name] if name == "scl" or self.release_after <= 0 else 0

    def recover(self):
        return bus.recover(self.pin("scl"), self.pin("sda"), lambda us: None)


@pytest.mark.parametrize("clocks", range(10))
def test_recovery_clocks_until_the_line_is_free_and_ends_with_a_stop(clocks):
    line = Line(clocks)
    assert line.recover()
    assert line.edges.count(("scl", 0)) == clocks + 1, "one more for the STOP"
    # A STOP is the data line rising while the clock is high.
    assert line.edges[-4:] == [("scl", 0), ("sda", 0), ("scl", 1), ("sda", 1)]
    # Until then the data line is left alone, or it would write into the stuck chip.
    assert ("sda", 0) not in line.edges[:-4]


def test_recovery_gives_up_after_nine_clocks():
    line = Line(99)
    assert not line.recover()
    assert line.edges.count(("scl", 0)) == 10


@pytest.mark.parametrize("clocks, freed", [(1, True), (9, True), (None, False)])
def test_recovery_on_the_virtual_bus(clocks, freed):
    chip = Memory()
    wire = I2cBus({0x20: chip})
    chip.faults.add("sda_low")
    chip.release_after_clocks = clocks
    assert bus.recover(wire.scl, wire.sda, lambda us: None) is freed
    assert wire.scan() == ([0x20] if freed else [])
