"""The worker's screen at 80x24: what stands there, what the keys do, and that nothing bends it."""

import asyncio
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("textual", reason="textual is not installed: run `make setup-all`")

from rich.cells import cell_len
from textual.pilot import Pilot

from host_tools.sentences import say
from host_tools.station import screen
from host_tools.station.view import SlotView

REPO = Path(__file__).resolve().parent.parent
SLOTS = [f"1-1.{n}" for n in range(1, 17)]
STATES = ("empty", "locked", "testing", "passed", "failed", "refused", "ended", "waiting")


def view(slot: str, state: str, **more) -> SlotView:
    told: dict = {"serial": f"XY{int(slot.split('.')[-1]):06}", "stage": "final"}
    if state in ("empty", "waiting", "locked"):
        told = {}
    if state == "testing":
        told |= {"phase": "verify", "done": 4, "of": 12}
    if state in ("locked", "failed", "refused", "ended"):
        told |= {"cause": "late", "sentence": say("late", seconds=60)}
    return SlotView(slot, state, **told | more)


MIXED = [view(slot, STATES[n % 7]) for n, slot in enumerate(SLOTS)]


def lines(app: screen.Station) -> list[str]:
    """What stands on the terminal."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


def played(
    work: Callable, drive: Callable[[screen.Station, Pilot], Awaitable[None]], slots=SLOTS, **more
) -> screen.Station:
    """The screen after `drive`, which has its keys; work goes on in its thread."""
    app = screen.Station(slots, work, "final s1", more.pop("stop", None), more.pop("stays", True))

    async def main() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await drive(app, pilot)

    asyncio.run(main())
    return app


async def until(pilot: Pilot, holds: Callable[[], bool]) -> None:
    for _ in range(200):
        await pilot.pause(0.02)
        if holds():
            return
    raise AssertionError("\n".join(lines(pilot.app)))  # type: ignore[arg-type]


def shows(app: screen.Station, text: str) -> Callable[[], bool]:
    return lambda: text in "\n".join(lines(app))


class Work:
    """Tells views and then waits for `over`."""

    def __init__(self, *views: SlotView) -> None:
        self.views = views
        self.over = threading.Event()
        self.tell: Callable[[SlotView], None] = lambda view: None

    def __call__(self, tell, ask) -> str:
        self.tell = tell
        for each in self.views:
            tell(each)
        assert self.over.wait(20)
        return "the result"


# ------------------------------------------------------------------------------------------ layout


def test_sixteen_slots_fit(tmp_path: Path) -> None:
    work = Work(*MIXED)

    async def drive(app: screen.Station, pilot: Pilot) -> None:
        await until(pilot, shows(app, "XY000014"))
        found = lines(app)
        assert len(found) == 24
        assert [cell_len(line) for line in found] == [80] * 24
        whole = "\n".join(found)
        for slot in SLOTS:
            assert f" {slot} " in whole.replace(">", " ")
        for word in ("空 EMPTY", "停用 LOCKED", "测试 TEST", "合格 PASS", "不合格 FAIL",
                     "拒收 REFUSED", "中断 ENDED", "校验中 verifying", "4/12"):  # fmt: skip
            assert word in whole, word
        assert "合格 PASS 2   不合格 FAIL 2   拒收 REFUSED 2   中断 ENDED 2   测试 TEST 2" in whole
        # A cell begins where it must, whatever stands to its left: columns 1, 21, 41, 61.
        for row in (1, 4, 7, 10):
            line = found[row]
            starts = [cell_len(line[: line.index("1-1.", at)]) for at in _cells(line)]
            assert starts == [2, 22, 42, 62]
        work.over.set()

    played(work, drive)


def _cells(line: str) -> list[int]:
    found, at = [], 0
    while (at := line.find("1-1.", at)) >= 0:
        found.append(at)
        at += 1
    return found


def test_the_last_one_stands_in_large_with_what_to_do() -> None:
    work = Work(*MIXED)

    async def drive(app: screen.Station, pilot: Pilot) -> None:
        await until(pilot, shows(app, "XY000014"))
        work.tell(view("1-1.3", "failed", serial="XY000099"))
        await until(pilot, shows(app, "1-1.3 XY000099 final"))
        whole = "\n".join(lines(app))
        for row in range(5):
            assert "  ".join(screen._LETTERS[sign][row] for sign in "FAIL").rstrip() in whole
        assert "不  合  格" in whole
        assert "超过 60 秒未完成：检查接触，重新写入。" in whole
        assert "It was not done within 60 s" in whole
        work.tell(view("1-1.4", "testing"))
        await pilot.pause(0.1)
        assert "1-1.3 XY000099 final" in "\n".join(lines(app)), "until the next one has ended"
        work.tell(view("1-1.4", "passed"))
        await until(pilot, shows(app, "1-1.4 XY000004 final"))
        assert "合  格" in "\n".join(lines(app))
        work.over.set()

    played(work, drive)


def test_arrows_choose_a_slot_and_space_follows_again() -> None:
    work = Work(*MIXED)

    async def drive(app: screen.Station, pilot: Pilot) -> None:
        await until(pilot, shows(app, "XY000014"))
        await pilot.press("up", "up", "up", "up", "left", "left", "left", "left", "left", "left")
        before = app._chosen
        await pilot.press(*["left"] * 16)
        assert app._chosen == "1-1.1" and before
        await pilot.press("down", "right", "right")
        assert app._chosen == "1-1.7"
        await until(pilot, shows(app, ">1-1.7"))
        work.tell(view("1-1.9", "passed", serial="XY000500"))
        await until(pilot, shows(app, "XY000500"))
        assert app._chosen == "1-1.7", "the worker reads it"
        await pilot.press("space")
        work.tell(view("1-1.10", "failed", serial="XY000501"))
        await until(pilot, lambda: app._chosen == "1-1.10")
        work.over.set()

    played(work, drive)


def test_units_appear_when_they_are_plugged_in() -> None:
    work = Work()

    async def drive(app: screen.Station, pilot: Pilot) -> None:
        await pilot.pause(0.1)
        for n in range(1, 25):
            work.tell(view(f"2-1.{n}", "testing"))
        await until(pilot, lambda: len(app._cells) == 24)
        work.tell(view("2-1.24", "passed"))
        await until(pilot, shows(app, ">2-1.24"))  # scrolled to
        assert [cell_len(line) for line in lines(app)] == [80] * 24
        work.over.set()

    played(work, drive, slots=[])


# ------------------------------------------------------------------------------------------ keys


def test_questions_are_answered_by_keys_one_after_the_other() -> None:
    answers: dict[str, object] = {}

    def work(tell, ask) -> None:
        def one(name: str) -> None:
            answers[name] = ask(say("label?", serial=name, copy=1))

        threads = [threading.Thread(target=one, args=(f"XY{n}",)) for n in range(2)]
        for thread in threads:
            thread.start()
            time.sleep(0.1)
        for thread in threads:
            thread.join()
        answers["scan"] = ask.typed("扫描标签。 / Scan the label.")

    async def drive(app: screen.Station, pilot: Pilot) -> None:
        await until(pilot, shows(app, "XY0 的标签第 1 份打印出来了吗？"))
        await pilot.press("enter", "space", "x", "escape")  # none of these is an answer
        assert not answers
        await pilot.press("y")
        await until(pilot, shows(app, "of XY1 come out of the printer?"))
        await pilot.press("n")
        await until(pilot, shows(app, "Scan the label."))
        await pilot.press(*"y7n", "enter")
        await until(pilot, lambda: app._is_over)

    played(work, drive)
    assert answers == {"XY0": True, "XY1": False, "scan": "y7n"}


def test_quitting_waits_for_units_under_test() -> None:
    work = Work(view("1-1.1", "testing"), view("1-1.2", "passed"))

    async def drive(app: screen.Station, pilot: Pilot) -> None:
        await until(pilot, shows(app, "XY000002"))
        await pilot.press("q")
        await until(pilot, shows(app, "1 units are under test"))
        await pilot.press("n")
        await until(pilot, lambda: not isinstance(app.screen, screen.Asking))
        assert not app._ending
        await pilot.press("q")
        await pilot.pause(0.1)
        await pilot.press("y")
        await until(pilot, shows(app, "ending: waiting"))
        assert app.is_running
        work.tell(view("1-1.1", "failed"))
        await until(pilot, lambda: app._exit)

    app = played(work, drive)
    assert app.result is None and app.failure is None
    work.over.set()


def test_the_work_is_asked_to_stop_and_returns_by_itself() -> None:
    work = Work(view("1-1.1", "testing"))

    async def drive(app: screen.Station, pilot: Pilot) -> None:
        await until(pilot, shows(app, "XY000001"))
        await pilot.press("ctrl+c")
        await pilot.pause(0.1)
        await pilot.press("y")
        await until(pilot, lambda: app._exit)

    app = played(work, drive, stop=work.over.set)
    assert app.result == "the result"


def test_leaving_answers_no_question_of_its_own() -> None:
    """A label of which nobody has said anything stays open, and is asked for again."""
    raised: list[type] = []
    asked = threading.Event()

    def work(tell, ask) -> None:
        asked.set()
        try:
            ask("标签？ / Label?")
        except screen.Stopped as error:
            raised.append(type(error))
            raise

    async def drive(app: screen.Station, pilot: Pilot) -> None:
        await until(pilot, shows(app, "Label?"))
        app._leave()
        await until(pilot, lambda: bool(raised))

    app = played(work, drive)
    assert raised == [screen.Stopped] and app.failure is None


def test_a_fault_of_the_work_closes_the_screen_and_is_raised() -> None:
    def work(tell, ask) -> None:
        raise RuntimeError("no jig")

    async def drive(app: screen.Station, pilot: Pilot) -> None:
        await until(pilot, lambda: app._exit)

    assert str(played(work, drive).failure) == "no jig"


# ------------------------------------------------------------------------------------------- text

ODD = st.text(
    st.one_of(
        st.sampled_from("工站 槽位，。：不合格ABC123 ±µ·…“”–→\x1b\x07\n\t[bold]/"), st.characters()
    ),
    max_size=60,
)


@given(ODD, st.sampled_from(STATES), ODD, ODD, st.integers(12, 40), st.booleans())
def test_no_text_bends_a_cell(slot, state, serial, sentence, width, chosen) -> None:
    each = SlotView(
        slot, state, serial, sentence=sentence, phase=sentence, done=3, of=9, seconds=5
    )
    found = screen.cell_lines(each, width, chosen)
    assert [cell_len(line) for line in found] == [width] * 3
    assert all(sign.isprintable() for line in found for sign in line)


@given(ODD, st.integers(10, 60))
def test_wrapping_loses_nothing(text: str, width: int) -> None:
    found = screen.wrapped(text, width)
    assert all(cell_len(line) <= width for line in found)
    assert "".join("".join(found).split()) == "".join(screen.plain(text).split())


def test_the_large_words_fit() -> None:
    for state in STATES:
        found = screen.big(SlotView("1", state))
        assert len(found) == 7
        assert {cell_len(line) for line in found} == {screen.BIG_WIDTH}


def test_signs_of_unsure_width_are_replaced() -> None:
    assert screen.plain("5 ± 2 µA … “x”\x1b[2J") == '5 +- 2 uA ... "x" [2J'


def test_every_sign_that_stays_has_one_width() -> None:
    for code in range(0x10000):  # of those beyond none stays
        shown = screen.plain(chr(code)) if not 0xD800 <= code < 0xE000 else "?"
        if len(shown) == 1:
            assert cell_len(shown) == (1 if shown.isascii() else 2), hex(code)


SCRIPT = """
import sys
from host_tools.station import screen
from host_tools.station.view import SlotView
def work(tell, ask):
    for n in range(16):
        state = ("passed", "failed", "testing", "empty")[n % 4]
        tell(SlotView(f"1-1.{n}", state, f"XY{n:06}", "final", "verify", 1, 3,
                      "", "槽位脏了。 / The slot is dirty."))
    return ask("标签好吗？ / Is the label good?")
found = screen.show([f"1-1.{n}" for n in range(16)], work, "final", stays=False)
open(sys.argv[1], "w").write(repr(found))
"""


@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux for a real terminal")
def test_on_a_real_terminal(tmp_path: Path) -> None:
    """In tmux, which has its own mind about how wide a sign is."""
    told, script = tmp_path / "told", tmp_path / "show.py"
    script.write_text(SCRIPT)

    def tmux(*words: str) -> str:
        command = ["tmux", "-u", "-L", tmp_path.name, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    command = f"cd {REPO} && PYTHONPATH=. {sys.executable} {script} {told}"
    tmux("new-session", "-d", "-x", "80", "-y", "24", "-s", "look", command + "; sleep 60")
    try:
        found = ""
        for _ in range(300):
            found = tmux("capture-pane", "-p", "-t", "look")
            if "Is the label good?" in found:
                break
            time.sleep(0.1)
        assert "标签好吗？" in found, found
        rows = found.splitlines()
        assert all(cell_len(row) <= 80 for row in rows)
        for row in rows[1:9:3]:
            assert [cell_len(row[:at]) for at in _cells(row)] == [2, 22, 42, 62]
        tmux("send-keys", "-t", "look", "y")
        for _ in range(300):
            if told.exists() and told.read_text():
                break
            time.sleep(0.1)
        assert told.read_text() == "True"
    finally:
        tmux("kill-server")
