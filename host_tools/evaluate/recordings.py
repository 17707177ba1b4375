"""Real recordings against the references that came with them.

Each is played through the whole device exactly as `xueyang replay` does it (about 400 x real time
a core, so nothing of the device needs a second, faster copy here), or through any other program.
A recording gives one result for each quantity that it has a reference for; its columns are those
of the matrix, as far as they apply. What stands in no table of the code is not searched for: one
lag a set, one list of times without a pulse.

A reference device is not the truth. Unless arterial samples stand behind it (the sidecar says
`"reference": "SaO2"`), what comes out is agreement with that device, and is called so.
"""

import csv
import gzip
import os
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from host_tools.evaluate import statistics, targets
from host_tools.evaluate.algorithm import AlgorithmError, Readings, collected, on_file
from host_tools.report import pulse_wave
from sim.door import field as reading_field
from sim.recording import Recording, RecordingError, read
from sim.run import COLUMNS, run_device

Floats = NDArray[np.float64]
Result = dict[str, Any]
Quantity = Literal["spo2", "pulse"]
Progress = Callable[[int, int, str], None]

ROOT = Path(__file__).resolve().parents[2]

# A row tells the mean over the 8 s that end at it, so it speaks of the light 4 s before.
ROW_LAG_S = 4.0
FROM_S = 10.0  # percentages are of all seconds from here on
# The pulse has gone when its last beat has; the device has this long to see it.
GONE_WITHIN_S = 2.0
WEAK_PCT = 0.2
KINDS = (".csv", ".csv.gz", ".hea", ".edf")

NO_LAG_KNOWN = (
    "nothing known of the reference: taken for a device that averages like this one, its number "
    "read off at the stamp"
)


@dataclass(frozen=True)
class RecordingSet:
    """What is known of a set beforehand.

    `folder` and `names` are patterns (whole folder name, part of the recording's name).
    `spo2_lag_s` and `pulse_lag_s` say how far the reference's stamp comes after the light that it
    speaks of. `subject` finds the person in the recording's name; without it each recording counts
    as one. `derived` takes the column derived_hr, computed from the same light by other means.
    """

    key: str
    title: str
    folder: str = ""
    names: str = ""
    spo2_lag_s: float = ROW_LAG_S
    pulse_lag_s: float = ROW_LAG_S
    why: str = NO_LAG_KNOWN
    subject: str = ""
    derived: bool = False
    from_s: float = FROM_S
    least_perfusion_pct: float = 0.0
    note: str = ""


SETS = (
    RecordingSet(
        "emotibit",
        "EmotiBit, breath holds, one person",
        "emotibit_max30101",
        spo2_lag_s=6.0,
        why="dips of the ratio over 8 s about each stamp came 6 s before those of the "
        "oximeter, read and typed by hand (PROVENANCE.md)",
        subject=r"^",
    ),
    RecordingSet(
        "luong",
        "luong, infrared only, pulse against ECG",
        "luong_max30102_ecg",
        pulse_lag_s=0.0,
        why="the ECG's rate over 8 s is stamped at their middle",
        subject=r"^(dev|s\d+)_",
    ),
    RecordingSet(
        "alsementsov",
        "alsementsov, superb and good, PI ≥ 0.2 %",
        "alsementsov_max30102",
        names=r"_(superb|good)$",
        pulse_lag_s=0.0,
        why="derived_hr over 8 s is stamped at their middle",
        derived=True,
        from_s=8.0,
        least_perfusion_pct=WEAK_PCT,
        subject=r"yny|^(?!.*yny)",  # "yny" is the second person; of the others nothing is known
        note="the reference was computed from the same light: it can tell doubling, not an offset",
    ),
    RecordingSet(
        "alsementsov_rest",
        "alsementsov, all others",
        "alsementsov_max30102",
        pulse_lag_s=0.0,
        why="derived_hr over 8 s is stamped at their middle",
        derived=True,
        from_s=8.0,
        subject=r"yny|^(?!.*yny)",
        note="the reference was computed from the same light, and only where it was sure",
    ),
    RecordingSet(
        "bidmc",
        "BIDMC, hospital pleth, pulse against ECG",
        "bidmc_single",
        pulse_lag_s=0.0,
        why="the ECG's rate over 8 s is stamped at their middle",
    ),
    RecordingSet(
        "ubicomp",
        "UW phone camera, red only, pulse against clinical oximeters",
        "ubicomp_phone_camera",
        why="clinical oximeters average over about 8 s, and their number was logged each second",
        subject=r"^\d+",
    ),
)

# Spells without a pulse: folder, recording, first and last second of it after the first sample.
# Found by eye, in plots of both channels less their mean over 2 s with 0.6 % of the light as full
# scale: from the end of the last pulse wave to the moment when the light falls again before the
# first. In the two with a finger the vessels were pressed shut, the light rises, and what is left
# stays under 0.1 % with red and infrared alike (in d2_17-05 one step of the finger at 105.6 s is
# no beat either). The other two have no finger at all.
NO_PULSE = (
    ("alsementsov_max30102", "d2_17-05_dead", 79.3, 108.8),
    ("alsementsov_max30102", "d3_17-16_dead", 30.4, 53.6),
    ("alsementsov_max30102", "d2_16-43_ambi", 0.0, 6.6),
    ("alsementsov_max30102", "d2_16-44_whitecoverlay", 0.0, 19.0),
)

SPELLS = RecordingSet("no_pulse", "spells without a pulse")

# Two sensors on one person at one time, each with a clock of its own: folder, and the part of the
# name that both share.
TWO_BOARDS = ("misc_max30102", r"^(jdesbonnet_.*)_s[01]$")
BOARDS = RecordingSet(
    "two_boards",
    "two boards on one person, one clock 43 % fast",
    pulse_lag_s=0.0,
    why="row against row of one time",
    subject=r"^",
)


class Evaluated(NamedTuple):
    """`results`: one a recording and quantity. `sets`: what they say together, JSON-able.
    `failures`: a sentence for each recording that could not be scored. `without`: recordings with
    nothing to compare with."""

    results: list[Result]
    sets: list[dict[str, Any]]
    failures: list[str]
    without: list[str]

    @property
    def judged(self) -> list[Result]:
        """The results that a target is set for."""
        keys = {row.key for row in targets.RECORDINGS}
        return [result for result in self.results if result["row"] in keys]


class NoRecordings(Exception):
    """There is nothing to score; the message says what to do."""


@dataclass
class _Scored:
    """One result with what cannot be summed: device less reference, row by row."""

    result: Result
    known: RecordingSet
    quantity: Quantity | None = None
    differences: Floats = field(default_factory=lambda: np.zeros(0))
    arterial: bool = False


@dataclass
class _Played:
    file: Path
    name: str = ""
    folder: str = ""
    scored: list[_Scored] = field(default_factory=list)
    pulse_bpm: Floats = field(default_factory=lambda: np.zeros(0))
    failure: str | None = None


# ------------------------------------------------------------------------------------ which files


def default_folder() -> Path:
    """Where recordings lie: $XUEYANG_RECORDINGS, else ../shared/recordings beside the project."""
    named = os.environ.get("XUEYANG_RECORDINGS")
    return Path(named) if named else ROOT.parent / "shared" / "recordings"


def found(paths: Iterable[Path]) -> list[Path]:
    """The recordings among files and folders, sorted; a folder's other files are left out.

    Raises NoRecordings.
    """
    files: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.name.lower().endswith(KINDS))
            own = [p for p in inside if p.is_file() and _is_recording(p)]
            if not own:
                raise NoRecordings(
                    f"{path} holds no recordings: name a folder with CSV files that have the "
                    "columns t_s, red and ir."
                )
            files |= dict.fromkeys(own)
        elif path.exists():
            files[path] = None
        else:
            raise NoRecordings(
                f"{path} is not there: name a recording or a folder of them, or set "
                "XUEYANG_RECORDINGS to their folder."
            )
    return list(files)


def _is_recording(path: Path) -> bool:
    """Whether a file of a folder claims to be one: tables lie about there too."""
    if not path.name.lower().endswith((".csv", ".csv.gz")):
        return True
    try:
        with _opened(path) as text:
            header = text.readline(1000)
    except (OSError, EOFError):
        return True  # what is wrong with it is told when it is read
    return {"t_s", "red", "ir"} <= {cell.strip() for cell in header.split(",")}


def _opened(path: Path) -> TextIO:
    opener: Any = gzip.open if path.suffix.lower() == ".gz" else open
    return opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="")


def set_of(folder: str, recording: Recording) -> RecordingSet:
    """What is known of the set that a recording belongs to; its sidecar may state the lags."""
    for known in SETS:
        if re.fullmatch(known.folder, folder) and re.search(known.names, recording.name):
            weak = known.least_perfusion_pct and perfusion_pct(recording)
            if not weak or weak >= known.least_perfusion_pct:
                return known
    said = {
        name: float(recording.sidecar[name])
        for name in ("spo2_lag_s", "pulse_lag_s")
        if isinstance(recording.sidecar.get(name), (int, float))
    }
    why = "stated in the sidecar" if said else NO_LAG_KNOWN
    key = re.sub(r"\W+", "_", folder.lower()) or "recordings"
    return replace(RecordingSet(key, folder or "recordings", why=why), **said)  # type: ignore[arg-type]


def perfusion_pct(recording: Recording) -> float:
    """(max - min) / mean of the light, in percent: the median over slices of 2 s."""
    t_s, wave = pulse_wave(recording)["ir" if recording.ir is not None else "red"]
    slices = [wave[(t_s >= at) & (t_s < at + 2)] for at in range(0, int(t_s[-1]) - 1, 2)]
    heights = [np.nanmax(part) - np.nanmin(part) for part in slices if np.isfinite(part).any()]
    return float(np.median(heights)) if heights else 0.0


# ---------------------------------------------------------------------------------------- scoring


def evaluate(
    paths: Sequence[Path],
    command: str | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Evaluated:
    """Scores recordings on the device, or on another program (`algorithm.on_file`).

    `progress(done, of, name)` is called after each. Raises NoRecordings.
    """
    files = found(paths)
    played: list[_Played] = []
    jobs = min(jobs or os.cpu_count() or 1, len(files))
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            for one in pool.map(_play, files, [command] * len(files)):
                played.append(one)
                if progress:
                    progress(len(played), len(files), one.name)
    else:
        for file in files:
            played.append(_play(file, command))
            if progress:
                progress(len(played), len(files), played[-1].name)
    pairs = _two_boards(played)
    scored = [part for one in played for part in one.scored] + pairs
    paired = {part.result["id"] for part in pairs}
    return Evaluated(
        [part.result for part in scored],
        [_together(group) for group in _groups(scored)],
        [one.failure for one in played if one.failure],
        [
            str(one.file)
            for one in played
            if not one.scored and not one.failure and _pair(one) not in paired
        ],
    )


def _play(file: Path, command: str | None) -> _Played:
    played = _Played(file, name=file.name, folder=file.resolve().parent.name)
    try:
        recording = read(file)
        played.name = recording.name
        readings = rows_of(recording) if command is None else _foreign(command, file, recording)
        played.pulse_bpm = _quantity(readings, "pulse")
        known = set_of(played.folder, recording)
        played.scored = list(_scored(file, recording, readings, known, played.folder))
    except (RecordingError, AlgorithmError) as error:
        played.failure = str(error)
    return played


def rows_of(recording: Recording) -> Readings:
    """The rows of `xueyang replay`, one reading a second."""
    shown = run_device(recording)
    rows = (dict(zip(COLUMNS, row, strict=True)) for row in shown.rows)
    return collected(rows, float(recording.t_s[0]), recording.seconds)


def _foreign(command: str, file: Path, recording: Recording) -> Readings:
    return on_file(command, file, float(recording.t_s[0]), recording.seconds, str(file))


def _scored(
    file: Path, recording: Recording, readings: Readings, known: RecordingSet, folder: str
) -> Iterable[_Scored]:
    base: Result = {
        "id": f"{folder}/{recording.name}",
        "row": known.key,
        "cell": known.key,
        "subject": _subject(known, folder, recording),
        "duration_s": recording.duration_s,
        "window_s": 2 * ROW_LAG_S,
    }
    arterial = str(recording.sidecar.get("reference", "")).lower() == "sao2"
    t_s = recording.t_s - recording.t_s[0]
    # One wavelength gives no saturation: where the other is absent, none is due.
    spo2 = recording.ref_spo2 if recording.channels == 3 else np.full(len(t_s), np.nan)
    pulse = _derived(file, recording) if known.derived else recording.ref_hr
    both = not np.isnan(spo2).all() and not np.isnan(pulse).all()
    for quantity, reference, lag_s in (
        ("spo2", spo2, known.spo2_lag_s),
        ("pulse", pulse, known.pulse_lag_s),
    ):
        stamped = np.flatnonzero(~np.isnan(reference))
        if len(stamped) or (known.derived and quantity == "pulse"):
            at_row = reference_rows(t_s[stamped], reference[stamped], lag_s, len(readings))
            start = int(np.ceil(known.from_s)) - 1
            own_id = {"id": f"{base['id']}/{quantity}"} if both else {}
            result, differences = score(
                readings[start:],
                at_row[start:],
                quantity,  # type: ignore[arg-type]
            )
            yield _Scored(
                base | own_id | result,
                known,
                quantity,  # type: ignore[arg-type]
                differences,
                arterial and quantity == "spo2",
            )
    for where, name, first_s, last_s in NO_PULSE:
        if (where, name) == (folder, recording.name):
            result = without_pulse(readings, first_s, last_s)
            own_id = {"id": f"{base['id']}/no_pulse", "row": "no_pulse", "cell": "no_pulse"}
            yield _Scored(base | own_id | result, SPELLS)


def _subject(known: RecordingSet, folder: str, recording: Recording) -> str:
    """The person: as the sidecar says, else as the set's names tell, else one a recording."""
    said = recording.sidecar.get("subject")
    if said is not None:
        return f"{folder}/{said}"
    match = re.search(known.subject, recording.name) if known.subject else None
    return f"{folder}/{match.group(0) if match else recording.name}"


def _derived(file: Path, recording: Recording) -> Floats:
    """The column derived_hr, which is no part of the contract; blank where there is none."""
    with _opened(file) as text:
        rows = csv.DictReader(text, skipinitialspace=True)
        cells = [(row.get("derived_hr") or "").strip() for row in rows]
    if len(cells) != len(recording.t_s):
        return np.full(len(recording.t_s), np.nan)
    return np.array([float(cell) if cell else np.nan for cell in cells])


def reference_rows(t_s: Floats, values: Floats, lag_s: float, seconds: int) -> Floats:
    """The reference that belongs to each row 1 … seconds, NaN where none does.

    `t_s`: the stamps after the first sample; the light that a value speaks of came `lag_s` before,
    and the row that speaks of it ROW_LAG_S later. The later of two for one row counts.
    """
    out = np.full(seconds, np.nan)
    rows = np.floor(t_s - lag_s + ROW_LAG_S + 0.5).astype(int)
    inside = (rows >= 1) & (rows <= seconds)
    out[rows[inside] - 1] = values[inside]
    return out


def _quantity(readings: Readings, quantity: Quantity) -> Floats:
    """Percent or beats a minute, NaN where the row shows none."""
    at, units = {
        "spo2": (reading_field.SPO2_CENTIPCT, 100.0),
        "pulse": (reading_field.PULSE_DECIBPM, 10.0),
    }[quantity]
    return np.where(readings[:, at] == reading_field.NONE, np.nan, readings[:, at] / units)


def score(readings: Readings, reference: Floats, quantity: Quantity) -> tuple[Result, Floats]:
    """Columns of a result from rows and the reference beside each; and the differences.

    SpO2 is due, and shown or not, where it has a reference; a pulse in every row.
    """
    error = _quantity(readings, quantity) - reference
    error = error[~np.isnan(error)]
    shown = readings[:, reading_field.STATUS] == reading_field.OK
    size = np.abs(error)
    if quantity == "pulse":
        return {
            "seconds": len(readings),
            "shown": int(shown.sum()),
            "pulse_shown": len(error),
            "pulse_err_sum": float(error.sum()),
            "pulse_err_sq": float((error**2).sum()),
            "pulse_err_max": float(size.max(initial=0.0)),
            "pulse_within_3": int((size <= 3).sum()),
            "pulse_over_3": int((size > 3).sum()),
            "pulse_within_5": int((size <= 5).sum()),
            "pulse_over_5": int((size > 5).sum()),
            **_beside(_quantity(readings, "pulse"), reference, "pulse_"),
        }, error
    due = ~np.isnan(reference)
    return {
        "seconds": int(due.sum()),
        "shown": int((due & ~np.isnan(_quantity(readings, "spo2"))).sum()),
        "spo2_err_sum": float(error.sum()),
        "spo2_err_sq": float((error**2).sum()),
        "spo2_err_max": float(size.max(initial=0.0)),
        "within_3": int((size <= 3).sum()),
        "over_4": int((size > 4).sum()),
        **_beside(_quantity(readings, "spo2"), reference, ""),
    }, error


_SUMS = ("pairs", "ref_sum", "dev_sum", "ref_sq", "dev_sq", "ref_dev")


def _beside(device: Floats, reference: Floats, prefix: str) -> Result:
    """The sums that a correlation and a comparison with a constant need, and the reference's ends;
    `prefix` keeps a pulse's from being taken for points of SpO2."""
    both = ~np.isnan(device) & ~np.isnan(reference)
    x, y = reference[both], device[both]
    if not len(x):
        return {f"{prefix}pairs": 0}
    sums = (len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum())
    named = dict(zip(_SUMS, sums, strict=True)) | {"ref_min": x.min(), "ref_max": x.max()}
    return {f"{prefix}{name}": float(value) for name, value in named.items()}


def without_pulse(readings: Readings, first_s: float, last_s: float) -> Result:
    """Seconds of a spell without a pulse, and those of them with a number of any kind."""
    row_s = np.arange(1, len(readings) + 1)
    inside = readings[(row_s >= first_s + GONE_WITHIN_S) & (row_s <= last_s)]
    number = ~np.isnan(_quantity(inside, "pulse")) | ~np.isnan(_quantity(inside, "spo2"))
    return {"seconds": len(inside), "number_shown": int(number.sum())}


def _pair(one: _Played) -> str | None:
    """The name of the pair of boards that a recording is one half of."""
    folder, names = TWO_BOARDS
    match = re.match(names, one.name)
    return f"{folder}/{match.group(1)}" if one.folder == folder and match else None


def _two_boards(played: Sequence[_Played]) -> list[_Scored]:
    """A result for each pair of boards: the pulse of one against that of the other.

    `apart_bpm` is the difference of their means, which a wrong clock would move. Single rows lie
    farther apart, as do the beats themselves: breathing shifts their arrival at a toe by more.
    """
    pairs: dict[str, list[_Played]] = {}
    for one in played:
        pair = _pair(one)
        if pair and not one.failure:
            pairs.setdefault(pair, []).append(one)
    out = []
    for name, boards in pairs.items():
        if len(boards) == 2:
            rows = min(len(one.pulse_bpm) for one in boards)
            a, b = (one.pulse_bpm[int(FROM_S) - 1 : rows] for one in boards)
            apart = a - b
            apart = apart[~np.isnan(apart)]
            result = {
                "id": name,
                "row": BOARDS.key,
                "cell": BOARDS.key,
                "subject": boards[0].folder,
                "seconds": len(a),
                "shown": len(apart),
                "pulse_shown": len(apart),
                "pulse_err_sum": float(apart.sum()),
                "pulse_err_sq": float((apart**2).sum()),
                "pulse_err_max": float(np.abs(apart).max()) if len(apart) else None,
                "apart_bpm": abs(float(apart.mean())) if len(apart) else None,
            }
            out.append(_Scored(result, BOARDS, "pulse", apart))
    return out


# --------------------------------------------------------------------------- what a set says


def _groups(scored: Sequence[_Scored]) -> list[list[_Scored]]:
    groups: dict[tuple[str, str | None], list[_Scored]] = {}
    for one in scored:
        groups.setdefault((one.known.key, one.quantity), []).append(one)
    # Those with a target first, in its table's order.
    order = [row.key for row in targets.RECORDINGS]
    return sorted(
        groups.values(),
        key=lambda group: order.index(key) if (key := group[0].known.key) in order else len(order),
    )


def _together(group: Sequence[_Scored]) -> dict[str, Any]:
    """Figures of one set and quantity with their intervals over subjects, and what it supports."""
    known, quantity = group[0].known, group[0].quantity
    arterial = all(one.arterial for one in group)
    results = [one.result for one in group]
    subjects = sorted({str(result["subject"]) for result in results})
    notes = [known.note] if known.note else []
    if quantity and len(subjects) < statistics.FEW:
        notes.append(
            f"{counted(len(subjects), 'subject')}, under {statistics.FEW}: judged by the values, "
            "without intervals"
        )
    figures: dict[str, Any] = {}
    if quantity is None:
        figures["a number without a pulse"] = _figure(results, "number_shown", "seconds")
    if quantity:
        prefix, err = ("pulse_", "pulse_err") if quantity == "pulse" else ("", "spo2_err")
        pairs = "pulse_shown" if quantity == "pulse" else "shown"
        figures["rms"] = _figure(results, f"{err}_sq", pairs, statistics.root)
        figures["bias"] = _figure(results, f"{err}_sum", pairs)
        figures["shown"] = _figure(results, "shown", "seconds")
    if known.key == BOARDS.key:
        means = [r["apart_bpm"] for r in results if r["apart_bpm"] is not None]
        figures["means apart, worst"] = {
            "value": max(means, default=None),
            "low": None,
            "high": None,
            "n": len(means),
        }
    elif quantity == "pulse":
        figures["within 3 bpm"] = _figure(results, "pulse_within_3", "pulse_shown")
        figures["over 5 bpm"] = _figure(results, "pulse_over_5", "pulse_shown")
    if quantity == "spo2":
        figures["within 3 points"] = _figure(results, "within_3", "shown")
    out: dict[str, Any] = {
        "key": known.key,
        "title": known.title,
        "quantity": quantity,
        "unit": {"spo2": "points", "pulse": "bpm", None: ""}[quantity],
        "heading": _heading(known, arterial),
        "recordings": len(results),
        "subjects": len(subjects),
        "lag_s": known.spo2_lag_s if quantity == "spo2" else known.pulse_lag_s,
        "lag_why": known.why,
        "figures": figures,
        "notes": notes,
        "worst": _worst(results, quantity),
    }
    spans = [r for r in results if quantity and f"{prefix}ref_min" in r]
    if spans:
        low = min(r[f"{prefix}ref_min"] for r in spans)
        high = max(r[f"{prefix}ref_max"] for r in spans)
        out["reference"] = [low, high]
        names = [f"{prefix}pairs", f"{err}_sq", f"{prefix}ref_sum", f"{prefix}ref_sq"]
        beside = _estimate(results, names, statistics.over_constant)
        out["over_constant"] = beside
        names = [f"{prefix}{name}" for name in _SUMS]
        figures["correlation"] = _estimate(results, names, statistics.correlation)
        if quantity == "spo2" and high - low < targets.LEAST_SPAN:
            notes.append(
                f"the reference spans {high - low:.0f} points ({low:.0f} to {high:.0f}), under "
                f"{targets.LEAST_SPAN:g}: it supports no statement on how right the saturation is"
            )
        if beside["value"] is not None:
            than = "better than" if beside["value"] < 1 else "no better than"
            notes.append(
                f"{than} the best constant: {beside['value']:.2f} of the rms that a stopped "
                "display with the reference's mean would have"
            )
        out["agreement"] = _limits(group)
    return out


def _heading(known: RecordingSet, arterial: bool) -> str:
    if known.key == SPELLS.key:
        return "no number is due"
    if known.key == BOARDS.key:
        return "agreement of one with the other"
    if arterial:
        return "accuracy against arterial SaO2 (rms is Arms)"
    return "agreement with the reference device"


def _figure(
    results: Sequence[Result],
    top: str,
    under: str,
    function: Callable[[Floats], Floats] = statistics.ratio,
) -> dict[str, Any]:
    return _estimate(results, [top, under], function)


def _estimate(
    results: Sequence[Result], names: Sequence[str], function: Callable[[Floats], Floats]
) -> dict[str, Any]:
    """A figure over subjects: value, low, high (None without an interval) and n."""
    units: dict[str, Floats] = {}
    for result in results:
        row = np.array([result.get(name) or 0 for name in names], dtype=np.float64)
        subject = str(result["subject"])
        units[subject] = units[subject] + row if subject in units else row
    found = statistics.bootstrap(np.array(list(units.values())), function)
    return {
        name: value if name == "n" else _plain(value) for name, value in found._asdict().items()
    }


def _plain(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None


def _worst(results: Sequence[Mapping[str, Any]], quantity: Quantity | None) -> list[str]:
    """The recordings with the largest share of wrong seconds, at most three of them."""
    bad, of, how = {
        "spo2": ("over_4", "shown", "off by over 4 points"),
        "pulse": ("pulse_over_5", "pulse_shown", "off by over 5 bpm"),
        None: ("number_shown", "seconds", "with a number"),
    }[quantity]
    wrong = [r for r in results if r.get(bad)]
    wrong.sort(key=lambda r: -r[bad] / max(1, r[of]))
    return [f"{r['id']}: {r[bad]} of {r[of]} s {how}" for r in wrong[:3]]


def _limits(group: Sequence[_Scored]) -> dict[str, Any] | None:
    """Bland and Altman's limits of agreement over subjects; None where there are too few."""
    by_subject: dict[str, list[Floats]] = {}
    for one in group:
        if len(one.differences):
            by_subject.setdefault(str(one.result["subject"]), []).append(one.differences)
    try:
        found = statistics.agreement([np.concatenate(parts) for parts in by_subject.values()])
    except ValueError:
        return None
    return {
        name: {k: v if k == "n" else _plain(v) for k, v in value._asdict().items()}
        if isinstance(value, statistics.Estimate)
        else (value if isinstance(value, int) else _plain(value))
        for name, value in found._asdict().items()
    }


# ------------------------------------------------------------------------------------- as text


def render(sets: Sequence[Mapping[str, Any]]) -> str:
    """What each set says, for a terminal."""
    lines: list[str] = []
    for one in sets:
        lines.append(
            f"{one['title']}: {one['heading']} "
            f"({counted(one['recordings'], 'recording')}, "
            f"{counted(one['subjects'], 'subject')})"
        )
        if one["quantity"]:
            lines.append(f"  lag {one['lag_s']:g} s: {one['lag_why']}")
        lines += [f"  {name:<26} {told(name, figure)}" for name, figure in one["figures"].items()]
        limits = one.get("agreement")
        if limits:
            ends = f"{limits['lower']['value']:+.2f} to {limits['upper']['value']:+.2f}"
            lines.append(
                f"  {'limits of agreement':<26} {ends} (sd within {limits['sd_within']:.2f}, "
                f"between subjects {limits['sd_between']:.2f})"
            )
        lines += [f"  {note}" for note in one["notes"]]
        lines += [f"  worst {worst}" for worst in one["worst"]]
    lines = [part for line in lines for part in textwrap.wrap(line, 100, subsequent_indent="    ")]
    return "\n".join(lines) + "\n" if lines else ""


SHARES = ("shown", "within 3 bpm", "over 5 bpm", "within 3 points", "a number without a pulse")


def counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def told(name: str, figure: Mapping[str, Any]) -> str:
    """A set's figure with its interval, in percent where it is a share."""
    if figure["value"] is None:
        return "none"
    share = name in SHARES
    factor, unit, digits = (100, " %", 1) if share else (1, "", 2)
    text = f"{figure['value'] * factor:.{digits}f}{unit}"
    if figure["low"] is not None:
        ends = " to ".join(f"{figure[end] * factor:.{digits}f}" for end in ("low", "high"))
        text += f" [{ends}]"
    return text
