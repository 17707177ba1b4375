"""The screens: draw(canvas, view) writes what a person sees into the display's 1024 bytes.

Every screen is a picture from the language's pack, made on the host (host_tools/glyphs.py), and
what goes on top of it: numbers, bars, the pulse wave. The canvas is in page format: page p holds
rows 8p … 8p + 7, a byte a column, bit 0 on top; all things stand on page borders, so that drawing
is storing bytes.

    the live number                   a result (held: inverse)      a sentence
    page 0  血   9 9  7 7 |  ♥ 脉率     血 9 9  7 7  脉  7 2          脉搏太弱            battery
         2  氧   9 9    7 |  7 2       氧 9 9    7  率    2          手 暖 一 暖   twice the size
         4  %      9    7 |            读数未见降低      再测一次
         6  wave ~~~ level battery 未校准  未校准·演示  吸氧            wave ~~~            ♥ 72
"""

from array import array

from micropython import const

from oximeter import terms
from oximeter.core import field
from oximeter.ui import picture

_WIDTH = const(128)
_INDEX_AT = picture.PICTURES << 10
_BITMAPS_AT = (picture.PICTURES << 10) + 4 * picture.SHAPES

# Two points of the pulse wave share a column: 64 columns are the whole ring of 128.
_WAVE_COLUMNS = const(64)
_WAVE_AT = const(768)  # page 6, column 0
_GAP_COLUMNS = const(3)  # dark ahead of the newest point, so that the eye finds it

# Where things stand, in columns.
_NUMBER_X = const(17)  # behind its label
_PROGRESS_X = const(77)  # of a live number, upwards
_HEART_X = const(82)
_LEVEL_X = const(65)
_BATTERY_X = const(72)
_UNCALIBRATED_X = const(80)
_AGAIN_X = const(64)
_OXYGEN_X = const(96)
_ICON_X = const(112)
_SENTENCE_BATTERY_X = const(121)
_SENTENCE_PROGRESS_X = const(66)
_SENTENCE_WIDTH = const(118)

_LESS = const(10)
_DASH = const(11)

# What `View.shown` remembers of the last drawing.
_PICTURE = const(0)
_FLAGS = const(1)
_SPO2 = const(2)
_PULSE = const(3)
_LEVEL = const(4)
_BATTERY = const(5)
_MARKS = const(6)
_PROGRESS = const(7)
_COUNT = const(8)
_VERDICT = const(9)
_NEWEST = const(10)
_FORGOTTEN = const(-2)

_buffer = bytearray(264)  # the largest shape: a line of 128 columns on two pages, and some


class View:
    """What there is to show; the app fills one and draws it again and again.

    The wave is a ring: `wave_at` is its newest point, 0 … 255 upwards. Between two drawings
    fewer than 128 points may be added, and points once written stay; call `redraw` otherwise.
    """

    def __init__(self):
        self.picture = field.STARTING  # of ui/picture.py
        self.old = False  # a held result, or one of the log: shown in inverse
        self.spo2_pct = field.NONE  # verdict.rounded_half_down
        self.pulse_bpm = field.NONE
        self.verdict = terms.UNJUDGED
        self.marks = 0  # terms.MARK_…
        self.perfusion_millipct = field.NONE
        self.quality = 0  # 0 … 100
        self.wave = bytearray(128)
        self.wave_at = 0
        self.battery_pct = field.NONE
        self.language = "zh"
        self.calibrated = False  # with evidence human_sao2
        self.progress = 0  # 0 … 100
        self.count = 0  # age or rest in seconds; the number of a record
        self.phone = ""
        self.shown = array("h", [_FORGOTTEN] * 11)

    def redraw(self):
        """Draw everything next time: the canvas or the wave was changed by somebody else."""
        self.shown[_PICTURE] = _FORGOTTEN


def draw(canvas, view):
    """Bring the canvas (bytearray(1024)) up to date with the view; True when it changed.

    Costs next to nothing when nothing changed, and a few columns when only the wave went on.
    OSError: the language's pack is not there.
    """
    number = view.picture
    with_wave = number <= field.MOTION and number != field.STARTING
    shown = view.shown
    if _is_new(view, shown):
        with open(FOLDER + view.language + ".pack", "rb") as pack:
            _compose(pack, canvas, view, number)
        if with_wave:
            _wave(canvas, view, 0, _WAVE_COLUMNS)
        shown[_NEWEST] = view.wave_at
        return True
    newest = shown[_NEWEST]
    points = view.wave_at - newest & 127
    if points == 0 or not with_wave:
        return False
    # From the column that was the newest to the end of the gap before the present one.
    columns = (points + 1 >> 1) + 1 + _GAP_COLUMNS
    _wave(canvas, view, newest >> 1, min(columns, _WAVE_COLUMNS))
    shown[_NEWEST] = view.wave_at
    return True


FOLDER = __file__[: __file__.rfind("oximeter")] + "oximeter/ui/"


def _is_new(view, shown):
    """Note what is to be shown, as coarsely as it is drawn."""
    number = view.picture
    tenths = field.NONE if view.battery_pct < 0 else view.battery_pct // 10
    anew = _note(shown, _PICTURE, number)
    anew |= _note(shown, _BATTERY, tenths)
    anew |= _note(shown, _PULSE, view.pulse_bpm)
    anew |= _note(shown, _PROGRESS, view.progress)
    anew |= _note(shown, _FLAGS, view.old << 1 | view.calibrated)
    if number == field.OK:
        anew |= _note(shown, _LEVEL, _level(view.perfusion_millipct, view.quality))
    if number == field.OK or number == picture.RESULT:
        anew |= _note(shown, _SPO2, view.spo2_pct)
        anew |= _note(shown, _MARKS, view.marks)
        anew |= _note(shown, _VERDICT, view.verdict)
    if number == picture.RESULT or number == picture.LINK:
        anew |= _note(shown, _COUNT, view.count)
    elif picture.WORDS <= number <= picture.WORDS + terms.BELOW:
        anew |= _note(shown, _VERDICT, view.verdict)
        anew |= _note(shown, _COUNT, _says_last(view))
    return anew


def _says_last(view):
    """Whether words are marked as past just now: where they ask for another measurement too, the
    two take turns in the one place there is, two seconds each."""
    return view.old and not (view.verdict & terms.AGAIN and view.count & 2)


def _note(shown, place, value):
    if shown[place] == value:
        return False
    shown[place] = value
    return True


def _level(perfusion_millipct, quality):
    """Strength of the signal, 0 … 5: the poorer of perfusion (0.1 % … 1.6 %) and quality."""
    level = 0
    while perfusion_millipct >= 100 and level < 5:
        perfusion_millipct >>= 1
        level += 1
    if level * 20 > quality:
        level = quality // 20
    return level


def _compose(pack, canvas, view, number):
    pack.seek(number << 10)
    pack.readinto(canvas)
    if number == field.OK:
        _live(pack, canvas, view)
    elif number == picture.RESULT:
        _result(pack, canvas, view)
    elif number != picture.DISTRESS and number != picture.WINTER:
        _sentence(pack, canvas, view, number)
    if view.old:
        at = 0
        while at < 1024:
            canvas[at] ^= 255
            at += 1


def _live(pack, canvas, view):
    _saturation(pack, canvas, view, picture.LARGE)
    _number(pack, canvas, 2 * _WIDTH, view.pulse_bpm)
    if view.marks & terms.MARK_SUSPECT_SWAP:
        _shape(pack, canvas, _HEART_X, picture.SUSPECT_SWAP)
    if view.progress:
        _upwards(canvas, view.progress)
    _level_meter(canvas, view.shown[_LEVEL])
    _battery(canvas, 6, _BATTERY_X, view.shown[_BATTERY])
    if not view.calibrated:
        _shape(pack, canvas, _WAVE_AT + _UNCALIBRATED_X, picture.UNCALIBRATED)


def _result(pack, canvas, view):
    _saturation(pack, canvas, view, picture.MEDIUM)
    _number(pack, canvas, 0, view.pulse_bpm)
    if view.old:
        x = _shape(pack, canvas, 4 * _WIDTH, picture.LAST if view.count >= 0 else picture.ORDINAL)
        x += _figures(pack, canvas, 4 * _WIDTH + x + 3, str(abs(view.count))) + 3
        if view.count >= 0:
            _shape(pack, canvas, 4 * _WIDTH + x + 1, picture.SECONDS)
    else:
        _shape(pack, canvas, 4 * _WIDTH, picture.VERDICT + (view.verdict & terms.VERDICT))
        _again(pack, canvas, view, 4)
    x = 0
    if not view.calibrated:
        x = _shape(pack, canvas, _WAVE_AT, picture.DEMO)
    if view.marks & terms.MARK_BASELINE:
        # Beside the other one there is no room below.
        at = 4 * _WIDTH + _AGAIN_X if x else _WAVE_AT
        if not (x and view.verdict & terms.AGAIN and not view.old):
            _shape(pack, canvas, at, picture.BASELINE)
    if view.marks & terms.MARK_OXYGEN:
        _shape(pack, canvas, _WAVE_AT + _OXYGEN_X, picture.OXYGEN)
    elif not view.old:
        _icon(pack, canvas, _WAVE_AT + _ICON_X, view)


def _icon(pack, canvas, at, view):
    """The verdict as a shape: a tick, a question, a warning, a cross, an arrow back, an alarm."""
    _shape(pack, canvas, at, picture.ICON + min(view.verdict & terms.VERDICT, terms.CALL))


def _again(pack, canvas, view, page):
    if view.verdict & terms.AGAIN:
        _shape(pack, canvas, page * _WIDTH + _AGAIN_X, picture.AGAIN)


def _sentence(pack, canvas, view, number):
    if number != picture.FAILED and number < picture.WORDS:
        _battery(canvas, 0, _SENTENCE_BATTERY_X, view.shown[_BATTERY])
    if number == field.SEARCHING or number == picture.SELF_TEST:
        _progress(canvas, _SENTENCE_PROGRESS_X, _SENTENCE_WIDTH, view.progress)
    if number == picture.FAILED:
        _centred(pack, canvas, view.phone)
    elif number == picture.LINK:
        _centred(pack, canvas, str(view.count), picture.SECONDS)
    elif picture.WORDS <= number <= picture.WORDS + terms.BELOW:
        _icon(pack, canvas, 0, view)
        if _says_last(view):
            _shape(pack, canvas, _OXYGEN_X, picture.LAST)
        else:
            _again(pack, canvas, view, 0)
    elif number <= field.MOTION and view.pulse_bpm >= 0:
        number = str(view.pulse_bpm)
        x = _WIDTH - _figures(pack, None, 0, number)
        _figures(pack, canvas, _WAVE_AT + x, number)
        _shape(pack, canvas, _WAVE_AT + x - 14, picture.HEART)


def _saturation(pack, canvas, view, size):
    """The saturation; `<70` below the range, two dashes where there is none."""
    percent = view.spo2_pct
    before = field.NONE  # what stands before the tens
    if percent < 0:
        tens = units = _DASH
    else:
        if percent < 70 or view.marks & terms.MARK_BELOW_RANGE:
            before = _LESS
            percent = 70
        elif percent >= 100:
            before = 1
            percent = 0
        tens = percent // 10
        units = percent % 10
    gap = 2 if size == picture.LARGE else 1
    at = _NUMBER_X + 3 * gap
    if before != field.NONE:
        at = _NUMBER_X + _shape(pack, canvas, _NUMBER_X, size + before) + 1
    at += _shape(pack, canvas, at, size + tens) + gap
    # A narrow 1 goes in the middle of its place.
    _shape(pack, canvas, at + 3 * gap if units == 1 else at, size + units)


def _number(pack, canvas, at, number):
    """A pulse rate, 32 rows high, at the right border; two dashes where there is none."""
    at += _WIDTH - 15
    if number < 0:
        _shape(pack, canvas, at, picture.MEDIUM + _DASH)
        _shape(pack, canvas, at - 16, picture.MEDIUM + _DASH)
        return
    while True:
        digit = number % 10
        _shape(pack, canvas, at + 3 if digit == 1 else at, picture.MEDIUM + digit)
        number //= 10
        if number == 0:
            return
        at -= 16


def _figures(pack, canvas, at, figures):
    """Small numerals from canvas byte `at`; their width. Without a canvas only measured."""
    width = 0
    for figure in figures.encode():
        if 48 <= figure < 58:
            width += _shape(pack, canvas, at + width, picture.SMALL + figure - 48) + 1
    return width - 1


def _centred(pack, canvas, figures, unit=field.NONE):
    """Small numerals in the last line, and a unit behind them."""
    width = _figures(pack, None, 0, figures)
    if unit != field.NONE:
        width += 3 + _shape(pack, None, 0, unit)
    at = _WAVE_AT + max(0, (_WIDTH - width) // 2)
    at += _figures(pack, canvas, at, figures)
    if unit != field.NONE:
        _shape(pack, canvas, at + 3, unit)


def _shape(pack, canvas, at, number):
    """Store a shape of the pack at canvas byte `at`; its width. What does not fit is left out."""
    pack.seek(_INDEX_AT + 4 * number)
    head = pack.read(4)
    width = head[2]
    if canvas is None or (at & 127) + width > _WIDTH:
        return width
    pack.seek(_BITMAPS_AT + (head[1] << 8 | head[0]))
    pack.readinto(_buffer)
    start = 0
    pages = head[3]
    while pages:
        canvas[at : at + width] = _buffer[start : start + width]
        at += _WIDTH
        start += width
        pages -= 1
    return width


def _column(canvas, at, bits):
    canvas[at] = bits & 255
    canvas[at + _WIDTH] = bits >> 8


def _progress(canvas, x, end, percent):
    """A bar 12 rows high on pages 0 and 1 from column x to column end - 1."""
    filled = x + 2 + (end - x - 4) * percent // 100
    at = x
    while at < end:
        if at < filled or at < x + 2 or at >= end - 2:
            _column(canvas, at, 0x3FFC)
        else:
            _column(canvas, at, 0x300C)
        at += 1


def _upwards(canvas, percent):
    """How far a live number is from being settled: six blocks from page 5 to page 0, and a dot for
    each that is missing. No stroke: beside a number that would be one more numeral."""
    page = 0
    while page < 6:
        bits = 0x7E if percent * 6 >= 100 * (6 - page) else 0x18
        for x in (0, 1, 2):
            canvas[page * _WIDTH + _PROGRESS_X + x] = bits
        page += 1


def _level_meter(canvas, level):
    """Five steps one above the other; a step that is missing is a dot."""
    reached = 0
    step = 0
    while step < level:
        reached |= 0x6000 >> 3 * step
        step += 1
    at = _WAVE_AT + _LEVEL_X
    for x in (0, 1, 3, 4):
        _column(canvas, at + x, reached)
    _column(canvas, at + 2, 0x6DB6)


def _battery(canvas, page, x, tenths):
    """A standing battery of 7 x 16 pixels; nothing where its charge is unknown."""
    if tenths < 0:
        return
    at = page * _WIDTH + x
    filled = (0x3FF << 14 - tenths & 0x3FFF) | 0x8004
    for column in (0, 6):
        _column(canvas, at + column, 0xFFFC)
    _column(canvas, at + 1, filled)
    for column in (2, 3, 4):
        _column(canvas, at + column, filled | 3)
    _column(canvas, at + 5, filled)


def _wave(canvas, view, column, count):
    """Columns of the pulse wave: a line two rows thick through the points of each."""
    wave = view.wave
    newest = view.wave_at
    head = newest >> 1
    while count:
        count -= 1
        column &= _WAVE_COLUMNS - 1
        at = _WAVE_AT + column
        ahead = column - head & _WAVE_COLUMNS - 1
        if 0 < ahead <= _GAP_COLUMNS:
            _column(canvas, at, 0)
        else:
            point = column * 2
            high = low = wave[point]
            value = wave[point - 1 & 127]
            if value > high:
                high = value
            elif value < low:
                low = value
            if point != newest:  # else the column's second point is still of the last round
                value = wave[point + 1]
                if value > high:
                    high = value
                elif value < low:
                    low = value
            # Rows 1 … 15; row 0 keeps the wave from what stands above.
            bits = (2 << 16 - (low * 15 >> 8)) - (1 << 15 - (high * 15 >> 8))
            _column(canvas, at, bits & 0xFFFF)
        column += 1
