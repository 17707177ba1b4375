"""What got worse between two summaries of the same matrix.

Both runs scored the same cases, so a difference is looked at case by case: its interval comes from
drawing pairs. A figure of a row or a cell has got worse when the whole interval of the change lies
on the wrong side and the change is large enough to matter (`Figure.matters`). Beside that

- a bound of zero, or one that every case must meet, that was kept and no longer is, counts at
  once; so does a case that no longer gets at all to what it got to before (a first reading);
- a cell of under `statistics.FEW` pairs has no interval: it is named when its figure got worse by
  `BY_VALUE` times what matters, and labelled so;
- a case that is missing in the newer run is a regression: nobody knows what it would have said.

`compare` is for programs, `render` for people; the exit code is 1 when `regression` is true.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isnan, nan
from typing import Any

import numpy as np

from host_tools.evaluate import statistics, summary, targets
from host_tools.evaluate.summary import Result
from host_tools.evaluate.targets import FIGURES, Figure, Target

BY_VALUE = 3  # one case alone moves by chance what five do not
VERDICT_MATTERS = 0.005  # the share that the table itself allows of low readings at a true 96

Pairs = Sequence[tuple[Result, Result]]


class Incomparable(ValueError):
    """Two files that have no common question; the message says what to do."""


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Every figure of every row and cell, paired by case id.

    Returns `worse` and `better` (lists of changes, the largest first), `missing` (ids only in
    `before`), `added` (only in `after`), and `regression`. Raises Incomparable.
    """
    _same_question(before, after)
    old, new = summary.unpacked(before), summary.unpacked(after)
    changes: list[dict[str, Any]] = []
    for key in sorted(old.keys() & new.keys()):
        common = [id_ for id_ in old[key] if id_ in new[key]]
        pairs = [(old[key][id_], new[key][id_]) for id_ in common]
        for target in summary.compared(key).values():
            changes += _changes(key, target, pairs)
    changes += _verdicts(old, new)

    before_ids = {id_ for cases in old.values() for id_ in cases}
    after_ids = {id_ for cases in new.values() for id_ in cases}
    changes.sort(key=lambda c: (-c["weight"], c["row"], c["cell"] or "", c["figure"]))
    worse = [change for change in changes if change["worse"]]
    missing = sorted(before_ids - after_ids)
    return {
        "pairs": len(before_ids & after_ids),
        "regression": bool(worse or missing),
        "worse": worse,
        "better": [change for change in changes if not change["worse"]],
        "missing": missing,
        "added": sorted(after_ids - before_ids),
    }


def _same_question(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    for name, one in (("first", before), ("second", after)):
        if not isinstance(one, Mapping) or not {"format", "cases"} <= one.keys():
            raise Incomparable(
                f"The {name} file is no summary of an evaluation: "
                "make one with xueyang evaluate --json."
            )
        if one["format"] != summary.FORMAT:
            raise Incomparable(
                f"The {name} file has format {one['format']}, this program writes "
                f"{summary.FORMAT}: run the evaluation again."
            )
    if before.get("matrix") != after.get("matrix"):
        raise Incomparable(
            f"One file is of the matrix {before.get('matrix')}, the other of "
            f"{after.get('matrix')}: compare two runs of the same one."
        )
    if before.get("hash") != after.get("hash"):
        raise Incomparable(
            "The matrix itself has changed between the two files (their hashes differ): "
            "run the older version on today's matrix, or write a new baseline."
        )


# --------------------------------------------------------------------------------- one figure


def _changes(key: str, target: Target, pairs: Pairs) -> Iterator[dict[str, Any]]:
    """The changes of one figure that count: of the whole row, and of each of its cells."""
    cells: dict[str | None, list[tuple[Result, Result]]] = {None: list(pairs)}
    for pair in pairs:
        cells.setdefault(str(pair[0]["cell"]), []).append(pair)
    if len(cells) == 2:  # one cell is the row
        del cells[None]
    for cell, own in cells.items():
        change = _change(target, own)
        if change:
            yield {"row": key, "cell": cell, "figure": target.figure, **change}


def _change(target: Target, pairs: Pairs) -> dict[str, Any] | None:
    """The change over some pairs, None where it does not count."""
    figure = FIGURES[target.figure]
    values = [summary.point(figure, [pair[k] for pair in pairs]) for k in (0, 1)]
    if any(isnan(value) for value in values):
        return None
    if figure.only_bound and max(values) <= target.must:
        return None
    broken = _broken(figure, target, pairs, *values)
    if figure.kind in summary.FUNCTIONS:
        found = _paired(figure, target, pairs)
    else:
        found = _paired_values(figure, pairs)
    if broken:
        return _told(figure, values, found, 1, broken, float("inf"))

    size = abs(found.value)
    few = isnan(found.low)
    least = figure.matters * (BY_VALUE if few else 1)
    if isnan(size) or size < least or (not few and found.low <= 0 <= found.high):
        return None
    sign = -1 if target.side == "least" else 1
    note = f"only {found.n} cases, by value" if few else ""
    return _told(figure, values, found, sign * found.value, note, size / figure.matters)


def _told(
    figure: Figure,
    values: Sequence[float],
    found: statistics.Estimate,
    loss: float,
    note: str,
    weight: float,
) -> dict[str, Any]:
    return {
        "title": figure.title,
        "unit": figure.unit,
        "before": summary.plain(values[0]),
        "after": summary.plain(values[1]),
        "change": summary.plain(found.value),
        "low": summary.plain(found.low),
        "high": summary.plain(found.high),
        "n": found.n,
        "worse": loss > 0,
        "note": note,
        "weight": min(weight, 1e6),
    }


def _paired(figure: Figure, target: Target, pairs: Pairs) -> statistics.Estimate:
    """The change of a pooled figure, with its interval over pairs; of its size for a bias."""
    pooled: Callable[[Any], Any] = summary.FUNCTIONS[figure.kind]
    names = summary.columns(figure)
    told = [pair for pair in pairs if all(c.get(name) is not None for c in pair for name in names)]
    both = [summary.sums(figure, [pair[k] for pair in told]) for k in (0, 1)]
    width = len(names)

    def change(sums: Any) -> Any:
        old, new = pooled(sums[..., :width]), pooled(sums[..., width:])
        return abs(new) - abs(old) if target.side == "within" else new - old

    return statistics.bootstrap(np.concatenate(both, axis=1), change)


def _paired_values(figure: Figure, pairs: Pairs) -> statistics.Estimate:
    """The mean change a case of a figure that each case has for itself."""
    found = [(old.get(figure.top), new.get(figure.top)) for old, new in pairs]
    steps = [float(b) - float(a) for a, b in found if a is not None and b is not None]
    if not steps:
        return statistics.Estimate(nan, nan, nan, 0)
    return statistics.bootstrap(np.array([[step, 1.0] for step in steps]))


def _broken(figure: Figure, target: Target, pairs: Pairs, old: float, new: float) -> str:
    """What was kept by every case and no longer is, in a word; empty where nothing was."""
    if figure.kind in ("count", "every") and old <= target.must < new:
        return "no longer met by every case"
    if figure.kind in ("every", "percentile"):
        lost = sum(a.get(figure.top) is not None and b.get(figure.top) is None for a, b in pairs)
        if lost:
            return f"never again in {lost} cases"
    return ""


# --------------------------------------------------------------------------------- the verdict


def _verdicts(
    old: Mapping[str, Mapping[str, Result]], new: Mapping[str, Mapping[str, Result]]
) -> Iterator[dict[str, Any]]:
    """Lines of the verdict table with more wrong readings than before."""
    runs = [[case for cases in run.values() for case in cases.values()] for run in (old, new)]
    for line in targets.VERDICTS:
        due, wrong = zip(*(summary.readings(line, run) for run in runs), strict=True)
        wrong_ids = [{case["id"] for case in cases} for cases in wrong]
        fresh = [case for case in wrong[1] if case["id"] not in wrong_ids[0]]
        share = [len(wrong[k]) / len(due[k]) if due[k] else 0.0 for k in (0, 1)]
        more = len(fresh) - len(wrong_ids[0] - wrong_ids[1])
        if fresh and (line.must == 0 or (more > 0 and share[1] - share[0] >= VERDICT_MATTERS)):
            yield {
                "row": "verdict",
                "cell": "; ".join(sorted({f"{c['row']}: {c['cell']}" for c in fresh})[:5]),
                "figure": line.key,
                "title": line.title,
                "unit": "%",
                "before": summary.plain(share[0]),
                "after": summary.plain(share[1]),
                "change": summary.plain(share[1] - share[0]),
                "low": None,
                "high": None,
                "n": len(due[1]),
                "worse": True,
                "note": f"{len(fresh)} readings newly wrong",
                "weight": 1e7,
            }


# ------------------------------------------------------------------------------------- as text


def render(comparison: Mapping[str, Any]) -> str:
    """The comparison as lines of at most `summary.WIDTH` characters, for a terminal."""
    lines = [f"{comparison['pairs']} cases in both runs"]
    for word in ("worse", "better"):
        for change in comparison[word]:
            lines += summary.wrapped(f"{word}: {_line(change)}")
    for word, where in (("missing", "in the second run"), ("added", "in the second run only")):
        ids = comparison[word]
        if ids:
            some = ", ".join(map(str, ids[:10])) + (", …" if len(ids) > 10 else "")
            lines += summary.wrapped(f"{word} {where}, {len(ids)} cases: {some}")
    lines.append("worse than before" if comparison["regression"] else "nothing got worse")
    return "\n".join(lines) + "\n"


def _line(change: Mapping[str, Any]) -> str:
    unit, digits = change["unit"], 2
    figure = FIGURES.get(change["figure"])
    if figure:
        digits = max(figure.digits, 1)
    where = change["row"] + (f", {change['cell']}" if change["cell"] else "")
    ends = summary.ends_in_unit(change, unit, digits)
    before, after = (
        summary.in_unit(change[k], unit, digits, "never") for k in ("before", "after")
    )
    said = f"{where}: {change['title']} {before} → {after}"
    said += f", change{ends}" if ends else ""
    return f"{said} (n = {change['n']}" + (f", {change['note']})" if change["note"] else ")")
