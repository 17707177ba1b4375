"""The command line `xueyang`: thin, one function a verb.

Results go to stdout, progress to stderr. Exit 0 ok, 1 something failed, 2 usage, 3 no port, 4 some
units failed.
"""

import contextlib
import dataclasses
import datetime
import importlib.util
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


class Chip(StrEnum):
    """What a bundle is for."""

    esp32 = "esp32"
    esp32c3 = "esp32c3"


class Settled(StrEnum):
    """What became of a label."""

    printed = "printed"
    spoilt = "spoilt"


@app.command()
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
        if said or not _told(f"{check}: all is as the manifest says"):
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
    if not _told(json.dumps(manifest) if as_json else str(path)):
        raise typer.Exit(1)


Ports = Annotated[
    list[str] | None,
    typer.Option("--port", metavar="PORT", help="A unit's port; may be given again for more."),
]
All = Annotated[
    bool, typer.Option("--all", help="Every port with a known USB id and the bundle's chip.")
]
BundleFile = Annotated[Path, typer.Argument(metavar="BUNDLE", help="As made by xueyang build.")]
Baud = Annotated[int, typer.Option(min=9600, help="The highest baud rate to try.")]
Deadline = Annotated[float, typer.Option(min=1, metavar="S", help="Seconds that a unit may take.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a unit.")]


Store = Annotated[
    str | None,
    typer.Option(
        metavar="STORE",
        help="A station's file, or the plant as postgresql://HOST/NAME. [default: $XUEYANG_STORE]",
    ),
]


@app.command()
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
        with _stored(store) as local:
            identity_of, recorded = flash_record.at(local, station, worker, first, private)
            _flash(
                file, port, every, baud, deadline, as_json, overwrite, identity_of, recorded,
                settings=stored, private_key=private,
            )  # fmt: skip
        return
    _flash(file, port, every, baud, deadline, as_json, overwrite, identity_of, settings=stored)


@app.command()
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
    with _watching(slots) as (progress, pause):

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
        told &= _told(json.dumps(dataclasses.asdict(outcome)) if as_json else text)
    code = verb.exit_code(outcomes)
    if code or not told:
        raise typer.Exit(code or 1)


@contextlib.contextmanager
def _store_errors() -> Iterator[None]:
    """What goes wrong with a store is a sentence and exit 1."""
    if importlib.util.find_spec("sqlalchemy") is None:
        print("The store needs SQLAlchemy: run `make setup-all`.", file=sys.stderr)
        raise typer.Exit(1)
    from host_tools.store import connect

    try:
        yield
    except connect.StoreError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


@contextlib.contextmanager
def _stored(where: str | None) -> Iterator:
    """The engine of a station's store, or of the plant's."""
    with _store_errors():
        from host_tools.store import connect

        if where and "://" in where:
            found = connect.plant(where)
        else:
            found = connect.opened(where or connect.default_path())
        try:
            yield found
        finally:
            found.dispose()


def _plainly(value: object) -> object:
    """What JSON has no word for."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _tell(as_json: bool, whole: object, text: str) -> None:
    told = json.dumps(whole, default=_plainly, ensure_ascii=False) if as_json else text
    if not _told(told):
        raise typer.Exit(1)


@app.command()
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
    with _stored(store) as found:
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
        _tell(as_json, told, text)
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


@app.command("yield")
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
    with _stored(store) as found:
        from host_tools.store import query

        if page is not None:
            from host_tools import yield_page

            with _counting() as progress:
                text = yield_page.page(found, lot, station, progress)
            try:
                page.write_text(text, encoding="utf-8")
            except OSError as error:
                print(f"{page} cannot be written ({error.strerror}).", file=sys.stderr)
                raise typer.Exit(1) from None
        stages, pareto = query.yields(found, lot, station)
        text = f"{query.columns(stages)}\n\n{query.columns(pareto)}"
        _tell(as_json, {"stages": stages, "failures": pareto}, text)


capability_app = typer.Typer(
    name="capability",
    no_args_is_help=True,
    help="Judge the station itself: its gauges, its slots, its limits.",
    rich_markup_mode=None,
)
app.add_typer(capability_app)
StageName = Annotated[str | None, typer.Option("--stage", help="Which stage.")]


class JudgingUnit(StrEnum):
    """What a unit is to the slots."""

    golden = "golden"
    known_bad = "known_bad"
    withdrawn = "withdrawn"


class Stage(StrEnum):
    """Where a unit is tested, in this order."""

    pcba = "pcba"
    ageing = "ageing"
    final = "final"
    pack = "pack"


@capability_app.command("gauge")
def capability_gauge(
    station: Annotated[str, typer.Option(help="At which station.")],
    stage: StageName = None,
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
    with _stored(store) as found:
        from host_tools.store import capability

        begin = since.replace(tzinfo=datetime.UTC) if since else None
        studied = capability.study_of(found, station, stage, slot, begin)
        if not look:
            capability.keep_study(found, studied)
        _tell_rows(as_json, capability.told(studied))


@capability_app.command("reference")
def capability_reference(
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
    with _stored(store) as local:
        from host_tools.store import station as writes

        unit = reference.Reference(serial, kind.value, stage.value, phase, must)
        writes.designate(local, unit, station, worker)
    _told(say(f"named_{kind.value}", serial=serial, stage=stage.value))


@capability_app.command("slots")
def capability_slots(
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
    with _stored(store) as found:
        from host_tools.store import capability

        rows = capability.slots_told(found, station, stage.value, slots, hours)
        _tell_rows(as_json, rows)
    if any(row["state"] == "locked" for row in rows):
        raise typer.Exit(4)


@capability_app.command("limits")
def capability_limits(
    lot: Annotated[str, typer.Argument(help="The lot of the pilot units.")],
    stage: StageName = None,
    store: Store = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a measurement.")
    ] = False,
) -> None:
    """Propose limits out of at least 50 pilot units; until then a limit is provisional."""
    with _stored(store) as found:
        from host_tools.store import capability

        proposed = capability.propose(found, lot, stage)
        _tell_rows(as_json, [capability.proposed_told(each) for each in proposed])
    if all(each.proposal is None for each in proposed):
        raise typer.Exit(1)


def _tell_rows(as_json: bool, rows: list[dict]) -> None:
    """Rows as a table, or as one JSON object a line."""
    from host_tools.store import query

    if not as_json:
        _tell(False, rows, query.columns(rows))
        return
    for row in rows:
        _tell(True, row, "")


@app.command()
def recall(
    lot: Annotated[str, typer.Option(help="The lot.")],
    store: Store = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """Where each unit of a lot has gone."""
    with _stored(store) as found:
        from host_tools.store import query

        rows = query.recall(found, lot)
        _tell(as_json, rows, query.columns(rows))


@app.command()
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
    with _stored(store) as local:
        from host_tools.store import station as writes

        if plant is None:
            first = writes.reserve(local, local, station, prefix, digits)
        else:
            with _stored(plant) as above:
                first = writes.reserve(above, local, station, prefix, digits)
        _told(f"{prefix}{first:0{digits}} to {prefix}{first + writes.BLOCK - 1:0{digits}}")


@app.command()
def push(
    plant: Annotated[str, typer.Argument(metavar="URL", help="postgresql://HOST/NAME")],
    store: Store = None,
) -> None:
    """Send what a station has recorded to the plant; may be interrupted and repeated."""
    with _stored(store) as local, _stored(plant) as above:
        from host_tools.store import push as verb

        with _counting() as progress:
            pushed = verb.push(local, above, lambda done, of: progress(done, of, "push"))
        for sentence in pushed.held.values():
            print(sentence, file=sys.stderr)
        if not _told(f"{pushed.records} records sent") or pushed.held:
            raise typer.Exit(4 if pushed.held else 1)


@app.command()
def plant(
    url: Annotated[str, typer.Argument(metavar="URL", help="postgresql://HOST/NAME")],
    role: Annotated[
        str | None,
        typer.Option(help="Let this role, of the stations, add records and read them."),
    ] = None,
) -> None:
    """Prepare the plant's database, as its owner: today's schema, and the stations' rights."""
    with _store_errors():
        from host_tools.store import connect

        connect.prepare_plant(url, role).dispose()
        _told(f"{connect.named(connect.engine(url))} is ready")


ProductFile = Annotated[
    Path | None,
    typer.Option(
        "--product",
        metavar="FILE.json",
        help="gtin, company, registration, licence; as long as one is missing it is a sample.",
    ),
]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Into a .zpl, .pdf (sheets of A4) or .png.")
]
Printer = Annotated[
    str | None, typer.Option(metavar="HOST[:PORT]", help="To a printer that knows ZPL.")
]


@app.command()
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

    with _stored(store) as local:
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
            _told(f"{serial}: {say('copy', copy=copy)}")


@app.command()
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
    with _stored(store) as local:
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
        _told(code)


@app.command()
def station(
    file: Annotated[
        Path | None, typer.Argument(metavar="[BUNDLE]", help="What the stage pcba flashes.")
    ] = None,
    stage: Annotated[Stage | None, typer.Option(help="What this station does.")] = None,
    jig: Annotated[
        str | None, typer.Option(metavar="SOCKET", help="The controller of the jig.")
    ] = None,
    port: Ports = None,
    once: Annotated[bool, typer.Option("--once", help="Test what is in now, and end.")] = False,
    grr: Annotated[
        bool,
        typer.Option("--grr", help="A gauge study: 10 units by 3 workers, 3 times each."),
    ] = False,
    name: Annotated[str, typer.Option("--station", help="Which station this is.")] = "",
    worker: Annotated[str, typer.Option(help="Who works at it.")] = "",
    lot: Annotated[str | None, typer.Option(help="Of new units.")] = None,
    revision: Annotated[str | None, typer.Option("--hardware-revision", help="Theirs.")] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Their curve: curve_e7, evidence, date, batch."),
    ] = None,
    begin: Annotated[
        list[str] | None,
        typer.Option(metavar="SERIAL", help="Ageing: this unit is on the rack from now on."),
    ] = None,
    end: Annotated[
        list[str] | None,
        typer.Option(metavar="SERIAL", help="Ageing: this unit is taken off the rack."),
    ] = None,
    rework: Annotated[
        str | None,
        typer.Option(metavar="SERIAL", help="It was repaired: all its tests begin anew."),
    ] = None,
    scrap: Annotated[
        str | None, typer.Option(metavar="SERIAL", help="It goes to no stage any more.")
    ] = None,
    because: Annotated[
        str, typer.Option(metavar="TEXT", help="What was repaired, or why it is scrapped.")
    ] = "",
    product: ProductFile = None,
    out: Out = None,
    printer: Printer = None,
    store: Store = None,
    plant: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where the records of other stations are."),
    ] = None,
    virtual: Annotated[
        int | None,
        typer.Option(min=4, metavar="SLOTS", help="A whole line of virtual units and slots."),
    ] = None,
    units: Annotated[int, typer.Option(min=1, help="Of the virtual line.")] = 64,
    seed_faults: Annotated[
        bool, typer.Option("--seed-faults", help="Every fault, each of which must be caught.")
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Leave the virtual line's store and labels there."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Test units: flash and board (pcba), ageing, closed device (final), label (pack)."""
    from host_tools.sentences import say
    from host_tools.station import verb

    for part in ("esptool", "sqlalchemy", "yaml", "littlefs"):
        if importlib.util.find_spec(part) is None:
            print(f"A station needs {part}: run `make setup-all`.", file=sys.stderr)
            raise typer.Exit(1)
    if virtual is not None:
        _virtual_line(virtual, 0 if grr else units, seed_faults, keep, as_json)
        return
    with _stored(store) as local:
        if begin or end or rework or scrap:
            _at_the_bench(
                local, name, worker, begin or [], end or [], rework, scrap, because, as_json
            )
            return
        if stage is None or stage is Stage.ageing:
            raise typer.BadParameter(say("say_stage"))
        asked = verb.Asked(
            stage.value, file, jig, port or (), once, name, worker, lot, revision, calibration,
            grr, product, out, printer,
        )  # fmt: skip
        with _stored(plant) if plant else contextlib.nullcontext() as above:
            _station(local, above, asked, as_json)


def _station(local, above, asked, as_json: bool) -> None:
    """A stage, until its work is over; on a terminal with the worker's screen."""
    from host_tools import bundle
    from host_tools.sentences import say
    from host_tools.station import jig, line, runner, screen, verb

    is_seen = bool(asked.jig) and not as_json and sys.stdout.isatty() and sys.stdin.isatty()
    asking: list[screen.Ask] = []  # as soon as the screen is there

    def question(key: str, **values: object) -> str:
        return asking[0].typed(say(key, **values))

    try:
        plan = verb.plan(asked, local, above, question if is_seen else verb.question)
    except (verb.UsageError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    except bundle.BundleError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except jig.JigError as error:
        print(say("jig", error=error), file=sys.stderr)
        raise typer.Exit(1) from None
    results: list[str] = []
    met: list[runner.Tested] = []
    heard = True

    def tested(result) -> None:
        nonlocal heard
        met.append(result)
        text = verb.told(result, as_json)
        if is_seen:
            results.append(text)  # for when the screen is gone
        else:
            heard &= _told(text)

    def left() -> int:
        """Whoever ends the work before a unit was there has not failed."""
        return line.Summary(met).exit_code() if met else 0

    plan = dataclasses.replace(plan, tested=tested)
    try:
        if is_seen:
            slots = [slot for row in plan.rows for slot in row]

            def work(tell, ask) -> line.Summary:
                asking.append(ask)
                return line.run(plan, tell)

            summary = screen.show(slots, work, f"{asked.station} {asked.stage}")
            code = summary.exit_code() if summary else left()
        else:
            code = line.run(plan, verb.teller()).exit_code()
    except KeyboardInterrupt:
        code = left()
    except jig.JigError as error:
        print(say("jig", error=error), file=sys.stderr)
        code = 1
    for text in results:
        heard &= _told(text)
    if asked.studying:
        heard &= _study(local, asked.station, asked.stage, as_json)
    if code or not heard:
        raise typer.Exit(code or 1)


def _study(store, station: str, stage: str, as_json: bool) -> bool:
    """The gauge study of a station's runs so far, stored; or, as a sentence, what is still to be
    tested. Whether somebody reads it."""
    from host_tools.store import capability, connect, query

    try:
        studied = capability.study_of(store, station, stage)
    except connect.StoreError as error:
        print(error, file=sys.stderr)
        return True
    capability.keep_study(store, studied)
    rows = capability.told(studied)
    if not as_json:
        return _told(query.columns(rows))
    return all(_told(json.dumps(row, ensure_ascii=False)) for row in rows)


def _at_the_bench(local, name, worker, begin, end, rework, scrap, because, as_json) -> None:
    """What is recorded without a jig; one unit that cannot be holds up no other."""
    import datetime

    from host_tools.sentences import say
    from host_tools.station import record, route, verb
    from host_tools.store.connect import StoreError

    if not name:
        raise typer.BadParameter(say("say_station"))
    if (rework or scrap) and not because:
        raise typer.BadParameter(say("say_because"))
    who = record.Who(name, worker, verb.version())
    now = datetime.datetime.now(datetime.UTC)

    def onto_rack(serial: str) -> tuple[bool, str]:
        record.onto_rack(local, serial, who, now)
        return True, say("on_rack", serial=serial)

    def off_rack(serial: str) -> tuple[bool, str]:
        hours, passed = record.off_rack(local, serial, who, now)
        if passed:
            return True, say("aged", serial=serial, hours=f"{hours:.1f}")
        why = say("route_young", hours=f"{hours:.1f}", least=f"{route.least_hours():g}")
        return False, say("aged_not", serial=serial, why=why)

    def reworked(serial: str) -> tuple[bool, str]:
        record.rework(local, serial, because, who, now)
        return True, say("reworked", serial=serial)

    def scrapped(serial: str) -> tuple[bool, str]:
        record.scrap(local, serial, because, who, now)
        return True, say("scrapped", serial=serial)

    wanted = [(onto_rack, serial) for serial in begin] + [(off_rack, serial) for serial in end]
    wanted += [(reworked, rework)] if rework else []
    wanted += [(scrapped, scrap)] if scrap else []
    well = []
    heard = True
    for act, serial in wanted:
        try:
            ok, sentence = act(serial)
        except (record.RecordError, StoreError) as error:
            ok, sentence = False, str(error)
        well.append(ok)
        if as_json:
            told = {"serial": serial, "ok": ok, "sentence": sentence}
            heard &= _told(json.dumps(told, ensure_ascii=False))
        elif ok:
            heard &= _told(sentence)
        else:
            print(sentence, file=sys.stderr)
    if not heard or not all(well):
        raise typer.Exit(4 if heard and any(well) else 1)


def _virtual_line(slots: int, units: int, seed_faults: bool, keep, as_json: bool) -> None:
    """So many virtual units through all stages; none: a gauge study of the virtual station."""
    from host_tools.station import verb
    from host_tools.station import virtual as factory
    from host_tools.store import query

    try:
        outcome = verb.virtual(slots, units, seed_faults, keep)
    except factory.LineError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    heard = True
    for row in outcome.studied if as_json else []:
        heard &= _told(json.dumps(row, ensure_ascii=False))
    if outcome.studied and not as_json:
        heard &= _told(query.columns(outcome.studied))
    for unit in outcome.units:
        if as_json:
            heard &= _told(factory.told(unit))
        elif unit.problems:
            heard &= _told(f"unit {unit.number}: {'; '.join(unit.problems)}")
    heard &= _told(json.dumps(outcome.summary, ensure_ascii=False, indent=None if as_json else 2))
    code = outcome.exit_code()
    if code or not heard:
        raise typer.Exit(code or 1)


@app.command()
def ship(
    sscc: Annotated[str, typer.Argument(metavar="SSCC", help="Of a carton, or a box by itself.")],
    to: Annotated[str, typer.Option(help="To whom it has gone.")],
    store: Store = None,
) -> None:
    """Record where a carton has gone."""
    with _stored(store) as local:
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


@contextlib.contextmanager
def _watching(slots) -> Iterator[tuple]:
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


@app.command()
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
            with _counting() as progress:
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
            _told(str(r_curve))
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
        with _stored(store) as local:
            from host_tools.store import station as writes

            writes.keep_calibration(local, found, design, station, worker)
    if port is not None:
        _set_calibration(port, found)
    if not _told(found.text().rstrip("\n") if as_json else verb.render(found)):
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


class ReferenceOrigin(StrEnum):
    """What the references of a recording come from."""

    arterial = "arterial"
    oximeter = "oximeter"
    simulator = "simulator"


@app.command()
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
    if not _told(json.dumps(told) if as_json else f"{out}: {words}") or failed:
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
