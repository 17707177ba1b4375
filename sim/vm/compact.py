"""Make a firmware module take less of the device's heap without changing what it does.

MicroPython keeps every name it meets, some 20 bytes each, and for what several files share a place
in a dictionary besides. So the integers of the modules in SHARED go where they are used, as
MicroPython's own `const` does within one file, and names that nobody outside can ask for
(arguments that are never given by keyword, private functions, what only the firmware's own objects
have) become a few that all modules have in common and MicroPython has anyway. Together 11 KiB of
64, and a twelfth of the time of the signal path. What is imported for a moment only is of no
package (`flat`).
"""

import array
import ast
import builtins
import io
import os
import struct
import time
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from sim.door import FIRMWARE

# Modules whose integers are for all. Their words are for whoever imports them outside a device.
SHARED = {
    "field": "oximeter.core.field",
    "layout": "oximeter.core.layout",
    "picture": "oximeter.ui.picture",
    "registers": "oximeter.drivers.registers",
    "stored": "oximeter.stored",
    "terms": "oximeter.terms",
    "threshold": "oximeter.core.threshold",
}
FOLDED = frozenset(SHARED.values())

# What stands for a package, or for the whole way to it, in the name of a module on a device. The
# commands have names of their own, since some are called as other modules are.
_PACKAGES = {
    "oximeter.link.commands.": "ask_",
    "oximeter.link.": "",
    "oximeter.drivers.": "",
    "oximeter.": "",
}
# Asked for by boot.py and main.py, which ship as they are.
_IN_PACKAGE = frozenset(("oximeter.app", "oximeter.crash"))

# What whoever sits at the prompt, or at the host, asks of the firmware's objects by name.
_ASKED_OUTSIDE = frozenset(
    ("step", "reading", "radio", "now_ms", "log", "sample", "settings", "record", "append", "find",
     "open", "end", "gesture", "board", "blank", "busy", "off")
)  # fmt: skip
# Names that MicroPython has in its ROM: those of its own types and modules. What needs a short
# name gets one of these, since any other takes some 11 bytes of the heap (as one does that a port
# lacks).
_IN_ROM = """
append clear copy count extend index insert pop remove reverse sort
fromkeys get items keys popitem setdefault update values
add difference discard intersection isdisjoint issubset issuperset symmetric_difference union
center decode encode endswith find format isalpha isdigit islower isspace isupper join lower lstrip
partition replace rfind rindex rpartition rsplit rstrip split splitlines startswith strip upper
from_bytes to_bytes send throw close read readinto readline readlines write seek tell flush
calcsize pack pack_into unpack unpack_from collect disable enable isenabled mem_alloc threshold
acos asin atan atan2 ceil copysign cos degrees exp fabs floor fmod frexp isfinite isinf isnan ldexp
modf radians sin sqrt tan trunc dump dumps load loads compile match search sub
heapify heappop heappush popleft deque namedtuple sizeof addressof bytes_at bytearray_at
sleep ticks_add ticks_cpu ticks_diff ticks_us localtime mktime time_ns
chdir getcwd ilistdir rmdir statvfs unlink hexlify unhexlify
seed randint randrange uniform choice getvalue getrandbits
opt_level mem_info qstr_info heap_lock heap_unlock byteorder version_info maxsize
"""
# Objects that are not the firmware's: their names stay.
_BUILT_IN: tuple[object, ...] = (
    b"", "", [], {}, (), set(), bytearray(), memoryview(b""), 0, array.array("i"), io.BytesIO(),
    io.StringIO(), os, struct, time, OSError(),
)  # fmt: skip
_ARGUMENTS_FROM = 87
_INSIDE_VM = ("board.py", "bluetooth.py", "binascii.py")  # of this folder


@cache
def _trees() -> tuple[ast.Module, ...]:
    return tuple(
        ast.parse(path.read_text(encoding="utf-8")) for path in sorted(FIRMWARE.rglob("*.py"))
    )


@cache
def _integers() -> dict[tuple[str, str], int]:
    found = {}
    for module, name in SHARED.items():
        source = FIRMWARE.joinpath(*name.split(".")).with_suffix(".py")
        for node in ast.parse(source.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                try:
                    value = ast.literal_eval(node.value)
                except ValueError:
                    continue
                if type(value) is int:
                    found[module, node.targets[0].id] = value
    return found


@cache
def _asked_for() -> frozenset[str]:
    """Names by which one part of the firmware asks another for something private or by keyword."""
    names = set()
    for tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg:
                names.add(node.arg)
            elif isinstance(node, ast.ImportFrom):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Attribute) and not _is_self(node.value):
                names.add(node.attr)
    return frozenset(names)


@cache
def _attributes_asked() -> frozenset[str]:
    """Names that any part of the firmware asks of an object or module."""
    nodes = (node for tree in _trees() for node in ast.walk(tree))
    return frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute))


@cache
def _keywords() -> frozenset[str]:
    """Names by which an argument is given somewhere."""
    nodes = (node for tree in _trees() for node in ast.walk(tree))
    return frozenset(node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg)


@cache
def _mentioned() -> frozenset[str]:
    """Every name that any part of the firmware speaks of."""
    names = set(_asked_for())
    for tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.Name):
                names.add(node.id)
    return frozenset(names)


@cache
def _folded() -> frozenset[ast.Module]:
    """The trees of which nothing is left on a device."""
    files = sorted(FIRMWARE.rglob("*.py"))
    there = {FIRMWARE.joinpath(*name.split(".")).with_suffix(".py") for name in FOLDED}
    return frozenset(tree for path, tree in zip(files, _trees(), strict=True) if path in there)


@cache
def _core() -> frozenset[ast.Module]:
    """Its trees: one module on a device, which knows its own functions by other names."""
    files = sorted(FIRMWARE.rglob("*.py"))
    parts = zip(files, _trees(), strict=True)
    return frozenset(tree for path, tree in parts if path.parent.name == "core")


@cache
def _owned() -> tuple[frozenset[str], ...]:
    """For each class of the firmware the names that its objects have."""
    found = []
    for tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found.append(frozenset(_of_class(node)))
    return tuple(found)


def _methods(node: ast.ClassDef) -> Iterator[str]:
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef):
            yield inner.name


def _of_class(node: ast.ClassDef) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and _is_self(inner.value):
            yield inner.attr
        elif isinstance(inner, ast.FunctionDef):
            yield inner.name


@cache
def _foreign() -> frozenset[str]:
    """Names that something else has as well, or that are spelt out somewhere: they stay."""
    names = set(_ASKED_OUTSIDE)
    handing_on = ast.parse((FIRMWARE / "oximeter" / "core" / "__init__.py").read_text("utf-8"))
    for statement in handing_on.body:
        if isinstance(statement, ast.ImportFrom):
            names |= {alias.name for alias in statement.names}
    for thing in _BUILT_IN:
        names |= set(dir(thing))
    others = [Path(__file__).with_name(name) for name in _INSIDE_VM]
    others += [FIRMWARE / name for name in ("board.py", "boot.py", "main.py")]
    for path in others:
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(each, ast.Attribute):
                names.add(each.attr)
            elif isinstance(each, ast.FunctionDef | ast.ClassDef):
                names.add(each.name)
    for tree in set(_trees()) - _folded():
        if tree not in _core():
            names |= {name for name in _defined(tree) if not name.startswith("_")}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
            elif isinstance(node, ast.Attribute) and _is_board(node.value):
                names.add(node.attr)
            elif isinstance(node, ast.ClassDef):  # what stands in a class itself is no attribute
                names |= set(_defined(ast.Module(node.body, []))) - set(_methods(node))
    # The console names the settings as they are.
    settings = ast.parse((FIRMWARE / "oximeter" / "unit.py").read_text(encoding="utf-8"))
    for node in settings.body:
        if isinstance(node, ast.ClassDef):
            names |= set(_of_class(node)) - set(_methods(node))
    return frozenset(names)


def _is_board(node: ast.expr) -> bool:
    return getattr(node, "id", getattr(node, "attr", "")) == "board"


@cache
def free_names() -> list[str]:
    """The names of the ROM that neither the firmware nor the board of the VM speaks of."""
    inside = [Path(__file__).with_name(name) for name in _INSIDE_VM]
    trees = [*_trees(), *(ast.parse(path.read_text(encoding="utf-8")) for path in inside)]
    spoken = set(dir(builtins))
    for tree in trees:
        for node in ast.walk(tree):
            for said in ("id", "attr", "arg", "name", "asname", "value"):
                name = getattr(node, said, None)
                if isinstance(name, str):
                    spoken.add(name)
    return [name for name in _IN_ROM.split() if name not in spoken]


def _name(number: int) -> str:
    """A short name for each number, the same in all modules."""
    names = free_names()
    return names[number] if number < len(names) else f"_{number}"


@cache
def _attributes() -> dict[str, str]:
    """A short name for everything that only the firmware's objects have. Two names get the same
    one where no object has both."""
    kept = _foreign()
    names = {name for owned in _owned() for name in owned}
    names = {name for name in names if name not in kept and not name.endswith("__")}
    short: dict[str, int] = {}
    # Those of many classes first, then the order of the alphabet: always the same.
    for name in sorted(names, key=lambda name: (-sum(name in owned for owned in _owned()), name)):
        beside = {other for owned in _owned() if name in owned for other in owned}
        taken = {short[other] for other in beside if other in short}
        short[name] = next(n for n in range(len(names)) if n not in taken)
    return {name: _name(n) for name, n in short.items()}


def _is_idle(node: ast.stmt) -> bool:
    """A function that nothing in the firmware calls: it stays in the source, for whoever sits at
    the prompt with it or at the host."""
    if not isinstance(node, ast.FunctionDef) or node.name.endswith("__"):
        return False
    return node.name not in _mentioned()


@cache
def flat() -> dict[str, str]:
    """The name on a device of each module that it imports for a moment, by its name in the source;
    of the commands' package both, as a module and as what its modules' names begin with.

    MicroPython keeps the name of a module, of its file and of its place in the package for ever:
    98 bytes for oximeter.link.commands.identify, for ask_identify 40.
    """
    found = {}
    for path in sorted(FIRMWARE.joinpath("oximeter").rglob("*.py")):
        name = ".".join(path.relative_to(FIRMWARE).with_suffix("").parts)
        if name in FOLDED or name in _IN_PACKAGE or ".core." in name or ".ui." in name:
            continue
        if path.name == "__init__.py":
            name = name.removesuffix(".__init__")
            if name + "." in _PACKAGES and not _PACKAGES[name + "."]:
                continue  # there is nothing in it
            found[name + "."] = _PACKAGES[name + "."]
        package = next(start for start in _PACKAGES if name.startswith(start))
        found[name] = _PACKAGES[package] + name.removeprefix(package)
    assert len(set(found.values())) == len(found), "two modules have one name"
    return found


class _Flatten(ast.NodeTransformer):
    """Imports by the flat names, and texts that are the name of a module."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt]:
        """A module becomes an import of its own; what is of a module is asked of its new name."""
        names = flat()
        module = node.module or ""
        alone = [alias for alias in node.names if f"{module}.{alias.name}" in names]
        made: list[ast.stmt] = [
            ast.Import([ast.alias(names[f"{module}.{alias.name}"], alias.asname or alias.name)])
            for alias in alone
        ]
        node.names = [alias for alias in node.names if alias not in alone]
        node.module = names.get(module, module)
        return [*made, node] if node.names else made

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str):
            node.value = flat().get(node.value, node.value)
        return node


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in _asked_for()


class _Fold(ast.NodeTransformer):
    """field.NAME and the like become their number."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id in SHARED:
            value = _integers().get((node.value.id, node.attr))
            if value is not None:
                return ast.copy_location(ast.Constant(value), node)
        return node


class _Rename(ast.NodeTransformer):
    """Names and the names of functions by one table, attributes and methods by another."""

    def __init__(self, names: dict[str, str], attributes: dict[str, str]) -> None:
        self.names = names
        self.attributes = attributes

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self.names.get(node.arg, node.arg)
        return node

    def visit_Global(self, node: ast.Global) -> ast.Global:
        node.names = [self.names.get(name, name) for name in node.names]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        first = node.args.args[0].arg if node.args.args else ""
        table = self.attributes if first == "self" else self.names
        node.name = table.get(node.name, node.name)
        self.generic_visit(node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        self.generic_visit(node)
        node.attr = self.attributes.get(node.attr, node.attr)
        return node


def _short(names: Iterable[str], first: int = 0) -> dict[str, str]:
    return {name: _name(n) for n, name in enumerate(dict.fromkeys(names), first)}


def _private_globals(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            call = node.value
            folds = isinstance(call, ast.Call) and getattr(call.func, "id", "") == "const"
            if not folds:  # MicroPython folds these itself, by their underscore
                yield node.targets[0].id


def _arguments(node: ast.FunctionDef) -> list[str]:
    given = node.args
    if given.kwonlyargs or given.vararg or given.kwarg:
        return []
    if any(isinstance(n, ast.FunctionDef | ast.Lambda) for n in ast.walk(node) if n is not node):
        return []
    return [a.arg for a in given.args if a.arg != "self" and a.arg not in _keywords()]


class _Bundled(ast.NodeTransformer):
    """References of one module to its own names and to those of its siblings, as names of the
    bundle. `own` and `siblings` map what is written to what it becomes."""

    def __init__(self, own: dict[str, str], siblings: dict[tuple[str, str], str]) -> None:
        self.own = own
        self.siblings = siblings
        self.local: set[str] = set()

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        """Methods keep their names, whatever functions are called."""
        node.name = self.own.get(node.name, node.name)
        for method in node.body:
            name = getattr(method, "name", "")
            self.visit(method)
            if name and isinstance(method, ast.FunctionDef):
                method.name = name
        node.bases = [self.visit(base) for base in node.bases]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Names that are local to a function stay."""
        node.name = self.own.get(node.name, node.name)
        stored = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
        self.local = {a.arg for a in node.args.args}
        self.local |= {n.id for n in stored if isinstance(n.ctx, ast.Store)}
        for inner in ast.walk(node):  # an import inside a function is a local name too
            if isinstance(inner, ast.ImportFrom):
                self.local |= {alias.asname or alias.name for alias in inner.names}
        self.generic_visit(node)
        self.local = set()
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id not in self.local:
            node.id = self.own.get(node.id, node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id not in self.local:
            name = self.siblings.get((node.value.id, node.attr))
            if name:
                return ast.copy_location(ast.Name(name, node.ctx), node)
        return node


def _defined(tree: ast.Module) -> list[str]:
    names = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return names


def bundle(sources: dict[str, str], exports: frozenset[str] = frozenset()) -> str:
    """One module in place of several: `sources` by name, those imported by others first. Only the
    names in `exports`, and those that a source `__init__` hands on, stay what they are. A module
    of its own costs a device some 200 bytes, and every name by which one asks for another some 20.
    No function may stand in another one. Raises SyntaxError.
    """
    trees = {name: ast.parse(source) for name, source in sources.items()}
    exported = {(module, name): name for module in trees for name in exports}
    handing_on = trees.pop("__init__", ast.Module([], []))
    for node in handing_on.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if alias.name not in _attributes_asked():
                    continue  # it is for whoever imports it outside a device
                exported[node.module.split(".")[-1], alias.name] = alias.asname or alias.name
    siblings = {
        (module, name): exported.get((module, name), f"_{module}_{name}")
        for module, tree in trees.items()
        for name in _defined(tree)
    }
    body: list[ast.stmt] = []
    imports: dict[str, ast.stmt] = {}
    for module, tree in trees.items():
        own = {name: siblings[module, name] for name in _defined(tree)}
        for node in tree.body:
            if isinstance(node, ast.Import):
                imports[ast.unparse(node)] = node
            if isinstance(node, ast.ImportFrom) and node.module:
                sibling = node.module.split(".")[-1]
                inside = [a for a in node.names if (sibling, a.name) in siblings]
                own |= {a.asname or a.name: siblings[sibling, a.name] for a in inside}
                for alias in inside:  # a name may be asked of whoever imports it
                    siblings[module, alias.asname or alias.name] = siblings[sibling, alias.name]
                known = [a for a in node.names if a.name in trees or a in inside]
                if len(known) < len(node.names):
                    node.names = [a for a in node.names if a not in known]
                    imports[ast.unparse(node)] = node
        renamed = _Bundled(own, siblings)
        for node in tree.body:
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if not docstring and not isinstance(node, ast.ImportFrom | ast.Import):
                body.append(renamed.visit(node))
    made = ast.Module([*imports.values(), *body], [])
    return ast.unparse(ast.fix_missing_locations(made))


def compact(source: str) -> str:
    """A smaller module that does the same. Raises SyntaxError."""
    tree: ast.Module = _Flatten().visit(_Fold().visit(ast.parse(source)))
    for part in tree.body:
        if isinstance(part, ast.ClassDef):
            part.body = [node for node in part.body if not _is_idle(node)] or [ast.Pass()]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in list(tree.body):
        if isinstance(node, ast.ImportFrom):
            idle = SHARED.keys() - used
            node.names = [alias for alias in node.names if alias.name not in idle]
            if not node.names:
                tree.body.remove(node)
    names = _short(filter(_is_private, _private_globals(tree)))
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            # Behind the names of all functions: those that attributes have in common with them.
            table = _short(_arguments(function), max(_ARGUMENTS_FROM, len(names)))
            for statement in [function.args, *function.body]:
                _Rename(table, {}).visit(statement)
    for part in tree.body:
        if isinstance(part, ast.ClassDef):
            part.name = names.get(part.name, part.name)
        _Rename(names, _attributes()).visit(part)
    return ast.unparse(ast.fix_missing_locations(tree))
