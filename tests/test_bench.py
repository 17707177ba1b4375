"""What the bench and the season print of figures that are known."""

import pytest

from sim.bench import Line
from sim.season import HEADER, Measurement, measure, summary
from sim.vm.setup import VmMissing


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize(
    ("line", "value", "missed"),
    [
        (Line("speed", "x real time", lambda: 99.9, at_least=100), "99.90", True),
        (Line("speed", "x real time", lambda: 100.0, at_least=100), "100", False),
        (Line("cost", "x the kernel", lambda: 3.01, at_most=3), "3.01", True),
        (Line("cost", "x the kernel", lambda: 3.0, at_most=3), "3.00", False),
        (Line("speed", "x real time", lambda: 28618.0), "28,618", False),
    ],
)
def test_a_figure_beyond_its_budget_is_marked(line: Line, value: str, missed: bool) -> None:
    told = words(line.text())
    assert told[1] == value
    assert ("MISSED" in told) == missed


def test_a_missing_part_leaves_out_its_figure_only() -> None:
    def no_vm() -> float:
        raise VmMissing("The MicroPython VM is missing: run `make setup-all`.")

    told = Line("app", "KiB used", no_vm, at_most=64).text()
    assert "not measured" in told and "make setup-all" in told


def test_the_summary_of_a_season() -> None:
    """Errors of +3, -1 and -1 points: bias 1/3, rms sqrt(11/3), worst 3; one never settled."""
    measured = [
        Measurement(90.0, 93.0, 0.2, 30.0),
        Measurement(80.0, 79.0, 0.2, 40.0),
        Measurement(97.0, 96.0, 0.2, 50.0),
        Measurement(97.0, None, None, 90.0),
    ]
    assert words(HEADER)[:4] == ["people", "number", "settled", "after"]
    number, settled, after_s, bias, rms, _, worst = words(summary("people", measured))[1:]
    assert (number, settled, after_s) == ("4", "3", "40")
    assert (bias, rms, worst) == ("0.33", "1.91", "3.00")
    assert words(summary("nobody", [])) == ["nobody", "0", "0"]


def test_one_person_of_the_season_twice() -> None:
    """The same each time, and a still finger settles within 5 s of the earliest possible."""
    once = measure("still finger", 7)
    assert once == measure("still finger", 7)
    assert once.settled_pct is not None
    assert 30 <= once.after_s <= 35
    assert abs(once.error_pct) <= 1.0
