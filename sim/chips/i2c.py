"""An I2C bus with machine.I2C's methods, and a display's SPI bus, both to virtual chips.

Not modelled: bus speed and the time a transfer takes, arbitration, clock stretching, a transfer
that breaks off midway. The firmware's clock stands still during a transfer. This is the hardware
bus: a software one takes a data line held low for an acknowledge and reads zeros.
"""

from collections.abc import Sequence
from errno import EIO, ENODEV
from typing import Any, Protocol

from sim.chips.pin import Pin

_BYTES = tuple(bytes((value,)) for value in range(256))
_ETIMEDOUT = 116  # ESP32's number, which is not this machine's


class Chip(Protocol):
    """Something on the bus. `faults` may hold 'nack' (does not answer) and 'sda_low' (holds the
    data line); a chip that holds it lets go after `release_after_clocks`, with None never."""

    faults: set[str]
    release_after_clocks: int | None

    def write(self, data: bytes) -> None: ...

    def read(self, n: int) -> bytes: ...


class I2cBus:
    """`log`, when set to a list, collects ('w', address, bytes) and ('r', address, n).

    OSError ENODEV: nobody has that address. EIO: the chip does not acknowledge. ETIMEDOUT: a
    chip holds the data line low. `scl` and `sda` are the pins for the bus recovery.
    """

    def __init__(self, devices: dict[int, Any]) -> None:
        self.devices = devices
        self.log: list[tuple] | None = None
        self.scl = Pin(1, on_change=self._clocked)
        self.sda = Pin(1, held_low=self._sda_held)

    def readfrom_mem_into(self, address: int, register: int, into: Any) -> None:
        """Write the register's number, repeated START, fill `into`."""
        chip = self._chip(address)
        if self.log is not None:
            self.log += [("w", address, bytes((register,))), ("r", address, len(into))]
        chip.write(_BYTES[register])
        into[:] = chip.read(len(into))

    def writeto_mem(self, address: int, register: int, data: Any) -> None:
        self.writeto(address, bytes((register,)) + data)

    def readfrom_into(self, address: int, into: Any) -> None:
        """Fill `into` from wherever the chip stands."""
        chip = self._chip(address)
        if self.log is not None:
            self.log.append(("r", address, len(into)))
        into[:] = chip.read(len(into))

    def writeto(self, address: int, data: Any) -> int:
        """One transfer of `data`; the number of bytes acknowledged, the address among them."""
        chip = self._chip(address)
        data = bytes(data)
        if self.log is not None:
            self.log.append(("w", address, data))
        chip.write(data)
        return len(data) + 1

    def scan(self) -> list[int]:
        if self._sda_held():
            return []
        return [a for a, chip in sorted(self.devices.items()) if "nack" not in chip.faults]

    def _chip(self, address: int) -> Chip:
        found: Chip | None = self.devices.get(address)
        if found is not None and len(self.devices) == 1 and not found.faults:
            return found  # the usual case, asked a hundred times a second
        for chip in self.devices.values():
            if chip.faults and "sda_low" in chip.faults:
                raise OSError(_ETIMEDOUT, "ETIMEDOUT")
        if found is None:
            raise OSError(ENODEV, "ENODEV")
        if found.faults and "nack" in found.faults:
            raise OSError(EIO, "EIO")
        return found

    def _sda_held(self) -> bool:
        return any("sda_low" in chip.faults for chip in self.devices.values())

    def _clocked(self, level: int) -> None:
        if not level:
            return
        for chip in self.devices.values():
            if "sda_low" in chip.faults and chip.release_after_clocks is not None:
                chip.release_after_clocks -= 1
                if chip.release_after_clocks <= 0:
                    chip.faults.discard("sda_low")


class SpiBus:
    """Four-wire SPI to one display: `dc` tells commands (low) from data, `cs` selects (low)."""

    def __init__(self, display: Any) -> None:
        self.display = display
        self.dc = Pin(0)
        self.cs = Pin(1)

    def write(self, data: Sequence[int]) -> None:
        """To the display, if it is selected."""
        if self.cs.value():
            return
        if self.dc.value():
            self.display.data(bytes(data))
        else:
            self.display.command(bytes(data))
