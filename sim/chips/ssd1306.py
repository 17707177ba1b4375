"""The SSD1306 (Solomon Systech, rev 1.1) and SH1106 (Sino Wealth, V2.3) behind a 128x64 glass.

Modelled: the command set of each with its argument counts, on I2C (control bytes) and SPI; all
three addressing modes of the SSD1306, page addressing and 132 columns of the SH1106; memory that
holds noise at power-up; segment remap (applied as columns are written on the SSD1306, as they are
shown on the SH1106), COM direction, start line, inverse, all-on, display on/off, the charge pump
without which nothing glows, and the reset pin. The glass is mounted as on common modules: upright
with segment remap and COM direction both reversed.

Not modelled: scrolling, display offset and multiplex (kept, without effect), brightness (kept),
frame timing, reading back, and the SSD1306's wiring options of the COM pins.
"""

from collections.abc import Iterator
from errno import EIO

from sim.chips.pin import Pin

_SSD1306_ARGUMENTS = {
    0x20: 1, 0x21: 2, 0x22: 2, 0x26: 6, 0x27: 6, 0x29: 5, 0x2A: 5, 0x81: 1, 0x8D: 1,
    0xA3: 2, 0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1,
}  # fmt: skip
_SSD1306_PLAIN = {
    *range(0x00, 0x20), 0x2E, 0x2F, *range(0x40, 0x80), *range(0xA0, 0xA2), *range(0xA4, 0xA8),
    0xAE, 0xAF, *range(0xB0, 0xB8), 0xC0, 0xC8, 0xE3,
}  # fmt: skip
_SH1106_ARGUMENTS = {0x81: 1, 0xA8: 1, 0xAD: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1}
_SH1106_PLAIN = {
    *range(0x00, 0x20), *range(0x30, 0x34), *range(0x40, 0x80), 0xA0, 0xA1, *range(0xA4, 0xA8),
    0xAE, 0xAF, *range(0xB0, 0xB8), 0xC0, 0xC8, 0xE3,
}  # fmt: skip


class Ssd1306:
    """The display. `reset_pin` begins low: dark and deaf until the firmware lets it go.

    `unknown` collects command bytes the controller does not have. Faults: 'nack', 'sda_low'.
    """

    def __init__(self, controller: str = "ssd1306") -> None:
        if controller not in ("ssd1306", "sh1106"):
            raise ValueError(f"no controller {controller}: choose ssd1306 or sh1106")
        self.controller = controller
        self.faults: set[str] = set()
        self.release_after_clocks: int | None = None
        self.unknown: list[int] = []
        self.columns = 128 if controller == "ssd1306" else 132
        self._arguments = _SSD1306_ARGUMENTS if controller == "ssd1306" else _SH1106_ARGUMENTS
        self._plain = _SSD1306_PLAIN if controller == "ssd1306" else _SH1106_PLAIN
        # Static memory wakes up as it likes; an even pattern stands for that.
        self.ram = [
            bytearray((page * 37 + column * 91 ^ 0x5A) & 0xFF for column in range(self.columns))
            for page in range(8)
        ]
        self.reset_pin = Pin(0, on_change=self._reset_changed)
        self._pending: list[int] = []
        self._column = 0
        self._reset()

    @property
    def on(self) -> bool:
        """Whether anything can glow."""
        return self._display_on and self._pump_on and self.reset_pin.value() == 1

    def pixels(self) -> bytes:
        """What the eye sees: 8 pages of 128 columns, a byte eight pixels down, bit 0 on top."""
        if not self.on:
            return bytes(1024)
        if self._all_on:
            return b"\xff" * 1024
        if self.controller == "ssd1306":
            # ram is by segment; the glass has segment 127 at its left.
            pages = [bytes(page[::-1]) for page in self.ram]
        else:
            pages = [bytes(page if self._remap else page[::-1])[2:130] for page in self.ram]
        if self._start_line:
            pages = _rolled(pages, self._start_line)
        if not self._com_reversed:
            pages = [page.translate(_MIRRORED) for page in reversed(pages)]
        picture = b"".join(pages)
        return picture.translate(_INVERTED) if self._inverse else picture

    # What the buses do.

    def write(self, data: bytes) -> None:
        """An I2C transfer: control bytes say what follows (datasheet 8.1.5.2)."""
        if not self.reset_pin.value():
            raise OSError(EIO, "EIO")
        at = 0
        while at + 1 < len(data):
            control = data[at]
            payload = data[at + 1 : at + 2] if control & 0x80 else data[at + 1 :]
            if control & 0x40:
                self.data(payload)
            else:
                self.command(payload)
            at += 1 + len(payload)

    def read(self, n: int) -> bytes:
        """The status byte: bit 6 while the display is off."""
        return bytes((0 if self._display_on else 0x40,)) * n

    def command(self, data: bytes) -> None:
        """Command bytes; one with its arguments may come in several pieces."""
        if not self.reset_pin.value():
            return
        pending = self._pending
        for byte in data:
            if not pending and byte not in self._arguments:
                self._execute(byte, pending)
                continue
            pending.append(byte)
            if len(pending) > self._arguments[pending[0]]:
                self._execute(pending[0], pending[1:])
                pending.clear()

    def data(self, data: bytes) -> None:
        """Bytes for the memory, from where page and column stand."""
        if not self.reset_pin.value():
            return
        if self.controller == "sh1106" or self._addressing == 2:
            column = self._limited(self._column)
            stop = column + len(data)
            if stop <= self.columns:  # the usual case, in one piece
                self._store(self._page, column, data)
                self._column = self._limited(stop)
                return
        for value in data:
            self._column = self._limited(self._column)
            self._store(self._page, self._column, bytes((value,)))
            self._advance()

    # Inside.

    def _reset_changed(self, level: int) -> None:
        if not level:
            self._reset()

    def _reset(self) -> None:
        self._pending.clear()
        self._display_on = False
        # The SH1106 wakes with its converter enabled, the SSD1306 with its pump off.
        self._pump_on = self.controller == "sh1106"
        self._addressing = 2
        self._page = 0
        self._column = 0
        self._column_window = (0, 127)
        self._page_window = (0, 7)
        self._remap = False
        self._com_reversed = False
        self._start_line = 0
        self._inverse = False
        self._all_on = False
        self.contrast = 0x7F if self.controller == "ssd1306" else 0x80

    def _execute(self, first: int, arguments: list[int]) -> None:
        if first not in self._plain and first not in self._arguments:
            self.unknown.append(first)
        elif first < 0x10:
            self._column = self._column & 0xF0 | first
        elif first < 0x20:
            self._column = self._column & 0x0F | (first & 0x0F) << 4
        elif first == 0x20:
            self._addressing = arguments[0] & 3
        elif first == 0x21:
            self._column_window = (arguments[0] & 127, arguments[1] & 127)
            self._column = self._column_window[0]
        elif first == 0x22:
            self._page_window = (arguments[0] & 7, arguments[1] & 7)
            self._page = self._page_window[0]
        elif 0x40 <= first < 0x80:
            self._start_line = first & 0x3F
        elif first == 0x81:
            self.contrast = arguments[0]
        elif first == 0x8D:
            self._pump_on = bool(arguments[0] & 0x04)
        elif first == 0xAD:  # the converter's own switch, bit 0
            self._pump_on = bool(arguments[0] & 0x01)
        elif first in (0xA0, 0xA1):
            self._remap = first == 0xA1
        elif first in (0xA4, 0xA5):
            self._all_on = first == 0xA5
        elif first in (0xA6, 0xA7):
            self._inverse = first == 0xA7
        elif first in (0xAE, 0xAF):
            self._display_on = first == 0xAF
        elif 0xB0 <= first < 0xB8:
            self._page = first & 7
        elif first in (0xC0, 0xC8):
            self._com_reversed = first == 0xC8

    def _limited(self, column: int) -> int:
        """Past its last column the SSD1306 begins again at the first, the SH1106 stays."""
        return column & 0x7F if self.controller == "ssd1306" else min(column, 131)

    def _store(self, page: int, column: int, data: bytes) -> None:
        if self.controller == "ssd1306" and self._remap:
            stop = 128 - column
            self.ram[page][stop - len(data) : stop] = data[::-1]
        else:
            self.ram[page][column : column + len(data)] = data

    def _advance(self) -> None:
        if self.controller == "sh1106" or self._addressing == 2:
            self._column = self._limited(self._column + 1)
        else:
            columns, pages = self._column_window, self._page_window
            if self._addressing == 0:
                self._column, carry = _next(self._column, columns)
                if carry:
                    self._page, _ = _next(self._page, pages)
            else:
                self._page, carry = _next(self._page, pages)
                if carry:
                    self._column, _ = _next(self._column, columns)


_INVERTED = bytes(255 - value for value in range(256))
_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def _next(at: int, window: tuple[int, int]) -> tuple[int, bool]:
    return (window[0], True) if at == window[1] else (at + 1, False)


def _rolled(pages: list[bytes], lines: int) -> list[bytes]:
    """The picture moved up by `lines`, its top coming in again below."""

    def column(x: int) -> Iterator[int]:
        tall = int.from_bytes(bytes(page[x] for page in pages), "little")
        tall = (tall >> lines | tall << 64 - lines) & (1 << 64) - 1
        return iter(tall.to_bytes(8, "little"))

    columns = [list(column(x)) for x in range(128)]
    return [bytes(columns[x][page] for x in range(128)) for page in range(8)]
