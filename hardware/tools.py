"""The programs that the hardware's checks need beside Python.

python -m hardware.tools            says what is missing, and how Debian installs it
python -m hardware.tools --install  installs it (root, apt): for continuous integration
"""

import argparse
import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

TOOLS = Path(__file__).parent / "tools.yaml"
APT = Path("/etc/apt")


def present(tool: dict[str, Any]) -> bool:
    """Whether the program is there and new enough."""
    if tool.get("library"):
        try:
            ctypes.CDLL(tool["program"])
        except OSError:
            return False
        return True
    if not shutil.which(tool["program"]):
        return False
    if "least" not in tool:
        return True
    told = subprocess.run(tool["version"], capture_output=True, text=True).stdout
    number = re.search(r"\d+", told)
    return bool(number) and int(number[0]) >= tool["least"]


def same_kicad() -> bool:
    """Whether this KiCad is the one that schematic and board were last made with."""
    told = subprocess.run(["kicad-cli", "version"], capture_output=True, text=True).stdout
    return (
        told.split("+")[0].split("-")[0].strip() == yaml.safe_load(TOOLS.read_text())["drawn_with"]
    )


def release() -> str:
    """The code name of this Debian, or nothing."""
    about = Path("/etc/os-release")
    found = (
        re.search(r"^VERSION_CODENAME=(\w+)", about.read_text(), re.M) if about.exists() else None
    )
    return found[1] if found else ""


def commands(missing: Sequence[dict[str, Any]], backports: Sequence[str]) -> list[list[str]]:
    """The apt commands that bring them: all from one suite, for KiCad's from the backports and
    graphics libraries from elsewhere do not go together."""
    suite = ["-t", f"{release()}-backports"] if release() in backports else []
    packages = list(dict.fromkeys(name for tool in missing for name in tool["packages"]))
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *suite, *packages]
    return [["apt-get", "update", "-qq"], install]


def backports_line() -> str | None:
    """A line for apt's sources that adds the backports of this release from the mirror that it
    already uses; None when they are there, or when no mirror is found."""
    name = release()
    told = "\n".join(
        path.read_text()
        for path in [APT / "sources.list", *(APT / "sources.list.d").glob("*")]
        if path.suffix in (".list", ".sources") and path.is_file()
    )
    if f"{name}-backports" in told:
        return None
    mirror = re.search(rf"^deb (?:\[.*?\] )?(\S+) {name}\b", told, re.M) or re.search(
        rf"^URIs: (\S+)\nSuites: (?:\S+ )*{name}\b", told, re.M
    )
    return f"deb {mirror[1]} {name}-backports main\n" if mirror else None


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m hardware.tools", description=__doc__)
    parser.add_argument("--install", action="store_true", help="install what is missing")
    install = parser.parse_args(arguments).install
    known = yaml.safe_load(TOOLS.read_text())
    missing = [tool for tool in known["programs"] if not present(tool)]
    if not missing:
        return 0
    names = " and ".join(f"{t['program']} {t.get('least', '')}".strip() for t in missing)
    runs = commands(missing, known["backports"])
    needs_backports = release() in known["backports"]
    if not install:
        first = f"add the suite {release()}-backports to apt, then " if needs_backports else ""
        how = " && ".join(" ".join(part for part in run if part != "-qq") for run in runs)
        print(f"{names}: missing; on Debian {first}run as root: {how}", file=sys.stderr)
        return 1
    if not shutil.which("apt-get") or os.geteuid():
        print(f"{names}: missing, and only root with apt can install it.", file=sys.stderr)
        return 1
    line = backports_line() if needs_backports else None
    if line:
        (APT / "sources.list.d" / f"{release()}-backports.list").write_text(line)
    for run in runs:
        print(" ".join(run), file=sys.stderr)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(run, env=quiet, stdout=subprocess.DEVNULL)
        if done.returncode:
            print(f"apt failed at: {' '.join(run)}", file=sys.stderr)
            return 1
    still = [tool["program"] for tool in missing if not present(tool)]
    if still:
        print(f"{' and '.join(still)}: still missing or too old.", file=sys.stderr)
    return 1 if still else 0


if __name__ == "__main__":
    sys.exit(main())
