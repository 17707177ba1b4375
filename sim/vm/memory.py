"""What each part of the firmware keeps of the heap, on the real MicroPython.

    python -m sim.vm.memory
"""

import ast
import sys
from pathlib import Path

from sim.door import FIRMWARE
from sim.vm.build import BuildError
from sim.vm.host import Vm, VmError
from sim.vm.setup import VmMissing


def _needs(path: Path) -> set[str]:
    """What a file imports, by full name."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _leaves_first() -> list[str]:
    """Every module of the firmware, packages left out, after those it imports."""
    files = {
        ".".join(path.relative_to(FIRMWARE).with_suffix("").parts): path
        for path in (FIRMWARE / "oximeter").rglob("*.py")
        if path.name != "__init__.py"
    }
    done: list[str] = []

    def visit(name: str) -> None:
        if name in files and name not in done:
            for needed in sorted(_needs(files[name])):
                visit(needed)
            done.append(name)

    for name in sorted(files):
        visit(name)
    return done


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
        # A package imports its modules and would be charged for all of them: here they are empty.
        vm.run("import os")
        for path in (FIRMWARE / "oximeter").rglob("__init__.py"):
            name = "/" + path.relative_to(FIRMWARE).as_posix()
            vm.run(f"os.remove({name.replace('.py', '.mpy')!r})")
            vm.put(name, b"")
        for module in _leaves_first():
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
