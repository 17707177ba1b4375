"""The virtual display behaves as the SSD1306's and SH1106's datasheets say, seen from the bus."""

import pytest

from sim.chips.i2c import I2cBus, SpiBus
from sim.chips.ssd1306 import Ssd1306

LIT = {"ssd1306": b"\x8d\x14\xaf", "sh1106": b"\xaf"}


def lit(controller="ssd1306", upright=True):
    """A display with a cleared memory, on, at page 0 and column 0."""
    display = Ssd1306(controller)
    display.reset_pin.value(1)
    display.command((b"\xa1\xc8" if upright else b"") + LIT[controller])
    for page in range(8):
        display.command(bytes((0xB0 | page, 0x00, 0x10)))
        display.data(bytes(display.columns))
    display.command(b"\xb0\x00\x10")
    return display


def dots(display):
    """Where it glows, as (x, y)."""
    pixels = display.pixels()
    return {
        (at % 128, at // 128 * 8 + bit)
        for at, value in enumerate(pixels)
        for bit in range(8)
        if value >> bit & 1
    }


@pytest.mark.parametrize("controller", LIT)
def test_dark_until_reset_is_released_power_is_made_and_it_is_on(controller):
    display = Ssd1306(controller)
    display.reset_pin.value(1)
    assert display.pixels() == bytes(1024)
    display.command(b"\xaf")
    assert display.on is (controller == "sh1106"), "the SSD1306 needs its charge pump"
    display.command(b"\x8d\x14" if controller == "ssd1306" else b"\xad\x8b")
    assert any(display.pixels()), "the memory wakes with noise"
    display.command(b"\xae")
    assert display.pixels() == bytes(1024)
    display.command(b"\xaf")
    display.reset_pin.value(0)
    assert display.pixels() == bytes(1024)
    display.command(b"\xaf")
    display.reset_pin.value(1)
    assert not display.on, "a reset forgets, and in reset nothing is heard"


def test_the_sh1106_converter_can_be_switched_off():
    display = lit("sh1106")
    display.command(b"\xad\x8a")
    assert not display.on


@pytest.mark.parametrize("controller, first", [("ssd1306", 0), ("sh1106", 2)])
@pytest.mark.parametrize("upright", [True, False])
def test_page_addressing(controller, first, upright):
    display = lit(controller, upright)
    column = first + 77
    display.command(bytes((0xB3, column & 15, 0x10 | column >> 4)))
    display.data(b"\x01\x80")
    seen = {(77, 24), (78, 31)}
    assert dots(display) == (seen if upright else {(127 - x, 63 - y) for x, y in seen})


def test_the_sh1106_hides_its_outer_columns():
    display = lit("sh1106")
    display.data(b"\xff\xff\x01")
    assert dots(display) == {(0, 0)}
    display.command(b"\x01\x18")  # column 129
    display.data(b"\x01\xff\xff\xff\xff")
    assert dots(display) == {(0, 0), (127, 0)}


def test_past_its_last_column_the_ssd1306_begins_again_in_the_same_page():
    display = lit()
    display.command(b"\x0e\x17")
    display.data(b"\x01\x02\x04")
    assert dots(display) == {(126, 0), (127, 1), (0, 2)}


@pytest.mark.parametrize("mode", [0, 1])
def test_windows_of_horizontal_and_vertical_addressing(mode):
    display = lit()
    display.command(bytes((0x20, mode, 0x21, 10, 12, 0x22, 6, 7)))
    display.data(bytes((1, 2, 4, 8, 16, 32)) + b"\x80")
    across = [(10, 6, 128), (11, 6, 2), (12, 6, 4), (10, 7, 8), (11, 7, 16), (12, 7, 32)]
    down = [(10, 6, 128), (10, 7, 2), (11, 6, 4), (11, 7, 8), (12, 6, 16), (12, 7, 32)]
    want = bytearray(1024)
    for x, page, value in (across, down)[mode]:
        want[page * 128 + x] = value
    assert display.pixels() == want


def test_segment_remap_is_for_columns_yet_to_be_written_on_the_ssd1306():
    display = lit()
    display.data(b"\x01")
    display.command(b"\xa0")
    assert dots(display) == {(0, 0)}
    display.command(b"\x00\x10")
    display.data(b"\x02")
    assert dots(display) == {(0, 0), (127, 1)}
    display.command(b"\xc0")
    assert dots(display) == {(0, 63), (127, 62)}, "the COM direction holds at once"


def test_inverse_all_on_and_start_line():
    display = lit()
    display.data(b"\x81")
    display.command(b"\xa7")
    assert len(dots(display)) == 128 * 64 - 2
    display.command(b"\xa6\xa5")
    assert len(dots(display)) == 128 * 64
    display.command(b"\xa4\x43")
    assert dots(display) == {(0, 61), (0, 4)}


def test_control_bytes_on_i2c():
    display = lit()
    bus = I2cBus({0x3C: display})
    # One command each with a continuation bit, then data to the end.
    bus.writeto(0x3C, b"\x80\xb1\x80\x05\x80\x10\xc0\x01\x40\x02\x04")
    assert dots(display) == {(5, 8), (6, 9), (7, 10)}
    bus.writeto(0x3C, b"\x00\x81")  # an argument may come in the next transfer
    bus.writeto(0x3C, b"\x00\x33")
    assert (display.contrast, display.unknown) == (0x33, [])
    into = bytearray(1)
    bus.readfrom_into(0x3C, into)
    assert into == b"\0", "bit 6 is set while it is off"
    display.reset_pin.value(0)
    with pytest.raises(OSError):
        bus.writeto(0x3C, b"\x00\xaf")


def test_spi_listens_when_selected():
    display = lit()
    bus = SpiBus(display)
    bus.write(b"\xae")
    assert display.on
    bus.cs.value(0)
    bus.dc.value(1)
    bus.write(b"\x01")
    assert dots(display) == {(0, 0)}
    bus.dc.value(0)
    bus.write(b"\xae")
    assert not display.on


def test_commands_of_the_other_controller_are_noted():
    display = lit("sh1106")
    display.command(b"\x20")
    assert display.unknown == [0x20]
    display = lit("ssd1306")
    display.command(b"\xad")
    assert display.unknown == [0xAD]
