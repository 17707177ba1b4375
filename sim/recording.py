"""Recordings of raw light: read from CSV (also gzipped), WFDB and EDF+, and checked.

A recording that cannot be used is refused with a RecordingError: one sentence that says what is
wrong and what to do next.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

FULL_SCALE_ADC = (1 << 18) - 1  # MAX30102 datasheet rev 1, table 1: 18-bit samples
HALF_SCALE_ADC = 1 << 17
LONGEST_GAP_S = 24 * 3600.0
_FIFO_S = 0.33

_NEEDED = ("t_s", "red", "ir")
_REFERENCES = ("ref_spo2", "ref_hr")


class RecordingError(Exception):
    """The recording cannot be used; the message is one sentence that says what to do next."""


@dataclass(frozen=True)
class Recording:
    """One recording; arrays are float64 of one length, NaN where a cell is blank.

    t_s: seconds, strictly rising, any origin. red, ir: counts 0 … 262143, or None for an absent
    channel; a NaN in them is a lost sample. ref_spo2 (percent) and ref_hr (1/min) are sparse: a
    value stands where the reference was read. die_c: the sensor's temperature, sparse too, None
    where the recording does not tell it. scaled: the counts were made from other units.
    """

    name: str
    t_s: np.ndarray
    red: np.ndarray | None
    ir: np.ndarray | None
    ref_spo2: np.ndarray
    ref_hr: np.ndarray
    die_c: np.ndarray | None = None
    scaled: bool = False
    sidecar: dict[str, Any] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """Bit 0 (1) red, bit 1 (2) infrared."""
        return (self.red is not None) + 2 * (self.ir is not None)

    @property
    def duration_s(self) -> float:
        return float(self._exact_duration_s())

    @property
    def seconds(self) -> int:
        """Whole seconds in the recording, free of binary rounding: 0.3 … 10.3 has 10."""
        return int(self._exact_duration_s())

    def _exact_duration_s(self) -> Decimal:
        first, last = (Decimal(repr(float(self.t_s[i]))) for i in (0, -1))
        return last - first

    @property
    def period_s(self) -> float:
        """Mean sample period, missing rows left out.

        Rows stamped as a FIFO was emptied come in bursts with pauses between: a pause of up to a
        FIFO's length (32 samples at 100/s) belongs to the period.
        """
        step_s = np.diff(self.t_s)
        return float(step_s[step_s < max(1.5 * np.median(step_s), _FIFO_S)].mean())


def stem(path: str | Path) -> str:
    """The file's name without `.gz` and `.csv`."""
    return re.sub(r"(\.csv)?(\.gz)?$", "", Path(path).name, count=1, flags=re.IGNORECASE)


def read(path: str | Path) -> Recording:
    """The recording in a file: `.csv`, `.csv.gz`, a WFDB header `.hea` or `.edf`.

    Raises RecordingError.
    """
    path = Path(path)
    kind = path.suffix.lower()
    try:
        if path.is_dir():
            raise RecordingError(f"{path} is a folder: name the recordings inside it.")
        if kind in (".hea", ".dat"):
            columns = _wfdb_columns(path.with_suffix(".hea"))
        elif kind in (".edf", ".bdf"):
            columns = _edf_columns(path)
        else:
            columns = _csv_columns(path)
        return _checked(path, columns, _sidecar(path))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RecordingError(
            f"{path} cannot be read ({reason}): check the path and its permissions."
        ) from error


@dataclass
class _Columns:
    """What a file holds, before it is checked; row0 is the number of the first row in it."""

    t_s: np.ndarray
    red: np.ndarray | None
    ir: np.ndarray | None
    ref_spo2: np.ndarray
    ref_hr: np.ndarray
    rows: Sequence[int]
    die_c: np.ndarray | None = None


def _checked(path: Path, columns: _Columns, sidecar: dict[str, Any]) -> Recording:
    t_s = columns.t_s
    if len(t_s) < 2:
        held = "only one sample" if len(t_s) else "no samples, only a header"
        raise RecordingError(f"{path} holds {held}: record at least two.")
    step_s = np.diff(t_s)
    if (step_s <= 0).any():
        at = int(np.argmax(step_s <= 0)) + 1
        raise RecordingError(
            f"{path}: t_s goes from {t_s[at - 1]:.6g} to {t_s[at]:.6g} in row {columns.rows[at]}, "
            "but time must rise with every sample: give each sample its own time."
        )
    if step_s.max() > LONGEST_GAP_S:
        at = int(np.argmax(step_s)) + 1
        raise RecordingError(
            f"{path}: t_s jumps by {step_s[at - 1] / 3600:.0f} h in row {columns.rows[at]}: "
            "split the recording there."
        )
    light = {"red": columns.red, "ir": columns.ir}
    present = [name for name, counts in light.items() if counts is not None]
    if not present:
        raise RecordingError(f"{path}: red and ir are both empty: record at least one of them.")
    scaled = len(present) == 1 and not _says_counts(sidecar, present[0])
    for name in present:
        counts = light[name]
        assert counts is not None
        if scaled:
            counts = _to_half_scale(path, name, counts)
        outside = (counts < 0) | (counts > FULL_SCALE_ADC)
        if outside.any():
            at = int(np.argmax(outside))
            what = "negative" if counts[at] < 0 else f"over 18 bits ({FULL_SCALE_ADC})"
            raise RecordingError(
                f"{path}: {name} is {counts[at]:.10g} in row {columns.rows[at]}, which is {what}: "
                "export the sensor's raw counts, masked to 18 bits."
            )
        light[name] = np.rint(counts)
    return Recording(
        name=stem(path),
        t_s=t_s,
        red=light["red"],
        ir=light["ir"],
        ref_spo2=columns.ref_spo2,
        ref_hr=columns.ref_hr,
        die_c=columns.die_c,
        scaled=scaled,
        sidecar=sidecar,
    )


def _to_half_scale(path: Path, name: str, values: np.ndarray) -> np.ndarray:
    median = float(np.nanmedian(values))
    if not median > 0:
        raise RecordingError(
            f"{path}: the median of {name} is {median:.6g}, and one wavelength is scaled by its "
            "median: export it without removing its mean."
        )
    return np.clip(np.rint(values * (HALF_SCALE_ADC / median)), 0, FULL_SCALE_ADC)


# --- the sidecar ---------------------------------------------------------------------------


def _sidecar(path: Path) -> dict[str, Any]:
    """What `<name>.json` beside the recording says; {} where there is none."""
    for name in dict.fromkeys((stem(path), path.stem, path.name)):
        beside = path.with_name(f"{name}.json")
        if beside.is_file() and beside != path:
            try:
                said = json.loads(beside.read_text("utf-8"))
            except ValueError:
                said = None
            if not isinstance(said, dict):
                raise RecordingError(f"{beside} is not a JSON object: correct it or remove it.")
            return said
    return {}


def _says_counts(sidecar: dict[str, Any], channel: str) -> bool:
    units = sidecar.get("units")
    if isinstance(units, dict):
        units = units.get(channel)
    return units == "counts"


# --- CSV -----------------------------------------------------------------------------------


def _csv_columns(path: Path) -> _Columns:
    text = _text(path)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), skipinitialspace=True))
    except csv.Error as error:
        raise RecordingError(f"{path} is not a CSV file ({error}): export it as CSV.") from error
    if not any(rows):
        raise RecordingError(f"{path} is empty: record again or name another file.")
    at_header = next(at for at, row in enumerate(rows) if row)
    header = [cell.strip() for cell in rows[at_header]]
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        found = ", ".join(header)
        found = found if len(found) <= 60 else found[:57] + "…"
        raise RecordingError(
            f"{path} has no column {' and no column '.join(missing)} (its header says: {found}): "
            "the first line must name t_s, red and ir, separated by commas."
        )
    numbers: Sequence[int] = range(at_header + 2, len(rows) + 1)
    body = rows[at_header + 1 :]
    if [] in body:  # files written on Windows often have every second line empty
        numbers = [number for number, row in zip(numbers, body, strict=True) if row]
        body = [row for row in body if row]
    at_needed = [header.index(name) for name in _NEEDED]
    widths = {len(row) for row in body}
    if widths and min(widths) <= max(at_needed):
        at = next(at for at, row in enumerate(body) if len(row) <= max(at_needed))
        raise RecordingError(
            f"{path} is cut short in row {numbers[at]}: remove that row or record again."
        )

    def column(name: str) -> np.ndarray:
        if name not in header:
            return np.full(len(body), np.nan)
        at = header.index(name)
        if widths and min(widths) <= at:
            cells = [row[at] if at < len(row) else "" for row in body]
        else:
            cells = [row[at] for row in body]
        return _numbers(path, name, cells, numbers)

    t_s, red, ir, ref_spo2, ref_hr = (column(name) for name in (*_NEEDED, *_REFERENCES))
    die_c = column("die_c") if "die_c" in header else None
    if np.isnan(t_s).any():
        at = int(np.argmax(np.isnan(t_s)))
        raise RecordingError(
            f"{path}: t_s is blank in row {numbers[at]}: give every sample its time."
        )
    return _Columns(
        t_s=t_s,
        red=red if len(red) and not np.isnan(red).all() else None,
        ir=ir if len(ir) and not np.isnan(ir).all() else None,
        ref_spo2=ref_spo2,
        ref_hr=ref_hr,
        rows=numbers,
        die_c=None if die_c is None or np.isnan(die_c).all() else die_c,
    )


def _text(path: Path) -> str:
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise RecordingError(
                f"{path} is a damaged or cut off .gz file: copy it again from its source."
            ) from error
    elif path.suffix.lower() == ".gz" and data:
        raise RecordingError(
            f"{path} ends in .gz but is not gzip: give it the ending it should have."
        )
    if not data.strip():
        raise RecordingError(f"{path} is empty: record again or name another file.")
    if b"\0" in data or re.search(rb"[\x01-\x08\x0e-\x1b]", data[:4096]):
        raise RecordingError(
            f"{path} is a binary file, not text: name a .csv, .csv.gz, .hea or .edf recording."
        )
    return data.decode("utf-8-sig", "replace")


def _numbers(path: Path, name: str, cells: list[str], numbers: Sequence[int]) -> np.ndarray:
    """The cells as float64, NaN where blank. Raises RecordingError on anything not finite."""
    try:
        values = np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:  # a word, or a cell of spaces
        cells = [cell.strip() for cell in cells]
        values = np.empty(len(cells))
        for at, cell in enumerate(cells):
            try:
                values[at] = float(cell) if cell else np.nan
            except ValueError:
                raise _not_a_number(path, name, cell, numbers[at]) from None
    finite = np.isfinite(values)
    if len(values) - int(finite.sum()) != cells.count(""):
        odd = next(int(at) for at in np.flatnonzero(~finite) if cells[at])
        raise _not_a_number(path, name, cells[odd], numbers[odd])
    return values


def _not_a_number(path: Path, name: str, cell: str, row: int) -> RecordingError:
    cell = cell if len(cell) <= 20 else cell[:17] + "…"
    otherwise = "" if name == "t_s" else ", or leave the cell blank where there was none"
    return RecordingError(
        f"{path}: {name} is {cell!r} in row {row}: write a number there{otherwise}."
    )


# --- WFDB and EDF+ -------------------------------------------------------------------------

# Words in a signal's name, as hospitals and loggers write them.
_WORDS = {
    "red": {"red", "660", "660nm"},
    "ir": {"ir", "infrared", "880", "880nm", "905", "905nm", "940", "940nm", "pleth", "ppg"},
    "ref_spo2": {"spo2", "sao2", "osat"},
    "ref_hr": {"hr", "pr", "pulse"},
}
_BY_HAND = "convert it to CSV with the columns t_s, red and ir"


def _column_of(label: str) -> str | None:
    words = set(re.split(r"[^a-z0-9]+", label.lower()))
    return next((column for column, known in _WORDS.items() if words & known), None)


def _wfdb_columns(header: Path) -> _Columns:
    """A single-segment WFDB record, formats 16, 32 and 212, in its physical units.

    Format: header(5) and signal(5) of the WFDB Applications Guide, PhysioNet.
    """
    text = header.read_bytes().decode("utf-8", "replace")
    lines = [line.split() for line in text.splitlines() if line.strip() and line[0] != "#"]
    try:
        name, count = lines[0][0], int(lines[0][1])
        rate_hz = float(re.split(r"[/(]", lines[0][2])[0]) if len(lines[0]) > 2 else 250.0
        signals = lines[1 : count + 1]
        if "/" in name or len(signals) != count or not rate_hz > 0:
            raise ValueError
        columns: dict[str, np.ndarray] = {}
        for file in dict.fromkeys(signal[0] for signal in signals):
            group = [signal for signal in signals if signal[0] == file]
            if len({signal[1] for signal in group}) > 1:
                raise ValueError
            samples = _wfdb_samples(header.with_name(file), group[0][1], len(group))
            for at, signal in enumerate(group):
                column = _column_of(" ".join(signal[8:]))
                if column and column not in columns:
                    columns[column] = _wfdb_physical(samples[:, at], signal)
    except (ValueError, IndexError) as error:
        raise RecordingError(
            f"{header} is no plain WFDB header (one segment, formats 16, 32 or 212): {_BY_HAND}, "
            "as WFDB's own rdsamp does."
        ) from error
    return _from_signals(header, columns, rate_hz)


def _wfdb_samples(path: Path, code: str, count: int) -> np.ndarray:
    """Digital samples (n, count) as float64, NaN where the format's "no value" stands."""
    data = path.read_bytes()
    flat: np.ndarray
    if code == "212":  # two 12-bit samples in three bytes
        triples = np.frombuffer(data[: len(data) // 3 * 3], np.uint8).reshape(-1, 3).astype(int)
        low = triples[:, 0] | (triples[:, 1] & 15) << 8
        high = triples[:, 2] | (triples[:, 1] >> 4) << 8
        flat = np.stack((low, high), axis=1).ravel()
        flat = np.where(flat > 2047, flat - 4096, flat)
        lost = -2048
    elif code in ("16", "32"):
        kind = np.dtype("<i2" if code == "16" else "<i4")
        flat = np.frombuffer(data[: len(data) // kind.itemsize * kind.itemsize], kind)
        lost = np.iinfo(kind).min
    else:
        raise ValueError(code)
    table = flat[: len(flat) // count * count].reshape(-1, count)
    return np.where(table == lost, np.nan, table)


def _wfdb_physical(digital: np.ndarray, signal: list[str]) -> np.ndarray:
    match = re.match(r"([-+.\deE]+)(?:\((-?\d+)\))?", signal[2]) if len(signal) > 2 else None
    gain = float(match[1]) if match else 0.0
    zero = int(signal[4]) if len(signal) > 4 else 0
    baseline = int(match[2]) if match and match[2] else zero
    return (digital - baseline) / (gain or 200.0)


def _edf_columns(path: Path) -> _Columns:
    try:
        import edfio
    except ImportError as error:
        raise RecordingError(
            f"{path} needs the EDF+ reader, which is not installed: run `make setup-all`."
        ) from error
    path.open("rb").close()  # edfio's own words for a missing file are no sentence
    try:
        edf = (edfio.read_bdf if path.suffix.lower() == ".bdf" else edfio.read_edf)(path)
        chosen: dict[str, tuple[np.ndarray, float]] = {}
        for signal in edf.signals:
            column = _column_of(signal.label)
            if column and column not in chosen:
                chosen[column] = (signal.data.astype(float), signal.sampling_frequency)
    except (ValueError, KeyError, IndexError, NotImplementedError, AttributeError) as error:
        raise RecordingError(
            f"{path} is not a continuous EDF+ file that can be read: {_BY_HAND}."
        ) from error
    rates = {rate for column, (_, rate) in chosen.items() if column in ("red", "ir")}
    if len(rates) > 1:
        raise RecordingError(f"{path}: red and ir have different sample rates: {_BY_HAND}.")
    rate_hz = rates.pop() if rates else 1.0
    columns: dict[str, np.ndarray] = {}
    length = max((len(data) for c, (data, _) in chosen.items() if c in ("red", "ir")), default=0)
    for column, (data, rate) in chosen.items():
        if column in _REFERENCES and length:
            sparse = np.full(length, np.nan)
            at = np.rint(np.arange(len(data)) * (rate_hz / rate)).astype(int)
            sparse[at[at < length]] = data[at < length]
            data = sparse
        columns[column] = data
    return _from_signals(path, columns, rate_hz)


def _from_signals(path: Path, columns: dict[str, np.ndarray], rate_hz: float) -> _Columns:
    light = [columns[name] for name in ("red", "ir") if name in columns]
    if not light:
        raise RecordingError(
            f"{path} names no red, infrared or pleth signal that is known here: {_BY_HAND}."
        )
    count = min(len(signal) for signal in light)
    nothing = np.full(count, np.nan)
    return _Columns(
        t_s=np.arange(count) / rate_hz,
        red=columns["red"][:count] if "red" in columns else None,
        ir=columns["ir"][:count] if "ir" in columns else None,
        ref_spo2=columns.get("ref_spo2", nothing)[:count],
        ref_hr=columns.get("ref_hr", nothing)[:count],
        rows=range(1, count + 1),
    )
