"""The command line `xueyang`: thin, one function a verb.

Results go to stdout, progress to stderr. Exit 0 ok, 1 something failed, 2 usage.
"""

import contextlib
import dataclasses
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="xueyang",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Interpreter(StrEnum):
    """What runs the firmware."""

    cpython = "cpython"
    micropython = "micropython"


@app.callback()
def xueyang() -> None:
    """Xueyang, an open fingertip pulse oximeter. Not a medical device."""


@app.command()
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
    with _progress(len(files)) as (advance, finished):
        try:
            out = _out(csv)
            for outcome, _ in verb.replay(files, out, report, vm.value, advance):
                failed = failed or not outcome.ok
                finished(outcome)
                if as_json:
                    failed |= not _told(json.dumps(dataclasses.asdict(outcome)))
                elif outcome.ok:
                    failed |= not _told(_summary(outcome))
                if outcome.error:
                    print(outcome.error, file=sys.stderr)
        except verb.UsageError as error:
            raise typer.BadParameter(str(error)) from None
        except verb.MissingPart as error:
            print(error, file=sys.stderr)
            failed = True
    if failed:
        raise typer.Exit(1)


class Matrix(StrEnum):
    """Which simulated people."""

    quick = "quick"
    full = "full"
    tuning = "tuning"
    system = "system"


@app.command()
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
            if not _told(text.rstrip("\n")) or worse:
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
        with _counting() as progress:
            evaluated = verb.evaluate(asked, progress)
    except verb.UsageError as error:
        raise typer.BadParameter(str(error)) from None
    except verb.Failed as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    for sentence in evaluated.failures:
        print(sentence, file=sys.stderr)
    told = _told(json.dumps(evaluated.summary) if as_json else evaluated.text.rstrip("\n"))
    if evaluated.failures or not told:
        raise typer.Exit(1)


@app.command()
def receive(
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the settled readings there, each once."),
    ] = None,
    records: Annotated[
        bool, typer.Option("--records", help="Fetch what the unit has stored, and end.")
    ] = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="The same, and empty its memory afterwards.")
    ] = False,
    set_clock: Annotated[
        bool, typer.Option("--set-clock", help="Set the unit's clock to this computer's, in UTC.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Show the live numbers too; they are never kept.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(min=1, help="How long to listen, or to wait for the memory.")
    ] = 60.0,
    unit: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only the unit that shows this name.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a reading.")
    ] = False,
) -> None:
    """Receive readings over Bluetooth from a unit in link mode. Not a medical device."""
    import asyncio

    from host_tools import receive as verb

    if delete and csv is None:
        raise typer.BadParameter("name a file with --csv first: what is deleted is gone.")

    async def session(store: "verb.Store | None") -> None:
        def tell(reading: "verb.Reading") -> None:
            if store is not None and not reading.live:
                store.add(reading)
            if as_json:
                _told(json.dumps(dict(zip(verb.COLUMNS, reading.row(), strict=True))))
            else:
                _told("  ".join(cell or "-" for cell in reading.row()))

        print("Looking for a unit in link mode.", file=sys.stderr)
        async with verb.connected(unit) as client:
            print("Connected.", file=sys.stderr)
            await verb.receive(client, tell, records or delete, set_clock, delete, live, seconds)

    try:
        asyncio.run(session(None if csv is None else verb.Store(csv)))
    except verb.ReceiveError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(error.code) from None
    except OSError as error:
        print(f"{csv} cannot be written ({error.strerror}).", file=sys.stderr)
        raise typer.Exit(1) from None


@contextlib.contextmanager
def _counting() -> Iterator:
    """A function progress(done, of, what): a bar on a terminal, elsewhere a line now and then."""
    if not sys.stderr.isatty():
        said = {"tenth": -1, "at_s": 0.0, "of": 0}

        def line(done: int, of: int, what: str) -> None:
            tenth = 10 * done // max(of, 1)
            now = time.monotonic()
            if (
                of != said["of"]
                or (tenth > said["tenth"] and now - said["at_s"] > 1)
                or done == of
            ):
                print(f"[{done}/{of}] {what}", file=sys.stderr)
                said.update(tenth=tenth, at_s=now, of=of)

        yield line
        return

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None)
        yield lambda done, of, what: bars.update(task, completed=done, total=of, description=what)


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


def _told(text: str) -> bool:
    """Print a result; False when nobody can take it. The batch goes on all the same."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"The results cannot be printed ({error.strerror}).", file=sys.stderr)
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (until the end of the process)
        return False
    return True


def _summary(outcome) -> str:
    text = f"{outcome.file}: {outcome.rows} rows, {outcome.seconds_ok} s with a reading"
    written = [path for path in (outcome.csv, outcome.report) if path]
    return f"{text} -> {', '.join(written)}" if written else text


@contextlib.contextmanager
def _progress(count: int) -> Iterator[tuple]:
    """Two functions: advance(recording, seconds_done) and finished(outcome).

    A bar on a terminal; elsewhere a line a recording.
    """
    started = time.monotonic()
    if not sys.stderr.isatty():
        done = 0

        def line(outcome) -> None:
            nonlocal done, started
            done += 1
            now = time.monotonic()
            what = f"{outcome.rows} s replayed in {now - started:.1f} s"
            print(
                f"[{done}/{count}] {Path(outcome.file).name}: {what if outcome.ok else 'failed'}",
                file=sys.stderr,
            )
            started = now

        yield lambda recording, seconds: None, line
        return

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[number]}"),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} s"),
        TimeElapsedColumn(),
    )
    # Not redirected: what is printed between two bars are results, and those are for stdout.
    bars = Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    task = bars.add_task("", number="")
    number = 1

    def advance(recording, seconds: int) -> None:
        bars.update(
            task,
            description=recording.name,
            number=f"{number}/{count}",
            completed=seconds,
            total=recording.seconds,
        )
        bars.start()

    def finished(outcome) -> None:
        nonlocal number
        number += 1
        bars.stop()
        bars.reset(task)

    try:
        yield advance, finished
    finally:
        bars.stop()


def main() -> None:
    """The entry point: whatever happens, people get a sentence and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is escaped; it stops nothing.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
