"""A virtual ESP32 or ESP32-C3 on a pseudo-terminal: real esptool flashes it, then it runs.

    with running([Chip("esp32c3")]) as (chip,):
        ...                                  # esptool, mpremote or ours on chip.port.path

or, as a process that prints the paths and serves until it is ended:

    python -m sim.vm.chip --target esp32c3 --count 4

A pseudo-terminal has no lines to reset a chip by. What they would do is read off what comes: a
SYNC frame is a reset into the ROM's loader (also out of one that listens at another rate), and a
host that leaves the loader by hanging up is a reset into what is flashed. What is flashed must be
a bootable image by its own checksums; its machine code is not run, but the real MicroPython VM in
its place, on the file systems found in the flash. What comes while that begins anew is lost, as on
a chip.
"""

import argparse
import contextlib
import hashlib
import json
import os
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sim.vm import setup
from sim.vm.flash import SECTOR, Flash, Partition, PortDied
from sim.vm.port import Port, noise
from sim.vm.rom import PARTS, SYNC_FRAME, Loader
from sim.vm.wires import Wires

_MACHINES = {"esp32": "Generic ESP32 module with ESP32", "esp32c3": "ESP32C3 module with ESP32C3"}
# Of device.mjs.
_SOFT, _SOFT_RAW, _HARD, _BITTEN = 10, 11, 12, 13
_POWER_CAUSE, _WATCHDOG_CAUSE, _SOFT_CAUSE = 1, 3, 5  # of machine.py

_BAD_IMAGE = b"invalid header: 0xffffffff\r\n"  # what the ROM prints, again and again
_STOCK_BOOT = "# boot.py -- run on boot-up\n"  # as MicroPython leaves on a flash it has formatted


class Chip:
    """`target` is esp32 or esp32c3; `board`, a sim.board.Board, is what hangs on its pins.

    `flash`, `port` and `levels` (pin number to the level that is put on it from outside) may be
    changed at any time; `mute` makes it say nothing at all. `boots` counts how often MicroPython
    began.
    """

    def __init__(
        self,
        target: str = "esp32c3",
        mac: bytes = b"\x24\x6f\x28\x00\x00\x01",
        flash: Flash | None = None,
        port: Port | None = None,
        board: Any = None,
    ) -> None:
        self.target = target
        self.part = PARTS[target]
        self.mac = mac
        self.flash = flash or Flash()
        self.port = port or Port()
        self.board = board
        self.levels: dict[int, int] = {}
        self.mute = False
        self.boots = 0
        self._loader: Loader | None = None
        self._vm: subprocess.Popen[bytes] | None = None
        self._wires: Wires | None = None
        self._folder: Path | None = None
        self._lock = threading.RLock()  # whoever changes what runs holds it
        self._due_s = 0.0  # when the port is worth a look again, while no host is there

    def replug(self) -> None:
        """Pulled out and put in again: a new port, and all that is not flash is forgotten."""
        with self._lock:
            self.unplug()
            self.cable(True)

    def unplug(self) -> None:
        """Pulled out: no port, no power."""
        with self._lock:
            self.stop()
            self.cable(False)

    def cable(self, is_in: bool) -> None:
        """The cable alone, put in or pulled; what runs goes on by whatever else feeds it."""
        with self._lock:
            self.port.close()
            if is_in:
                self.port = Port(self.port.max_baud, self.port.paced)

    @property
    def is_running(self) -> bool:
        """Whether MicroPython runs on it."""
        return self._vm is not None

    def stalled_s(self) -> float:
        """When its host was last too busy to let what runs keep up, as Wires says."""
        wires = self._wires
        return wires.stalled_s() if wires else float("-inf")

    def stop(self) -> None:
        """Ends whatever runs; its file systems are back in the flash then."""
        with self._lock:
            self._loader = None
            if self._vm is not None:
                assert self._vm.stdin and self._vm.stdout
                self._vm.kill()
                self._vm.wait()
                with contextlib.suppress(BrokenPipeError):  # what nobody reads any more
                    self._vm.stdin.close()
                self._vm.stdout.close()
                self._vm = None
            if self._wires is not None:
                self._wires.close()
                self._wires = None
            if self._folder is not None:
                self._keep(self._folder)
                shutil.rmtree(self._folder)
                self._folder = None

    def boot(self, raw: bool = False, cause: int = _POWER_CAUSE, watchdog_ms: int = 0) -> None:
        """Run what is flashed; `cause` is what its machine.reset_cause() says, and a watchdog that
        a soft reset has left running bites watchdog_ms later. Raises VmMissing when MicroPython is
        not on this machine."""
        with self._lock:
            self.stop()
            sentence = self._unbootable()
            if sentence:
                self.port.write(_BAD_IMAGE)
                return
            setup.require()
            self._folder = Path(tempfile.mkdtemp(prefix="xueyang-chip-"))
            modules = Path(__file__).parent / "device"
            shutil.copytree(modules, self._folder / "modules", ignore=lambda *_: ["__pycache__"])
            for label, folder in (("vfs", "flash"), ("data", "data")):
                partition = self.flash.partition(label)
                if partition is not None:
                    self._take_out(partition, self._folder / folder)
            (self._folder / "flash").mkdir(exist_ok=True)
            if self.board is not None:
                self._wires = Wires(self.board, self.target, self.levels)
            ends = (self._wires.chips_end_in, self._wires.chips_end_out) if self._wires else ()
            asked = {
                "wires": ends or None,
                "machine": _MACHINES[self.target],
                "mac": self.mac.hex(),
                "levels": self.levels,
                "raw": raw,
                "cause": cause,
                "watchdog_ms": watchdog_ms,
            }
            program = [
                setup.node(),
                setup.HERE / "device.mjs",
                setup.MODULE.as_uri(),
                self._folder,
            ]
            self._vm = subprocess.Popen(
                [*map(str, program), json.dumps(asked)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=ends,
            )
            if self._wires is not None:
                self._wires.hand_over()
            assert self._vm.stdin and self._vm.stdout
            os.set_blocking(self._vm.stdout.fileno(), False)
            self.boots += 1

    def _unbootable(self) -> str:
        """Why the flash's program would not start; empty when it would."""
        for start in (self.part.bootloader_at, self._app_start()):
            if start is None:
                return "there is no partition table with a program in it"
            sentence = image_fault(self.flash.content, start)
            if sentence:
                return sentence
        return ""

    def _app_start(self) -> int | None:
        return next((part.start for part in self.flash.partitions() if part.kind == 0), None)

    def _take_out(self, partition: Partition, folder: Path) -> None:
        """The partition's files into a folder; as MicroPython does, formatted when it has none."""
        from littlefs import LittleFSError

        try:
            filesystem = _mounted(self.flash, partition)
        except LittleFSError:
            filesystem = _mounted(self.flash, partition, format_it=True)
            if partition.label == "vfs":
                with filesystem.open("boot.py", "w") as file:
                    file.write(_STOCK_BOOT)
            _put_back(self.flash, partition, filesystem)
        folder.mkdir()
        for at, folders, files in filesystem.walk("/"):
            inside = folder / at.strip("/")
            for name in folders:
                (inside / name).mkdir()
            for name in files:
                with filesystem.open(f"{at.rstrip('/')}/{name}", "rb") as file:
                    (inside / name).write_bytes(file.read())

    def _keep(self, folder: Path) -> None:
        """What the program has changed in its files goes into the flash."""
        for label, name in (("vfs", "flash"), ("data", "data")):
            partition = self.flash.partition(label)
            if partition is None or not (folder / name).is_dir():
                continue
            filesystem = _mounted(self.flash, partition)
            if _brought_up_to(filesystem, folder / name):
                _put_back(self.flash, partition, filesystem)

    def waits_for(self) -> list[int]:
        """The files whose readiness `turn` wants to know of."""
        with self._lock:
            now_s = time.monotonic()
            fds = []
            if self.port.fd >= 0:
                if not self.port.connected and now_s >= self._due_s:
                    self._due_s = now_s + 0.01
                    self.port.look()
                if self.port.connected and not self.port.is_busy():
                    fds.append(self.port.fd)
            if self._vm is not None and self._vm.stdout:
                fds.append(self._vm.stdout.fileno())
            if self._wires is not None:
                fds.append(self._wires.from_chip)
            return fds

    def turn(self) -> None:
        """Do what is due."""
        with self._lock:
            was_connected = self.port.connected
            if self.port.fd >= 0 and was_connected:
                self.port.flush()
                data = self.port.read()
                if data:
                    self._heard(data)
                elif not self.port.connected and self._loader is not None:
                    self.boot()  # the host let go of the loader
            if self._wires is not None and _is_readable(self._wires.from_chip):
                self._wires.turn()
            if self._vm is not None:
                self._relay(self._vm)

    def _heard(self, data: bytes) -> None:
        if self.mute:
            return
        host_baud = self.port.host_baud()
        is_another = self._loader is None or self._loader.baud != host_baud
        if SYNC_FRAME in data and is_another:  # else it is just one of the loader's commands
            self.stop()
            self._loader = Loader(self.part, self.mac, self.flash, host_baud)
        elif self._loader is not None and is_another:
            data = noise(data)
        if self._loader is None:
            if self._vm is not None and self._vm.stdin:
                with contextlib.suppress(BrokenPipeError):
                    self._vm.stdin.write(data)
                    self._vm.stdin.flush()
            return
        loader = self._loader
        baud = loader.baud
        try:
            answer = loader.feed(data)
        except PortDied:
            self.stop()
            self.port.close()
            return
        self.port.write(answer, baud)
        if loader.restart:
            self.boot()

    def _relay(self, vm: "subprocess.Popen[bytes]") -> None:
        """What the program prints goes to the host; when it ends by a reset it begins anew."""
        assert vm.stdout
        said = vm.stdout.read()
        if said:
            self.port.write(said)
        elif said == b"":
            code = vm.wait()
            if code in (_SOFT, _SOFT_RAW):
                assert self._folder is not None
                left_ms = int((self._folder / "watchdog_ms").read_text())
                self.boot(code == _SOFT_RAW, _SOFT_CAUSE, left_ms)
            elif code in (_HARD, _BITTEN):
                self.boot(cause=_WATCHDOG_CAUSE if code == _BITTEN else _POWER_CAUSE)
            else:
                self.stop()


def _is_readable(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


def image_fault(content: bytes | bytearray, start: int) -> str:
    """What is wrong with the program at `start`, by the checksums it carries; empty: nothing.

    The form is Espressif's "Firmware Image Format": 24 bytes of header, segments of 8 bytes of
    header and their data, a checksum at the end of a line of 16 bytes, maybe a SHA-256 over all.
    """
    magic, segments = content[start], content[start + 1]
    if magic != 0xE9 or not 0 < segments <= 16:
        return f"no program begins at {start:#x}"
    at = start + 24
    folded = 0xEF
    for _ in range(segments):
        (size,) = struct.unpack_from("<I", content, at + 4)
        if at + 8 + size > len(content):
            return f"the program at {start:#x} is longer than the flash"
        for byte in content[at + 8 : at + 8 + size]:
            folded ^= byte
        at += 8 + size
    end = (at - start) // 16 * 16 + 16 + start
    if content[end - 1] != folded:
        return f"the program at {start:#x} has another checksum than it says"
    if content[start + 23]:
        digest = hashlib.sha256(content[start:end]).digest()
        if digest != content[end : end + 32]:
            return f"the program at {start:#x} has another SHA-256 than it says"
    return ""


def _mounted(flash: Flash, partition: Partition, format_it: bool = False):
    """The LittleFS of a partition, over a copy of it. Raises LittleFSError when there is none."""
    from littlefs import LittleFS, UserContext

    context = UserContext(
        buffer=bytearray(flash.content[partition.start : partition.start + partition.size])
    )
    filesystem = LittleFS(
        context=context,
        mount=False,
        block_size=SECTOR,
        block_count=partition.size // SECTOR,
        read_size=32,
        prog_size=32,
        lookahead_size=32,
    )
    if format_it:
        filesystem.format()
    filesystem.mount()
    return filesystem


def file_of(flash: Flash, label: str, name: str) -> bytes:
    """A file of a partition; empty when there is none."""
    from littlefs import LittleFSError

    partition = flash.partition(label)
    try:
        if partition is None:
            return b""
        filesystem = _mounted(flash, partition)  # which must live as long as its files
        with filesystem.open(name, "rb") as file:
            return bytes(file.read())
    except (LittleFSError, FileNotFoundError):
        return b""


def _put_back(flash: Flash, partition: Partition, filesystem) -> None:
    flash.content[partition.start : partition.start + partition.size] = filesystem.context.buffer


def _brought_up_to(filesystem, folder: Path) -> bool:
    """Make the file system hold what the folder does; whether anything was to do."""
    there = set()
    for at, folders, files in filesystem.walk("/"):
        there |= {f"{at}/{name}".strip("/") for name in (*folders, *files)}
    wanted = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    changed = there != set(wanted)
    for name in sorted(there - set(wanted), reverse=True):  # what is in a folder before it
        filesystem.remove(name)
    for name, path in wanted.items():
        if path.is_dir():
            if name not in there:
                filesystem.mkdir(name)
            continue
        content = path.read_bytes()
        if name in there:
            with filesystem.open(name, "rb") as file:
                if file.read() == content:
                    continue
        with filesystem.open(name, "wb") as file:
            file.write(content)
        changed = True
    return changed


def serve(chips: Sequence[Chip], stopped: threading.Event) -> None:
    """Let the chips live until `stopped`; all in this thread, which so sees the same in each."""
    try:
        while not stopped.is_set():
            poll = select.poll()
            for chip in chips:
                for fd in chip.waits_for():
                    poll.register(fd, select.POLLIN)
            poll.poll(5)
            for chip in chips:
                chip.turn()
    finally:
        for chip in chips:
            chip.stop()


@contextlib.contextmanager
def running(chips: Sequence[Chip]) -> Iterator[Sequence[Chip]]:
    """The chips, alive in a thread of their own; afterwards ended, their ports closed."""
    stopped = threading.Event()
    failure: list[BaseException] = []

    def live() -> None:
        try:
            serve(chips, stopped)
        except BaseException as error:
            failure.append(error)
            for chip in chips:
                chip.port.close()  # whoever talks to them is told, and does not wait for ever

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    try:
        yield chips
    finally:
        stopped.set()
        thread.join()
        for chip in chips:
            chip.port.close()
        if failure:
            raise failure[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m sim.vm.chip", description=__doc__)
    parser.add_argument("--target", choices=sorted(PARTS), default="esp32c3")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--paced", action="store_true", help="no faster than the baud rate")
    asked = parser.parse_args(arguments)
    chips = [
        Chip(asked.target, b"\x24\x6f\x28" + n.to_bytes(3, "big"), port=Port(paced=asked.paced))
        for n in range(1, asked.count + 1)
    ]
    for chip in chips:
        print(chip.port.path, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        serve(chips, threading.Event())
    return 0


if __name__ == "__main__":
    sys.exit(main())
