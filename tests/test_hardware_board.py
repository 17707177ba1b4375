"""The committed board and jig, without KiCad: of this design, and every fault in them is found.

KiCad's own rules, the gerbers and the clip are `make hardware` and `make hardware-mutants`.
"""

import math
from typing import Any

import pytest
import yaml

from hardware import copper, devkit, jig, route
from hardware.mutants import board as spoiled_boards
from hardware.mutants import jig as spoiled_jigs
from hardware.netlist import designed, parsed, written

LAYOUT = yaml.safe_load(copper.LAYOUT.read_text())
RULES = yaml.safe_load(copper.RULES.read_text())
NAMES = copper.pin_names(copper.SHEET.read_text())


def said_of(text: str) -> list[str]:
    return copper.complaints(copper.read(text), designed(), NAMES, LAYOUT, RULES)


def test_the_board_is_of_this_design_and_keeps_its_rules() -> None:
    assert said_of(copper.BOARD.read_text()) == []


def test_everything_in_the_design_has_one_place() -> None:
    placed = [*LAYOUT["display"], *LAYOUT["finger"]]
    assert sorted(placed) == sorted(designed())


# The rest of them only KiCad's rules find.
WITHOUT_KICAD = [
    name
    for name, (_, words) in spoiled_boards.BOARD.items()
    if words not in ("board", "unconnected", "hole", "Via")
]


@pytest.mark.parametrize("name", WITHOUT_KICAD)
def test_a_fault_of_the_board_is_found(name: str) -> None:
    spoil, words = spoiled_boards.BOARD[name]
    root = parsed(copper.BOARD.read_text())
    spoil(root)
    found = said_of(written(root))
    assert any(words in sentence for sentence in found), found


SMALL = """(kicad_pcb (net 0 "") (net 1 "/A") (net 2 "GND")
  (footprint "x:y" (layer "B.Cu") (at 20 30 90) (property "Reference" "R1")
    (pad "1" smd rect (at 2 1 90) (size 1 3) (layers "B.Cu" "B.Mask") (net 1 "/A"))
    (pad "2" thru_hole circle (at 0 0 90) (size 2 2) (drill 1) (layers "*.Cu") (net 2 "GND")))
  (gr_line (start 10 10) (end 50 10) (layer "Edge.Cuts"))
  (gr_line (start 50 10) (end 50 40) (layer "Edge.Cuts"))
  (segment (start 11 12) (end 13 12) (width 0.2) (layer "F.Cu") (net 1))
  (via (at 13 12) (size 0.6) (drill 0.3) (layers "F.Cu" "B.Cu") (net 2)))"""


def test_a_turned_pad_by_hand() -> None:
    board = copper.read(SMALL)
    assert board.size == (40, 30) and board.holes == 2
    pad = board.pads[0]
    # (2, 1) turned to the left by 90 degrees, y downwards, is (1, -2).
    assert pad.at == pytest.approx((20 + 1 - 10, 30 - 2 - 10))
    assert pad.reach == pytest.approx((1.5, 0.5)) and pad.layers == {"B.Cu"}
    assert (pad.net, board.tracks[0].net, board.vias[0].net) == ("A", "A", "GND")
    assert board.pads[1].layers == {"F.Cu", "B.Cu"}


# The router, on a board of two nets whose straight ways cross.


def _pad(pin: str, net: str, x: float, y: float) -> dict[str, Any]:
    box = [x - 0.4, y - 0.4, x + 0.4, y + 0.4]
    return {"pin": pin, "net": net, "box": box, "front": True, "back": False, "drill": 0.0}


def test_the_router_joins_and_keeps_the_distance() -> None:
    pads = [
        _pad("R1.1", "A", 2, 5),
        _pad("R2.1", "A", 8, 5),
        _pad("R3.1", "B", 5, 2),
        _pad("R4.1", "B", 5, 8),
    ]
    layout = {
        **{"outline": {"length": 10, "width": 10, "corner": 1}, "keep_out": [20, 20, 21, 21]},
        **{"trunks": {"A": {"width": 0.6, "pins": ["R1.1", "R2.1"]}}, "twig": 0.2},
        **{"neck": 0.3, "necks": {}, "quiet": {"box": [20, 20, 21, 21], "nets": []}},
    }
    found = route.routed(pads, layout, RULES)
    widths = {net: width for net, _, width, _, _ in found["tracks"]}
    assert widths == {"A": 0.6, "B": 0.2}
    # Along every track in steps of 0.02 mm, no point too near to the other net's on its layer.
    spots: dict[str, list[tuple[int, float, float, float]]] = {"A": [], "B": []}
    for net, layer, width, (ax, ay), (bx, by) in found["tracks"]:
        steps = max(1, round(math.hypot(bx - ax, by - ay) / 0.02))
        for k in range(steps + 1):
            share = k / steps
            spots[net].append((layer, ax + share * (bx - ax), ay + share * (by - ay), width / 2))
    for net, (x, y) in found["vias"]:
        spots[net] += [(layer, x, y, RULES["default"]["via_diameter"] / 2) for layer in (0, 1)]
    gap = min(
        math.hypot(x - u, y - v) - half - other
        for layer, x, y, half in spots["A"]
        for there, u, v, other in spots["B"]
        if layer == there
    )
    assert gap >= RULES["default"]["clearance"]
    for net, ends in (("A", ((2, 5), (8, 5))), ("B", ((5, 2), (5, 8)))):
        for end in ends:
            assert min(math.dist(end, spot[1:3]) for spot in spots[net]) < 0.5


# The jig.


def test_the_jig_fits_the_board() -> None:
    assert jig.gates() == []


def test_every_fault_of_a_jig_is_found() -> None:
    for name, words, said in spoiled_jigs.spoiled():
        found = list(said)
        assert any(words in sentence for sentence in found), (name, found)


def test_the_pin_plate_by_hand() -> None:
    told, board = jig.described(), copper.read(copper.BOARD.read_text())
    rows = jig.positions(told, board)
    assert len(rows) == 16 * len(told["pads"])
    first = {row["pad"]: (row["x"], row["y"]) for row in rows if row["slot"] == 1}
    last = {row["pad"]: (row["x"], row["y"]) for row in rows if row["slot"] == 16}
    assert first["TP1"] == tuple(LAYOUT["finger"]["TP1"][:2])
    assert last["TP1"] == (first["TP1"][0] + 3 * 95, first["TP1"][1] + 3 * 60)


def test_the_wiring_picture_is_of_these_pins() -> None:
    assert devkit.main(["--check"]) == 0
    pins = yaml.safe_load(devkit.PINS.read_text())
    text = devkit.PICTURE.read_text()
    for _, name, _, _ in devkit.wires(pins):
        assert f">{name}<" in text
    pins["targets"]["devkit"]["pins"]["button"] = 0
    with pytest.raises(ValueError, match="button"):
        devkit.wires(pins)
