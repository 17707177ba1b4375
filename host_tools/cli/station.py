"""A unit is tested: xueyang station, also with a line of virtual units."""

import contextlib
import dataclasses
import datetime
import importlib.util
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from host_tools.cli import stores
from host_tools.cli.options import Json, Out, Ports, Printer, ProductFile, Stage, Store
from host_tools.cli.output import print_result


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
    with stores.opened(store) as local:
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
        with stores.opened(plant) if plant else contextlib.nullcontext() as above:
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
            heard &= print_result(text)

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
        heard &= print_result(text)
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
        return print_result(query.columns(rows))
    return all(print_result(json.dumps(row, ensure_ascii=False)) for row in rows)


def _at_the_bench(local, name, worker, begin, end, rework, scrap, because, as_json) -> None:
    """What is recorded without a jig; one unit that cannot be holds up no other."""

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
            heard &= print_result(json.dumps(told, ensure_ascii=False))
        elif ok:
            heard &= print_result(sentence)
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
        heard &= print_result(json.dumps(row, ensure_ascii=False))
    if outcome.studied and not as_json:
        heard &= print_result(query.columns(outcome.studied))
    for unit in outcome.units:
        if as_json:
            heard &= print_result(factory.told(unit))
        elif unit.problems:
            heard &= print_result(f"unit {unit.number}: {'; '.join(unit.problems)}")
    heard &= print_result(
        json.dumps(outcome.summary, ensure_ascii=False, indent=None if as_json else 2)
    )
    code = outcome.exit_code()
    if code or not heard:
        raise typer.Exit(code or 1)
