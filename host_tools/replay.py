"""Replay recordings through the whole firmware, and write what the device showed."""

import contextlib
import csv
import errno
import io
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.recording import Recording, RecordingError, read, stem
from sim.run import COLUMNS, Replay, run_device

Progress = Callable[[Recording, int], None]


class UsageError(Exception):
    """The command asks for something that cannot be done; the message says what to do."""


class MissingPart(Exception):
    """A part of the installation is missing; the message names the command that brings it."""


@dataclass
class Outcome:
    """What became of one recording; csv and report are the paths written."""

    file: str
    ok: bool = False
    error: str | None = None
    rows: int = 0
    seconds_ok: int = 0
    csv: str | None = None
    report: str | None = None


def replay(
    files: Sequence[Path],
    csv_out: Path | None = None,
    report_dir: Path | None = None,
    vm: str = "cpython",
    progress: Progress | None = None,
) -> Iterator[tuple[Outcome, Replay | None]]:
    """Replays one file after another; one that fails does not stop the others.

    csv_out is a folder when it is one or there are several files. Raises UsageError before any
    work is done, and MissingPart when the interpreter is not installed.
    """
    csv_paths, report_paths = outputs(files, csv_out, report_dir)
    return _replay(files, csv_paths, report_paths, vm, progress)


def outputs(
    files: Sequence[Path], csv_out: Path | None, report_dir: Path | None
) -> tuple[list[Path | None], list[Path | None]]:
    """Where the CSV and the report of each file go. Raises UsageError."""
    into_folder = csv_out is not None and (len(files) > 1 or csv_out.is_dir())
    if csv_out is not None and into_folder and csv_out.exists() and not csv_out.is_dir():
        raise UsageError(f"{csv_out} is a file, but several recordings need a folder: name one.")
    if report_dir is not None and report_dir.exists() and not report_dir.is_dir():
        raise UsageError(f"{report_dir} is a file, but reports need a folder: name one.")
    if into_folder or report_dir is not None:
        first: dict[str, Path] = {}
        for file in files:
            other = first.setdefault(stem(file), file)
            if other is not file:
                raise UsageError(
                    f"{other} and {file} would both be written as {stem(file)}: "
                    "rename one or replay them one at a time."
                )
    csv_paths: list[Path | None] = [
        csv_out / f"{stem(file)}.csv" if csv_out is not None and into_folder else csv_out
        for file in files
    ]
    report_paths = [report_dir and report_dir / f"{stem(file)}.html" for file in files]
    recordings = {_real(file) for file in files}
    for path in (*csv_paths, *report_paths):
        if path is not None and _real(path) in recordings:
            raise UsageError(f"{path} is a recording that would be overwritten: name another OUT.")
    return csv_paths, report_paths


def _real(path: Path) -> Path:
    """Where a path leads; one that leads round in a loop leads to itself."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def _replay(
    files: Sequence[Path],
    csv_paths: list[Path | None],
    report_paths: list[Path | None],
    vm: str,
    progress: Progress | None,
) -> Iterator[tuple[Outcome, Replay | None]]:
    for file, csv_path, report_path in zip(files, csv_paths, report_paths, strict=True):
        outcome = Outcome(file=str(file))
        shown = None
        try:
            recording = read(file)
            if csv_path is not None:
                _spare_strangers(csv_path)
            shown = _run(recording, vm, progress)
            outcome.rows = len(shown.rows)
            outcome.seconds_ok = shown.seconds_ok
            if csv_path is not None:
                write_whole(csv_path, table(shown))
                outcome.csv = str(csv_path)
            if report_path is not None:
                from host_tools.report import page

                write_whole(report_path, page(recording, shown, vm))
                outcome.report = str(report_path)
            outcome.ok = True
        except RecordingError as error:
            outcome.error = str(error)
        except OSError as error:
            where = error.filename or csv_path or report_path
            reason = (error.strerror or str(error)).lower()
            outcome.error = f"{where} cannot be written ({reason}): free it or name another place."
        except MissingPart:
            raise
        except Exception as error:  # a fault of ours: the other recordings are still done
            outcome.error = _our_fault(file, error)
        yield outcome, shown


def _spare_strangers(path: Path) -> None:
    """Rows may replace rows, and nothing else that lies there: it may be somebody's recording."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as there:
        header = there.readline(200).strip()
    if header and header != ",".join(COLUMNS):
        raise RecordingError(
            f"{path} is there already and was not written by a replay: name another OUT."
        )


def _run(recording: Recording, vm: str, progress: Progress | None) -> Replay:
    from sim.vm.setup import VmMissing

    try:
        return run_device(recording, vm, progress and (lambda done: progress(recording, done)))
    except VmMissing as missing:
        raise MissingPart(str(missing)) from missing


def _our_fault(file: Path, error: Exception) -> str:
    """The sentence for a fault of ours; with XUEYANG_TRACEBACK set it is also traced."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    said = (str(error).strip() or "nothing more").splitlines()[-1]
    if os.environ.get("XUEYANG_TRACEBACK"):
        traceback.print_exception(error)
    return (
        f"{file} could not be replayed, and that is a fault of Xueyang ({type(error).__name__} in "
        f"{Path(at.filename).name} line {at.lineno}: {said}): please report it with the recording."
    )


def table(shown: Replay) -> str:
    """The rows as CSV with their header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(shown.rows)
    return text.getvalue()


def write_whole(path: Path, text: str) -> None:
    """Writes a file under another name and renames it, so that it is never there in part.

    A link stays and leads to the new file; a pipe or a device is written through, since to rename
    over it would put a file in its place. Raises OSError that names `path`.
    """
    asked = path
    try:
        path = path.resolve()
    except (OSError, RuntimeError):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(asked)) from None
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder", str(asked))
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="")
        else:
            _write_and_rename(path, text)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(asked)) from error


def _write_and_rename(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
