"""A device under test: a unit in a slot, its console, and the jig's hands on it."""

import contextlib
import dataclasses
import datetime
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from host_tools.console import Console, ConsoleError, open_port
from host_tools.station.jig import Jig, JigError

_START_S = 12.0  # from power to an answer
_START_TIMEOUT_S = 0.7
_MARKS = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_OLD_LIGHT_S = 0.16  # samples taken under the last current may still come
_QUIET_S = 2.5  # a sensor that gives nothing for so long gives nothing
_TRIES = 3
_GAP_MS = 320
_MESSAGES = 8  # the least that two clocks are compared by
_READ_S = 0.05  # what is under way comes within it


class Lost(Exception):
    """Samples were lost each time: the host is too busy, or the unit is. Nothing can be judged."""


class Pulled(Exception):
    """The unit is not in its slot any more."""


@dataclasses.dataclass(frozen=True)
class Light:
    """Samples under known currents. red_adc, ir_adc: counts, shape (samples,). rate_hz is the
    sensor's by the unit's clock; overflows counts blocks with too much ambient light, lost the
    samples that never came."""

    red_adc: np.ndarray
    ir_adc: np.ndarray
    red_ma: float
    ir_ma: float
    rate_hz: float
    overflows: int
    lost: int


class Dut:
    """A unit in `slot` of `jig`. `kept` is what one phase leaves for the next.

    Every method that asks the unit raises Pulled when it is gone, ConsoleError when it refuses or
    is silent, JigError for the jig.
    """

    def __init__(self, slot: str, jig: Jig) -> None:
        self.slot = slot
        self.jig = jig
        self.seat = jig.seat(slot)
        self.serial = ""
        self.mac = ""
        self.version = ""
        self.kept: dict[str, Any] = {}
        self._port: Any = None
        self._console: Console | None = None
        self._currents_ua = (-1, -1)
        self._tries = 0
        self._heard: list[tuple[float, float]] = []  # blocks: the unit's seconds, and ours

    def is_there(self) -> bool:
        """Whether what was put in is still in."""
        return self.seat != 0 and self.jig.seat(self.slot) == self.seat

    def who(self) -> dict[str, str]:
        """Wait until the unit's program answers, set its clock, and hear what it says of itself;
        from then on it measures on its cable."""
        until_s = time.monotonic() + _START_S
        while True:
            try:
                return self._try_who()
            except (ConsoleError, OSError):
                self.hang_up()
            if not self.is_there():
                raise Pulled
            if time.monotonic() > until_s:
                raise ConsoleError("silent", "the unit's program does not answer")
            time.sleep(0.1)

    def _try_who(self) -> dict[str, str]:
        if self._port is None:
            path = self.jig.port(self.slot)
            if not path:
                raise ConsoleError("silent", "there is no port")
            self._port = open_port(path)
            self._port.timeout = _READ_S
        self._console = Console(self._port)
        self._tries += 1
        mark = _MARKS + datetime.timedelta(minutes=self._tries)
        self._console.begin(mark, _START_TIMEOUT_S)
        self._console.set_clock(datetime.datetime.now(datetime.UTC))
        told = self._console.identify()
        self.ask("set mode factory")
        self._currents_ua = (-1, -1)
        self.mac = told["uid"]
        self.version = told["version"]
        return told

    def hang_up(self) -> None:
        if self._port is not None:
            with contextlib.suppress(Exception):
                self._port.close()
        self._port = self._console = None

    @contextlib.contextmanager
    def _talking(self) -> Iterator[Console]:
        """The console; an error of the port is told by whether the unit is there."""
        if self._console is None:
            self.who()
        assert self._console is not None
        try:
            yield self._console
        except ConsoleError:
            if not self.is_there():
                raise Pulled from None
            raise
        except Exception as error:  # pyserial lets through what the system says, termios.error too
            if isinstance(error, JigError | Pulled):
                raise
            self.hang_up()
            if not self.is_there():
                raise Pulled from None
            raise ConsoleError("silent", f"the unit's port is gone ({error})") from None

    def ask(self, line: str) -> str:
        with self._talking() as console:
            return console.ask(line)

    def fields(self, line: str) -> dict[str, str]:
        with self._talking() as console:
            return console.fields(line)

    def light(self, seconds: float, red_ua: int, ir_ua: int) -> Light | None:
        """So many seconds of samples under these currents without a gap; None when no sample
        comes. Raises Lost too."""
        for _ in range(_TRIES):
            self.hold(red_ua, ir_ua)
            found = self._once(seconds, red_ua, ir_ua)
            if found is None or not found.lost:
                return found
        raise Lost

    def clock_share(self) -> float | None:
        """Seconds of the unit's clock a second of ours, over all that was sampled so far: a busy
        host delays single messages by more than a second or two of them could bear."""
        return clock_share(self._heard)

    def hold(self, red_ua: int, ir_ua: int) -> None:
        """Both lights at these currents, until others are asked for."""
        if (red_ua, ir_ua) == self._currents_ua:
            return
        for attempt in range(_TRIES):
            try:
                self.ask(f"set leds {red_ua} {ir_ua}")
                break
            except ConsoleError as error:  # the sensor is still being started
                if error.code == "silent" or attempt == _TRIES - 1:
                    raise
                time.sleep(0.5)
        self._currents_ua = (red_ua, ir_ua)

    def _once(self, seconds: float, red_ua: int, ir_ua: int) -> Light | None:
        red: list[int] = []
        ir: list[int] = []
        ends: list[tuple[int, int, float]] = []  # of blocks: samples so far, unit's ms, ours in s
        overflows = lost = 0
        with self._talking() as console, contextlib.closing(console.samples(_QUIET_S)) as blocks:
            began_s = 0.0
            for block in blocks:
                now_s = time.monotonic()
                if (block.led_red_ua, block.led_ir_ua) != (red_ua, ir_ua):
                    continue
                began_s = began_s or now_s
                if now_s - began_s < _OLD_LIGHT_S:
                    continue
                if ends:
                    # Its FIFO holds less than such a gap, and a sensor started anew tells of none.
                    lost += block.lost + (block.t_ms - ends[-1][1] > _GAP_MS)
                red += block.red_adc
                ir += block.ir_adc
                overflows += block.ambient
                ends.append((len(red), block.t_ms, now_s))
                if ends[-1][1] - ends[0][1] >= 1000 * seconds:
                    break
        if len(ends) < 3:
            return None
        count, t_ms, ours_s = (np.array(each, dtype=float) for each in zip(*ends, strict=True))
        self._heard += zip(t_ms / 1000, ours_s, strict=True)
        return Light(
            np.array(red, dtype=float),
            np.array(ir, dtype=float),
            red_ua / 1000,
            ir_ua / 1000,
            1000 * float(np.polyfit(t_ms, count, 1)[0]),
            overflows,
            lost,
        )


def clock_share(heard: Sequence[tuple[float, float]]) -> float | None:
    """Seconds of the unit's clock a second of ours, by when its messages were sent and came:
    (theirs, ours) in their order. None when there are too few.

    They come late, and never early: of the first third of the time and of the last, the one that
    came quickest counts.
    """
    if len(heard) < _MESSAGES:
        return None
    theirs_s, ours_s = np.array(heard, dtype=float).T
    late_s = ours_s - theirs_s
    third_s = (theirs_s[-1] - theirs_s[0]) / 3
    early = np.flatnonzero(theirs_s <= theirs_s[0] + third_s)
    last = np.flatnonzero(theirs_s >= theirs_s[-1] - third_s)
    a, b = early[np.argmin(late_s[early])], last[np.argmin(late_s[last])]
    return float((theirs_s[b] - theirs_s[a]) / (ours_s[b] - ours_s[a]))
