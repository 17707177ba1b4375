"""KiCad's own checks of the schematic and of the board, and what it reads off them. It needs
KiCad 9; `python -m hardware` runs this and the rest.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

from hardware import copper, rails, wiring
from hardware.netlist import Netlist, children, designed, exported, parsed, parts
from hardware.tools import same_kicad

BUILD = Path("build/hardware")
NAME = "xueyang"


class Broken(Exception):
    """KiCad could not do its work; the text says what it printed."""


def kicad(*arguments: str | Path, config: Path) -> str:
    """Run kicad-cli with the stock libraries and nobody's settings; what it printed."""
    tables = config / "9.0"
    tables.mkdir(parents=True, exist_ok=True)
    for name in ("sym-lib-table", "fp-lib-table"):
        shutil.copy(Path("/usr/share/kicad/template") / name, tables)
        shutil.copy(Path("/usr/share/kicad/template") / name, config)
    run = subprocess.run(
        ["kicad-cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "KICAD_CONFIG_HOME": str(config)},
    )
    if run.returncode:
        raise Broken(f"kicad-cli {' '.join(map(str, arguments[:3]))}: {run.stdout}{run.stderr}")
    return run.stdout


def rule_check(sheet: Path, work: Path) -> list[str]:
    """The electrical rules: every error and warning that rules.yaml does not accept."""
    report = work / "erc.json"
    kicad(
        *("sch", "erc", "--severity-error", "--severity-warning", "--format", "json"),
        *("-o", report, sheet),
        config=work / "config",
    )
    found = [v for page in json.loads(report.read_text())["sheets"] for v in page["violations"]]
    return [_sentence("schematic", violation) for violation in found if _counts(violation)]


def _counts(violation: dict) -> bool:
    """Whether a complaint is about the design, and not about another KiCad's libraries."""
    return not violation["type"].startswith(("lib_symbol_", "lib_footprint_")) or same_kicad()


def _sentence(where: str, violation: dict) -> str:
    things = "; ".join(item["description"] for item in violation["items"])
    return f"{where}: {violation['description']} ({things})"


def netlist_of(sheet: Path, work: Path) -> Netlist:
    """What KiCad reads off the drawing."""
    target = work / f"{NAME}.net"
    kicad("sch", "export", "netlist", "-o", target, sheet, config=work / "config")
    return exported(target.read_text())


def fields_check(sheet: Path) -> list[str]:
    """What each symbol says of its part against parts.yaml."""
    said = []
    board = parts()["board"]
    for symbol in children(parsed(sheet.read_text()), "symbol"):
        fields = {field[1]: field[2] for field in children(symbol, "property")}
        if fields["Reference"].startswith("#"):
            continue
        part = board.get(fields.get("Part", ""), {})
        wanted = {
            "Value": part.get("value", part.get("mpn")),
            "Footprint": part.get("footprint"),
            "Maker": part.get("maker"),
            "MPN": part.get("mpn"),
        }
        for name, value in wanted.items():
            if fields.get(name) != value:
                at = f"{fields['Reference']} {name}"
                said.append(f"{at}: the drawing says {fields.get(name)}, parts.yaml {value}.")
    return said


def netlist_check(netlist: Netlist) -> list[str]:
    """The drawing against the design, the pin map and the datasheets."""
    wanted = designed()
    said = []
    for reference in sorted({*wanted, *netlist}):
        if reference not in wanted or reference not in netlist:
            where = "design" if reference in wanted else "drawing"
            said.append(f"{reference}: is only in the {where}.")
            continue
        one, other = wanted[reference], netlist[reference]
        if one.part != other.part:
            said.append(f"{reference}: the drawing has {other.part}, the design {one.part}.")
        for pin in sorted({*one.nets, *other.nets}):
            nets = other.nets.get(pin), one.nets.get(pin)
            if nets[0] != nets[1]:
                said.append(f"{reference} {pin}: the drawing has {nets[0]}, the design {nets[1]}.")
    book = parts()
    said += wiring.complaints(netlist, yaml.safe_load(wiring.PINS.read_text()), book)
    said += rails.complaints(netlist, yaml.safe_load(rails.RAILS.read_text()), book)
    return said


def schematic_gates(sheet: Path, work: Path) -> Iterator[str]:
    """Every gate that a schematic must pass, the quick ones first."""
    work.mkdir(parents=True, exist_ok=True)
    try:
        yield from fields_check(sheet)
        yield from netlist_check(netlist_of(sheet, work))
        yield from rule_check(sheet, work)
    except (Broken, ValueError, KeyError) as error:
        yield f"The drawing cannot be read: {error}"


def design_rule_check(board: Path, work: Path) -> list[str]:
    """The board's rules and its parity with the schematic beside it: every error, every warning,
    every missing connection. The project file beside it must be the committed one."""
    report = work / "drc.json"
    kicad(
        *("pcb", "drc", "--schematic-parity", "--all-track-errors", "--format", "json"),
        *("--severity-error", "--severity-warning", "-o", report, board),
        config=work / "config",
    )
    found = json.loads(report.read_text())
    return [
        _sentence(where, violation)
        for where, key in (
            ("board", "violations"),
            ("board, unconnected", "unconnected_items"),
            ("board against schematic", "schematic_parity"),
        )
        for violation in found[key]
        if _counts(violation)
    ]


def board_gates(board: Path, sheet: Path, work: Path) -> Iterator[str]:
    """Every gate that a board file must pass, the quick ones first. KiCad writes beside what it
    checks, so it gets a copy."""
    yield from copper.gates(board, sheet)
    folder = work / "drc"
    folder.mkdir(parents=True, exist_ok=True)
    for path in (board, sheet, sheet.with_suffix(".kicad_pro")):
        if path.parent != folder:
            shutil.copy(path, folder)
    try:
        yield from design_rule_check(folder / board.name, work)
    except (Broken, ValueError, KeyError) as error:
        yield f"The board cannot be read: {error}"
