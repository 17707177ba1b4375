"""One self-contained page on a replay: what the light was, what the device made of it, and what
the user would have seen. Figures are inline SVG, screens are inline PNG; nothing is fetched.
"""

import base64
import io
import re
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from host_tools import gallery
from host_tools import page as html
from host_tools.replay import table
from sim.door import core
from sim.playback import OWN_CLOCK_HZ
from sim.recording import Recording
from sim.run import COLUMNS, Replay

# Drawn in these colours and then given to the page's style sheet, so that one figure suits light,
# dark and paper.
_INK, _SOFT, _LINE = "#010101", "#020202", "#030303"
_BY_STYLE = {_INK: "var(--ink)", _SOFT: "var(--soft)", _LINE: "var(--line)"}

_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": _LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "path.simplify_threshold": 0.3,
    "svg.fonttype": "none",
    "svg.hashsalt": "xueyang",
    "text.color": _INK,
    "xtick.color": _LINE,
    "xtick.labelcolor": _SOFT,
    "ytick.color": _LINE,
    "ytick.labelcolor": _SOFT,
}

_SPO2, _PULSE, _UNSURE, _PERFUSION = "#3f7fbf", "#2f9a72", "#8fbfae", "#9270c2"
_RED, _IR, _REFERENCE = "#d4574e", "#6d7b8d", "#d98a1f"

# Status: colour, and the words under the band.
STATUS = {
    "ok": ("#2f9a72", "reading"),
    "starting": ("#7f9ab3", "starting"),
    "searching": ("#5b8fc0", "searching"),
    "weak_pulse": ("#c4932a", "weak pulse"),
    "motion": ("#d97a2b", "motion"),
    "no_finger": ("#8b9097", "no finger"),
    "too_bright": ("#b583cf", "too bright"),
    "saturated": ("#9270c2", "saturated"),
    "sensor_fault": ("#d4574e", "sensor fault"),
    "leds_swapped": ("#c2528b", "LEDs swapped"),
    "low_battery": ("#8a5a44", "low battery"),
    "usb_power": ("#556270", "on a cable"),
}
_UNKNOWN = ("#000000", "unknown")

SCREEN_EVERY_S = 15.0
MOST_SCREENS = 96
STRIP_S = 30.0
MOST_STRIPS = 8


def page(recording: Recording, shown: Replay, vm: str) -> str:
    """The report as HTML."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        return _page(recording, shown, vm)


def _page(recording: Recording, shown: Replay, vm: str) -> str:
    columns = _columns(shown)
    environment = html.environment(Path(__file__).parent)
    return environment.get_template("report.html.j2").render(
        name=recording.name,
        summary=summary(recording, columns),
        played=played(recording),
        vm={"cpython": "CPython", "micropython": "MicroPython"}[vm],
        course=_course(recording, columns) if shown.rows else "",
        strips=_strips(recording),
        strips_are_all=recording.duration_s <= STRIP_S * (MOST_STRIPS + 0.1),
        screens=screens(shown),
        gallery=gallery_screens(),
        panel_mm=gallery.PANEL_MM,
        statuses=[
            (*STATUS.get(word, _UNKNOWN), seconds) for word, seconds in _counts(columns["status"])
        ],
        has_reference=_has(recording.ref_spo2) or _has(recording.ref_hr),
        one_wavelength=recording.channels != 3,
        notes=recording.sidecar.get("notes"),
        device=recording.sidecar.get("device"),
        csv=base64.b64encode(table(shown).encode()).decode(),
    )


# --- figures of the summary ------------------------------------------------------------------


@dataclass
class Figure:
    """A number of the summary with its unit, what it is, and a remark."""

    value: str
    unit: str
    label: str
    remark: str = ""


def _columns(shown: Replay) -> dict[str, Any]:
    """The rows by column: floats with NaN where empty; status and flags as lists of words."""
    by_name: dict[str, Any] = {}
    for at, name in enumerate(COLUMNS):
        cells = [row[at] for row in shown.rows]
        if name not in ("status", "flags"):
            by_name[name] = np.array([float(cell) if cell else np.nan for cell in cells])
        else:
            by_name[name] = cells
    return by_name


def summary(recording: Recording, columns: dict[str, Any]) -> list[Figure]:
    """What the page says first."""
    seconds = len(columns["status"])
    ok = sum(status == "ok" for status in columns["status"])
    figures = [
        Figure(clock(recording.duration_s + 0.5), "min", "recording"),
        Figure(f"{100 * ok / seconds:.0f}" if seconds else "–", "%", "of it with a reading"),
    ]
    if recording.channels == 3:
        figures.append(_range(columns["spo2_pct"], "% SpO₂"))
    figures.append(_range(columns["pulse_bpm"], "/min pulse"))
    perfusion = columns["perfusion_pct"]
    if _has(perfusion):
        figures.append(Figure(f"{np.nanmedian(perfusion):.2f}", "%", "perfusion index", "median"))
    for name, reference, unit, label in (
        ("spo2_pct", recording.ref_spo2, "points", "SpO₂ off the reference, rms"),
        ("pulse_bpm", recording.ref_hr, "/min", "pulse off the reference, rms"),
    ):
        error = against(recording, columns, name, reference)
        if len(error):
            bias, rms = error.mean(), np.sqrt((error**2).mean())
            remark = f"bias {bias:+.1f}, n {len(error)}"
            figures.append(Figure(f"{rms:.1f}", unit, label, remark))
    return figures


def _range(values: np.ndarray, unit: str) -> Figure:
    unit, label = unit.split(" ")
    if not _has(values):
        return Figure("–", "", label, "no reading")
    low, median, high = np.nanmin(values), np.nanmedian(values), np.nanmax(values)
    return Figure(f"{median:.0f}", unit, label, f"median; {low:.0f} to {high:.0f}")


def against(
    recording: Recording, columns: dict[str, Any], name: str, reference: np.ndarray
) -> np.ndarray:
    """Reading less reference wherever both stand, each reference matched to its nearest row."""
    at = np.flatnonzero(~np.isnan(reference))
    t_s = columns["t_s"]
    if not len(at) or not len(t_s):
        return np.array([])
    rows = np.rint(recording.t_s[at] - t_s[0]).astype(int)
    inside = (rows >= 0) & (rows < len(t_s))
    error = columns[name][rows[inside]] - reference[at[inside]]
    return error[~np.isnan(error)]


def played(recording: Recording) -> str:
    """How the recording was played, in one sentence."""
    rate_hz = 1 / recording.period_s
    words = {1: "red only", 2: "infrared only", 3: "red and infrared"}[recording.channels]
    low, high = OWN_CLOCK_HZ
    as_is = low <= round(rate_hz, 1) <= high
    how = "played at its own pace" if as_is else "interpolated to 100 a second"
    scaled = ", scaled to half of full scale" if recording.scaled else ""
    return f"{words}, {rate_hz:.1f} samples a second, {how}{scaled}"


def _counts(words: list[str]) -> list[tuple[str, int]]:
    return sorted(((word, words.count(word)) for word in set(words)), key=lambda pair: -pair[1])


def _has(values: np.ndarray) -> bool:
    return bool(len(values)) and not np.isnan(values).all()


def clock(t_s: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, seconds = divmod(int(t_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


# --- the course over time --------------------------------------------------------------------


def _course(recording: Recording, columns: dict[str, Any]) -> str:
    """SpO2, pulse, perfusion, pulse wave and status over one time axis, as SVG."""
    t_s = columns["t_s"] - recording.t_s[0]
    panels = ["pulse", "perfusion", "wave", "status"]
    heights = {"spo2": 3.0, "pulse": 2.2, "perfusion": 1.3, "wave": 1.2, "status": 0.42}
    if recording.channels == 3 or _has(recording.ref_spo2):
        panels.insert(0, "spo2")
    figure, axes = _figure([heights[panel] for panel in panels])
    draw = {
        "spo2": lambda ax: _spo2(ax, recording, t_s, columns),
        "pulse": lambda ax: _pulse(ax, recording, t_s, columns),
        "perfusion": lambda ax: _perfusion(ax, t_s, columns),
        "wave": lambda ax: _overview(ax, recording),
        "status": lambda ax: _band(ax, t_s, columns["status"]),
    }
    for panel, ax in zip(panels, axes, strict=True):
        draw[panel](ax)
        ax.set_xlim(0, max(recording.duration_s, 1))
        _time_axis(ax, recording.duration_s)
        ax.tick_params(labelbottom=ax is axes[-1])
    return _svg(figure, "SpO2, pulse, perfusion, pulse wave and status over time")


def _spo2(ax, recording: Recording, t_s: np.ndarray, columns: dict[str, Any]) -> None:
    spo2, sd = columns["spo2_pct"], columns["spo2_sd_pct"]
    if _has(spo2):
        _line(ax, t_s, spo2, _SPO2, 1.8, "SpO₂")
        low, high = spo2 - sd, spo2 + sd
        ax.fill_between(t_s, low, high, color=_SPO2, alpha=0.25, lw=0, label="± its error")
    _reference(ax, recording, recording.ref_spo2)
    values = np.concatenate([spo2 - sd, spo2 + sd, recording.ref_spo2])
    low = np.nanmin(values) if _has(values) else 90.0
    ax.set_ylim(min(89.0, max(0.0, low - 1)), max(101.0, _top(values, 101.0)))
    ax.yaxis.set_major_locator(_locator("MaxNLocator", nbins=7, steps=[1, 2, 5, 10], integer=True))
    _title(ax, "SpO₂", "%")
    _legend(ax)


def _pulse(ax, recording: Recording, t_s: np.ndarray, columns: dict[str, Any]) -> None:
    pulse = columns["pulse_bpm"]
    read = np.array([status == "ok" for status in columns["status"]])
    # A pulse may stand beside some words that say why there is no reading; it is worth less.
    for rows, colour, label in ((read, _PULSE, "pulse"), (~read, _UNSURE, "without a reading")):
        if _has(pulse[rows]):
            _line(ax, t_s, np.where(rows, pulse, np.nan), colour, 1.6, label)
    _reference(ax, recording, recording.ref_hr)
    values = np.concatenate([pulse, recording.ref_hr])
    if _has(values):
        low, high = np.nanmin(values), np.nanmax(values)
        ax.set_ylim(max(0, min(low - 8, 50)), max(high + 8, 100))
    else:
        ax.set_ylim(40, 120)
    _title(ax, "Pulse", "/min")
    _legend(ax)


def _perfusion(ax, t_s: np.ndarray, columns: dict[str, Any]) -> None:
    values = columns["perfusion_pct"]
    _line(ax, t_s, values, _PERFUSION, 1.4, None)
    ax.axhline(0.3, color=_SOFT, lw=0.8, dashes=(4, 3))
    ax.set_ylim(0, max(1.0, _top(values, 1.0) * 1.15))
    _title(ax, "Perfusion", "%; dashed: low under 0.3")


def _overview(ax, recording: Recording) -> None:
    """The pulse wave; of a long one the highest and lowest point in slices of over a beat."""
    t_s, wave = pulse_wave(recording)["ir" if recording.ir is not None else "red"]
    if t_s[-1] <= 60:
        ax.plot(t_s, wave, color=_IR, lw=0.9)
    else:
        slice_s = max(1.5, t_s[-1] / 700)
        at = (t_s / slice_s).astype(int)
        low, high = np.full(at[-1] + 1, np.nan), np.full(at[-1] + 1, np.nan)
        np.fmin.at(low, at, wave)
        np.fmax.at(high, at, wave)
        middle_s = (np.arange(len(low)) + 0.5) * slice_s
        ax.fill_between(middle_s, low, high, color=_IR, lw=0, alpha=0.85)
    reach = _reach(t_s, wave)
    ax.set_ylim(-reach, reach)
    _title(ax, "Pulse wave", "% of the light")


def _band(ax, t_s: np.ndarray, status: list[str]) -> None:
    starts = [at for at in range(len(status)) if at == 0 or status[at] != status[at - 1]]
    width = t_s[-1] if len(t_s) else 1
    for start, past in zip(starts, [*starts[1:], len(status)], strict=True):
        colour, words = STATUS.get(status[start], _UNKNOWN)
        begin, seconds = t_s[start] - 1, past - start
        ax.barh(0, seconds, left=begin, height=1, color=colour, lw=0)
        if seconds > width * 0.011 * len(words):
            ax.text(
                begin + seconds / 2, 0, words, ha="center", va="center", color="white", fontsize=8
            )
    ax.set_ylim(-0.5, 0.5)
    ax.set_yticks([])
    ax.grid(False)
    _title(ax, "Status", "")


def _line(ax, t_s, values, colour: str, width: float, label: str | None) -> None:
    """A line that stops where there is no value; a second on its own gets a dot."""
    known = np.concatenate([[False], ~np.isnan(values), [False]])
    alone = known[1:-1] & ~known[:-2] & ~known[2:]
    ax.plot(t_s, values, color=colour, lw=width, label=label, solid_capstyle="round")
    ax.plot(t_s[alone], values[alone], ".", color=colour, ms=4)


def _reference(ax, recording: Recording, reference: np.ndarray) -> None:
    at = np.flatnonzero(~np.isnan(reference))
    if len(at):
        ax.plot(
            recording.t_s[at] - recording.t_s[0],
            reference[at],
            ".",
            color=_REFERENCE,
            ms=3.5 if len(at) > 200 else 5,
            label="reference",
            zorder=1.5,
        )


def _top(values: np.ndarray, otherwise: float) -> float:
    return float(np.nanmax(values)) if _has(values) else otherwise


# --- the pulse wave --------------------------------------------------------------------------


def pulse_wave(recording: Recording) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each channel (time from 0 in s, wave in percent of the light there, up is more blood).

    The wave is what is left of the light when its mean over two seconds is taken out; NaN in
    gaps, at lost samples and at failed reads.
    """
    t_s = recording.t_s - recording.t_s[0]
    window = max(3, round(2.0 / recording.period_s))
    light = {"red": recording.red, "ir": recording.ir}
    failed = np.zeros(len(t_s), bool)
    if recording.red is not None and recording.ir is not None:
        failed = (recording.red == core.FAILED_READ_ADC) & (recording.ir == core.FAILED_READ_ADC)
    waves = {}
    for name, counts in light.items():
        if counts is not None:
            known = ~np.isnan(counts) & ~failed
            filled = np.where(known, counts, 0.0)
            weights = _moving_sum(known.astype(float), window)
            mean = _moving_sum(filled, window) / np.maximum(weights, 1)
            with np.errstate(divide="ignore", invalid="ignore"):
                wave = np.where(known & (mean > 0), -100 * (counts / mean - 1), np.nan)
            gap = np.flatnonzero(np.diff(t_s) > 3.5 * recording.period_s) + 1
            waves[name] = (np.insert(t_s, gap, t_s[gap]), np.insert(wave, gap, np.nan))
    return waves


def _moving_sum(values: np.ndarray, window: int) -> np.ndarray:
    """Sum over `window` values around each, over fewer at the ends."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    first = np.clip(at - window // 2, 0, None)
    past = np.clip(at - window // 2 + window, None, len(values))
    return total[past] - total[first]


def _reach(t_s: np.ndarray, wave: np.ndarray) -> float:
    """A scale that fits the wave of an ordinary second; wilder ones run out of the picture."""
    known = ~np.isnan(wave)
    seconds = t_s[known].astype(int)
    if not len(seconds):
        return 1.0
    highest = np.zeros(seconds[-1] + 1)
    np.maximum.at(highest, seconds, np.abs(wave[known]))
    return max(0.05, 1.6 * float(np.median(highest[np.unique(seconds)])))


def _strips(recording: Recording) -> list[tuple[str, str]]:
    """The pulse wave close up: (caption, SVG), the whole recording or evenly chosen strips."""
    waves = pulse_wave(recording)
    count = max(1, int(np.ceil(recording.duration_s / STRIP_S - 0.1)))
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_STRIPS)).round().astype(int))
    strips = []
    for number in chosen:
        begin_s = number * STRIP_S
        figure, (ax,) = _figure([0.95])
        reach = 0.05
        for name, colour, width in (("ir", _IR, 1.3), ("red", _RED, 0.9)):
            if name in waves:
                t_s, wave = waves[name]
                inside = (t_s >= begin_s) & (t_s <= begin_s + STRIP_S)
                ax.plot(t_s[inside], wave[inside], color=colour, lw=width)
                reach = max(reach, _reach(t_s[inside], wave[inside]))
        ax.set_xlim(begin_s, begin_s + STRIP_S)
        ax.set_ylim(-reach, reach)
        ax.yaxis.set_major_locator(_locator("MaxNLocator", nbins=3, symmetric=True))
        ax.xaxis.set_major_locator(_locator("MultipleLocator", 5))
        ax.xaxis.set_major_formatter(lambda t_s, _: clock(t_s))
        caption = f"{clock(begin_s)} to {clock(min(begin_s + STRIP_S, recording.duration_s))}"
        strips.append((caption, _svg(figure, f"Pulse wave, {caption}")))
    return strips


# --- screens ---------------------------------------------------------------------------------


@dataclass
class Screen:
    """A screen with its moment, the status then, and its PNG as base64."""

    at: str
    words: str
    colour: str
    png: str


def screens(shown: Replay) -> list[Screen]:
    """The display where the status changed and about every 15 s between."""
    status_at = COLUMNS.index("status")
    status = [row[status_at] for row in shown.rows]
    chosen: list[int] = []
    for at, (t_s, _) in enumerate(shown.frames):
        changed = status[at] != status[max(0, at - 1)]
        overdue = not chosen or t_s - shown.frames[chosen[-1]][0] >= SCREEN_EVERY_S
        if changed or overdue:
            # The display is drawn a few times a second: just after a change it may lag behind.
            holds = at + 1 < len(status) and status[at + 1] == status[at]
            chosen.append(at + 1 if changed and holds else at)
    if shown.frames and chosen[-1] != len(shown.frames) - 1:
        chosen.append(len(shown.frames) - 1)
    if len(chosen) > MOST_SCREENS:
        keep = np.linspace(0, len(chosen) - 1, MOST_SCREENS).round().astype(int)
        chosen = [chosen[at] for at in keep]
    out = []
    for at in chosen:
        colour, words = STATUS.get(status[at], _UNKNOWN)
        png = base64.b64encode(png_of_frame(shown.frames[at][1])).decode()
        out.append(Screen(at=clock(at + 1), words=words, colour=colour, png=png))
    return out


@cache
def gallery_screens() -> list[tuple[str, str]]:
    """Every screen that the device can show, in Chinese and then in English: name and PNG."""
    return [
        (name, base64.b64encode(png_of_frame(bytes(canvas))).decode())
        for name, canvas in gallery.pictures().items()
    ]


def png_of_frame(frame: bytes) -> bytes:
    """A display frame (1024 bytes, page format) as a two-colour PNG of 128 x 64 pixels."""
    pages = np.frombuffer(frame, np.uint8).reshape(8, 1, 128)
    pixels = (pages >> np.arange(8, dtype=np.uint8).reshape(1, 8, 1) & 1).reshape(64, 128)
    lines = np.packbits(pixels, axis=1)
    raw = b"".join(b"\0" + line.tobytes() for line in lines)
    dark, lit = bytes((8, 12, 16)), bytes((205, 236, 255))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 128, 64, 1, 3, 0, 0, 0))
        + chunk(b"PLTE", dark + lit)
        + chunk(b"IDAT", zlib.compress(raw, 9))
        + chunk(b"IEND", b"")
    )


# --- drawing ---------------------------------------------------------------------------------


def _figure(heights: list[float]):
    """A figure of stacked panels, these inches high, in the page's style."""
    from matplotlib.figure import Figure as Canvas

    between, above, below = 0.42, 0.3, 0.28
    height = sum(heights) + between * (len(heights) - 1)
    if len(heights) == 1:
        above = 0.06
    total = height + above + below
    figure = Canvas(figsize=(10, total))
    axes = figure.subplots(
        len(heights),
        1,
        squeeze=False,
        gridspec_kw={
            "height_ratios": heights,
            "hspace": between / (sum(heights) / len(heights)),
            "left": 0.05,
            "right": 0.985,
            "top": 1 - above / total,
            "bottom": below / total,
        },
    )[:, 0]
    return figure, axes


def _title(ax, name: str, unit: str) -> None:
    title = ax.set_title(name, loc="left", fontsize=10, fontweight="bold", pad=5)
    ax.annotate(
        unit,
        xy=(1, 0),
        xycoords=title,
        xytext=(6, 0),
        textcoords="offset points",
        color=_SOFT,
        fontsize=8.5,
    )


def _legend(ax) -> None:
    if ax.get_legend_handles_labels()[0]:
        ax.legend(
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=3,
            fontsize=8.5,
            borderaxespad=0.1,
            handlelength=1.4,
            columnspacing=1.4,
        )


def _locator(kind: str, *args, **options):
    from matplotlib import ticker

    return getattr(ticker, kind)(*args, **options)


def _time_axis(ax, duration_s: float) -> None:
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)
    step = next((step for step in steps if duration_s / step <= 12), 4 * 3600)
    ax.xaxis.set_major_locator(_locator("MultipleLocator", step))
    ax.xaxis.set_major_formatter(lambda t_s, _: clock(t_s))


def _svg(figure, title: str) -> str:
    """The figure as an inline SVG element whose neutral colours the page decides."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    for colour, variable in _BY_STYLE.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Names inside are unique to a figure, but several figures share one page.
    salt = f"{zlib.crc32(svg.encode()):08x}"
    svg = re.sub(r'\bid="', f'id="f{salt}-', svg)
    svg = re.sub(r'href="#', f'href="#f{salt}-', svg)
    svg = svg.replace("url(#", f"url(#f{salt}-")
    svg = re.sub(r'\s(width|height)="[\d.]+pt"', "", svg, count=2)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
