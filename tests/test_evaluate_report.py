"""The page on an evaluation: self-contained, escaped, the verdict first, the worst by name."""

import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from host_tools.evaluate import report, summary, targets

META = {"matrix": "made", "version": 3, "hash": "0123456789abcdef0123", "core": "fedcba9876543210"}


def case(row: str, number: int, **columns: Any) -> dict[str, Any]:
    """A case of 50 s that went well, with what `columns` says instead."""
    spo2_pct, pulse_bpm, perfusion_pct = 70 + 10 * (number % 4), 60 + 60 * (number % 3), 1.0
    return {
        "id": f"{row}/{number}",
        "row": row,
        "cell": f"SpO2 {spo2_pct}, {pulse_bpm} bpm",
        "spo2_pct": spo2_pct,
        "pulse_bpm": pulse_bpm,
        "perfusion_pct": perfusion_pct,
        "duration_s": 100,
        "seconds": 50,
        "shown": 50,
        "pulse_shown": 50,
        "spo2_err_sum": 0.5,
        "spo2_err_sq": 0.5,
        "spo2_err_max": 0.3,
        "within_3": 50,
        "over_4": 0,
        "pulse_err_sum": 1.0,
        "pulse_err_sq": 2.0,
        "pulse_within_5": 50,
        "pulse_over_3": 0,
        "pulse_over_5": 0,
        "covered": 48,
        "shown_sd_010": 20,
        "covered_sd_010": 19,
        "first_s": 4.5,
        "settled_pct": float(spo2_pct),
        "settled_truth_pct": float(spo2_pct),
        "settled_after_s": 35.0,
    } | columns


def results() -> list[dict[str, Any]]:
    out = [case("still_pi1", number) for number in range(24)]
    out += [case("still_pi03", number, perfusion_pct=0.3) for number in range(24)]
    out += [case("motion_1", number, over_4=number // 10) for number in range(12)]
    out.append(case("still_pi1", 99, cell="SpO2 61, <b>bad</b> bpm", spo2_err_sq=50 * 4.0**2))
    out.append(case("swap_low", 1, settled_pct=84.0, swap_after_s=None))
    return out


class Page(HTMLParser):
    """Checks nesting, and gathers the text, the headings and what the page refers to."""

    EMPTY = {"meta", "br", "path", "circle", "rect", "hr"}

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.refers: list[str] = []
        self.headings: list[str] = []
        self.text = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in self.EMPTY:
            self.open.append(tag)
        named = dict(attrs)
        self.refers += [named[key] for key in ("src", "href", "data") if named.get(key)]

    def handle_startendtag(self, tag, attrs):
        assert tag in self.EMPTY

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data
        if self.open and self.open[-1] == "h2":
            self.headings.append(data.strip())


@pytest.fixture(scope="module")
def html() -> str:
    own = results()
    system = [case("system", number, cell=f"red {number:+d} nm") for number in (-10, 10)]
    said = summary.summarise(own, META)
    return report.page(said, own, system=system)


@pytest.fixture(scope="module")
def read(html) -> Page:
    return Page(html)


def test_it_stands_alone_and_says_what_it_is(html, read):
    assert all(reference.startswith("#") for reference in read.refers)
    assert "url(" not in html and "@import" not in html and "<script" not in html
    assert summary.HEADING in read.text
    assert "Not a medical device" in read.text
    for anchor in read.refers:
        assert f'id="{anchor[1:]}"' in html


def test_the_verdict_comes_first_and_the_limits_have_a_page(read):
    assert read.headings[0] == "Verdict"
    assert "What it does not do" in read.headings
    for told in ("not certified", "arbon monoxide", "96 %", "curve is\nreproduced"):
        assert told in read.text


def test_names_from_outside_are_escaped(html, read):
    assert "<b>bad</b> bpm" not in html
    assert "<b>bad</b> bpm" in read.text


def test_the_worst_cell_is_named_first(html):
    said = summary.summarise(results(), META)
    worst = report.weakest(said)
    assert worst[0]["cell"] == "SpO2 61, <b>bad</b> bpm" or worst[0]["times"] is None
    assert [w["times"] for w in worst if w["times"]] == sorted(
        (w["times"] for w in worst if w["times"]), reverse=True
    )
    assert len(worst) <= report.WEAKEST


def test_version_hash_and_command_tell_how_to_do_it_again(read):
    assert "0123456789abcdef0123" in read.text  # whole at the end
    assert "xueyang evaluate --matrix made --report DIR" in read.text


def test_another_program_is_named():
    own = results()
    text = Page(report.page(summary.summarise(own, META), own, command="peer '<a b>'")).text
    assert "evaluation of peer '<a b>'" in text
    assert "the algorithm that ships" not in text
    assert """--algorithm 'peer '"'"'<a b>'"'"''""" in text


def test_every_bar_is_well_formed_and_within_its_picture(html):
    bars = re.findall(r'<svg class="bar.*?</svg>', html)
    assert len(bars) > 10
    for text in bars:
        svg = ElementTree.fromstring(text)
        for dot in svg.iter("circle"):
            assert 0 <= float(dot.get("cx", "-1")) <= 200


@pytest.mark.parametrize(
    ("side", "must", "good", "bad"),
    [("most", 0.3, 0.1, 0.4), ("least", 0.95, 0.97, 0.93), ("within", 0.1, -0.05, -0.15)],
)
def test_a_value_on_the_wrong_side_lies_in_the_shade(side, must, good, bad):
    for value, inside in ((good, False), (bad, True)):
        line = {"value": value, "low": None, "high": None, "must": must, "aim": None}
        svg = ElementTree.fromstring(report.bar(line | {"side": side, "met": not inside}))
        [dot] = svg.iter("circle")
        x = float(dot.get("cx", ""))
        shades = [
            (float(r.get("x", "")), float(r.get("width", "")))
            for r in svg.iter("rect")
            if r.get("class") == "bad"
        ]
        assert any(left <= x <= left + width for left, width in shades) == inside


def test_a_map_pools_the_cases_of_a_cell():
    [first, *_] = report.maps(results())
    assert first["columns"] == ["70", "80", "90", "100"]
    lines = dict(first["lines"])
    assert list(lines) == ["1", "0.3"]  # the weakest pulse lowest
    assert lines["0.3"][0] == ("0.10", 0, 6)
    bad = lines["1"][99 % 4]  # six good ones and the bad one
    assert bad == (f"{((6 * 0.5 + 800) / 350) ** 0.5:.2f}", 4, 7)


def test_the_colour_goes_by_the_number_that_is_printed():
    assert report._shade(0.1549, (0.15, 0.3), 2, 1) == ("0.15", 0, 1)
    assert report._shade(98.6, (99, 95), 0, 1) == ("99", 0, 1)
    assert report._shade(94.4, (99, 95), 0, 1) == ("94", 2, 1)


def test_many_values_are_sorted_into_classes():
    out = report._classes("spo2_pct", [70 + number / 3 for number in range(80)])
    assert out[0] == ("70–\u200b75", 70, 75)
    assert len(out) < 12


def test_a_swapped_board_is_told_with_its_truth():
    own = [case("swap_low", n, settled_truth_pct=88.0, settled_pct=84.0) for n in (0, 1)]
    own.append(case("swap", 2, settled_truth_pct=97.0, settled_pct=80.0, swap_after_s=5.0))
    assert report.swapped(own) == [(88, 84.0, 0, 2), (97, 80.0, 1, 1)]


def test_the_system_stands_beside_extraction_by_condition_and_truth():
    own = [
        case("system", n, cell=f"red LED -10 nm, SpO2 {truth}", spo2_pct=truth, spo2_err_sum=-60.0)
        for n, truth in enumerate((97, 75, 75))
    ]
    told = report.beside(results(), own)
    assert told["columns"] == ["97", "75"]
    [line] = told["lines"]
    assert line["title"] == "red LED -10 nm"
    assert line["cells"] == [("−1.2", 2, 1), ("−1.2", 2, 2)]
    assert told["alone"]["n"] == 49
    assert report.beside(results(), []) == {}


def test_recordings_alone_make_a_page_too():
    recorded = case("luong", 1, subject="s", pulse_within_3=50)
    said = summary.summarise([recorded], {})
    one = {
        "key": "luong",
        "title": "luong",
        "quantity": "pulse",
        "unit": "bpm",
        "heading": "agreement with the reference device",
        "recordings": 1,
        "subjects": 1,
        "lag_s": 0.0,
        "lag_why": "<why>",
        "figures": {"rms": {"value": 0.2, "low": None, "high": None, "n": 1}},
        "notes": ["1 subject, under 5"],
        "worst": [],
    }
    text = Page(report.page(said, [recorded], [one], failures=["a.csv is <empty>"])).text
    assert "lag 0 s: <why>" in text and "a.csv is <empty>" in text
    assert "simulated and their ratio" not in text
    assert "Rows of the matrix" not in text
    assert "xueyang evaluate FOLDER --report DIR" in text


def test_every_row_of_the_table_can_be_drawn():
    figures = targets.FIGURES.values()
    full = {name: 1.0 for figure in figures for name in summary.columns(figure)}
    own = [case(row.key, n, **full) for row in targets.ROWS for n in range(6)]
    own += [case(row.key, n, subject=str(n), **full) for row in targets.RECORDINGS for n in (0, 1)]
    never = [case("swap", 50, swap_after_s=None), case("finger_off", 50, gone_after_s=None)]
    page = Page(report.page(summary.summarise(own + never, META), own + never))
    for row in targets.ROWS + targets.RECORDINGS:
        assert row.title in page.text
