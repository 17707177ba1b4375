"""What a station tells whoever watches it, a screen or a plain line of text."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class SlotView:
    """What the worker sees of a slot. state: empty, waiting (put in, its row is still at the
    others), locked, testing, passed, failed, refused, ended."""

    slot: str
    state: str
    serial: str = ""
    stage: str = ""
    phase: str = ""  # key of a sentence, while testing
    done: int = 0  # phases done
    of: int = 0
    cause: str = ""  # key of a sentence when failed/refused/locked
    sentence: str = ""  # the whole sentence in both languages: reason and what to do
    seconds: float = 0.0


Tell = Callable[[SlotView], None]  # from any thread
