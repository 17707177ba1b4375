"""What each part of the firmware keeps of the heap, on the real MicroPython.

    python -m sim.vm.memory
"""

import sys

from sim.vm import build
from sim.vm.build import BuildError
from sim.vm.host import Vm, VmError
from sim.vm.setup import VmMissing


class _Dark:
    """No light at all: nothing is measured while the memory is."""

    fixed = True

    def until(self, now_us: int, chip: object) -> list:
        return []


def weigh() -> list[tuple[str, int]]:
    """(part, bytes it keeps): the modules in the order of loading, then what an app adds to them.

    Raises VmMissing, VmError.
    """
    from sim.board import Board

    found = []
    with Vm(Board(_Dark()), heap_kib=256, start=False) as vm:
        _, used = vm.memory()
        found.append(("interpreter and board", used))
        for module in build.resident():
            vm.run(f"import {module}")
            used, before = vm.memory()[1], used
            found.append((module, used - before))
    with Vm(Board(_Dark()), heap_kib=256) as vm:
        found.append(("App(board)", vm.memory()[1] - used))
    return found


def main() -> int:
    try:
        found = weigh()
    except (VmMissing, VmError, BuildError) as error:
        print(error, file=sys.stderr)
        return 1
    for name, size in found:
        print(f"{name:<32}{size:>8}")
    print(f"{'together':<32}{sum(size for _, size in found):>8}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
