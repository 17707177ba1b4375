"""128x64 OLED on an SSD1306 (Solomon Systech, rev 1.1) or SH1106 (Sino Wealth, V2.3).

Both are addressed by page, which is all the SH1106 can do. Its memory is 132 columns wide and
the glass begins at the third.
"""

from micropython import const

_WIDTH = const(128)
_PAGES = const(8)

_OFF = b"\xae"
_ON = b"\xaf"
_UPRIGHT = b"\xa1\xc8"
_TURNED = b"\xa0\xc0"

# Clock, 64 rows, no offset, first row, alternate COM pins, pre-charge, VCOMH, from memory, not
# inverted, brightness; in between, what makes the panel's voltage and, on the SSD1306, addressing
# by page.
_SSD1306 = (
    b"\xd5\x80\xa8\x3f\xd3\x00\x40\x8d\x14\x20\x02\xda\x12\xd9\xf1\xdb\x20\xa4\xa6\x2e\x81\x7f"
)
_SH1106 = b"\xd5\x80\xa8\x3f\xd3\x00\x40\xad\x8b\x33\xda\x12\xd9\x1f\xdb\x40\xa4\xa6\x81\x7f"

BRIGHT = const(0x7F)
DIM = const(0x1F)  # a quarter of the current, and to an eye some half of the brightness

_NEAR = const(8)  # a run costs about this many bytes to begin, so nearer ones are joined


def _pages(view):
    return tuple([view[at : at + _WIDTH] for at in range(0, _PAGES * _WIDTH, _WIDTH)])


class Oled:
    """Draw into `canvas` (1024 bytes, eight pages of 128 columns, each byte eight pixels down,
    lowest bit on top), then `show_changed`. Every method raises OSError when the display is not
    there; `canvas` can be drawn on all the same.
    """

    def __init__(self, port, controller="ssd1306"):
        if controller not in ("ssd1306", "sh1106"):
            raise ValueError(f"the display cannot be {controller}: choose ssd1306 or sh1106")
        self.canvas = bytearray(_PAGES * _WIDTH)
        self._sent = bytearray(_PAGES * _WIDTH)
        self._stale = 0xFF  # pages of which nobody knows what the glass shows
        self._port = port
        self._begin = bytearray(_SSD1306 if controller == "ssd1306" else _SH1106)
        self._level = memoryview(self._begin)[-2:]
        self._column = 0 if controller == "ssd1306" else 2
        self._orientation = _UPRIGHT
        self._at = bytearray(3)
        self._view = memoryview(self.canvas)
        self._pages = _pages(self._view)
        self._sent_view = memoryview(self._sent)

    def start(self, reset_pin, sleep_ms):
        """Reset by the pin (None where there is none), set up, show the canvas.

        The memory holds noise until it is written, so the panel is lit last.
        """
        if reset_pin is not None:
            reset_pin.value(0)
            sleep_ms(1)  # 3 us asked by the SSD1306, 10 by the SH1106
            reset_pin.value(1)
            sleep_ms(1)
        self._port.command(_OFF)
        self.wake()

    def wake(self):
        """Set up, show the canvas, light the panel. Without a flicker where all that stands: to be
        called now and then, since nobody hears of a display that resets itself.
        """
        self._port.command(self._begin)
        self._port.command(self._orientation)
        self._stale = 0xFF
        self.show_changed()
        self._port.command(_ON)

    def show_changed(self):
        """Send the columns that differ from what the display holds."""
        canvas = self.canvas
        sent = self._sent
        for page in range(_PAGES):
            if self._stale >> page & 1:
                self._send(page, 0, _WIDTH)
                continue
            base = page * _WIDTH
            if self._pages[page] != self._sent_view[base : base + _WIDTH]:
                first = -1
                last = 0
                for column in range(_WIDTH):
                    if canvas[base + column] != sent[base + column]:
                        if first < 0:
                            first = column
                        elif column - last > _NEAR:
                            self._send(page, first, last + 1)
                            first = column
                        last = column
                self._send(page, first, last + 1)

    def blank(self):
        """Nothing on the glass. Needs no memory, so it also works while everything else fails."""
        canvas = self.canvas
        for i in range(_PAGES * _WIDTH):
            canvas[i] = 0
        self._stale = 0xFF
        self.show_changed()

    def contrast(self, level):
        """Brightness, 0 … 255, from now on."""
        self._begin[-1] = level
        self._port.command(self._level)

    def invert(self, inverse):
        """Dark on light, or back; `wake` ends it too."""
        self._port.command(b"\xa7" if inverse else b"\xa6")

    def turn(self, upside_down):
        """Turn the picture by 180 degrees, or back."""
        self._orientation = _TURNED if upside_down else _UPRIGHT
        self._port.command(self._orientation)
        # The SSD1306 mirrors columns as they are written: what is there must be written again.
        self._stale = 0xFF
        self.show_changed()

    def sleep(self):
        """Panel dark, a few uA; the memory stays."""
        self._port.command(_OFF)

    def _send(self, page, first, stop):
        at = self._at
        column = first + self._column
        at[0] = 0xB0 | page
        at[1] = column & 15
        at[2] = 0x10 | column >> 4
        # Until both writes are through, the page counts as unknown: a write may break off midway.
        self._stale |= 1 << page
        self._port.command(at)
        base = page * _WIDTH
        if stop - first == _WIDTH:
            part = self._pages[page]
        else:
            part = self._view[base + first : base + stop]
        self._port.data(part)
        self._stale &= ~(1 << page)
        self._sent_view[base + first : base + stop] = part
