"""One self-contained page on an evaluation: the verdict first, what fails by name, nothing hidden.

`page` makes it from the summary (`summary.summarise`), the results of the cases behind it, what
the sets of recordings say (`recordings.evaluate`) and the results of the matrix `system`. Pictures
are inline SVG whose colours the style sheet decides, so that one page suits light, dark and paper.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite, log10, nan, sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

from host_tools import page as html
from host_tools.evaluate import recordings, targets
from host_tools.evaluate.targets import FIGURES

Result = Mapping[str, Any]

SIGNS = {"most": "≤", "least": "≥", "within": "±"}
WEAKEST = 12  # cells named on the page of what it does not do
_TABLES = {
    "format", "heading", "n", "met", "missed", "absent", "verdict", "rows", "first", "calibration",
    "recordings", "cases",
}  # fmt: skip


def page(
    summary: Mapping[str, Any],
    results: Sequence[Result] = (),
    sets: Sequence[Mapping[str, Any]] = (),
    system: Sequence[Result] = (),
    command: str = "",
    failures: Sequence[str] = (),
) -> str:
    """The report as HTML.

    `results`: those that the summary was made of; without them there are no maps. `command`: the
    other program that was scored. `failures`: sentences on cases that could not be scored.
    """
    from markupsafe import Markup

    environment = html.environment(Path(__file__).parent)
    environment.filters["svg"] = Markup
    simulated = [result for result in results if result.get("subject") is None]
    lines = [line for row in summary["rows"] for line in row["figures"]]
    return environment.get_template("report.html.j2").render(
        summary=summary,
        simulated=bool(simulated or summary["rows"]),
        facts=[(key, value) for key, value in summary.items() if key not in _TABLES],
        short=_short,
        counted=recordings.counted,
        met=sum(line["met"] for line in lines),
        judged=len(lines),
        verdict=[_verdict(line) for line in summary["verdict"]],
        rows=[_row(row) for row in summary["rows"]],
        first=[_figure(line) | {"title": line["title"]} for line in summary["first"]],
        calibration=[_row(line) for line in summary["calibration"]],
        calibrated=[f"{SIGNS[t.side]} {number(t.must, '%', None)}" for t in targets.CALIBRATED],
        recorded=[_row(row) for row in summary["recordings"]],
        sets=[_set(one) for one in sets],
        maps=maps(simulated),
        clouds=clouds(simulated),
        weakest=weakest(summary),
        swapped=swapped(simulated),
        system=beside(simulated, system),
        command=command,
        again=_again(summary, bool(sets), command),
        failures=failures,
    )


# ------------------------------------------------------------------------------- words and numbers


def number(value: float | None, unit: str, digits: int | None = 2) -> str:
    """A value in its unit; shares are fractions and are told in percent."""
    if value is None:
        return "–"
    value = value * 100 if unit == "%" else value
    text = f"{value:g}" if digits is None else f"{value:.{digits}f}"
    return f"{text} {unit}".strip().replace("-", "−")


def _again(summary: Mapping[str, Any], recorded: bool, command: str) -> str:
    """What to type for the same page."""
    what = "FOLDER" if recorded else f"--matrix {summary.get('matrix', 'quick')}"
    words = f"xueyang evaluate {what} --report DIR"
    return f"{words} --algorithm {shlex.quote(command)}" if command else words


def _short(value: Any) -> str:
    """The first twelve signs of a hash: enough to tell two apart."""
    text = str(value)
    return text[:12] if re.fullmatch("[0-9a-f]{16,}", text) else text


def interval(line: Mapping[str, Any], unit: str, digits: int) -> str:
    if line["low"] is None and line["high"] is None:
        return ""
    factor = 100 if unit == "%" else 1
    ends = ["∞" if e is None else f"{e * factor:.{digits}f}" for e in (line["low"], line["high"])]
    return f"{ends[0]} to {ends[1]}".replace("-", "−")


def _state(line: Mapping[str, Any]) -> str:
    """met, aim (that too), open (too little was run to tell), missed."""
    if line["met"]:
        return "aim" if line.get("aim_met") else "met"
    return "open" if line.get("open") else "missed"


def _figure(line: Mapping[str, Any]) -> dict[str, Any]:
    """One judged figure as its cells and its bar."""
    digits = FIGURES[line["figure"]].digits
    unit = line["unit"]
    sign = SIGNS[line["side"]]
    worst = line["worst"] or {}
    cell = ""
    if worst and worst["cell"]:
        cell = f"{worst['cell']}: {number(worst['value'], unit, digits)}"
    return {
        "title": FIGURES[line["figure"]].title,
        "state": _state(line),
        "value": number(line["value"], unit, digits),
        "interval": interval(line, unit, digits),
        "n": line["n"],
        "bound": f"{sign} {number(line['must'], unit, None)}",
        "aim": "" if line["aim"] is None else f"{sign} {number(line['aim'], unit, None)}",
        "note": line["note"],
        "cell": cell,
        "cell_fair": worst.get("met", True),
        "bar": bar(line),
    }


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = row.get("shown")
    return {
        "title": row["title"],
        "n": row.get("n"),
        "cells": row.get("cells"),
        "state": _state(row),
        "figures": [_figure(line) for line in row["figures"]],
        "shown": None if shown is None else number(shown, "%", 1),
    }


def _verdict(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": line["title"],
        "state": _state(line),
        "wrong": line["wrong"],
        "n": line["n"],
        "interval": interval(line, "%", 2),
        "value": number(line["value"], "%", 2),
        "bound": f"{number(line['must'], '%', None)} of at least {line['least']}"
        if line["least"] > 1
        else number(line["must"], "%", None),
        "note": line["note"],
        "where": line["where"],
        "bar": bar(dict(line) | {"side": "most", "aim": None}),
    }


def _set(one: Mapping[str, Any]) -> dict[str, Any]:
    limits = one.get("agreement")
    said = ""
    if limits:
        ends = [number(limits[end]["value"], "", 2) for end in ("lower", "upper")]
        said = (
            f"{ends[0]} to {ends[1]} {one['unit']} (sd {limits['sd_within']:.2f} within and "
            f"{limits['sd_between']:.2f} between subjects)"
        )
    return dict(one) | {
        "figures": [
            (name, recordings.told(name, figure).replace("-", "−"))
            for name, figure in one["figures"].items()
        ],
        "agreement": said,
        "reference": one.get("reference"),
    }


# --------------------------------------------------------------------------- intervals as pictures

_BAR_WIDTH, _BAR_HEIGHT = 200, 22


def bar(line: Mapping[str, Any]) -> str:
    """A figure's interval against its bound, the forbidden side shaded; empty without a value."""
    value, must, side = line["value"], line["must"], line["side"]
    if value is None:
        return ""
    low = value if line["low"] is None else line["low"]
    high = value if line["high"] is None else line["high"]
    if side == "least":
        first, last = 1 - max(3 * (1 - must), 1e-9), 1.0
    elif line.get("unit") == "%" and must > 0.5:
        first, last = 0.7, 1.0
    elif side == "within":
        first, last = -2 * must, 2 * must
    else:
        first, last = 0.0, 2 * must if must else max(1.0, value)

    def x(at: float) -> float:
        share = (at - first) / (last - first)
        return round(4 + (_BAR_WIDTH - 8) * min(1.0, max(0.0, share)), 1)

    edge, mid = _BAR_WIDTH, _BAR_HEIGHT / 2
    parts = []
    if side == "least":
        parts.append(_rect("bad", 0, x(must)))
    else:
        parts.append(_rect("bad", x(must) if must else x(0) + 5, edge))
    if side == "within":
        parts.append(_rect("bad", 0, x(-must)))
        parts.append(f'<path class="axis" d="M{x(0)} 3V{_BAR_HEIGHT - 3}"/>')
    if line["aim"] is not None:
        for aim in (line["aim"], -line["aim"]) if side == "within" else (line["aim"],):
            parts.append(f'<path class="aim" d="M{x(aim)} 3V{_BAR_HEIGHT - 3}"/>')
    parts.append(f'<path class="span" d="M{x(low)} {mid}H{x(high)}"/>')
    for at, beyond, shape in (
        (low, low < first, f"M{x(low) - 4} {mid}l6 -5v10z"),
        (high, high > last, f"M{x(high) + 4} {mid}l-6 -5v10z"),
    ):
        if beyond and isfinite(at):
            parts.append(f'<path class="dot" d="{shape}"/>')
    if first <= value <= last:
        parts.append(f'<circle class="dot" cx="{x(value)}" cy="{mid}" r="3.6"/>')
    return (
        f'<svg class="bar {_state(line)}" viewBox="0 0 {_BAR_WIDTH} {_BAR_HEIGHT}" '
        f'width="{_BAR_WIDTH}" height="{_BAR_HEIGHT}" aria-hidden="true">{"".join(parts)}</svg>'
    )


def _rect(kind: str, first: float, last: float) -> str:
    return (
        f'<rect class="{kind}" x="{min(first, last)}" y="2" width="{abs(last - first):.1f}" '
        f'height="{_BAR_HEIGHT - 4}"/>'
    )


# ------------------------------------------------------------------------------- maps over cells

_STILL = ("still_pi1", "still_pi03", "weak_02", "weak_01", "weak_005", "below_range")
# Edges of the classes where a matrix has more values than a map has room for.
_EDGES = {
    "spo2_pct": (0, 60, 70, 75, 80, 85, 88, 90, 92, 94, 96, 98, 100.01),
    "pulse_bpm": (0, 35, 45, 60, 80, 100, 125, 150, 180, 210, 260, 400),
    "perfusion_pct": (0, 0.075, 0.15, 0.25, 0.5, 2, 5, 10, 21),
}
_AXES = {
    "spo2_pct": "true SpO₂, %",
    "pulse_bpm": "true pulse, bpm",
    "perfusion_pct": "PI, %",
}
_IN_CELL = {
    "spo2_pct": r"(?:spo2|SpO2)\s*([\d.]+)",
    "pulse_bpm": r"([\d.]+)\s*bpm",
    "perfusion_pct": r"PI\s*([\d.]+)",
}
_MOST_CLASSES = 12


def axis(result: Result, name: str) -> float | None:
    """A property of a case: its own column, else what its cell's name says."""
    if result.get(name) is not None:
        return float(result[name])
    match = re.search(_IN_CELL[name], str(result.get("cell", "")))
    return float(match.group(1)) if match else None


def _rms(cases: Sequence[Result], square: str, shown: str) -> float | None:
    told = [c for c in cases if c.get(square) is not None]
    seconds = sum(c.get(shown) or 0 for c in told)
    return sqrt(sum(c[square] for c in told) / seconds) if seconds else None


def _share(cases: Sequence[Result], top: str, under: str) -> float | None:
    told = [c for c in cases if c.get(top) is not None and c.get(under)]
    seconds = sum(c[under] for c in told)
    return 100 * sum(c[top] for c in told) / seconds if seconds else None


# Title, unit, axes, what a cell shows, the ends of its colours (each worse than the one before).
_MAPS: tuple[tuple[str, str, str, str, Callable[..., float | None], tuple, int], ...] = (
    (
        "SpO₂, rms of the extraction error",
        "points",
        "spo2_pct",
        "perfusion_pct",
        lambda cases: _rms(cases, "spo2_err_sq", "shown"),
        (0.15, 0.3, 0.5, 1.0),
        2,
    ),
    (
        "SpO₂ shown",
        "% of seconds",
        "spo2_pct",
        "perfusion_pct",
        lambda cases: _share(cases, "shown", "seconds"),
        (99, 95, 90, 70),
        0,
    ),
    (
        "SpO₂, rms of the extraction error",
        "points",
        "pulse_bpm",
        "perfusion_pct",
        lambda cases: _rms(cases, "spo2_err_sq", "shown"),
        (0.15, 0.3, 0.5, 1.0),
        2,
    ),
    (
        "pulse, rms of the error",
        "bpm",
        "pulse_bpm",
        "perfusion_pct",
        lambda cases: _rms(cases, "pulse_err_sq", "pulse_shown"),
        (0.5, 1, 2, 4),
        1,
    ),
)


def maps(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Still fingers by two of their properties: a table of cells with a value and a class 0 … 4,
    0 the best. A cell without a case is None."""
    still = [result for result in results if result["row"] in _STILL]
    out = []
    for title, unit, across, down, figure, ends, digits in _MAPS:
        at = [(axis(result, across), axis(result, down), result) for result in still]
        placed = [(x, y, result) for x, y, result in at if x is not None and y is not None]
        columns = _classes(across, [x for x, _, _ in placed])
        lines = _classes(down, [y for _, y, _ in placed])
        if len(columns) < 2 or not lines:
            continue
        table = []
        for name, low, high in reversed(lines):
            cells = []
            for _, left, right in columns:
                inside = [r for x, y, r in placed if left <= x < right and low <= y < high]
                value = figure(inside) if inside else None
                cells.append(None if value is None else _shade(value, ends, digits, len(inside)))
            table.append((name, cells))
        sign = "≤" if ends[0] < ends[-1] else "≥"
        legend = [f"{sign} {end:g}" for end in ends] + ["worse"]
        out.append(
            {
                "title": title,
                "unit": unit,
                "across": _AXES[across],
                "down": _AXES[down],
                "columns": [name for name, _, _ in columns],
                "lines": table,
                "legend": legend,
            }
        )
    return out


def _shade(value: float, ends: Sequence[float], digits: int, n: int) -> tuple[str, int, int]:
    rising = ends[0] < ends[-1]
    # By what is printed, so that no number stands in the wrong colour.
    shown = round(value, digits)
    worse = sum(shown > end if rising else shown < end for end in ends)
    return f"{value:.{digits}f}", worse, n


def _classes(name: str, values: Iterable[float | None]) -> list[tuple[str, float, float]]:
    """(title, from, up to) of each class that holds a value: the values themselves where they are
    few, else between the edges of the table."""
    known = sorted({value for value in values if value is not None})
    if not known:
        return []
    if len(known) <= _MOST_CLASSES:
        ends = [*known[1:], float("inf")]
        return [(f"{low:g}", low, high) for low, high in zip(known, ends, strict=True)]
    edges = _EDGES[name]
    return [
        # May break after the dash: columns are narrow.
        (f"{low:g}–\u200b{high:.3g}" if low else f"< {high:g}", low, high)
        for low, high in zip(edges, edges[1:], strict=False)
        if any(low <= value < high for value in known)
    ]


# ------------------------------------------------------------------------- error against the truth

_WIDTH, _HEIGHT = 460, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 14, 8, 34


def clouds(results: Sequence[Result]) -> list[dict[str, str]]:
    """Mean error of each case against its truth: still and moving fingers, SpO2 and pulse."""
    out = []
    for quantity, err, shown, across, reaches in (
        ("SpO₂", "spo2_err_sum", "shown", "spo2_pct", (1.0, 6.0)),
        ("pulse", "pulse_err_sum", "pulse_shown", "pulse_bpm", (3.0, 30.0)),
    ):
        for moving, reach in zip((False, True), reaches, strict=True):
            points = [
                (axis(r, across), r[err] / r[shown])
                for r in results
                if r["row"].startswith("motion") == moving
                and r["row"] not in targets.NO_VERDICT
                and r.get(shown)
                and r.get(err) is not None
                and axis(r, across) is not None
            ]
            if len(points) > 1:
                unit = "points" if quantity == "SpO₂" else "bpm"
                beyond = sum(abs(y) > reach for _, y in points)
                out.append(
                    {
                        "title": f"{quantity}, {'moving' if moving else 'still'} fingers",
                        "svg": _cloud(points, reach, _AXES[across]),
                        "note": f"{unit}; {len(points)} cases"
                        + (f", {beyond} beyond the picture" if beyond else ""),
                    }
                )
    return out


def _cloud(points: Sequence[tuple[Any, float]], reach: float, across: str) -> str:
    low, high = min(x for x, _ in points), max(x for x, _ in points)
    step = _step((high - low) / 6 or 1)
    low, high = step * (low // step), step * -(-high // step)
    high = high if high > low else low + step

    def at_x(x: float) -> float:
        return round(_LEFT + (x - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT), 1)

    def at_y(y: float) -> float:
        share = (reach - max(-reach, min(reach, y))) / (2 * reach)
        return round(_TOP + share * (_HEIGHT - _TOP - _BOTTOM), 1)

    parts = []
    for tick in range(-2, 3):
        y = reach * tick / 2
        kind = "axis" if tick == 0 else "grid"
        parts.append(f'<path class="{kind}" d="M{_LEFT} {at_y(y)}H{_WIDTH - _RIGHT}"/>')
        label = f"{y:+g}".replace("-", "−") if y else "0"
        parts.append(f'<text x="{_LEFT - 5}" y="{at_y(y) + 3.5}" class="end">{label}</text>')
    x = low
    while x <= high + 1e-9:
        parts.append(f'<path class="grid" d="M{at_x(x)} {_TOP}V{_HEIGHT - _BOTTOM}"/>')
        parts.append(f'<text x="{at_x(x)}" y="{_HEIGHT - _BOTTOM + 14}">{x:g}</text>')
        x += step
    parts.append(f'<text x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 5}">{across}</text>')
    places = dict.fromkeys((at_x(x), at_y(y), abs(y) > reach) for x, y in points)
    parts += [
        f'<circle class="{"far" if far else "case"}" cx="{px}" cy="{py}" r="2.4"/>'
        for px, py, far in places
    ]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="mean error against {across}">{"".join(parts)}</svg>'
    )


def _step(rough: float) -> float:
    power = 10 ** int(log10(rough) // 1)
    return next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999)


# ----------------------------------------------------------------------------- what it does not do


def weakest(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of every figure of every row the worst cell; those farthest beyond their row's bound first.

    `times`: how much of the bound the cell uses up, for a share how much of the allowed miss; None
    where the bound is zero and something was seen.
    """
    found = []
    for row in summary["rows"]:
        for line in row["figures"]:
            worst = line["worst"]
            if not worst or worst["value"] is None:
                continue
            value, must = worst["value"], line["must"]
            used, allowed = abs(value), must
            if line["side"] == "least":
                used, allowed = 1 - value, 1 - must
            if not allowed and not used:
                continue
            digits = FIGURES[line["figure"]].digits
            found.append(
                {
                    "row": row["title"],
                    "cell": worst["cell"],
                    "figure": FIGURES[line["figure"]].title,
                    "value": number(value, line["unit"], digits),
                    "bound": f"{SIGNS[line['side']]} {number(must, line['unit'], None)}",
                    "times": used / allowed if allowed else None,
                }
            )
    found.sort(key=lambda one: float("-inf") if one["times"] is None else -one["times"])
    return found[:WEAKEST]


def swapped(results: Sequence[Result]) -> list[tuple[int, float, int, int]]:
    """A board with its two lights exchanged: (true percent, mean settled, suspected cases, n)."""
    by_truth: dict[int, list[Result]] = {}
    for result in results:
        truth = result.get("settled_truth_pct")
        if result["row"] in targets.NO_VERDICT and truth is not None:
            by_truth.setdefault(round(float(truth)), []).append(result)
    out = []
    for truth, cases in sorted(by_truth.items()):
        shown = [c["settled_pct"] for c in cases if c.get("settled_pct") is not None]
        suspected = sum(case.get("swap_after_s") is not None for case in cases)
        out.append((truth, fmean(shown) if shown else nan, suspected, len(cases)))
    return out


_SYSTEM_ENDS = (0.5, 1.0, 2.0, 4.0)  # points of bias


def beside(results: Sequence[Result], system: Sequence[Result]) -> dict[str, Any]:
    """What the hardware adds: mean error by condition and true saturation, and extraction alone.

    {} without results of the matrix `system`.
    """
    if not system:
        return {}
    still = [result for result in results if result["row"] in ("still_pi1", "still_pi03")]
    truths = sorted({t for r in system if (t := axis(r, "spo2_pct")) is not None}, reverse=True)
    by_condition: dict[str, list[Result]] = {}
    for result in system:
        name = re.sub(r",?\s*SpO2 [\d.]+", "", str(result["cell"]))
        by_condition.setdefault(name, []).append(result)
    lines = []
    for name, cases in by_condition.items():
        cells = []
        for truth in truths:
            own = [case for case in cases if axis(case, "spo2_pct") == truth]
            bias = _bias(own)
            cells.append(None if bias is None else _biased(bias, len(own)))
        lines.append({"title": name, "cells": cells} | _told(cases))
    return {
        "columns": [f"{truth:g}" for truth in truths],
        "lines": lines,
        "alone": _told(still) if still else None,
        "all": _told(system),
        "legend": [f"≤ {end:g}" for end in _SYSTEM_ENDS] + ["worse"],
    }


def _bias(cases: Sequence[Result]) -> float | None:
    share = _share(cases, "spo2_err_sum", "shown")
    return None if share is None else share / 100


def _biased(bias: float, n: int) -> tuple[str, int, int]:
    _, worse, _ = _shade(abs(bias), _SYSTEM_ENDS, 1, n)
    return f"{bias:+.1f}".replace("-", "−"), worse, n


def _told(cases: Sequence[Result]) -> dict[str, Any]:
    worst = [case["spo2_err_max"] for case in cases if case.get("spo2_err_max") is not None]
    return {
        "n": len(cases),
        "bias": number(_bias(cases), "", 2),
        "rms": number(_rms(cases, "spo2_err_sq", "shown"), "", 2),
        "worst": number(max(worst, default=None), "", 1),
    }
