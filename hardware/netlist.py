"""The circuit as data: which pin of which component is on which net.

Read from hardware/design.yaml, or from what KiCad exports from the drawn schematic; both give the
same form, so that every check runs on either.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
DESIGN = HERE / "design.yaml"
PARTS = HERE / "parts.yaml"


@dataclass(frozen=True)
class Component:
    """`part` is its key in parts.yaml, `nets` the net of each pin by the pin's name."""

    part: str
    nets: Mapping[str, str]


Netlist = dict[str, Component]  # by reference: R1, U4


def parts() -> dict[str, Any]:
    """hardware/parts.yaml."""
    return yaml.safe_load(PARTS.read_text())


def designed(path: Path = DESIGN) -> Netlist:
    """The netlist that the design asks for."""
    return {
        reference: Component(
            component["part"], {str(pin): net for pin, net in component["pins"].items()}
        )
        for reference, component in yaml.safe_load(path.read_text()).items()
    }


def pins_on(netlist: Netlist) -> dict[str, set[tuple[str, str]]]:
    """The pins (reference, pin) of every net."""
    nets: dict[str, set[tuple[str, str]]] = {}
    for reference, component in netlist.items():
        for pin, net in component.nets.items():
            nets.setdefault(net, set()).add((reference, pin))
    return nets


def plain(pin: str) -> str:
    """A pin's name without KiCad's mark for "active low": ~{RES} is RES."""
    return re.sub(r"~\{(.*?)\}", r"\1", pin)


# S-expressions: the form of all KiCad files. A list is a Python list, an atom a string.
_TOKEN = re.compile(r'\(|\)|"(?:[^"\\]|\\.)*"|[^\s()"]+')


_UNESCAPED = re.compile(r"\\(.)")


def _meant(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]


class Quoted(str):
    """An atom that stood in quotes."""


def parsed(text: str) -> list[Any]:
    """The one S-expression in `text`. ValueError when its brackets do not match."""
    stack: list[list[Any]] = [[]]
    for token in _TOKEN.findall(text):
        if token == "(":
            stack.append([])
        elif token == ")":
            if len(stack) < 2:
                raise ValueError("a bracket closes that was never opened")
            done = stack.pop()
            stack[-1].append(done)
        else:
            quoted = token.startswith('"')
            stack[-1].append(Quoted(_UNESCAPED.sub(_meant, token[1:-1])) if quoted else token)
    if len(stack) != 1 or len(stack[0]) != 1:
        raise ValueError("the brackets do not match")
    return stack[0][0]


def written(node: Any, indent: int = 0) -> str:
    """The S-expression as text, a line for each list that holds lists."""
    if isinstance(node, Quoted):
        return '"' + node.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if not isinstance(node, list):
        return f"{node:g}" if isinstance(node, float) else str(node)
    pad = "\n" + "  " * (indent + 1)
    out = "("
    for i, part in enumerate(node):
        nests = isinstance(part, list) and any(isinstance(grain, list) for grain in part)
        out += (pad if nests else " " if i else "") + written(part, indent + 1)
    return out + ")"


def children(node: list[Any], name: str) -> Iterator[list[Any]]:
    """The lists in `node` that begin with `name`."""
    return (child for child in node if isinstance(child, list) and child and child[0] == name)


def child(node: list[Any], name: str) -> list[Any]:
    """The first of them. KeyError when there is none."""
    for found in children(node, name):
        return found
    raise KeyError(name)


def exported(text: str) -> Netlist:
    """The netlist in what `kicad-cli sch export netlist` writes."""
    root = parsed(text)
    part_of = {}
    for component in children(child(root, "components"), "comp"):
        fields = {
            child(field, "name")[1]: (field[2:] or [""])[-1]
            for field in children(child(component, "fields"), "field")
        }
        part_of[child(component, "ref")[1]] = fields["Part"]
    nets: dict[str, dict[str, str]] = {reference: {} for reference in part_of}
    for net in children(child(root, "nets"), "net"):
        name = child(net, "name")[1].removeprefix("/")
        for node in children(net, "node"):
            if child(node, "pintype")[1].startswith("no_connect"):
                continue
            reference = child(node, "ref")[1]
            function = next(children(node, "pinfunction"), None)
            pin = child(node, "pin")[1]
            # Several pins may have one name (GND); ~{RES} is RES with a bar.
            named = plain(function[1]) if function else pin
            before = nets[reference].setdefault(named, name)
            if before != name:
                raise ValueError(f"{reference}: pins named {named} are on {before} and on {name}")
    return {reference: Component(part_of[reference], pins) for reference, pins in nets.items()}
