"""The committed drawings, without KiCad: fresh, whole, and saying of each part what the bill says.

KiCad's own checks, and the spoiled drawings they must notice, are `make hardware` and
`make hardware-mutants`.
"""

import pytest

from hardware import kicad, schematic
from hardware.netlist import Quoted, children, designed, parsed, written

SHEET = schematic.BOARD / "xueyang.kicad_sch"


def test_the_drawing_is_of_this_design() -> None:
    assert f"from {schematic.digest()}" in SHEET.read_text(), "run `python -m hardware.schematic`"


def test_every_component_is_drawn_once_with_its_part() -> None:
    assert kicad.fields_check(SHEET) == []
    references = [
        field[2]
        for symbol in children(parsed(SHEET.read_text()), "symbol")
        for field in children(symbol, "property")
        if field[1] == "Reference" and not field[2].startswith("#")
    ]
    assert sorted(references) == sorted(designed())


def test_a_file_survives_being_read_and_written() -> None:
    root = parsed(SHEET.read_text())
    assert written(root) + "\n" == SHEET.read_text()
    assert parsed(written(["a", Quoted('say "x"\\'), ["b", 1.5]])) == [
        "a",
        'say "x"\\',
        ["b", "1.5"],
    ]


@pytest.mark.parametrize(
    ("turn", "end"), [(0, (1, -2)), (90, (-2, -1)), (180, (-1, 2)), (270, (2, 1)), ("x", (1, 2))]
)
def test_a_symbol_is_turned_to_the_left(turn: int | str, end: tuple[int, int]) -> None:
    assert schematic.turned((1, 2), turn) == end


def test_wires_that_cross_do_not_join() -> None:
    across = [((0.0, 1.0), (4.0, 1.0)), ((2.0, 0.0), (2.0, 4.0))]
    assert len(schematic._joined(across, [])) == 2
    assert len(schematic._joined([*across, ((2.0, 1.0), (2.0, 4.0))], [])) == 1
