"""Two runs of made cases, one of them changed on purpose in one place."""

import json
import random
from typing import Any

import pytest

from host_tools.evaluate import compare as verb
from host_tools.evaluate import summary

META = {"matrix": "made", "version": 1, "hash": "abc", "core": "c0de"}


def made(seed: int = 1, cells: int = 4, each: int = 10) -> list[dict[str, Any]]:
    """Cases of two rows with errors that differ from case to case, the same for one seed."""
    draw = random.Random(seed)
    results = []
    for row in ("still_pi1", "motion_1"):
        for n in range(cells * each):
            results.append(
                {
                    "id": f"{row}/cell {n % cells}/{n // cells}",
                    "row": row,
                    "cell": f"cell {n % cells}",
                    "duration_s": 100,
                    "seconds": 100,
                    "shown": 99 if row == "still_pi1" else draw.randrange(70, 90),
                    "pulse_shown": 95,
                    "spo2_err_sum": draw.gauss(0, 3),
                    "spo2_err_sq": 100 * draw.lognormvariate(-4.5, 0.6),
                    "within_3": 68,
                    "over_4": 0,
                    "pulse_err_sq": 4.0,
                    "pulse_within_5": 90,
                    "pulse_over_5": 0,
                    "pulse_over_3": 0,
                    "covered": 95,
                    "shown_sd_010": 20,
                    "covered_sd_010": 19,
                    "first_s": 4.5,
                    "settled_pct": 93.0,
                    "settled_truth_pct": 93.0,
                    "settled_after_s": 35.0,
                }
            )
    return results


def of(results: list[dict[str, Any]], **meta: Any) -> dict[str, Any]:
    return json.loads(json.dumps(summary.summarise(results, META | meta)))


def changed(results: list[dict[str, Any]], row: str, cell: str | None, **steps: float) -> Any:
    """The results with `steps` added to the columns of one cell (or of a whole row)."""
    return [
        r | {name: r[name] + step for name, step in steps.items()}
        if r["row"] == row and cell in (None, r["cell"])
        else r
        for r in results
    ]


def worse(results: list[dict[str, Any]]) -> set[tuple[str, str | None, str]]:
    found = verb.compare(of(made()), of(results))
    return {(c["row"], c["cell"], c["figure"]) for c in found["worse"]}


def test_the_same_run_twice_is_no_regression() -> None:
    found = verb.compare(of(made()), of(made()))
    assert not found["regression"] and not found["better"] and found["pairs"] == 80
    assert verb.render(found).endswith("nothing got worse\n")


def test_the_cell_that_got_worse_is_named() -> None:
    # rms of the cell from about 0.1 to 0.33
    assert ("still_pi1", "cell 2", "spo2_rms") in (
        found := worse(changed(made(), "still_pi1", "cell 2", spo2_err_sq=10.0))
    )
    assert {cell for _, cell, _ in found} <= {"cell 2", None}


def test_getting_better_is_told_and_is_no_regression() -> None:
    found = verb.compare(of(changed(made(), "still_pi1", None, spo2_err_sq=10.0)), of(made()))
    assert not found["regression"]
    assert {(c["row"], c["figure"]) for c in found["better"]} == {("still_pi1", "spo2_rms")}


def test_a_change_too_small_to_matter_keeps_still() -> None:
    assert not worse(changed(made(), "still_pi1", None, spo2_err_sq=0.02))
    assert not worse(changed(made(), "motion_1", None, within_3=-1))


def test_a_change_that_may_be_chance_keeps_still() -> None:
    draw = random.Random(5)
    shaken = [
        r | {"within_3": r["within_3"] + draw.randrange(-12, 13)} if r["row"] == "motion_1" else r
        for r in made()
    ]
    assert ("motion_1", None, "within_3") not in worse(shaken)


def test_less_shown_is_worse_and_more_error_is_too() -> None:
    assert ("still_pi1", None, "shown") in worse(changed(made(), "still_pi1", None, shown=-3))
    assert ("motion_1", "cell 1", "over_4") in worse(
        changed(made(), "motion_1", "cell 1", over_4=3)
    )


def test_a_better_covered_error_is_no_loss_below_its_ceiling() -> None:
    """At most 99 % may be covered where the estimate is large; 95 are not worse than 80."""
    little = changed(made(), "motion_1", None, covered_sd_010=-4)
    better = changed(made(), "motion_1", None, covered_sd_010=0.5)
    wide = changed(made(), "motion_1", None, covered_sd_010=1)
    assert not verb.compare(of(little), of(better))["worse"]
    assert verb.compare(of(little), of(wide))["worse"]


def test_a_bias_is_compared_by_its_size() -> None:
    far = changed(made(), "still_pi1", None, spo2_err_sum=-30.0)
    assert ("still_pi1", None, "spo2_bias") in worse(far)
    back = verb.compare(of(far), of(made()))
    assert not back["regression"]


def test_a_zero_that_is_lost_counts_at_once() -> None:
    results = made()
    results[3]["pulse_over_3"] = 1
    assert ("still_pi1", "cell 3", "pulse_over_3") in worse(results)


def test_a_first_reading_that_no_longer_comes_is_worse() -> None:
    results = made()
    results[5]["first_s"] = None
    assert ("still_pi1", "cell 1", "first") in worse(results)


def test_a_newly_wrong_verdict_is_worse() -> None:
    results = made()
    results[50]["settled_pct"] = 95.0
    found = verb.compare(of(made()), of(results))
    assert found["worse"][0]["figure"] == "low_as_95"
    assert "motion_1: cell 2" in verb.render(found)


def test_cells_of_few_cases_are_judged_by_value() -> None:
    few = made(cells=4, each=2)
    little = changed(few, "still_pi1", "cell 2", spo2_err_sq=0.5)
    much = changed(few, "still_pi1", "cell 2", spo2_err_sq=20.0)
    assert not [c for c in verb.compare(of(few), of(little))["worse"] if c["cell"]]
    (told,) = [c for c in verb.compare(of(few), of(much))["worse"] if c["cell"]]
    assert told["cell"] == "cell 2" and "by value" in told["note"]


def test_missing_cases_are_named_and_are_a_regression() -> None:
    found = verb.compare(of(made()), of(made()[1:]))
    assert found["missing"] == ["still_pi1/cell 0/0"] and found["regression"]
    assert "still_pi1/cell 0/0" in verb.render(found)
    grown = verb.compare(of(made()[1:]), of(made()))
    assert grown["added"] == ["still_pi1/cell 0/0"] and not grown["regression"]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (of(made(), hash="def"), "matrix itself has changed"),
        (of(made(), matrix="full"), "compare two runs of the same one"),
        ({"rows": 3}, "no summary of an evaluation"),
        ([], "no summary of an evaluation"),
        (of(made()) | {"format": 0}, "run the evaluation again"),
    ],
)
def test_what_has_no_common_question_is_refused(other: Any, told: str) -> None:
    with pytest.raises(verb.Incomparable, match=told):
        verb.compare(of(made()), other)


def test_text_fits_a_terminal() -> None:
    much = changed(made(), "still_pi1", None, spo2_err_sq=20.0, pulse_over_3=1)
    text = verb.render(verb.compare(of(made()), of(much)))
    assert max(map(len, text.splitlines())) <= summary.WIDTH
    assert "SpO2 rms" in text and "→" in text


def test_what_is_kept_of_a_case_is_small() -> None:
    kept = json.dumps(summary.kept([summary.derived(r) for r in made()]), separators=(",", ":"))
    assert len(kept) / 80 < 95
    packed = json.loads(kept)
    (first,) = [r for r in made() if r["id"] == "still_pi1/cell 3/4"]
    again = summary.unpacked({"cases": packed})["still_pi1"]["still_pi1/cell 3/4"]
    assert again["cell"] == "cell 3" and again["shown"] == first["shown"]
    assert again["spo2_err_sq"] == pytest.approx(first["spo2_err_sq"], rel=1e-3)
