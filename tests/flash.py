"""The flash of a device: real LittleFS over blocks that lose their power in the middle of a write.

Its measures are those of MicroPython's ESP32: blocks of 4 KiB (the sectors of the chip), and 32
bytes for reading, programming and looking ahead (extmod/vfs_lfs.c, LFSx make_new).
"""

import functools
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from littlefs import LittleFS, UserContext, lfs
from littlefs.errors import LittleFSError

BLOCK = 4096
BLOCKS = 48
_IO = -5  # LFS_ERR_IO


class PowerCut(BaseException):
    """Not an Exception: nothing in the firmware can catch a power cut."""


class Chip(UserContext):
    """`cut_after` programs and erases from now, the power goes: that one is done in part.

    A torn program leaves its first part, a torn erase a block of which half is erased. Nothing is
    written after it. `operations` counts them.
    """

    def __init__(self, content: bytes | None = None) -> None:
        super().__init__(buffer=bytearray(content or b"\xff" * BLOCK * BLOCKS))
        self.operations = 0
        self.cut_after: int | None = None
        self.torn = 0.5
        self.dead = False

    def prog(self, cfg: Any, block: int, off: int, data: bytes) -> int:
        return self._do(block * BLOCK + off, bytes(data))

    def erase(self, cfg: Any, block: int) -> int:
        return self._do(block * BLOCK, b"\xff" * BLOCK)

    def _do(self, start: int, data: bytes) -> int:
        if self.dead:
            return _IO
        if self.operations == self.cut_after:
            self.dead = True
            data = data[: int(self.torn * len(data))]
        self.operations += 1
        self.buffer[start : start + len(data)] = data
        return _IO if self.dead else 0


class Flash:
    """The file system of a device that has just been switched on, over `chip`."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.fs = LittleFS(
            context=chip,
            mount=False,
            block_size=BLOCK,
            block_count=BLOCKS,
            read_size=32,
            prog_size=32,
            cache_size=128,
            lookahead_size=32,
        )
        try:
            self.fs.mount()
        except LittleFSError:
            # As the port does with a file system it has never seen. One that was there and does
            # not mount any more is lost: a test that meets that must not pass.
            assert set(chip.buffer) == {0xFF}, "the power cut has cost the file system"
            self.fs.format()
            self.fs.mount()

    def _live(self, call: Callable, *given: Any) -> Any:
        """The result of a call, a PowerCut where it met one, errors as MicroPython has them."""
        try:
            result = call(*given)
        except LittleFSError as error:
            if self.chip.dead:
                raise PowerCut from None
            raise OSError(-error.code, str(error)) from None
        if self.chip.dead:
            raise PowerCut
        return result

    def open(self, path: str, mode: str = "r") -> "File":
        return File(self, self._live(lfs.file_open, self.fs.fs, path, mode, "utf-8"))

    def listdir(self, path: str) -> list[str]:
        return self._live(self.fs.listdir, path)

    def patch(self, patch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
        """Let modules of the firmware write here instead of on this machine."""
        calls = {
            name: functools.partial(self._live, getattr(lfs, name), self.fs.fs)
            for name in ("mkdir", "remove", "rename")
        }
        here = SimpleNamespace(listdir=self.listdir, **calls)
        for module in modules:
            patch.setattr(module, "open", self.open, raising=False)
            patch.setattr(module, "os", here, raising=False)


class File:
    """An open file, by the calls that MicroPython's own makes: `littlefs.open` puts another
    buffer between, and closes a file a second time when the first time has failed."""

    def __init__(self, flash: Flash, handle: Any) -> None:
        self._flash = flash
        self._handle = handle
        self._open = True

    def _call(self, function: Callable, *given: Any) -> Any:
        return self._flash._live(function, self._flash.fs.fs, self._handle, *given)

    def write(self, data: Any) -> int:
        return self._call(lfs.file_write, bytes(data))

    def read(self, size: int) -> bytes:
        return self._call(lfs.file_read, size)

    def readinto(self, buffer: Any) -> int:
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._call(lfs.file_seek, offset, whence)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._call(lfs.file_close)

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
