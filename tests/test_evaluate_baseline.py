"""The algorithm as it stands against the figures that were last agreed to.

The quick matrix runs (three minutes on two cores; at once where nothing changed since the last
time) and is compared, case by case, with `data/evaluate-baseline.json`. Whoever changes a reading
on purpose looks at what got worse, and if that is right writes the baseline anew:

    .venv/bin/xueyang evaluate --matrix quick --json > tests/data/evaluate-baseline.json
"""

import json
from pathlib import Path
from typing import Any

import pytest

from host_tools.evaluate import compare, matrix, summary, verb

BASELINE = Path(__file__).resolve().parent / "data" / "evaluate-baseline.json"
AGAIN = "\nIs that meant? Then write the baseline anew, as this test's first lines say."


@pytest.fixture(scope="module")
def baseline() -> Any:
    return json.loads(BASELINE.read_text(encoding="utf-8"))


def test_baseline_is_of_this_matrix(baseline: Any) -> None:
    assert baseline["format"] == summary.FORMAT
    assert baseline["hash"] == matrix.matrix_hash(matrix.matrix("quick")), AGAIN


def test_baseline_is_small_and_whole(baseline: Any) -> None:
    assert BASELINE.stat().st_size < 400_000
    kept = {id_ for cases in summary.unpacked(baseline).values() for id_ in cases}
    assert kept == {case.id for case in matrix.matrix("quick")}


def test_nothing_got_worse(baseline: Any) -> None:
    pytest.importorskip("numba", reason="in plain Python the quick matrix takes hours")
    now = verb.evaluate(verb.Asked(matrix="quick"), lambda done, of, what: None)
    assert not now.failures
    found = compare.compare(baseline, json.loads(json.dumps(now.summary)))
    assert not found["regression"], compare.render(found) + AGAIN
