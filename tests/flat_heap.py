"""The app on MicroPython, fed with readings instead of light, or with one finger after another."""

from collections.abc import Iterator

from device import Finger

from sim.board import Board
from sim.vm.host import Vm

# Not the device's 64: the script that plays the core lives here too, and its compiling needs room.
# That the app runs in 64 is test_parity's affair; here only growth counts.
HEAP_KIB = 96

# The core is replaced by a script of what it might say: a reading a second for each phase of a
# measurement, of another kind each time. The button is pressed now and then. All that is not the
# core is the firmware's: guide, verdict, screens, sounds, menu, settings.
_FED = """\
import board, gc
from oximeter import core
plain = core.reading
told = []
def captured(state):
    told.append(plain(state))
    return told[-1]
core.reading = captured
core.feed = lambda *_: None
"""
_PASSES = """\
app = board.app
app.step(0)  # in which the core is made
told = told[-1]
now_ms = 0
chance = 1
def throw(n):
    global chance
    chance = (chance * 1103515245 + 12345) & 0x3FFFFFFF
    return (chance >> 8) % n
def say(status, spo2, settled, flags):
    global now_ms
    told[0] += 1
    told[2] = status
    told[3] = flags | (1 if settled else 0)
    told[4] = spo2
    told[5] = throw(60) if spo2 >= 0 else -1
    told[6] = 300 + throw(1200) if spo2 >= 0 else -1
    told[7] = 100 * throw(20)
    told[12] = throw(255) - 127
    told[13] += 1
    told[14] = throw(101)
    told[15] = spo2 if settled else -1
    for _ in range(3):
        now_ms += 333
        app.step(now_ms)
def passes():
    while True:
        spo2 = 6500 + throw(3700)
        for _ in range(2 + throw(2)):
            yield say(5, -1, False, 0)
        for _ in range(1 + throw(3)):
            yield say((2, 3, 4, 6, 7)[throw(5)], -1, False, 0)
        for _ in range(2 + throw(3)):
            yield say(0, spo2 + throw(50), False, throw(32) & 30)
        for _ in range(throw(4)):
            yield say(0, spo2, True, throw(32) & 30)
        yield say(5, -1, False, 0)
        if throw(3) == 0:
            yield app.gesture(throw(2), now_ms)
            yield say(5, -1, False, 0)
        if throw(20) == 0:
            yield say(8, -1, False, 32 << throw(5))
        yield 1
once = passes()
"""


def fed_with_readings(passes: int) -> Iterator[int]:
    """Bytes that live after every hundredth of so many passes through a measurement."""
    board = Board(Finger(0, 0, fixed=True))
    board.keep_awake = True
    with Vm(board, HEAP_KIB, start=False) as vm:
        vm.run(_FED)
        vm._start()
        vm.run(_PASSES)
        for done in range(1, passes + 1):
            # A step a call: this MicroPython collects garbage between calls only.
            while vm.run("print(next(once))").strip() != "1":
                pass
            if done % max(1, passes // 100) == 0:
                yield vm.memory()[1]


def one_finger_after_another(fingers: int) -> Iterator[tuple[int, bool]]:
    """Bytes that live after each of so many whole measurements, and whether it settled."""
    finger = Finger()
    board = Board(finger)
    board.keep_awake = True
    with Vm(board, HEAP_KIB) as vm:
        for _ in range(fingers):
            settled = False
            for present, seconds in ((True, 36), (False, 3)):
                finger.present = present
                until_ms = board.clock.now_ms + 1000 * seconds
                while board.clock.now_ms < until_ms:
                    board.clock.advance_us(1000 * vm.step(board.clock.now_ms))
                    settled |= vm.reading()[15] >= 0
            yield vm.memory()[1], settled
