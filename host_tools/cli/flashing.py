"""From nothing to a unit with its firmware: build, flash, update."""

import dataclasses
import importlib.util
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from host_tools.cli import stores
from host_tools.cli.options import Json, Ports, Store
from host_tools.cli.output import print_result
from host_tools.cli.progress import watching


class Chip(StrEnum):
    """What a bundle is for."""

    esp32 = "esp32"
    esp32c3 = "esp32c3"


def build(
    micropython: Annotated[
        Path | None,
        typer.Option(metavar="IMAGE.bin", help="An official image of MicroPython, downloaded."),
    ] = None,
    target: Annotated[
        Chip, typer.Option(help="For which chip, when no image says it.")
    ] = Chip.esp32c3,
    out: Annotated[
        Path | None, typer.Option(metavar="BUNDLE", help="[default: xueyang-VERSION-CHIP.zip]")
    ] = None,
    hashes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="More hashes of images, as sha256sum prints them."),
    ] = None,
    check: Annotated[
        Path | None, typer.Option(metavar="BUNDLE", help="Make nothing; verify this one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest.")] = False,
) -> None:
    """Make the release bundle that units are flashed with, or verify one."""
    import importlib.metadata

    from host_tools import build as verb
    from host_tools import bundle

    if check is not None:
        said = list(bundle.complaints(check))
        for sentence in said:
            print(sentence, file=sys.stderr)
        if said or not print_result(f"{check}: all is as the manifest says"):
            raise typer.Exit(1)
        return
    try:
        image = verb.read_image(micropython, hashes) if micropython else None
        chip = image.target if image else bundle.TARGETS[target.value]
        version = importlib.metadata.version("xueyang")
        path = out or Path(f"xueyang-{version}-{chip.name}.zip")
        manifest = verb.make(path, image, chip)
    except verb.BuildError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    if image is None:
        print(
            "Without --micropython the bundle holds the file systems only: it updates units, "
            "and cannot flash an empty chip.",
            file=sys.stderr,
        )
    if not print_result(json.dumps(manifest) if as_json else str(path)):
        raise typer.Exit(1)


All = Annotated[
    bool, typer.Option("--all", help="Every port with a known USB id and the bundle's chip.")
]
BundleFile = Annotated[Path, typer.Argument(metavar="BUNDLE", help="As made by xueyang build.")]
Baud = Annotated[int, typer.Option(min=9600, help="The highest baud rate to try.")]
Deadline = Annotated[float, typer.Option(min=1, metavar="S", help="Seconds that a unit may take.")]


def flash(
    file: BundleFile,
    port: Ports = None,
    every: All = False,
    serial: Annotated[
        str | None,
        typer.Option(metavar="FIRST", help="Serial of the first unit; the others count on."),
    ] = None,
    station: Annotated[
        str | None,
        typer.Option(help="Instead of --serial: take them from this station's store, and record."),
    ] = None,
    store: Store = None,
    worker: Annotated[str, typer.Option(help="Who works at the station.")] = "",
    lot: Annotated[str | None, typer.Option(help="Their lot.")] = None,
    revision: Annotated[
        str | None, typer.Option("--hardware-revision", help="Their hardware revision.")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Their curve, as made by xueyang calibrate."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Do not ask before a unit gets a new identity.")
    ] = False,
    baud: Baud = 921_600,
    deadline: Deadline = 60,
    as_json: Json = False,
) -> None:
    """Flash empty units, all at once: MicroPython, firmware, settings, identity; verified."""
    from host_tools import flash as verb
    from host_tools import identity

    if serial and station:
        raise typer.BadParameter("Serials come from --serial or from the --station, not both.")
    if len({not (serial or station), lot is None, revision is None}) > 1:
        raise typer.BadParameter(
            "--lot and --hardware-revision belong to --serial or to --station."
        )
    identity_of = stored = recorded = None
    try:
        if lot is not None and revision is not None:
            first = identity.Identity(serial or "any", lot, revision, verb.today())
            first.encode()
            identity_of = verb.counted(first)
        if calibration is not None:
            stored = identity.calibration(calibration, lot)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if station:
        from host_tools import flash_record, signature

        try:
            private = signature.key(signature.default_path())
        except ValueError as error:
            print(error, file=sys.stderr)
            raise typer.Exit(1) from None
        with stores.opened(store) as local:
            identity_of, recorded = flash_record.at(local, station, worker, first, private)
            _flash(
                file, port, every, baud, deadline, as_json, overwrite, identity_of, recorded,
                settings=stored, private_key=private,
            )  # fmt: skip
        return
    _flash(file, port, every, baud, deadline, as_json, overwrite, identity_of, settings=stored)


def update(
    file: BundleFile,
    port: Ports = None,
    every: All = False,
    baud: Baud = 921_600,
    deadline: Deadline = 60,
    as_json: Json = False,
) -> None:
    """Replace the code of units; identity, calibration, settings and log stay."""
    _flash(file, port, every, baud, deadline, as_json, True, update=True)


def _flash(
    file,
    ports,
    every,
    baud,
    deadline,
    as_json,
    overwrite,
    identity_of=None,
    recorded=None,
    **more,
) -> None:
    from host_tools import bundle
    from host_tools import flash as verb
    from host_tools.sentences import say

    if bool(ports) == every:
        raise typer.BadParameter("Name the units with --port, or take all with --all.")
    if importlib.util.find_spec("esptool") is None:
        print("Flashing needs esptool: run `make setup-all`.", file=sys.stderr)
        raise typer.Exit(1)
    try:
        found = bundle.read(file)
        if not found.is_complete and not more.get("update"):
            raise bundle.BundleError(say("incomplete_bundle", path=file))
    except bundle.BundleError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    slots = verb.all_slots() if every else verb.slots_of(ports)
    if not slots:
        print(say("nothing"), file=sys.stderr)
        raise typer.Exit(3)
    bauds = [rate for rate in verb.BAUDS if rate < baud]
    plan = verb.Plan(found, is_listed=every, bauds=[baud, *bauds], deadline_s=deadline, **more)
    with watching(slots) as (progress, pause):

        def ask(slot, found) -> bool:
            if overwrite or not sys.stdin.isatty():
                return overwrite
            question = say("overwrite?", slot=slot.name, serial=found.serial, lot=found.lot)
            with pause():
                return typer.confirm(question, err=True)

        outcomes = verb.flash(plan, slots, identity_of, ask, progress)
    if recorded is not None:
        recorded(plan, outcomes)
    told = True
    for outcome in outcomes:
        text = f"{outcome.slot}: {say(outcome.state)}"
        text += f" {outcome.serial}" if outcome.serial else ""
        text += f" ({outcome.seconds:.1f} s)"
        text += f": {outcome.sentence}" if outcome.cause else ""
        told &= print_result(json.dumps(dataclasses.asdict(outcome)) if as_json else text)
    code = verb.exit_code(outcomes)
    if code or not told:
        raise typer.Exit(code or 1)
