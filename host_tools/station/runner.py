"""Takes the units of a row through the phases of a stage, side by side: one slide moves for all.

A unit leaves with its first phase that fails, unless the phase says go on. Outcomes: passed;
failed (the unit's fault, by a limit); error (the station's, the jig's or the program's); aborted
(it was pulled out).
"""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from host_tools.console import ConsoleError
from host_tools.sentences import say
from host_tools.station import phases
from host_tools.station.declared import Phase
from host_tools.station.dut import Dut, Lost, Pulled
from host_tools.station.jig import JigError
from host_tools.station.view import SlotView, Tell


@dataclasses.dataclass(frozen=True)
class Measured:
    """A value beside its limits; `passed` by them."""

    phase: str
    name: str
    unit: str
    low: float | None
    high: float | None
    value: float | None
    passed: bool


@dataclasses.dataclass
class Tested:
    """A unit's way through a stage. outcome: passed, failed, error, aborted; or refused, when it
    was not tested at all. cause: the key of the sentence, which is told whole in `sentence`."""

    slot: str
    stage: str
    serial: str = ""
    mac: str = ""
    kind: str = "first"
    outcome: str = "passed"
    phase: str = ""
    cause: str = ""
    sentence: str = ""
    values: list[Measured] = dataclasses.field(default_factory=list)
    seconds: float = 0.0

    def ends(self, outcome: str, phase: str, cause: str, **values: object) -> None:
        """The first thing that went wrong is the one that counts. values: what its sentence needs,
        or the whole `sentence`."""
        if self.outcome == "passed":
            self.outcome, self.phase, self.cause = outcome, phase, cause
            self.sentence = str(values.get("sentence") or say(cause, **values))


class Fault(Exception):
    """A phase ends the test by something else than a limit: `cause` is the key of a sentence, and
    values what that needs, or the whole `sentence`."""

    def __init__(self, outcome: str, cause: str, **values: object) -> None:
        super().__init__(cause)
        self.outcome = outcome
        self.cause = cause
        self.values = values


# What a phase does to a whole row: a way to fail each, by slot; none: it was done.
RowPhase = Callable[[Sequence[Dut], Callable[[Dut], phases.Measure]], Mapping[str, Fault]]


def run_stage(
    stage: str,
    declared: Sequence[Phase],
    tests: Mapping[str, tuple[Dut, Tested]],
    tell: Tell,
    leaves: Callable[[Tested], None],
    row_phases: Mapping[str, RowPhase] = {},
    unit_phases: Mapping[str, Callable[[Dut, phases.Measure], None]] = {},
    goes_on: bool = False,
) -> None:
    """Take units (by slot) through a stage and write into each Tested what came of it; leaves is
    told of each as soon as it is done. goes_on: also after a phase that it fails.

    row_phases and unit_phases are further ones than those in phases.py, by name: what needs more
    than a unit and the jig.
    """
    live = dict(tests)
    with ThreadPoolExecutor(max(1, len(live))) as pool:
        for done, phase in enumerate(declared):
            if not live:
                break
            for slot, (_, tested) in live.items():
                tell(_view(tested, slot, "testing", phase.sentence, done, len(declared)))
            began_s = time.monotonic()
            try:
                if phase.target:
                    live[next(iter(live))][0].jig.target(list(live), phase.target)
            except JigError as error:
                for _, tested in live.values():
                    tested.ends("error", phase.name, "jig", error=error)
            else:
                _do(phase, live, pool, row_phases, unit_phases)
            for slot, (dut, tested) in list(live.items()):
                tested.seconds += time.monotonic() - began_s
                may_fail = goes_on or phase.go_on
                if tested.outcome != "passed" and not (may_fail and tested.outcome == "failed"):
                    dut.hang_up()
                    del live[slot]
                    leaves(tested)
    for dut, tested in live.values():
        dut.hang_up()
        leaves(tested)


def _view(
    tested: Tested, slot: str, state: str, phase: str = "", done: int = 0, of: int = 0
) -> SlotView:
    return SlotView(
        slot,
        state,
        tested.serial,
        tested.stage,
        phase,
        done,
        of,
        tested.cause,
        tested.sentence,
        round(tested.seconds, 1),
    )


def ended(tested: Tested) -> SlotView:
    """What is shown of a unit that is done: an error or a pulled unit has ended, nothing more."""
    state = tested.outcome if tested.outcome in ("passed", "failed", "refused") else "ended"
    return _view(tested, tested.slot, state)


def _do(phase, live, pool, row_phases, unit_phases) -> None:
    given: dict[str, dict[str, float | None]] = {slot: {} for slot in live}
    names = {each.name for each in phase.measurements}

    def measure_of(dut: Dut) -> phases.Measure:
        def measure(name: str, value: float | None) -> None:
            if name not in names or name in given[dut.slot]:
                raise KeyError(f"{phase.name} declares no {name}, or has measured it already")
            given[dut.slot][name] = None if value is None else float(value)

        return measure

    if phase.name in row_phases:
        duts = [dut for dut, _ in live.values()]
        faults = _in_a_row(row_phases[phase.name], duts, measure_of)
    else:
        function = unit_phases.get(phase.name) or getattr(phases, phase.name)
        found = pool.map(
            lambda dut: _alone(function, dut, measure_of(dut)), [dut for dut, _ in live.values()]
        )
        faults = dict(zip(live, found, strict=True))
    for slot, (dut, tested) in live.items():
        _judge(phase, tested, given[slot], faults.get(slot), dut)


def _in_a_row(function, duts, measure_of) -> Mapping[str, Fault | None]:
    try:
        return function(duts, measure_of)
    except Exception as error:  # whatever it is: no unit may pass by it
        return {dut.slot: Fault("error", "unexpected", error=repr(error)) for dut in duts}


def _alone(function, dut: Dut, measure: phases.Measure) -> Fault | None:
    """One phase on one unit; what it met, in the order in which blame is given."""
    fault = None
    try:
        function(dut, measure)
    except Pulled:
        fault = Fault("aborted", "unit_pulled")
    except JigError as error:
        fault = Fault("error", "jig", error=error)
    except Lost:
        fault = Fault("error", "samples_lost")
    except ConsoleError as error:
        fault = Fault("failed", "unit_silent", error=error)
    except Fault as found:
        fault = found
    except Exception as error:
        fault = Fault("error", "unexpected", error=repr(error))
    return fault


def _excuse(dut: Dut) -> Fault | None:
    """Why a failure is not the unit's: it was taken out, or its jig was not as it must be."""
    try:
        if not dut.is_there():
            return Fault("aborted", "unit_pulled")
        doubt = dut.jig.doubt(dut.slot)
    except JigError as error:
        doubt = str(error)
    return Fault("error", "jig", error=doubt) if doubt else None


def _judge(
    phase: Phase,
    tested: Tested,
    given: Mapping[str, float | None],
    fault: Fault | None,
    dut: Dut,
) -> None:
    """Values and verdict. A unit that is gone was pulled out, whatever else was met."""
    failed = []
    for each in phase.measurements:
        if each.name in given:
            value = given[each.name]
            passed = each.holds(value)
            tested.values.append(
                Measured(phase.name, each.name, each.unit, each.low, each.high, value, passed)
            )
            if not passed:
                failed.append(each)
    if (failed and fault is None) or (fault and fault.outcome != "refused"):
        fault = _excuse(dut) or fault
    if fault is not None:
        tested.ends(fault.outcome, phase.name, fault.cause, **fault.values)
    elif failed:
        first = failed[0]
        value = given[first.name]
        tested.ends(
            "failed",
            phase.name,
            first.do,
            name=f"{phase.name}.{first.name}",
            value="-" if value is None else f"{value:.4g}",
            unit=first.unit,
            low="" if first.low is None else f"{first.low:g}",
            high="" if first.high is None else f"{first.high:g}",
        )
    elif len(given) < len(phase.measurements):
        missing = sorted({each.name for each in phase.measurements} - set(given))
        tested.ends("error", phase.name, "unexpected", error=f"{phase.name} left out {missing}")
