"""`xueyang flash` and `xueyang update`: many units at once, each for itself.

esptool does the talking, in one thread a slot. It is GPL-2.0-or-later; LICENSE says what that
means. Around it stand here: a deadline by the wall clock, the fall-back to lower baud rates, the
question before an identity is overwritten, and one word a cause for whatever goes wrong.
"""

import contextlib
import dataclasses
import datetime
import functools
import itertools
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from host_tools import bundle, filesystem, identity, signature
from host_tools.bundle import Bundle
from host_tools.identity import Identity
from host_tools.sentences import say
from sim.door import settings

BAUDS = (921_600, 460_800, 230_400, 115_200)
DEADLINE_S = 60.0
_FIRST_BAUD = 115_200
_CONNECT_ATTEMPTS = 5  # a jig's contacts may bounce; each takes less than a second

# (vendor, product) of what an ESP32 hangs on: the chips' own USB, CP210x, CH340, CH343, CH9102,
# FT232R, FT2232, FT231X. Nothing else is touched by --all.
USB_IDS = {
    (0x303A, 0x1001),
    (0x10C4, 0xEA60),
    (0x1A86, 0x7523),
    (0x1A86, 0x55D3),
    (0x1A86, 0x55D4),
    (0x0403, 0x6001),
    (0x0403, 0x6010),
    (0x0403, 0x6015),
}


@dataclasses.dataclass(frozen=True)
class Slot:
    """A place in the jig: `name` is its USB path, which does not move; `port` what to open."""

    name: str
    port: str


@dataclasses.dataclass
class Outcome:
    """What became of a slot. state: passed, failed or left (alone); cause: a key of SENTENCES,
    empty when it passed."""

    slot: str
    port: str
    state: str = "failed"
    cause: str = ""
    sentence: str = ""
    phase: str = "connect"
    mac: str = ""
    serial: str = ""
    baud: int = 0
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be done: `update` replaces the code alone; else each unit gets an identity by
    `identity_of` (None: none) and `settings` into a data partition of its own."""

    bundle: Bundle
    is_any_chip: bool = False  # nothing is written, so the bundle's chip does not matter
    update: bool = False
    is_listed: bool = False  # the slots were found, not named: another chip is left alone
    bauds: Sequence[int] = BAUDS
    deadline_s: float = DEADLINE_S
    settings: Any = None
    private_key: bytes | None = None  # the station's: what it writes is signed


# progress(slot, phase, done, of), from any thread; the last phase is the outcome's state
Progress = Callable[[Slot, str, int, int], None]
# ask(slot, identity) -> whether it may be overwritten
Ask = Callable[[Slot, Identity], bool]
# identity_of(mac) -> whom the chip with this MAC is to be; Refused says why it is to be nobody
IdentityOf = Callable[[str], Identity]


class _Failed(Exception):
    """A slot is done for; carries its cause and what the sentence needs."""

    def __init__(self, cause: str, state: str = "failed", **values: object) -> None:
        super().__init__(cause)
        self.cause = cause
        self.state = state
        self.values = values


class Refused(Exception):
    """A chip may not have an identity; the text is a sentence."""


class _Late(BaseException):
    """The deadline has passed. Nothing in esptool may catch it."""


def slots_of(ports: Sequence[str]) -> list[Slot]:
    """The slots of ports that were named; each by its USB path where it has one."""
    from serial.tools import list_ports

    paths = {found.device: found.location for found in list_ports.comports() if found.location}
    return [Slot(paths.get(port) or port, port) for port in ports]


def all_slots() -> list[Slot]:
    """Every port with one of USB_IDS, in the order of the USB paths."""
    from serial.tools import list_ports

    found = [
        Slot(port.location or port.device, port.device)
        for port in list_ports.comports()
        if (port.vid, port.pid) in USB_IDS
    ]
    return sorted(found, key=lambda slot: [_number(part) for part in _split(slot.name)])


def _split(name: str) -> list[str]:
    return name.replace(":", ".").replace("-", ".").split(".")


def _number(part: str) -> tuple[int, str]:
    return (int(part), "") if part.isdigit() else (1 << 30, part)


_mine = threading.local()
_esptool_lock = threading.Lock()
_esptool_before: list[Any] = []  # what is put back, while anybody uses it
_esptool_users = 0


@contextlib.contextmanager
def _esptool() -> Iterator[threading.local]:
    """esptool, silent and without its waste of time; all as it was when the last has left.

    It has one logger for all: here its progress goes to `advance(done, of)` of the thread's own
    part of what is yielded, and the rest nowhere. And since version 5 it writes every packet out
    in hexadecimal for a trace that is off, nine tenths of its work. A test tells when that ends.
    """
    global _esptool_users
    from esp_pylib.logger import EspLog

    with _esptool_lock:
        if not _esptool_users:
            logger, EspLog.instance = EspLog.instance, _quiet()
            from esptool import loader  # which keeps a hand on the logger that it finds

            formatter, loader.HexFormatter = loader.HexFormatter, lambda *_, **__: ""
            _esptool_before[:] = logger, formatter
        _esptool_users += 1
    try:
        yield _mine
    finally:
        with _esptool_lock:
            _esptool_users -= 1
            if not _esptool_users:
                from esptool import loader

                EspLog.instance, loader.HexFormatter = _esptool_before


@functools.cache
def _quiet() -> Any:
    """A logger of esptool that tells its progress to its thread alone."""
    from esp_pylib.logger import EspLogBase

    class Quiet(EspLogBase):
        def print(self, *args: Any, **kwargs: Any) -> None: ...
        def err(self, *args: Any, suggestion: str | None = None) -> None: ...
        def warn(self, *args: Any, suggestion: str | None = None) -> None: ...
        def note(self, *args: Any) -> None: ...
        def hint(self, *args: Any) -> None: ...
        def debug(self, *args: Any) -> None: ...
        def set_verbosity(self, mode: Any) -> None: ...

        def progress_bar(
            self,
            cur_iter: int,
            total_iters: int,
            prefix: str = "",
            suffix: str = "",
            bar_length: int = 30,
        ) -> None:
            advance = getattr(_mine, "advance", None)
            if advance:
                advance(cur_iter, total_iters)

    return Quiet()


def _open(port: str, deadline: "_Deadline") -> Any:
    """The port, whose every read and write minds the deadline. Raises _Failed."""
    import serial

    class Port(serial.Serial):
        is_last = (
            False  # what is lost now is lost; esptool waits half a minute for it to come back
        )

        def read(self, size: int = 1) -> bytes:
            self.timeout = _within(self.timeout, deadline.left_s())  # type: ignore[has-type]
            return super().read(size)

        def write(self, data: Any) -> Any:
            left_s = deadline.left_s()
            self.write_timeout = _within(self.write_timeout, left_s)  # type: ignore[has-type]
            try:
                return super().write(data)
            except serial.SerialTimeoutException:
                deadline.left_s()
                raise

        def open(self) -> None:
            deadline.left_s()
            if not _is_there(port):
                raise _Failed("no_port", port=port)
            super().open()

        def close(self) -> None:
            super().close()
            if self.is_last:
                self.is_last = False
                raise _Failed("pulled")

    try:
        return Port(port, _FIRST_BAUD, exclusive=True)
    except serial.SerialException:
        raise _Failed("busy", port=port) from None


def _port_errors() -> tuple[type[Exception], ...]:
    """What pyserial lets through besides its own, where it is not an OSError."""
    if os.name != "posix":
        return ()
    import termios

    return (termios.error,)


def _within(timeout_s: float | None, left_s: float) -> float:
    return left_s if timeout_s is None else min(timeout_s, left_s)


def _is_there(port: str) -> bool:
    """Windows has no path to look at: there a port is, until it fails."""
    return os.name != "posix" or os.path.exists(port)


@dataclasses.dataclass
class _Deadline:
    """So much time for what a slot does itself; waiting for a person's answer does not count."""

    seconds: float
    _until_s: float = 0.0
    _spent_s: float = 0.0
    _began_s: float = 0.0

    def begin(self) -> None:
        self._began_s = time.monotonic()
        self._until_s = self._began_s + self.seconds - self._spent_s

    def end(self) -> None:
        self._spent_s += time.monotonic() - self._began_s

    @property
    def spent_s(self) -> float:
        return self._spent_s

    def left_s(self) -> float:
        """Raises _Late when there is none."""
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise _Late
        return left_s


class _Job:
    """One slot, from its port to its outcome."""

    def __init__(self, plan: Plan, slot: Slot, mine: threading.local, progress: Progress) -> None:
        self.plan = plan
        self.slot = slot
        self.outcome = Outcome(slot.name, slot.port)
        self.found: Identity | None = None  # the identity that it has already
        self.new: Identity | None = None  # and the one that it is to get
        self.is_over = False
        self._mine = mine
        self._progress = progress
        self._deadline = _Deadline(plan.deadline_s)
        self._bauds = list(plan.bauds)
        self._port: Any = None
        self._esp: Any = None

    def run(self, step: Callable[["_Job"], None]) -> None:
        """A step, with whatever goes wrong in it told as the outcome."""
        from esptool.util import FatalError
        from serial import SerialException

        if self.is_over:
            return
        self._mine.advance = None
        self._deadline.begin()
        try:
            step(self)
        except _Failed as failed:
            self._over(failed.cause, failed.values, failed.state)
        except _Late:
            self._over("late", {"seconds": f"{self.plan.deadline_s:g}"})
        except (FatalError, SerialException, OSError, *_port_errors()) as error:
            self._over(self._cause(error), {"baud": self.outcome.baud, "port": self.slot.port})
        except Exception as error:  # a fault of ours or of a library: the others go on
            self._over("unexpected", {"error": repr(error)})
        finally:
            self._deadline.end()
            self.outcome.seconds = round(self._deadline.spent_s, 2)

    def _cause(self, error: Exception) -> str:
        """By the phase, as esptool has no class for each cause."""
        from esptool.util import FatalError

        if not isinstance(error, FatalError) or not _is_there(self.slot.port):
            return "pulled"
        return {"connect": "mute", "verify": "bad_flash"}.get(self.outcome.phase, "noise")

    def _over(self, cause: str, values: dict[str, object], state: str = "failed") -> None:
        self.is_over = True
        self.outcome.state = state
        self.outcome.cause = cause
        self.outcome.sentence = say(cause or "passed", **values)
        self._close()
        self._progress(self.slot, state, 1, 1)

    def fail(self, cause: str, **values: object) -> None:
        """Give it up for what was seen from outside it."""
        self._over(cause, values)

    def _close(self) -> None:
        if self._port is not None:
            self._port.is_last = False
            with contextlib.suppress(Exception):
                self._port.close()
        self._port = self._esp = None

    def _phase(self, phase: str, done: int = 0, of: int = 1) -> None:
        self.outcome.phase = phase
        self._progress(self.slot, phase, done, of)

    def connect(self) -> None:
        """Through the ROM's loader into the stub, at the highest baud rate that works."""
        from esptool.util import FatalError

        while True:
            self._phase("connect")
            self._close()
            self._port = _open(self.slot.port, self._deadline)
            esp = self._detected()
            self.outcome.baud = _FIRST_BAUD
            esp = esp.run_stub()
            baud = self._bauds[0]
            try:
                if baud != _FIRST_BAUD:
                    self.outcome.phase = "identify"
                    esp.change_baud(baud)
                self.outcome.baud = baud
                from esptool import cmds

                cmds.attach_flash(esp)  # and a proof that the line stands this rate
            except FatalError:
                if not self._slower():
                    raise
                continue
            self._esp = esp
            return

    def _detected(self) -> Any:
        from esptool import cmds

        esp = cmds.detect_chip(self._port, _FIRST_BAUD, connect_attempts=_CONNECT_ATTEMPTS)
        plan = self.plan
        wanted = esp.CHIP_NAME if plan.is_any_chip else plan.bundle.target.esptool_name
        if wanted != esp.CHIP_NAME:
            if self.plan.is_listed:
                raise _Failed("skipped", "left", found=esp.CHIP_NAME)
            raise _Failed("wrong_chip", found=esp.CHIP_NAME, wanted=wanted)
        self.outcome.mac = ":".join(f"{byte:02x}" for byte in esp.read_mac())
        return esp

    def _slower(self) -> bool:
        """Go down to the next baud rate; False when there is none."""
        del self._bauds[0]
        return bool(self._bauds)

    def identify(self) -> None:
        """Who the unit is already. For an update also whether it can take one."""
        self.connect()
        self._phase("identify")
        places = self._places()
        self.found = identity.decode(self.data_files(identity.FILE)[identity.FILE])
        if self.found:
            self.outcome.serial = self.found.serial
        if self.plan.update:
            vfs = (bundle.VFS_AT, bundle.VFS_SIZE)
            if places.get("vfs") != vfs or places.get("data", (0, 0))[0] < sum(vfs):
                raise _Failed("not_ours")
            wanted = self.plan.bundle.manifest["compiler"].split()[1]
            wanted = ".".join(wanted.split(".")[:2])
            found = self._micropython()
            if not found.startswith(f"{wanted}."):
                raise _Failed("other_micropython", found=found or "?", wanted=wanted)
        self._phase("wait")

    def _places(self) -> dict[str, tuple[int, int]]:
        """Start and size of each partition that the unit's own table has."""
        listed = bundle.partitions(self._read(bundle.TABLE_AT, bundle.TABLE_SIZE))
        return {label: (start, size) for _, _, start, size, label in listed}

    def data_files(self, *names: str) -> dict[str, bytes | None]:
        """Files of the data partition, None for those that are not there."""
        start, size = self._places().get("data", (0, 0))
        blocks: dict[int, bytes] = {}

        def block(number: int) -> bytes:
            if number not in blocks:
                at = start + number * filesystem.SECTOR
                blocks[number] = self._read(at, filesystem.SECTOR)
            return blocks[number]

        try:
            return {
                name: filesystem.read_file(block, size, name) if size else None for name in names
            }
        except filesystem.NoFileSystem:
            return dict.fromkeys(names)

    def hang_up(self) -> None:
        """Let the unit go on with what is on it."""
        from esptool import cmds

        cmds.reset_chip(self._esp, "hard-reset")
        self._close()

    def _micropython(self) -> str:
        """The version that the program in flash says it has, as 1.29.0; empty if it says none."""
        return bundle.program_version(self._read(bundle.APP_AT, bundle.APP_HEAD))

    def _read(self, start: int, size: int) -> bytes:
        return bytes(self._esp.read_flash(start, size))

    def write(self) -> None:
        """All parts, each verified by its MD5; slower when the line turns out to be bad."""
        from esptool import cmds
        from esptool.util import FatalError

        parts = self._parts()
        total = sum(len(content) for _, content in parts)
        while True:
            done = 0
            try:
                if self._esp is None:
                    self.connect()
                self._port.is_last = True
                for at, content in parts:
                    self._phase("write", done, total)
                    self._mine.advance = self._advance(done, len(content), total)
                    cmds.write_flash(self._esp, [(at, content)], compress=True)
                    done += len(content)
                break
            except FatalError as error:
                if self.outcome.phase == "verify" or not _is_there(self.slot.port):
                    raise
                if self.outcome.phase == "connect" or not self._slower():
                    raise _Failed("noise", baud=self.outcome.baud) from error
                self._close()
        cmds.reset_chip(self._esp, "hard-reset")
        if self.new:
            self.outcome.serial = self.new.serial
        self._over("", {}, "passed")

    def _advance(self, before: int, size: int, total: int) -> Callable[[int, int], None]:
        """esptool counts compressed bytes of a part; whoever watches wants one bar for all."""

        def advance(count: int, of: int) -> None:
            phase = "write" if count < of else "verify"  # which is all that is left to do
            self._phase(phase, before + size * count // max(of, 1), total)

        return advance

    def _parts(self) -> list[tuple[int, bytes]]:
        parts = self.plan.bundle.parts
        if self.plan.update:
            return [(parts["vfs"].at, parts["vfs"].content)]
        stored = self.plan.settings or settings.Settings()
        files = {identity.SETTINGS_FILE: settings.encode(stored)}
        if self.new:
            record = files[identity.FILE] = self.new.encode()
            private = self.plan.private_key
            if private is not None:
                files[signature.FILE] = signature.sign(private, self.outcome.mac, record, stored)
        return [
            (parts["micropython"].at, parts["micropython"].content),
            (parts["vfs"].at, parts["vfs"].content),
            (parts["data"].at, filesystem.make(files, bundle.DATA_SIZE)),
        ]


@dataclasses.dataclass(frozen=True)
class Found:
    """What a unit says of itself: who it is, its settings, and whether a station of this public
    key (hexadecimal) signed both for this chip."""

    mac: str
    identity: Identity | None
    settings: Any
    is_signed_by: Callable[[str], bool]


def look(slot: Slot, deadline_s: float = DEADLINE_S) -> Found | Outcome:
    """Ask one unit who it is, whatever is on it; it is restarted by that. The outcome when it
    does not answer."""
    files: dict[str, bytes | None] = dict.fromkeys(
        (identity.FILE, identity.SETTINGS_FILE, signature.FILE)
    )

    def step(job: _Job) -> None:
        job.connect()
        files.update(job.data_files(*files))
        job.hang_up()

    with _esptool() as mine:
        nothing = Bundle(Path(), {}, {})
        plan = Plan(nothing, is_any_chip=True, deadline_s=deadline_s)
        job = _Job(plan, slot, mine, lambda *_: None)
        job.run(step)
    if job.is_over:
        return job.outcome
    record, stored, signed = (files[name] or b"" for name in files)
    found = settings.decode(stored) or settings.Settings()
    mac = job.outcome.mac
    return Found(
        mac,
        identity.decode(record),
        found,
        lambda public: signature.is_of(public, signed, mac, record, found),
    )


def today() -> int:
    """The day as identities carry it: 20261124."""
    return int(datetime.date.today().strftime("%Y%m%d"))


def flash(
    plan: Plan,
    slots: Sequence[Slot],
    identity_of: IdentityOf | None = None,
    ask: Ask = lambda slot, found: False,
    progress: Progress = lambda slot, phase, done, of: None,
) -> list[Outcome]:
    """Flash every slot at the same time; an outcome each, in the order of the slots.

    identity_of is asked for each unit that gets as far as being written, and ask for each that has
    an identity already (not for an update); both in the caller's thread.
    """
    with _esptool() as mine, ThreadPoolExecutor(max(1, len(slots))) as pool:
        jobs = [_Job(plan, slot, mine, progress) for slot in slots]
        list(pool.map(lambda job: job.run(_Job.identify), jobs))
        macs = Counter(job.outcome.mac for job in jobs if job.outcome.mac)
        for job in jobs:
            if job.is_over:
                continue
            if macs[job.outcome.mac] > 1:
                job.fail("same_mac", mac=job.outcome.mac)
            elif job.found and not plan.update and not ask(job.slot, job.found):
                job.fail("has_identity", serial=job.found.serial)
            elif identity_of is not None and not plan.update:
                try:
                    job.new = identity_of(job.outcome.mac)
                except Refused as refused:
                    job.fail("refused", error=refused)
        list(pool.map(lambda job: job.run(_Job.write), jobs))
    return [job.outcome for job in jobs]


def counted(first: Identity) -> IdentityOf:
    """This identity for the first chip, and the serials that follow for the others."""
    steps = itertools.count()

    def identity_of(mac: str) -> Identity:
        step = next(steps)
        try:
            serial = identity.next_serial(first.serial, step) if step else first.serial
        except ValueError as error:
            raise Refused(str(error)) from None
        return dataclasses.replace(first, serial=serial)

    return identity_of


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0 all passed (or were left alone), 1 none did, 4 some did not, 3 there was no port."""
    if not outcomes or all(outcome.cause == "no_port" for outcome in outcomes):
        return 3
    failed = sum(outcome.state == "failed" for outcome in outcomes)
    if not failed:
        return 0
    return 4 if any(outcome.state == "passed" for outcome in outcomes) else 1
