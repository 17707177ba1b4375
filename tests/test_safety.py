"""Every control of firmware/SAFETY.md is one: switched off, its test fails."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
PAGE = REPO / "firmware" / "SAFETY.md"
OFF = re.compile(r"- Off: in `(?P<path>[^`]+)`, `(?P<old>[^`]+)` becomes `(?P<new>[^`]+)`")


@dataclass(frozen=True)
class Hazard:
    name: str
    control: str
    test: str
    path: str
    old: str
    new: str


def hazards() -> list[Hazard]:
    found = []
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        if not re.match(r"H\d+ ", title):
            continue
        control = re.search(r"- Control: (.+)", body)
        test = re.search(r"- Test: `(.+)`", body)
        off = OFF.search(body)
        assert control and test and off, f"{title}: a control, a test and how it is switched off"
        found.append(Hazard(title, control[1], test[1], off["path"], off["old"], off["new"]))
    return found


HAZARDS = hazards()


def test_the_page_numbers_its_hazards() -> None:
    assert [h.name.split()[0] for h in HAZARDS] == [f"H{n + 1}" for n in range(len(HAZARDS))]
    assert "clinically unreviewed" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.name.split()[0])
def test_a_control_that_is_off_is_missed(hazard: Hazard, tmp_path: Path) -> None:
    """In a copy of the tree with that one change. That the tests pass without it, the rest of the
    suite shows."""
    for name in ("firmware", "sim", "host_tools", "tests"):
        shutil.copytree(
            REPO / name,
            tmp_path / name,
            ignore=shutil.ignore_patterns("__pycache__", "node_modules"),
        )
    shutil.copy(REPO / "pyproject.toml", tmp_path)
    file = tmp_path / hazard.path
    source = file.read_text(encoding="utf-8")
    assert source.count(hazard.old) == 1, f"{hazard.old!r} stands once in {hazard.path}"
    file.write_text(source.replace(hazard.old, hazard.new), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", hazard.test]
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        # Compiling the changed core would take a minute; interpreted it is a few seconds.
        env={**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    # 1: tests were run and one failed. Anything else would be a mistake in the page.
    assert ran.returncode == 1, f"{hazard.test} did not miss it:\n{ran.stdout[-1500:]}{ran.stderr}"
