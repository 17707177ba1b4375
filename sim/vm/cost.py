"""What the signal path costs on MicroPython, as a multiple of the reference kernel.

    python -m sim.vm.cost
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from sim.vm.build import BuildError
from sim.vm.host import Vm, VmError
from sim.vm.setup import VmMissing

BUDGET = 3.0
_BLOCK = 4  # samples of one FIFO read at 100/s and a step every 40 ms
_SECONDS = 20
_REPEATS = 5

# Both are run over the same blocks by the same loop. The core keeps its state from one repeat to
# the next, so that each goes through whole seconds of a measurement under way.
_INSIDE = """\
from array import array
import gc, hostbus, reference_kernel
from oximeter import core
red = [array('i', [0] * {block}) for _ in range({blocks})]
ir = [array('i', [0] * {block}) for _ in range({blocks})]
def load(path, blocks):
    with open(path, 'rb') as file:
        for block in blocks:
            file.readinto(block)
load('/red', red)
load('/ir', ir)
state = core.new()
memory = reference_kernel.new()
centred = [0] * {block}
at_ms = 0
"""
_RUNS = """\
def run_core():
    global at_ms
    feed = core.feed
    t_ms = at_ms
    began_us = hostbus.cpu_us()
    for i in range({blocks}):
        t_ms += {block_ms}
        feed(state, red[i], ir[i], {block}, t_ms, 0)
    took_us = hostbus.cpu_us() - began_us
    at_ms = t_ms
    print(took_us, core.reading(state)[0])
"""
_RUNS_KERNEL = """\
def run_kernel():
    run = reference_kernel.run
    began_us = hostbus.cpu_us()
    for i in range({blocks}):
        run(memory, pulse[i], pulse2[i], {block})
    print(hostbus.cpu_us() - began_us)
def centre(blocks):
    return [[(x & 8191) - 4096 for x in block] for block in blocks]
pulse = centre(red)
pulse2 = centre(ir)
"""


@dataclass(frozen=True)
class Cost:
    """Microseconds a sample, the better of several runs of each; `ratio` has the budget."""

    core_us: float
    kernel_us: float

    @property
    def ratio(self) -> float:
        return self.core_us / self.kernel_us


def pulse_signal(seconds: float, pulse_hz: float = 1.2) -> tuple[list[int], list[int]]:
    """A steady finger at 100 samples/s, ratio 0.6, as raw counts: (red, ir)."""
    red, ir = [], []
    for n in range(int(seconds * 100)):
        phase = 2 * math.pi * pulse_hz * n / 100
        beat = math.sin(phase) + 0.4 * math.sin(2 * phase + 0.9)
        red.append(round(90_000 - 540 * beat))
        ir.append(round(110_000 - 1100 * beat))
    return red, ir


def measure(signal: tuple[Sequence[int], Sequence[int]] | None = None) -> Cost:
    """Time core.feed and the kernel over `signal` (red, ir counts at 100 samples/s).

    Raises VmMissing, VmError.
    """
    from array import array

    red, ir = signal or pulse_signal(_SECONDS)
    blocks = min(len(red), len(ir)) // _BLOCK
    sizes = {"block": _BLOCK, "blocks": blocks, "block_ms": 10 * _BLOCK}
    with Vm(heap_kib=1024) as vm:
        vm.put("/red", array("i", red).tobytes())
        vm.put("/ir", array("i", ir).tobytes())
        for part in (_INSIDE, _RUNS, _RUNS_KERNEL):
            vm.run(part.format(**sizes))
        core_us, kernel_us = [], []
        for _ in range(_REPEATS + 1):
            vm.run("gc.collect()")
            core_us.append(int(vm.run("run_core()").split()[0]))
            vm.run("gc.collect()")
            kernel_us.append(int(vm.run("run_kernel()")))
    # The first run of each holds the start of the measurement and of the interpreter.
    samples = blocks * _BLOCK
    return Cost(min(core_us[1:]) / samples, min(kernel_us[1:]) / samples)


def main() -> int:
    try:
        cost = measure()
    except (VmMissing, VmError, BuildError) as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"signal path {cost.core_us:.1f} us a sample, reference kernel {cost.kernel_us:.1f} us: "
        f"ratio {cost.ratio:.2f}, budget {BUDGET:g}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
