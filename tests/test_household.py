"""The season at home counts what it says it counts, and finds nothing in a few visits."""

import math
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from sim import fast, household, season
from sim.board import Board
from sim.door import App, core, crash, field, log, screens, terms
from sim.household import Tally
from sim.patient import Person, Scene


def test_a_few_visits_find_nothing() -> None:
    tally = Tally()
    for number in (1, 4, 10, 13):
        tally += household.visit(number)
    assert tally.visits == 4 and tally.settled >= 3
    assert (tally.wrong_direction, tally.frozen) == (0, 0)


def test_visits_differ_and_come_again_the_same() -> None:
    scenes = [household.scene_of(number) for number in range(200)]
    assert scenes == [household.scene_of(number) for number in range(200)]
    assert sum(len(scene.finger) == 2 for scene in scenes) > 30, "pulled out"
    assert sum(bool(scene.sun) for scene in scenes) > 10
    assert sum(isinstance(scene.force_n, tuple) for scene in scenes) > 10, "pressed"
    assert sum(bool(scene.motion) for scene in scenes) > 30
    assert sum(isinstance(s.spo2_pct, float) and s.spo2_pct <= 93 for s in scenes) > 80


# A firmware that does what must not happen is found out.

STILL = Scene(duration_s=130.0, spo2_pct=85.0, finger=((1.0, 45.0), (50.0, 90.0)))


@pytest.fixture
def one_still_finger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(household, "scene_of", lambda number: STILL)


@pytest.mark.usefixtures("one_still_finger")
def test_a_reassuring_verdict_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert household.visit(1).wrong_direction == 0
    judge = App._verdict_on
    monkeypatch.setattr(App, "_verdict_on", lambda *_: terms.GREEN)
    assert household.visit(1).wrong_direction == household.visit(1).settled > 0
    monkeypatch.setattr(App, "_verdict_on", judge)
    monkeypatch.setattr(household, "scene_of", lambda number: replace(STILL, spo2_pct=98.0))
    monkeypatch.setattr(App, "_verdict_on", lambda *_: terms.CALL)
    assert household.visit(1).wrong_direction > 0


@pytest.mark.usefixtures("one_still_finger")
def test_a_frozen_number_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = screens.draw
    monkeypatch.setattr(
        screens, "draw", lambda canvas, view: draw(canvas, view) if not any(canvas) else False
    )
    frozen = App.present

    def present(app: App, now_ms: int) -> None:
        if now_ms < 20_000:
            monkeypatch.setattr(screens, "draw", draw)
        frozen(app, now_ms)
        if now_ms >= 20_000:
            monkeypatch.setattr(screens, "draw", lambda canvas, view: False)

    monkeypatch.setattr(App, "present", present)
    assert household.visit(1).frozen == 1


@pytest.mark.usefixtures("one_still_finger")
def test_a_held_result_beside_a_new_finger_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert household.visit(1).frozen == 0
    monkeypatch.setattr(App, "_touched", lambda app, now_ms: False)
    assert household.visit(1).frozen == 1


@pytest.mark.usefixtures("one_still_finger")
def test_a_lost_reading_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a log that says yes and keeps nothing."""
    tally = household.visit(1)
    assert tally.kept == tally.settled >= 1 and tally.lost == 0
    monkeypatch.setattr(log.Log, "append", lambda *_: True)
    tally = household.visit(1)
    assert tally.lost == tally.settled >= 1


def test_a_restart_without_a_record_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = household.accident(0) + household.accident(1)
    assert tally.restarts >= 2 and tally.unrecorded == 0
    monkeypatch.setattr(crash, "note", lambda *_: None)
    tally = household.accident(0)
    assert tally.unrecorded == tally.restarts >= 1


def test_the_bound_is_the_rule_of_three() -> None:
    assert household.bound_pct(0, 10_000) == pytest.approx(100 * (1 - 0.05 ** (1 / 10_000)))
    assert household.bound_pct(0, 3000) == pytest.approx(0.1, rel=0.01)
    assert household.bound_pct(5, 5) == 100.0
    assert math.isclose(household.bound_pct(1, 2), 97.47, abs_tol=0.01)
    told = household.text(Tally(visits=10, settled=8, settled_low=3, restarts=2))
    assert "8 settled readings, 3 of them" in told and "not counted" in told


def test_the_compiled_core_shows_the_same_pixels() -> None:
    """Reading for reading and frame for frame, through sun, a finger put back and a restart."""
    scene = replace(
        household.scene_of(3),
        finger=((1.0, 30.0), (32.0, 80.0)),
        sun=((50.0, 54.0),),
        die_c=((0.0, 60.0), (24.0, 33.0)),
    )

    def seen() -> list[tuple[list[int], bytes]]:
        board = Board(Person(scene, seed=7))
        app, frames = App(board), []
        while board.clock.now_us < 85_000_000:
            board.clock.advance_us(1000 * max(1, app.step(board.clock.now_ms)))
            frames.append((list(app.reading), board.display.pixels()))
        return frames

    plain = seen()
    feed = core.feed
    with fast.in_the_device():
        assert core.feed is not feed, "numba is installed for the tests"
        assert seen() == plain
    assert core.feed is feed
    assert {reading[field.STATUS] for reading, _ in plain} >= {field.OK, field.NO_FINGER}


def test_the_season_ends_with_1_when_something_happened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def frozen(readings: int, low: int, say: Callable[[str, bool], None]) -> Tally:
        say("half of it", False)
        return Tally(visits=3, settled=3, frozen=1)

    monkeypatch.setattr(household, "until_settled", frozen)
    monkeypatch.setattr(season, "season", lambda who, people: iter(()))
    monkeypatch.setattr(sys, "argv", ["season", "4"])
    assert season.main() == 1
    told = capsys.readouterr()
    assert "frozen numbers" in told.out and "half of it" in told.err
    monkeypatch.setattr(household, "until_settled", lambda *_: Tally(visits=3, settled=3))
    assert season.main() == 0


def test_a_finger_askew_that_returns_little_light_gets_no_green() -> None:
    """What a season of 10,000 readings found: at a truth of 93.5 % the light that passed the
    finger by made 94.8 of it, steady to 0.05 points."""
    with fast.in_the_device():
        tally = household.visit(6940)
    assert (tally.settled, tally.wrong_direction) == (1, 0)
