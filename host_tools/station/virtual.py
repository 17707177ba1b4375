"""A whole line without hardware: virtual units with seeded faults, slots, and a worker.

Real are the station, its store, esptool, MicroPython with the firmware just flashed, the labels
and the reader of them. Virtual are the chips' machine code, the sensor's light, the meters, and
the hands that put units in, do what the sentences say, and now and then pull one out. The hours of
ageing are modelled: a clock is put forward.
"""

import contextlib
import dataclasses
import datetime
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from host_tools import build, bundle, identity, label, label_print, signature
from host_tools.capability import gauge
from host_tools.station import declared, line, record, route
from host_tools.station.jig import COLUMNS, JigError, JigLine
from host_tools.station.runner import Tested
from host_tools.station.view import SlotView, Tell
from sim.door import settings
from sim.factory import jig as virtual_jig
from sim.vm.image import image

ROWS_AT_ONCE = 2  # more virtual chips than these need more than two cores
# What a full disk and a host that is too busy for virtual chips do to a test is no unit's fault.
_NO_FAULT = ("store", "samples_lost", "jig")
BOX, CARTON = 8, 2  # units, boxes
AGED_H = 4.5
_PATIENCE = 9  # tests of a unit at a stage; more there are on a host that is too busy only
LOT, REVISION = "VIRTUAL", "1.2"
STATION, WORKER = "virtual", "nobody"
_IMAGE_SIZE = 40_000
_CERTIFIED_WITHIN = 0.1  # of its value may a golden unit's light be off in another slot
_WEAR = 0.45  # of the grey target is left in the slot that drifts
# A product that is none, so that labels and boxes have what they need.
PRODUCT = label.Product("06901234567892", "6901234", "VIRTUAL-0", "VIRTUAL-0")


class LineError(Exception):
    """The virtual line cannot run; the text is a sentence that says what to do."""


@dataclasses.dataclass
class Seeded:
    """A virtual unit: what is wrong with it, and where that must be found. expected: (stage,
    phase, outcome) of its first run that does not pass; None: it passes. fate: what must become of
    it in the end: packed, scrapped or aside."""

    number: int
    mac: str
    fault: str = ""
    expected: tuple[str, str, str] | None = None
    fate: str = "packed"
    pulled_in: tuple[str, str] | None = None  # stage and phase
    runs: list[Tested] = dataclasses.field(default_factory=list)
    became: str = ""
    serial: str = ""
    problems: list[str] = dataclasses.field(default_factory=list)


# Fault, where it must be found, and what becomes of the unit.
_FAULTS: tuple[tuple[str, tuple[str, str, str], str], ...] = (
    ("dead_red", ("pcba", "leds", "failed"), "scrapped"),
    ("stuck_fifo", ("pcba", "dark", "failed"), "scrapped"),
    ("wrong_id", ("pcba", "sensor", "failed"), "scrapped"),
    ("leds_swapped", ("final", "infrared", "failed"), "scrapped"),
    ("crosstalk", ("final", "crosstalk", "failed"), "packed"),  # it is reworked
    ("slow_clock", ("final", "clock", "failed"), "scrapped"),
    ("bad_flash", ("pcba", "flash", "failed"), "scrapped"),
    ("port_dies", ("pcba", "flash", "aborted"), "packed"),  # plugged in anew it is well
    ("dead_ir", ("pcba", "leds", "failed"), "scrapped"),
)
_MENDED = "crosstalk"


def seeded(count: int, with_faults: bool) -> list[Seeded]:
    """So many units, in the order in which they come; the seeds are always at the same places.

    The first two bear one MAC, and a later one that of the third, which is good. Raises LineError
    when the units are too few for all faults.
    """
    units = [Seeded(n, f"246f28{n + 1:06x}") for n in range(count)]
    if not with_faults:
        return units
    least = 2 + 1 + 1 + len(_FAULTS) + 2 + 2 + 4
    if count < least:
        raise LineError(f"All seeded faults need {least} units, and these are {count}.")
    twins = units[:2]
    for unit in twins:
        unit.mac = units[0].mac
        unit.fault, unit.fate = "same_mac", "aside"
        unit.expected = ("pcba", "flash", "refused")
    late = units[-1]  # when the third has passed
    late.mac = units[2].mac
    late.fault, late.fate, late.expected = "late_mac", "aside", ("pcba", "flash", "refused")
    free = units[3:-1]
    step = max(1, len(free) // (len(_FAULTS) + 1))
    for n, (fault, expected, fate) in enumerate(_FAULTS):
        unit = free[n * step]
        unit.fault, unit.expected, unit.fate = fault, expected, fate
    rest = [unit for unit in free if not unit.fault]
    for unit, how in zip(rest, ("early", "skips"), strict=False):
        unit.fault, unit.expected = how, ("final", "", "refused")
    rest = rest[2:]
    places = [
        (stage, phase.name)
        for stage in ("pcba", "final")
        for phase in declared.stages()[stage]
        if phase.name not in ("clock", "noise", "display")  # over before a hand is there
    ]
    pulled = min(len(places), len(rest) // 3)
    for n in range(pulled):
        place = places[n * len(places) // pulled]
        unit = rest[n * len(rest) // pulled]
        unit.fault, unit.pulled_in, unit.expected = "pulled", place, (*place, "aborted")
    return units


@dataclasses.dataclass
class Outcome:
    """What the line came to: `reasons` says what was not as it must be; none: all was."""

    units: list[Seeded]
    reasons: list[str]
    summary: dict[str, Any]
    studied: list[dict[str, Any]] = dataclasses.field(default_factory=list)  # rows to print

    def exit_code(self) -> int:
        """As every verb's: seeded faults that were all caught are units that failed, 4."""
        if self.reasons:
            return 1
        return 4 if any(unit.fault for unit in self.units) else 0


def run(
    folder: Path,
    slots: int,
    count: int,
    with_faults: bool,
    tell: Tell,
    say: Callable[[str], None],
) -> Outcome:
    """Take so many virtual units through all stages in so many slots. folder: where everything is
    put, empty. say: lines about what goes on. Raises LineError."""
    from sim.vm import setup

    if setup.missing():
        raise LineError(setup.missing())
    began_s = time.monotonic()
    units = seeded(count, with_faults)
    with virtual_jig.running(slots) as path, _Factory(folder, path, units, tell, say) as factory:
        if with_faults:
            factory.kill_a_station()
        for stage in ("pcba", "ageing", "final", "pack"):
            factory.stage(stage)
            while stage == "final" and factory.reworked:
                factory.again()
            factory.push()
        factory.box()
        with factory.plant() as plant:
            factory.push(plant)
            reasons = factory.checked(plant)
    summary = {
        "units": count,
        "slots": f"{slots} virtual slots, {factory.rows_at_once} rows of {COLUMNS} at once",
        "seconds": round(time.monotonic() - began_s, 1),
        **factory.figures(),
        "reasons": reasons,
    }
    return Outcome(units, reasons, summary)


def study(folder: Path, slots: int, tell: Tell, say: Callable[[str], None]) -> Outcome:
    """Judge the virtual station: a golden and a known-bad unit in every slot, then a gauge study
    of the stage final, each worker with each unit in changing slots. Raises LineError, StoreError.
    """
    from host_tools.store import capability

    began_s = time.monotonic()
    units = seeded(gauge.UNITS + 1, False)
    bad = units[-1]
    bad.fault = _MENDED
    with virtual_jig.running(slots) as path, _Factory(folder, path, units, tell, say) as factory:
        for stage in ("pcba", "ageing"):
            factory.stage(stage)
        unproven = factory.prove(units[0], bad)
        for worker in range(gauge.WORKERS):
            for repeat in range(gauge.REPEATS):
                turned = worker * gauge.REPEATS + repeat
                factory.measure(units[:-1], f"worker {worker + 1}", turned)
        studied = capability.study_of(factory.store, STATION, "final")
        capability.keep_study(factory.store, studied)
        reasons = [f"slot {slot} is locked: {why}" for slot, why in sorted(unproven.items())]
    told = capability.told(studied)
    summary = {
        "study": f"{studied.units} virtual units x {studied.workers} x {studied.repeats}",
        "slots": f"{slots} virtual slots, each proved by a golden and a known-bad unit",
        "seconds": round(time.monotonic() - began_s, 1),
        "stored": sum(row["grr_pct"] is not None for row in told),
        "reasons": reasons,
    }
    return Outcome(units, reasons, summary, told)


class _Disk:
    """A store's disk, which can be full: SQLite's own limit on its pages."""

    def __init__(self, store: Any) -> None:
        from sqlalchemy import event

        self.full = False
        event.listen(store, "begin", self._limit)

    def _limit(self, connection: Any) -> None:
        # 1 is less than there is: then the file may not grow.
        connection.exec_driver_sql(f"PRAGMA max_page_count={1 if self.full else 1 << 30}")


class _Factory:
    """The line: its jig, its store, the queue before it, and the worker who serves it."""

    def __init__(
        self,
        folder: Path,
        jig_path: str,
        units: Sequence[Seeded],
        tell: Tell,
        say: Callable[[str], None],
    ) -> None:
        from host_tools.store import connect, station

        self.folder = folder
        self.jig = JigLine(jig_path)
        self._jig_path = jig_path
        self.units = units
        self._tell = tell
        self._say = say
        self.store_path = folder / "station.sqlite"
        self.store = connect.opened(self.store_path)
        station.reserve(self.store, self.store, STATION, "VX", 6)
        station.reserve(self.store, self.store, STATION, station.BOX, 16 - len(PRODUCT.company))
        self.disk = _Disk(self.store)
        self.private = signature.key(folder / "station.key")
        self.bundle_path = virtual_bundle(folder)
        self.version = f"{bundle.read(self.bundle_path).version} virtual"
        self.who = record.Who(STATION, WORKER, self.version)
        self.later = datetime.timedelta(0)  # the modelled clock against the real one
        self.reworked: list[Seeded] = []
        self.events: list[str] = []
        self.seconds: dict[str, list[float]] = {}
        self._in: dict[str, Seeded] = {}
        self._queue: deque[Seeded] = deque()
        self._locked: dict[str, str] = {}  # slot -> sentence
        self._running = 0
        self._changed = threading.Condition()
        is_busy = os.getloadavg()[0] > (os.cpu_count() or 1)
        self.rows_at_once = 1 if is_busy else ROWS_AT_ONCE
        self._pull: list[threading.Thread] = []
        self._disk_events = 0
        self._labels: dict[str, Path] = {}
        slots = self.jig.slots()
        self.rows = [slots[n : n + COLUMNS] for n in range(0, len(slots), COLUMNS)]
        self.drifting = ""
        self._judging = False  # the units are there for the station's sake
        self._seeding = any(unit.fault for unit in units)
        for unit in units:
            faults = [unit.fault] if unit.fault in {name for name, *_ in _FAULTS} else []
            self.jig.ask("define", number=unit.number, mac=unit.mac, faults=faults)

    def __enter__(self) -> "_Factory":
        return self

    def __exit__(self, *_: object) -> None:
        self.store.dispose()

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC) + self.later

    # The stages.

    def stage(self, stage: str, units: Sequence[Seeded] | None = None) -> None:
        """All units that are due through a stage, with all that its results ask of a worker."""
        due = [unit for unit in (self.units if units is None else units) if not unit.became]
        if stage == "ageing":
            self._age(due)
            return
        if not due:
            return
        if stage == "final" and self._seeding and units is None:
            self._route_is_kept(due)
            self.drifting = self.rows[0][-1]
            self.jig.ask("wear", slot=self.drifting, left=_WEAR)
        self._queue = deque(due)
        self._disk_events = int(self._seeding and stage == "pcba" and units is None)
        began_s = time.monotonic()
        self._say(f"{stage}: {len(due)} units")
        summary = line.run(self._plan(stage), self._watch)
        self.seconds.setdefault(stage, []).append(time.monotonic() - began_s)
        for thread in self._pull:
            thread.join()
        self._pull.clear()
        self._locked |= summary.locked

    def _plan(self, stage: str) -> line.Plan:
        return line.Plan(
            stage,
            self.store,
            STATION,
            WORKER,
            self.version,
            self.jig,
            self.rows,
            lambda row: self._ready(stage, row),
            locked=lambda row: self._locked,
            flashing=line.Flashing(bundle.read(self.bundle_path), LOT, REVISION, self.private)
            if stage == "pcba"
            else None,
            labelling=line.Labelling(PRODUCT, self._print, self._read)
            if stage == "pack"
            else None,
            now=self.now,
            tested=lambda tested: self._result(stage, tested),
        )

    # What judges the station itself.

    def prove(self, golden: Seeded, bad: Seeded) -> dict[str, str]:
        """Both units through every slot, two slots at a time; the slots that stay locked. What the
        golden one must read everywhere is what it reads in the first of them."""
        from host_tools.capability import reference
        from host_tools.store import capability, station

        def name(unit: Seeded, kind: str, phase: str, certified: Any = None) -> None:
            named = reference.Reference(unit.serial, kind, "final", phase, certified or {})
            station.designate(self.store, named, STATION, WORKER)

        name(golden, reference.GOLDEN, "")
        name(bad, reference.KNOWN_BAD, _MENDED)
        self._judge([golden], [self.rows[0][:1]], WORKER)
        read = {(each.phase, each.name): each.value for each in golden.runs[-1].values}
        must = {
            key: (value, _CERTIFIED_WITHIN * value)
            for key, value in read.items()
            if value and key[1] in ("red_return", "ir_return")
        }
        name(golden, reference.GOLDEN, "", must)
        self._say(f"golden and known-bad unit: {sum(map(len, self.rows))} slots")
        for row in self.rows:
            for n in range(len(row)):
                pair = [row[n], row[(n + 1) % len(row)]]
                self._judge([golden, bad], [pair], WORKER)
        every = [slot for row in self.rows for slot in row]
        return capability.locked(self.store, STATION, "final", every, at=self.now())

    def measure(self, units: Sequence[Seeded], worker: str, turned: int) -> None:
        """Each unit once by this worker, in other slots than before."""
        turned %= len(units)
        queue = [*units[turned:], *units[:turned]]
        self._say(f"gauge study: {worker}, {len(units)} units")
        self._judge(queue, self.rows, worker, studying=True)

    def _judge(
        self,
        units: Sequence[Seeded],
        rows: Sequence[Sequence[str]],
        worker: str,
        studying: bool = False,
    ) -> None:
        self._judging = True
        self._queue = deque(units)
        plan = dataclasses.replace(
            self._plan("final"), rows=rows, worker=worker, studying=studying
        )
        line.run(plan, self._watch)

    def _age(self, due: Sequence[Seeded]) -> None:
        """On the rack, the modelled clock put forward; one is taken off early, one never came."""
        rack = [unit for unit in due if unit.fault != "skips"]
        for unit in rack:
            record.onto_rack(self.store, unit.serial, self.who, self.now())
        self.later += datetime.timedelta(hours=2)
        early = [unit for unit in rack if unit.fault == "early"]
        for unit in early:
            record.off_rack(self.store, unit.serial, self.who, self.now())
        self.later += datetime.timedelta(hours=AGED_H - 2)
        for unit in rack:
            if unit not in early:
                record.off_rack(self.store, unit.serial, self.who, self.now())
        self._say(f"ageing: {len(rack)} units, {AGED_H:g} h by a modelled clock")

    def _route_is_kept(self, due: Sequence[Seeded]) -> None:
        """Units that are brought too early: they must be refused, and then age as they should."""
        wrong = [unit for unit in due if unit.fault in ("early", "skips")]
        self._queue = deque(wrong)
        line.run(self._plan("final"), self._watch)
        for unit in wrong:
            if unit.fault == "skips":
                record.onto_rack(self.store, unit.serial, self.who, self.now())
        self.later += datetime.timedelta(hours=AGED_H)
        for unit in wrong:
            record.off_rack(self.store, unit.serial, self.who, self.now())

    def again(self) -> None:
        """Those that were reworked go through everything once more."""
        units, self.reworked = self.reworked, []
        for stage in ("pcba", "ageing", "final"):
            self.stage(stage, units)

    # The worker at the jig.

    def _ready(self, stage: str, row: Sequence[str]) -> bool:
        """Empty the row, fill it with the next units, and close the lid."""
        slots = [slot for each in self.rows for slot in each]
        with self._changed:
            if any(slot in self._in for slot in row):
                self._emptied(stage, row)
                self._running -= 1
                self._changed.notify_all()
            while True:
                if not self._running:
                    if not self._queue:
                        return False
                    if self._locked.keys() >= set(slots):
                        raise LineError("Every slot is locked: nothing can be tested any more.")
                chosen = {}
                if self._running < self.rows_at_once:
                    chosen = self._chosen([slot for slot in row if slot not in self._locked])
                if chosen:
                    break
                self._changed.wait(0.5)
            self._running += 1
            self._in.update(chosen)
        for slot, unit in chosen.items():
            self.jig.ask("put_in", slot=slot, number=unit.number)
        return True

    def _chosen(self, free: Sequence[str]) -> dict[str, Seeded]:
        """Who goes where: into another slot than where it has just failed, if there is one."""
        chosen: dict[str, Seeded] = {}
        left: list[Seeded] = []
        for unit in list(self._queue):
            slots = [slot for slot in free if slot not in chosen]
            if not slots:
                break
            last = unit.runs[-1] if unit.runs else None
            was_in = last.slot if last and last.outcome != "passed" else ""
            others = [slot for slot in slots if slot != was_in]
            if others or not left and len(free) == 1:
                chosen[(others or slots)[0]] = unit
                self._queue.remove(unit)
            else:
                left.append(unit)
        return chosen

    def _emptied(self, stage: str, row: Sequence[str]) -> None:
        for slot in row:
            unit = self._in.pop(slot, None)
            if unit is None:
                continue
            self.jig.ask("take_out", slot=slot)
            self._decide(stage, unit)

    def _decide(self, stage: str, unit: Seeded) -> None:
        """What the sentence on the screen tells a worker to do next."""
        last = unit.runs[-1]
        if self._judging:
            if last.outcome in ("error", "aborted"):  # of a host that is too busy
                self._queue.append(unit)
            return
        if sum(run.stage == stage for run in unit.runs) > _PATIENCE:
            unit.became = "given up"
        elif last.outcome == "passed":
            if stage == "pack":
                unit.became = "packed"
        elif last.outcome == "refused":
            if last.cause not in ("route_skipped", "route_failed", "route_young"):
                unit.became = "aside"
        elif last.outcome == "failed" and self._exhausted(stage, unit):
            if not unit.serial:
                unit.became = "aside"
            elif unit.fault == _MENDED:
                record.rework(self.store, unit.serial, "gasket replaced", self.who, self.now())
                self.jig.ask("mend", number=unit.number, faults=[])
                self.reworked.append(unit)
            else:
                record.scrap(self.store, unit.serial, last.cause, self.who, self.now())
                unit.became = "scrapped"
        else:
            if unit.fault == "port_dies":
                self.jig.ask("mend", number=unit.number, faults=[])
            self._queue.appendleft(unit)

    def _exhausted(self, stage: str, unit: Seeded) -> bool:
        from host_tools.store import query

        if not unit.serial:  # it is nobody yet, and nothing is recorded of it
            return sum(run.outcome == "failed" for run in unit.runs) >= route.FAILURES
        refusal = route.refusal(query.past(self.store, unit.serial), stage)
        return refusal is not None and refusal[0] == "route_exhausted"

    def _result(self, stage: str, tested: Tested) -> None:
        with self._changed:
            unit = self._in[tested.slot]
            unit.runs.append(tested)
            unit.serial = unit.serial or tested.serial
            if tested.cause == "store" and self.disk.full:
                self.disk.full = False
                self.events.append("disk_full")
                self._say("the disk was full: made room")
            elif self._disk_events and tested.outcome == "passed":
                self._disk_events -= 1
                self.disk.full = True  # for the next that is to be recorded

    def _watch(self, view: SlotView) -> None:
        """Everything that the worker sees; a hand that pulls a unit out waits for its phase."""
        self._tell(view)
        if view.state == "locked":
            self._locked[view.slot] = view.sentence
        unit = self._in.get(view.slot)
        if unit is None or unit.pulled_in is None or view.state != "testing":
            return
        stage, phase = unit.pulled_in
        if (view.stage, view.phase) == (stage, f"phase_{phase}"):
            unit.pulled_in = None
            wait_s = 0.3 if phase == "flash" else 0.02
            thread = threading.Thread(target=self._pulled, args=(view.slot, wait_s))
            self._pull.append(thread)
            thread.start()

    def _pulled(self, slot: str, wait_s: float) -> None:
        time.sleep(wait_s)
        with contextlib.suppress(JigError):
            self.jig.ask("take_out", slot=slot)

    # What happens to stations.

    def kill_a_station(self) -> None:
        """A station of its own process is killed in the middle of its first row."""
        row = self.rows[0]
        victims = [unit for unit in self.units if not unit.fault][: len(row)]
        for slot, unit in zip(row, victims, strict=True):
            self.jig.ask("put_in", slot=slot, number=unit.number)
        xueyang = str(Path(sys.executable).with_name("xueyang"))
        command = [
            *(xueyang, "station", "--stage", "pcba", str(self.bundle_path)),
            *("--jig", self._jig_path, "--once", "--station", STATION, "--store"),
            *(str(self.store_path), "--lot", LOT, "--hardware-revision", REVISION),
        ]
        environment = os.environ | {"XDG_CONFIG_HOME": str(self.folder / "config")}
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment
        ) as station:
            assert station.stderr
            said = ""
            for text in station.stderr:
                said += text
                if "supply" in text:  # flashed, and nothing recorded yet
                    station.send_signal(signal.SIGKILL)
                    break
        if station.returncode != -signal.SIGKILL:
            raise LineError(f"The station that was to be killed ended by itself: {said.strip()}")
        for slot in row:
            self.jig.ask("take_out", slot=slot)
        self.events.append("station_killed")
        self._say("a station was killed between flashing and recording")

    @contextlib.contextmanager
    def plant(self) -> Iterator[Any]:
        """The plant's database: a PostgreSQL server where there is one on this machine, else a
        second file."""
        from host_tools.store import connect, server

        with contextlib.ExitStack() as stack:
            programs = server.binaries()
            where = str(self.folder / "plant.sqlite")
            if programs is not None:
                where = stack.enter_context(server.server(programs, "fsync=off"))
            found = connect.prepare_plant(where)
            stack.callback(found.dispose)
            self.events.append("plant: " + ("PostgreSQL" if programs else "a second SQLite file"))
            yield found

    def push(self, plant: Any = None) -> None:
        """Send the records. Until the end the plant's database is away, and the work goes on."""
        from host_tools.store import connect, push

        try:
            if plant is None:
                if not self._seeding:
                    return
                away = f"postgresql://line@/plant?host={self.folder / 'nowhere'}"
                plant = connect.plant(away)
            push.push(self.store, plant)
        except connect.StoreError as error:
            if "database_gone" not in self.events:
                self.events.append("database_gone")
                self._say(str(error))

    # Labels and boxes.

    def _print(self, slot: str, pictures: Sequence[Any]) -> None:
        (picture,) = pictures
        path = self.folder / f"label-{slot}-{time.monotonic_ns()}.png"
        label_print.sender(path, None)([picture])
        self._labels[slot] = path

    def _read(self, slot: str) -> str:
        return read_label(self._labels[slot])

    def box(self) -> None:
        """What has a label goes into boxes, and they into cartons."""
        packed = [unit for unit in self.units if unit.became == "packed"]
        boxes = [
            self._package([unit.serial for unit in packed[n : n + BOX]], LOT)
            for n in range(0, len(packed), BOX)
        ]
        for n in range(0, len(boxes), CARTON):
            self._package(boxes[n : n + CARTON], "boxes")
        self._say(f"{len(packed)} units in {len(boxes)} boxes")

    def _package(self, contents: Sequence[str], what: str) -> str:
        from host_tools.store import station

        code = station.next_sscc(self.store, STATION, PRODUCT.company)
        (station.nest if what == "boxes" else station.pack)(self.store, STATION, code, contents)
        path = self.folder / f"box-{code}.png"
        label_print.sender(path, None)([label.box_label(code, len(contents), what)])
        if read_label(path) != f"(00){code}":
            raise LineError(f"The label of {code} cannot be read.")
        return code

    # What it must have come to.

    def checked(self, plant: Any) -> list[str]:
        """All that is not as it must be, as sentences."""
        from host_tools.store import query

        for unit in self.units:
            unit.problems = list(_problems(unit, self.drifting))
        reasons = [f"unit {unit.number}: {each}" for unit in self.units for each in unit.problems]
        on_units: dict[str, int] = {}
        public = signature.public(self.private)
        for unit in self.units:
            if unit.became != "packed":
                continue
            content = {
                name: bytes.fromhex(self.jig.ask("file", number=unit.number, name=name))
                for name in (identity.FILE, identity.SETTINGS_FILE, signature.FILE)
            }
            stored = settings.decode(content[identity.SETTINGS_FILE])
            who = content[identity.FILE]
            found = identity.decode(who)
            serial = found.serial if found else ""
            if serial in on_units:
                reasons.append(f"units {on_units[serial]} and {unit.number} are both {serial}")
            on_units[serial] = unit.number
            if serial != unit.serial:
                reasons.append(f"unit {unit.number} says it is {serial}, not {unit.serial}")
            if not signature.is_of(public, content[signature.FILE], unit.mac, who, stored):
                reasons.append(f"what unit {unit.number} says of itself is not signed")
        for serial in sorted({unit.serial for unit in self.units if unit.serial}):
            here, there = (query.trace(store, serial) for store in (self.store, plant))
            if here != there:
                reasons.append(f"what the plant knows of {serial} is not what the station does")
            if len({run["id"] for run in here["runs"]}) != len(here["runs"]):
                reasons.append(f"a run of {serial} is there twice")
        for unit in self.units:
            if unit.became == "packed" and unit.serial:
                told = query.trace(self.store, unit.serial)
                recorded = [
                    run for run in told["runs"] if run["stage"] in ("pcba", "final", "pack")
                ]
                # Who was pulled out before it had a serial is nobody yet.
                kept = [run for run in unit.runs if run.serial and run.outcome != "refused"]
                kept = [run for run in kept if run.cause != "store"]
                if len(recorded) != len(kept):
                    reasons.append(
                        f"unit {unit.number} was tested {len(kept)} times and {len(recorded)} "
                        "are recorded"
                    )
                if not told["box"] or not told["carton"]:
                    reasons.append(f"unit {unit.number} is in no box or carton")
                if [each["outcome"] for each in told["labels"]] != ["printed"]:
                    reasons.append(f"unit {unit.number} has not just one label")
        if self._seeding:
            for event in ("station_killed", "disk_full", "database_gone"):
                if event not in self.events:
                    reasons.append(f"{event} was seeded and did not happen")
            if set(self._locked) != {self.drifting}:
                reasons.append(
                    f"slot {self.drifting} drifts, and {sorted(self._locked)} are locked"
                )
        elif self._locked:
            reasons.append(f"{sorted(self._locked)} are locked")
        return reasons

    def figures(self) -> dict[str, Any]:
        """What the summary tells beside the verdict. wall_s_a_test is what a test has cost the
        line, slot_s the time that a unit which passes spends in its slot."""
        tests = [run for unit in self.units for run in unit.runs]
        stages = {}
        for stage, seconds in self.seconds.items():
            here = [run for run in tests if run.stage == stage]
            passed = [run.seconds for run in here if run.outcome == "passed"]
            stages[stage] = {
                "tests": len(here),
                "wall_s": round(sum(seconds), 1),
                "wall_s_a_test": round(sum(seconds) / max(1, len(here)), 2),
                "slot_s": round(sum(passed) / max(1, len(passed)), 1),
            }
        pulled = [unit.expected for unit in self.units if unit.fault == "pulled"]
        return {
            "became": dict(Counter(unit.became or "lost" for unit in self.units)),
            "seeded": dict(Counter(unit.fault for unit in self.units if unit.fault)),
            "pulled_in": sorted("/".join(place[:2]) for place in pulled if place),
            "locked": sorted(self._locked),
            "repeated_for_a_busy_host": sum(run.cause in ("samples_lost", "jig") for run in tests),
            "events": self.events,
            "stages": stages,
            "ageing": f"{AGED_H:g} h, modelled",
        }


def _problems(unit: Seeded, drifting: str) -> Iterator[str]:
    """What is not as it must be about one unit."""
    if unit.became != unit.fate:
        yield f"it is {unit.became or 'lost'}, and must be {unit.fate}"
    # What a drifting slot or a full disk did to it is not its own.
    bad = [
        run
        for run in unit.runs
        if run.outcome != "passed"
        and run.cause not in _NO_FAULT
        and not (run.slot == drifting and run.stage == "final" and run.phase == "optics")
    ]
    first = (bad[0].stage, bad[0].phase, bad[0].outcome) if bad else None
    if first != unit.expected:
        yield f"{unit.fault or 'nothing'} was seeded, {unit.expected} expected, {first} found"
    if unit.fate == "packed" and unit.fault != _MENDED:
        failed = [run for run in bad if run.outcome == "failed"]
        if failed:
            yield f"a good unit failed in {failed[0].phase}: {failed[0].sentence}"


def virtual_bundle(folder: Path) -> Path:
    """A bundle for virtual chips: with an image of the right form, and no program in it."""
    import hashlib

    file, hashes, path = folder / "micropython.bin", folder / "hashes", folder / "bundle.zip"
    file.write_bytes(image("esp32c3", size=_IMAGE_SIZE))
    hashes.write_text(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n")
    found = build.read_image(file, hashes)
    build.make(path, found, found.target)
    return path


def read_label(path: Path) -> str:
    """What a reader makes of a picture with one symbol in it; empty when it finds none."""
    import zxingcpp
    from PIL import Image

    found = zxingcpp.read_barcodes(Image.open(path))
    return found[0].text if len(found) == 1 else ""


def told(unit: Seeded) -> str:
    """A unit as a line of JSON."""
    return json.dumps(
        {
            "unit": unit.number,
            "serial": unit.serial,
            "mac": unit.mac,
            "seeded": unit.fault,
            "expected": list(unit.expected) if unit.expected else None,
            "became": unit.became,
            "ok": not unit.problems,
            "problems": unit.problems,
            "runs": [
                {
                    "stage": run.stage,
                    "slot": run.slot,
                    "kind": run.kind,
                    "outcome": run.outcome,
                    "phase": run.phase,
                    "cause": run.cause,
                    "seconds": round(run.seconds, 1),
                }
                for run in unit.runs
            ],
        },
        ensure_ascii=False,
    )
