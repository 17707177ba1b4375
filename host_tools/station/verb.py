"""`xueyang station`: what the command line asks for, made into a plan and told as lines."""

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from host_tools import bundle, identity, label, label_print, signature
from host_tools.sentences import say
from host_tools.station import line
from host_tools.station.jig import COLUMNS, Hands, Jig, JigLine
from host_tools.station.runner import Tested
from host_tools.station.view import SlotView, Tell

_LOOK_S = 0.3  # between two looks at a row
_STEADY_S = 2.0  # so long nothing has been put in or taken out: the lid is closed


class UsageError(Exception):
    """The command is wrong; the text says how it is right."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """The command, as it was given."""

    stage: str
    bundle: Path | None = None
    jig: str | None = None
    ports: Sequence[str] = ()
    once: bool = False
    station: str = ""
    worker: str = ""
    lot: str | None = None
    revision: str | None = None
    calibration: Path | None = None
    studying: bool = False
    product: Path | None = None
    out: Path | None = None
    printer: str | None = None


def version() -> str:
    return importlib.metadata.version("xueyang")


Question = Callable[..., str]  # question(key, **values): what the worker answers to a sentence


def question(key: str, **values: Any) -> str:
    """Asked on stderr, answered on stdin."""
    print(say(key, **values), end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def plan(asked: Asked, store: Any, plant: Any = None, question: Question = question) -> line.Plan:
    """What a station with or without a jig does. Raises UsageError, BundleError, ValueError."""
    if not asked.station:
        raise UsageError(say("say_station"))
    jig, rows = _jig(asked, question)
    flashing = None
    made_by = version()
    if asked.stage == "pcba":
        if asked.bundle is None or not asked.lot or not asked.revision:
            raise UsageError(say("say_pcba"))
        identity.Identity("any", asked.lot, asked.revision, 20260101).encode()
        found = bundle.read(asked.bundle)
        if not found.is_complete:
            raise bundle.BundleError(say("incomplete_bundle", path=asked.bundle))
        from host_tools.store import station

        private = signature.key(signature.default_path())
        station.announce_key(store, asked.station, signature.public(private))
        settings = identity.calibration(asked.calibration) if asked.calibration else None
        flashing = line.Flashing(found, asked.lot, asked.revision, private, settings)
        made_by = f"{found.version} by {made_by}"
    if asked.studying and not asked.worker:
        raise UsageError(say("say_worker"))
    labelling = _labelling(asked, question) if asked.stage == "pack" else None
    ready = _hands_ready(asked.once) if isinstance(jig, Hands) else _jig_ready(jig, asked.once)
    return line.Plan(
        asked.stage,
        store,
        asked.station,
        asked.worker,
        made_by,
        jig,
        rows,
        ready,
        plant,
        _locked(asked, store),
        asked.studying,
        flashing,
        labelling,
        knows_seats=not isinstance(jig, Hands),
    )


def _locked(asked: Asked, store: Any) -> Callable[[Sequence[str]], dict[str, str]]:
    """What golden and known-bad units say of slots now. A stage that has none of either is not
    judged: the first units of all must pass before one of them can be golden."""
    from host_tools.store import capability

    if asked.stage != "pack" and not capability.references(store, asked.stage):
        print(say("unjudged", stage=asked.stage), file=sys.stderr)

    def locked(slots: Sequence[str]) -> dict[str, str]:
        if asked.studying or not capability.references(store, asked.stage):
            return {}
        return capability.locked(store, asked.station, asked.stage, slots)

    return locked


def _jig(asked: Asked, question: Question) -> tuple[Jig, list[list[str]]]:
    if bool(asked.jig) == bool(asked.ports):
        raise UsageError(say("say_jig"))
    if asked.jig:
        jig = JigLine(asked.jig)
        slots = jig.slots()
        return jig, [slots[n : n + COLUMNS] for n in range(0, len(slots), COLUMNS)]
    return Hands({port: port for port in asked.ports}, question), [list(asked.ports)]


def _hands_ready(once: bool) -> Callable[[Sequence[str]], bool]:
    rounds = 0

    def ready(row: Sequence[str]) -> bool:
        nonlocal rounds
        rounds += 1
        if once:
            return rounds == 1 and _plugged_in(row)
        while True:
            print(say("hand_ready", slots=", ".join(row)), file=sys.stderr, flush=True)
            told = sys.stdin.readline()
            if not told or told.strip().lower() == "q":
                return False
            if _plugged_in(row):
                return True

    return ready


def _plugged_in(ports: Sequence[str]) -> bool:
    """Whether all are there; it is told which are not. What is not there cannot fail."""
    away = [port for port in ports if not os.path.exists(port)]
    for port in away:
        print(say("hand_away", slot=port), file=sys.stderr, flush=True)
    return not away


def _jig_ready(jig: Jig, once: bool) -> Callable[[Sequence[str]], bool]:
    """Whenever something new is in a row and nobody has touched it for a while."""
    done: dict[str, dict[str, int]] = {}
    lock = threading.Lock()

    def ready(row: Sequence[str]) -> bool:
        with lock:
            before = done.get(row[0])
        if once and before is not None:
            return False
        seats: dict[str, int] = {}
        since_s = time.monotonic()
        while True:
            now = {slot: jig.seat(slot) for slot in row}
            if now != seats:
                seats, since_s = now, time.monotonic()
            is_new = any(seat and seat != (before or {}).get(slot) for slot, seat in seats.items())
            if once or (is_new and time.monotonic() - since_s > _STEADY_S):
                with lock:
                    done[row[0]] = seats
                if once and not is_new:
                    print(say("nothing_in", slots=", ".join(row)), file=sys.stderr, flush=True)
                return is_new or not once
            time.sleep(_LOOK_S)

    return ready


def _labelling(asked: Asked, question: Question) -> line.Labelling:
    of, missing = label.product(asked.product) if asked.product else (None, ["--product"])
    if missing:
        print(say("sample", missing=", ".join(missing)), file=sys.stderr)
    send = label_print.sender(asked.out, asked.printer)
    one = threading.Lock()  # one printer, one reader

    def read(slot: str) -> str:
        with one:
            return question("hand_scan", slot=slot)

    return line.Labelling(of, lambda slot, pictures: send(pictures), read)


def teller() -> Tell:
    """A line on stderr whenever a slot begins with something else."""
    said: dict[str, tuple[str, str]] = {}
    lock = threading.Lock()

    def tell(view: SlotView) -> None:
        if view.state in ("empty", "waiting"):
            return
        with lock:
            if said.get(view.slot) == (view.state, view.phase):
                return
            said[view.slot] = view.state, view.phase
            what = say(view.phase) if view.state == "testing" and view.phase else _state(view)
            text = f"{view.slot}: {view.serial} {what}".replace("  ", " ")
            print(text, file=sys.stderr, flush=True)

    return tell


def _state(view: SlotView) -> str:
    ended = "aborted" if view.cause in ("unit_pulled", "pulled", "no_port") else "error"
    key = {"refused": "refused_unit", "ended": ended}.get(view.state, view.state)
    sentence = f": {view.sentence}" if view.sentence else ""
    return f"{say(key) if key != 'testing' else view.state}{sentence}"


def told(tested: Tested, as_json: bool) -> str:
    """What a unit's line of results is."""
    if as_json:
        return json.dumps(dataclasses.asdict(tested), ensure_ascii=False)
    key = "refused_unit" if tested.outcome == "refused" else tested.outcome
    text = f"{tested.slot}: {say(key)} {tested.serial} ({tested.seconds:.1f} s)"
    return f"{text}: {tested.sentence}" if tested.sentence else text


def virtual(slots: int, units: int, with_faults: bool, folder: Path | None) -> Any:
    """The virtual line, or with no units its gauge study; what it came to. Raises LineError."""
    from host_tools.station import virtual as factory

    def note(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise factory.LineError(f"{folder} is not empty: name another.")
    with contextlib.ExitStack() as stack:
        if folder is None:
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="xueyang-line-"))
            folder = Path(made)
        if not units:
            return factory.study(folder, slots, teller(), note)
        return factory.run(folder, slots, units, with_faults, teller(), note)
