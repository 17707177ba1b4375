"""The serial loader of a virtual ESP32 or ESP32-C3: the ROM's, and the stub that esptool uploads.

    loader = Loader(PARTS["esp32c3"], mac, flash)
    answer = loader.feed(bytes_from_the_host)

Written after Espressif's "Serial Protocol" (the manual of esptool) and the two chips' technical
reference manuals; real esptool is the test. What it does not model: efuse burning, secure boot,
encryption, NAND, and what the uploaded stub's code is: its bytes must arrive whole, then `OHAI` is
said and the stub's dialect spoken.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sim.vm.flash import SECTOR, Flash

ROM_BAUD = 115200

# Commands.
(_FLASH_BEGIN, _FLASH_DATA, _FLASH_END, _MEM_BEGIN, _MEM_END, _MEM_DATA, _SYNC) = range(2, 9)
_WRITE_REG, _READ_REG, _SPI_SET_PARAMS = 0x09, 0x0A, 0x0B
_SPI_ATTACH, _READ_FLASH_SLOW, _CHANGE_BAUDRATE = 0x0D, 0x0E, 0x0F
_DEFL_BEGIN, _DEFL_DATA, _DEFL_END, _FLASH_MD5, _SECURITY_INFO = range(0x10, 0x15)
_ERASE_FLASH, _ERASE_REGION, _READ_FLASH, _RUN_USER_CODE = range(0xD0, 0xD4)

SYNC_FRAME = b"\xc0\x00\x08\x24\x00"  # how one begins

# Why a command failed: (of the ROM, of the stub).
_INVALID = (0x05, 0xC3)
_CHECKSUM = (0x07, 0xC1)
_NOT_BEGUN = (0x06, 0xC6)
_INFLATE = (0x0B, 0xC7)

_HEAD = struct.Struct("<BBHI")
_USR_COMMAND = 1 << 18  # of the SPI's command register: run what the other registers say


@dataclass(frozen=True)
class Part:
    """What tells one chip from the other."""

    name: str
    chip_id: int | None  # None: the ROM has no GET_SECURITY_INFO
    bootloader_at: int
    spi_base: int
    spi_usr2: int  # offsets of the SPI's registers
    spi_w0: int
    spi_address_shift: int  # how far to the left a 24-bit address stands in its register
    uart_clkdiv: int
    registers: Callable[[bytes], dict[int, int]]  # what is fixed, by address, of a chip's MAC


def _esp32_registers(mac: bytes) -> dict[int, int]:
    return {
        0x40001000: 0x00F01D83,  # the word in ROM by which esptool knows an ESP32
        0x3FF5A004: int.from_bytes(mac[2:], "big"),
        0x3FF5A008: int.from_bytes(mac[:2], "big"),
        0x3FF5A00C: 1 << 15 | 1 << 9,  # revision bit 0; package ESP32-D0WD
        0x3FF5A014: 1 << 20,  # revision bit 1
        0x3FF6607C: 1 << 31,  # revision bit 2: together revision 3
        0x3FF5A010: 100,  # the 8 MHz clock's frequency, and
        0x3FF5F06C: 1024 << 7,  # its calibration: together 40 MHz by the ROM's formula
    }


def _esp32c3_registers(mac: bytes) -> dict[int, int]:
    return {
        0x60008844: int.from_bytes(mac[2:], "big"),
        0x60008848: int.from_bytes(mac[:2], "big"),
        0x60008850: 4 << 18,  # revision v0.4
    }


PARTS = {
    "esp32": Part("ESP32", None, 0x1000, 0x3FF42000, 0x24, 0x80, 8, 0x3FF40014, _esp32_registers),
    "esp32c3": Part("ESP32-C3", 5, 0x0, 0x60002000, 0x20, 0x58, 0, 0x60000014, _esp32c3_registers),
}


class Refused(Exception):
    """A command that fails; carries the status of the ROM and of the stub."""


@dataclass
class _Write:
    """A write to flash that has begun."""

    at: int
    end: int
    block: int
    erased: int  # all before this address is
    inflate: "zlib._Decompress | None" = None
    next_seq: int = 0


@dataclass
class Loader:
    """The loader's state, from reset until the chip runs what is in flash.

    `baud` is the rate it listens at now; the ROM takes over the rate at which it is addressed.
    `restart` says that the host let it go: the flash's program is to be run.
    """

    part: Part
    mac: bytes
    flash: Flash
    baud: int = ROM_BAUD
    stub: bool = False
    restart: bool = False
    registers: dict[int, int] = field(default_factory=dict)
    _ram: list[int] = field(default_factory=lambda: [0, 0])  # bytes announced, bytes come
    _write: _Write | None = None
    _reading: "Iterator[bytes] | None" = None
    _sent: int = 0  # bytes of it on their way
    _acknowledged: int = 0
    _window: int = 0
    _frame: bytearray | None = None

    def __post_init__(self) -> None:
        self.registers = self.part.registers(self.mac)

    def feed(self, data: bytes) -> bytes:
        """What the host sent in, what it gets back out. Raises PortDied when the flash says so."""
        out = bytearray()
        for frame in self._frames(data):
            out += self._took(frame)
        return bytes(out)

    def _frames(self, data: bytes) -> Iterator[bytes]:
        """SLIP: 0xC0 at both ends, two escapes within."""
        for piece in _at_marks(data):
            if piece == b"\xc0":
                frame, self._frame = self._frame, bytearray()
                if frame:
                    self._frame = None
                    unescaped = frame.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
                    yield bytes(unescaped)
            elif self._frame is not None:
                self._frame += piece

    def _took(self, frame: bytes) -> bytes:
        if self._reading is not None:  # an acknowledgement of what was read so far
            return self._read_on(frame)
        if len(frame) < _HEAD.size:
            return b""
        direction, command, length, checksum = _HEAD.unpack_from(frame)
        body = frame[_HEAD.size :]
        if direction != 0 or len(body) != length:
            return b""
        if command == _SYNC:
            value = 0 if self.stub else 0x07071220
            return self._answer(command, value=value) * 8
        try:
            handler = self._handlers().get(command)
            if handler is None:
                raise Refused(_INVALID)
            return handler(command, body, checksum)
        except Refused as refused:
            return self._answer(command, status=refused.args[0][self.stub])

    def _handlers(self) -> dict[int, Callable[[int, bytes, int], bytes]]:
        found: dict[int, Callable[[int, bytes, int], bytes]] = {
            _READ_REG: self._read_reg,
            _WRITE_REG: self._write_reg,
            _MEM_BEGIN: self._mem_begin,
            _MEM_DATA: self._mem_data,
            _MEM_END: self._mem_end,
            _SPI_SET_PARAMS: self._accept,
            _SPI_ATTACH: self._accept,
            _CHANGE_BAUDRATE: self._change_baud,
            _FLASH_BEGIN: self._flash_begin,
            _DEFL_BEGIN: self._flash_begin,
            _FLASH_DATA: self._flash_data,
            _DEFL_DATA: self._flash_data,
            _FLASH_END: self._flash_end,
            _DEFL_END: self._flash_end,
            _FLASH_MD5: self._flash_md5,
        }
        if self.part.chip_id is not None:
            found[_SECURITY_INFO] = self._security_info
        if not self.stub:
            found[_READ_FLASH_SLOW] = self._read_flash_slow
            return found
        return found | {
            _ERASE_FLASH: self._erase_flash,
            _ERASE_REGION: self._erase_region,
            _READ_FLASH: self._read_flash,
            _RUN_USER_CODE: self._run_user_code,
        }

    def _answer(self, command: int, value: int = 0, data: bytes = b"", status: int = 0) -> bytes:
        body = data + bytes([status != 0, status]) + bytes(0 if self.stub else 2)
        return _slip(_HEAD.pack(1, command, len(body), value) + body)

    def _accept(self, command: int, body: bytes, checksum: int) -> bytes:
        return self._answer(command)

    def _security_info(self, command: int, body: bytes, checksum: int) -> bytes:
        return self._answer(command, data=struct.pack("<IB7xII", 0, 0, self.part.chip_id, 0))

    def _read_reg(self, command: int, body: bytes, checksum: int) -> bytes:
        (address,) = struct.unpack("<I", body)
        value = self.registers.get(address, 0)
        if address == self.part.uart_clkdiv:
            value = 40_000_000 // self.baud
        return self._answer(command, value=value)

    def _write_reg(self, command: int, body: bytes, checksum: int) -> bytes:
        for at in range(0, len(body), 16):
            address, value, mask, _ = struct.unpack_from("<IIII", body, at)
            kept = self.registers.get(address, 0) & ~mask
            self.registers[address] = kept | value & mask
            if address == self.part.spi_base and value & _USR_COMMAND:
                self._spi()
        return self._answer(command)

    def _spi(self) -> None:
        """Run the command that stands in the SPI's registers, as the flash chip would."""
        base = self.part.spi_base
        opcode = self.registers.get(base + self.part.spi_usr2, 0) & 0xFF
        address = self.registers.get(base + 4, 0) >> self.part.spi_address_shift
        answer = 0
        if opcode == 0x9F:  # RDID: Winbond, and the size as a power of two
            answer = (self.flash.size.bit_length() - 1) << 16 | 0x40EF
        elif opcode == 0x5A:  # SFDP: its signature, and the maker
            answer = {0: 0x50444653, 0x10: 0xEF}.get(address, 0)
        self.registers[base + self.part.spi_w0] = answer
        self.registers[base] = 0  # done

    def _mem_begin(self, command: int, body: bytes, checksum: int) -> bytes:
        self._ram[0] += struct.unpack_from("<I", body)[0]
        return self._answer(command)

    def _mem_data(self, command: int, body: bytes, checksum: int) -> bytes:
        self._ram[1] += len(_checked(body, checksum))
        return self._answer(command)

    def _mem_end(self, command: int, body: bytes, checksum: int) -> bytes:
        stay, _ = struct.unpack("<II", body)
        if stay:
            return self._answer(command)
        answer = self._answer(command)
        if self._ram[0] != self._ram[1]:  # half a program: nothing more is heard of it
            return answer
        self.stub = True
        return answer + _slip(b"OHAI")

    def _change_baud(self, command: int, body: bytes, checksum: int) -> bytes:
        answer = self._answer(command)
        self.baud = struct.unpack_from("<I", body)[0]
        return answer

    def _flash_begin(self, command: int, body: bytes, checksum: int) -> bytes:
        size, _, block, at = struct.unpack_from("<IIII", body)
        if at + size > self.flash.size:
            raise Refused(_NOT_BEGUN)
        self._write = _Write(at, at + size, block, at // SECTOR * SECTOR)
        if command == _DEFL_BEGIN:
            self._write.inflate = zlib.decompressobj()
        if not self.stub:  # the ROM erases at once, the stub as it goes
            self._erase_until(self._write, self._write.end)
        return self._answer(command)

    def _flash_data(self, command: int, body: bytes, checksum: int) -> bytes:
        write = self._write
        if write is None or (command == _DEFL_DATA) != (write.inflate is not None):
            raise Refused(_NOT_BEGUN)
        seq = struct.unpack_from("<I", body, 4)[0]
        data = _checked(body, checksum)
        if seq == write.next_seq:  # one that came before is a repetition, and is written already
            write.next_seq += 1
            if write.inflate is not None:
                try:
                    data = write.inflate.decompress(data)
                except zlib.error:
                    raise Refused(_INFLATE) from None
            # The ROM pads the last block with 0xFF, which programs nothing.
            data = data[: write.end - write.at] if self.stub else data
            while data:  # a sector at a time, as far as it comes
                piece = data[: SECTOR - write.at % SECTOR]
                self._erase_until(write, write.at + len(piece))
                self.flash.program(write.at, piece)
                write.at += len(piece)
                data = data[len(piece) :]
        return self._answer(command)

    def _erase_until(self, write: _Write, end: int) -> None:
        if end > write.erased:
            self.flash.erase(write.erased, end - write.erased)
            write.erased = -(-end // SECTOR) * SECTOR

    def _flash_end(self, command: int, body: bytes, checksum: int) -> bytes:
        self._write = None
        if struct.unpack("<I", body)[0] == 0:
            self.restart = True
        return self._answer(command)

    def _flash_md5(self, command: int, body: bytes, checksum: int) -> bytes:
        start, size = struct.unpack_from("<II", body)
        digest = hashlib.md5(self.flash.read(start, size))
        return self._answer(
            command, data=digest.digest() if self.stub else digest.hexdigest().encode()
        )

    def _read_flash_slow(self, command: int, body: bytes, checksum: int) -> bytes:
        start, size = struct.unpack("<II", body)
        return self._answer(command, data=self.flash.read(start, min(size, 64)).ljust(64, b"\0"))

    def _erase_flash(self, command: int, body: bytes, checksum: int) -> bytes:
        self.flash.erase(0, self.flash.size)
        return self._answer(command)

    def _erase_region(self, command: int, body: bytes, checksum: int) -> bytes:
        self.flash.erase(*struct.unpack("<II", body))
        return self._answer(command)

    def _run_user_code(self, command: int, body: bytes, checksum: int) -> bytes:
        self.restart = True
        return b""

    def _read_flash(self, command: int, body: bytes, checksum: int) -> bytes:
        start, size, block, in_flight = struct.unpack("<IIII", body)
        self._sent = 0
        self._acknowledged = 0
        self._window = block * in_flight
        self._reading = self._blocks(start, size, block)
        return self._answer(command) + self._send_blocks()

    def _blocks(self, start: int, size: int, block: int) -> Iterator[bytes]:
        for at in range(start, start + size, block):
            data = self.flash.read(at, min(block, start + size - at))
            self._sent += len(data)
            yield _slip(data)
        while self._acknowledged < size:
            yield b""
        yield _slip(hashlib.md5(self.flash.read(start, size)).digest())

    def _read_on(self, acknowledgement: bytes) -> bytes:
        self._acknowledged = int.from_bytes(acknowledgement[:4], "little")
        return self._send_blocks()

    def _send_blocks(self) -> bytes:
        """As much as may be on its way unacknowledged."""
        assert self._reading is not None
        out = bytearray()
        while self._sent - self._acknowledged < self._window:
            block = next(self._reading, None)
            if block is None:
                self._reading = None
                break
            if not block:
                break
            out += block
        return bytes(out)


def _at_marks(data: bytes) -> Iterator[bytes]:
    """The data, split so that each 0xC0 is a piece of its own."""
    for number, piece in enumerate(data.split(b"\xc0")):
        if number:
            yield b"\xc0"
        if piece:
            yield piece


def _checked(body: bytes, checksum: int) -> bytes:
    """The data behind the four words of a block. Raises Refused when its checksum is another."""
    (size,) = struct.unpack_from("<I", body)
    data = body[16:]
    folded = 0xEF
    # XOR of all bytes, over wide integers: a byte at a time would be the slowest part of all.
    step = 1 << 10
    wide = 0
    for at in range(0, len(data), step):
        wide ^= int.from_bytes(data[at : at + step].ljust(step, b"\0"), "little")
    for byte in wide.to_bytes(step, "little"):
        folded ^= byte
    if len(data) != size or folded != checksum & 0xFF:
        raise Refused(_CHECKSUM)
    return data


def _slip(data: bytes) -> bytes:
    return b"\xc0" + data.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"
