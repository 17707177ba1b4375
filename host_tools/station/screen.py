"""The worker's screen: a cell a slot, the word of the last one in large, and what to do.

    result = show(slots, lambda tell, ask: line.run(plan, tell))

For a terminal of 80x24 and more, by keys alone. Every colour stands beside its word. Only ASCII
and Chinese are printed: what else a terminal shows may be one column wide or two, and the cells
would break.
"""

import itertools
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, ClassVar
from unicodedata import east_asian_width

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Grid, Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static

from host_tools.sentences import SENTENCES, say
from host_tools.station.view import SlotView, Tell

COLUMNS = 4
BIG_WIDTH = 24  # columns of the large word
_OVER = ("passed", "failed", "refused", "ended")
_COLOURS = {
    "empty": "on #23282e",
    "waiting": "on #23282e",
    "locked": "on #6b3fa0",
    "testing": "on #1f5f99",
    "passed": "on #1c7a4c",
    "failed": "on #b3261e",
    "refused": "on #8a5a00",
    "ended": "on #5a5f66",
}
# For signs whose width depends on the terminal.
_ASCII = {
    "±": "+-",
    "µ": "u",
    "×": "x",
    "·": ".",
    "…": "...",
    "–": "-",
    "—": "-",
    "≤": "<=",
    "≥": ">=",
}
_ASCII |= {"“": '"', "”": '"', "‘": "'", "’": "'", "→": "->", "°": " deg"}
# Letters of the large word, four columns each.
_LETTERS = {
    "A": (" ## ", "#  #", "####", "#  #", "#  #"),
    "F": ("####", "#   ", "### ", "#   ", "#   "),
    "I": (" ## ", " ## ", " ## ", " ## ", " ## "),
    "L": ("#   ", "#   ", "#   ", "#   ", "####"),
    "P": ("### ", "#  #", "### ", "#   ", "#   "),
    "S": (" ###", "#   ", " ## ", "   #", "### "),
}


class Stopped(Exception):
    """The screen was left while the work still asked something."""


class Ask:
    """ask(question) is True for yes; ask.typed(question) is what was typed. From any thread;
    either waits until the worker has answered, and raises Stopped when the screen is left."""

    def __init__(self, app: "Station") -> None:
        self._app = app

    def __call__(self, question: str) -> bool:
        return bool(self._asked(question, False))

    def typed(self, question: str) -> str:
        return str(self._asked(question, True))

    def _asked(self, question: str, typed: bool) -> object:
        answer: Future = Future()
        if not self._app.post_message(Question(question, typed, answer)):
            raise Stopped
        return answer.result()


def show(
    slots: Sequence[str],
    work: Callable[[Tell, Ask], Any],
    title: str = "",
    stop: Callable[[], None] | None = None,
    stays: bool = True,
) -> Any:
    """Run work(tell, ask) in a thread and show what it tells; its result, None when the worker
    left before it was over. Raises what the work raises.

    stop is called when the worker wants to leave while units are under test: the work then begins
    no new one, and returns. Without it the screen closes as soon as none is under test. stays:
    keep the last state on the screen until the worker leaves.
    """
    app = Station(slots, work, title, stop, stays)
    app.run(mouse=False)
    if app.failure is not None:
        raise app.failure
    return app.result


# ----------------------------------------------------------------------------------- what is told


class Told(Message):
    """Of a slot."""

    def __init__(self, view: SlotView) -> None:
        super().__init__()
        self.view = view


class Question(Message):
    """To the worker."""

    def __init__(self, text: str, typed: bool, answer: Future) -> None:
        super().__init__()
        self.text = text
        self.typed = typed
        self.answer = answer


class Over(Message):
    """The work has returned, or failed."""


# ------------------------------------------------------------------------------------------- text


def plain(text: str) -> str:
    """ASCII and wide characters, as they are; of the rest what has a spelling, and "?".

    Some of it comes from devices and databases: control characters would reach the terminal.
    """
    found = []
    for sign in text:
        if sign.isascii() or sign.isspace():
            found.append(sign if sign.isprintable() else " ")
        elif east_asian_width(sign) in "WF" and cell_len(sign) == 2 and sign < "\U00010000":
            found.append(sign)
        else:
            found.append(_ASCII.get(sign, "?"))
    return "".join(found)


def fitted(text: str, width: int) -> str:
    """Exactly so many columns; what is too long ends with a tilde. A wide character is whole or
    not there."""
    text = " ".join(plain(text).split())
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1).rstrip() + "~"
    return set_cell_size(text, width)


def cell_lines(view: SlotView, width: int, chosen: bool = False) -> list[str]:
    """The three lines of a slot's cell, each of exactly `width` columns."""
    mark = ">" if chosen else " "
    name, unit = plain(view.slot), plain(view.serial)
    slot = fitted(name, max(1, min(cell_len(name), width - 10))).strip()
    serial = unit if cell_len(unit) <= width - cell_len(slot) - 3 else ""
    room = width - 1 - cell_len(slot)
    first = f"{mark}{slot}{serial.rjust(room)}"
    right = ""
    if view.state == "testing" and view.of:
        right = f"{view.done}/{view.of}"
    elif view.state in _OVER:
        right = f"{view.seconds:.0f}s" if view.seconds else ""
    state = fitted(" ".join(SENTENCES[f"state_{view.state}"]), width - len(right) - 2)
    second = f" {state} {right}" if right else f" {state} "
    third = unit if not serial else ""
    if view.state == "testing":
        third = words(view.phase)
    elif view.state == "waiting":
        third = words("wait")
    elif view.state in ("failed", "refused", "locked", "ended"):
        third = view.sentence or words(view.cause)
    return [fitted_line(line, width) for line in (first, second, " " + third)]


def fitted_line(line: str, width: int) -> str:
    """As `fitted`, with its spaces kept."""
    line = plain(line)
    return set_cell_size(line, width) if cell_len(line) <= width else " " + fitted(line, width - 1)


def words(key: str) -> str:
    """A sentence's key in both languages; what is no key, as it is."""
    return " ".join(SENTENCES[key]) if key in SENTENCES else key


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most so many columns, broken at spaces, and inside Chinese anywhere."""
    lines, line = [], ""
    for word in plain(text).split():
        for part in chop_cells(word, width) if cell_len(word) > width else [word]:
            joined = f"{line} {part}" if line else part
            if cell_len(joined) > width and line:
                room = width - cell_len(line) - 1
                if any(cell_len(sign) == 2 for sign in part) and room > 4:
                    head = set_cell_size(part, room).rstrip()
                    joined, line = part[len(head) :], f"{line} {head}"
                else:
                    joined = part
                lines.append(line)
            line = joined
    return [*lines, line] if line else lines


def big(view: SlotView) -> list[str]:
    """The large word of a state, with the Chinese one below it, BIG_WIDTH columns wide."""
    chinese, english = SENTENCES[f"state_{view.state}"]

    def middle(text: str) -> str:
        return " " * ((BIG_WIDTH - 2 - cell_len(text)) // 2) + text

    below = middle("  ".join(chinese))
    if all(sign in _LETTERS for sign in english):
        art = ["  ".join(_LETTERS[sign][row] for sign in english) for row in range(5)]
        art += ["", below]
    else:
        art = ["", "", middle(" ".join(english)), "", below, "", ""]
    return [set_cell_size(" " + line, BIG_WIDTH) for line in art]


# ---------------------------------------------------------------------------------------- widgets


class Cell(Widget):
    """A slot."""

    def __init__(self, view: SlotView) -> None:
        super().__init__()
        self.view = view
        self.chosen = False

    def render(self) -> Text:
        """The three lines on the colour of the state; of the chosen one the first reversed."""
        style = f"bold #ffffff {_COLOURS[self.view.state]}"
        lines = cell_lines(self.view, max(8, self.size.width), self.chosen)
        text = Text(no_wrap=True)
        for number, line in enumerate(lines):
            text.append(line, f"{style} reverse" if self.chosen and number == 0 else style)
            text.append("\n" if number < 2 else "")
        return text


class Asking(ModalScreen[object]):
    """A question over the slots, which stay to be seen around it."""

    BINDINGS: ClassVar = [
        Binding("y", "answer(True)"),
        Binding("n", "answer(False)"),
    ]

    def __init__(self, text: str, typed: bool = False) -> None:
        super().__init__()
        self._text = text
        self._typed = typed

    def compose(self) -> ComposeResult:
        """The question in both languages, the keys, and a line to type in."""
        chinese, _, english = self._text.partition(" / ")
        lines = [*wrapped(chinese, 62), *wrapped(english, 62), ""]
        lines.append("    ".join(SENTENCES["type_enter" if self._typed else "yes_no"]))
        with Vertical(id="question"):
            yield Static(Text("\n".join(lines)))
            if self._typed:
                yield Input()

    def action_answer(self, answer: bool) -> None:
        if not self._typed:
            self.dismiss(answer)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())


class Station(App[None]):
    """The screen; use `show`."""

    CSS = f"""
    Screen {{ background: #101418; color: #ffffff; }}
    #title {{ height: 1; background: #d8dde2; color: #101418; text-style: bold; }}
    #slots {{ height: auto; max-height: 12; scrollbar-size-vertical: 0; }}
    Grid {{ grid-size: {COLUMNS}; grid-rows: 3; grid-gutter: 0 1; height: auto; }}
    Grid {{ padding: 0 0 0 1; }}
    Cell {{ height: 3; }}
    #told {{ height: 1fr; min-height: 8; padding: 1 0 0 1; }}
    #big {{ width: {BIG_WIDTH}; height: 7; }}
    #sentence {{ width: 1fr; height: 100%; padding: 0 1 0 2; }}
    #counts {{ height: 1; padding: 0 1; text-style: bold; }}
    #keys {{ height: 1; background: #23282e; padding: 0 1; }}
    Asking {{ align: center middle; background: #101418 40%; }}
    #question {{ width: 70; height: auto; padding: 1 3; background: #f2c14e; color: #101418;
                 text-style: bold; }}
    #question Input {{ margin-top: 1; border: none; height: 1; padding: 0 1; }}
    #question Input {{ background: #101418; color: #ffffff; }}
    """
    BINDINGS: ClassVar = [
        Binding("left", "move(-1)", priority=False),
        Binding("right", "move(1)"),
        Binding("up", f"move({-COLUMNS})"),
        Binding("down", f"move({COLUMNS})"),
        Binding("space", "follow"),
        Binding("q,ctrl+q,ctrl+c", "quit", priority=False),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        slots: Sequence[str],
        work: Callable[[Tell, Ask], Any],
        title: str,
        stop: Callable[[], None] | None,
        stays: bool,
    ) -> None:
        super().__init__()
        self._title = title
        self._work = work
        self._stop = stop
        self._stays = stays
        self._cells = {slot: Cell(SlotView(slot, "empty")) for slot in slots}
        self._chosen = next(iter(slots), "")
        self._follows = True
        self._counts: Counter[str] = Counter()
        self._questions: deque[Question] = deque()
        self._asked: Question | None = None
        self._ending = False
        self._is_over = False
        self.result: Any = None
        self.failure: BaseException | None = None

    def compose(self) -> ComposeResult:
        """Title, cells, large word and sentence, counts, keys; from above."""
        yield Static(id="title")
        with VerticalScroll(id="slots", can_focus=False), Grid():
            yield from self._cells.values()
        with Horizontal(id="told"):
            yield Static(id="big")
            yield Static(id="sentence")
        yield Static(id="counts")
        yield Static(Text("  |  ".join(SENTENCES["keys"])), id="keys")

    def on_mount(self) -> None:
        self._redraw()
        threading.Thread(target=self._run_work, name="work", daemon=True).start()

    def _run_work(self) -> None:
        def tell(view: SlotView) -> None:
            self.post_message(Told(view))

        try:
            self.result = self._work(tell, Ask(self))
        except Stopped:
            pass
        except BaseException as error:
            self.failure = error
        self.post_message(Over())

    # ------------------------------------------------------------------------------------ messages

    async def on_told(self, message: Told) -> None:
        view = message.view
        if view.slot not in self._cells:
            cell = self._cells[view.slot] = Cell(view)
            await self.query_one(Grid).mount(cell)
            self._chosen = self._chosen or view.slot
        cell = self._cells[view.slot]
        before, cell.view = cell.view, view
        if view.state in _OVER and (before.state, before.serial) != (view.state, view.serial):
            self._counts[view.state] += 1
        if self._follows and view.state not in ("empty", "waiting", "testing"):
            self._chosen = view.slot
        self._redraw()
        self._leave_if_idle()

    def on_question(self, message: Question) -> None:
        self._questions.append(message)
        self._ask_next()

    def _ask_next(self) -> None:
        if self._asked is None and self._questions:
            self._asked = self._questions.popleft()
            self.push_screen(Asking(self._asked.text, self._asked.typed), self._answered)

    def _answered(self, answer: object) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.answer.set_result(answer)
        self._ask_next()

    def on_over(self) -> None:
        self._is_over = True
        if self.failure is not None or not self._stays or self._ending:
            self._leave()
        self._redraw()

    # ---------------------------------------------------------------------------------------- keys

    def action_move(self, by: int) -> None:
        """Choose the slot so many places on; from now on the worker reads, and nothing follows."""
        slots = list(self._cells)
        if slots:
            place = slots.index(self._chosen) + by
            if 0 <= place < len(slots):
                self._chosen = slots[place]
            self._follows = False
            self._redraw()

    def action_follow(self) -> None:
        self._follows = True

    async def action_quit(self) -> None:
        if self._is_over:
            self._leave()
        elif not self._ending and not isinstance(self.screen, Asking):
            testing = self._testing()
            question = say("quit_after?", n=testing) if testing else say("quit?")
            self.push_screen(Asking(question), self._quit_answered)

    def _quit_answered(self, answer: object) -> None:
        if not answer:
            return
        self._ending = True
        if self._stop is not None:
            self._stop()
        self._redraw()
        self._leave_if_idle()

    def _testing(self) -> int:
        return sum(cell.view.state == "testing" for cell in self._cells.values())

    def _leave_if_idle(self) -> None:
        """What was asked to stop returns by itself; the rest is left when no unit is in its hands.
        A record is written whole or not at all, so that nothing is lost."""
        if self._ending and (self._is_over or (self._stop is None and not self._testing())):
            self._leave()

    def _leave(self) -> None:
        for question in itertools.chain([self._asked] if self._asked else [], self._questions):
            if not question.answer.done():
                question.answer.set_exception(Stopped())
        self.exit()

    # ------------------------------------------------------------------------------------- drawing

    def _redraw(self) -> None:
        if not self.is_running:
            return
        state = "done" if self._is_over else "ending" if self._ending else "working"
        title = f" Xueyang 血氧  {plain(self._title)}"
        right = " ".join(SENTENCES[state]) + " "
        room = max(0, self.size.width - cell_len(right))
        base = self.screen_stack[0]
        base.query_one("#title", Static).update(Text(set_cell_size(title, room) + right))
        for slot, cell in self._cells.items():
            cell.chosen = slot == self._chosen
            cell.refresh()
            if cell.chosen and cell.is_attached:
                cell.scroll_visible(animate=False)
        counts = [
            f"{' '.join(SENTENCES[f'state_{state}'])} {self._counts[state]}" for state in _OVER
        ]
        testing = f"{' '.join(SENTENCES['state_testing'])} {self._testing()}"
        base.query_one("#counts", Static).update(Text("   ".join([*counts, testing])))
        chosen = self._cells.get(self._chosen)
        view = chosen.view if chosen else SlotView("", "empty")
        style = f"bold #ffffff {_COLOURS[view.state]}"
        base.query_one("#big", Static).update(Text("\n".join(big(view)), style, no_wrap=True))
        base.query_one("#sentence", Static).update(self._sentence(view))

    def _sentence(self, view: SlotView) -> Text:
        width = max(20, self.size.width - BIG_WIDTH - 5)
        text = Text(no_wrap=True)
        head = " ".join(part for part in (view.slot, view.serial, view.stage) if part)
        text.append(fitted(head, width).rstrip() + "\n", "bold")
        said = view.sentence or words(view.cause)
        if view.state == "testing":
            said = f"{words(view.phase)}"
            if view.of:
                full = (width - 2) * view.done // view.of
                bar = "#" * full + "." * (width - 2 - full)
                text.append(f"[{bar}]\n")
        elif view.state == "empty":
            said = say("put_in")
        elif view.state == "waiting":
            said = say("wait")
        chinese, _, english = said.partition(" / ")
        text.append("\n".join([*wrapped(chinese, width), *wrapped(english, width)]))
        return text
