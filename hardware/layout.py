"""Lays out the board: hardware/board/xueyang.kicad_pcb from design.yaml and layout.yaml.

    python -m hardware.layout            places, routes, pours ground (a minute; KiCad, numba)
    python -m hardware.layout --place    only places, into build/hardware, to look at

What comes out is checked as if a person had drawn it (hardware/kicad.py), and a person may go on
from it in KiCad. Then this is no longer to be run, and layout.yaml is history.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from hardware import kicad
from hardware.netlist import HERE, child, children, parsed, parts
from hardware.schematic import BOARD, RULES

LAYOUT = HERE / "layout.yaml"
PYTHON = "/usr/bin/python3"  # of the system: the one that KiCad brings its module to
TEXTS = [
    ["Xueyang A  unreviewed", 13, 24.0, "finger"],
    ["not a medical device", 13, 26.0, "finger"],
]


def job(sheet: Path, work: Path) -> dict[str, Any]:
    """All that the placing needs: what stands where, which pad is on which net."""
    layout = yaml.safe_load(LAYOUT.read_text())
    board = parts()["board"]
    target = work / "xueyang.net"
    kicad.kicad("sch", "export", "netlist", "-o", target, sheet, config=work / "config")
    pads: dict[str, dict[str, str]] = {}
    for net in children(child(parsed(target.read_text()), "nets"), "net"):
        for node in children(net, "node"):
            pads.setdefault(child(node, "ref")[1], {})[child(node, "pin")[1]] = child(net, "name")[
                1
            ]
    root = parsed(sheet.read_text())
    placed = []
    for symbol in children(root, "symbol"):
        fields = {field[1]: field[2] for field in children(symbol, "property")}
        reference = fields.pop("Reference")
        if reference.startswith("#"):
            continue
        side = next((s for s in ("display", "finger") if reference in layout[s]), None)
        if side is None:
            sys.exit(f"{reference} has no place in layout.yaml.")
        x, y, turn = layout[side][reference]
        placed.append(
            {
                "reference": reference,
                "value": fields.pop("Value"),
                "footprint": fields.pop("Footprint"),
                "path": f"/{child(symbol, 'uuid')[1]}",
                "fields": fields,
                "side": side,
                "small": board[fields["Part"]]["symbol"].startswith("Device:"),
                "bought": board[fields["Part"]]["maker"] != "none",
                "pads": pads[reference],
                **{"x": x, "y": y, "turn": turn},
            }
        )
    return {**layout["outline"], "thickness": layout["thickness"], "parts": placed, "texts": TEXTS}


def step(name: str, task: dict[str, Any], board: Path, work: Path) -> str:
    """Run one step of hardware/pcb.py under KiCad's Python."""
    path = work / f"{name}.json"
    path.write_text(json.dumps(task))
    run = subprocess.run(
        [PYTHON, str(HERE / "pcb.py"), name, str(path), str(board)], capture_output=True, text=True
    )
    if run.returncode:
        sys.exit(f"KiCad's Python failed:\n{run.stderr}")
    return run.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m hardware.layout", description=__doc__)
    parser.add_argument("--place", action="store_true", help="only place")
    only_place = parser.parse_args(arguments).place
    work = kicad.BUILD / "work"
    work.mkdir(parents=True, exist_ok=True)
    board = work / "xueyang.kicad_pcb"
    task = job(BOARD / "xueyang.kicad_sch", work)
    pads = json.loads(step("place", task, board, work).splitlines()[-1])
    for name in ("xueyang.kicad_pro", "xueyang.kicad_sch"):
        shutil.copy(BOARD / name, work)
    if only_place:
        print(board)
        return 0
    from hardware import route

    layout = yaml.safe_load(LAYOUT.read_text())
    rules = yaml.safe_load(RULES.read_text())
    found = route.routed(pads, layout, rules)
    task = {
        **task,
        **found,
        "keep_out": layout["keep_out"],
        "via": rules["default"]["via_diameter"],
        "drill": rules["default"]["via_drill"],
    }
    step("apply", task, board, work)
    shutil.copy(board, BOARD / "xueyang.kicad_pcb")
    shutil.copy(BOARD / "xueyang.kicad_pro", work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
