"""Put the numbers of core/field.py where they are used, as MicroPython does with its own `const`.

`const` reaches no further than one file, and what several files share would cost the device a
name, a place in a dictionary and two lookups at every use: 4 KiB of heap, and a twelfth of the
time of the signal path. Only integers are folded; the words stay for those who import them.
"""

import ast

from sim.door import FIRMWARE

_SHARED = "field"
_SOURCE = FIRMWARE / "oximeter" / "core" / "field.py"


def _integers() -> dict[str, int]:
    found = {}
    for node in ast.parse(_SOURCE.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = ast.literal_eval(node.value)
            if type(value) is int:
                found[node.targets[0].id] = value
    return found


class _Fold(ast.NodeTransformer):
    def __init__(self, integers: dict[str, int]) -> None:
        self.integers = integers

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == _SHARED:
            value = self.integers.get(node.attr)
            if value is not None:
                return ast.copy_location(ast.Constant(value), node)
        return node


def folded(source: str) -> str:
    """The same program without `field.NAME` wherever that is an integer."""
    tree = ast.parse(source)
    imports = [
        node
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and any(a.name == _SHARED for a in node.names)
    ]
    if not imports:
        return source
    tree = _Fold(_integers()).visit(tree)
    still_used = any(isinstance(n, ast.Name) and n.id == _SHARED for n in ast.walk(tree))
    if not still_used:
        for node in imports:
            node.names = [a for a in node.names if a.name != _SHARED]
            if not node.names:
                tree.body.remove(node)
    return ast.unparse(tree)
