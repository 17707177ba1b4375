"""One self-contained page on what a line makes: how many pass at once, why the others do not, how
each measurement spreads against its limits, what the process is capable of, and whether the
station can be trusted. Text from the store is put in by the template alone, which escapes it.
"""

import datetime
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from host_tools import page as html
from host_tools.capability.chart import LEAST, Capability, capability
from host_tools.capability.gauge import FAIR_PCT
from host_tools.capability.limits import is_provisional
from host_tools.evaluate.statistics import wilson
from host_tools.sentences import SENTENCES

BINS = 40
LOTS = 12  # latest lots shown of each stage and measurement
CAUSES = 30
_COLOURS = 6  # stations with a colour of their own; the rest share the last


def page(
    store, lot: str | None, station: str | None, progress: Callable[[int, int, str], None]
) -> str:
    """The page as HTML; of one lot, or at one station, when named. store: an engine."""
    from host_tools.store import capability as judged
    from host_tools.store import query, yields

    steps = ("first runs", "failures", "measurements", "histograms", "latest units", "gauges")
    done = iter(range(len(steps) + 1))

    def step() -> None:
        at = next(done)
        progress(at, len(steps), steps[min(at, len(steps) - 1)])

    step()
    groups = yields.groups(store, lot, station)
    step()
    _, failures = query.yields(store, lot, station)
    step()
    spreads = yields.spreads(store, lot, station)
    known = yields.measures(store, sorted({spread.measure for spread in spreads}))
    step()
    scales = {key: scale(known[key], some) for key, some in _by(spreads, "measure").items()}
    counts = yields.histograms(store, lot, station, scales, BINS)
    step()
    latest = yields.latest(store, lot, station)
    step()
    studies = judged.gauges(store, station)
    readings = yields.golden(store, station)
    step()
    lots = list(dict.fromkeys(group.lot for group in groups))
    stations = sorted({group.station for group in groups})
    return (
        html.environment(Path(__file__).parent)
        .get_template("yield_page.html.j2")
        .render(
            lot=lot,
            station=station,
            units=max((stage["units"] for stage in stages(groups)), default=0),
            stages=stages(groups),
            throughput=throughput(groups),
            lots=lots,
            stations=stations,
            span=_span(group.begun for group in groups),
            tables=_tables(groups, lots, stations),
            number=number,
            failures=pareto(failures),
            more_causes=max(0, len(failures) - CAUSES),
            cards=cards(spreads, known, scales, counts, latest, studies, groups),
            studies=studies,
            golden=drift(readings),
            fair=FAIR_PCT,
            least=LEAST,
            latest=yields.LATEST,
            now=datetime.datetime.now(datetime.UTC),
        )
    )


def _by(rows: Iterable[Any], *names: str) -> dict[Any, list]:
    found: dict[Any, list] = defaultdict(list)
    for row in rows:
        key = tuple(getattr(row, name) for name in names)
        found[key if len(names) > 1 else key[0]].append(row)
    return dict(found)


def _span(moments: Iterable[datetime.datetime]) -> str:
    days = sorted(f"{moment:%Y-%m-%d}" for moment in moments)
    return days[0] if days and days[0] == days[-1] else " to ".join(days[:1] + days[-1:])


# ------------------------------------------------------------------------------ first-pass yield


def stages(groups: Sequence[Any], *names: str) -> list[dict[str, Any]]:
    """First-pass yield by stage, and by what else is named, with Wilson's interval in percent."""
    found = []
    for key, some in _by(groups, "stage", *names).items():
        units, passed = sum(g.units for g in some), sum(g.passed for g in some)
        share = wilson(passed, units)
        first, *rest = key if isinstance(key, tuple) else (key,)
        found.append(
            {"stage": first, "what": rest[0] if rest else "", "units": units, "passed": passed}
            | {"pct": 100 * share.value, "low": 100 * share.low, "high": 100 * share.high}
        )
    order = list(dict.fromkeys(group.stage for group in groups))
    found.sort(key=lambda row: order.index(row["stage"]))
    least = min((row["low"] for row in found), default=0.0)
    begin = 10.0 * math.floor(min(90.0, least) / 10)
    for row in found:
        row["begin"] = begin
        row["at"] = [
            round(100 * (row[end] - begin) / (100 - begin), 2) for end in ("low", "pct", "high")
        ]
    return found


def throughput(groups: Sequence[Any]) -> float | None:
    """Rolled throughput yield in percent: the product over the stages, None of nothing."""
    found = [row["pct"] / 100 for row in stages(groups)]
    return 100 * math.prod(found) if found else None


def _tables(
    groups: Sequence[Any], lots: Sequence[str], stations: Sequence[str]
) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """By station and by lot, where there are several."""
    found = []
    if len(stations) > 1:
        found.append(("By station 按工站", "station 工站", stages(groups, "station")))
    if len(lots) > 1:
        title = f"By lot, the latest {LOTS} 按批号" if len(lots) > LOTS else "By lot 按批号"
        last = [group for group in groups if group.lot in lots[-LOTS:]]
        found.append((title, "lot 批号", stages(last, "lot")))
    return found


def pareto(failures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Why first runs failed, most frequent first, each with its share of all and that so far."""
    every = sum(row["units"] for row in failures)
    found, so_far = [], 0
    for row in failures[:CAUSES]:
        so_far += row["units"]
        found.append(
            dict(row)
            | {"pct": 100 * row["units"] / every, "so_far": 100 * so_far / every}
            | {"width": round(100 * row["units"] / failures[0]["units"], 1)}
            | {"phase": in_both(row["phase"]), "meaning": meaning(row["cause"])}
        )
    return found


def in_both(phase: str) -> str:
    """A phase's name, and what it is called in Chinese."""
    return " ".join([phase, *SENTENCES.get(f"phase_{phase}", ())[:1]])


def meaning(cause: str) -> str:
    """What a cause says where it says the same of every unit, in both languages."""
    parts = []
    for text, colon in zip(SENTENCES.get(cause, ()), ("：", ": "), strict=False):
        told = [part for part in text.split(colon) if "{" not in part]
        parts.append(text if "{" not in text else told[-1] if told else "")
    return " / ".join(parts) if all(parts) else ""


# ----------------------------------------------------------------------------------- measurements


def scale(measure: Any, spreads: Sequence[Any]) -> tuple[float, float]:
    """Where a histogram's first bin begins, and how wide one is: all of the tolerance and a little
    more, or four standard deviations on the side that has no limit."""
    n, mean, sd = pooled(spreads)
    if not n:
        mean = next((end for end in (measure.low, measure.high) if end is not None), 0.0)
    some = [spread for spread in spreads if spread.n]
    reach = 4 * sd if n > 1 else 0.0
    low = (
        measure.low
        if measure.low is not None
        else max(mean - reach, min((s.least for s in some), default=mean))
    )
    high = (
        measure.high
        if measure.high is not None
        else min(mean + reach, max((s.most for s in some), default=mean))
    )
    low, high = min(low, high), max(low, high)
    # A limit far from all values still belongs into the picture, and so do the values.
    if measure.high is None:
        high = max(high, mean)
    if measure.low is None:
        low = min(low, mean)
    wide = (high - low) or max(abs(high), 1.0) * 0.1
    low, high = low - 0.12 * wide, high + 0.12 * wide
    return low, (high - low) / BINS


def pooled(spreads: Iterable[Any]) -> tuple[int, float, float]:
    """(n, mean, standard deviation) of several spreads as of one."""
    some = [spread for spread in spreads if spread.n]
    n = sum(spread.n for spread in some)
    if not n:
        return 0, math.nan, math.nan
    mean = sum(spread.n * spread.mean for spread in some) / n
    square = sum(spread.n * (spread.mean - mean) ** 2 for spread in some)
    square += sum((spread.n - 1) * spread.sd**2 for spread in some if spread.n > 1)
    return n, mean, math.sqrt(square / (n - 1)) if n > 1 else math.nan


def cards(
    spreads: Sequence[Any],
    known: Mapping[int, Any],
    scales: Mapping[int, tuple[float, float]],
    counts: Mapping[tuple[str, int, str], Sequence[int]],
    latest: Mapping[tuple[str, int, str], Sequence[float]],
    studies: Sequence[Mapping[str, Any]],
    groups: Sequence[Any],
) -> list[dict[str, Any]]:
    """A card a stage and measurement: its histogram, its lots, and what each station says."""
    lots = list(dict.fromkeys(group.lot for group in groups))
    stations = sorted({group.station for group in groups})
    studied = {
        (study["station"], study["stage"], study["phase"], study["name"]): study
        for study in studies
    }
    found = []
    for (stage, key), some in _by(spreads, "stage", "measure").items():
        measure = known[key]
        here = [station for station in stations if any(s.station == station for s in some)]
        by_station = []
        for station in here:
            own = [spread for spread in some if spread.station == station]
            study = studied.get((station, stage, measure.phase, measure.name))
            values = latest.get((stage, key, station), [])
            grr = None if study is None else (study["grr_pct"] or math.nan)
            if study is not None and study["grr_pct"] == 0:
                grr = 0.0
            by_station.append(
                _row(station, own, study, capability(values, measure.low, measure.high, grr))
            )
        by_lot = []
        for lot in [lot for lot in lots if any(s.lot == lot for s in some)][-LOTS:]:
            by_lot.append(_row(lot, [spread for spread in some if spread.lot == lot]))
        n, missing = sum(s.n for s in some), sum(s.missing for s in some)
        outside = sum(s.outside for s in some)
        shown = {station: counts.get((stage, key, station), ()) for station in here}
        found.append(
            {
                "stage": stage,
                "measure": measure,
                "phase": in_both(measure.phase),
                "provisional": is_provisional(
                    stage, measure.phase, measure.name, measure.low, measure.high
                ),
                "n": n + outside,
                "missing": missing,
                "outside": outside,
                "stations": by_station,
                "reasons": _reasons(by_station),
                "lots": by_lot,
                "picture": histogram(measure, scales[key], shown, by_lot),
            }
        )
    order = list(dict.fromkeys(group.stage for group in groups))
    return sorted(
        found,
        key=lambda c: (order.index(c["stage"]), c["measure"].phase, c["measure"].name),
    )


def _reasons(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Why there is no Cpk, each reason once, with its stations."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for reason in row["capability"].reasons:
            found[reason].append(row["name"])
    return list(found.items())


def _row(
    name: str,
    some: Sequence[Any],
    study: Mapping[str, Any] | None = None,
    found: Capability | None = None,
) -> dict[str, Any]:
    n, mean, sd = pooled(some)
    return {"name": name, "n": n, "mean": mean, "sd": sd, "study": study, "capability": found}


# --------------------------------------------------------------------------------------- pictures

WIDTH, LEFT, RIGHT, TALL, TOP = 460, 34, 12, 130, 14
_LOT_TALL = 15


def histogram(
    measure: Any,
    scaled: tuple[float, float],
    counts: Mapping[str, Sequence[int]],
    lots: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Places in the picture: bars stacked by station, ticks, limits, and a line a lot below.

    A station's colour is a number under 6. The bins at both ends hold all that lies beyond.
    """
    begin, wide = scaled
    end = begin + BINS * wide
    step = (WIDTH - LEFT - RIGHT) / (BINS + 2)

    def x(value: float) -> float:
        place = 1 + min(BINS + 0.0, max(0.0, (value - begin) / wide))
        return round(LEFT + step * place, 1)

    totals = [sum(column) for column in zip(*counts.values(), strict=True)] if counts else []
    top = max(totals, default=0) or 1
    bars = []
    for place in range(len(totals)):
        floor = 0.0
        for colour, some in enumerate(counts.values()):
            if some and some[place]:
                tall = (TALL - TOP) * some[place] / top
                bars.append(
                    {"x": round(LEFT + step * place, 1), "width": round(step * 0.92, 1)}
                    | {"y": round(TALL - floor - tall, 1), "height": round(max(tall, 0.6), 1)}
                    | {"colour": min(colour, _COLOURS - 1), "beyond": place in (0, BINS + 1)}
                )
                floor += tall
    lines = []
    for place, lot in enumerate(lots):
        if not lot["n"]:
            continue
        off = 3 * lot["sd"] if lot["n"] > 1 else 0.0
        y = TALL + 26 + _LOT_TALL * place
        ends = x(lot["mean"] - off), x(lot["mean"] + off)
        lines.append({"y": y, "ends": ends, "mean": x(lot["mean"]), "name": lot["name"]})
    limits = [
        {"x": x(limit), "word": word}
        for limit, word in ((measure.low, "low"), (measure.high, "high"))
        if limit is not None
    ]
    return {
        "bars": bars,
        "top": top,
        "ticks": [{"x": x(tick), "text": number(tick, 6)} for tick in ticks(begin, end)],
        "limits": limits,
        "lots": lines,
        "height": TALL + 24 + (_LOT_TALL * len(lots) if lots else 0),
        "legend": [(min(n, _COLOURS - 1), station) for n, station in enumerate(counts)],
        "under": totals[0] if totals else 0,
        "over": totals[-1] if totals else 0,
    }


def number(value: float | None, digits: int = 4) -> str:
    """A value to so many digits; not as a power of ten unless it is very great or small."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:.{digits}g}"
    if "e" in text and 1e-4 <= abs(value) < 1e9:
        text = f"{float(text):.0f}" if abs(value) >= 1 else f"{float(text):f}".rstrip("0")
    return text.replace("-", "−")


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers between two ends, at most so many."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999)
    first = math.ceil(low / step)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def drift(readings: Sequence[Any]) -> list[dict[str, Any]]:
    """A chart a golden unit and certified measurement: how far off, in tolerances, over time; and
    in which slot it is farthest off now."""
    found = []
    groups = _by(readings, "station", "stage", "serial", "phase", "name")
    for (station, stage, serial, phase, name), some in groups.items():
        first, last = some[0].at, some[-1].at
        seconds = (last - first).total_seconds() or 1.0
        points, now = [], {}
        courses: dict[str, list[str]] = defaultdict(list)
        for one in some:
            off = (one.value - one.certified) / one.tolerance
            x = LEFT + (WIDTH - LEFT - RIGHT) * (one.at - first).total_seconds() / seconds
            y = 65 - 28 * max(-2.1, min(2.1, off))
            points.append(
                {"x": round(x, 1), "y": round(y, 1), "bad": abs(off) > 1, "slot": one.slot}
                | {"text": f"{one.slot} {one.at:%Y-%m-%d %H:%M} {one.value:g}"}
            )
            courses[one.slot].append(f"{x:.1f},{y:.1f}")
            now[one.slot] = off
        slot, off = max(now.items(), key=lambda pair: abs(pair[1]))
        found.append(
            {"station": station, "stage": stage, "serial": serial, "what": f"{phase}.{name}"}
            | {"certified": some[0].certified, "tolerance": some[0].tolerance, "n": len(some)}
            | {"first": first, "last": last, "points": points, "slot": slot, "off": off}
            | {"courses": [" ".join(course) for course in courses.values()]}
            | {"bad": sum(point["bad"] for point in points)}
        )
    return found
