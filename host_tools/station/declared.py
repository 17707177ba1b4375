"""What phases.yaml declares: stages, their phases, and what each measures, within which limits."""

import dataclasses
import functools
import math
from pathlib import Path

FILE = Path(__file__).with_name("phases.yaml")
STAGES = ("pcba", "ageing", "final", "pack")  # in this order, and none may be left out


@dataclasses.dataclass(frozen=True)
class Measurement:
    """`low` and `high` in `unit`, None where there is no limit; `do` is the key of the sentence
    for a failure; `self_test` the same thing's name in the unit's self-test, if it is there."""

    name: str
    unit: str
    low: float | None
    high: float | None
    provisional: bool
    do: str
    source: str
    self_test: str = ""

    def holds(self, value: float | None) -> bool:
        """Whether a value passes. What could not be measured does not."""
        if value is None or math.isnan(value):
            return False
        return (self.low is None or value >= self.low) and (
            self.high is None or value <= self.high
        )


@dataclasses.dataclass(frozen=True)
class Phase:
    """`target` is what stands before the sensor from here on, empty: what stood there before."""

    name: str
    measurements: tuple[Measurement, ...]
    target: str = ""
    go_on: bool = False

    @property
    def sentence(self) -> str:
        """The key of what a worker is told it is."""
        return f"phase_{self.name}"


@functools.cache
def stages() -> dict[str, tuple[Phase, ...]]:
    """The phases of each stage, in their order."""
    import yaml

    told = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {
        stage: tuple(
            Phase(
                phase["phase"],
                tuple(Measurement(**each) for each in phase["measurements"]),
                phase.get("target", ""),
                phase.get("go_on", False),
            )
            for phase in phases
        )
        for stage, phases in told.items()
    }
