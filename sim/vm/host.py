"""Run the firmware on the real MicroPython, against the chips that are modelled in Python.

    vm = Vm(Board(Playback(recording)))
    wait_ms = vm.step(board.clock.now_ms)
    vm.reading()

One node process holds one MicroPython with a heap of fixed size. The firmware arrives as the .mpy
files of a device; only its `board` is another, and hands every transfer on to the board given
here. The firmware is driven one step a call, because this MicroPython collects garbage between
calls only.
"""

import contextlib
import os
import re
import selectors
import struct
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from sim.vm import build, setup

_HEADER = struct.Struct("<IB")
_ANSWER = struct.Struct("<IBi")
_READ = struct.Struct("<BBBH")
_WRITE = struct.Struct("<BBB")
_CALL = struct.Struct("<Bi")
_DONE = struct.Struct("<iI")

# The same numbers stand in board.py, and in node.mjs those of what never fails.
_SENSOR = 0
_STOP = -1000
_SLEEP_US, _SLEEP_MS, _TICKS_MS, _START_WATCHDOG, _FEED_WATCHDOG, _RESET = range(6)
_NEW_SENSOR_BUS, _BUZZER_HZ, _BUZZER_DUTY, _BATTERY_UV = range(6, 10)
_TIME_S, _DEEP_SLEEP, _KEEP_FEEDING, _SET_CLOCK, _CONSOLE_READ, _REST_MS = range(10, 16)
_CONSOLE = 2
_PIN = 16
_PINS = ("sensor_scl", "sensor_sda", "display_reset", "button", "vbus")

_EIO = 5

# A collection is due when so many bytes were allocated since the last one: after most steps. The
# ESP32 collects when its heap is full; here that moment may fall inside a call, where none can
# happen.
_COLLECT_AFTER = 128


class VmError(RuntimeError):
    """The firmware raised on the VM, or the VM itself failed; the text holds the traceback."""


class Vm:
    """A MicroPython of `heap_kib` KiB of heap; with a board, the firmware's app started on it.

    `heap_kib` 0 leaves the heap free to grow. Without a board only the firmware's modules are
    there to be imported by `run`. Raises VmMissing where node or the VM is not installed,
    VmError when the app does not start.
    """

    def __init__(
        self, board: Any = None, heap_kib: int = 64, timeout_s: float = 60, start: bool = True
    ) -> None:
        self._board = board
        self._timeout_s = timeout_s
        self._buses: list[Any] = []
        self._raised: BaseException | None = None
        self._reading: list[int] = []
        shipped, inside = build.firmware(), build.inside()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed in close)
        from_python, self._to_node = os.pipe()
        self._from_node, to_python = os.pipe()
        self._node = _spawn(heap_kib, from_python, to_python, self._stderr)
        os.close(from_python)
        os.close(to_python)
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(self._from_node, selectors.EVENT_READ)
        try:
            for folder in (shipped, inside):
                for path in sorted(folder.rglob("*")):
                    if path.suffix in (".mpy", ".py", ".pack"):
                        self.put("/" + path.relative_to(folder).as_posix(), path.read_bytes())
            self.run(f"gc.threshold({_COLLECT_AFTER})")
            if board is not None:
                self._wire(board)
                if start:
                    self._start()
        except BaseException:
            self.close()
            raise

    def _wire(self, board: Any) -> None:
        """Give the board inside the constants of the one outside, and a copy of its flash."""
        self._buses = [board.sensor_bus(), board.display_bus]
        constants = ["DISPLAY_CONTROLLER", "BATTERY_DIVIDER", "CHANNELS"]
        constants += ["keep_awake", "leds_fixed", "is_product", "woken", "bitten"]
        lines = [f"board.{name} = {getattr(board, name)!r}" for name in constants]
        lines += [
            f"board.{name} = None"
            for name in ("vbus", "battery_adc")
            if getattr(board, name) is None
        ]
        lines.append("board.DATA_DIR = '/data'")
        self.run("\n".join(["import board", *lines]))
        self.put("/data/", b"")
        for path in sorted(Path(board.DATA_DIR).glob("*")):
            if path.is_file():
                self.put(f"/data/{path.name}", path.read_bytes())

    def _start(self) -> None:
        """Import module by module, so that what importing leaves behind is collected between."""
        for name in build.resident():
            self.run(f"__import__('{name}')\ngc.collect()")
        self.run("board.start()")

    def step(self, now_ms: int) -> int:
        """One step of the app at this time; milliseconds until it wants the next."""
        return self._ask("S", struct.pack("<i", now_ms))[0]

    def reading(self) -> list[int]:
        """The app's reading after the last step, in the order of the core's fields."""
        return self._reading

    def run(self, code: str) -> str:
        """Run statements in the VM's main module; what they print. Raises VmError."""
        return self._ask("X", code.encode())[1]

    def put(self, path: str, content: bytes) -> None:
        """Write a file inside the VM, with its folders; a folder alone when path ends with /."""
        name = path.encode()
        self._ask("F", struct.pack("<H", len(name)) + name + content)

    def memory(self) -> tuple[int, int]:
        """(free, used) bytes of the heap after a collection."""
        found = re.search(r"used: (\d+), free: (\d+)", self._ask("M", b"")[1])
        assert found, "mem_info of the pinned MicroPython has this form"
        return int(found[2]), int(found[1])

    def close(self) -> None:
        self._node.kill()
        self._node.wait()
        self._waiting.close()
        for end in (self._to_node, self._from_node):
            with contextlib.suppress(OSError):
                os.close(end)
        self._stderr.close()

    def __enter__(self) -> "Vm":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, kind: str, payload: bytes) -> tuple[int, str]:
        """One question to node; serves the board until the answer comes: (result, printed)."""
        self._send(_HEADER.pack(len(payload), ord(kind)) + payload)
        while True:
            frame = self._receive()
            asked = frame[4]
            if asked == 0x52:  # R
                self._answer(*self._bus_read(frame))
            elif asked == 0x57:  # W
                self._answer(self._bus_write(frame))
            elif asked == 0x42:  # B
                self._answer(self._board_call(*_CALL.unpack_from(frame, 5)))
            else:
                break
        raised, self._raised = self._raised, None
        if raised is not None:
            raise raised
        if asked == 0x45:  # E
            raise VmError(frame[5:].decode(errors="replace").strip())
        result, length = _DONE.unpack_from(frame, 5)
        end = 5 + _DONE.size + 4 * length
        if length:
            self._reading = list(struct.unpack_from(f"<{length}i", frame, 5 + _DONE.size))
        return result, frame[end:].decode(errors="replace")

    def _send(self, frame: bytes) -> None:
        try:
            while frame:
                frame = frame[os.write(self._to_node, frame) :]
        except BrokenPipeError:
            raise self._dead() from None

    def _receive(self) -> bytes:
        frame = b""
        want = 5
        while len(frame) < want:
            if not self._waiting.select(self._timeout_s):
                self._node.kill()
                raise VmError(
                    f"The MicroPython VM gave no sign for {self._timeout_s:g} s and was stopped: "
                    "the firmware does not come back from its last step."
                )
            part = os.read(self._from_node, 1 << 16)
            if not part:
                raise self._dead()
            frame += part
            if len(frame) >= 5:
                want = 5 + _HEADER.unpack_from(frame)[0]
        return frame

    def _dead(self) -> VmError:
        self._node.wait()
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip()
        return VmError(f"The MicroPython VM has died: {said[-2000:] or 'without a word.'}")

    def _answer(self, status: int, content: bytes = b"") -> None:
        self._send(_ANSWER.pack(4 + len(content), 0x41, status) + content)

    def _status_of(self, error: BaseException) -> int:
        """An OSError is the bus's and goes in by its number; anything else stops the firmware
        and is raised again outside."""
        if isinstance(error, OSError):
            return -(error.errno or _EIO)
        if self._raised is None:
            self._raised = error
        return _STOP

    def _bus_read(self, frame: bytes) -> tuple[int, bytes]:
        bus, address, register, length = _READ.unpack_from(frame, 5)
        buffer = bytearray(length)
        try:
            self._buses[bus].readfrom_mem_into(address, register, buffer)
        except BaseException as error:
            return self._status_of(error), b""
        return 0, bytes(buffer)

    def _bus_write(self, frame: bytes) -> int:
        bus, address, register = _WRITE.unpack_from(frame, 5)
        try:
            if bus == _CONSOLE:
                self._board.console_write(frame[5 + _WRITE.size :])
                return 0
            self._buses[bus].writeto_mem(address, register, frame[5 + _WRITE.size :])
        except BaseException as error:
            return self._status_of(error)
        return 0

    def _board_call(self, what: int, value: int) -> int:
        board = self._board
        try:
            if what >= _PIN:
                pin = getattr(board, _PINS[what - _PIN])
                return int(pin.value()) if value < 0 else pin.value(value) or 0
            elif what == _SLEEP_US:
                board.sleep_us(value)
            elif what == _SLEEP_MS:
                board.sleep_ms(value)
            elif what == _TICKS_MS:
                return int(board.ticks_ms())
            elif what == _START_WATCHDOG:
                board.start_watchdog(value)
            elif what == _FEED_WATCHDOG:
                board.feed_watchdog()
            elif what == _RESET:
                board.reset()
            elif what == _NEW_SENSOR_BUS:
                self._buses[_SENSOR] = board.sensor_bus()
            elif what == _BUZZER_HZ:
                board.buzzer.freq(value)
            elif what == _BUZZER_DUTY:
                board.buzzer.duty_u16(value)
            elif what == _BATTERY_UV:
                return int(board.battery_adc.read_uv())
            elif what == _TIME_S:
                return int(board.time_s()) + 1  # under 0 is an error
            elif what == _DEEP_SLEEP:
                board.deep_sleep()
            elif what == _KEEP_FEEDING:
                board.keep_feeding()
            elif what == _SET_CLOCK:
                board.set_clock(value)
            elif what == _REST_MS:
                board.rest_ms(value >> 1, bool(value & 1))
            elif what == _CONSOLE_READ:
                return int(board.console_read()) + 1
        except BaseException as error:
            return self._status_of(error)
        return 0


def _spawn(
    heap_kib: int, from_python: int, to_python: int, stderr: Any
) -> "subprocess.Popen[bytes]":
    """node with its two ends of the pipes, kept under the numbers they have here."""
    program = [setup.node(), setup.HERE / "node.mjs", setup.MODULE.as_uri()]
    return subprocess.Popen(
        [*map(str, program), str(from_python), str(to_python), str(heap_kib)],
        stdin=subprocess.DEVNULL,
        stdout=stderr,
        stderr=stderr,
        pass_fds=(from_python, to_python),
    )
