"""Any program as the algorithm under test: a recording goes in, the contract's rows come out.

    xueyang evaluate --algorithm 'python my_oximeter.py'
    xueyang evaluate --algorithm 'my_oximeter --in {recording} --out {out}'

The command gets the path of a recording (CSV with `t_s,red,ir`) where `{recording}` stands, else
as its last word. It writes the rows of the replay contract to its standard output, or to `{out}`
where that stands. It is run without a shell, once a recording. A simulated recording holds no
truth; a real one is handed over as it lies there, its reference columns with it.

Rows here are an array of int32 (seconds, field.LENGTH) in the layout of a reading, row k - 1
holding what is in force k seconds after the first sample.
"""

import csv
import io
import math
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.door import field
from sim.patient.recording import Recorded
from sim.run import COLUMNS

Readings = NDArray[np.int32]

PATIENCE_S = 60.0  # for a short recording; a longer one is given its own length
_NEAR_S = 0.5  # a row speaks for the second that it is nearest to

# Where a column goes and how many of the field's units make one of its own; what lies beyond
# `limit` is no such quantity and would not fit the field.
_FIELDS = {
    "spo2_pct": (field.SPO2_CENTIPCT, 100.0, 1e3),
    "spo2_sd_pct": (field.SPO2_SD_CENTIPCT, 100.0, 1e4),
    "pulse_bpm": (field.PULSE_DECIBPM, 10.0, 1e4),
    "perfusion_pct": (field.PERFUSION_MILLIPCT, 1000.0, 1e4),
    "ratio": (field.RATIO_Q12, 4096.0, 1e4),
}


class AlgorithmError(Exception):
    """The program gave no rows for one case; the message is a sentence that names it."""


class CommandError(Exception):
    """The command cannot be run at all; the message says what to do."""


def checked(command: str) -> str:
    """The command, if there is such a program. Raises CommandError."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise CommandError(f"--algorithm cannot be read ({error}): check its quotes.") from None
    if not words:
        raise CommandError("--algorithm is empty: name the program that is to be scored.")
    if shutil.which(words[0]) is None:
        raise CommandError(
            f"--algorithm: there is no program {words[0]!r}: give its path, or its interpreter "
            "first."
        )
    return command


def on_recorded(
    command: str, recorded: Recorded, name: str, patience_s: float | None = None
) -> Readings:
    """The program's rows on what a simulated person gave, without the truth beside it.

    The first sample comes a period after 0, so a person of 40 s gives 39 rows: as a replay would.

    Raises AlgorithmError, its sentence naming the case as `name`.
    """
    with tempfile.TemporaryDirectory(prefix="xueyang-") as folder:
        path = Path(folder) / "case.csv"
        columns = (recorded.t_s.tolist(), recorded.red.tolist(), recorded.ir.tolist())
        lines = [f"{t:.4f},{red},{ir}\n" for t, red, ir in zip(*columns, strict=True)]
        path.write_text("t_s,red,ir\n" + "".join(lines), encoding="ascii")
        first_s, last_s = (round(float(recorded.t_s[at]), 4) for at in (0, -1))
        seconds = math.floor(last_s - first_s + 1e-6)
        return on_file(command, path, first_s, seconds, name, patience_s)


def on_file(
    command: str,
    path: Path,
    first_s: float,
    seconds: int,
    name: str,
    patience_s: float | None = None,
) -> Readings:
    """The program's rows on a recording that lies there. Raises AlgorithmError."""
    patience_s = max(PATIENCE_S, float(seconds)) if patience_s is None else patience_s
    with tempfile.TemporaryDirectory(prefix="xueyang-") as folder:
        out = Path(folder) / "rows.csv"
        words = [
            word.replace("{recording}", str(path)).replace("{out}", str(out))
            for word in shlex.split(command)
        ]
        if "{recording}" not in command:
            words.append(str(path))
        text = _run(words, name, patience_s)
        if "{out}" in command:
            try:
                text = out.read_bytes()
            except OSError:
                raise AlgorithmError(
                    f"{name}: {words[0]} wrote nothing to {{out}}: it must write its rows there."
                ) from None
    return parsed(text.decode("utf-8-sig", "replace"), first_s, seconds, name)


def _run(words: Sequence[str], name: str, patience_s: float) -> bytes:
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=patience_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise AlgorithmError(
            f"{name}: {words[0]} was not done after {patience_s:g} s and was ended."
        ) from None
    except OSError as error:
        raise AlgorithmError(
            f"{name}: {words[0]} cannot be run ({(error.strerror or str(error)).lower()})."
        ) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        last = f": {said[-1][:200]}" if said else ", and said nothing"
        raise AlgorithmError(f"{name}: {words[0]} failed with exit {done.returncode}{last}")
    return done.stdout


def parsed(text: str, first_s: float, seconds: int, name: str) -> Readings:
    """Rows of the contract as text to one reading a second.

    Needed are `t_s` and one of `spo2_pct` and `pulse_bpm`; a missing column is empty throughout.
    Without `status` a row is `ok` where it has a number. A second without a row within half a
    second is one without a number. Raises AlgorithmError.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    header = [word.strip() for word in reader.fieldnames or []]
    reader.fieldnames = header
    if "t_s" not in header or not {"spo2_pct", "pulse_bpm"} & set(header):
        found = ", ".join(header)[:60] or "nothing"
        raise AlgorithmError(
            f"{name}: the first line of the rows says {found}, but it must name "
            f"{','.join(COLUMNS)} (at the least t_s and spo2_pct or pulse_bpm)."
        )
    try:
        return collected(reader, first_s, seconds)
    except csv.Error as error:
        raise AlgorithmError(f"{name}: the rows are not CSV ({error}).") from None
    except _RowError as error:
        raise AlgorithmError(f"{name}: {error}") from None


class _RowError(Exception):
    pass


def collected(rows: Iterable[Mapping[str, str | None]], first_s: float, seconds: int) -> Readings:
    """One reading a second from rows by column name; the later of two for one second counts."""
    readings = np.full((seconds, field.LENGTH), field.NONE, dtype=np.int32)
    readings[:, field.STATUS] = field.SEARCHING
    readings[:, field.FLAGS] = 0
    for number, row in enumerate(rows, 2):
        since_s = _number(row, "t_s", number, 1e12)
        if since_s is None:
            raise _RowError(f"t_s is empty in row {number}.")
        since_s -= first_s
        k = round(since_s)
        if 1 <= k <= seconds and abs(since_s - k) <= _NEAR_S:
            readings[k - 1] = _reading(row, number)
            readings[k - 1, field.T_MS] = round(since_s * 1000)
    return readings


def _reading(row: Mapping[str, str | None], number: int) -> list[int]:
    out = [field.NONE] * field.LENGTH
    for column, (at, units, limit) in _FIELDS.items():
        value = _number(row, column, number, limit)
        if value is not None:
            out[at] = round(value * units)
    numbers = out[field.SPO2_CENTIPCT], out[field.PULSE_DECIBPM]
    word = (row.get("status") or "").strip()
    if "status" not in row:
        word = "ok" if max(numbers) >= 0 else "searching"
    if word not in field.STATUS_NAMES:
        raise _RowError(
            f"status is {word[:20]!r} in row {number}: write one of "
            f"{', '.join(field.STATUS_NAMES)}, or leave the column out."
        )
    out[field.STATUS] = field.STATUS_NAMES.index(word)
    flags = (row.get("flags") or "").split()
    out[field.FLAGS] = sum(1 << at for at, flag in enumerate(field.FLAG_NAMES) if flag in flags)
    if "settled" in flags:
        # Rows hold no settled value of its own: the number beside the flag is it.
        out[field.SETTLED_CENTIPCT] = out[field.SPO2_CENTIPCT]
    return out


def _number(row: Mapping[str, str | None], column: str, number: int, limit: float) -> float | None:
    cell = (row.get(column) or "").strip()
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not abs(value) <= limit:
        raise _RowError(f"{column} is {cell[:20]!r} in row {number}, which is no such number.")
    return value
