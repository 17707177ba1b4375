"""The rules of the house, read off the source: who may import what, and what may stand where.

Nothing is imported or run. Each rule takes the tree as a mapping of path to source and gives the
offences as sentences, so that a rule can be shown a tree in which it is broken; the second half
of this file does that for every rule.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
Tree = dict[str, str]
Rule = Callable[[Tree], Iterator[str]]

# What each part of the firmware may import besides `oximeter.core` and its own folder. `time` is
# not among them: below main.py time is an argument.
BASIC = {"micropython", "array", "struct", "gc", "errno"}
FIRMWARE_MAY_IMPORT = {
    "firmware/oximeter/core/": {"micropython", "array"},
    "firmware/oximeter/drivers/": BASIC | {"framebuf"},
    "firmware/oximeter/ui/": BASIC | {"framebuf", "oximeter.terms"},
    # sys: a command that was imported is dropped again.
    "firmware/oximeter/link/": BASIC
    | {"binascii", "bluetooth", "os", "oximeter", "random", "sys"},
    "firmware/oximeter/": BASIC | {"json", "binascii", "os", "oximeter"},
    "firmware/board.py": BASIC
    | {"machine", "esp32", "vfs", "time", "os", "select", "sys", "oximeter"},
    "firmware/boot.py": {"machine", "board", "oximeter", "gc", "micropython", "sys"},
    "firmware/main.py": BASIC | {"board", "oximeter", "time", "sys"},
}
# What sim and host_tools may import when they are loaded: `make run` has these, and they load
# quickly. All else is imported by the function that needs it.
LIGHT = {"jinja2", "numpy", "rich", "typer"}
OURS = {"sim", "host_tools"}
# A package or a module may be heavy as a whole; then it is itself imported by the function that
# needs it.
HEAVY = {
    "host_tools/store/": {"sqlalchemy", "alembic"},
    "host_tools/station/screen.py": {"textual"},
}
# Python that only the MicroPython VM runs: for it the firmware's modules are simply there.
INSIDE_VM = (
    "sim/vm/bluetooth.py",
    "sim/vm/board.py",
    "sim/vm/reference_kernel.py",
    "sim/vm/device/esp32.py",
    "sim/vm/device/machine.py",
    "sim/vm/device/start.py",
)


def parsed(tree: Tree, *folders: str) -> Iterator[tuple[str, ast.Module]]:
    for path, source in sorted(tree.items()):
        if path.startswith(folders):
            yield path, ast.parse(source)


def imports(module: ast.AST, path: str) -> Iterator[tuple[ast.AST, str]]:
    """Every import as the dotted name of the module imported, relative ones resolved."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.removeprefix("firmware/").split("/")[: -node.level]
                base = ".".join([*package, *filter(None, [base])])
            for alias in node.names:
                yield node, f"{base}.{alias.name}"
        elif isinstance(node, ast.Call) and node.args:
            named = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            named = node.func.id if isinstance(node.func, ast.Name) else named
            argument = node.args[0]
            if named in ("__import__", "import_module") and isinstance(argument, ast.Constant):
                yield node, str(argument.value)


def top(name: str) -> str:
    return name.split(".")[0]


def line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)


def firmware_imports(tree: Tree) -> Iterator[str]:
    """Each part of the firmware imports its own folder, the core, and a short list."""
    for path, module in parsed(tree, "firmware/"):
        part = max((p for p in FIRMWARE_MAY_IMPORT if path.startswith(p)), key=len, default=None)
        if part is None:
            yield f"{path}: the firmware has no such part"
            continue
        own = part.removeprefix("firmware/").strip("/").replace("/", ".")
        for node, name in imports(module, path):
            allowed = {top(name), name} & FIRMWARE_MAY_IMPORT[part] != set()
            allowed = allowed or name.startswith((own + ".", "oximeter.core."))
            if not allowed:
                yield f"{path}:{line(node)}: {part} does not import {name}"


def one_door(tree: Tree) -> Iterator[str]:
    """Only sim/door.py leads from the tools into the firmware, or changes the import path."""
    inside = {"oximeter", "board", "main", "boot", "machine"}
    for path, module in parsed(tree, "sim/", "host_tools/", "tests/"):
        if path == "sim/door.py" or path in INSIDE_VM:
            continue
        for node, name in imports(module, path):
            if top(name) in inside:
                yield f"{path}:{line(node)}: {name} is reached through sim/door.py"
        for node in ast.walk(module):
            target, written = node, False
            if isinstance(node, ast.Subscript):
                target, written = node.value, not isinstance(node.ctx, ast.Load)
            name = ast.unparse(target) if isinstance(target, ast.Attribute) else ""
            if name == "sys.path" or (written and name == "sys.modules"):
                yield f"{path}:{line(node)}: only sim/door.py touches {name}"


def one_machine(tree: Tree) -> Iterator[str]:
    """Only board.py names `machine`; boot.py may, before a board exists, and does not need to."""
    for path, module in parsed(tree, "firmware/"):
        if path == "firmware/board.py":
            continue
        named = [node for node, name in imports(module, path) if top(name) == "machine"]
        named += [n for n in ast.walk(module) if isinstance(n, ast.Name) and n.id == "machine"]
        for node in named:
            yield f"{path}:{line(node)}: only firmware/board.py names machine"


def short_start(tree: Tree) -> Iterator[str]:
    """boot.py and main.py ship as source and are read before anything else: 40 lines at most."""
    for path in ("firmware/boot.py", "firmware/main.py"):
        count = len(tree.get(path, "").splitlines())
        if count > 40:
            yield f"{path}: {count} lines, and 40 are allowed"


def integer_core(tree: Tree) -> Iterator[str]:
    """The signal path knows integers only, and none beyond the ESP32's small int."""
    for path, module in parsed(tree, "firmware/oximeter/core/"):
        for node in ast.walk(module):
            said = None
            if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
                said = f"the number {node.value}"
            elif isinstance(node, ast.Constant) and type(node.value) is int:
                said = f"{node.value}, over 31 bits" if node.value > 2**30 - 1 else None
            elif isinstance(node, ast.BinOp | ast.AugAssign):
                said = {ast.Div: "/, which gives a float", ast.Pow: "**"}.get(type(node.op))
            elif isinstance(node, ast.Name) and node.id in ("float", "round", "pow", "complex"):
                said = node.id
            if said:
                yield f"{path}:{line(node)}: the core has no place for {said}"


def said_once(tree: Tree) -> Iterator[str]:
    """A number of the firmware has one line: of two, the second silently holds for both."""
    for path, module in parsed(tree, "firmware/oximeter/"):
        seen = set()
        for node in module.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if name in seen:
                    yield f"{path}:{line(node)}: {name} has a value already"
                seen.add(name)


def dotted(path: str) -> str:
    return path.removesuffix(".py").strip("/").replace("/", ".")


def light_start(tree: Tree) -> Iterator[str]:
    """The tools load quickly: heavy libraries are imported by the function that needs them."""
    for path, module in parsed(tree, "sim/", "host_tools/"):
        if path in INSIDE_VM or path == "sim/door.py":
            continue
        for statement in module.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
                continue
            inner = [n for n in ast.walk(statement) if isinstance(n, ast.FunctionDef)]
            late = {id(node) for function in inner for node in ast.walk(function)}
            for node, name in imports(statement, path):
                own = next((f for f in HEAVY if path.startswith(f)), "")
                heavy = [f for f in HEAVY if name.startswith(dotted(f))]
                light = top(name) in LIGHT | OURS | HEAVY.get(own, set())
                light = light or top(name) in sys.stdlib_module_names
                light = light and set(heavy) <= {own}
                if id(node) not in late and not light:
                    yield f"{path}:{line(node)}: {name} is imported inside the function using it"


def one_way(tree: Tree) -> Iterator[str]:
    """The simulator does not know the command line, and neither knows the tests."""
    above = {"sim/": {"host_tools", "tests"}, "host_tools/": {"tests"}}
    for folder, forbidden in above.items():
        for path, module in parsed(tree, folder):
            for node, name in imports(module, path):
                if top(name) in forbidden:
                    yield f"{path}:{line(node)}: {folder} does not import {name}"


# Said elsewhere: what machine.I2C and machine.Pin do by MicroPython's manual, what a chip on the
# bus does by sim/chips/i2c.py, and how a command is used by its module.
KNOWN = {"readfrom_mem_into", "readfrom_into", "writeto_mem", "writeto", "value"}
KNOWN |= {"read", "write", "main", "run", "close"}


def documented(tree: Tree) -> Iterator[str]:
    """Every module says what it is, and every public function of more than six statements."""
    for path, module in parsed(tree, "firmware/", "sim/", "host_tools/"):
        if module.body and not ast.get_docstring(module):
            yield f"{path}: the module does not say what it is"
        classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
        for body in (module.body, *(node.body for node in classes)):
            for node in body:
                if not isinstance(node, ast.FunctionDef):
                    continue
                private = node.name.startswith("_") or node.name in KNOWN
                statements = sum(isinstance(n, ast.stmt) for n in ast.walk(node)) - 1
                if statements > 6 and not private and not ast.get_docstring(node):
                    yield f"{path}:{node.lineno}: {node.name} does not say what it does"


# The brackets keep this file from matching itself.
ELSEWHERE = re.compile(
    r"/[w]ork/|/tmp/[b]ash_|/[r]oot/|/[h]ome/[a-z]|[.]library/"
    r"|[p]ypi[.]org|[p]ythonhosted|registry[.][n]pmjs|deb[.][d]ebian"
)


def nowhere_in_particular(tree: Tree) -> Iterator[str]:
    """No file names a path of one machine, or the address of a package registry."""
    for path, source in sorted(tree.items()):
        for number, text in enumerate(source.splitlines(), 1):
            if found := ELSEWHERE.search(text):
                yield f"{path}:{number}: {found.group()} belongs to one machine"


RULES: list[Rule] = [
    firmware_imports,
    one_door,
    one_machine,
    short_start,
    integer_core,
    said_once,
    light_start,
    one_way,
    documented,
    nowhere_in_particular,
]


@pytest.fixture(scope="module")
def tracked() -> Tree:
    """Every tracked text file."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout, so what belongs to the project is not known")
    tree = {}
    for path in filter(None, listed.stdout.split("\0")):
        data = (REPO / path).read_bytes() if (REPO / path).is_file() else b"\0"
        if b"\0" not in data:
            tree[path] = data.decode()
    return tree


@pytest.fixture(scope="module")
def python(tracked: Tree) -> Tree:
    return {path: source for path, source in tracked.items() if path.endswith(".py")}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps(rule: Rule, python: Tree, tracked: Tree) -> None:
    tree = tracked if rule is nowhere_in_particular else python
    assert list(rule(tree)) == []


FORTY_ONE_LINES = "import board\n" * 41
DOCUMENTED = '"""A part."""\n'

OFFENCES = [
    (firmware_imports, "firmware/oximeter/core/pulse.py", "import math"),
    (firmware_imports, "firmware/oximeter/core/pulse.py", "import time"),
    (firmware_imports, "firmware/oximeter/core/pulse.py", "from oximeter import settings"),
    (firmware_imports, "firmware/oximeter/core/pulse.py", "from ..drivers import max30102"),
    (firmware_imports, "firmware/oximeter/drivers/oled.py", "from sim.clock import Clock"),
    (firmware_imports, "firmware/oximeter/drivers/oled.py", "from oximeter.ui import screens"),
    (firmware_imports, "firmware/oximeter/ui/screens.py", "import oximeter.app"),
    (firmware_imports, "firmware/oximeter/core/pulse.py", "from oximeter import terms"),
    (firmware_imports, "firmware/oximeter/app.py", "def step():\n    import time"),
    (firmware_imports, "firmware/oximeter/app.py", "import host_tools.cli"),
    (firmware_imports, "firmware/main.py", "import tests.reference"),
    (firmware_imports, "firmware/another.py", "import gc"),
    (one_door, "tests/test_core.py", "from oximeter import core"),
    (one_door, "host_tools/replay.py", "def go():\n    import oximeter.app"),
    (one_door, "sim/board.py", "import importlib\nimportlib.import_module('oximeter.app')"),
    (one_door, "sim/board.py", "__import__('machine')"),
    (one_door, "sim/run.py", "import sys\nsys.path.append('firmware')"),
    (one_door, "tests/test_app.py", "import sys\nsys.modules['machine'] = None"),
    (one_machine, "firmware/oximeter/app.py", "import machine"),
    (one_machine, "firmware/oximeter/app.py", "from machine import Pin"),
    (one_machine, "firmware/main.py", "def go():\n    machine.reset()"),
    (short_start, "firmware/main.py", FORTY_ONE_LINES),
    (short_start, "firmware/boot.py", FORTY_ONE_LINES),
    (integer_core, "firmware/oximeter/core/curve.py", "HALF = 0.5"),
    (integer_core, "firmware/oximeter/core/curve.py", "def f(a, b):\n    return a / b"),
    (integer_core, "firmware/oximeter/core/curve.py", "def f(a):\n    a /= 2"),
    (integer_core, "firmware/oximeter/core/curve.py", "def f(a):\n    return a**2"),
    (integer_core, "firmware/oximeter/core/curve.py", "def f(a):\n    return float(a)"),
    (integer_core, "firmware/oximeter/core/curve.py", "LIMIT = 1073741824"),
    (said_once, "firmware/oximeter/core/threshold.py", "SLOWEST = 200\nSLOWEST = 240"),
    (light_start, "sim/patient/skin.py", "import scipy.signal"),
    (light_start, "host_tools/report.py", "from matplotlib import pyplot"),
    (light_start, "sim/fast.py", "try:\n    import numba\nexcept ImportError:\n    pass"),
    (light_start, "host_tools/cli/records.py", "from host_tools.store import query"),
    (light_start, "host_tools/replay.py", "import sqlalchemy"),
    (light_start, "host_tools/store/query.py", "import matplotlib"),
    (light_start, "host_tools/cli/station.py", "from host_tools.station import screen"),
    (light_start, "host_tools/station/view.py", "import textual"),
    (one_way, "sim/run.py", "from host_tools import replay"),
    (one_way, "host_tools/cli/station.py", "def go():\n    import tests.reference"),
    (documented, "sim/clock.py", "NOW = 0"),
    (documented, "sim/clock.py", DOCUMENTED + "def f(a):" + "\n    a += 1" * 7),
    (nowhere_in_particular, "README.md", "see /" + "work/notes"),
    (nowhere_in_particular, "package.json", "https://registry." + "npmjs.org/x"),
]


@pytest.mark.parametrize(("rule", "path", "source"), OFFENCES)
def test_a_rule_bites(rule: Rule, path: str, source: str) -> None:
    offences = list(rule({path: source}))
    assert offences, "the rule let it pass"
    assert all(said.startswith(path) for said in offences)


BLAMELESS = [
    (firmware_imports, "firmware/oximeter/core/pulse.py", "from . import curve"),
    (firmware_imports, "firmware/oximeter/app.py", "from oximeter.drivers import max30102"),
    (firmware_imports, "firmware/oximeter/ui/screens.py", "from oximeter import terms"),
    (one_door, "tests/test_core.py", "from sim.door import core"),
    (one_door, "sim/fast.py", "import sys\nNAMES = sys.modules['numpy']"),
    (one_machine, "firmware/board.py", "from machine import Pin"),
    (integer_core, "firmware/oximeter/core/curve.py", "def f(a):\n    return a // 1073741823"),
    (said_once, "firmware/oximeter/core/curve.py", "A = 1\ndef f():\n    A = 2"),
    (light_start, "sim/fast.py", "def compiled():\n    import numba"),
    (
        light_start,
        "host_tools/cli/records.py",
        "def trace():\n    from host_tools.store import query",
    ),
    (light_start, "host_tools/store/query.py", "from sqlalchemy import select"),
    (light_start, "host_tools/station/screen.py", "from textual.app import App"),
    (light_start, "sim/playback.py", "from pathlib import Path\nimport numpy as np"),
    (documented, "sim/clock.py", DOCUMENTED + "def f(a):\n    return a"),
]


@pytest.mark.parametrize(("rule", "path", "source"), BLAMELESS)
def test_a_rule_lets_the_innocent_pass(rule: Rule, path: str, source: str) -> None:
    assert list(rule({path: source})) == []


def test_every_rule_is_shown_to_bite() -> None:
    assert {rule for rule, _, _ in OFFENCES} == set(RULES)
