"""A season of measurements: many different people, each measured until the reading settles.

    python -m sim.season [READINGS]

Every measurement is the whole device in a closed loop with a person of the patient model whose
saturation is known and constant. What is told is *extraction error*: how far the device's settled
reading lies from the model's truth. It is no accuracy on people.

First comes the use at home (sim/household.py), until so many readings have settled; the exit code
is 1 when anything happened there that must not. A run that was stopped goes on where it was.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sim import fast, kept
from sim.board import Board
from sim.door import App, field
from sim.patient import Motion, Person, Scene

_PATIENCE_S = 90  # nobody holds a finger still for longer
_SEED = 2026
_SOURCES = (
    "firmware/*.py",
    "firmware/oximeter",
    "sim/*.py",
    "sim/chips",
    "sim/patient",
    "sim/fakes",
)
_SAY_EVERY_S = 20


@dataclass(frozen=True)
class Measurement:
    """One person, once. `settled_pct` is None when the device never called its reading settled."""

    truth_pct: float
    settled_pct: float | None
    sd_pct: float | None
    after_s: float

    @property
    def error_pct(self) -> float:
        assert self.settled_pct is not None
        return self.settled_pct - self.truth_pct


def still(rng: np.random.Generator) -> Scene:
    """A finger held still, any saturation and pulse that a person has, perfusion 1 % or more."""
    return Scene(
        duration_s=_PATIENCE_S,
        spo2_pct=float(rng.uniform(70, 100)),
        pulse_bpm=float(rng.uniform(40, 180)),
        perfusion_pct=float(np.exp(rng.uniform(np.log(1), np.log(10)))),
        clock_error_pct=float(rng.uniform(-1.5, 1.5)),
    )


def home(rng: np.random.Generator) -> Scene:
    """What comes at home: old and cold hands, arrhythmia, a bad place, a restless minute.

    The shares are assumptions, chosen so that every effect of the model meets every other.
    """

    def one_in(people: int) -> bool:
        return bool(rng.integers(people) == 0)

    motion: tuple[Motion, ...] = ()
    if one_in(4):
        start_s = float(rng.uniform(0, 40))
        movement = rng.choice(["tap", "rub", "tremor", "random", "bursts", "crossing"])
        motion = (Motion(str(movement), start_s, start_s + float(rng.uniform(3, 20))),)  # type: ignore[arg-type]
    return Scene(
        duration_s=_PATIENCE_S,
        spo2_pct=float(rng.triangular(70, 97, 100)),
        pulse_bpm=float(rng.triangular(40, 75, 180)),
        perfusion_pct=float(np.exp(rng.normal(np.log(1.4), 0.9)).clip(0.1, 15)),
        shape=str(rng.choice(["young", "adult", "dicrotic", "stiff"], p=[0.1, 0.3, 0.2, 0.4])),  # type: ignore[arg-type]
        fibrillation=one_in(8),
        premature_pct=float(rng.uniform(2, 20)) if one_in(8) else 0.0,
        respiration_per_min=float(rng.uniform(8, 30)),
        respiration_baseline_pct=float(rng.uniform(0, 0.6)),
        wander_pct=float(np.exp(rng.normal(np.log(0.3), 0.8))),
        light_return=float(rng.uniform(0.15, 2)),
        tilt=float(rng.uniform(0, 0.6)) if one_in(4) else 0.0,
        force_n=float(rng.uniform(0.1, 0.8)),
        ambient_counts=float(rng.uniform(0, 4000)),
        flicker_counts=float(rng.uniform(0, 400)),
        clock_error_pct=float(rng.uniform(-1.5, 1.5)),
        motion=motion,
    )


PEOPLE = {"still finger": still, "at home": home}


def measure(who: str, number: int) -> Measurement:
    """The device on person `number` of a kind, until it settles or patience ends."""
    scene = PEOPLE[who](np.random.default_rng([_SEED, list(PEOPLE).index(who), number]))
    person = Person(scene, seed=number)
    board = Board(person)
    board.keep_awake = True
    app = App(board)
    clock = board.clock
    truth_pct = float(person.spo2_pct(0))
    while clock.now_us < _PATIENCE_S * 1_000_000:
        clock.advance_us(1000 * max(1, app.step(clock.now_ms)))
        settled_centipct = app.reading[field.SETTLED_CENTIPCT]
        if settled_centipct != field.NONE:
            sd_centipct = app.reading[field.SPO2_SD_CENTIPCT]
            return Measurement(
                truth_pct, settled_centipct / 100, sd_centipct / 100, clock.now_us / 1e6
            )
    return Measurement(truth_pct, None, None, clock.now_us / 1e6)


def kept_in(what: str) -> Path:
    """The folder for results of this firmware on this simulator."""
    return kept.ROOT / "build" / "season" / f"{what}-{kept.hash_of(*_SOURCES)[:32]}"


def season(who: str, people: int) -> Iterator[Measurement]:
    """The first `people` of a kind, on all cores, always the same ones."""
    folder = kept_in(who.replace(" ", "-"))
    with fast.in_the_device():
        for result in kept.each(folder, partial(_measured, who), range(people)):
            yield Measurement(**result)


def _measured(who: str, number: int) -> dict[str, Any]:
    with fast.in_the_device():
        return asdict(measure(who, number))


def summary(who: str, measured: list[Measurement]) -> str:
    """One line of a table; see `HEADER`."""
    settled = [m for m in measured if m.settled_pct is not None]
    if not settled:
        return f"{who:<14}{len(measured):>7}{0:>9}"
    error = np.array([m.error_pct for m in settled])
    after = np.array([m.after_s for m in settled])
    return (
        f"{who:<14}{len(measured):>7}{len(settled):>9}{np.median(after):>8.0f}{error.mean():>8.2f}"
        f"{np.sqrt(np.mean(error**2)):>8.2f}{np.quantile(np.abs(error), 0.95):>8.2f}"
        f"{np.abs(error).max():>8.2f}"
    )


HEADER = (
    f"{'people':<14}{'number':>7}{'settled':>9}{'after s':>8}{'bias':>8}{'rms':>8}{'95 %':>8}"
    f"{'worst':>8}   (extraction error in points of SpO2)"
)


def teller() -> Callable[[str, bool], None]:
    """A function that says on stderr how far the work is, now and then or at once."""
    said_s = -1e9

    def say(text: str, at_once: bool) -> None:
        nonlocal said_s
        if at_once or time.monotonic() - said_s >= _SAY_EVERY_S:
            said_s = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    return say


def main() -> int:
    from sim import household

    readings = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    say = teller()
    tally = household.until_settled(readings, readings * 3 // 10, say)
    print(household.text(tally), flush=True)
    print("\n" + HEADER)
    people = readings // len(PEOPLE)
    for who in PEOPLE:
        measured = []
        for one in season(who, people):
            measured.append(one)
            say(f"{who}: {len(measured)} of {people} people", False)
        print(summary(who, measured), flush=True)
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
