"""The guided minute: one table of phases, and the limits that end each of them.

    state = new()
    changed = step(state, status, settled, touched, now_ms, awake)
    state[terms.PHASE]

Flat integer state, no clock, nothing allocated in `step`.
"""

from array import array

from micropython import const

from oximeter import terms
from oximeter.core import field

# Behind the fields of terms.py:
_FIRST_MS = const(3)  # when the first finger of this attempt came; -1: none yet
_FINGER_MS = const(4)  # when this one came; -1: none
_TRIED = const(5)  # fingers that were tried in vain
_AWAY = const(6)  # 1: the window was free since the last result
_TOLD = const(7)  # what the table was asked last
_RESULT_MS = const(8)  # since when this finger has its result

_SELF_TEST_MS = const(1500)
_LANDING_MS = const(300)
_FINGER_LIMIT_MS = const(45000)
_ATTEMPT_MS = const(90000)
_GIVEN_MS = const(10000)  # a finger that goes sooner was not tried yet

# In this phase, when that happens, go there. The first row that fits counts, so the order in a
# phase is the order of importance. What has no row changes nothing.
# fmt: off
TABLE = bytes((
    terms.SELF_TEST, terms.FAULTY, terms.FAULT,
    terms.SELF_TEST, terms.PASSED, terms.INSERT,
    terms.INSERT, terms.FAULTY, terms.FAULT,
    terms.INSERT, terms.SPENT, terms.FAILED,
    terms.INSERT, terms.NUMBER, terms.LIVE,
    terms.INSERT, terms.SETTLED, terms.RESULT,
    terms.INSERT, terms.TOUCHED, terms.MEASURING,
    terms.INSERT, terms.LATE, terms.OFF,
    terms.MEASURING, terms.FAULTY, terms.FAULT,
    terms.MEASURING, terms.NUMBER, terms.LIVE,
    terms.MEASURING, terms.SETTLED, terms.RESULT,
    terms.MEASURING, terms.GONE, terms.INSERT,
    terms.MEASURING, terms.SPENT, terms.FAILED,
    terms.MEASURING, terms.TRIED, terms.OTHER_FINGER,
    terms.LIVE, terms.FAULTY, terms.FAULT,
    terms.LIVE, terms.SETTLED, terms.RESULT,
    terms.LIVE, terms.TOUCHED, terms.MEASURING,
    terms.LIVE, terms.GONE, terms.INSERT,
    terms.LIVE, terms.SPENT, terms.FAILED,
    terms.RESULT, terms.FAULTY, terms.FAULT,
    terms.RESULT, terms.NEW_FINGER, terms.MEASURING,
    terms.RESULT, terms.TOUCHED, terms.HELD,
    terms.RESULT, terms.GONE, terms.HELD,
    terms.RESULT, terms.LATE, terms.OFF,
    terms.HELD, terms.FAULTY, terms.FAULT,
    terms.HELD, terms.NEW_FINGER, terms.MEASURING,
    terms.HELD, terms.NUMBER, terms.RESULT,
    terms.HELD, terms.SETTLED, terms.RESULT,
    terms.HELD, terms.LATE, terms.OFF,
    terms.OTHER_FINGER, terms.FAULTY, terms.FAULT,
    terms.OTHER_FINGER, terms.SPENT, terms.FAILED,
    terms.OTHER_FINGER, terms.NUMBER, terms.LIVE,
    terms.OTHER_FINGER, terms.SETTLED, terms.RESULT,
    terms.OTHER_FINGER, terms.GONE, terms.INSERT,
    terms.OTHER_FINGER, terms.LATE, terms.FAILED,
    terms.FAILED, terms.FAULTY, terms.FAULT,
    terms.FAILED, terms.LATE, terms.OFF,
    terms.FAULT, terms.NUMBER, terms.LIVE,
    terms.FAULT, terms.SETTLED, terms.RESULT,
    terms.FAULT, terms.TOUCHED, terms.MEASURING,
    terms.FAULT, terms.GONE, terms.INSERT,
    terms.FAULT, terms.LATE, terms.OFF,
    terms.MENU, terms.FAULTY, terms.FAULT,
    terms.MENU, terms.NEW_FINGER, terms.MEASURING,
    terms.MENU, terms.LATE, terms.INSERT,
    terms.RECORDS, terms.FAULTY, terms.FAULT,
    terms.RECORDS, terms.NEW_FINGER, terms.MEASURING,
    terms.RECORDS, terms.LATE, terms.INSERT,
    terms.PERSON, terms.FAULTY, terms.FAULT,
    terms.PERSON, terms.NEW_FINGER, terms.MEASURING,
    terms.PERSON, terms.LATE, terms.INSERT,
    terms.NOTICE, terms.FAULTY, terms.FAULT,
    terms.NOTICE, terms.NEW_FINGER, terms.MEASURING,
    terms.NOTICE, terms.LATE, terms.INSERT,
    terms.LINK, terms.NEW_FINGER, terms.MEASURING,
    terms.LINK, terms.LATE, terms.INSERT,
))
# fmt: on

# Seconds that each phase may last, in the order of terms.py; 0: no limit of its own.
_LIMIT_S = b"\x00\x0a\x00\x00\x00\x3c\x0f\x1e\x1e\x0a\x14\x0a\x02\x78\x00"
# A finger that stays in after its result: long enough to wait for help beside it, and 1 % of the
# cells where the device was forgotten on the hand, or lies closed on something that pulses.
_STAYS_MS = const(1800000)


def new(awake):
    """State for a device that was just switched on; awake: it tests and tires of nothing."""
    state = array("i", [0] * 9)
    enter(state, terms.INSERT if awake else terms.SELF_TEST, 0)
    forget(state)
    return state


def forget(state):
    """A new attempt: nothing was tried yet."""
    state[_FIRST_MS] = -1
    state[_FINGER_MS] = -1
    state[_TRIED] = 0


def enter(state, phase, now_ms):
    """Go to a phase, whatever the table says: the button does."""
    if phase == terms.RESULT and state[terms.PHASE] != terms.HELD:
        state[_RESULT_MS] = now_ms
    state[terms.PHASE] = phase
    state[terms.SINCE_MS] = now_ms
    state[terms.LIMIT_MS] = 1000 * _LIMIT_S[phase]
    state[_TOLD] = -1
    if phase == terms.RESULT:
        forget(state)
        state[_AWAY] = 0


def step(state, status, settled, touched, now_ms, awake):
    """What the table says now; True when the phase has changed.

    touched: the light that returns says that something lies on the window, before the core has
    judged it. awake: no limit counts (a replay, or a cable in the factory).
    """
    phase = state[terms.PHASE]
    told = _told(status, settled)
    if not touched:
        state[_AWAY] = 1
    elif state[_AWAY]:
        told |= 1 << terms.NEW_FINGER
    if phase == terms.MEASURING and now_ms - state[terms.SINCE_MS] < _LANDING_MS:
        told &= ~(1 << terms.GONE)  # the light was quicker than the core
    told |= _late(state, phase, status, now_ms, awake)
    if told == state[_TOLD]:
        return False
    state[_TOLD] = told
    at = 0
    while at < len(TABLE):
        if TABLE[at] == phase and told >> TABLE[at + 1] & 1:
            _go(state, phase, TABLE[at + 2], now_ms)
            return True
        at += 3
    return False


def _told(status, settled):
    if status == field.OK:
        return 1 << terms.SETTLED if settled else 1 << terms.NUMBER
    if status == field.NO_FINGER:
        return 1 << terms.GONE
    if status >= field.SENSOR_FAULT:
        return 1 << terms.FAULTY
    return 0 if status == field.STARTING else 1 << terms.TOUCHED


def _late(state, phase, status, now_ms, awake):
    lasts_ms = now_ms - state[terms.SINCE_MS]
    if phase == terms.SELF_TEST:
        done = lasts_ms >= _SELF_TEST_MS and status != field.STARTING
        return 1 << terms.PASSED if done else 0
    if awake:
        # Only what an old result needs to go.
        late = phase == terms.HELD and lasts_ms >= state[terms.LIMIT_MS]
        return 1 << terms.LATE if late else 0
    told = 0
    if phase == terms.RESULT and now_ms - state[_RESULT_MS] >= _STAYS_MS:
        return 1 << terms.LATE
    if state[terms.LIMIT_MS] and lasts_ms >= state[terms.LIMIT_MS] and status != field.USB_POWER:
        told = 1 << terms.LATE
    if state[_FIRST_MS] >= 0 and phase <= terms.OTHER_FINGER:
        long = phase == terms.MEASURING and now_ms - state[_FINGER_MS] >= _FINGER_LIMIT_MS
        if now_ms - state[_FIRST_MS] >= _ATTEMPT_MS or state[_TRIED] + long >= 2:
            told |= 1 << terms.SPENT
        elif long:
            told |= 1 << terms.TRIED
    return told


def _go(state, phase, then, now_ms):
    if then == terms.MEASURING or then == terms.LIVE:
        if phase == terms.HELD:
            forget(state)
        if state[_FIRST_MS] < 0:
            state[_FIRST_MS] = now_ms
        if state[_FINGER_MS] < 0:
            state[_FINGER_MS] = now_ms
        state[_AWAY] = 0
    elif then == terms.INSERT or then == terms.OTHER_FINGER:
        since_ms = state[_FINGER_MS]
        if since_ms >= 0:
            state[_FINGER_MS] = -1
            if now_ms - since_ms >= _GIVEN_MS:
                state[_TRIED] += 1
    enter(state, then, now_ms)
