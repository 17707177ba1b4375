"""What flashing many units costs: ours, all at once, beside stock esptool, one after the other.

    python -m host_tools.flash_bench

The slots are virtual, on pseudo-terminals that are as fast as 921 600 baud lets bytes arrive; they
live in a process of their own, whose work is not counted. The image is of the size of MicroPython,
1.7 MB of which zlib leaves 1.0 MB.
"""

import contextlib
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from host_tools import bundle, flash
from host_tools.flash import Plan, Slot

SLOTS = 32
STOCK_UNITS = 3  # one after the other, so a few tell what each costs
BUDGET_S = 25.0


def _content() -> bytes:
    """1.7 MB, of which 1.0 MB does not compress."""
    return random.Random(1).randbytes(1_000_000) + bytes(700_000)


@contextlib.contextmanager
def _virtual(count: int) -> Iterator[list[str]]:
    """The ports of so many virtual chips."""
    command = [sys.executable, "-m", "sim.vm.chip", "--paced", "--count", str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as chips:
        assert chips.stdout
        try:
            yield [chips.stdout.readline().strip() for _ in range(count)]
        finally:
            chips.terminate()


def _cpu_s(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def ours(count: int) -> tuple[float, float]:
    """(wall time of all, CPU time a unit), both in seconds."""
    parts = {
        "micropython": bundle.Part("micropython", 0x10000, _content()),
        "vfs": bundle.Part("vfs", bundle.VFS_AT, b"\xff" * 4096),
        "data": bundle.Part("data", bundle.DATA_AT, b""),
    }
    release = bundle.Bundle(Path("bench"), {"target": "esp32c3"}, parts)
    with _virtual(count) as ports:
        slots = [Slot(str(number), port) for number, port in enumerate(ports)]
        began_s, cpu_s = time.monotonic(), _cpu_s(resource.RUSAGE_SELF)
        outcomes = flash.flash(Plan(release, deadline_s=600), slots)
        wall_s = time.monotonic() - began_s
        cpu_s = _cpu_s(resource.RUSAGE_SELF) - cpu_s
    assert all(outcome.state == "passed" for outcome in outcomes), outcomes
    return wall_s, cpu_s / count


def stock(count: int) -> tuple[float, float]:
    """(wall time, CPU time) a unit in seconds, esptool's own command one after the other."""
    with tempfile.TemporaryDirectory() as folder, _virtual(count) as ports:
        image = os.path.join(folder, "image.bin")
        Path(image).write_bytes(_content())
        began_s, cpu_s = time.monotonic(), _cpu_s(resource.RUSAGE_CHILDREN)
        for port in ports:
            command = [sys.executable, "-m", "esptool", "--port", port, "--baud", "921600"]
            subprocess.run(
                [*command, "write-flash", "0x10000", image], check=True, capture_output=True
            )
        wall_s = time.monotonic() - began_s
        cpu_s = _cpu_s(resource.RUSAGE_CHILDREN) - cpu_s
    return wall_s / count, cpu_s / count


def main() -> int:
    wall_s, cpu_s = ours(SLOTS)
    stock_wall_s, stock_cpu_s = stock(STOCK_UNITS)
    late = "" if wall_s <= BUDGET_S else "  MISSED"
    print(
        f"flash, {SLOTS} virtual slots at 921 600 baud: all in {wall_s:.1f} s "
        f"(budget {BUDGET_S:g} s a unit){late}, {cpu_s:.2f} s of CPU a unit"
    )
    print(
        f"stock esptool, one after the other: {stock_wall_s:.1f} s and {stock_cpu_s:.2f} s of CPU "
        f"a unit; ours does {SLOTS} in {wall_s / (SLOTS * stock_wall_s):.1%} of the time with "
        f"{cpu_s / stock_cpu_s:.1%} of the CPU"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
