"""CPython and MicroPython give the same: every field of every reading, every byte of the screen.

Both run the whole app over the same light, each against its own chips. On MicroPython the files
are those of a device; that they fit into its heap is a test of its own.
"""

import ast
import os
import random
from array import array

import pytest

from sim import recording, run
from sim.board import Board, PowerOff, Reset
from sim.door import FIRMWARE, App, core
from sim.door import field as reading_field
from sim.vm import setup
from sim.vm.host import Vm

pytestmark = pytest.mark.skipif(
    bool(setup.missing()) and not os.environ.get("CI"), reason=setup.missing() or "ready"
)

HEAP_KIB = 64
AIM_KIB = 56
ROOMY_KIB = 256


class Finger:
    """Thirty seconds of raw counts: laid on at 2 s, a beat that is never quite the last, noise,
    a burst of motion from 18 to 20 s, too much light from 24 to 25 s, gone at 27 s."""

    fixed = True
    channels = 3
    duration_s = 30.0

    def __init__(self):
        noise = random.Random(11)
        self._samples = []
        phase = 0.0
        for n in range(3000):
            t_s = n / 100
            phase += (1.1 + 0.1 * ((t_s * 0.23) % 1)) / 100
            beat = phase % 1
            pulse = beat * 5 if beat < 0.2 else (1 - beat) * 1.25
            shake = (n * 37 % 90) * 200 if 18 <= t_s < 20 else 0
            if not 2 <= t_s < 27:
                red, ir = 400.0, 600.0
            elif 24 <= t_s < 25:
                red, ir = 300_000, 300_000
            else:
                red, ir = 95_000 - 700 * pulse - shake, 118_000 - 1400 * pulse - shake
            counts = [min(262143, round(dc + noise.gauss(0, 8))) for dc in (red, ir)]
            self._samples.append((counts[0], counts[1]))
        self._next = 0

    def until(self, now_us, chip):
        first, self._next = self._next, min(now_us // 10_000, len(self._samples))
        return self._samples[first : self._next]


def test_private_constants_stand_above_their_use():
    """MicroPython folds `_NAME = const(...)` into what follows it and keeps no variable: used
    above it, on CPython the name is there and on the device it is not."""
    for path in sorted(FIRMWARE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        made = {
            node.targets[0].id: node.lineno
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id.startswith("_")
            and isinstance(node.value, ast.Call)
            and ast.unparse(node.value.func) == "const"
        }
        early = [
            f"{path.name}:{node.lineno}: {node.id} is used above its const"
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and node.lineno < made.get(node.id, 0)
        ]
        assert not early, early


def both(until_s, happens=None):
    """Step CPython and MicroPython side by side; the two boards with (reading, waited) of each.

    `happens(t_ms, board)` may do something to a board before a step.
    """
    boards = Board(Finger()), Board(Finger())
    app = App(boards[0])
    with Vm(boards[1], heap_kib=ROOMY_KIB) as vm:
        while boards[0].clock.now_ms < 1000 * until_s:
            now_ms = boards[0].clock.now_ms
            if happens:
                for board in boards:
                    happens(now_ms, board)
            waits = app.step(now_ms), vm.step(now_ms)
            for board, wait in zip(boards, waits, strict=True):
                board.clock.advance_us(1000 * wait)
            yield now_ms, boards, list(app.reading), vm.reading()


def test_readings_and_screens_are_the_same():
    seen = set()
    screens = set()
    for now_ms, boards, ours, theirs in both(30):
        assert theirs == ours, f"at {now_ms} ms"
        assert boards[1].clock.now_us == boards[0].clock.now_us
        screen = boards[0].display.pixels()
        assert boards[1].display.pixels() == screen, f"at {now_ms} ms"
        seen.add(reading_field.STATUS_NAMES[ours[reading_field.STATUS]])
        screens.add(screen)
    # It compared something: a finger came, was measured, and went.
    assert {"ok", "no_finger"} <= seen and len(screens) > 20


def trouble(now_ms, board):
    """The sensor does not answer for a while; later somebody presses the button."""
    board.sensor.faults.clear()
    if 8000 <= now_ms < 10400:
        board.sensor.faults.add("nack")
    board.button.value(0 if 11000 <= now_ms < 11400 else 1)


def test_faults_and_the_button_are_the_same():
    statuses = set()
    for now_ms, boards, ours, theirs in both(13, trouble):
        assert theirs == ours, f"at {now_ms} ms"
        assert boards[1].display.pixels() == boards[0].display.pixels(), f"at {now_ms} ms"
        statuses.add(ours[reading_field.STATUS])
    assert reading_field.SENSOR_FAULT in statuses


def replays_alike(path):
    """The rows, when both interpreters give the same, and the same screens."""
    ours, theirs = (
        run.run_device(recording.read(path), vm=vm) for vm in ("cpython", "micropython")
    )
    assert theirs.rows == ours.rows
    assert theirs.frames == ours.frames
    return ours.rows


def test_replay_gives_the_same_rows_and_frames(tmp_path):
    path = tmp_path / "finger.csv"
    counts = enumerate(Finger().until(20_000_000, None))
    lines = [f"{n / 100:.2f},{red},{ir}" for n, (red, ir) in counts]
    path.write_text("\n".join(["t_s,red,ir", *lines, ""]))
    assert len(replays_alike(path)) == 19


def test_a_real_recording_gives_the_same(recordings):
    rows = replays_alike(recordings / "alsementsov_max30102" / "d1_11-50_good.csv")
    assert any(row[run.COLUMNS.index("status")] == "ok" for row in rows)


# Feeds the same blocks inside the VM; prints the reading after each.
_FEED = """\
from array import array
from oximeter import core
state = core.new({channels})
red = array('i', [0] * 32)
ir = array('i', [0] * 32)
def feed(file, count, t_ms, events):
    file.readinto(memoryview(red)[:count])
    file.readinto(memoryview(ir)[:count])
    core.feed(state, red, ir, count, t_ms, events)
    print(*core.reading(state))
file = open('/blocks', 'rb')
"""


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_the_core_is_the_same_over_any_counts(channels):
    """Steps over the whole input range, blocks of any size and events: what no chip would send."""
    chance = random.Random(channels)
    state = core.new(channels)
    blocks, ours = [], []
    t_ms = 0
    level = 100_000
    for _ in range(300):
        count = chance.choice([0, 1, 3, 4, 4, 4, 4, 5, 32])
        t_ms += 10 * count + chance.choice([0, 0, 1, 10])
        if chance.random() < 0.03:
            level = chance.choice([0, 2000, 60_000, 100_000, 200_000, 262143])
        swing = chance.choice([1, 20, 300, 5000])
        red, ir = (
            [min(262143, max(0, level + chance.randint(-swing, swing))) for _ in range(count)]
            for _ in range(2)
        )
        events = chance.choice([0] * 40 + [1, 2, 4, 8])
        core.feed(state, array("i", red), array("i", ir), count, t_ms, events)
        ours.append(list(core.reading(state)))
        blocks.append((red, ir, count, t_ms, events))
    with Vm(heap_kib=ROOMY_KIB) as vm:
        vm.put("/blocks", b"".join(array("i", [*red, *ir]).tobytes() for red, ir, *_ in blocks))
        vm.run(_FEED.format(channels=channels))
        for at, (_, _, count, t_ms, events) in enumerate(blocks):
            told = vm.run(f"feed(file, {count}, {t_ms}, {events})")
            assert [int(cell) for cell in told.split()] == ours[at], f"block {at}"


def test_the_whole_app_runs_in_the_heap_of_a_device(record_property, capsys):
    """Every module imported as .mpy, then 30 s of signal and trouble, in a heap that cannot grow.

    Stricter than a device, which collects garbage when it must: here that waits until a step is
    over.
    """
    board = Board(Finger())
    with Vm(board, heap_kib=ROOMY_KIB) as vm:
        live = drive(vm, board)
    record_property("live_bytes", live)
    with capsys.disabled():
        print(f"\nthe app keeps {live / 1024:.1f} KiB (aim {AIM_KIB}, to run in {HEAP_KIB})")
    assert live <= AIM_KIB * 1024
    board = Board(Finger())
    with Vm(board, heap_kib=HEAP_KIB) as vm:
        assert drive(vm, board) < HEAP_KIB * 1024


def drive(vm, board):
    """30 s; the bytes that live at the end."""
    while board.clock.now_ms < 30_000:
        trouble(board.clock.now_ms, board)
        board.clock.advance_us(1000 * vm.step(board.clock.now_ms))
    return vm.memory()[1]


_LOCKED = """\
import micropython
plain = board.app.sample
def locked(now_ms):
    micropython.heap_lock()
    try:
        plain(now_ms)
    finally:
        micropython.heap_unlock()
board.app.sample = locked
"""


def test_the_sample_path_allocates_nothing():
    """Nor does any integer there leave 31 bits, or a float appear: each would be allocated."""
    board = Board(Finger())
    statuses = set()
    with Vm(board, heap_kib=ROOMY_KIB) as vm:
        vm.run(_LOCKED)
        while board.clock.now_ms < 30_000:
            board.clock.advance_us(1000 * vm.step(board.clock.now_ms))
            statuses.add(vm.reading()[reading_field.STATUS])
    assert reading_field.OK in statuses


def test_boot_and_main_run_unchanged():
    """The device by itself: its own loop, until the power goes."""
    board = Board(Finger())
    board.power_off_at(1_000_000)
    # Its loop is one call, in which this MicroPython never collects: it gets room instead.
    with Vm(board, heap_kib=2 * ROOMY_KIB, start=False) as vm:
        vm.run("exec(open('/boot.py').read())")
        assert not board.display.on
        with pytest.raises(PowerOff):
            vm.run("exec(open('/main.py').read())")
        assert board.clock.now_ms >= 1000
        assert board.display.on and any(board.display.pixels())


def test_main_resets_after_an_exception_and_leaves_the_display_dark():
    class Failing(Board):
        fed = 0

        def feed_watchdog(self):
            self.fed += 1
            if self.fed > 20:
                raise OSError(5, "EIO")

    board = Failing(Finger())
    with Vm(board, heap_kib=2 * ROOMY_KIB, start=False) as vm, pytest.raises(Reset):
        vm.run("exec(open('/main.py').read())")
    assert board.resets == 1
    assert not any(board.display.pixels())
