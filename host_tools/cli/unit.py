"""What a unit sends: readings over Bluetooth (receive), raw light over USB (record)."""

import contextlib
import dataclasses
import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from host_tools.cli.output import print_result


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
                print_result(json.dumps(dict(zip(verb.COLUMNS, reading.row(), strict=True))))
            else:
                print_result("  ".join(cell or "-" for cell in reading.row()))

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


class ReferenceOrigin(StrEnum):
    """What the references of a recording come from."""

    arterial = "arterial"
    oximeter = "oximeter"
    simulator = "simulator"


def record(
    out: Annotated[Path, typer.Argument(metavar="OUT.csv", help="The recording.")],
    port: Annotated[
        str | None,
        typer.Option(
            metavar="PORT",
            help="The unit's. Without it: finish what a kill has left, and add --ref-csv.",
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="How long. [default: until Ctrl-C]")
    ] = None,
    subject: Annotated[str, typer.Option(help="The person's number, never a name.")] = "",
    site: Annotated[str, typer.Option(help="Where the sensor is, as in left-index.")] = "",
    reference: Annotated[
        ReferenceOrigin | None, typer.Option(help="What the references come from.")
    ] = None,
    reference_device: Annotated[
        str, typer.Option(help="The reference's make and serial number.")
    ] = "",
    ref_spo2: Annotated[
        bool, typer.Option("--ref-spo2", help="The reference's SpO2 is typed in meanwhile.")
    ] = False,
    ref_hr: Annotated[
        bool, typer.Option("--ref-hr", help="Its pulse is; with both, a line is 97 72.")
    ] = False,
    ref_csv: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A reference's own table: time, sao2_pct (or spo2_pct), hr_bpm, subject.",
        ),
    ] = None,
    ref_offset: Annotated[
        float | None,
        typer.Option(
            "--ref-offset-s",
            help="With --ref-csv: how far its clock was ahead of this computer's.",
        ),
    ] = None,
    notes: Annotated[str, typer.Option(help="Anything else; no names.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Record a unit's raw light, with what a reference shows beside it. Not a medical device."""
    from host_tools import record as verb
    from host_tools.console import ConsoleError
    from host_tools.sentences import say

    kind = {"arterial": "SaO2"}.get(reference or "", str(reference or ""))
    wanted = [name for name, on in zip(verb.REFERENCES, (ref_spo2, ref_hr), strict=True) if on]
    if (wanted or ref_csv) and not kind:
        raise typer.BadParameter("--reference must say what the references come from.")
    if (ref_csv is None) != (ref_offset is None):
        raise typer.BadParameter("--ref-csv and --ref-offset-s belong together.")
    try:
        session = verb.Session(verb.checked_subject(subject), site, kind, reference_device, notes)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    told: dict = {"file": str(out)}
    failed = False
    try:
        found = verb.table(ref_csv, kind, subject) if ref_csv else []
        if port is None:
            told["finished"] = verb.finish(out)
            if not out.exists():
                raise verb.RecordError(f"There is no {out}: name a unit's --port to record it.")
        else:
            recorded = _recorded(port, out, session, wanted, seconds)
            told |= dataclasses.asdict(recorded)
            sentence = {"gone": "unit_gone", "silent": "unit_stopped"}.get(recorded.ended_by)
            if sentence:
                text = say(sentence, seconds=round(recorded.seconds), file=out)
                print(text, file=sys.stderr)
                failed = True
        if ref_csv is not None:
            assert ref_offset is not None
            added = verb.add(out, kind, found, ref_offset)
            told |= {"added": added.references, "outside": added.outside}
    except verb.RecordError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except ConsoleError as error:
        print(error if error.code == "port" else f"{port}: {error}", file=sys.stderr)
        raise typer.Exit(3 if error.code == "port" else 1) from None
    words = ", ".join(f"{name} {value}" for name, value in told.items() if name != "file")
    if not print_result(json.dumps(told) if as_json else f"{out}: {words}") or failed:
        raise typer.Exit(1)


def _recorded(port: str, out: Path, session, wanted: list[str], seconds: float | None):
    from host_tools import record as verb
    from host_tools.console import Console, open_port
    from host_tools.sentences import say

    verb.check_free(out)
    what = " ".join({"ref_spo2": "SpO2", "ref_hr": "PR"}[name] for name in wanted)

    def line(told) -> None:
        values = dataclasses.asdict(told) | {"seconds": int(told.seconds)}
        print(say("recording", **values), end=end, file=sys.stderr, flush=True)

    # A line that is written over would write over what is being typed.
    end, every_s = ("\r", 1) if sys.stderr.isatty() and not wanted else ("\n", 10)
    shown_s = -every_s

    def progress(told) -> None:
        nonlocal shown_s
        if told.seconds - shown_s >= every_s:
            shown_s = told.seconds
            line(told)

    with open_port(port) as opened:
        if wanted:
            print(say("type_reference", what=what), file=sys.stderr)
        typed = _typed(wanted, what)
        try:
            told = verb.record(Console(opened), out, session, typed, seconds, progress)
        except OSError as error:
            raise verb.RecordError(f"{port} was lost ({error}): check the cable.") from None
    line(told)
    if end != "\n":
        print(file=sys.stderr)
    return told


def _typed(wanted: list[str], what: str):
    """A queue of what people type from now on; a line that is no reading is said to be none."""
    import queue
    import threading

    from host_tools import record as verb
    from host_tools.sentences import say

    found: queue.SimpleQueue = queue.SimpleQueue()

    def listen() -> None:
        lines = sys.stdin
        with contextlib.suppress(OSError, ValueError):
            # A file of its own: at the end of the program nobody waits for this one.
            lines = os.fdopen(os.dup(sys.stdin.fileno()), encoding="utf-8", errors="replace")
        for text in lines:
            try:
                if text.strip():
                    found.put(verb.typed(text, wanted))
            except ValueError:
                print(say("no_reference", line=text.strip(), what=what), file=sys.stderr)

    if wanted:
        threading.Thread(target=listen, daemon=True).start()
    return found
