"""LittleFS images: made from files, and read out of flash, a block at a time.

The form is the one that MicroPython's ESP32 port mounts and makes itself (blocks of a flash
sector, on-disk version 2.0, which every version reads).
"""

from collections.abc import Callable, Mapping
from typing import Any

SECTOR = 4096
_DISK_VERSION = 0x0002_0000

ReadBlock = Callable[[int], bytes]  # number of a block -> its 4096 bytes


class NoFileSystem(Exception):
    """There is no LittleFS where one was looked for."""


class _Lazy:
    """A littlefs-python context over blocks that are fetched when they are asked for."""

    def __init__(self, read_block: ReadBlock) -> None:
        self._read_block = read_block
        self._blocks: dict[int, bytes] = {}

    def read(self, cfg: Any, block: int, off: int, size: int) -> bytearray:
        if block not in self._blocks:
            self._blocks[block] = self._read_block(block)
        return bytearray(self._blocks[block][off : off + size])

    def prog(self, cfg: Any, block: int, off: int, data: bytes) -> int:
        return -30  # EROFS

    def erase(self, cfg: Any, block: int) -> int:
        return -30

    def sync(self, cfg: Any) -> int:
        return 0


def make(files: Mapping[str, bytes], size: int) -> bytes:
    """An image with these files (path -> content) for a partition of `size` bytes.

    It ends with the last block in use: the blocks behind it may hold anything. The same files give
    the same bytes. Raises ValueError when they do not fit.
    """
    from littlefs import LittleFS, LittleFSError, UserContext

    context = UserContext(buffsize=size)
    total = size // SECTOR
    # Made in as few blocks as do, from the first on, then told how large it is: so the image is
    # short, and with it the time to flash it.
    blocks = min(total, 8 + sum(2 + len(content) // SECTOR for content in files.values()))
    filesystem = LittleFS(context=context, mount=False, **_configuration(blocks))
    try:
        filesystem.format()
        filesystem.mount()
        for path in sorted(files):
            folder = path.rpartition("/")[0]
            if folder:
                filesystem.makedirs(folder, exist_ok=True)
            with filesystem.open(path, "wb") as file:
                file.write(files[path])
        if blocks < total:
            filesystem.fs_grow(total)
        filesystem.unmount()
    except LittleFSError as error:
        raise ValueError(f"{len(files)} files do not fit into {size} bytes ({error})") from None
    used = len(context.buffer.rstrip(b"\xff"))
    return bytes(context.buffer[: -(-used // SECTOR) * SECTOR])


def _configuration(blocks: int) -> dict[str, Any]:
    return {
        "block_size": SECTOR,
        "block_count": blocks,
        "read_size": 32,
        "prog_size": 32,
        "lookahead_size": 32,
        "disk_version": _DISK_VERSION,
    }


def _open(read_block: ReadBlock, size: int):
    """Raises NoFileSystem."""
    from littlefs import LittleFS, LittleFSError

    context: Any = _Lazy(read_block)
    filesystem = LittleFS(context=context, mount=False, **_configuration(size // SECTOR))
    try:
        filesystem.mount()
    except LittleFSError:
        raise NoFileSystem from None
    return filesystem


def blocks_of(image: bytes) -> ReadBlock:
    """The blocks of an image in memory; those behind its end are erased."""

    def read_block(block: int) -> bytes:
        return image[block * SECTOR : (block + 1) * SECTOR].ljust(SECTOR, b"\xff")

    return read_block


def read_file(read_block: ReadBlock, size: int, path: str) -> bytes | None:
    """One file of the partition of `size` bytes, None when there is none of that name.

    Fetches a handful of blocks. Raises NoFileSystem.
    """
    from littlefs import LittleFSError

    filesystem = _open(read_block, size)
    try:
        with filesystem.open(path, "rb") as file:
            return bytes(file.read())
    except (FileNotFoundError, LittleFSError):
        return None


def read_all(read_block: ReadBlock, size: int) -> dict[str, bytes]:
    """Every file, path -> content. Raises NoFileSystem."""
    filesystem = _open(read_block, size)
    found = {}
    for at, _, names in filesystem.walk("/"):
        for name in names:
            path = f"{at.strip('/')}/{name}".lstrip("/")
            with filesystem.open(path, "rb") as file:
                found[path] = bytes(file.read())
    return found
