"""What is recorded of units and serials: trace, yield, recall, reserve, push, plant."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from host_tools.cli import stores
from host_tools.cli.options import Store
from host_tools.cli.output import print_result, print_whole
from host_tools.cli.progress import counting


def trace(
    serial: Annotated[str | None, typer.Argument(help="Of the unit.")] = None,
    port: Annotated[
        str | None,
        typer.Option(metavar="PORT", help="Ask the unit itself, and verify its signature."),
    ] = None,
    store: Store = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell a unit's life: who it is, what was measured, its labels, and where it went."""
    if (serial is None) == (port is None):
        raise typer.BadParameter("Name a SERIAL, or the --port of the unit.")
    with stores.opened(store) as found:
        from host_tools.store import query

        signed_by = None
        if port is not None:
            unit = _asked(port)
            signed_by = query.signer(found, unit.is_signed_by)
            serial = unit.identity.serial
        assert serial is not None
        told = query.trace(found, serial)
        text = query.life(told)
        if port is not None:
            from host_tools.sentences import say

            key = "signed" if signed_by else "unsigned"
            if unit.mac.replace(":", "") != told["mac"]:
                key = "other_chip"
            text += "\n" + say(key, station=signed_by, mac=unit.mac)
            told["signature"] = key
            told["signed_by"] = signed_by
        print_whole(as_json, told, text)
    if port is not None and told["signature"] != "signed":
        raise typer.Exit(1)


def _asked(port: str):
    """What the unit at a port says of itself; it must say who it is."""
    from host_tools import flash as verb
    from host_tools.sentences import say

    (slot,) = verb.slots_of([port])
    unit = verb.look(slot)
    if isinstance(unit, verb.Outcome):
        print(unit.sentence, file=sys.stderr)
        raise typer.Exit(3 if unit.cause == "no_port" else 1)
    if unit.identity is None:
        print(say("nobody"), file=sys.stderr)
        raise typer.Exit(1)
    return unit


def yield_(
    lot: Annotated[str | None, typer.Option(help="Only of this lot.")] = None,
    station: Annotated[str | None, typer.Option(help="Only at this station.")] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            help="Write a page on it, with all measurements; of a whole plant it takes minutes.",
        ),
    ] = None,
    store: Store = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """First-pass yield of each stage, and why the others failed."""
    with stores.opened(store) as found:
        from host_tools.store import query

        if page is not None:
            from host_tools import yield_page

            with counting() as progress:
                text = yield_page.page(found, lot, station, progress)
            try:
                page.write_text(text, encoding="utf-8")
            except OSError as error:
                print(f"{page} cannot be written ({error.strerror}).", file=sys.stderr)
                raise typer.Exit(1) from None
        stages, pareto = query.yields(found, lot, station)
        text = f"{query.columns(stages)}\n\n{query.columns(pareto)}"
        print_whole(as_json, {"stages": stages, "failures": pareto}, text)


def recall(
    lot: Annotated[str, typer.Option(help="The lot.")],
    store: Store = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """Where each unit of a lot has gone."""
    with stores.opened(store) as found:
        from host_tools.store import query

        rows = query.recall(found, lot)
        print_whole(as_json, rows, query.columns(rows))


def reserve(
    station: Annotated[str, typer.Option(help="For which station.")],
    prefix: Annotated[str, typer.Option(help="What the serials begin with.")],
    digits: Annotated[int, typer.Option(min=3, max=12, help="How many digits follow.")] = 6,
    plant: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where all stations reserve. [default: the own store]"),
    ] = None,
    store: Store = None,
) -> None:
    """Take a block of 500 serials for a station."""
    with stores.opened(store) as local:
        from host_tools.store import station as writes

        if plant is None:
            first = writes.reserve(local, local, station, prefix, digits)
        else:
            with stores.opened(plant) as above:
                first = writes.reserve(above, local, station, prefix, digits)
        print_result(f"{prefix}{first:0{digits}} to {prefix}{first + writes.BLOCK - 1:0{digits}}")


def push(
    plant: Annotated[str, typer.Argument(metavar="URL", help="postgresql://HOST/NAME")],
    store: Store = None,
) -> None:
    """Send what a station has recorded to the plant; may be interrupted and repeated."""
    with stores.opened(store) as local, stores.opened(plant) as above:
        from host_tools.store import push as verb

        with counting() as progress:
            pushed = verb.push(local, above, lambda done, of: progress(done, of, "push"))
        for sentence in pushed.held.values():
            print(sentence, file=sys.stderr)
        if not print_result(f"{pushed.records} records sent") or pushed.held:
            raise typer.Exit(4 if pushed.held else 1)


def plant(
    url: Annotated[str, typer.Argument(metavar="URL", help="postgresql://HOST/NAME")],
    role: Annotated[
        str | None,
        typer.Option(help="Let this role, of the stations, add records and read them."),
    ] = None,
) -> None:
    """Prepare the plant's database, as its owner: today's schema, and the stations' rights."""
    with stores.errors():
        from host_tools.store import connect

        connect.prepare_plant(url, role).dispose()
        print_result(f"{connect.named(connect.engine(url))} is ready")
