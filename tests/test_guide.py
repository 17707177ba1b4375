"""The guided minute: the table walked row by row, and whole measurements with one button."""

from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest
from device import SPO2_PCT, Device, Finger

from host_tools.glyphs import languages
from sim.board import Board
from sim.door import App, field, guide, log, menu, oled, picture, settings, terms, verdict

PHASES = [
    "SELF_TEST", "INSERT", "MEASURING", "LIVE", "RESULT", "HELD", "OTHER_FINGER", "FAILED",
    "FAULT", "MENU", "RECORDS", "PERSON", "NOTICE", "LINK", "OFF",
]  # fmt: skip
ROWS = [tuple(guide.TABLE[at : at + 3]) for at in range(0, len(guide.TABLE), 3)]

# A status of the core, whether it has settled, and whether light says there is something.
STATUS = {
    terms.FAULTY: (field.SENSOR_FAULT, False, False),
    terms.GONE: (field.NO_FINGER, False, False),
    terms.TOUCHED: (field.SEARCHING, False, True),
    terms.NUMBER: (field.OK, False, True),
    terms.SETTLED: (field.OK, True, True),
}
QUIET = (field.STARTING, False, False)
LIMITS_S = {
    terms.INSERT: 10, terms.HELD: 60, terms.OTHER_FINGER: 15, terms.FAILED: 30, terms.FAULT: 30,
    terms.MENU: 10, terms.RECORDS: 20, terms.PERSON: 10, terms.NOTICE: 2, terms.LINK: 120,
}  # fmt: skip


STAYS_S = 1800  # a finger that has its result and is left in


def in_phase(phase: int):
    state = guide.new(True)
    guide.enter(state, phase, 0)
    return state


def test_phases_are_numbered_as_they_are_told() -> None:
    assert [getattr(terms, name) for name in PHASES] == list(range(terms.PHASES))
    assert len(menu.GESTURES) == 2 * terms.PHASES


# The table ----------------------------------------------------------------------------------


def happen(phase: int, event: int):
    """Bring about that event alone in that phase; the state afterwards."""
    state = in_phase(phase)
    if event in STATUS:
        status, settled, touched = STATUS[event]
        guide.step(state, status, settled, touched, 300, True)
    elif event == terms.PASSED:
        guide.step(state, field.NO_FINGER, False, False, 1500, True)
    elif event == terms.NEW_FINGER:
        guide.step(state, *QUIET, 1, True)
        assert state[terms.PHASE] == phase, "an empty window alone changes nothing"
        guide.step(state, field.STARTING, False, True, 2, True)
    elif event == terms.LATE:
        limit_ms = 1000 * LIMITS_S.get(phase, STAYS_S)
        guide.step(state, *QUIET, limit_ms - 1, False)
        assert state[terms.PHASE] == phase, "not sooner"
        guide.step(state, *QUIET, limit_ms, False)
    elif event == terms.TRIED:
        state = fingers(phase, 1)
        guide.step(state, *QUIET, 45_000, False)
    elif event == terms.SPENT:
        state = fingers(phase, 1)
        state[terms.SINCE_MS] = 89_990
        guide.step(state, *QUIET, 90_000, False)
    return state


def fingers(phase: int, count: int):
    """A phase while the first finger came at 0."""
    state = in_phase(terms.INSERT)
    guide.step(state, *STATUS[terms.TOUCHED], 0, False)
    assert state[terms.PHASE] == terms.MEASURING
    guide.enter(state, phase, 0)
    return state


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{PHASES[row[0]]}-{row[1]}")
def test_every_row_is_taken(row: tuple[int, int, int]) -> None:
    phase, event, then = row
    state = happen(phase, event)
    assert PHASES[state[terms.PHASE]] == PHASES[then]
    if then != phase:
        assert state[terms.LIMIT_MS] == 1000 * LIMITS_S.get(then, 0)


def test_what_has_no_row_changes_nothing() -> None:
    told = {row[:2] for row in ROWS}
    for phase in range(terms.PHASES):
        for event in STATUS:
            if (phase, event) not in told:
                assert happen(phase, event)[terms.PHASE] == phase, (PHASES[phase], event)


def test_no_row_is_hidden_by_another() -> None:
    assert len({row[:2] for row in ROWS}) == len(ROWS)
    assert all(row[1] < terms.EVENTS for row in ROWS)


def test_every_phase_is_reached_and_left() -> None:
    """From the self-test by the table and the button; and from everywhere to OFF."""
    steps = {(row[0], row[2]) for row in ROWS}
    opens = {phase for phase in range(terms.PHASES) if menu.GESTURES[2 * phase + 1] == terms.OPEN}
    steps |= {(phase, terms.MENU) for phase in opens}
    chosen = (terms.RECORDS, terms.PERSON, terms.NOTICE, terms.LINK, terms.INSERT, terms.OFF)
    steps |= {(terms.MENU, phase) for phase in chosen}
    for start in range(terms.PHASES - 1):
        seen, todo = {start}, deque([start])
        while todo:
            here = todo.popleft()
            for one, other in steps:
                if one == here and other not in seen:
                    seen.add(other)
                    todo.append(other)
        assert terms.OFF in seen, PHASES[start]
        if start == terms.SELF_TEST:
            assert seen == set(range(terms.PHASES))


def test_a_fault_is_heard_in_every_phase_that_could_show_a_number() -> None:
    for phase in range(terms.PHASES):
        if phase not in (terms.LINK, terms.OFF):
            assert happen(phase, terms.FAULTY)[terms.PHASE] == terms.FAULT, PHASES[phase]


def test_nothing_lasts_for_ever_without_a_result() -> None:
    """Whatever statuses come, in whatever order, without a settled reading or a button: off
    within the attempt, its answer, and the waiting around both."""
    import random

    chance = random.Random(5)
    statuses = [STATUS[terms.GONE], STATUS[terms.TOUCHED], STATUS[terms.NUMBER], QUIET]
    for _ in range(60):
        state = guide.new(False)
        now_ms = 0
        while state[terms.PHASE] != terms.OFF:
            status = chance.choice(statuses)
            for _ in range(chance.choice((1, 5, 50, 500))):
                now_ms += 40
                guide.step(state, *status, now_ms, False)
            assert now_ms < 1000 * (10 + 90 + 15 + 30 + 30), PHASES[state[terms.PHASE]]


def test_a_finger_left_in_does_not_keep_it_on_for_ever() -> None:
    """Whatever its signal does meanwhile: half an hour after its result the device is off, not
    before, and another finger begins anew."""
    import random

    chance = random.Random(7)
    kinds = [STATUS[terms.TOUCHED], STATUS[terms.NUMBER], STATUS[terms.SETTLED]]
    for another_s in (0, 0, 0, 600):
        state = in_phase(terms.INSERT)
        now_ms = 0
        guide.step(state, *STATUS[terms.SETTLED], now_ms, False)
        assert state[terms.PHASE] == terms.RESULT
        while state[terms.PHASE] != terms.OFF:
            status = chance.choice(kinds)
            for _ in range(chance.choice((1, 5, 50))):
                now_ms += 1000
                assert now_ms <= 1000 * (another_s + STAYS_S + 60), "for ever"
                if another_s and now_ms == 1000 * another_s:
                    guide.step(state, *STATUS[terms.GONE], now_ms, False)
                    status = STATUS[terms.SETTLED]
                guide.step(state, *status, now_ms, False)
                if state[terms.PHASE] in (terms.OFF, terms.HELD):
                    break  # a minute without a number ends it sooner, which is not asked here
            if now_ms < 1000 * (another_s + STAYS_S - 1):
                assert state[terms.PHASE] != terms.OFF
        assert now_ms == pytest.approx(1000 * (another_s + STAYS_S), abs=3000)


def test_two_fingers_are_enough() -> None:
    """The first may take 45 s and is then to be changed; the second ends the attempt."""
    state = guide.new(False)
    seen: list[int] = []

    now_ms = 0

    def pass_s(status: tuple[int, bool, bool], seconds: int) -> None:
        nonlocal now_ms
        for _ in range(25 * seconds):
            now_ms += 40
            guide.step(state, *status, now_ms, False)
            if not seen or seen[-1] != state[terms.PHASE]:
                seen.append(state[terms.PHASE])

    pass_s(STATUS[terms.GONE], 3)
    pass_s(STATUS[terms.TOUCHED], 46)
    assert seen[-1] == terms.OTHER_FINGER
    pass_s(STATUS[terms.GONE], 2)
    assert seen[-1] == terms.INSERT
    pass_s(STATUS[terms.TOUCHED], 43)
    assert seen[-1] == terms.FAILED
    pass_s(STATUS[terms.TOUCHED], 31)
    assert [PHASES[phase] for phase in seen] == [
        "SELF_TEST", "INSERT", "MEASURING", "OTHER_FINGER", "INSERT", "MEASURING", "FAILED", "OFF",
    ]  # fmt: skip


def test_a_finger_that_goes_at_once_was_not_tried() -> None:
    state = in_phase(terms.INSERT)
    for start_s in (1, 4, 7):
        guide.step(state, *STATUS[terms.TOUCHED], 1000 * start_s, False)
        guide.step(state, *STATUS[terms.GONE], 1000 * start_s + 2000, False)
        assert state[terms.PHASE] == terms.INSERT


def test_kept_awake_it_tires_of_nothing() -> None:
    """A replay runs for hours; only an old result goes, to the empty window."""
    state = guide.new(True)
    assert state[terms.PHASE] == terms.INSERT, "and tests nothing first"
    for status in (STATUS[terms.GONE], STATUS[terms.TOUCHED]):
        for now_ms in range(0, 300_000, 1000):
            guide.step(state, *status, now_ms, True)
        assert state[terms.PHASE] in (terms.INSERT, terms.MEASURING)


# Whole measurements -------------------------------------------------------------------------


class Log(log.Log):
    """The log, and what it was given."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.kept: list[tuple] = []

    def append(self, reading, uptime_s: int, time_s: int, person: int, marks: int) -> bool:
        stored = list(reading)
        stored[field.SPO2_CENTIPCT] = stored[field.SETTLED_CENTIPCT]
        self.kept.append((stored, uptime_s, time_s, person, marks))
        return super().append(reading, uptime_s, time_s, person, marks)


def kept_by(device: Device) -> Log:
    kept = device.app.log
    assert isinstance(kept, Log)
    return kept


def log_of(device: Device) -> list[tuple]:
    return kept_by(device).kept


def home(told: settings.Settings | None = None, finger: bool = False, **light) -> Device:
    board = Board(Finger(**light))
    board.battery_adc.cells_mv = 2900
    if told:
        settings.save(board.DATA_DIR, told)
    device = Device(board.sensor.light, board)
    device.light.present = finger
    device.light._contact = float(finger)
    device.app.log = Log(board.DATA_DIR)
    return device


def until(device: Device, phase: int, limit_ms: int = 100_000) -> int:
    return device.run(limit_ms, lambda: device.phase == phase)


def settled(told: settings.Settings | None = None) -> Device:
    device = home(told, finger=True)
    until(device, terms.RESULT)
    device.run(120)
    return device


def test_a_whole_measurement() -> None:
    device = home()
    device.run(800)
    assert device.picture() == "starting self_test"
    assert until(device, terms.INSERT) <= 1600
    device.run(200)
    assert device.picture() == "no_finger"
    device.light.present = True
    device.run(1000)
    assert device.picture() == "searching"
    device.until_number()
    assert device.phase == terms.LIVE
    assert until(device, terms.RESULT) < 45_000
    device.run(200)
    assert device.shown() == SPO2_PCT
    pages = set()
    for _ in range(40):
        device.run(400)
        pages.add(device.picture())
    words = {name.split()[0] for name in pages if name}
    assert words == {"words_attention", "distress"}, "words, and what no number may silence"
    device.light.present = False
    device.run(1000, lambda: device.phase == terms.HELD)
    device.run(200, lambda: device.held() == SPO2_PCT)
    assert device.shown() is None
    assert until(device, terms.OFF) <= 60_100
    device.run(200)
    assert device.app.off
    assert not any(device.board.display.pixels())
    assert not device.board.sensor.sampling


def test_off_after_ten_seconds_without_a_finger() -> None:
    device = home()
    assert until(device, terms.OFF) == pytest.approx(11_500, abs=100)


def test_a_settled_reading_is_kept_once_a_finger() -> None:
    device = settled()
    device.app.person = 2
    device.run(20_000)
    (kept,) = log_of(device)
    assert abs(kept[0][field.SPO2_CENTIPCT] - 9411) <= 100
    device.light.present = False
    device.run(3000)
    device.light.present = True
    device.run(45_000, lambda: len(log_of(device)) == 2)
    assert log_of(device)[1][3] == 2


@pytest.mark.parametrize("wait_ms", [100, 1000, 30_000, 58_000])
def test_a_new_finger_takes_the_held_result_away_within_a_fifth_of_a_second(wait_ms: int) -> None:
    device = settled()
    device.light.present = False
    until(device, terms.HELD)
    device.run(wait_ms + 400)
    device.light.present = True
    device.run(200, lambda: device.held() is None and device.phase == terms.MEASURING)
    for _ in range(100):
        device.run(40)
        assert device.held() is None


def test_an_unsettled_number_is_never_held() -> None:
    device = home(finger=True)
    device.until_number()
    device.run(10_000)
    assert device.phase == terms.LIVE
    device.light.present = False
    for _ in range(250):
        device.run(40)
        assert device.held() is None
    assert device.shown() is None


def test_the_age_of_a_held_result_counts_and_the_button_gives_a_minute_more() -> None:
    device = settled()
    device.light.present = False
    until(device, terms.HELD)
    ages = []
    for _ in range(30):
        device.run(1000)
        ages.append(device.app.view.count)
    assert ages == sorted(ages) and ages[-1] - ages[0] in (28, 29, 30)
    device.press()
    assert device.phase == terms.HELD
    device.run(60_000)
    assert device.phase == terms.HELD
    assert until(device, terms.OFF) < 31_000


@pytest.mark.parametrize("fault", ["nack", "wrong_id", "cable", "battery", "restart", "exception"])
def test_a_fault_clears_what_is_held(fault: str) -> None:
    device = settled()
    device.light.present = False
    until(device, terms.HELD)
    device.run(500)
    if fault == "cable":
        assert device.board.vbus
        device.board.vbus.value(1)
    elif fault == "battery":
        device.board.battery_adc.cells_mv = 2000
    elif fault == "restart":
        device.app = App(device.board)
    elif fault == "exception":
        device.app.blank()
        device.app = App(device.board)
    else:
        device.board.sensor.faults.add(fault)
        if fault == "wrong_id":
            device.board.sensor.power_cycle()
    device.run(2500, lambda: device.held() is None and device.phase != terms.HELD)
    device.board.sensor.faults.clear()
    if device.board.vbus:
        device.board.vbus.value(0)
    device.board.battery_adc.cells_mv = 2900
    for _ in range(200):
        device.run(40)
        assert device.held() is None


def test_a_blink_of_light_after_the_result_leaves_it_held_and_it_can_come_back() -> None:
    device = settled()
    device.board.sensor.faults.add("ambient")
    until(device, terms.HELD, 200)
    device.run(200)
    assert device.held() is None and device.shown() is None
    device.board.sensor.faults.clear()
    until(device, terms.RESULT, 8000)
    assert len(log_of(device)) == 1, "the same measurement"


def test_in_blinding_light_no_finger_has_the_result_of_the_one_before() -> None:
    """What a season found: the finger was changed while the sun shone in, and for five seconds the
    last result stood over the new one."""
    device = settled()
    device.board.sensor.faults.add("ambient")
    device.run(2000)
    device.light.present = False
    device.run(800)
    device.light.present = True
    for _ in range(50):
        device.run(40)
        assert device.held() is None and device.picture() == "too_bright"
    device.board.sensor.faults.clear()
    device.run(200, lambda: device.phase == terms.MEASURING)
    for _ in range(100):
        device.run(40)
        assert device.held() is None


def test_a_held_result_is_there_again_when_the_light_no_longer_blinds() -> None:
    device = settled()
    device.light.present = False
    until(device, terms.HELD)
    device.board.sensor.faults.add("ambient")
    device.run(3000)
    assert device.held() is None and device.phase == terms.HELD
    device.board.sensor.faults.clear()
    device.run(1500, lambda: device.picture() != "too_bright")
    device.run(12_000, lambda: device.held() == SPO2_PCT)


def test_within_a_measurement_the_verdict_only_gets_worse_until_it_settles_anew() -> None:
    device = settled()
    app = device.app
    assert app._verdict == terms.ATTENTION
    for spo2_pct, settles, want in (
        (91, False, terms.RECHECK),
        (97, False, terms.RECHECK),
        (85, False, terms.CALL),
        (97, False, terms.CALL),
        (97, True, terms.UNJUDGED),
        (94, False, terms.ATTENTION),
        (97, False, terms.ATTENTION),
    ):
        app.reading[field.SPO2_CENTIPCT] = 100 * spo2_pct
        app.reading[field.SETTLED_CENTIPCT] = 100 * spo2_pct if settles else field.NONE
        app.buzzer.off()
        device.board.buzzer.pitches.clear()
        before = app._verdict
        app._judge(settles, device.now_ms)
        worse = app._verdict & 7 > before & 7
        assert bool(device.board.buzzer.pitches) == worse, "what gets worse is heard"
        assert app._verdict & terms.VERDICT == want
        got = verdict.judge(spo2_pct, 72, app.reading[field.SPO2_SD_CENTIPCT], 0, app.settings)
        assert app._verdict & 7 >= got & 7


def test_too_little_light_pulse_ends_with_the_doctors_number() -> None:
    """Two fingers without a pulse wave."""
    told = settings.Settings()
    told.phone = "138 0013 8000"
    device = home(told)
    until(device, terms.INSERT)
    device.board.sensor.faults.add("ambient")
    until(device, terms.OTHER_FINGER)
    device.board.sensor.faults.clear()
    until(device, terms.INSERT)
    device.run(400)
    device.board.sensor.faults.add("ambient")
    until(device, terms.FAILED)
    device.run(200)
    assert device.picture() is not None
    assert device.app.view.picture == picture.FAILED
    lit = [device.board.display.pixels()[6 * 128 + x] for x in range(128)]
    assert sum(map(bool, lit)) > 40, "the number stands there"
    assert device.now_ms < 95_000
    device.press()
    assert device.phase in (terms.INSERT, terms.MEASURING), "the button begins anew"


# The button ---------------------------------------------------------------------------------


def hold(device: Device) -> None:
    device.press(1700)


def test_short_turns_the_picture() -> None:
    device = home()
    until(device, terms.INSERT)
    device.press()
    assert device.app.settings.turned == 1
    device.run(80)  # stored when it was shown, in two steps without a frame
    assert settings.load(device.board.DATA_DIR).turned == 1


def test_the_menu_from_end_to_end() -> None:
    device = home()
    until(device, terms.INSERT)
    hold(device)
    assert device.phase == terms.MENU
    names = []
    for _ in range(terms.ITEMS):
        device.run(120)
        names.append(picture.NAMES[device.app.view.picture])
        device.press()
    assert names == [
        "menu_last", "menu_person", "menu_oxygen", "menu_silent", "menu_language", "menu_link",
        "menu_off",
    ]  # fmt: skip
    assert until(device, terms.INSERT) <= 10_100, "and it closes by itself"


def choose(device: Device, item: int) -> None:
    hold(device)
    for _ in range(item):
        device.press()
    hold(device)


def test_the_person_has_a_colour_and_is_unknown_by_default() -> None:
    device = home()
    until(device, terms.INSERT)
    assert device.app.person == 0
    choose(device, terms.ITEM_PERSON)
    assert device.phase == terms.PERSON
    seen = []
    for _ in range(6):
        device.run(120)
        seen.append(picture.NAMES[device.app.view.picture])
        device.press()
    assert seen == [f"person_{n}" for n in (0, 1, 2, 3, 4, 0)]
    hold(device)
    assert device.phase == terms.INSERT
    assert device.app.person == 1


def test_oxygen_marks_and_forbids_green() -> None:
    told = settings.Settings()
    told.evidence, told.date, told.batch = "human_sao2", 20261124, "B-1"
    told.curve_e7 = (15958422, -346596622, 1166898759)  # 4 points more: the finger has 98
    device = settled(told)
    assert device.app._verdict == terms.GREEN
    device = home(told)
    until(device, terms.INSERT)
    choose(device, terms.ITEM_OXYGEN)
    assert device.phase == terms.NOTICE
    until(device, terms.INSERT, 2500)
    device.light.present = True
    until(device, terms.RESULT)
    assert device.app._verdict == terms.UNJUDGED
    assert log_of(device)[0][4] == terms.MARK_OXYGEN | terms.MARK_HUMAN_SAO2


def test_language_and_silence_are_kept() -> None:
    device = home()
    until(device, terms.INSERT)
    there = languages()
    for language in [*there, *there][there.index("zh") + 1 :][: len(there)]:
        choose(device, terms.ITEM_LANGUAGE)
        assert settings.load(device.board.DATA_DIR).language == language
        device.run(120)
        assert device.picture() == "no_finger"
    assert language == "zh", "once round"
    choose(device, terms.ITEM_SILENT)
    assert settings.load(device.board.DATA_DIR).silent == 1


def test_a_language_that_is_gone_does_not_stop_it() -> None:
    """An update may be without it: what is set then has no pack, and no screen."""
    told = settings.Settings()
    told.language = "fr"
    device = home(told)
    until(device, terms.INSERT)
    device.run(200)
    assert device.picture() == "no_finger"
    assert device.app.settings.language == "zh"


@pytest.mark.parametrize("marks", range(64))
def test_an_old_reading_says_how_it_was_taken(marks: int) -> None:
    """By the calibration and on the oxygen of then, whatever is set now."""
    told = settings.Settings()
    told.evidence, told.date, told.batch = "human_sao2", 20261124, "B-1"
    for present in (told, None):
        device = home(present)
        until(device, terms.INSERT)
        reading = list(device.app.reading)
        reading[field.SETTLED_CENTIPCT] = 9600
        reading[field.PULSE_DECIBPM] = 700
        kept_by(device).append(reading, 0, -1, 0, marks)
        device.app.marks = terms.MARK_OXYGEN
        choose(device, terms.ITEM_RECORDS)
        device.run(120)
        view = device.app.view
        assert view.calibrated == bool(marks & terms.MARK_HUMAN_SAO2)
        shown = terms.MARK_OXYGEN | terms.MARK_BASELINE | terms.MARK_BELOW_RANGE
        assert view.marks & shown == marks & shown


def test_the_last_ten_of_a_person() -> None:
    device = home()
    until(device, terms.INSERT)
    choose(device, terms.ITEM_RECORDS)
    device.run(120)
    assert device.picture() == "no_records"
    reading = list(device.app.reading)
    for n in range(14):
        reading[field.SETTLED_CENTIPCT] = 100 * (80 + n)
        reading[field.PULSE_DECIBPM] = 700
        kept_by(device).append(reading, 0, -1, 1 if n % 2 else 0, 0)
    hold(device)
    choose(device, terms.ITEM_RECORDS)
    seen = []
    for _ in range(11):
        device.run(120)
        seen.append(device.held() or recorded(device))
        device.press()
    assert seen == [*range(93, 83, -1), 93]
    hold(device)
    device.app.person = 1
    choose(device, terms.ITEM_RECORDS)
    device.press()
    device.run(120)
    assert recorded(device) == 91


def recorded(device: Device) -> int:
    assert device.app.view.picture == picture.RESULT and device.app.view.old
    assert device.shown() is None, "an old reading does not look like a new one"
    return device.app.view.spo2_pct


def test_link_mode_lasts_two_minutes_or_until_the_button() -> None:
    device = home()
    until(device, terms.INSERT)
    choose(device, terms.ITEM_LINK)
    assert device.phase == terms.LINK
    assert until(device, terms.INSERT, 130_000) == pytest.approx(120_000, abs=500)
    choose(device, terms.ITEM_LINK)
    device.press()
    assert device.phase == terms.INSERT


def test_off_by_the_menu_waits_for_the_button_to_be_let_go() -> None:
    device = home()
    until(device, terms.INSERT)
    hold(device)
    for _ in range(terms.ITEM_OFF):
        device.press()
    device.board.button.value(0)
    device.run(1700)
    assert device.phase == terms.OFF and not device.app.off, "else it would wake at once"
    device.board.button.value(1)
    device.run(80)
    assert device.app.off


@pytest.mark.parametrize("phase", range(terms.PHASES), ids=PHASES)
@pytest.mark.parametrize("held", [0, 1], ids=["short", "long"])
def test_every_gesture_does_what_its_table_says(phase: int, held: int) -> None:
    device = home()
    until(device, terms.INSERT)
    app = device.app
    guide.enter(app.guide, phase, device.now_ms)
    app.item = terms.ITEM_OXYGEN
    limit_ms = app.guide[terms.LIMIT_MS]
    before = (app.settings.turned, app.settings.silent, app.person)
    app.gesture(held, device.now_ms)
    after = (app.settings.turned, app.settings.silent, app.person)
    meaning = menu.GESTURES[2 * phase + held]
    now = device.phase
    assert (after[0] != before[0]) == (meaning == terms.TURN)
    assert (after[1] != before[1]) == (meaning == terms.MUTE)
    assert (app.guide[terms.LIMIT_MS] == limit_ms + 60_000) == (meaning == terms.LONGER)
    assert (now == terms.MENU) == (
        meaning == terms.OPEN or (phase == terms.MENU and meaning == terms.NEXT)
    )
    if meaning in (terms.LEAVE, terms.ANEW):
        assert now == terms.INSERT
    if meaning == terms.CHOOSE:
        assert now == terms.NOTICE and app.marks == terms.MARK_OXYGEN
    if meaning == terms.NEXT:
        assert now == phase


# Sound --------------------------------------------------------------------------------------


def sounds(device: Device, ms: int, stop: Callable[[], bool] | None = None) -> list[int]:
    device.board.buzzer.pitches.clear()
    device.run(ms, stop)
    return list(device.board.buzzer.pitches)


def test_every_sound_is_its_own_and_in_the_range_of_old_ears() -> None:
    from sim.door import buzzer

    names = ("FINGER", "SETTLED", "ATTENTION", "DOCTOR", "FAULT")
    patterns = [getattr(buzzer, name) for name in names]
    assert len(set(patterns)) == len(patterns)
    for pattern in patterns:
        for at in range(0, len(pattern), 2):
            assert pattern[at] == 0 or 50 <= pattern[at] <= 100


def test_a_measurement_is_heard() -> None:
    device = home()
    until(device, terms.INSERT)
    device.light.present = True
    assert sounds(device, 2000) == [600], "a finger"
    device.until_number()
    beeps = sounds(device, 10_000)
    assert 10 <= len(beeps) <= 14, "72 a minute"
    assert all(abs(hz - (500 + (94.1 - 70) / 30 * 500)) < 15 for hz in beeps), "by the saturation"
    device.run(40_000, lambda: device.app._verdict == terms.ATTENTION)
    first = device.board.buzzer.pitches[-1]
    assert [first, *sounds(device, 1100)[:2]] == [800, 800, 800], "attention, at 94"


def test_the_pitch_follows_the_saturation() -> None:
    device = settled()
    heard = []
    for spo2_pct in (60, 70, 85, 100, 103):
        device.app.reading[field.SPO2_CENTIPCT] = 100 * spo2_pct
        device.board.buzzer.pitches.clear()
        device.app._beep(device.now_ms)
        heard += device.board.buzzer.pitches
        device.app.buzzer.off()
    assert heard == [500, 500, 750, 1000, 1000]


def test_silence_is_complete() -> None:
    told = settings.Settings()
    told.silent = 1
    device = home(told)
    device.light.present = True
    until(device, terms.RESULT)
    device.run(2000)
    device.board.sensor.faults.add("nack")
    until(device, terms.FAULT)
    device.run(1000)
    assert device.board.buzzer.pitches == []


def test_a_fault_is_heard_once() -> None:
    device = settled()
    device.run(3000)
    device.board.sensor.faults.add("nack")
    until(device, terms.FAULT)
    assert sounds(device, 5000) == [500] or device.board.buzzer.hz == 0


# The display's brightness ---------------------------------------------------------------------

DAY_S = 9834 * 86_400  # a midnight of UTC
NOON_S, NIGHT_S = DAY_S + 4 * 3600, DAY_S + 13 * 3600  # 12 and 21 o'clock in China


def level_of(device: Device) -> int:
    return device.board.display.contrast


def test_times_of_day_are_those_of_china() -> None:
    from datetime import UTC, datetime, timedelta, timezone

    begin = datetime(2000, 1, 1, tzinfo=UTC)
    hours = [
        (begin + timedelta(seconds=s)).astimezone(timezone(timedelta(hours=8))).hour
        for s in (NOON_S, NIGHT_S)
    ]
    assert hours == [12, 21]


def test_what_was_seen_is_dimmed_and_what_is_new_is_bright() -> None:
    device = home(finger=True)
    until(device, terms.LIVE)
    device.run(200)
    assert level_of(device) == oled.BRIGHT
    assert device.run(20_000, lambda: level_of(device) == oled.DIM) == pytest.approx(
        15_000, abs=500
    )
    until(device, terms.RESULT)
    device.run(200)
    assert level_of(device) == oled.BRIGHT, "a result is new"
    device.run(16_000)
    assert level_of(device) == oled.DIM
    device.press()
    assert level_of(device) == oled.BRIGHT, "somebody looks"
    device.run(16_000)
    device.light.present = False
    until(device, terms.HELD)
    device.run(200)
    assert level_of(device) == oled.BRIGHT
    device.run(16_000)
    assert level_of(device) == oled.DIM
    device.board.display.reset_pin.value(0)  # a display that lost its power: up again as it was
    device.board.display.reset_pin.value(1)
    device.run(2200)
    assert level_of(device) == oled.DIM


@pytest.mark.parametrize(
    ("dimming", "cells_mv", "time_s", "level"),
    [
        (1, 2900, -1, oled.BRIGHT),
        (1, 2350, -1, oled.DIM),
        (0, 2350, NIGHT_S, oled.BRIGHT),
        (1, 2900, NIGHT_S, oled.BRIGHT),
        (2, 2900, NIGHT_S, oled.DIM),
        (2, 2900, NOON_S, oled.BRIGHT),
        (2, 2900, -1, oled.BRIGHT),
    ],
)
def test_dimmed_on_weak_cells_and_at_night(
    dimming: int, cells_mv: int, time_s: int, level: int
) -> None:
    told = settings.Settings()
    told.dimming = dimming
    device = home(told, finger=True)
    device.board.battery_adc.cells_mv = cells_mv
    device.board.clock_set_s = time_s
    until(device, terms.LIVE)
    device.run(200)
    assert level_of(device) == level
    device.run(20_000)
    assert level_of(device) == (oled.DIM if dimming else oled.BRIGHT)


@pytest.mark.parametrize("code", range(terms.GREEN, terms.BELOW + 1))
def test_a_verdict_that_sends_somebody_away_is_never_dimmed(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = settings.Settings()
    told.dimming = 2
    device = settled(told)
    device.board.battery_adc.cells_mv = 2350
    device.board.clock_set_s = NIGHT_S
    monkeypatch.setattr(device.app, "_judge", lambda settled, now_ms: None)
    device.app._verdict = code
    device.run(30_000)
    red = code >= terms.DOCTOR
    assert level_of(device) == (oled.BRIGHT if red else oled.DIM)
    device.light.present = False
    until(device, terms.HELD)
    device.run(20_000)
    assert level_of(device) == (oled.BRIGHT if red else oled.DIM)


# What is said and what is not ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("irregular", "said"),
    [("100", False), ("110", True), ("101", True), ("011", True), ("010", False), ("0011", True)],
)
def test_an_irregular_pulse_is_said_after_two_of_three(irregular: str, said: bool) -> None:
    device = settled()
    app = device.app
    app.rhythm = 0
    for one in irregular:
        app.reading[field.FLAGS] = field.FLAG_IRREGULAR if one == "1" else 0
        app._count(device.now_ms)
    pages = {app._page(page) for page in range(12)}
    assert (picture.IRREGULAR in pages) == said


def counted(device: Device, irregular: bool) -> bool:
    """A settled reading as the core would give it; whether its result speaks of the pulse."""
    app = device.app
    app.reading[field.SETTLED_CENTIPCT] = app.reading[field.SPO2_CENTIPCT] = 9700
    app.reading[field.FLAGS] = field.FLAG_IRREGULAR if irregular else 0
    app._count(device.now_ms)
    return picture.IRREGULAR in {app._page(page) for page in range(12)}


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [("1", "1", True), ("10", "1", True), ("11", "0", True), ("0", "1", False), ("", "1", False),
     ("100", "1", False), ("110", "0", False)],
)  # fmt: skip
def test_measurements_of_other_days_count_as_those_of_this_one(
    before: str, now: str, said: bool
) -> None:
    """It sleeps after each of them, and somebody at home measures once a day."""
    device = home()
    until(device, terms.INSERT)
    reading = list(device.app.reading)
    reading[field.SETTLED_CENTIPCT] = 9700
    for one in before:
        reading[field.FLAGS] = field.FLAG_IRREGULAR if one == "1" else 0
        kept_by(device).append(reading, 0, -1, 0, 0)
        reading[field.FLAGS] ^= field.FLAG_IRREGULAR
        kept_by(device).append(reading, 0, -1, 2, 0)  # of somebody else
    woken = Device(board=Board(Finger(), data_dir=device.board.DATA_DIR))
    woken.run(3000)
    assert counted(woken, now == "1") == said


def test_another_person_has_another_heart() -> None:
    device = settled()
    assert not counted(device, True) and counted(device, True)
    guide.enter(device.app.guide, terms.PERSON, device.now_ms)
    device.app.gesture(0, device.now_ms)
    assert device.app.person == 1
    guide.enter(device.app.guide, terms.INSERT, device.now_ms)
    device.run(400)
    assert not counted(device, True)
    assert counted(device, True)


def test_in_a_replay_two_of_three_are_of_the_recording() -> None:
    device = Device(keep_awake=True)
    device.run(200)
    assert not counted(device, True)
    assert counted(device, True)


@pytest.mark.parametrize("winter", [0, 1])
def test_every_result_is_followed_by_what_no_number_may_silence(winter: int) -> None:
    told = settings.Settings()
    told.winter = winter
    device = settled(told)
    for code in range(7):
        device.app._verdict = code
        pages = [device.app._page(page) for page in range(3 + winter)]
        assert pages[:3] == [picture.RESULT, picture.WORDS + code, picture.DISTRESS]
        assert (picture.WINTER in pages) == bool(winter)


@pytest.mark.parametrize(
    ("spo2_pct", "flashes"), [(97, False), (94, False), (93, True), (85, True)]
)
def test_a_red_verdict_flashes_and_no_other(
    spo2_pct: int, flashes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = settled()
    told = verdict.judge(spo2_pct, 72, 10, 0, device.app.settings)
    monkeypatch.setattr(device.app, "_judge", lambda settled, now_ms: None)
    device.app._verdict = told
    device.app.guide[terms.SINCE_MS] = device.now_ms
    inverse = set()
    for _ in range(60):
        device.run(40)
        inverse.add(device.board.display._inverse)
    assert inverse == ({True, False} if flashes else {False})
    device.light.present = False
    until(device, terms.HELD)
    device.run(200)
    assert not device.board.display._inverse


def test_settings_that_were_lost_are_told(tmp_path: Path) -> None:
    board = Board(Finger())
    Path(board.DATA_DIR, "settings.bin").write_bytes(b"XYnonsense")
    device = Device(board.sensor.light, board)
    device.light.present = False
    device.light._contact = 0.0
    device.run(800)
    assert picture.NAMES[device.app.view.picture] == "settings_lost"
    until(device, terms.INSERT)
    seen = set()
    for _ in range(20):
        device.run(400)
        seen.add(picture.NAMES[device.app.view.picture])
    assert seen >= {"settings_lost", "no_finger"}


def test_pressed_too_hard_is_told_by_the_light_that_grows() -> None:
    device = home(finger=True)
    app = device.app
    device.run(3000)
    app.reading[field.STATUS] = field.WEAK_PULSE
    app._base_adc = 0
    assert app._hint(field.WEAK_PULSE, 0) == field.WEAK_PULSE
    app.reading[field.IR_DC_ADC] = app.reading[field.IR_DC_ADC] * 104 // 100
    assert app._hint(field.WEAK_PULSE, 0) == picture.TOO_HARD
    app._base_adc = 0
    hints = {app._hint(field.WEAK_PULSE, page) for page in range(3)}
    assert hints == {field.WEAK_PULSE, picture.CLEAN, picture.TOO_HARD}
    assert app._hint(field.MOTION, 0) == field.MOTION


def test_on_a_cable_only_a_factory_or_a_recording_measures() -> None:
    device = home(finger=True)
    assert device.board.vbus
    device.board.vbus.value(1)
    until(device, terms.FAULT)
    assert device.status == "usb_power"
    device.run(60_000)
    assert device.phase == terms.FAULT, "it says so as long as the cable is in"
    device.app.mode = terms.MODE_FACTORY
    device.run(10_000, lambda: device.shown() == SPO2_PCT)
    device.app.mode = terms.MODE_RECORDING
    device.run(2000)
    assert device.status == "ok" and device.shown() is None
    assert picture.NAMES[device.app.view.picture] == "recording"
    again = App(device.board)
    assert again.mode == terms.MODE_HOME, "a reset drops it"


def test_a_baseline_counts_only_where_the_date_is_known() -> None:
    told = settings.Settings()
    told.baseline = ((9820, 92), (9820, 92), (9821, 92))  # type: ignore[assignment]
    device = settled(told)
    assert not device.app._held_marks & terms.MARK_BASELINE
    device.board.clock_set_s = 9830 * 86400
    assert device.app._marks() & terms.MARK_BASELINE
    device.app.person = 1
    assert not device.app._marks() & terms.MARK_BASELINE, "of nobody else"
    device.app.person = 0
    device.board.clock_set_s = 9950 * 86400
    assert not device.app._marks() & terms.MARK_BASELINE
