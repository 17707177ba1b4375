"""Pairs of ratio and reference, from recordings or from a table, with the kind of the reference.

A table is a CSV with `subject,ratio,ref_spo2` and perhaps `t_s`. Beside it, as beside a recording,
lies `<name>.json` whose "reference" says SaO2, oximeter or simulator. A recording is played
through the whole device, whose ratio then is that at 25 °C of the die.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from host_tools.calibrate import table
from host_tools.evaluate.recordings import ROW_LAG_S, rows_of
from host_tools.record import KINDS
from sim.door import field
from sim.recording import RecordingError, read

Floats = NDArray[np.float64]

WINDOW_S = 8.0  # of the light that a ratio is of
_HALF_ROWS = 2  # rows before and after the one of the reference
_LEAST_ROWS = 3  # with a reading, of these five
_STEADY_ROWS = 4  # before and after it
_STEADY = 0.05  # of the ratio, over these
# Blood was drawn at its moment; another oximeter shows the mean of its last seconds, as ours does.
_LAG_S = {"SaO2": 0.0, "simulator": 0.0, "oximeter": ROW_LAG_S}
_COLUMNS = ("subject", "ratio", "ref_spo2")


class PairsError(Exception):
    """There are no pairs to be had from this; the text is a sentence that says what to do."""


@dataclass(frozen=True)
class Input:
    """Where pairs came from; unused: references beside which no steady ratio stood."""

    file: str
    sha256: str
    pairs: int
    unused: int


@dataclass(frozen=True)
class Pairs:
    """subject: names of the study's numbers; ratio, reference (percent): arrays of one length."""

    kind: str
    subject: NDArray[np.str_]
    ratio: Floats
    reference: Floats
    inputs: tuple[Input, ...]

    def __len__(self) -> int:
        return len(self.ratio)

    @property
    def subjects(self) -> list[str]:
        return sorted(set(self.subject.tolist()))

    def where(self, chosen: NDArray[np.bool_]) -> "Pairs":
        return Pairs(
            self.kind,
            self.subject[chosen],
            self.ratio[chosen],
            self.reference[chosen],
            self.inputs,
        )


def gather(
    paths: Sequence[Path], progress: Callable[[int, int, str], None] = lambda done, of, what: None
) -> Pairs:
    """All pairs of these recordings, tables and folders of them. Raises PairsError."""
    files = list(_files(paths))
    kinds: dict[str, Path] = {}
    found: list[tuple[str, float, float]] = []
    inputs = []
    for number, file in enumerate(files):
        progress(number, len(files), file.name)
        is_table = "ratio" in _header(file) and "t_s" not in _header(file)[:1]
        kind, rows, unused = (_of_table if is_table else _of_recording)(file)
        kinds.setdefault(kind, file)
        if len(kinds) > 1:
            (first, one), (second, other) = kinds.items()
            raise PairsError(
                f"{one} is compared with {first} and {other} with {second}: calibrate from one "
                "kind of reference."
            )
        found += rows
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        inputs.append(Input(file.name, digest, len(rows), unused))
    progress(len(files), len(files), "pairs")
    if not found:
        raise PairsError("There are no pairs: no reference stands beside a steady ratio.")
    return Pairs(
        next(iter(kinds)),
        np.array([subject for subject, _, _ in found]),
        np.array([ratio for _, ratio, _ in found]),
        np.array([reference for _, _, reference in found]),
        tuple(inputs),
    )


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if each.name.endswith((".csv", ".gz")))
            if not inside:
                raise PairsError(f"{path} holds no .csv: name the folder of the recordings.")
        for each in inside:
            if not each.is_file():
                raise PairsError(f"{each} is not there: check its name.")
            yield each


def _header(file: Path) -> list[str]:
    if file.suffix != ".csv":
        return []
    with file.open("rb") as opened:
        line = opened.readline(1000).decode("utf-8-sig", "replace")
    return [cell.strip() for cell in line.split(",")]


def _kind(file: Path, sidecar: dict[str, Any]) -> str:
    said = sidecar.get("reference")
    if said not in KINDS:
        raise PairsError(
            f"Nothing says what the references in {file} come from: put a file "
            f'{table.beside(file)} with "reference": "SaO2", "oximeter" or "simulator" beside it.'
        )
    return str(said)


def _of_table(file: Path) -> tuple[str, list[tuple[str, float, float]], int]:
    try:
        rows, sidecar = table.read(file)
    except ValueError as error:
        raise PairsError(str(error)) from None
    kind = _kind(file, sidecar)
    if not rows or not set(_COLUMNS) <= set(rows[0]):
        raise PairsError(f"{file} must have the columns {', '.join(_COLUMNS)}.")
    found = []
    for number, row in enumerate(rows, 2):
        try:
            subject = row["subject"].strip()
            ratio, reference = float(row["ratio"]), float(row["ref_spo2"])
            t_s = float(row["t_s"]) if (row.get("t_s") or "").strip() else None
            if not subject or not 0.1 < ratio < 4.0 or not 0 < reference <= 100:
                raise ValueError
        except (ValueError, TypeError, AttributeError):
            raise PairsError(
                f"{file}: row {number} is no pair: it needs a subject, a ratio of 0.1 to 4 and a "
                "reference in percent."
            ) from None
        found.append((subject, t_s, ratio, reference))
    return kind, list(_apart(found)), 0


def _of_recording(file: Path) -> tuple[str, list[tuple[str, float, float]], int]:
    try:
        recording = read(file)
    except RecordingError as error:
        raise PairsError(str(error)) from None
    kind = _kind(file, recording.sidecar)
    subject = recording.sidecar.get("subject")
    if subject in (None, ""):
        raise PairsError(f"The sidecar of {file} does not say which subject it is of.")
    if recording.channels != 3:
        raise PairsError(f"{file} lacks one of the two lights: there is no ratio.")
    stamped = np.flatnonzero(~np.isnan(recording.ref_spo2))
    readings = rows_of(recording) if len(stamped) else np.empty((0, field.LENGTH))
    found: list[tuple[str, float | None, float, float]] = []
    for at in stamped:
        t_s = float(recording.t_s[at] - recording.t_s[0])
        ratio = steady_ratio(readings, t_s - _LAG_S[kind])
        if ratio is not None:
            found.append((str(subject), t_s, ratio, float(recording.ref_spo2[at])))
    pairs = list(_apart(found))
    return kind, pairs, len(stamped) - len(found)


def steady_ratio(readings: NDArray, t_s: float) -> float | None:
    """The device's ratio of the light about this moment: the median of the five rows that speak
    of it. None where fewer than three of them show SpO2, or where the rows within a window are
    apart by more than a twentieth: then it fell or rose.

    readings: (seconds, fields), a row a second; t_s: after the first sample.
    """
    middle = int(np.floor(t_s + ROW_LAG_S + 0.5)) - 1
    if middle < 0:
        return None
    near, about = (_ratios(readings, middle, rows) for rows in (_HALF_ROWS, _STEADY_ROWS))
    if len(near) < _LEAST_ROWS:
        return None
    ratio = float(np.median(near))
    return ratio if np.ptp(about) <= _STEADY * ratio else None


def _ratios(readings: NDArray, middle: int, half: int) -> Floats:
    """What is shown in so many rows before and after the one in the middle."""
    rows = readings[max(0, middle - half) : middle + half + 1]
    shown = (rows[:, field.SPO2_CENTIPCT] != field.NONE) & (rows[:, field.RATIO_Q12] > 0)
    return rows[shown, field.RATIO_Q12] / 4096


def _apart(
    found: Sequence[tuple[str, float | None, float, float]],
) -> Iterator[tuple[str, float, float]]:
    """Pairs of a subject within one window share their light: they are one, by their means."""
    group: list[tuple[float, float]] = []
    of: tuple[str, float] | None = None
    for subject, t_s, ratio, reference in found:
        if t_s is None:
            yield subject, ratio, reference
            continue
        if of is None or subject != of[0] or not 0 <= t_s - of[1] < WINDOW_S:
            if of is not None:
                yield (of[0], *_mean(group))
            group, of = [], (subject, t_s)
        group.append((ratio, reference))
    if of is not None:
        yield (of[0], *_mean(group))


def _mean(group: Sequence[tuple[float, float]]) -> tuple[float, float]:
    ratio, reference = np.mean(np.array(group), axis=0)
    return float(ratio), float(reference)
