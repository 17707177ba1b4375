"""The curve of a design or of a lot: xueyang calibrate."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from host_tools.cli import stores
from host_tools.cli.options import Store
from host_tools.cli.output import print_result
from host_tools.cli.progress import counting


def calibrate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Recordings or tables of pairs, for a design; else one calibration, .json.",
        ),
    ],
    batch: Annotated[
        str | None, typer.Option(help="A new design curve: the study's name, as in S2026A.")
    ] = None,
    lot: Annotated[
        str | None, typer.Option(help="A new curve for this lot, from that of its design.")
    ] = None,
    red_nm: Annotated[
        float | None,
        typer.Option(
            metavar="NM",
            help="Peak wavelength of the red LEDs: of the design's units [default: 660], or the "
            "lot's.",
        ),
    ] = None,
    r_transfer: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The lot's set_ratio and read_ratio, as CSV."),
    ] = None,
    virtual_jig: Annotated[
        bool, typer.Option("--virtual-jig", help="Simulate that instead; gives no evidence.")
    ] = False,
    r_curve: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the table that a simulator is to be told."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Write the calibration.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw pairs and curve: .png, .svg, .pdf.")
    ] = None,
    port: Annotated[
        str | None, typer.Option(metavar="PORT", help="Set it on this unit, over its console.")
    ] = None,
    station: Annotated[str | None, typer.Option(help="Record it in this station's store.")] = None,
    worker: Annotated[str, typer.Option(help="Who works at the station.")] = "",
    store: Store = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Fit a design's curve to pairs with a reference, or derive a lot's from it, and verify it."""
    from host_tools.calibrate import document, verb
    from host_tools.calibrate import lot as of_lot
    from host_tools.replay import write_whole

    is_one = len(files) == 1 and files[0].suffix == ".json"
    if batch and lot:
        raise typer.BadParameter("--batch is a new design's, --lot a new lot's: not both.")
    if not batch and not is_one:
        raise typer.BadParameter("Name a --batch for the design, or one calibration (.json).")
    if lot and red_nm is None:
        raise typer.BadParameter("--lot needs --red-nm, the peak wavelength of its red LEDs.")
    if (r_transfer or virtual_jig) and not lot or (r_transfer and virtual_jig):
        raise typer.BadParameter("--r-transfer or --virtual-jig belong to a --lot, one of them.")
    if picture and not batch:
        raise typer.BadParameter("--picture belongs to a design's pairs, with --batch.")
    if picture and picture.suffix not in (".png", ".svg", ".pdf"):
        raise typer.BadParameter("--picture must end in .png, .svg or .pdf.")
    design = None
    try:
        curve = None
        if batch:
            with counting() as progress:
                fitted = verb.design(files, batch, 660.0 if red_nm is None else red_nm, progress)
            found: document.Calibration | None = fitted.calibration
        else:
            found = document.read(files[0])
        if lot:
            assert found is not None and red_nm is not None
            design, found = found, None
            curve = verb.lot_curve(design, red_nm)
            if virtual_jig:
                found = verb.for_lot(design, lot, red_nm, of_lot.virtual(curve))
            elif r_transfer is not None:
                found = verb.for_lot(design, lot, red_nm, of_lot.transfer(r_transfer))
            elif not r_curve:
                raise of_lot.LotError(
                    "A lot's curve needs its --r-transfer; --r-curve gives the ratios to set."
                )
        if found is not None:
            curve = found.curve
        if r_curve is not None:
            assert curve is not None
            write_whole(r_curve, of_lot.r_curve(curve))
        if found is None:
            print_result(str(r_curve))
            return
        if picture is not None:
            from host_tools.calibrate.picture import draw

            draw(fitted, picture)
        if out is not None:
            found.write(out)
    except verb.FAILURES as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except OSError as error:
        print(f"{error.filename} cannot be written ({error.strerror}).", file=sys.stderr)
        raise typer.Exit(1) from None
    if station:
        with stores.opened(store) as local:
            from host_tools.store import station as writes

            writes.keep_calibration(local, found, design, station, worker)
    if port is not None:
        _set_calibration(port, found)
    if not print_result(found.text().rstrip("\n") if as_json else verb.render(found)):
        raise typer.Exit(1)


def _set_calibration(port: str, found) -> None:
    from host_tools.console import Console, ConsoleError, open_port

    try:
        with open_port(port) as opened:
            Console(opened).set_calibration(
                found.curve.e7, found.evidence, found.date, found.batch
            )
    except ConsoleError as error:
        print(f"{port}: {error}", file=sys.stderr)
        raise typer.Exit(3 if error.code == "port" else 1) from None
