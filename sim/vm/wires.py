"""What hangs on the pins of a virtual chip: the parts of a simulated board, by hardware/pins.yaml.

The program on the chip names pins, as on a real one; that they lead to the right parts is the
firmware's own affair, and so is put to the test. Time is the real one: a chip that is talked to by
real programs cannot wait for a virtual clock.
"""

import os
import struct
import time
from pathlib import Path
from typing import Any

_PINS = Path(__file__).resolve().parent.parent.parent / "hardware" / "pins.yaml"
_HEAD = struct.Struct("<IB")
_EIO, _ENODEV = 5, 19
_STALL_S = 0.2  # a program that samples asks for something in every 40 ms


class Wires:
    """The pins of `board` (sim.board.Board) on a chip of this target, spoken to over two pipes.

    A frame is u32 length, u8 kind and payload; each is answered by i32 status or value (below 0 an
    errno), and for a read the bytes. `from_chip` becomes readable when one has come.
    """

    def __init__(self, board: Any, target: str, levels: dict[int, int]) -> None:
        import yaml

        found = yaml.safe_load(_PINS.read_text())["targets"].values()
        roles = next(each["pins"] for each in found if each["chip"] == target)
        self._board = board
        self._levels = levels
        self._buses = {
            roles["sensor_scl"]: board.sensor_bus(),
            roles["display_scl"]: board.display_bus,
        }
        names = ("sensor_scl", "sensor_sda", "display_reset", "button", "vbus")
        parts = {name: getattr(board, name) for name in names}
        self._pins = {roles[n]: part for n, part in parts.items() if n in roles and part}
        self._began_s = time.monotonic() - board.clock.now_us / 1e6
        self._stalled_s = float("-inf")
        self._heard_s = float("inf")
        self.from_chip, self.chips_end_out = os.pipe()
        self.chips_end_in, self._to_chip = os.pipe()

    def close(self) -> None:
        """The chip is off: its pins float, and what a resistor pulls down falls."""
        self._board.display_reset.value(0)
        self._board.buzzer.duty_u16(0)
        for fd in (self.from_chip, self._to_chip):
            os.close(fd)

    def hand_over(self) -> None:
        """The chip's process has its ends; ours of them go."""
        os.close(self.chips_end_out)
        os.close(self.chips_end_in)

    def stalled_s(self) -> float:
        """When (monotonic) the program, sampling, was last far too late with its next question,
        maybe just now: its host is too busy. Minus infinity: never."""
        now_s = time.monotonic()
        is_late = self._board.sensor.sampling and now_s - self._heard_s > _STALL_S
        return now_s if is_late else self._stalled_s

    def turn(self) -> bool:
        """Answer one frame; False when the chip's end is gone."""
        head = self._read(_HEAD.size)
        if len(head) < _HEAD.size:
            return False
        length, kind = _HEAD.unpack(head)
        payload = self._read(length)
        clock = self._board.clock
        passed_us = int((time.monotonic() - self._began_s) * 1e6) - clock.now_us
        self._stalled_s = self.stalled_s()
        self._heard_s = time.monotonic()
        clock.advance_us(max(0, passed_us))
        status, content = self._done(chr(kind), payload)
        answer = struct.pack("<i", status) + content
        try:
            os.write(self._to_chip, struct.pack("<I", len(answer)) + answer)
        except BrokenPipeError:
            return False
        return True

    def _read(self, size: int) -> bytes:
        """So many bytes, less at the end: a chip sends a frame at once, and waits."""
        data = b""
        while len(data) < size:
            more = os.read(self.from_chip, size - len(data))
            if not more:
                break
            data += more
        return data

    def _done(self, kind: str, payload: bytes) -> tuple[int, bytes]:
        board = self._board
        if kind == "P":  # a pin; a level under 0 asks for its own
            number, level = struct.unpack("<Bb", payload)
            part = self._pins.get(number)
            if level >= 0:
                if part is not None:
                    part.value(level)
                return 0, b""
            if number in self._levels:
                return self._levels[number], b""
            return (-_ENODEV if part is None else int(part.value())), b""
        if kind == "V":
            return board.battery_adc.read_uv() if board.battery_adc else 0, b""
        if kind == "T":
            hz, duty = struct.unpack("<II", payload)
            board.buzzer.freq(hz)
            board.buzzer.duty_u16(duty)
            return 0, b""
        scl, address, register = payload[:3]
        bus = self._buses.get(scl)
        if bus is None:
            return -_ENODEV, b""
        try:
            if kind == "W":
                bus.writeto_mem(address, register, payload[3:])
                return 0, b""
            into = bytearray(int.from_bytes(payload[3:5], "little"))
            bus.readfrom_mem_into(address, register, into)
        except OSError as error:
            return -(error.errno or _EIO), b""
        return 0, bytes(into)
