"""Label, box, carton and where they went: label, pack, ship."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from host_tools.cli import stores
from host_tools.cli.options import Out, Printer, ProductFile, Store
from host_tools.cli.output import print_result


class Settled(StrEnum):
    """What became of a label."""

    printed = "printed"
    spoilt = "spoilt"


def label(
    serials: Annotated[list[str] | None, typer.Argument(metavar="[SERIAL]...")] = None,
    station: Annotated[str, typer.Option(help="Which station this is.")] = "",
    worker: Annotated[str, typer.Option(help="Who works at it.")] = "",
    product: ProductFile = None,
    out: Out = None,
    printer: Printer = None,
    settle: Annotated[
        Settled | None,
        typer.Option(help="What became of labels that a kill has left open, without asking."),
    ] = None,
    store: Store = None,
) -> None:
    """Print labels of units; a further one of a unit is a reprint, and is counted."""
    from host_tools import label_print as verb
    from host_tools.sentences import say

    with stores.opened(store) as local:
        from host_tools.store import station as writes

        for key, serial, copy in writes.unsettled_labels(local):
            outcome = settle.value if settle else None
            if outcome is None and sys.stdin.isatty():
                question = say("label?", serial=serial, copy=copy)
                outcome = "printed" if typer.confirm(question, err=True) else "spoilt"
            if outcome is None:
                print(say("unsettled", serial=serial, copy=copy), file=sys.stderr)
                raise typer.Exit(1)
            writes.end_label(local, key, outcome)
        if not serials:
            return
        of, send = _labels(product, out, printer)
        try:
            printed = verb.print_units(local, station, worker, serials, of, send)
        except (ValueError, verb.PrintError) as error:
            print(error, file=sys.stderr)
            raise typer.Exit(1) from None
        for serial, copy in printed:
            print_result(f"{serial}: {say('copy', copy=copy)}")


def pack(
    contents: Annotated[
        list[str], typer.Argument(metavar="SERIAL...", help="Or boxes, with --carton.")
    ],
    product: ProductFile = None,
    carton: Annotated[bool, typer.Option("--carton", help="Boxes into a carton.")] = False,
    station: Annotated[str, typer.Option(help="Which station this is.")] = "",
    out: Out = None,
    printer: Printer = None,
    store: Store = None,
) -> None:
    """Put units into a box, or boxes into a carton, and print its label with its SSCC."""
    from host_tools import label as drawn
    from host_tools import label_print as verb

    of, send = _labels(product, out, printer)
    if of is None:
        raise typer.BadParameter("A box needs a --product: its SSCC begins with the company.")
    with stores.opened(store) as local:
        from host_tools.store import query
        from host_tools.store import station as writes

        what = "boxes" if carton else query.unit(local, contents[0]).lot
        code = writes.next_sscc(local, station, of.company)
        try:
            picture = drawn.box_label(code, len(contents), what)
            (writes.nest if carton else writes.pack)(local, station, code, contents)
            send([picture])
        except (ValueError, verb.PrintError) as error:
            print(error, file=sys.stderr)
            raise typer.Exit(1) from None
        print_result(code)


def ship(
    sscc: Annotated[str, typer.Argument(metavar="SSCC", help="Of a carton, or a box by itself.")],
    to: Annotated[str, typer.Option(help="To whom it has gone.")],
    store: Store = None,
) -> None:
    """Record where a carton has gone."""
    with stores.opened(store) as local:
        from host_tools.store import station as writes

        writes.ship(local, sscc, to)


def _labels(product: Path | None, out: Path | None, printer: str | None) -> tuple:
    """(the product or None for a sample, what brings labels out)"""
    from host_tools import label as drawn
    from host_tools import label_print
    from host_tools.sentences import say

    try:
        send = label_print.sender(out, printer)
        of, missing = drawn.product(product) if product else (None, ["--product"])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if missing:
        print(say("sample", missing=", ".join(missing)), file=sys.stderr)
    return of, send
