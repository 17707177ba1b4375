"""One case of the matrix: a person, what happens to the sensor, and what is due."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

from sim.patient import Scene


@dataclass(frozen=True)
class Case:
    """`row`, `cell` and `number` name it, `seed` and `scene` make the person.

    due: a number is due while the finger stays.
    event_s: when the step, the fault or the finger's leaving comes.
    words: status words that are right after the event; empty where a number is due.
    faults: of the chip (sim.chips.max30102), from the event on.
    device: the whole device in a closed loop is asked, not the core alone; `leds_fixed` opens it.
    swapped: red and infrared are exchanged.
    clock_drift_pct: by how much the sensor's clock gains, linearly, from begin to end.
    curve_pct: how far this person's ratio lies above what the curve expects.
    """

    row: str
    cell: str
    number: int
    seed: int
    scene: Scene
    due: bool = True
    event_s: float | None = None
    words: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    device: bool = False
    leds_fixed: bool = False
    swapped: bool = False
    clock_drift_pct: float = 0.0
    curve_pct: float = 0.0

    @property
    def id(self) -> str:
        return f"{self.row}/{self.cell}/{self.number}"

    @property
    def finger_in_s(self) -> float:
        return self.scene.finger[0][0] if self.scene.finger else 0.0

    @property
    def finger_out_s(self) -> float:
        out_s = self.scene.finger[-1][1] if self.scene.finger else self.scene.duration_s
        return min(out_s, self.scene.duration_s)

    @cached_property
    def sha256(self) -> str:
        """Of everything in it, written in one way only."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
