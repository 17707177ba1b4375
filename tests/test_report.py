"""The page on a replay: it needs nothing else, shows what was shown, and promises nothing."""

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from host_tools import report
from sim.door import field
from sim.recording import Recording
from sim.run import COLUMNS, Replay

SECONDS = 40


def recording(channels: int = 3, seconds: int = SECONDS, name: str = "r", **more) -> Recording:
    t_s = 7 + np.arange(seconds * 100 + 1) / 100
    light = np.rint(1e5 + 500 * np.sin(2 * np.pi * 1.2 * t_s))
    ref = np.full(len(t_s), np.nan)
    return Recording(
        name=name,
        t_s=t_s,
        red=light if channels & 1 else None,
        ir=light if channels & 2 else None,
        ref_spo2=more.pop("ref_spo2", ref),
        ref_hr=ref,
        **more,
    )


def shown(seconds: int = SECONDS, statuses: str = "ok") -> Replay:
    replay = Replay()
    words = statuses.split()
    for k in range(1, seconds + 1):
        status = words[(k - 1) * len(words) // seconds]
        cells = ("96.5", "0.40", "72.0", "1.20", "0.480") if status == "ok" else ("",) * 5
        replay.rows.append((f"{7 + k}.0", *cells, status, ""))
        replay.frames.append((7.0 + k, bytes([k]) + bytes(1023)))
    return replay


class Page(HTMLParser):
    """Checks nesting, and gathers what the page refers to and its text."""

    EMPTY = {"meta", "img", "br", "link", "input", "hr"}

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.refers: list[str] = []
        self.text = ""
        self.images: list[dict[str, str | None]] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in self.EMPTY:
            self.open.append(tag)
        named = dict(attrs)
        if tag == "img":
            self.images.append(named)
        assert tag not in ("script", "link", "iframe", "object")
        self.refers += [named[key] for key in ("src", "href", "xlink:href") if named.get(key)]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in self.EMPTY or tag == "p" and (not self.open or self.open[-1] != "p"):
            return
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_needs_nothing_but_itself():
    html = report.page(recording(), shown(), "cpython")
    page = Page(html)
    assert page.refers and all(ref.startswith(("data:", "#")) for ref in page.refers)
    assert not re.search(r"url\((?!#)", html) and "@import" not in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert {ref[1:] for ref in page.refers if ref[0] == "#"} <= set(ids)
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(ids)


def test_it_says_what_it_is_not():
    assert "Not a medical device" in Page(report.page(recording(), shown(), "cpython")).text
    one = Page(report.page(recording(channels=2), shown(statuses="motion"), "cpython")).text
    assert "Not a medical device" in one and "no oxygen saturation" in one


def test_every_figure_is_well_formed_svg_in_the_colours_of_the_page():
    html = report.page(recording(), shown(statuses="searching ok motion"), "cpython")
    figures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(figures) == 1 + 2  # the course, and two strips of 30 s
    for figure in figures:
        ElementTree.fromstring(figure)
        assert "var(--ink)" in figure or "var(--soft)" in figure
        assert not re.search(r"#0[123]0[123]0[123]", figure)


def test_the_same_replay_gives_the_same_bytes():
    first = report.page(recording(), shown(), "cpython")
    assert first == report.page(recording(), shown(), "cpython")


def test_names_and_notes_cannot_break_the_page():
    evil = '<img src="http://x">&"'
    html = report.page(
        recording(name=evil, sidecar={"notes": evil, "device": evil}), shown(), "cpython"
    )
    page = Page(html)
    assert page.text.count(evil) >= 3
    assert not [ref for ref in page.refers if "http" in ref]


@pytest.mark.parametrize(
    "replay", [Replay(), shown(1), shown(statuses="sensor_fault")], ids=["none", "one", "fault"]
)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_any_replay_has_a_page(replay, channels):
    seconds = max(1, len(replay.rows))
    Page(report.page(recording(channels, seconds), replay, "micropython"))


def test_lost_samples_failed_reads_and_gaps_leave_holes_in_the_wave():
    light = recording()
    assert light.red is not None and light.ir is not None
    light.red[1000] = np.nan
    light.red[2000:2010] = light.ir[2000:2010] = 196351
    t_s, wave = report.pulse_wave(light)["red"]
    assert np.flatnonzero(np.isnan(wave)).tolist() == [1000, *range(2000, 2010)]
    # 500 counts on 100,000, less what the mean follows; light falls when blood comes.
    away = wave[np.r_[200:800, 2300:3800]]
    assert np.abs(away).max() == pytest.approx(0.5, rel=0.15)
    assert np.corrcoef(wave[200:800], light.ir[200:800])[0, 1] < -0.99
    Page(report.page(light, shown(), "cpython"))


def test_a_screen_is_the_frame_pixel_by_pixel():
    image = pytest.importorskip("PIL.Image")
    frame = np.random.default_rng(5).integers(0, 256, 1024, np.uint8).tobytes()
    with image.open(io.BytesIO(report.png_of_frame(frame))) as png:
        assert png.size == (128, 64)
        pixels = np.asarray(png.convert("L")) > 100
    for x, y in [(0, 0), (127, 0), (0, 63), (127, 63), (5, 17), (77, 40)]:
        assert pixels[y, x] == bool(frame[y // 8 * 128 + x] >> y % 8 & 1)
    assert pixels.sum() == sum(byte.bit_count() for byte in frame)


def test_screens_stand_where_the_status_changed_and_every_quarter_of_a_minute():
    replay = shown(80, "searching ok ok ok ok no_finger no_finger no_finger")
    got = report.screens(replay)
    moments = [int(one.at.split(":")[0]) * 60 + int(one.at.split(":")[1]) for one in got]
    # Searching to 10 s, reading to 50 s; a second after each change the display has followed.
    assert moments == [1, 12, 27, 42, 52, 67, 80]
    assert [one.words for one in got][:2] == ["searching", "reading"]
    shown_bytes = [report.png_of_frame(replay.frames[at - 1][1]) for at in moments]
    assert [base64.b64decode(one.png) for one in got] == shown_bytes


def test_errors_against_a_sparse_reference():
    light = recording()
    light.ref_spo2[[0, 500, 1040, 3999]] = [50.0, 95.0, 97.0, 96.0]
    rows = report._columns(shown())
    # The first stands before the first row; 5 s and 10.4 s and 39.99 s have theirs at 96.5.
    assert report.against(light, rows, "spo2_pct", light.ref_spo2).tolist() == [1.5, -0.5, 0.5]
    text = Page(report.page(light, shown(), "cpython")).text
    assert "bias +0.5, n 3" in text


def test_every_status_has_its_words_and_colour():
    assert set(report.STATUS) == set(field.STATUS_NAMES)
    colours = [colour for colour, _ in report.STATUS.values()]
    assert len(set(colours)) == len(colours)


def test_the_rows_can_be_saved_from_the_page():
    page = Page(report.page(recording(), shown(), "cpython"))
    (data,) = [ref for ref in page.refers if ref.startswith("data:text/csv")]
    text = base64.b64decode(data.split(",")[1]).decode()
    assert text.splitlines()[0] == ",".join(COLUMNS) and len(text.splitlines()) == SECONDS + 1


def test_the_page_holds_every_screen_at_the_size_of_the_panel():
    html = report.page(recording(), shown(), "cpython")
    page = Page(html)
    names = [str(image["alt"]) for image in page.images]
    goldens = sorted(path.stem for path in (Path(__file__).parent / "screens").glob("*.txt"))
    assert sorted(name for name in names if name in goldens) == goldens
    assert "width: 29.4mm; height: 14.7mm" in html
