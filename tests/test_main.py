"""boot.py and main.py as they ship: whatever goes wrong, the old number is gone within 2 s."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from device import SPO2_PCT, Finger

from sim.board import Board, PowerOff, Reset, run
from sim.chips.pin import Pin
from sim.clock import Clock
from sim.door import FIRMWARE, App, crash
from sim.eye import number_on
from sim.vm import setup
from sim.vm.host import Vm

OLD_MS = 2000
WRONG_MS = 8000  # when something goes wrong, in the tests below
BOOT_MS = 400


class Watched(Clock):
    """A clock that looks at the display whenever time passes: `seen` holds (ms, number)."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int | None]] = []
        self.board: Board | None = None

    def advance_us(self, us: int) -> None:
        if self.board is not None:
            self.seen.append((self.now_ms, number_on(self.board.display.pixels())))
        super().advance_us(us)
        if self.board is not None:
            self.seen.append((self.now_ms, number_on(self.board.display.pixels())))

    def number_at(self, ms: int) -> int | None:
        return [number for at_ms, number in self.seen if at_ms <= ms][-1]

    def last_number_ms(self, from_ms: int, to_ms: int) -> int:
        """The last moment in between at which a number stood on the display."""
        times = [ms for ms, number in self.seen if number is not None and from_ms <= ms < to_ms]
        return times[-1] if times else from_ms


class WatchedBoard(Board):
    clock: Watched

    def __init__(self) -> None:
        self.finger = Finger()
        super().__init__(self.finger, Watched())
        self.clock.board = self


@pytest.fixture
def board() -> WatchedBoard:
    return WatchedBoard()


@pytest.fixture
def bare_board(board: WatchedBoard) -> WatchedBoard:
    """With one of the common modules whose four wires have no reset among them."""
    board.display_reset = Pin(0)
    board.display.reset_pin.value(1)
    return board


def wrong(
    monkeypatch: pytest.MonkeyPatch, board: WatchedBoard, then: Callable[[], object]
) -> None:
    """From WRONG_MS on, once, every step of the app begins with `then`."""
    step = App.step
    done: list[bool] = []

    def stepped(app, now_ms):
        if board.clock.now_ms >= WRONG_MS and not done:
            done.append(True)
            then()
        return step(app, now_ms)

    monkeypatch.setattr(App, "step", stepped)


def raising(error: BaseException) -> Callable[[], object]:
    def then() -> object:
        raise error

    return then


def hanging(board: WatchedBoard) -> Callable[[], object]:
    def then() -> object:
        while True:
            board.sleep_ms(7)

    return then


def test_it_runs_by_itself(board: WatchedBoard) -> None:
    run(board, 10_000)
    assert board.resets == 0
    assert board.clock.number_at(BOOT_MS + 6000) == SPO2_PCT
    assert board.clock.number_at(10_000) == SPO2_PCT
    assert board.display.unknown == []


ERRORS = [
    ValueError("a mistake"),
    MemoryError(),
    OSError(5),
    OverflowError(),
    RuntimeError("maximum recursion depth exceeded"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_exception_blanks_the_display_at_once(
    monkeypatch: pytest.MonkeyPatch, board: WatchedBoard, error: BaseException
) -> None:
    wrong(monkeypatch, board, raising(error))
    run(board, WRONG_MS + 8000)
    assert board.clock.number_at(WRONG_MS - 40) == SPO2_PCT
    assert board.clock.last_number_ms(WRONG_MS - 40, WRONG_MS + 2 * BOOT_MS) <= WRONG_MS + 40
    assert board.resets == 1
    assert board.clock.number_at(WRONG_MS + 7500) == SPO2_PCT, "and it measures again"


def test_a_hang_ends_with_the_watchdog(
    monkeypatch: pytest.MonkeyPatch, board: WatchedBoard
) -> None:
    wrong(monkeypatch, board, hanging(board))
    run(board, WRONG_MS + 10_000)
    assert board.clock.number_at(WRONG_MS + 100) == SPO2_PCT, "it hangs with a number shown"
    assert board.clock.last_number_ms(WRONG_MS, WRONG_MS + 4000) <= WRONG_MS + 1540
    assert board.resets == 1
    assert board.clock.number_at(WRONG_MS + 9500) == SPO2_PCT


def test_the_same_without_a_reset_line(
    monkeypatch: pytest.MonkeyPatch, bare_board: WatchedBoard
) -> None:
    """Then boot.py has to reach the display over the bus."""
    wrong(monkeypatch, bare_board, hanging(bare_board))
    run(bare_board, WRONG_MS + 3000, boot_ms=BOOT_MS)
    clock = bare_board.clock
    assert clock.number_at(WRONG_MS + 100) == SPO2_PCT
    assert clock.last_number_ms(WRONG_MS, WRONG_MS + 3000) <= WRONG_MS + OLD_MS
    assert bare_board.resets == 1


def test_boot_alone_darkens_such_a_display(
    monkeypatch: pytest.MonkeyPatch, bare_board: WatchedBoard
) -> None:
    """The button is pressed while it hangs, so that after the reset only boot.py runs."""

    def then() -> object:
        bare_board.button.value(0)
        return hanging(bare_board)()

    wrong(monkeypatch, bare_board, then)
    run(bare_board, WRONG_MS + 3000, boot_ms=BOOT_MS)
    assert bare_board.clock.number_at(WRONG_MS + 100) == SPO2_PCT
    assert bare_board.clock.last_number_ms(WRONG_MS, WRONG_MS + 3000) <= WRONG_MS + OLD_MS
    assert not bare_board.display.on


def test_an_exception_without_a_reset_line(
    monkeypatch: pytest.MonkeyPatch, bare_board: WatchedBoard
) -> None:
    wrong(monkeypatch, bare_board, raising(ValueError("a mistake")))
    run(bare_board, WRONG_MS + BOOT_MS)
    clock = bare_board.clock
    assert clock.last_number_ms(WRONG_MS - 40, WRONG_MS + BOOT_MS) <= WRONG_MS + 40
    assert clock.number_at(WRONG_MS + BOOT_MS // 2) is None, "before boot.py has its turn"


def test_an_app_that_cannot_begin_leaves_the_display_dark(
    monkeypatch: pytest.MonkeyPatch, board: WatchedBoard
) -> None:
    monkeypatch.setattr(App, "__init__", lambda app, board: raising(MemoryError())())
    run(board, 3000)
    assert board.resets >= 3
    assert not board.display.on


def test_a_display_that_fails_with_the_app(
    monkeypatch: pytest.MonkeyPatch, board: WatchedBoard
) -> None:
    """Both at once: blanking over the bus is impossible, the reset line is enough."""

    def then() -> object:
        board.display.faults.add("nack")
        raise ValueError("a mistake")

    wrong(monkeypatch, board, then)
    run(board, WRONG_MS + 1000)
    assert not board.display.on


def test_a_held_button_leaves_the_device_at_its_prompt(
    board: WatchedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    board.button.value(0)
    run(board, 5000)
    assert board.resets == 0
    assert not board.display.on
    assert not board.sensor.sampling
    assert "button" in capsys.readouterr().out


def test_ticks_that_begin_again_do_not_turn_time_back(
    monkeypatch: pytest.MonkeyPatch, board: WatchedBoard
) -> None:
    board.clock.now_us = ((1 << 30) - 5000) * 1000
    board.finger.begin_us(board.clock.now_us)
    told: list[int] = []
    step = App.step

    def noted(app, ms: int) -> int:
        told.append(ms)
        return step(app, ms)

    monkeypatch.setattr(App, "step", noted)
    run(board, 10_000)
    assert board.resets == 0
    assert told[0] == 0
    assert all(0 < after - before <= 50 for before, after in zip(told, told[1:], strict=False))
    assert number_on(board.display.pixels()) == SPO2_PCT


def test_a_step_that_takes_time_does_not_slow_the_loop(
    monkeypatch: pytest.MonkeyPatch, board: WatchedBoard
) -> None:
    step = App.step
    told: list[int] = []

    def slow(app, ms):
        told.append(ms)
        board.sleep_ms(25)
        return step(app, ms)

    monkeypatch.setattr(App, "step", slow)
    run(board, 4000)
    assert told[-1] / (len(told) - 1) == pytest.approx(40, abs=0.5)


def test_after_six_days_it_starts_anew(
    monkeypatch: pytest.MonkeyPatch, board: WatchedBoard
) -> None:
    """Milliseconds would otherwise leave the small integers of a 32-bit MicroPython."""
    monkeypatch.setattr(Board, "start_watchdog", lambda *_: None)
    told: list[int] = []

    def long(app, ms: int) -> int:
        told.append(ms)
        return 1 << 26

    monkeypatch.setattr(App, "step", long)
    run(board, (1 << 29) + (1 << 27))
    assert board.resets == 1
    assert max(told) < 1 << 29


def test_the_watchdog_is_fed_by_the_loop_alone(board: WatchedBoard) -> None:
    """It runs a minute; and when the loop does not come back, it bites after 1.5 s."""
    run(board, 60_000)
    assert board.resets == 0
    board.power_off_at(10**12)
    begin_ms = board.clock.now_ms
    with pytest.raises(Reset):
        board.sleep_ms(10_000)
    assert board.clock.now_ms - begin_ms <= 1540


on_the_vm = pytest.mark.skipif(
    bool(setup.missing()) and not os.environ.get("CI"), reason=setup.missing() or "ready"
)
# One call of the VM is one life of the device, and no garbage is collected within a call.
VM_HEAP_KIB = 4096


@on_the_vm
def test_the_same_sources_run_on_micropython(board: WatchedBoard) -> None:
    board.power_off_at(8_000_000)
    with Vm(board, VM_HEAP_KIB, start=False) as vm:
        vm.run((FIRMWARE / "boot.py").read_text())
        assert not board.display.on
        with pytest.raises(PowerOff):
            vm.run((FIRMWARE / "main.py").read_text())
    assert board.resets == 0
    assert number_on(board.display.pixels()) == SPO2_PCT


@on_the_vm
def test_an_exception_on_micropython(board: WatchedBoard) -> None:
    failing = f"""\
from oximeter.app import App
sample = App.sample
def failing(app, now_ms):
    if now_ms >= {WRONG_MS}:
        return 1 // 0
    return sample(app, now_ms)
App.sample = failing
"""
    board.power_off_at(20_000_000)
    with Vm(board, VM_HEAP_KIB, start=False) as vm:
        vm.run(failing)
        with pytest.raises(Reset):
            vm.run((FIRMWARE / "main.py").read_text())
    assert board.resets == 1
    assert board.clock.number_at(WRONG_MS - 40) == SPO2_PCT
    assert board.clock.last_number_ms(WRONG_MS - 40, 20_000) <= WRONG_MS + 40
    assert WRONG_MS <= board.clock.now_ms <= WRONG_MS + 100


# Leaving it, waking it, and what it leaves behind.


def test_ctrl_c_darkens_the_display_and_keeps_the_watchdog_fed(
    monkeypatch: pytest.MonkeyPatch, board: WatchedBoard
) -> None:
    """Somebody at the prompt for a minute is not thrown out."""
    wrong(monkeypatch, board, raising(KeyboardInterrupt()))
    run(board, WRONG_MS + 60_000)
    assert board.fed_for_ever
    assert board.resets == 0
    assert board.clock.last_number_ms(WRONG_MS - 40, WRONG_MS + 60_000) <= WRONG_MS + 40
    assert crash.read(board.DATA_DIR) == "", "nothing went wrong"


def test_a_crash_leaves_the_watchdog_hungry_and_a_record(
    monkeypatch: pytest.MonkeyPatch, board: WatchedBoard
) -> None:
    wrong(monkeypatch, board, raising(ValueError("a mistake")))
    run(board, WRONG_MS + 3000)
    assert not board.fed_for_ever
    assert board.resets == 1
    assert crash.read(board.DATA_DIR) == "7 s: ValueError('a mistake')\n"


def test_a_hang_leaves_a_record_too(monkeypatch: pytest.MonkeyPatch, board: WatchedBoard) -> None:
    wrong(monkeypatch, board, hanging(board))
    run(board, WRONG_MS + 4000)
    assert board.resets == 1
    assert crash.read(board.DATA_DIR) == "0 s: watchdog\n"


def test_every_restart_that_nobody_asked_for_has_its_line(
    monkeypatch: pytest.MonkeyPatch, board: WatchedBoard
) -> None:
    monkeypatch.setattr(App, "sample", lambda app, now_ms: raising(OSError(5))())
    run(board, 5000)
    assert board.resets > 5
    assert len(crash.read(board.DATA_DIR).splitlines()) in (board.resets, board.resets + 1)


def test_old_lines_go_and_a_full_flash_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(tmp_path / "new")
    for n in range(50):
        crash.note(folder, f"number {n} " + "x" * 200, n)
    lines = crash.read(folder).splitlines()
    assert lines[-1].startswith("49 s: number 49") and 2 <= len(lines) <= 5
    assert all(line.split(" s: ")[1].startswith("number") for line in lines)

    def full(*_: object) -> None:
        raise OSError(28, "ENOSPC")

    monkeypatch.setattr(crash, "open", full, raising=False)
    crash.note(folder, "not kept", 1)
    assert crash.read(folder) == ""


def test_off_is_a_deep_sleep_and_the_button_wakes_it(board: WatchedBoard) -> None:
    """The press that wakes is no press of the app, and not the one that asks for the prompt."""
    board.finger.present = False
    board.finger._contact = 0.0
    board.power_off_at(10**12)
    begun: list[int] = []

    def press() -> None:
        board.button.value(0)
        begun.append(board.clock.now_ms)

    sleep_ms = board.sleep_ms

    def sleeping(ms: int) -> None:
        sleep_ms(ms)
        if ms == 10 and not begun and board.clock.now_ms > 60_000:
            press()

    board.sleep_ms = sleeping  # type: ignore[method-assign]
    run(board, 63_000)
    assert board.woken and board.resets == 0
    assert begun and board.display.on
    assert begun[0] < board.clock.now_ms
    assert crash.read(board.DATA_DIR) == ""


def test_nothing_glows_and_nothing_is_lit_while_it_sleeps(board: WatchedBoard) -> None:
    board.finger.present = False
    board.finger._contact = 0.0
    run(board, 40_000)
    assert not board.display.on
    assert not board.sensor.sampling
    assert board.clock.last_number_ms(0, 40_000) == 0


def test_between_the_steps_it_sleeps_lightly(board: WatchedBoard) -> None:
    """Nearly always while it measures; never while a tone would be cut off, or on a cable."""
    run(board, 12_000)
    assert 8_000_000 < board.dozed_us < 12_000_000
    dozed_us = board.dozed_us
    assert board.vbus is not None
    board.vbus.value(1)
    run(board, 5_000)
    assert board.dozed_us - dozed_us < 100_000
