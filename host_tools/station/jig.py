"""The jig, as a station asks it: one small protocol, over a line of JSON to its controller, or a
person's hands.

What a jig does not answer, or answers with an error, is a JigError: the station's fault, never
the unit's.
"""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Sequence
from typing import Any, Protocol

from host_tools.sentences import say

COLUMNS = 4  # slots in a row share a slide: hardware/jig.yaml
_ASKED = 3  # so often, for a number


class JigError(Exception):
    """The jig does not do what it is asked; the text says why."""


class Jig(Protocol):
    """Slots by name. Every method raises JigError."""

    def slots(self) -> list[str]: ...

    def seat(self, slot: str) -> int:
        """0: nothing is in; else a number that changes whenever something is put in."""

    def doubt(self, slot: str) -> str:
        """Why what was just measured in this slot proves nothing: an open lid, a supply that
        gave way. Empty: it does."""

    def port(self, slot: str) -> str:
        """The unit's serial port; empty while there is none."""

    def target(self, slots: Sequence[str], name: str) -> None:
        """Move a slide: dark, grey, infrared or modulated before these slots' sensors."""

    def ratio(self, slot: str) -> float:
        """What is written on the modulated target: red's relative pulse by infrared's."""

    def rail_mv(self, slot: str, net: str) -> float: ...

    def supply(self, slot: str, mv: int) -> None:
        """In place of the cells."""

    def current_ua(self, slot: str) -> float:
        """Out of that supply."""

    def cable(self, slot: str, is_in: bool) -> None:
        """Its USB, power and data."""

    def press(self, slot: str, ms: float) -> None:
        """The button."""

    def tone_hz(self, slot: str) -> float:
        """The newest tone since this was last asked; 0: none."""

    def dots(self, slot: str) -> int:
        """How many dots of the display are lit."""


class JigLine:
    """A jig whose controller listens at a Unix socket: a line of JSON {"do": NAME, …} out, a line
    {"ok": VALUE} or {"error": SENTENCE} in."""

    def __init__(self, path: str, timeout_s: float = 20.0) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._mine = threading.local()  # a connection a thread: one that waits holds up no other

    def ask(self, name: str, /, **asked: Any) -> Any:
        """What the controller answers. Raises JigError."""
        try:
            if not hasattr(self._mine, "file"):
                connection = socket.socket(socket.AF_UNIX)
                connection.settimeout(self._timeout_s)
                connection.connect(self._path)
                self._mine.file = connection.makefile("rwb")
                connection.close()  # the file keeps it
            self._mine.file.write(json.dumps({"do": name, **asked}).encode() + b"\n")
            self._mine.file.flush()
            answer = json.loads(self._mine.file.readline())
        except (OSError, ValueError) as error:
            self._mine.__dict__.clear()
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            raise JigError(f"{self._path}: {reason}") from None
        if "error" in answer:
            raise JigError(answer["error"])
        return answer["ok"]

    def slots(self) -> list[str]:
        return list(self.ask("slots"))

    def seat(self, slot: str) -> int:
        return int(self.ask("seat", slot=slot))

    def doubt(self, slot: str) -> str:
        return str(self.ask("doubt", slot=slot))

    def port(self, slot: str) -> str:
        return str(self.ask("port", slot=slot))

    def target(self, slots: Sequence[str], name: str) -> None:
        self.ask("target", slots=list(slots), name=name)

    def ratio(self, slot: str) -> float:
        return float(self.ask("ratio", slot=slot))

    def rail_mv(self, slot: str, net: str) -> float:
        return float(self.ask("rail_mv", slot=slot, net=net))

    def supply(self, slot: str, mv: int) -> None:
        self.ask("supply", slot=slot, mv=mv)

    def current_ua(self, slot: str) -> float:
        return float(self.ask("current_ua", slot=slot))

    def cable(self, slot: str, is_in: bool) -> None:
        self.ask("cable", slot=slot, is_in=is_in)

    def press(self, slot: str, ms: float) -> None:
        self.ask("press", slot=slot, ms=ms)

    def tone_hz(self, slot: str) -> float:
        return float(self.ask("tone_hz", slot=slot))

    def dots(self, slot: str) -> int:
        return int(self.ask("dots", slot=slot))


class Hands:
    """No jig: whoever stands there does what it would, is asked, and says what the meter reads."""

    def __init__(self, ports: dict[str, str], ask: Any) -> None:
        """ports: slot to port. ask(key of a sentence, **values) -> the answer as text."""
        self._ports = ports
        self._ask = ask
        self._one = threading.Lock()  # one question at a time

    def _number(self, key: str, **values: Any) -> float:
        with self._one:
            for _ in range(_ASKED):
                told = self._ask(key, **values)
                with contextlib.suppress(ValueError):
                    return float(told)
        raise JigError(say("hand_no_number", told=told))

    def _do(self, key: str, **values: Any) -> None:
        with self._one:
            self._ask(key, **values)

    def slots(self) -> list[str]:
        return list(self._ports)

    def seat(self, slot: str) -> int:
        return 1

    def doubt(self, slot: str) -> str:
        return ""

    def port(self, slot: str) -> str:
        return self._ports[slot] if os.path.exists(self._ports[slot]) else ""

    def target(self, slots: Sequence[str], name: str) -> None:
        self._do(f"hand_{name}", slots=", ".join(slots))

    def ratio(self, slot: str) -> float:
        return self._number("hand_ratio", slot=slot)

    def rail_mv(self, slot: str, net: str) -> float:
        return self._number("hand_rail", slot=slot, net=net)

    def supply(self, slot: str, mv: int) -> None:
        self._do("hand_supply", slot=slot, mv=mv)

    def current_ua(self, slot: str) -> float:
        return self._number("hand_current", slot=slot)

    def cable(self, slot: str, is_in: bool) -> None:
        self._do("hand_cable_in" if is_in else "hand_cable_out", slot=slot)

    def press(self, slot: str, ms: float) -> None:
        self._do("hand_press", slot=slot, seconds=f"{ms / 1000:g}")

    def tone_hz(self, slot: str) -> float:
        return self._number("hand_tone", slot=slot)

    def dots(self, slot: str) -> int:
        return int(self._number("hand_dots", slot=slot))
