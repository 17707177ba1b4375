"""From the results of many cases to the tables that judge them.

`summarise(results, meta)` gives a JSON-able dict, `render` the same as text. It holds, in this
order: the verdict (a wrong number on which somebody may stay at home), the rows of the matrix, the
first reading, the error estimate's calibration, sets of recordings where there are any, and the
columns of each case that a later comparison pairs (`compare.py`). Nothing in it depends on the
clock, the machine or the order of the results.

The truth of a simulated case is the model's, its ratio the inverse of the very curve that the
device uses: what remains is the error of extraction, and the heading says so.
"""

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf, isfinite, isinf, isnan
from typing import Any

import numpy as np

from host_tools.evaluate import statistics, targets
from host_tools.evaluate.statistics import Estimate
from host_tools.evaluate.targets import FIGURES, Figure, Row, Target, Verdict
from sim.door import verdict

Result = Mapping[str, Any]

HEADING = "extraction error (simulated R, same curve)"
RECORDED = "recordings, against what their reference device showed"
FORMAT = 1  # of the summary; a comparison refuses another


def summarise(results: Iterable[Result], meta: Mapping[str, Any]) -> dict[str, Any]:
    """Tables and bounds from one result a case, in any order.

    `meta` goes in as it is: name, version and hash of the matrix, hash of the core. Rows without a
    result are listed under `absent`: a summary is `met` only when there are none.
    """
    cases = sorted((derived(r) for r in results), key=lambda r: str(r["id"]))
    by_row: dict[str, list[Result]] = {}
    for case in cases:
        by_row.setdefault(case["row"], []).append(case)

    recorded = [
        judged_row(row, by_row[row.key]) for row in targets.RECORDINGS if row.key in by_row
    ]
    simulated = [case for case in cases if case.get("subject") is None]
    rows = [judged_row(row, by_row[row.key]) for row in targets.ROWS if row.key in by_row]
    verdict = [judged_verdict(v, simulated) for v in targets.VERDICTS] if simulated else []
    first = [
        judged(target, [r for key in keys for r in by_row.get(key, [])]) | {"title": title}
        for keys, title, target in targets.FIRST
        if any(key in by_row for key in keys)
    ]
    calibration = [line for row in targets.ROWS if (line := _calibration(row, by_row))]
    absent = [row.title for row in targets.ROWS if rows and row.key not in by_row]

    lines = [*verdict, *rows, *first, *calibration, *recorded]
    missed = [line["title"] for line in verdict + rows + recorded if not line["met"]]
    missed += [f"first reading, {line['title']}" for line in first if not line["met"]]
    missed += [f"error estimate, {line['title']}" for line in calibration if not line["met"]]
    return {
        "format": FORMAT,
        "heading": HEADING if simulated else RECORDED,
        **meta,
        "n": len(cases),
        "met": bool(lines) and not missed and not absent,
        "missed": missed,
        "absent": absent,
        "verdict": verdict,
        "rows": rows,
        "first": first,
        "calibration": calibration,
        "recordings": recorded,
        "cases": kept(cases),
    }


def derived(result: Result) -> dict[str, Any]:
    """The result with the columns that follow from others, which the figures ask for."""
    out = dict(result)
    shown = out.get("shown") or 0
    if out.get("crb_pct") is not None:
        out["crb_sq"] = shown * out["crb_pct"] ** 2
    if out.get("below_range") is not None:
        out["not_marked"] = max(0, shown - out["below_range"])
    if "rate_err_pct" in out:
        percent = out["rate_err_pct"]
        out["rate_err"] = None if percent is None else abs(percent) / 100
    return out


# --------------------------------------------------------------------------------- one figure


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "ratio": statistics.ratio,
    "root": statistics.root,
    "correlation": statistics.correlation,
}


def columns(figure: Figure) -> list[str]:
    """The columns of a result that a figure is made of."""
    return [*figure.top.split(), *figure.under.split()]


def sums(figure: Figure, cases: Sequence[Result]) -> np.ndarray:
    """(units, k): the figure's columns summed over each case or, where named, each subject.

    A case without one of the columns says nothing on the figure and does not count.
    """
    units: dict[str, np.ndarray] = {}
    for case in cases:
        row = [case.get(name) for name in columns(figure)]
        if None in row:
            continue
        values = np.array(row, dtype=np.float64)
        unit = str(case.get("subject") or case["id"])
        units[unit] = units.get(unit, 0) + values
    return np.array(list(units.values())).reshape(len(units), len(columns(figure)))


def extremes(figure: Figure, cases: Sequence[Result]) -> np.ndarray:
    """(cases,): the figure's column, inf where the case never got there."""
    due = [case for case in cases if figure.top in case]
    if figure.kind == "percentile":
        due = [case for case in due if case.get("seconds")]
    return np.array([inf if case[figure.top] is None else case[figure.top] for case in due])


def estimate(figure: Figure, cases: Sequence[Result]) -> Estimate:
    """The figure over some cases, pooled, with its interval over units."""
    if figure.kind == "percentile":
        return statistics.percentile(extremes(figure, cases), 0.95)
    if figure.kind == "every":
        values = extremes(figure, cases)
        worst = float(values.max()) if len(values) else np.nan
        return Estimate(worst, np.nan, np.nan, len(values))
    if figure.kind == "count":
        counted = [case[figure.top] for case in cases if case.get(figure.top) is not None]
        total = float(sum(counted)) if counted else np.nan
        return Estimate(total, np.nan, np.nan, len(counted))
    return statistics.bootstrap(sums(figure, cases), FUNCTIONS[figure.kind])


def point(figure: Figure, cases: Sequence[Result]) -> float:
    """The figure's value alone."""
    if figure.kind in FUNCTIONS:
        table = sums(figure, cases)
        return float(FUNCTIONS[figure.kind](table.sum(axis=0))) if len(table) else np.nan
    return estimate(figure, cases).value


# ------------------------------------------------------------------------------------ judging


def holds(target: Target, low: float, high: float, bound: float) -> bool:
    """Whether the interval lies on the right side of a bound, its unfavourable end included."""
    if target.side == "most":
        return high <= bound
    if target.side == "least":
        return low >= bound
    return -bound <= low and high <= bound


def judged(target: Target, cases: Sequence[Result]) -> dict[str, Any]:
    """One figure of one row beside its bound: value, interval, n, met, aim_met, worst cell."""
    figure = FIGURES[target.figure]
    found = estimate(figure, cases)
    low, high, note = found.low, found.high, ""
    faultless = _faultless(target, figure, cases)
    if isnan(found.value):
        note = "nothing to judge"
    elif figure.kind in ("count", "every") or faultless:
        # Judged by its value: nothing at all was seen, or the worst of all.
        low = high = found.value
        if faultless:
            note = f"none in {found.n}, 3/n = {_short(statistics.rule_of_three(found.n) * 100)} %"
    elif isnan(low):
        low = high = found.value
        note = f"under {statistics.FEW} units: judged by its value"
    elif isinf(high) and not isinf(found.value):
        note = f"{found.n} are too few for an upper end"
    open_ = isnan(found.value)
    fair = not open_ and holds(target, low, high, target.must)
    worst, cells_fair = _worst_cell(target, figure, cases)
    aim = None
    if target.aim is not None:
        aim = not open_ and holds(target, low, high, target.aim)
    return {
        "figure": target.figure,
        "title": figure.title,
        "unit": figure.unit,
        "value": plain(found.value),
        "low": plain(found.low),
        "high": plain(found.high),
        "n": found.n,
        "side": target.side,
        "must": target.must,
        "aim": target.aim,
        "met": bool(fair and cells_fair),
        "aim_met": aim,
        "open": open_,
        "worst": worst,
        "note": "; ".join(part for part in (note, _never(figure, cases)) if part),
    }


def _faultless(target: Target, figure: Figure, cases: Sequence[Result]) -> bool:
    """Whether not one unit showed a single miss: a bootstrap of that has no width."""
    if figure.kind in ("percentile", "every"):
        values = extremes(figure, cases)
        return len(values) > 0 and bool(np.all(values <= target.must))
    if figure.kind == "count":
        return point(figure, cases) == 0
    if figure.kind != "ratio" or figure.unit != "%":
        return False
    table = sums(figure, cases)
    table = table[table[:, 1] > 0]
    missed = table[:, 0] if target.side == "most" else table[:, 1] - table[:, 0]
    return len(table) > 0 and bool(np.all(missed == 0))


def _never(figure: Figure, cases: Sequence[Result]) -> str:
    if figure.kind not in ("percentile", "every"):
        return ""
    never = int(np.isinf(extremes(figure, cases)).sum())
    return f"never in {never} cases" if never else ""


def _worst_cell(
    target: Target, figure: Figure, cases: Sequence[Result]
) -> tuple[dict[str, Any] | None, bool]:
    """The cell farthest to the wrong side, and whether it keeps within twice the bound."""
    cells: dict[str, list[Result]] = {}
    for case in cases:
        cells.setdefault(str(case["cell"]), []).append(case)
    values = {name: point(figure, own) for name, own in cells.items()}
    values = {name: value for name, value in values.items() if not isnan(value)}
    if not values:
        return None, True
    sign = {"most": 1, "least": -1, "within": 0}[target.side]
    name = max(values, key=lambda n: sign * values[n] if sign else abs(values[n]))
    value = values[name]
    bound = 1 - 2 * (1 - target.must) if target.side == "least" else 2 * target.must
    if figure.kind in ("count", "every"):
        bound = target.must
    fair = holds(target, value, value, bound)
    return {"cell": name, "value": plain(value), "bound": bound, "met": fair}, fair


def judged_row(row: Row, cases: Sequence[Result]) -> dict[str, Any]:
    """All that one row must reach. Met only with everything in it, its shown share too."""
    figures = [judged(target, cases) for target in row.targets]
    out = {
        "row": row.key,
        "title": row.title,
        "n": len({str(case.get("subject") or case["id"]) for case in cases}),
        "cells": len({case["cell"] for case in cases}),
        "met": all(figure["met"] for figure in figures),
        "open": _open(figures),
        "figures": figures,
    }
    if not any(figure["figure"] == "shown" for figure in figures):
        # A recording may give one result on its SpO2 and one on its pulse.
        share = point(FIGURES["shown"], [c for c in cases if "spo2_err_sq" in c] or cases)
        out["shown"] = plain(share)
    if any("ref_min" in case for case in cases):
        out |= reference(cases)
    return out


def reference(cases: Sequence[Result]) -> dict[str, Any]:
    """What a set can carry: the span of its reference, the error beside the best constant's."""
    spans = [c for c in cases if c.get("ref_min") is not None and c.get("ref_max") is not None]
    if not spans:
        return {}
    span = max(c["ref_max"] for c in spans) - min(c["ref_min"] for c in spans)
    asked = Figure("", "", "correlation", "pairs spo2_err_sq ref_sum ref_sq")
    beside = statistics.bootstrap(sums(asked, spans), statistics.over_constant)
    return {
        "reference_span": span,
        "supports_spo2": span >= targets.LEAST_SPAN,
        "over_constant": {name: plain(value) for name, value in beside._asdict().items()},
    }


def judged_verdict(line: Verdict, cases: Sequence[Result]) -> dict[str, Any]:
    """One line of the verdict table: wrong readings, of how many, and where."""
    due, wrong = readings(line, cases)
    marks = {id(c) for c in wrong}
    table = np.array([[id(c) in marks, 1] for c in due], dtype=np.float64).reshape(len(due), 2)
    share = statistics.bootstrap(table)
    note = ""
    if not wrong:
        limit = statistics.rule_of_three(len(due)) * 100
        note = f"none in {len(due)}, 3/n = {_short(limit)} %"
    if len(due) < line.least:
        note = f"{note}; {line.least} are asked for" if due else "nothing to judge"
    end = share.value if not wrong or isnan(share.high) else share.high
    return {
        "key": line.key,
        "title": line.title,
        "wrong": len(wrong),
        "n": len(due),
        "least": line.least,
        "value": plain(share.value),
        "low": plain(share.low) if wrong else None,
        "high": plain(share.high) if wrong else None,
        "must": line.must,
        "met": len(due) >= line.least and bool(end <= line.must),
        "open": len(due) < line.least and bool(end <= line.must or not due),
        "where": sorted({f"{c['row']}: {c['cell']}" for c in wrong})[:10],
        "note": note,
    }


def readings(line: Verdict, cases: Sequence[Result]) -> tuple[list[Result], list[Result]]:
    """The cases that a line of the verdict table speaks of, and those of them that are wrong."""
    if line.shown is None:
        due = [c for c in cases if _settles(c) and _true(c) is not None and _true(c) <= line.true]
        return due, [
            c for c in due if (c.get("settled_after_s") or inf) > targets.SETTLED_WITHIN_S
        ]
    side = 1 if line.side == "low" else -1
    due = [
        c
        for c in cases
        if c["row"] not in targets.NO_VERDICT
        and c.get("settled_pct") is not None
        and _true(c) is not None
        and side * _true(c) <= side * line.true
    ]
    return due, [
        c
        for c in due
        if side * verdict.rounded_half_down(round(c["settled_pct"] * 100)) >= side * line.shown
    ]


def _true(case: Result) -> Any:
    return case.get("settled_truth_pct")


def _settles(case: Result) -> bool:
    return case["row"] in targets.SETTLES and case["duration_s"] >= targets.SETTLED_WITHIN_S


def _calibration(row: Row, by_row: Mapping[str, Sequence[Result]]) -> dict[str, Any] | None:
    """A row's line of the error estimate's table; None where the row shows no number, or one of
    which no estimate can know how wrong it is."""
    cases = [case for case in by_row.get(row.key, []) if case.get("covered") is not None]
    if row.key in targets.NO_VERDICT or not sum(case.get("shown") or 0 for case in cases):
        return None
    figures = [judged(target, cases) for target in targets.CALIBRATED]
    for figure in figures:
        if figure["open"]:  # no second had so large an error estimate: nothing was asked
            figure |= {"met": True, "open": False}
    return {
        "row": row.key,
        "title": row.title,
        "n": figures[0]["n"],
        "met": all(figure["met"] for figure in figures),
        "open": _open(figures),
        "figures": figures,
    }


def _open(figures: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all that keeps a row from being met is that there was nothing to judge."""
    unmet = [figure for figure in figures if not figure["met"]]
    return bool(unmet) and all(figure["open"] for figure in unmet)


# ------------------------------------------------------------------------- kept for comparing


def kept(cases: Sequence[Result]) -> dict[str, Any]:
    """Of each case the columns that its row's figures need: row, then cell, then a line a case.

    A line begins with what the id adds to "row/cell/"; four digits do for any comparison.
    """
    tables: dict[str, Any] = {}
    for key in sorted({case["row"] for case in cases}):
        own = [case for case in cases if case["row"] == key]
        figures, others = kept_columns(key)
        names = [name for name in figures if any(name in case for case in own)]
        names += [name for name in others if any(case.get(name) is not None for case in own)]
        cells: dict[str, list[Any]] = {}
        for case in own:
            line = [str(case["id"]).removeprefix(f"{key}/{case['cell']}/")]
            line += [_four(case.get(name)) for name in names]
            cells.setdefault(str(case["cell"]), []).append(line)
        tables[key] = {"columns": names, "cells": cells}
    return tables


def compared(key: str) -> dict[str, Target]:
    """The figures of a row that two runs are compared in, each with its target."""
    rows = [row for row in targets.ROWS + targets.RECORDINGS if row.key == key]
    asked = [target for row in rows for target in row.targets]
    asked += [target for keys, _, target in targets.FIRST if key in keys]
    if any(target.figure in ("spo2_rms", "over_4", "shown") for target in asked):
        asked += targets.CALIBRATED
    return {target.figure: target for target in asked}


def kept_columns(key: str) -> tuple[list[str], list[str]]:
    """What a row's figures need, and what the verdict and the pooling need beside it."""
    figures = [name for figure in compared(key) for name in columns(FIGURES[figure])]
    if "first" in compared(key):
        figures.append("seconds")
    others = ["settled_pct", "settled_truth_pct", "subject"]
    if key in targets.SETTLES:
        others += ["settled_after_s", "duration_s"]
    figures = list(dict.fromkeys(figures))
    return figures, [name for name in others if name not in figures]


def unpacked(summary: Mapping[str, Any]) -> dict[str, dict[str, Result]]:
    """What `kept` kept, as row, then id, then the case."""
    return {
        key: {
            f"{key}/{cell}/{line[0]}": {
                "id": f"{key}/{cell}/{line[0]}",
                "row": key,
                "cell": cell,
                **dict(zip(table["columns"], line[1:], strict=True)),
            }
            for cell, lines in table["cells"].items()
            for line in lines
        }
        for key, table in summary["cases"].items()
    }


def _four(value: Any) -> Any:
    """Four digits, hundredths of a percent at 93: the file stays small."""
    if not isinstance(value, float) or not isfinite(value):
        return value
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() else short


def plain(value: float) -> float | None:
    """A number as JSON knows it: neither nan nor inf, six digits."""
    return float(f"{value:.6g}") if isfinite(value) else None


def _short(value: float) -> str:
    return f"{float(f'{value:.2g}'):g}"


# ------------------------------------------------------------------------------------- as text

WIDTH = 100
SIDES = {"most": "≤ ", "least": "≥ ", "within": "± "}


def render(summary: Mapping[str, Any]) -> str:
    """The summary as lines of at most `WIDTH` characters, for a terminal."""
    named = [str(summary[key]) for key in ("matrix", "version") if key in summary]
    lines = [summary["heading"], f"{' '.join(named)} ({summary['n']} cases)".strip(), ""]
    if summary["verdict"]:
        lines.append("verdict, over settled readings (one a case)")
        for line in summary["verdict"]:
            lines += _verdict_lines(line)
        lines.append("")
    for row in summary["rows"]:
        lines += _row_lines(row)
    if summary["first"]:
        lines += ["", "first reading, 95th percentile over cases"]
        for figure in summary["first"]:
            lines += _figure_lines(figure | {"title": f"{figure['title']}, n = {figure['n']}"})
    if summary["calibration"]:
        lines += ["", "its own error estimate: the error lies within 2 sd", *_sd_lines(summary)]
    if summary["recordings"]:
        lines += ["", RECORDED]
        for row in summary["recordings"]:
            lines += _row_lines(row)
    lines.append("")
    for word in ("missed", "absent"):
        if summary[word]:
            lines += wrapped(f"{word}: " + "; ".join(summary[word]))
    lines.append("every bound met" if summary["met"] else "not every bound met")
    return "\n".join(lines) + "\n"


def _verdict_lines(line: Mapping[str, Any]) -> list[str]:
    percent = f"{line['must'] * 100:g} %" if line["must"] else "0"
    seen = f"{line['wrong']} of {line['n']}" + ends_in_unit(line, "%", 2)
    text = f"  {_word(line):<6} {line['title']:<37} {seen:<21} ≤ {percent:<6}"
    return _beside(text, "; ".join([line["note"]] * bool(line["note"]) + line["where"]))


def _row_lines(row: Mapping[str, Any]) -> list[str]:
    units = f"n = {row['n']}, {row['cells']} cells"
    if row.get("shown") is not None:
        units += f", SpO2 shown {row['shown'] * 100:.1f} %"
    lines = [f"{_word(row):<6} {row['title']} ({units})"]
    for figure in row["figures"]:
        lines += _figure_lines(figure)
    if "reference_span" in row:
        beside = row["over_constant"]["value"]
        said = f"reference spans {row['reference_span']:.1f} points"
        if not row["supports_spo2"]:
            said += f", under {targets.LEAST_SPAN:g}: supports no statement on SpO2"
        if beside is not None:
            said += f"; error / best constant's {beside:.2f}"
        lines += wrapped(said, 9)
    return lines


def _figure_lines(figure: Mapping[str, Any]) -> list[str]:
    digits = FIGURES[figure["figure"]].digits
    unit = figure["unit"]
    never = "-" if figure["open"] else "never"
    seen = in_unit(figure["value"], unit, digits, never) + ends_in_unit(figure, unit, digits)
    bound = SIDES[figure["side"]] + in_unit(figure["must"], unit, None)
    aim = ""
    if figure["aim"] is not None:
        aim = "aim " + in_unit(figure["aim"], unit, None)
    line = f"  {_word(figure):<6} {figure['title']:<30} {seen:<22} {bound:<7}"
    line += f" {aim:<9}" if aim else ""
    details = [figure["note"]] if figure["note"] else []
    worst = figure["worst"]
    if worst and not figure["met"]:
        cell = f"worst cell {worst['cell']}: {in_unit(worst['value'], unit, digits, never)}"
        details.append(cell + ("" if worst["met"] else ", beyond what one cell may"))
    return _beside(line, "; ".join(details))


def _beside(line: str, details: str) -> list[str]:
    """Details on the line where they fit, else under it."""
    if len(line) + 1 + len(details) <= WIDTH:
        return [f"{line} {details}".rstrip()]
    return [line.rstrip(), *wrapped(details, 9)]


def _sd_lines(summary: Mapping[str, Any]) -> list[str]:
    lines = []
    for row in summary["calibration"]:
        parts = [f"{in_unit(f['value'], '%', 1)}{ends_in_unit(f, '%', 1)}" for f in row["figures"]]
        lines.append(
            f"  {_word(row):<6} {row['title']:<38} {row['n']:>5} {parts[0]:<22} {parts[1]}"
        )
    bounds = [SIDES[t.side] + in_unit(t.must, "%", None) for t in targets.CALIBRATED]
    lines.append(f"         {'must be':<38} {'n':>5} {bounds[0]:<22} {bounds[1]} (sd ≥ 0.10)")
    return lines


def _word(line: Mapping[str, Any]) -> str:
    if line.get("aim_met") and line["met"]:
        return "aim"
    if line["met"]:
        return "met"
    return "open" if line["open"] else "MISSED"


def in_unit(value: float | None, unit: str, digits: int | None, none: str = "-") -> str:
    """A value in its unit; `digits` None for a bound, which stands as it was written."""
    if value is None:
        return none
    value = value * 100 if unit == "%" else value
    number = f"{value:g}" if digits is None else f"{value:.{digits}f}"
    return f"{number} {unit}".strip() if unit in ("%", "s", "x") else number


def ends_in_unit(figure: Mapping[str, Any], unit: str, digits: int) -> str:
    if figure["low"] is None and figure["high"] is None:
        return ""
    ends = [
        "-" if end is None else f"{end * (100 if unit == '%' else 1):.{digits}f}"
        for end in (figure["low"], figure["high"])
    ]
    return f" [{', '.join(ends)}]"


def wrapped(text: str, indent: int = 0) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2)
    )
