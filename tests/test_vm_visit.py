"""Somebody at the prompt of a unit that runs: real mpremote, the flashed app, its watchdog."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from device import Finger
from test_build import made

from host_tools import bundle
from host_tools.console import Console
from sim.board import Board
from sim.vm import setup
from sim.vm.chip import Chip, running

pytest.importorskip("mpremote", reason="mpremote is not installed: run `make setup-all`")
pytestmark = pytest.mark.skipif(bool(setup.missing()), reason=setup.missing() or "ready")

WATCHDOG_S = 1.5
SHORT_S = 5.0  # more than three times what the watchdog waits for


def mpremote(chip: Chip, *arguments: str, timeout_s: float = 90) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mpremote", "connect", chip.port.path, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)


@contextmanager
def unit(folder: Path) -> Iterator[tuple[Chip, Board]]:
    """A flashed development board with a finger on it: nothing but its program keeps it alive."""
    board = Board(Finger())
    chip = Chip("esp32", board=board)
    for part in bundle.read(made(folder, "esp32")).parts.values():
        chip.flash.program(part.at, part.content)
    chip.levels = {27: 1}  # the button is up
    with running([chip]):
        chip.boot()
        wait_for(lambda: any(board.display.pixels()))
        yield chip, board


def wait_for(condition, timeout_s: float = 30) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "it did not come to that in time"
        time.sleep(0.02)


def stayed(chip: Chip, board: Board, seconds: float) -> None:
    """A visit of so long by `mpremote`, with its soft reset, and one into the very program that
    ran; then the unit is started again."""
    for how, extra_boots in (([], 1), (["resume"], 0)):
        boots = chip.boots
        asked = f"import time; time.sleep({seconds}); print(6*7)"
        told = mpremote(chip, *how, "exec", asked)
        assert told.stdout == "42\n" and told.returncode == 0, told.stdout + told.stderr
        assert chip.boots == boots + extra_boots, "only mpremote's own soft reset"
        assert not any(board.display.pixels()), "dark meanwhile"
        time.sleep(2 * WATCHDOG_S)  # and nobody types
        assert chip.boots == boots + extra_boots
        mpremote(chip, "resume", "reset")
        wait_for(lambda: any(board.display.pixels()))


def test_a_visit_is_not_ended_by_the_watchdog(tmp_path: Path) -> None:
    with unit(tmp_path) as (chip, board):
        stayed(chip, board, SHORT_S)
        assert _crashes(chip) == "crash=-"


@pytest.mark.parametrize(
    ("broken", "left"),
    [
        ("raise ValueError('a mistake')", "ValueError"),
        ("import time\n while True: time.sleep_ms(20)", "watchdog"),
    ],
    ids=["exception", "hang"],
)
def test_a_crash_is_no_visit(broken: str, left: str, tmp_path: Path) -> None:
    """The very visitor breaks the program and runs it again: within the watchdog's time it starts
    anew, and the console tells why."""
    with unit(tmp_path) as (chip, board):
        source = (
            "from oximeter.app import App\n"
            f"def step(self, now_ms):\n {broken}\n"
            "App.step = step\nimport main"
        )
        boots = chip.boots
        began_s = time.monotonic()
        told = subprocess.Popen(
            [sys.executable, "-m", "mpremote", "connect", chip.port.path, "exec", source],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(lambda: chip.boots == boots + 2)  # mpremote's own, and this
        finally:
            told.kill()
            told.wait()
        # mpremote, the soft reset and loading the app take their time as well.
        assert time.monotonic() - began_s < WATCHDOG_S + 20
        wait_for(lambda: any(board.display.pixels()))
        assert left in _crashes(chip)


def _crashes(chip: Chip) -> str:
    """What the console of the running unit says of it."""
    import serial

    with serial.Serial(chip.port.path, 115200, timeout=0.2) as port:
        return Console(port, timeout_s=10).ask("crash")
