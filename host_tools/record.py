"""`xueyang record`: raw light of a unit over its console, and what a reference showed beside it.

The recording grows under a temporary name, in lines that are whole, so that whatever ends it
(a key, a pulled cable, a kill) leaves all that had come; the sidecar beside it is there from the
start. Nobody's name goes into either: a subject is a number of the study's own list.
"""

import contextlib
import csv
import datetime
import io
import itertools
import json
import os
import queue
import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from host_tools.console import Console, ConsoleError, Samples
from host_tools.replay import write_whole
from sim.recording import RecordingError, read, stem

COLUMNS = ("t_s", "red", "ir", "led_red_ma", "led_ir_ma", "range_na", "die_c")
REFERENCES = ("ref_spo2", "ref_hr")
# What a sidecar's "reference" says, and the column of a reference's own table for it.
KINDS = {"SaO2": "sao2_pct", "oximeter": "spo2_pct", "simulator": "spo2_pct"}
LIMITS = {"ref_spo2": (40.0, 100.0), "ref_hr": (20.0, 300.0)}  # beyond them it was mistyped
SILENT_S = 5.0
NEAR_S = 1.0  # a reference farther from every sample was not taken of this recording
_PERIOD_MS = 10.0
_MANY_LOST = 31  # the sensor counts no further
_FLUSH_S = 1.0
_SYNC_S = 10.0
_START_S = 5.0  # until a unit on a cable has begun to measure


class RecordError(Exception):
    """It cannot be recorded; the text is a sentence that says what to do."""


class _Restarted(Exception):
    """The unit's clock has fallen back: it has started anew."""


@dataclass(frozen=True)
class Reference:
    """What a reference showed: percent and beats a minute, None for what it did not show."""

    ref_spo2: float | None = None
    ref_hr: float | None = None


@dataclass(frozen=True)
class Session:
    """What the sidecar says beside the unit's own words. subject: a number, never a name.

    reference: a key of KINDS, empty where nothing is compared.
    """

    subject: str = ""
    site: str = ""
    reference: str = ""
    reference_device: str = ""
    notes: str = ""


@dataclass
class Recorded:
    """What has come so far. ended_by: time, key, gone or silent."""

    file: str
    seconds: float = 0.0
    samples: int = 0
    lost: int = 0
    references: int = 0
    ended_by: str = "key"


def typed(line: str, wanted: Iterable[str]) -> Reference:
    """The numbers of a line, in the order of `wanted` (of REFERENCES). Raises ValueError."""
    names, cells = list(wanted), line.replace(",", " ").split()
    if len(cells) != len(names):
        raise ValueError(line)
    told: dict[str, float] = {}
    for name, cell in zip(names, cells, strict=True):
        if cell != "-":
            low, high = LIMITS[name]
            told[name] = float(cell)
            if not low <= told[name] <= high:
                raise ValueError(line)
    if not told:
        raise ValueError(line)
    return Reference(**told)


def part_of(out: Path) -> Path:
    """Where a recording grows."""
    return out.with_name(f".{out.name}.part")


def sidecar_of(out: Path) -> Path:
    return out.with_name(f"{stem(out)}.json")


# --------------------------------------------------------------------------------------- its rows


@dataclass
class Rows:
    """Samples in blocks into rows, each with a time of its own, in seconds after the first.

    A block carries the time of its newest sample; the others lie evenly behind it, lost ones
    among them as blank cells. Where the sensor has lost count there is a gap.
    """

    first_ms: float | None = None
    last_ms: float = 0.0
    samples: int = 0
    lost: int = 0
    _die_c: float | None = field(default=None, repr=False)

    def of(self, block: Samples) -> Iterator[list[str]]:
        """The rows of the next block, by COLUMNS. Raises _Restarted when its time falls."""
        count = len(block.red_adc)
        blanks = block.lost if block.lost < _MANY_LOST else 0
        steps = count + blanks
        before_ms = self.last_ms
        if self.first_ms is None or block.lost >= _MANY_LOST:
            since_ms = block.t_ms - _PERIOD_MS * count
            before_ms = since_ms if self.first_ms is None else max(before_ms, since_ms)
            blanks, steps = 0, count
        if block.t_ms <= before_ms:
            raise _Restarted
        step_ms = (block.t_ms - before_ms) / steps
        if self.first_ms is None:
            self.first_ms = before_ms + step_ms
        currents = [f"{ua / 1000:g}" for ua in (block.led_red_ua, block.led_ir_ua)]
        for n in range(steps):
            t_s = (before_ms + (n + 1) * step_ms - self.first_ms) / 1000
            at = n - blanks
            light = [str(block.red_adc[at]), str(block.ir_adc[at])] if at >= 0 else ["", ""]
            die = "" if block.die_c is None or block.die_c == self._die_c else f"{block.die_c:g}"
            self._die_c = block.die_c
            yield [f"{t_s:.4f}", *light, *currents, str(block.range_na), die]
        self.last_ms = float(block.t_ms)
        self.samples += count
        self.lost += block.lost

    @property
    def seconds(self) -> float:
        return 0.0 if self.first_ms is None else (self.last_ms - self.first_ms) / 1000


class _Growing:
    """The file of a recording until it is whole."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._part = part_of(out)
        with self._writing():
            self._file: TextIO = self._part.open("x", encoding="ascii", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow([*COLUMNS, *REFERENCES])
        self._flushed_s = self._synced_s = time.monotonic()

    def add(self, rows: Iterable[list[str]]) -> None:
        """The rows of a block; on the disk at the latest some seconds on. Raises RecordError."""
        with self._writing():
            self._writer.writerows(rows)
            now_s = time.monotonic()
            if now_s - self._flushed_s >= _FLUSH_S:
                self._file.flush()
                self._flushed_s = now_s
            if now_s - self._synced_s >= _SYNC_S:
                os.fsync(self._file.fileno())
                self._synced_s = now_s

    def end(self) -> None:
        """It is a recording now. Raises RecordError."""
        with self._writing():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.replace(self._out)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RecordError(
                f"{self._out} cannot be written ({(error.strerror or str(error)).lower()}): make "
                f"room; `xueyang record {self._out}` then makes a recording of what was kept."
            ) from None


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


# ---------------------------------------------------------------------------------- from a unit


def record(
    console: Console,
    out: Path,
    session: Session,
    references: "queue.SimpleQueue[Reference]",
    seconds: float | None = None,
    progress: Callable[[Recorded], None] = lambda told: None,
) -> Recorded:
    """Record until the time is over, KeyboardInterrupt, or the unit is gone.

    What is put into `references` meanwhile stands beside the next sample. Raises RecordError
    when nothing can be begun or came, ConsoleError when the unit refuses.
    """
    check_free(out)
    sidecar = _described(console, session)
    console.record(True)
    first, blocks = _begun(console)
    # The newest sample of a block has just been taken.
    since = datetime.timedelta(milliseconds=_PERIOD_MS * (len(first.red_adc) - 1))
    sidecar["began"] = _utc(_now() - since)
    try:
        write_whole(sidecar_of(out), _text(sidecar))
    except OSError as error:
        raise RecordError(f"{out} cannot be written ({(error.strerror or '').lower()}).") from None
    growing = _Growing(out)
    told, rows = Recorded(str(out)), Rows()
    try:
        told.ended_by = "silent"  # unless something else does
        for block in itertools.chain([first], blocks):
            growing.add(_beside(rows.of(block), references, told))
            told.seconds, told.samples, told.lost = rows.seconds, rows.samples, rows.lost
            progress(told)
            if seconds is not None and rows.seconds >= seconds:
                told.ended_by = "time"
                break
        _let_go(console, blocks)
    except KeyboardInterrupt:
        told.ended_by = "key"
        _let_go(console, blocks)
    except _Restarted:
        told.ended_by = "gone"
        _let_go(console, blocks)
    except ConsoleError:
        pass  # it did not answer to being told to stop: then nothing more will come either
    except OSError:  # what pyserial raises is one
        told.ended_by = "gone"
    growing.end()
    sidecar |= {"ended": _utc(_now()), **asdict(told)}
    del sidecar["file"]
    write_whole(sidecar_of(out), _text(sidecar))
    return told


def _beside(
    rows: Iterable[list[str]], references: "queue.SimpleQueue[Reference]", told: Recorded
) -> Iterator[list[str]]:
    """Each row with what the reference has shown since the one before."""
    for row in rows:
        cells = ["", ""]
        if not references.empty():
            reference = references.get()
            cells = [_cell(reference.ref_spo2), _cell(reference.ref_hr)]
            told.references += 1
        yield [*row, *cells]


def _text(sidecar: dict[str, Any]) -> str:
    return json.dumps(sidecar, indent=1, ensure_ascii=False) + "\n"


def _let_go(console: Console, blocks: Generator[Samples, None, None]) -> None:
    """Let the unit stop, where it still listens."""
    with contextlib.suppress(ConsoleError, OSError):
        blocks.close()
        console.record(False)


def check_free(out: Path) -> None:
    """Nothing is overwritten. Raises RecordError."""
    if out.suffix != ".csv":
        raise RecordError(f"{out} must end in .csv: that is what a recording is written as.")
    if part_of(out).exists():
        raise RecordError(
            f"A recording {out} was cut off: finish it with `xueyang record {out}` first."
        )
    for path in (out, sidecar_of(out)):
        if path.exists():
            raise RecordError(f"{path} is there already: name another file.")


def _described(console: Console, session: Session) -> dict[str, Any]:
    """The sidecar as far as it is known when a recording begins."""
    unit, calibration = console.identify(), console.calibration()
    return {
        "device": "xueyang",
        "unit": {
            name: unit.get(name, "-")
            for name in ("serial", "lot", "revision", "version", "target", "uid")
        },
        "curve_e7": [int(calibration[f"{name}_e7"]) for name in "abc"],
        "evidence": calibration["evidence"],
        "batch": calibration["batch"],
        "units": {"red": "counts", "ir": "counts", "ref_spo2": "percent", "ref_hr": "1/min"},
        **{name: value for name, value in asdict(session).items() if value},
    }


def _begun(console: Console) -> tuple[Samples, Generator[Samples, None, None]]:
    """The first block and those that follow; a unit on a cable needs a moment before it measures.
    Raises ConsoleError, and RecordError when nothing comes."""
    until_s = time.monotonic() + _START_S
    while True:
        blocks = console.samples(SILENT_S)
        try:
            first = next(blocks, None)
        except ConsoleError as error:
            if error.code != "refused" or time.monotonic() > until_s:
                raise
            time.sleep(0.2)
            continue
        if first is None:
            raise RecordError("No sample comes: wake the unit with a finger, or restart it.")
        return first, blocks


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _utc(moment: datetime.datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


# ------------------------------------------------------------------------------- what came later


@dataclass(frozen=True)
class Added:
    """references that found their sample; outside: those that belong to no moment of it."""

    file: str
    references: int
    outside: int


def finish(out: Path) -> bool:
    """Make a recording of what a kill has left; whether there was anything. Raises RecordError."""
    part = part_of(out)
    if not part.is_file():
        return False
    whole = part.read_bytes()
    whole = whole[: whole.rfind(b"\n") + 1]  # a last line that was cut off
    if whole.count(b"\n") < 3:
        raise RecordError(f"{part} holds no samples: remove it, and record again.")
    if out.exists():
        raise RecordError(f"{out} is there already: rename it, and do this again.")
    part.write_bytes(whole)
    part.replace(out)
    return True


def table(path: Path, kind: str, subject: str) -> list[tuple[datetime.datetime, Reference]]:
    """A reference's own table: `time` with its zone, sao2_pct (arterial) or spo2_pct, perhaps
    hr_bpm, and the subject; the rows of this subject. Raises RecordError."""
    wanted = KINDS[kind]
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RecordError(f"{path} cannot be read ({reason}): check its name.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordError(f"{path} cannot be read ({error}): it must be a CSV file.") from None
    columns = set(rows[0]) if rows else set()
    if not {"time", wanted} <= columns:
        raise RecordError(
            f"{path} must have the columns time and {wanted}, since the reference is {kind}."
        )
    if "subject" in columns and not subject:
        raise RecordError(f"{path} is of several subjects: say which with --subject.")
    found = []
    for number, row in enumerate(rows, 2):
        if "subject" in columns and (row["subject"] or "").strip() != subject:
            continue
        try:
            moment = datetime.datetime.fromisoformat((row["time"] or "").strip())
            if moment.tzinfo is None:
                raise ValueError
            cells = [(row.get(name) or "").strip() or "-" for name in (wanted, "hr_bpm")]
            found.append((moment, typed(" ".join(cells), REFERENCES)))
        except ValueError:
            raise RecordError(
                f"{path}: row {number} is no reference: write the time as 2026-11-27T05:00:00Z "
                f"and {wanted} in percent."
            ) from None
    return found


def add(
    out: Path, kind: str, found: list[tuple[datetime.datetime, Reference]], offset_s: float
) -> Added:
    """Put references beside the samples of their moments, and their kind into the sidecar.

    offset_s: by how much the reference's clock was ahead of the computer's that recorded. Raises
    RecordError.
    """
    beside = sidecar_of(out)
    try:
        recording = read(out)
        began = datetime.datetime.fromisoformat(recording.sidecar["began"])
    except RecordingError as error:
        raise RecordError(str(error)) from None
    except (KeyError, TypeError, ValueError):
        raise RecordError(
            f"{beside} does not say when the recording began, so no clock can be compared."
        ) from None
    said = recording.sidecar.get("reference")
    if said not in (None, kind):
        raise RecordError(f"{out} has references of another kind already ({said}).")
    t_s = recording.t_s - recording.t_s[0]
    placed: dict[int, Reference] = {}
    outside = 0
    for moment, reference in found:
        at_s = (moment - began).total_seconds() - offset_s
        nearest = int(np.argmin(np.abs(t_s - at_s)))
        if abs(t_s[nearest] - at_s) > NEAR_S:
            outside += 1
        else:
            placed[nearest] = reference
    lines = list(csv.reader(io.StringIO(out.read_text(encoding="utf-8"))))
    header, rows = lines[0], [row for row in lines[1:] if row]
    for name in REFERENCES:
        if name not in header:
            header.append(name)
            rows = [[*row, ""] for row in rows]
    for at, reference in placed.items():
        for name in REFERENCES:
            value = getattr(reference, name)
            if value is not None:
                rows[at][header.index(name)] = _cell(value)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    sidecar = recording.sidecar | {"reference": kind, "reference_offset_s": offset_s}
    try:
        # First what kind they are: numbers without that would be taken for nobody's.
        write_whole(beside, _text(sidecar))
        write_whole(out, text.getvalue())
    except OSError as error:
        raise RecordError(f"{out} cannot be written ({(error.strerror or '').lower()}).") from None
    return Added(str(out), len(placed), outside)


def checked_subject(subject: str) -> str:
    """A number, or nothing. Raises ValueError with a sentence."""
    if subject and not re.fullmatch(r"[0-9]{1,6}", subject):
        raise ValueError("A subject is a number of the study's list, never a name.")
    return subject
