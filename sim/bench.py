"""Speeds and costs on this machine, beside their budgets.

    python -m sim.bench

Each figure is printed as soon as it is measured, and marked when it misses its budget. Nothing
here fails: a wall time says as much about the machine as about the program.
"""

import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim import fast, recording, run
from sim.door import core
from sim.patient import demo
from sim.recording import Recording
from sim.vm import cost, load
from sim.vm.build import BuildError
from sim.vm.host import Vm, VmError
from sim.vm.setup import VmMissing

_BLOCK = 4  # samples of one FIFO read at 100/s and a step every 40 ms


@dataclass(frozen=True)
class Line:
    """One figure: what it is, how to measure it, and what it may be at least or at most."""

    what: str
    unit: str
    measure: Callable[[], float]
    at_least: float | None = None
    at_most: float | None = None

    def text(self) -> str:
        """The line as printed; measures."""
        try:
            value = self.measure()
        except (VmMissing, VmError, BuildError) as error:
            return f"{self.what:<48} not measured: {str(error).splitlines()[-1]}"
        text = f"{self.what:<48} {value:>9,.{0 if value >= 100 else 2}f} {self.unit:<12}"
        if self.at_least is not None:
            text += f" at least {self.at_least:,g}"
            text += "   MISSED" if value < self.at_least else ""
        if self.at_most is not None:
            text += f" at most {self.at_most:,g}"
            text += "   MISSED" if value > self.at_most else ""
        return text.rstrip()


def whole_device(played: Recording, vm: str) -> float:
    """Seconds of recording replayed in a second: registers, driver, signal path and screens."""
    began_s = time.perf_counter()
    run.run_device(played, vm=vm)
    return played.duration_s / (time.perf_counter() - began_s)


def core_alone(played: Recording) -> float:
    """The same for the signal path by itself, in plain CPython, fed in the device's blocks."""
    assert played.red is not None and played.ir is not None
    red, ir = (array("i", channel.astype(int).tolist()) for channel in (played.red, played.ir))
    blocks = [(red[at : at + _BLOCK], ir[at : at + _BLOCK]) for at in range(0, len(red), _BLOCK)]
    state = core.new()
    began_s = time.perf_counter()
    for at, (red_adc, ir_adc) in enumerate(blocks, 1):
        core.feed(state, red_adc, ir_adc, len(red_adc), 10 * _BLOCK * at, 0)
    return played.duration_s / (time.perf_counter() - began_s)


def core_compiled(played: Recording) -> float:
    """The same again, compiled by numba from the same source; compiling is not counted."""
    assert played.red is not None and played.ir is not None
    red, ir = (np.tile(channel.astype(np.int32), 50) for channel in (played.red, played.ir))
    t_ms = 10 * np.arange(1, len(red) + 1)
    compiled = fast.compiled()
    compiled.run(red[:1000], ir[:1000], t_ms[:1000])
    began_s = time.perf_counter()
    compiled.run(red, ir, t_ms)
    return len(red) / 100 / (time.perf_counter() - began_s)


def command_line(path: Path) -> float:
    """Wall seconds of what `make run` does once everything is set up."""
    xueyang = str(Path(sys.executable).with_name("xueyang"))
    command = [xueyang, "replay", str(path), "--report", str(path.parent)]
    began_s = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    return time.perf_counter() - began_s


def heap_used(played: Recording) -> float:
    """KiB in use after a minute of the app, collected, in a heap capped at 64 KiB."""
    from sim.board import Board
    from sim.playback import Playback

    board = Board(Playback(played))
    board.keep_awake = board.leds_fixed = True
    with Vm(board) as vm:
        while board.clock.now_ms < 60_000:
            board.clock.advance_us(1000 * vm.step(board.clock.now_ms))
        return vm.memory()[1] / 1024


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.csv"
        demo.write(path)
        played = recording.read(path)
        speed = "x real time"
        lines = [
            Line("make run, warm", "s", lambda: command_line(path), at_most=10),
            Line(
                "whole device, CPython",
                speed,
                lambda: whole_device(played, "cpython"),
                at_least=100,
            ),
            Line(
                "whole device, MicroPython VM", speed, lambda: whole_device(played, "micropython")
            ),
            Line("signal path alone, CPython", speed, lambda: core_alone(played)),
            Line(
                "signal path alone, numba", speed, lambda: core_compiled(played), at_least=20_000
            ),
            Line(
                "signal path, MicroPython", "x the kernel", lambda: cost.measure().ratio, at_most=3
            ),
            Line(
                "processor busy while measuring (modelled C3)",
                "%",
                lambda: load.measure().together_pct,
                at_most=load.BUDGET_PCT,
            ),
            Line(
                "app in the VM's heap of 64 KiB",
                "KiB used",
                lambda: heap_used(played),
                at_most=56,
            ),
        ]
        for line in lines:
            print(line.text(), flush=True)


if __name__ == "__main__":
    main()
