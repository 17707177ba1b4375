"""KiCad's own checks of the drawn design, and the files it makes of it. It needs KiCad 9.

python3 -m hardware.kicad [FOLDER]      checks; pictures and files go to FOLDER (build/hardware)
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from hardware import rails, schematic, wiring
from hardware.netlist import Netlist, children, designed, exported, parsed, parts

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
    return [_sentence("schematic", violation) for violation in found]


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


def schematic_gates(sheet: Path, work: Path) -> list[str]:
    """Every gate that a schematic must pass; empty when it does."""
    work.mkdir(parents=True, exist_ok=True)
    try:
        return [
            *rule_check(sheet, work),
            *netlist_check(netlist_of(sheet, work)),
            *fields_check(sheet),
        ]
    except (Broken, ValueError, KeyError) as error:
        return [f"The drawing cannot be read: {error}"]


def pictures(sheet: Path, out: Path, work: Path) -> None:
    """The schematic as PDF and SVG, and the bill as KiCad exports it."""
    config = work / "config"
    kicad("sch", "export", "pdf", "-o", out / "schematic.pdf", sheet, config=config)
    kicad("sch", "export", "svg", "-o", out, sheet, config=config)
    kicad(
        *(
            "sch",
            "export",
            "bom",
            "--fields",
            "Reference,Value,Footprint,Maker,MPN,Part,${QUANTITY}",
        ),
        *("--group-by", "Part", "-o", out / "bom.csv", sheet),
        config=config,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m hardware.kicad", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=BUILD)
    out = parser.parse_args(arguments).folder
    if not shutil.which("kicad-cli"):
        print(
            "kicad-cli is missing: install KiCad 9 (hardware/README.md says how).", file=sys.stderr
        )
        return 1
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    sheet = schematic.BOARD / f"{NAME}.kicad_sch"
    said = [] if schematic.main(["--check"]) == 0 else ["The schematic is not fresh."]
    said += schematic_gates(sheet, work)
    for sentence in said:
        print(sentence, file=sys.stderr)
    if not said:
        pictures(sheet, out, work)
        print(f"The schematic passes; pictures and bill are in {out}.")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
