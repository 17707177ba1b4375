"""A station at work: rows of the jig, each in a thread, round after round until the work is over.

    summary = run(plan, tell)

In a round the units of a row are recognised, held against the route, taken through the stage side
by side, and recorded; only then is anybody told that one has passed. Two units in a row that fail
the same phase in the same slot lock it: that is the jig rather than the units.
"""

import dataclasses
import datetime
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from host_tools import flash
from host_tools.bundle import Bundle
from host_tools.capability.reference import JUDGING
from host_tools.console import ConsoleError
from host_tools.sentences import say
from host_tools.station import declared, route, runner
from host_tools.station.dut import Dut, Pulled
from host_tools.station.jig import Jig, JigError
from host_tools.station.phases import Measure
from host_tools.station.runner import Fault, Tested
from host_tools.station.view import SlotView, Tell

_WATCH_S = 0.5  # between two looks at slots that show a verdict


@dataclasses.dataclass(frozen=True)
class Flashing:
    """What units get at the stage pcba. private_key signs it."""

    bundle: Bundle
    lot: str
    revision: str
    private_key: bytes
    settings: Any = None
    deadline_s: float = flash.DEADLINE_S


@dataclasses.dataclass(frozen=True)
class Labelling:
    """What units get at the stage pack. send(slot, pictures) brings a label out, read(slot) is
    what a reader makes of it, empty when nothing. product None: a sample's label."""

    product: Any
    send: Callable[[str, Sequence[Any]], None]
    read: Callable[[str], str]


@dataclasses.dataclass(frozen=True)
class Plan:
    """A station's work. `rows`: slots that share a slide. ready(row) waits until units are in and
    the lid is closed; False: there is no more work for this row. locked(row) gives those of its
    slots that may not be used, with a sentence each: there only units that judge slots are tested.
    studying: the runs are those of a gauge study, and each unit may come again and again."""

    stage: str
    store: Any
    station: str
    worker: str
    version: str
    jig: Jig
    rows: Sequence[Sequence[str]]
    ready: Callable[[Sequence[str]], bool]
    plant: Any = None  # where other stations' records are, if it can be reached
    locked: Callable[[Sequence[str]], Mapping[str, str]] = lambda row: {}
    studying: bool = False
    flashing: Flashing | None = None
    labelling: Labelling | None = None
    knows_seats: bool = False  # the jig tells who was put in anew; who was not is not tested again
    now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC)
    tested: Callable[[Tested], None] = lambda tested: None  # told of each, from any thread


@dataclasses.dataclass
class Summary:
    """All that was tested, in the order in which it ended; slots that were locked on the way, with
    their sentence; and how long it took."""

    tested: list[Tested] = dataclasses.field(default_factory=list)
    locked: dict[str, str] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0

    def exit_code(self) -> int:
        """0 all passed, 1 none did, 3 there was none, 4 some did not."""
        if not self.tested:
            return 3
        passed = sum(each.outcome == "passed" for each in self.tested)
        return 0 if passed == len(self.tested) else 4 if passed else 1


def run(plan: Plan, tell: Tell) -> Summary:
    """Work until no row is ready any more. tell is called from any thread."""
    began_s = time.monotonic()
    line = _Line(plan, tell)
    threads = [
        threading.Thread(target=line.work, args=(row,), name=f"row {row[0]}", daemon=True)
        for row in plan.rows
    ]
    for thread in threads:
        thread.start()
    threading.Thread(target=line.watch, name="watch", daemon=True).start()
    for thread in threads:
        while thread.is_alive() and line.failure is None:
            thread.join(0.2)
    line.is_over.set()
    if line.failure is not None:  # the other rows may wait for this one for ever
        raise line.failure
    line.summary.seconds = time.monotonic() - began_s
    return line.summary


class _Line:
    """What the rows share."""

    def __init__(self, plan: Plan, tell: Tell) -> None:
        self.plan = plan
        self.tell = tell
        self.summary = Summary()
        self.failure: BaseException | None = None
        self._lock = threading.Lock()
        self._busy: set[str] = set()  # serials and MACs that are in some slot now
        self._seats: dict[str, int] = {}  # slot -> what was in it when its row began
        self._judged: dict[str, int] = {}  # slot -> what was in it when it was last judged
        self._told: dict[str, int] = {}  # the same of slots that show what became of it
        self.is_over = threading.Event()
        self._doubts: dict[str, tuple[str, str]] = {}  # slot -> phase that failed last, whose

    def work(self, row: Sequence[str]) -> None:
        try:
            while self.plan.ready(row):
                self._round(row)
        except BaseException as error:  # a fault of ours: told by run()
            self.failure = error

    def watch(self) -> None:
        """For a thread: no unit stands under the verdict of the one before it, while it waits for
        the rest of its row. A slot that is empty keeps the verdict, for whoever reads it."""
        while not self.is_over.wait(_WATCH_S):
            for slot, seat in list(self._told.items()):
                with suppress(JigError):  # its row will tell
                    found = self.plan.jig.seat(slot)
                    if found != seat and (found or seat != self._seats.get(slot)):
                        self._put_in(slot, seat, found)

    def _put_in(self, slot: str, seat: int, found: int) -> None:
        with self._lock:
            if self._told.get(slot) == seat:  # else its row has begun meanwhile
                self._told[slot] = found
                self.tell(SlotView(slot, "waiting" if found else "empty"))

    def _round(self, row: Sequence[str]) -> None:
        plan = self.plan
        tests: dict[str, tuple[Dut, Tested]] = {}
        locked = {**self.summary.locked, **plan.locked(row)}
        for slot in row:
            tested = Tested(slot, plan.stage)
            try:
                dut = Dut(slot, plan.jig)
            except JigError as error:
                tested.ends("error", "", "jig", error=error)
                self._end(tested)
                continue
            if dut.seat and not (plan.knows_seats and self._judged.get(slot) == dut.seat):
                tests[slot] = dut, tested
                with self._lock:
                    self._seats[slot] = dut.seat
                    self._told.pop(slot, None)
        at = plan.now()
        claimed: list[str] = []
        try:
            if plan.flashing is None:
                tests = self._recognised(tests, claimed, locked)
            runner.run_stage(
                plan.stage,
                declared.stages()[plan.stage],
                tests,
                self.tell,
                lambda tested: self._record(tested, at),
                {
                    "flash": lambda duts, measure_of: self._flash(
                        tests, duts, measure_of, claimed, locked
                    )
                },
                {"label": self._label},
                goes_on=plan.studying,
            )
        finally:
            with self._lock:
                self._busy.difference_update(claimed)

    # Who is it, and may it be here?

    def _recognised(
        self,
        tests: dict[str, tuple[Dut, Tested]],
        claimed: list[str],
        locked: Mapping[str, str],
    ) -> dict[str, tuple[Dut, Tested]]:
        """Those that may be tested; the others have ended."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(max(1, len(tests))) as pool:
            met = list(pool.map(lambda test: self._recognise(*test), tests.values()))
        admitted = {}
        for (slot, (dut, tested)), fault in zip(tests.items(), met, strict=True):
            if tested.serial or fault is None:  # who may not be here is not tested, so cannot fail
                fault = self._admission(tested, claimed) or fault
            if fault is not None:
                phase = "" if fault.outcome == "refused" else "identify"
                tested.ends(fault.outcome, phase, fault.cause, **fault.values)
            if slot in locked and tested.kind not in JUDGING:
                dut.hang_up()
                self._lock_told(slot, locked[slot])
            elif tested.outcome == "passed":
                admitted[slot] = dut, tested
            else:
                dut.hang_up()
                self._record(tested, self.plan.now())
        return admitted

    def _recognise(self, dut: Dut, tested: Tested) -> Fault | None:
        """Its MAC and serial, as far as they can be had; what it met."""
        from host_tools.store import query

        self.tell(SlotView(dut.slot, "testing", stage=self.plan.stage, phase="identify"))
        fault = None
        try:
            tested.mac = dut.who()["uid"]
        except Pulled:
            return Fault("aborted", "unit_pulled")
        except JigError as error:
            return Fault("error", "jig", error=error)
        except ConsoleError as error:
            # Its program is silent; its flash may still say who failed.
            fault = Fault("failed", "unit_silent", error=error)
            dut.hang_up()
            port = self.plan.jig.port(dut.slot)
            found = flash.look(flash.Slot(dut.slot, port)) if port else None
            if isinstance(found, flash.Found):
                tested.mac = found.mac.replace(":", "")
        if tested.mac:
            self._adopt(tested.mac)
            with self._stored(tested):
                tested.serial = query.of_chip(self.plan.store, tested.mac) or ""
        dut.serial = tested.serial
        return fault

    def _adopt(self, mac: str) -> None:
        """What other stations know of a chip. Without the plant, what is known here must do."""
        from sqlalchemy.exc import SQLAlchemyError

        from host_tools.store import station

        if self.plan.plant is not None:
            with suppress(SQLAlchemyError):
                station.adopt(self.plan.store, self.plan.plant, mac)

    def _admission(self, tested: Tested, claimed: list[str]) -> Fault | None:
        """Why a recognised unit may not enter; None when it may, and then it is `claimed`. Who
        judges the station goes no route."""
        from host_tools.store import capability, query

        if not tested.serial:
            return Fault("refused", "route_unknown", mac=tested.mac)
        plan = self.plan
        with self._stored(tested):
            tested.kind = capability.kind_of(plan.store, tested.serial, plan.stage, plan.studying)
            if tested.kind not in JUDGING:
                if plan.stage == "pack" and capability.judges(plan.store, tested.serial):
                    return Fault("refused", "route_judges", serial=tested.serial)
                refusal = route.refusal(query.past(plan.store, tested.serial), plan.stage)
                if refusal:
                    return Fault("refused", refusal[0], **refusal[1])
        if not self._claim(tested.serial, claimed):
            return Fault("refused", "route_elsewhere", serial=tested.serial)
        return None

    def _claim(self, name: str, claimed: list[str]) -> bool:
        with self._lock:
            if name in self._busy:
                return False
            self._busy.add(name)
            claimed.append(name)
            return True

    @contextmanager
    def _stored(self, tested: Tested) -> Iterator[None]:
        """What goes wrong with the store ends the test as an error."""
        from sqlalchemy.exc import SQLAlchemyError

        from host_tools.store import connect

        try:
            yield
        except SQLAlchemyError as error:
            tested.ends("error", "", "store", error=connect.reason(error))
        except connect.StoreError as error:
            tested.ends("error", "", "store", error=error)

    # The phases that need more than the unit and the jig.

    def _flash(
        self,
        tests: Mapping[str, tuple[Dut, Tested]],
        duts: Sequence[Dut],
        measure_of: Callable[[Dut], Measure],
        claimed: list[str],
        locked: Mapping[str, str],
    ) -> dict[str, Fault]:
        """All at once; from here on a unit has a serial. Only now is it known who is in a locked
        slot: nothing more is done to those that do not judge it."""
        from sqlalchemy.exc import SQLAlchemyError

        from host_tools.store import connect, query, station

        plan, flashing = self.plan, self.plan.flashing
        assert flashing is not None
        faults: dict[str, Fault] = {}
        by_mac: dict[str, Fault] = {}
        given: dict[str, tuple[str, str]] = {}

        def identity_of(mac: str) -> Any:
            plain = mac.replace(":", "")
            self._adopt(plain)
            tested = Tested("", plan.stage, mac=plain)
            found = None
            with self._stored(tested):
                found = station.take(
                    plan.store, plan.station, flashing.lot, flashing.revision, flash.today(), plain
                )
                tested.serial = found.serial
            fault = None
            if tested.outcome == "passed":
                fault = self._admission(tested, claimed)
            if tested.outcome != "passed":  # of the store
                fault = Fault("error", tested.cause)
                fault.values["sentence"] = tested.sentence
            if fault is not None:
                by_mac[plain] = fault
                raise flash.Refused(fault.cause)
            assert found is not None
            given[plain] = found.serial, tested.kind
            return found

        def ports() -> Iterator[tuple[Dut, str]]:
            for dut in duts:
                port = plan.jig.port(dut.slot)
                if port:
                    yield dut, port
                else:
                    faults[dut.slot] = Fault("aborted", "unit_pulled")

        slots = [flash.Slot(dut.slot, port) for dut, port in ports()]
        written: set[str] = set()

        def progress(slot: flash.Slot, phase: str, done: int, of: int) -> None:
            if phase == "write" and slot.name not in written:
                written.add(slot.name)
                self.tell(SlotView(slot.name, "testing", stage=plan.stage, phase=phase))

        how = flash.Plan(
            flashing.bundle,
            deadline_s=flashing.deadline_s,
            settings=flashing.settings,
            private_key=flashing.private_key,
        )

        def ask(slot: flash.Slot, found: Any) -> bool:
            """Who is known here is flashed anew and keeps its serial; others are left alone."""
            with suppress(SQLAlchemyError, connect.StoreError):
                query.unit(plan.store, found.serial)
                return True
            return False

        told = flash.flash(how, slots, identity_of, ask, progress)
        outcomes = {outcome.slot: outcome for outcome in told}
        for dut in duts:
            if dut.slot in faults:
                continue
            outcome = outcomes[dut.slot]
            tested = tests[dut.slot][1]
            tested.mac = dut.mac = outcome.mac.replace(":", "")
            if tested.mac in given:
                tested.serial, tested.kind = given[tested.mac]
                dut.serial = tested.serial
            if outcome.state == "passed" and dut.slot in locked and tested.kind not in JUDGING:
                sentence = locked[dut.slot]
                faults[dut.slot] = Fault("refused", "slot_unproven", sentence=sentence)
            elif outcome.state == "passed":
                measure_of(dut)("baud", outcome.baud)
            else:
                faults[dut.slot] = by_mac.get(tested.mac) or _of_flash(outcome)
        return faults

    def _label(self, dut: Dut, measure: Measure) -> None:
        """Printed, and read back."""
        from sqlalchemy.exc import SQLAlchemyError

        from host_tools import label_print
        from host_tools.store import connect, query, station

        plan, labelling = self.plan, self.plan.labelling
        assert labelling is not None
        try:
            for _, serial, copy in station.unsettled_labels(plan.store):
                if serial == dut.serial:
                    raise Fault("refused", "unsettled", serial=serial, copy=copy)
            label_print.print_units(
                plan.store,
                plan.station,
                plan.worker,
                [dut.serial],
                labelling.product,
                lambda pictures: labelling.send(dut.slot, pictures),
            )
            wanted = label_print.content(query.unit(plan.store, dut.serial), labelling.product)
        except label_print.PrintError as error:
            raise Fault("error", "unexpected", error=error) from None
        except SQLAlchemyError as error:
            raise Fault("error", "store", error=connect.reason(error)) from None
        measure("read_back", float(labelling.read(dut.slot) == wanted))

    # The end of a test.

    def _record(self, tested: Tested, at: datetime.datetime) -> None:
        """Into the store, and only then is it told."""
        from host_tools.store import station

        if tested.serial and tested.outcome != "refused":
            values = [
                station.Value(each.phase, each.name, each.unit, each.low, each.high, each.value)
                for each in tested.values
            ]
            try_it = dataclasses.replace(tested, outcome="passed", cause="", sentence="")
            with self._stored(try_it):
                station.record(
                    self.plan.store,
                    values,
                    serial=tested.serial,
                    stage=tested.stage,
                    kind=tested.kind,
                    outcome=tested.outcome,
                    phase=tested.phase,
                    cause=tested.cause,
                    station=self.plan.station,
                    slot=tested.slot,
                    worker=self.plan.worker,
                    version=self.plan.version,
                    at=at,
                    seconds=round(tested.seconds, 2),
                )
            if try_it.outcome != "passed":  # not kept: then it does not count, whatever it was
                tested.outcome, tested.phase = "error", ""
                tested.cause, tested.sentence = try_it.cause, try_it.sentence
        if (tested.kind, tested.outcome) == (
            "known_bad",
            "failed",
        ):  # what its phase says is not so
            phase = say(f"phase_{tested.phase}")
            tested.sentence = say("known_bad_failed", serial=tested.serial, phase=phase)
        self._doubt(tested)
        self._end(tested)

    def _doubt(self, tested: Tested) -> None:
        """Lock a slot in which two units in a row fail the same phase by their limits, until a
        golden unit passes there."""
        if tested.outcome not in ("passed", "failed"):
            return
        if tested.kind in JUDGING:
            if (tested.kind, tested.outcome) == ("golden", "passed"):
                self.summary.locked.pop(tested.slot, None)
            return
        with self._lock:
            before = self._doubts.pop(tested.slot, None)
            if tested.outcome == "failed" and tested.phase not in ("flash", "identify"):
                self._doubts[tested.slot] = tested.phase, tested.serial
                if before and before[0] == tested.phase and before[1] != tested.serial:
                    phase = say(f"phase_{tested.phase}")
                    sentence = say("slot_doubtful", slot=tested.slot, phase=phase)
                    self.summary.locked[tested.slot] = sentence

    def _end(self, tested: Tested) -> None:
        with self._lock:
            self.summary.tested.append(tested)
        self.plan.tested(tested)
        self.tell(runner.ended(tested))
        with self._lock:
            seat = self._told[tested.slot] = self._seats.get(tested.slot, 0)
            if tested.outcome in ("passed", "failed", "refused"):
                self._judged[tested.slot] = seat
        sentence = self.summary.locked.get(tested.slot)
        if sentence:
            self._lock_told(tested.slot, sentence)

    def _lock_told(self, slot: str, sentence: str) -> None:
        with self._lock:
            self._told.pop(slot, None)
        self.tell(SlotView(slot, "locked", cause="slot_doubtful", sentence=sentence))


def _of_flash(outcome: flash.Outcome) -> Fault:
    """What an outcome of flashing is to a stage: whose fault, and the same sentence."""
    blame = {
        "pulled": "aborted",
        "no_port": "aborted",
        "busy": "error",
        "unexpected": "error",
        "same_mac": "refused",
        "has_identity": "refused",
        "refused": "refused",
    }
    fault = Fault(blame.get(outcome.cause, "failed"), outcome.cause)
    fault.values["sentence"] = outcome.sentence
    return fault
