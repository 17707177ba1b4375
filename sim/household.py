"""A season of use at home: many visits to one finger each, and all that can come in between.

A visit is the whole device in a closed loop with a person whose saturation is known and constant:
cold and trembling hands, fingers that are pulled out and put back, a finger that is pressed hard,
sunlight, cells that run empty, a power cut in the middle. What is counted must not happen:

- *wrong direction*: a settled reading whose verdict asks for nothing (or only for attention to
  itself) while the truth is 93 % or less, or calls 120 while the truth is 95 % or more;
- *frozen*: a live number on the display more than 2 s after its signal went, or the last result
  still held 0.2 s after a new finger came;
- *lost*: a settled reading that the log does not have afterwards;
- *unrecorded*: a restart that nobody asked for and that left no line in the crash record.
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass, fields, replace
from itertools import count as numbers

import numpy as np

from sim import eye, fast, kept, season
from sim.board import Board, run
from sim.chips.ssd1306 import Ssd1306
from sim.door import App, crash, field, log, settings, terms, verdict
from sim.patient import Person, Scene

_SEED = 1106
_PATIENCE_S = 130
_GONE_S = 2.0
_NEW_S = 0.2
_LANDED_S = 0.1  # the model's finger takes so long to come
_ACCIDENT_EVERY = 25  # visits: one at which the firmware itself fails


@dataclass(frozen=True)
class Tally:
    """What was counted; add two of them up with `+`."""

    visits: int = 0
    settled: int = 0
    settled_low: int = 0  # of them with a truth of 93 % or less
    wrong_direction: int = 0
    frozen: int = 0
    kept: int = 0  # settled readings that a log was asked to keep
    lost: int = 0
    restarts: int = 0
    unrecorded: int = 0

    @property
    def faults(self) -> int:
        """All that must not happen."""
        return self.wrong_direction + self.frozen + self.lost + self.unrecorded

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def _calibrated() -> settings.Settings:
    """Only so is there a green verdict that could be wrong."""
    told = settings.Settings()
    told.evidence, told.date, told.batch = "human_sao2", 20261124, "SEASON"
    return told


def scene_of(number: int) -> Scene:
    """What happens at visit `number`."""
    rng = np.random.default_rng([_SEED, number])
    scene = season.home(rng)
    scene = replace(scene, duration_s=float(_PATIENCE_S))
    start_s = float(rng.uniform(0.5, 6))
    spans = [(start_s, float(rng.uniform(70, 110)))]
    if rng.random() < 0.25:  # pulled out, and put back
        out_s = float(rng.uniform(start_s + 3, 60))
        spans = [(start_s, out_s), (out_s + float(rng.uniform(0.7, 6)), spans[0][1])]
    scene = replace(scene, finger=tuple(spans))
    if rng.random() < 0.1:
        at_s = float(rng.uniform(5, 50))
        scene = replace(scene, sun=((at_s, at_s + float(rng.uniform(1, 15))),))
    if rng.random() < 0.12:  # pressed hard for a while
        at_s = float(rng.uniform(5, 40))
        track = ((at_s, at_s + 1, at_s + 10, at_s + 11), (0.3, 1.6, 1.6, 0.3))
        scene = replace(scene, force_n=track)
    return scene


def visit(number: int) -> Tally:
    """One finger, from the waking of the device until it is off or patience ends."""
    rng = np.random.default_rng([_SEED, number, 1])
    scene = scene_of(number)
    person = Person(scene, seed=number)
    board = Board(person)
    settings.save(board.DATA_DIR, _calibrated())
    board.battery_adc.cells_mv = 2900
    cut_s = float(rng.uniform(3, 80)) if rng.random() < 0.1 else 1e9
    empty_s = float(rng.uniform(3, 80)) if rng.random() < 0.08 else 1e9
    truth_pct = float(person.spo2_pct(0))
    clock = board.clock
    app = App(board)
    kept = app.log = _Log(board)
    frozen = 0
    wrong = 0
    judged = 0
    began_s = 0.0
    while clock.now_us < _PATIENCE_S * 1_000_000 and not app.off:
        now_s = clock.now_us / 1e6
        if now_s >= cut_s:  # out and in again: nothing is left in the memory
            cut_s = 1e9
            began_s = now_s
            app = App(board)
            kept = app.log = _Log(board, kept)
        board.battery_adc.cells_mv = 2100 if now_s >= empty_s else 2900
        clock.advance_us(1000 * max(1, app.step(round(1000 * (now_s - began_s)))))
        frozen += _is_frozen(board.display, scene, now_s)
        if len(kept.asked) > judged:
            judged = len(kept.asked)
            wrong += _is_wrong(app, truth_pct)
    settled = len(kept.asked)
    low = settled if truth_pct <= 93 else 0
    return Tally(1, settled, low, wrong, min(1, frozen), settled, settled - kept.kept())


class _Log(log.Log):
    """The firmware's log, and what the app wanted kept."""

    def __init__(self, board: Board, before: "_Log | None" = None) -> None:
        super().__init__(board.DATA_DIR)
        self.asked: list[int] = before.asked if before else []

    def append(self, reading, *more: int) -> bool:
        self.asked.append(reading[field.SETTLED_CENTIPCT])
        return super().append(reading, *more)

    def kept(self) -> int:
        """How many are on the flash now."""
        there = log.Log(self.folder)
        there.open()
        count, at = 0, there.find()
        while at >= 0:
            count += 1
            at = there.find(at)
        return count


def _is_wrong(app: App, truth_pct: float) -> bool:
    told = app._verdict & terms.VERDICT
    truth = verdict.rounded_half_down(round(100 * truth_pct))
    if truth <= 93:
        return told < terms.ATTENTION
    # A pulse out of bounds raises a verdict, and calls for nobody at 95 and above.
    return truth >= 95 and told >= terms.CALL


def _is_frozen(display: Ssd1306, scene: Scene, now_s: float) -> bool:
    there = [(first, last) for first, last in scene.finger if first <= now_s < last]
    stale = any(first + _GONE_S < now_s < last for first, last in scene.sun)
    if not there and not stale:
        stale = all(now_s < first or now_s - last > _GONE_S for first, last in scene.finger)
    if stale and eye.number_on(display.pixels()) is not None:
        return True
    if not there or there[0] == scene.finger[0]:
        return False
    soon = _NEW_S + _LANDED_S < now_s - there[0][0] < 5
    return soon and eye.inverse_on(display.pixels())


def accident(number: int) -> Tally:
    """A visit at which the firmware itself fails, by an exception or by hanging: the restarts, and
    those of them that the crash record does not know of."""
    rng = np.random.default_rng([_SEED, number, 2])
    at_us = int(rng.uniform(1, 20) * 1e6)
    board = Board(Person(scene_of(number), seed=number))
    error = [None, ValueError("a mistake"), MemoryError(), OSError(5), IndexError("index")]
    chosen = error[int(rng.integers(len(error)))]
    step = App.step
    done: list[bool] = []

    def failing(app: App, now_ms: int) -> int:
        if board.clock.now_us >= at_us and not done:
            done.append(True)
            if chosen is not None:
                raise chosen
            while True:
                board.sleep_ms(7)
        return step(app, now_ms)

    App.step = failing  # type: ignore[method-assign]
    try:
        run(board, 25_000)
    finally:
        App.step = step  # type: ignore[method-assign]
    lines = len(crash.read(board.DATA_DIR).splitlines())
    return Tally(restarts=board.resets, unrecorded=max(0, board.resets - lines))


def one(number: int) -> Tally:
    """Visit `number`, and now and then an accident with it."""
    tally = visit(number)
    return tally + accident(number) if number % _ACCIDENT_EVERY == 0 else tally


def until_settled(
    readings: int, low: int, say: Callable[[str, bool], None] = lambda text, at_once: None
) -> Tally:
    """Visits until there are so many settled readings, and so many with a truth of 93 or less, on
    all cores, always the same ones. `say` is told after each how far it is, and at once what a
    visit had that must not happen."""
    total = Tally()
    with fast.in_the_device():
        for counts in kept.each(season.kept_in("visits"), _counted, numbers()):
            seen = Tally(*counts)
            if seen.faults:
                say(f"visit {total.visits}: {seen}", True)
            total += seen
            say(
                f"{total.visits} visits: {total.settled} of {readings} settled readings, "
                f"{total.settled_low} of {low} low ones, {total.faults} faults",
                False,
            )
            if total.settled >= readings and total.settled_low >= low:
                break
    return total


def _counted(number: int) -> tuple[int, ...]:
    with fast.in_the_device():
        return astuple(one(number))


def bound_pct(count: int, of: int) -> float:
    """Upper end of the 95 % interval of a share, in percent (Clopper and Pearson 1934)."""
    from scipy import stats

    return (
        100.0
        if of == 0 or count >= of
        else 100 * float(stats.beta.ppf(0.95, count + 1, of - count))
    )


def text(tally: Tally) -> str:
    """The counts with their bounds, a line each."""
    rows = [
        ("wrong-direction verdicts", tally.wrong_direction, tally.settled, "settled readings"),
        ("frozen numbers", tally.frozen, tally.visits, "visits"),
        ("lost settled readings", tally.lost, tally.kept, "settled readings"),
        ("restarts without a record", tally.unrecorded, tally.restarts, "restarts"),
    ]
    lines = [
        f"{tally.visits} visits, {tally.settled} settled readings, {tally.settled_low} of them "
        "with a truth of 93 % or less"
    ]
    for name, count, of, unit in rows:
        if of == 0:
            lines.append(f"{name:<28}not counted: no {unit} to count among")
        else:
            lines.append(
                f"{name:<28}{count:>6} of {of} {unit}, at most {bound_pct(count, of):.3f} % (95 %)"
            )
    return "\n".join(lines)
