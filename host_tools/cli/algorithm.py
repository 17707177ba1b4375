"""For who changes the algorithm: replay and evaluate."""

import dataclasses
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from host_tools.cli.output import print_result
from host_tools.cli.progress import counting, replaying


class Interpreter(StrEnum):
    """What runs the firmware."""

    cpython = "cpython"
    micropython = "micropython"


def replay(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Recordings: .csv, .csv.gz, .edf or WFDB .hea."),
    ],
    csv: Annotated[
        str | None,
        typer.Option(metavar="OUT", help="Write a row a second; a folder if several FILEs."),
    ] = None,
    vm: Annotated[Interpreter, typer.Option(help="What runs the firmware.")] = Interpreter.cpython,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a recording.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a page to look at, one a recording."),
    ] = None,
) -> None:
    """Play recordings to the whole firmware, as if a finger lay on the sensor."""
    from host_tools import replay as verb

    failed = False
    with replaying(len(files)) as (advance, finished):
        try:
            out = _out(csv)
            for outcome, _ in verb.replay(files, out, report, vm.value, advance):
                failed = failed or not outcome.ok
                finished(outcome)
                if as_json:
                    failed |= not print_result(json.dumps(dataclasses.asdict(outcome)))
                elif outcome.ok:
                    failed |= not print_result(_summary(outcome))
                if outcome.error:
                    print(outcome.error, file=sys.stderr)
        except verb.UsageError as error:
            raise typer.BadParameter(str(error)) from None
        except verb.MissingPart as error:
            print(error, file=sys.stderr)
            failed = True
    if failed:
        raise typer.Exit(1)


def _out(csv: str | None) -> Path | None:
    """OUT as a path; with a slash at its end it is a folder, and is made if it is missing."""
    if csv is None:
        return None
    if not csv:
        raise typer.BadParameter("OUT is empty: name a file or a folder.", param_hint="--csv")
    if csv.endswith("/"):
        try:
            Path(csv).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise typer.BadParameter(f"{csv} cannot be made ({reason}).") from None
    return Path(csv)


def _summary(outcome) -> str:
    text = f"{outcome.file}: {outcome.rows} rows, {outcome.seconds_ok} s with a reading"
    written = [path for path in (outcome.csv, outcome.report) if path]
    return f"{text} -> {', '.join(written)}" if written else text


_FAILURES_TOLD = 10  # what is wrong with a program stands in the first of thousands of cases


class Matrix(StrEnum):
    """Which simulated people."""

    quick = "quick"
    full = "full"
    tuning = "tuning"
    system = "system"


def evaluate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RECORDING|FOLDER]...",
            help="Score recordings with a reference instead of simulated people.",
        ),
    ] = None,
    matrix: Annotated[
        Matrix | None,
        typer.Option(
            help="Simulated people: quick; full for a release; tuning to work with; "
            "system for what the hardware adds. [default: quick]"
        ),
    ] = None,
    row: Annotated[
        list[str] | None,
        typer.Option(metavar="ROW", help="Only these rows, as in still_pi1 or motion_*."),
    ] = None,
    cases: Annotated[
        str | None,
        typer.Option(metavar="GLOB", help="Only cases whose row/cell/number matches."),
    ] = None,
    algorithm: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="Score another program: it reads a recording and writes the rows of replay.",
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Run on the workers of a dask.distributed scheduler."
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes. [default: one a core]")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as one JSON object.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write the result of each case.")
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option(metavar="OUT", help="The same as Parquet.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a page to look at.")
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="A.json B.json",
            help="Name what got worse from summary A to summary B; exit 1 if anything did.",
        ),
    ] = None,
) -> None:
    """Measure the algorithm on simulated people, or on recordings with a reference."""
    from host_tools.evaluate import verb

    try:
        if compare is not None:
            text, worse = verb.compared(*compare, as_json)
            if not print_result(text.rstrip("\n")) or worse:
                raise typer.Exit(1)
            return
        asked = verb.Asked(
            files=tuple(files or ()),
            matrix=None if matrix is None else matrix.value,
            rows=tuple(row or ()),
            cases=cases,
            command=algorithm,
            cluster=cluster,
            jobs=jobs,
            tables=tuple(path for path in (csv, parquet) if path),
            report=report,
        )
        with counting() as progress:
            evaluated = verb.evaluate(asked, progress)
    except verb.UsageError as error:
        raise typer.BadParameter(str(error)) from None
    except verb.Failed as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    for sentence in evaluated.failures[:_FAILURES_TOLD]:
        print(sentence, file=sys.stderr)
    if more := len(evaluated.failures[_FAILURES_TOLD:]):
        print(f"{more} more were not scored; --report names each.", file=sys.stderr)
    told = print_result(json.dumps(evaluated.summary) if as_json else evaluated.text.rstrip("\n"))
    if evaluated.failures or not told:
        raise typer.Exit(1)
