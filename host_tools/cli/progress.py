"""How far a verb is, on stderr: a bar on a terminal, elsewhere a line now and then."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def counting() -> Iterator:
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


@contextlib.contextmanager
def replaying(count: int) -> Iterator[tuple]:
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


@contextlib.contextmanager
def watching(slots) -> Iterator[tuple]:
    """progress(slot, phase, done, of), and pause() for as long as a question stands there.

    A bar a slot on a terminal; elsewhere a line whenever a slot begins with something else.
    """
    from host_tools.sentences import say

    if not sys.stderr.isatty():
        said: dict = {}

        def line(slot, phase: str, done: int, of: int) -> None:
            if said.get(slot) != phase:
                said[slot] = phase
                print(f"{slot.name}: {say(phase)}", file=sys.stderr)

        yield line, contextlib.nullcontext
        return

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[slot]}", markup=False),
        BarColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=False) as bars:
        tasks = {slot: bars.add_task(say("connect"), total=1, slot=slot.name) for slot in slots}

        def move(slot, phase: str, done: int, of: int) -> None:
            bars.update(tasks[slot], description=say(phase), completed=done, total=of)

        @contextlib.contextmanager
        def pause() -> Iterator[None]:
            bars.stop()
            try:
                yield
            finally:
                bars.start()

        yield move, pause
