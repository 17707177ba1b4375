"""What the OLED driver sends, against the datasheets, and what then glows."""

import random

import pytest

from sim.chips.i2c import I2cBus, SpiBus
from sim.chips.ssd1306 import Ssd1306
from sim.door import i2c_port, oled, spi_port

BOTH = ["ssd1306", "sh1106"]


def wired(controller, port="i2c"):
    """Driver and display on a bus, not yet started."""
    display = Ssd1306(controller)
    if port == "i2c":
        bus = I2cBus({0x3C: display})
        bus.log = []
        return oled.Oled(i2c_port.I2cPort(bus), controller), display, bus
    spi = SpiBus(display)
    return oled.Oled(spi_port.SpiPort(spi, spi.dc, spi.cs), controller), display, spi


def started(controller, port="i2c"):
    screen, display, bus = wired(controller, port)
    screen.start(display.reset_pin, lambda ms: None)
    if port == "i2c":
        bus.log.clear()
    return screen, display, bus


def turned(picture):
    return bytes(int(f"{value:08b}"[::-1], 2) for value in reversed(picture))


def scribble(canvas, dice, changes):
    for _ in range(changes):
        canvas[dice.randrange(1024)] = dice.randrange(256)


@pytest.mark.parametrize("controller", BOTH)
def test_start_resets_sets_up_clears_and_only_then_lights(controller):
    screen, display, bus = wired(controller)
    life = []

    class Reset:
        def value(self, x):
            life.append(("reset", x))
            display.reset_pin.value(x)

    screen.start(Reset(), lambda ms: life.append(("sleep", ms >= 1)))
    # At least 10 us low (SH1106 V2.3, reset timing; the SSD1306 asks 3) and a pause after.
    assert life == [("reset", 0), ("sleep", True), ("reset", 1), ("sleep", True)]
    assert bus.log.pop(0) == ("w", 0x3C, b"\x00\xae")
    setup = bus.log[0][2]
    # Table 9-1 of the SSD1306, the command table of the SH1106: off first; clock; 64 rows; no
    # offset; first row; power; alternate COM pins; pre-charge; VCOMH; RAM, not inverted; contrast.
    assert setup[:8] == bytes.fromhex("00 d580 a83f d300 40")
    power = "8d14 2002" if controller == "ssd1306" else "ad8b 33"
    assert bytes.fromhex(power) in setup
    assert bytes.fromhex("da12") in setup and bytes.fromhex("a4a6") in setup
    assert setup[-2:] == bytes.fromhex("817f") and display.contrast == oled.BRIGHT
    assert bus.log[1][2] == bytes.fromhex("00 a1c8")
    first = 0 if controller == "ssd1306" else 2
    for page in range(8):
        at, data = bus.log[2 + 2 * page : 4 + 2 * page]
        assert at == ("w", 0x3C, bytes((0x00, 0xB0 | page, first, 0x10)))
        assert data == ("w", 0x3C, b"\x40" + bytes(128))
    assert bus.log[18:] == [("w", 0x3C, b"\x00\xaf")]
    assert display.on and display.unknown == []
    assert display.pixels() == bytes(1024), "nothing of the memory's noise"


@pytest.mark.parametrize("port", ["i2c", "spi"])
@pytest.mark.parametrize("controller", BOTH)
def test_pixels_go_round(controller, port):
    screen, display, _ = wired(controller, port)
    dice = random.Random(1)
    scribble(screen.canvas, dice, 3000)
    screen.start(display.reset_pin, lambda ms: None)
    assert display.pixels() == screen.canvas
    screen.turn(True)
    assert display.pixels() == turned(screen.canvas)
    screen.turn(False)
    assert display.pixels() == screen.canvas
    assert display.unknown == []


@pytest.mark.parametrize("controller", BOTH)
def test_partial_updates_show_what_a_full_one_would(controller):
    screen, display, _ = started(controller)
    dice = random.Random(2)
    for round_ in range(200):
        scribble(screen.canvas, dice, dice.choice((0, 1, 2, 20, 500)))
        if round_ == 100:
            screen.turn(True)
        screen.show_changed()
        picture = bytes(screen.canvas) if round_ < 100 else turned(screen.canvas)
        assert display.pixels() == picture


def test_only_changed_columns_travel():
    screen, _, bus = started("ssd1306")
    screen.show_changed()
    assert bus.log == []
    for column in (0, 3, 60, 127):
        screen.canvas[2 * 128 + column] = 0xAA
    screen.show_changed()
    assert bus.log == [
        ("w", 0x3C, b"\x00\xb2\x00\x10"),
        ("w", 0x3C, b"\x40\xaa\x00\x00\xaa"),  # near ones in one run
        ("w", 0x3C, b"\x00\xb2\x0c\x13"),
        ("w", 0x3C, b"\x40\xaa"),
        ("w", 0x3C, b"\x00\xb2\x0f\x17"),
        ("w", 0x3C, b"\x40\xaa"),
    ]
    bus.log.clear()
    screen.show_changed()
    assert bus.log == []


@pytest.mark.parametrize("apart, runs", [(1, 1), (8, 1), (9, 2)])
def test_a_new_run_begins_where_it_costs_less_than_what_lies_between(apart, runs):
    screen, _, bus = started("ssd1306")
    screen.canvas[50] = screen.canvas[50 + apart] = 1
    screen.show_changed()
    assert len(bus.log) == 2 * runs


def test_spi_selects_the_display_only_while_it_is_spoken_to():
    screen, _, spi = started("ssd1306", "spi")
    assert spi.cs.value() == 1

    def gone(data):
        assert spi.cs.value() == 0
        raise OSError(5, "EIO")

    spi.write = gone
    with pytest.raises(OSError):
        screen.blank()
    assert spi.cs.value() == 1


@pytest.mark.parametrize("broken_at", range(6))
def test_a_transfer_that_breaks_off_is_made_good(broken_at):
    screen, display, bus = started("ssd1306")
    screen.canvas[5] = screen.canvas[300] = screen.canvas[1000] = 1
    sent = bus.writeto_mem
    left = [broken_at]

    def fragile(address, register, data):
        left[0] -= 1
        if left[0] < 0:
            # What got through before the break stays in the display.
            sent(address, register, bytes(data)[: len(data) // 2 + 1])
            raise OSError(5, "EIO")
        sent(address, register, data)

    bus.writeto_mem = fragile
    with pytest.raises(OSError):
        screen.show_changed()
    bus.writeto_mem = sent
    for i in range(1024):  # back to what the driver last knew the display to show
        screen.canvas[i] = 0
    screen.show_changed()
    assert display.pixels() == bytes(1024)


def test_blank_wipes_whatever_the_display_shows():
    screen, display, _ = started("ssd1306")
    for i in range(1024):
        screen.canvas[i] = 0xFF
    screen.show_changed()
    display.ram[3][40] ^= 0x10  # and something the driver did not put there
    screen.blank()
    assert display.pixels() == bytes(1024)
    assert screen.canvas == bytes(1024)


def test_blank_on_a_display_that_is_gone_raises_oserror_and_clears_the_canvas():
    screen, display, _ = started("ssd1306")
    screen.canvas[7] = 9
    display.faults.add("nack")
    with pytest.raises(OSError):
        screen.blank()
    assert screen.canvas == bytes(1024)


@pytest.mark.parametrize("controller", BOTH)
def test_contrast_sleep_and_wake(controller):
    screen, display, bus = started(controller)
    screen.canvas[0] = 1
    screen.show_changed()
    bus.log.clear()
    screen.contrast(200)
    assert bus.log == [("w", 0x3C, b"\x00\x81\xc8")]
    assert display.contrast == 200
    screen.wake()
    assert display.contrast == 200, "as a display that was reset is set up again"
    screen.sleep()
    assert not display.on and display.pixels() == bytes(1024)
    screen.wake()
    assert display.pixels() == screen.canvas


def test_without_a_reset_pin():
    screen, display, _ = wired("ssd1306")
    display.reset_pin.value(1)  # the module's own
    screen.start(None, None)
    assert display.on


def test_another_address_and_another_controller():
    display = Ssd1306()
    display.reset_pin.value(1)
    screen = oled.Oled(i2c_port.I2cPort(I2cBus({0x3D: display}), address=0x3D))
    screen.start(None, None)
    assert display.on
    with pytest.raises(ValueError, match="choose ssd1306 or sh1106"):
        oled.Oled(None, "ssd1309")
