"""A whole minute at the prompt of a unit that runs, with and without mpremote's soft reset."""

from pathlib import Path

from test_vm_visit import pytestmark as pytestmark
from test_vm_visit import stayed, unit


def test_a_minute_at_the_prompt(tmp_path: Path) -> None:
    with unit(tmp_path) as (chip, board):
        stayed(chip, board, 60.0)
