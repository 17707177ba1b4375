"""The verb `xueyang evaluate`: what is asked, run, judged and written."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from host_tools.evaluate import algorithm, compare, execute, matrix, recordings, summary, table
from host_tools.evaluate.case import Case
from host_tools.replay import MissingPart, write_whole

Progress = Callable[[int, int, str], None]
Result = dict[str, Any]


class UsageError(ValueError):
    """The request makes no sense; the message is one sentence that says what to do next."""


class Failed(Exception):
    """It cannot be done here; the message is one sentence that says what to do next."""


@dataclass(frozen=True)
class Asked:
    """A request. `matrix` None means quick, or none where there are files."""

    files: tuple[Path, ...] = ()
    matrix: str | None = None
    rows: tuple[str, ...] = ()
    cases: str | None = None
    command: str | None = None
    cluster: str | None = None
    jobs: int | None = None
    tables: tuple[Path, ...] = ()
    report: Path | None = None


@dataclass(frozen=True)
class Evaluated:
    """`summary` is JSON-able, `text` the same for people; `failures` are sentences on cases or
    recordings that could not be scored."""

    summary: dict[str, Any]
    text: str
    results: list[Result]
    failures: list[str]


def evaluate(asked: Asked, progress: Progress) -> Evaluated:
    """Runs what is asked and writes its tables and report. Raises UsageError, Failed."""
    try:
        if asked.command is not None:
            algorithm.checked(asked.command)
        for path in asked.tables:
            table.checked(path)
        if asked.files and asked.matrix is None:
            evaluated, sets, system = _recorded(asked, progress)
        elif asked.files:
            raise UsageError("Name recordings or a matrix, not both: run it once for each.")
        else:
            evaluated, sets, system = _simulated(asked, progress)
        for path in asked.tables:
            table.write(evaluated.results, path)
        if asked.report is not None:
            _write_report(asked, evaluated, sets, system)
    except (algorithm.CommandError, table.TableError, recordings.NoRecordings) as error:
        raise UsageError(str(error)) from None
    except (MissingPart, algorithm.AlgorithmError) as error:
        raise Failed(str(error)) from None
    except OSError as error:
        raise Failed(_said(error)) from None
    return evaluated


def _simulated(asked: Asked, progress: Progress) -> tuple[Evaluated, list, list[Result]]:
    name = asked.matrix or "quick"
    cases = _chosen(matrix.matrix(name), asked)
    if asked.cluster and asked.jobs:
        raise UsageError("--jobs is for this machine: the cluster has its own number of workers.")

    def run(cases: Sequence[Case], what: str) -> tuple[list[Result], list[str]]:
        return execute.execute(
            cases,
            asked.command,
            asked.cluster,
            asked.jobs,
            lambda done, of: progress(done, of, what),
        )

    results, failures = run(cases, f"matrix {name}")
    system: list[Result] = []
    if name == "system":
        system = results
    elif asked.report is not None and not asked.rows and not asked.cases and not asked.command:
        system, more = run(matrix.matrix("system"), "matrix system")
        failures += more
    meta = {
        "matrix": name,
        "version": matrix.VERSION,
        "hash": matrix.matrix_hash(cases),
        "core": execute.core_hash(),
        "algorithm": asked.command or "the core of this project",
    }
    whole = summary.summarise(results, meta)
    text = summary.render(whole) if name != "system" else f"{summary.HEADING}\n"
    if name == "system" and results:
        from host_tools.evaluate import report

        whole["system"] = report.beside([], results)
        text += _table(whole["system"])
    return Evaluated(whole, text, results, failures), [], system


def _chosen(cases: list[Case], asked: Asked) -> list[Case]:
    rows = sorted({case.row for case in cases})
    for pattern in asked.rows:
        if not any(fnmatchcase(row, pattern) for row in rows):
            raise UsageError(f"There is no row {pattern}: name one of {', '.join(rows)}.")
    if asked.rows:
        cases = matrix.part_of(cases, asked.rows)
    if asked.cases is not None:
        cases = [case for case in cases if fnmatchcase(case.id, asked.cases)]
        if not cases:
            raise UsageError(
                f"No case matches {asked.cases}: an id is row/cell/number, as in 'still_*/*/0'."
            )
    return cases


def _table(told: Mapping[str, Any]) -> str:
    """What the hardware adds: a line a condition, the mean error at each true saturation."""
    lines = told["lines"]
    width = max(len(line["title"]) for line in lines)
    heads = [*told["columns"], "rms", "worst", "n"]
    out = [
        "mean error of the shown SpO2 in points, at a true SpO2 of … %",
        f"{'':<{width}} " + " ".join(f"{head:>6}" for head in heads),
    ]
    for line in lines:
        cells = ["-" if cell is None else cell[0] for cell in line["cells"]]
        cells += [line["rms"], line["worst"], str(line["n"])]
        out.append(f"{line['title']:<{width}} " + " ".join(f"{cell:>6}" for cell in cells))
    return "\n".join(out) + "\n"


def _recorded(asked: Asked, progress: Progress) -> tuple[Evaluated, list, list[Result]]:
    if asked.rows or asked.cases or asked.cluster:
        raise UsageError("--row, --cases and --cluster are for a matrix: leave them out here.")
    found = recordings.evaluate(asked.files, asked.command, asked.jobs, progress)
    meta = {
        "matrix": "recordings",
        "core": execute.core_hash(),
        "algorithm": asked.command or "the device of this project",
    }
    whole = summary.summarise(found.judged, meta)
    whole["sets"] = found.sets
    text = recordings.render(found.sets)
    if found.judged:
        text += "\n" + summary.render(whole)
    for file in found.without:
        text += f"{file}: no reference, nothing to compare with\n"
    return Evaluated(whole, text, found.results, found.failures), found.sets, []


def _write_report(
    asked: Asked, evaluated: Evaluated, sets: Sequence[dict[str, Any]], system: Sequence[Result]
) -> None:
    from host_tools.evaluate import report

    assert asked.report is not None
    page = report.page(
        evaluated.summary,
        evaluated.results,
        sets,
        system,
        asked.command or "",
        evaluated.failures,
    )
    asked.report.mkdir(parents=True, exist_ok=True)
    write_whole(asked.report / "evaluate.html", page)


def compared(before: Path, after: Path, as_json: bool = False) -> tuple[str, bool]:
    """What got worse between two summaries, as text or JSON, and whether anything did.

    Raises UsageError.
    """
    found = []
    for path in (before, after):
        try:
            found.append(json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise UsageError(_said(error)) from None
        except ValueError:
            raise UsageError(
                f"{path} is no JSON: make it with xueyang evaluate --json > {path.name}."
            ) from None
    try:
        comparison = compare.compare(*found)
    except compare.Incomparable as error:
        raise UsageError(str(error)) from None
    text = json.dumps(comparison) if as_json else compare.render(comparison)
    return text, bool(comparison["regression"])


def _said(error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"{error.filename or 'A file'} cannot be used ({reason}): check the path."
