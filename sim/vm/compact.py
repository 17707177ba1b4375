"""Make a firmware module take less of the device's heap without changing what it does.

MicroPython keeps every name it meets, some 20 bytes each, and for what several files share a place
in a dictionary besides. So the integers of core/field.py go where they are used, as MicroPython's
own `const` does within one file, and names that nobody outside can ask for (arguments that are
never given by keyword, private functions and attributes) become a few short ones that all modules
have in common. Together 6 KiB of 64, and a twelfth of the time of the signal path.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache

from sim.door import FIRMWARE

_SHARED = "field"
FOLDED = f"oximeter.core.{_SHARED}"  # its words are for whoever imports it; its numbers for all


@cache
def _trees() -> tuple[ast.Module, ...]:
    return tuple(
        ast.parse(path.read_text(encoding="utf-8")) for path in sorted(FIRMWARE.rglob("*.py"))
    )


@cache
def _integers() -> dict[str, int]:
    found = {}
    source = FIRMWARE / "oximeter" / "core" / f"{_SHARED}.py"
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = ast.literal_eval(node.value)
            if type(value) is int:
                found[node.targets[0].id] = value
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


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in _asked_for()


class _Fold(ast.NodeTransformer):
    """field.NAME becomes its number."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == _SHARED:
            value = _integers().get(node.attr)
            if value is not None:
                return ast.copy_location(ast.Constant(value), node)
        return node


class _Rename(ast.NodeTransformer):
    """Names and the names of functions by one table, attributes of self by another."""

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
        if _is_self(node.value):
            node.attr = self.attributes.get(node.attr, node.attr)
        return node


def _short(names: Iterable[str], prefix: str) -> dict[str, str]:
    return {name: f"{prefix}{n}" for n, name in enumerate(dict.fromkeys(names))}


def _private_globals(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            call = node.value
            folds = isinstance(call, ast.Call) and getattr(call.func, "id", "") == "const"
            if not folds:  # MicroPython folds these itself, by their underscore
                yield node.targets[0].id


def _private_attributes(node: ast.ClassDef) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and _is_self(inner.value):
            yield inner.attr
        elif isinstance(inner, ast.FunctionDef):
            yield inner.name


def _arguments(node: ast.FunctionDef) -> list[str]:
    given = node.args
    if given.defaults or given.kwonlyargs or given.vararg or given.kwarg:
        return []
    if any(isinstance(n, ast.FunctionDef | ast.Lambda) for n in ast.walk(node) if n is not node):
        return []
    return [a.arg for a in given.args if a.arg != "self" and a.arg not in _asked_for()]


def compact(source: str) -> str:
    """A smaller module that does the same. Raises SyntaxError."""
    tree: ast.Module = _Fold().visit(ast.parse(source))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in list(tree.body):
        if isinstance(node, ast.ImportFrom) and _SHARED not in used:
            node.names = [alias for alias in node.names if alias.name != _SHARED]
            if not node.names:
                tree.body.remove(node)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            table = _short(_arguments(function), "_a")
            for statement in [function.args, *function.body]:
                _Rename(table, {}).visit(statement)
    names = _short(filter(_is_private, _private_globals(tree)), "_")
    for part in tree.body:
        attributes = {}
        if isinstance(part, ast.ClassDef):
            attributes = _short(filter(_is_private, _private_attributes(part)), "_")
        _Rename(names, attributes).visit(part)
    return ast.unparse(tree)
