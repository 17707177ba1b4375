"""All of the hardware's checks and all that is made of it: `python -m hardware [FOLDER]`.

Checks first, each with a line; then the files for a factory into FOLDER (build/hardware), and the
table of cost. Exit code 1 when a check found something; then nothing is made.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import yaml

from hardware import (
    bill,
    copper,
    enclosure,
    fabrication,
    jig,
    kicad,
    power,
    rails,
    schematic,
    tools,
    wiring,
)
from hardware.netlist import designed, parts


def checks(out: Path) -> list[tuple[str, Callable[[], Iterable[str]]]]:
    """(what, a function that gives its complaints), in the order of cost."""
    book, netlist, work = parts(), designed(), out / "work"
    rules = yaml.safe_load(rails.RAILS.read_text())
    pins = yaml.safe_load(wiring.PINS.read_text())

    def fresh() -> list[str]:
        if tools.same_kicad():
            stale = schematic.main(["--check"]) != 0
        else:
            print("  another KiCad than it was drawn with: bytes not compared", file=sys.stderr)
            stale = f"from {schematic.digest()}" not in copper.SHEET.read_text()
        return ["The schematic is not fresh."] if stale else []

    def gerbers() -> list[str]:
        fabrication.gerbers(copper.BOARD, work / "gerbers", work / "config")
        return fabrication.reread(work / "gerbers", copper.read(copper.BOARD.read_text()))

    def supply() -> list[str]:
        return power.gates(power.figures(), netlist, book, rules, work)[0]

    return [
        ("the design against the map of pins", lambda: wiring.complaints(netlist, pins, book)),
        ("the design against the datasheets", lambda: rails.complaints(netlist, rules, book)),
        ("the bill of materials", lambda: bill.complaints(book, netlist)),
        ("power, on paper and in ngspice", supply),
        ("the schematic's freshness", fresh),
        (
            "the schematic: KiCad's rules, netlist",
            lambda: kicad.schematic_gates(copper.SHEET, work),
        ),
        (
            "the board: KiCad's rules, parity, copper",
            lambda: kicad.board_gates(copper.BOARD, copper.SHEET, work),
        ),
        ("the gerbers, read again", gerbers),
        ("the jig against the board", jig.gates),
        ("the enclosure", enclosure.gates),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m hardware", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=kicad.BUILD)
    out = parser.parse_args(arguments).folder
    (out / "work").mkdir(parents=True, exist_ok=True)
    found = 0
    for what, check in checks(out):
        begun = time.monotonic()
        said = list(check())
        found += len(said)
        verdict = f"{len(said)} complaints" if said else "passes"
        print(f"{what}: {verdict} ({time.monotonic() - begun:.0f} s)", file=sys.stderr)
        for sentence in said:
            print(f"  {sentence}", file=sys.stderr)
    if found:
        print(f"{found} complaints; nothing was made.", file=sys.stderr)
        return 1
    print("making the files for the factory", file=sys.stderr)
    fabrication.made(copper.BOARD, copper.SHEET, out / "fabrication", out / "work" / "config")
    enclosure.made(out / "enclosure")
    jig.made(out / "jig")
    print(bill.table(parts(), designed()))
    print(f"No errors. Pictures and files are in {out}; nobody has reviewed them.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
