"""The virtual jig, in a process of its own, as a real one has a controller of its own.

    python -m sim.factory.jig --slots 16 SOCKET

A line of JSON in, a line out, over a Unix socket: {"do": NAME, ...} is answered by {"ok": VALUE}
or {"error": SENTENCE}. `host_tools/station/jig.py` is the other end and says what each of its
requests means; beside these stand what only hands do in a real factory: `define` a unit, `put_in`,
`take_out`, `wear` a slot's targets. It ends with its standard input.
"""

import argparse
import contextlib
import json
import os
import random
import socketserver
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sim.factory.target import RETURNS, Place
from sim.factory.unit import Unit
from sim.vm.chip import Chip, serve

# What a meter finds on a good board (millivolts), and by how much it is off.
_RAILS_MV = {"+3V3": 3330.0, "+1V8": 1800.0, "VLED": 3320.0, "USB_5V": 5000.0}
_METER = 0.002
_DOUBT_S = 15.0  # longer than any phase
_NAP_S, _LATE_S = 0.05, 0.2


class Jig:
    """Slots named "1", "2", … ; each request is a method of the same name."""

    def __init__(self, count: int) -> None:
        self.chips: list[Chip] = []  # those in a slot: what `serve` lets live
        chance = random.Random(count)
        self._places = {
            str(n): Place(ratio=round(chance.uniform(0.55, 0.65), 3)) for n in range(1, count + 1)
        }
        self._in: dict[str, Unit] = {}
        self._seats = dict.fromkeys(self._places, 0)
        self._units: dict[int, Unit] = {}
        self._chance = random.Random(count)
        self._late_s = float("-inf")
        self._lock = threading.Lock()

    # What a station asks of any jig.

    def slots(self) -> list[str]:
        return list(self._places)

    def seat(self, slot: str) -> int:
        return self._seats[slot] if slot in self._in else 0

    def doubt(self, slot: str) -> str:
        unit = self._in.get(slot)
        late_s = max(self._late_s, unit.chip.stalled_s() if unit else self._late_s)
        is_late = time.monotonic() - late_s < _DOUBT_S
        return "this computer is too busy for virtual chips" if is_late else ""

    def watch_itself(self) -> None:
        """For a thread: notice when this process does not get its turn."""
        while True:
            slept_s = -time.monotonic()
            time.sleep(_NAP_S)
            slept_s += time.monotonic()
            if slept_s > _NAP_S + _LATE_S:
                self._late_s = time.monotonic()

    def port(self, slot: str) -> str:
        unit = self._in.get(slot)
        return unit.chip.port.path if unit and unit.chip.port.fd >= 0 else ""

    def target(self, slots: list[str], name: str) -> None:
        if name not in RETURNS:
            raise ValueError(f"There is no target {name}.")
        for slot in slots:
            self._places[slot].target = name

    def ratio(self, slot: str) -> float:
        return self._places[slot].ratio

    def rail_mv(self, slot: str, net: str) -> float:
        if slot not in self._in:
            return 0.0
        return round(_RAILS_MV[net] * self._chance.gauss(1, _METER), 1)

    def supply(self, slot: str, mv: int) -> None:
        self._unit(slot).board.battery_adc.cells_mv = mv

    def current_ua(self, slot: str) -> float:
        return round(self._unit(slot).current_ua(), 1)

    def cable(self, slot: str, is_in: bool) -> None:
        self._unit(slot).cable(is_in)

    def press(self, slot: str, ms: float) -> None:
        self._unit(slot).press(ms)

    def tone_hz(self, slot: str) -> int:
        return self._unit(slot).tone_hz()

    def dots(self, slot: str) -> int:
        return self._unit(slot).dots()

    def _unit(self, slot: str) -> Unit:
        unit = self._in.get(slot)
        if unit is None:
            raise ValueError(f"Nothing is in slot {slot}.")
        return unit

    # What hands do.

    def define(self, number: int, mac: str, faults: list[str]) -> None:
        self._units[number] = Unit(number, mac, tuple(faults))

    def put_in(self, slot: str, number: int) -> None:
        """A unit into an empty slot."""
        with self._lock:
            if slot in self._in:
                raise ValueError(f"Slot {slot} is taken.")
            unit = self._units[number]
            unit.put_in(self._places[slot])
            self._in[slot] = unit
            self._seats[slot] += 1
            self.chips.append(unit.chip)

    def take_out(self, slot: str) -> None:
        with self._lock:
            unit = self._in.pop(slot, None)
            if unit is not None:
                unit.take_out()
                self.chips.remove(unit.chip)

    def file(self, number: int, name: str) -> str:
        """Of a unit that is in no slot, in hexadecimal."""
        return self._units[number].file(name).hex()

    def mend(self, number: int, faults: list[str]) -> None:
        """Repair: only these faults are left."""
        self._units[number].set_faults(tuple(faults))

    def wear(self, slot: str, left: float) -> None:
        self._places[slot].left = left


class _Handler(socketserver.StreamRequestHandler):
    """One who asks, until he hangs up."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            for line in self.rfile:
                self.wfile.write(json.dumps(self._answer(line)).encode() + b"\n")

    def _answer(self, line: bytes) -> dict[str, Any]:
        jig: Jig = self.server.jig  # type: ignore[attr-defined]
        try:
            asked = json.loads(line)
            name = asked.pop("do")
            if name.startswith("_") or not callable(getattr(jig, name, None)):
                return {"error": f"The jig does not know {name}."}
            return {"ok": getattr(jig, name)(**asked)}
        except Exception as error:  # the jig goes on, whatever one slot meets
            return {"error": f"{type(error).__name__}: {error}"}


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


@contextlib.contextmanager
def running(count: int) -> Iterator[str]:
    """The socket of a virtual jig of so many slots, in a process of its own."""
    import subprocess

    with tempfile.TemporaryDirectory(prefix="jig-") as folder:
        path = os.path.join(folder, "jig")
        command = [sys.executable, "-m", "sim.factory.jig", "--slots", str(count), path]
        root = Path(__file__).parent.parent.parent
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
        ) as jig:
            assert jig.stdin and jig.stdout
            if not jig.stdout.readline():
                raise RuntimeError("The virtual jig did not start.")
            try:
                yield path
            finally:
                jig.stdin.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m sim.factory.jig", description=__doc__)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("socket")
    asked = parser.parse_args(arguments)
    jig = Jig(asked.slots)
    stopped = threading.Event()
    with _Server(asked.socket, _Handler) as server:
        server.jig = jig  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def wait_for_the_end() -> None:
            sys.stdin.read()
            stopped.set()

        threading.Thread(target=wait_for_the_end, daemon=True).start()
        threading.Thread(target=jig.watch_itself, daemon=True).start()
        print("ready", flush=True)
        try:
            serve(jig.chips, stopped)
        except KeyboardInterrupt:
            pass
        finally:
            for chip in list(jig.chips):
                chip.unplug()
            server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
