"""The station itself is judged: xueyang capability."""

import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from host_tools.cli import stores
from host_tools.cli.options import Stage, Store
from host_tools.cli.output import print_result, print_rows

app = typer.Typer(
    name="capability",
    no_args_is_help=True,
    help="Judge the station itself: its gauges, its slots, its limits.",
    rich_markup_mode=None,
)
StageOption = Annotated[Stage | None, typer.Option(help="Which stage.")]


class JudgingUnit(StrEnum):
    """What a unit is to the slots."""

    golden = "golden"
    known_bad = "known_bad"
    withdrawn = "withdrawn"


@app.command("gauge")
def gauge(
    station: Annotated[str, typer.Option(help="At which station.")],
    stage: StageOption = None,
    slot: Annotated[str | None, typer.Option(help="Of this slot alone.")] = None,
    since: Annotated[
        datetime.datetime | None,
        typer.Option(help="Runs after this, UTC. [default: all new ones]"),
    ] = None,
    look: Annotated[bool, typer.Option("--look", help="Print it, and do not store it.")] = False,
    store: Store = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a measurement.")
    ] = False,
) -> None:
    """Study the gauges: %GRR and ndc of each measurement, out of runs of kind gauge."""
    with stores.opened(store) as found:
        from host_tools.store import capability

        begin = since.replace(tzinfo=datetime.UTC) if since else None
        studied = capability.study_of(found, station, stage and stage.value, slot, begin)
        if not look:
            capability.keep_study(found, studied)
        print_rows(as_json, capability.told(studied))


@app.command("reference")
def reference(
    serial: Annotated[str, typer.Argument(help="Of the unit.")],
    kind: Annotated[JudgingUnit, typer.Option(help="What it is to the slots.")],
    station: Annotated[str, typer.Option(help="Which station this is.")],
    stage: Annotated[Stage, typer.Option(help="At which stage it judges.")],
    phase: Annotated[str, typer.Option(help="Where a known-bad unit must fail.")] = "",
    certified: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json", help='What a golden one must read: {"phase.name": [value, ±]}.'
        ),
    ] = None,
    worker: Annotated[str, typer.Option(help="Who says so.")] = "",
    store: Store = None,
) -> None:
    """Name a golden or a known-bad unit, by which each slot is judged once a shift."""
    from host_tools.capability import reference
    from host_tools.sentences import say
    from host_tools.station import declared

    try:
        must = reference.certificate(certified) if certified else {}
        phases = [each.name for each in declared.stages()[stage.value]]
        if phase and phase not in phases:
            raise ValueError(say("no_phase", stage=stage.value, phases=", ".join(phases)))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with stores.opened(store) as local:
        from host_tools.store import station as writes

        unit = reference.Reference(serial, kind.value, stage.value, phase, must)
        writes.designate(local, unit, station, worker)
    print_result(say(f"named_{kind.value}", serial=serial, stage=stage.value))


@app.command("slots")
def slots(
    station: Annotated[str, typer.Option(help="Of which station.")],
    stage: Annotated[Stage, typer.Option(help="At which stage.")],
    slots: Annotated[
        list[str] | None, typer.Argument(metavar="[SLOT]...", help="[default: all it has used]")
    ] = None,
    hours: Annotated[float, typer.Option(min=0.1, help="How long a shift is.")] = 8.0,
    store: Store = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a slot.")] = False,
) -> None:
    """Which slots are locked until they tell a golden from a known-bad unit; exit 4 if any is."""
    with stores.opened(store) as found:
        from host_tools.store import capability

        rows = capability.slots_told(found, station, stage.value, slots, hours)
        print_rows(as_json, rows)
    if any(row["state"] == "locked" for row in rows):
        raise typer.Exit(4)


@app.command("limits")
def limits(
    lot: Annotated[str, typer.Argument(help="The lot of the pilot units.")],
    stage: StageOption = None,
    store: Store = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a measurement.")
    ] = False,
) -> None:
    """Propose limits out of at least 50 pilot units; until then a limit is provisional."""
    with stores.opened(store) as found:
        from host_tools.store import capability

        proposed = capability.propose(found, lot, stage and stage.value)
        print_rows(as_json, [capability.proposed_told(each) for each in proposed])
    if all(each.proposal is None for each in proposed):
        raise typer.Exit(1)
