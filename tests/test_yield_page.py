"""The page on yield: what it counts against numpy, and that nothing in a store can break it."""

import contextlib
import html.parser
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import postgres
import pytest
from typer.testing import CliRunner

pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed: run `make setup-all`")

import made_line
from sqlalchemy import Engine

from host_tools import yield_page
from host_tools.capability.reference import GOLDEN, Reference
from host_tools.cli import app
from host_tools.store import capability, connect, station, yields
from host_tools.store.station import Value

UNITS = 400


def quiet(done: int, of: int, what: str) -> None: ...


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def line(request, tmp_path_factory) -> Iterator[tuple[Engine, dict]]:
    """A line's store and the values that were put in, by (stage, phase, station)."""
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            store = connect.opened(tmp_path_factory.mktemp("line") / "line.sqlite")
        else:
            store = connect.prepare_plant(stack.enter_context(postgres.server()))
        told = made_line.fill(store, UNITS, lots=4)
        made_line.judge(store)
        yield store, told
        store.dispose()


def limits(phase: str) -> tuple[float | None, float | None]:
    return next((row[4], row[5]) for row in made_line.MEASURES if row[1] == phase)


def inside(phase: str, values: list[float]) -> np.ndarray:
    x, (low, high) = np.array(values), limits(phase)
    return x[(x >= (-np.inf if low is None else low)) & (x <= (np.inf if high is None else high))]


def test_what_the_database_counts_is_what_was_put_in(line: tuple[Engine, dict]) -> None:
    store, told = line
    spreads = yields.spreads(store, None, None)
    known = yields.measures(store, sorted({spread.measure for spread in spreads}))
    scales = {
        key: yield_page.scale(known[key], [s for s in spreads if s.measure == key])
        for key in known
    }
    counts = yields.histograms(store, None, None, scales, yield_page.BINS)
    latest = yields.latest(store, None, None, most=50)
    assert len(counts) == len(told)
    for (stage, phase, where), values in told.items():
        (key,) = [key for key, row in known.items() if row.phase == phase]
        begin, wide = scales[key]
        edges = begin + wide * np.arange(yield_page.BINS + 1)
        ours = counts[stage, key, where]
        assert ours[0] == sum(v < begin for v in values)
        assert ours[-1] == sum(v >= edges[-1] for v in values)
        # A value on an edge may round to either side of it.
        theirs = np.histogram(values, edges)[0]
        assert np.abs(np.cumsum(ours[1:-1]) - np.cumsum(theirs)).max() <= 1
        assert latest[stage, key, where] == values[-50:]
        good = inside(phase, values)
        own = [s for s in spreads if (s.stage, s.measure, s.station) == (stage, key, where)]
        n, mean, sd = yield_page.pooled(own)
        assert n == len(good) and sum(s.outside for s in own) == len(values) - len(good)
        assert mean == pytest.approx(good.mean(), rel=1e-9)
        assert sd == pytest.approx(good.std(ddof=1), rel=1e-6)


def test_yield_by_stage_station_and_lot(line: tuple[Engine, dict]) -> None:
    store, told = line
    groups = yields.groups(store, None, None)
    assert sum(group.units for group in groups) == 2 * UNITS
    for stage in ("pcba", "final"):
        passed = 0
        for where in ("s1", "s2"):
            good = [
                (np.array(v) >= (-np.inf if limits(p)[0] is None else limits(p)[0]))
                & (np.array(v) <= (np.inf if limits(p)[1] is None else limits(p)[1]))
                for (s, p, w), v in told.items()
                if (s, w) == (stage, where)
            ]
            passed += int(np.all(good, axis=0).sum())
        (row,) = [row for row in yield_page.stages(groups) if row["stage"] == stage]
        assert (row["units"], row["passed"]) == (UNITS, passed)
        assert row["low"] < row["pct"] < row["high"]
    by_lot = yield_page.stages(groups, "lot")
    assert [(row["stage"], row["what"]) for row in by_lot][:4] == [
        ("pcba", f"L254{n}") for n in range(4)
    ]
    assert [row["units"] for row in by_lot] == [UNITS // 4] * 8
    one = yields.groups(store, "L2541", "s2")
    assert {(g.lot, g.station) for g in one} == {("L2541", "s2")}
    assert sum(g.units for g in one) == UNITS // 4


class Page(html.parser.HTMLParser):
    """All tags of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs) -> None:
        self.tags.append(tag)
        self.text += "".join(f" {name}=" for name, _ in attrs if name.startswith("on"))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_of_a_judged_station(line: tuple[Engine, dict]) -> None:
    store, told = line
    steps: list[int] = []
    text = yield_page.page(store, None, None, lambda done, of, what: steps.append(done))
    page = Page(text)
    assert steps == sorted(steps) and steps[-1] == 6
    assert not re.search(r"(src|href)=|url\(|https?:(?!//www\.w3\.org)|@import", text)
    assert "script" not in page.tags and page.tags.count("svg") == 7 + 2
    # Cpk by hand where it is told, and the reason where it is not.
    good = inside("optics", told["final", "optics", "s1"])
    sigma = np.abs(np.diff(good)).mean() / 1.128
    cpk = min(good.mean() - 800, 1200 - good.mean()) / (3 * sigma)
    assert f"{cpk:.2f}" in page.text
    assert "better the measurement first" in page.text, "sleep current, whose gauge is poor"
    assert "s2: " in page.text and "never studied" in page.text
    assert "now farthest off in slot 1-3" in page.text
    lot = yield_page.page(store, "L2540", "s1", quiet)
    assert "Lot 批号 L2540" in lot and "49 values, and at least 50 are needed" in lot


EVIL = '<script>alert("x")</script>'


def test_nothing_in_a_store_becomes_markup(tmp_path: Path) -> None:
    store = connect.opened(tmp_path / "s.sqlite")
    station.reserve(store, store, EVIL, "XY", 6)
    for number in range(12):
        lot = "<b onload=1>" if number % 2 else "L&1"
        serial = station.take(store, EVIL, lot, "1.2", 20261124, f"246f28{number:06x}").serial
        value = Value("<i>phase</i>", "'\"><svg onload=1>", "<u>", 0, 2, 1 + number % 7 / 10)
        told: dict = {
            "stage": "<h1>",
            "kind": "first",
            "outcome": "failed" if number % 9 else "passed",
        }
        told |= {"phase": "<i>phase</i>", "cause": EVIL, "station": EVIL, "slot": EVIL}
        told |= {"worker": EVIL, "version": EVIL, "at": station.now(), "seconds": 1.0}
        for kind in ("first", "golden"):
            station.record(store, [value], serial=serial, **told | {"kind": kind})
        if number == 0:
            certified = {(value.phase, value.name): (1.0, 0.1)}
            unit = Reference(serial, GOLDEN, "<h1>", "", certified)
            station.designate(store, unit, EVIL, EVIL)
    text = yield_page.page(store, None, None, quiet)
    plain = Page(text)
    assert "script" not in plain.tags and "u" not in plain.tags
    assert "onload=" not in plain.text.replace("<svg onload=1>", "").replace("<b onload=1>", "")
    assert plain.tags.count("h1") == 1 and EVIL in plain.text
    assert EVIL in Page(yield_page.page(store, EVIL, EVIL, quiet)).text
    store.dispose()


def test_the_verb(tmp_path: Path) -> None:
    store = tmp_path / "s.sqlite"
    file = tmp_path / "page.html"
    told = CliRunner().invoke(app, ["yield", "--page", str(file), "--store", str(store)])
    assert told.exit_code == 0 and "Nothing was tested" in file.read_text()
    told = CliRunner().invoke(app, ["yield", "--page", str(tmp_path), "--store", str(store)])
    assert told.exit_code == 1 and "cannot be written" in told.stderr


def test_old_stores_are_brought_up_to_date(tmp_path: Path) -> None:
    """A station that was set up before there were studies has them after its next start."""
    from alembic import command

    old = connect.engine(tmp_path / "old.sqlite")
    config = connect._config()
    with old.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    old.dispose()
    store = connect.opened(tmp_path / "old.sqlite")
    assert capability.gauges(store) == []
    store.dispose()


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (921600.0, 5, "921600"), (1071.3, 3, "1070"), (-0.25, 3, "−0.25"), (1e6, 6, "1000000"),
        (0.00031, 2, "0.00031"), (2.5e12, 3, "2.5e+12"), (None, 3, "–"), (float("nan"), 3, "–"),
    ],
)  # fmt: skip
def test_numbers_for_people(value: float | None, digits: int, text: str) -> None:
    assert yield_page.number(value, digits) == text


def test_what_a_cause_means() -> None:
    assert yield_page.meaning("bad_flash").startswith("写入后校验不符")
    told = yield_page.meaning("late")
    assert told == "检查接触，重新写入。 / check the contacts, and flash it again."
    assert yield_page.meaning("nothing of ours") == ""
