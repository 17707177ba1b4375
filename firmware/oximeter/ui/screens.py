"""The screens: draw(canvas, view) writes what a person sees into the display's 1024 bytes.

The canvas is in page format: page p holds rows 8p … 8p + 7, a byte a column, bit 0 on top. All
things stand on page borders, so that drawing is storing bytes; nothing is allocated but by the
iteration over a text, and a text is drawn only when a screen changes.

Only status `ok` shows a saturation. Every other screen is a sentence: what is wrong, what to do.

    page 0  血    9 9   8 8     .  ♥/分         page 0  脉搏太弱              battery
         2  氧    9 9   8 8   marks 7 2              2  手 暖 一 暖   twice the size
         4  %       9   8 8     .                    4
         6  wave ~~~~~~ level battery 未校准         6  wave ~~~~~~           ♥ 72
"""

from array import array

from micropython import const

from oximeter.core import field
from oximeter.ui import digits, glyphs, text

_WIDTH = const(128)

# Two points of the pulse wave share a column: 64 columns are the whole ring of 128.
_WAVE_COLUMNS = const(64)
_WAVE_AT = const(768)  # page 6, column 0
_GAP_COLUMNS = const(3)  # dark ahead of the newest point, so that the eye finds it

# Where things stand on the number screen, in columns.
_LABEL_WIDTH = const(16)
_LARGE_X = const(17)
_MARK_X = const(76)
_PULSE_X = const(89)
_LEVEL_X = const(65)
_BATTERY_X = const(72)
_UNCALIBRATED_X = const(80)
# And beside a sentence.
_SENTENCE_BATTERY_X = const(121)
_SENTENCE_WIDTH = const(118)

# Shapes of digits.py: a numeral is its own number, the others follow.
_LESS = const(10)
_DASH = const(11)
_HEART = const(12)
_MARKS = (
    (field.FLAG_IRREGULAR, 13),
    (field.FLAG_LOW_PERFUSION, 14),
    (field.FLAG_SUSPECT_SWAP, 15),
)
_SHOWN_FLAGS = (
    field.FLAG_IRREGULAR
    | field.FLAG_LOW_PERFUSION
    | field.FLAG_SUSPECT_SWAP
    | field.FLAG_BELOW_RANGE
)
# Statuses beside which a pulse may stand.
_WITH_PULSE = (field.SEARCHING, field.WEAK_PULSE, field.MOTION)

# What `draw` may find changed.
_BESIDE = const(1)  # what stands beside a sentence
_ALL = const(2)

# What `View.shown` remembers of the last drawing.
_STATUS = const(0)
_FLAGS = const(1)
_SPO2 = const(2)
_PULSE = const(3)
_LEVEL = const(4)
_BATTERY = const(5)
_CALIBRATED = const(6)
_PROGRESS = const(7)
_NEWEST = const(8)
_PROGRESS_X = const(9)  # where the bar begins, behind the first line
_FORGOTTEN = const(-2)


class View:
    """What there is to show; the app fills one and draws it again and again.

    The wave is a ring: `wave_at` is its newest point, 0 … 255 upwards. Between two drawings
    fewer than 128 points may be added, and points once written stay; call `forget` otherwise.
    """

    def __init__(self):
        self.status = field.STARTING
        self.flags = 0
        self.spo2_pct = field.NONE  # rounded_half_down
        self.pulse_bpm = field.NONE
        self.perfusion_millipct = field.NONE
        self.quality = 0  # 0 … 100
        self.wave = bytearray(128)
        self.wave_at = 0
        self.battery_pct = field.NONE
        self.language = "zh"
        self.calibrated = False
        self.progress = 0  # 0 … 100
        self.fault_name = ""
        self.held = None
        self.shown = array("h", [_FORGOTTEN] * 10)
        self.shown_language = None
        self.shown_fault_name = None

    def forget(self):
        """Draw everything next time: the canvas or the wave was changed by somebody else."""
        self.shown[_STATUS] = _FORGOTTEN


def rounded_half_down(centipct):
    """Hundredths of a percent to whole percent, halves down; NONE stays NONE.

    The one rounding of the saturation: screen and verdict use its result. By way of the one
    decimal that leaves the device, so that whoever rounds that gets what the screen showed.
    """
    if centipct < 0:
        return field.NONE
    return ((centipct + 4) // 10 + 4) // 10


def draw(canvas, view):
    """Bring the canvas (bytearray(1024)) up to date with the view; True when it changed.

    Costs next to nothing when nothing changed, and a few columns when only the wave went on.
    """
    status = view.status
    changed = _what_changed(view)
    with_wave = status == field.OK or status in _WITH_PULSE
    if changed == _ALL:
        page = 0
        while page < 1024:
            canvas[page : page + _WIDTH] = _DARK
            page += _WIDTH
        if status == field.OK:
            _numbers(canvas, view)
        else:
            _sentence(canvas, view)
            _beside_sentence(canvas, view)
        if with_wave:
            _wave(canvas, view, 0, _WAVE_COLUMNS)
        view.shown[_NEWEST] = view.wave_at
        return True
    if changed:
        _beside_sentence(canvas, view)
    newest = view.shown[_NEWEST]
    points = view.wave_at - newest & 127
    if points and with_wave:
        # From the column that was the newest to the end of the gap before the present one.
        columns = (points + 1 >> 1) + 1 + _GAP_COLUMNS
        if columns > _WAVE_COLUMNS:
            columns = _WAVE_COLUMNS
        _wave(canvas, view, newest >> 1, columns)
        view.shown[_NEWEST] = view.wave_at
        return True
    return changed != 0


_DARK = bytes(_WIDTH)

def _what_changed(view):
    """Note what is to be shown, as coarsely as it is drawn; 0, _BESIDE (the sentence) or _ALL."""
    shown = view.shown
    anew = _note(shown, _STATUS, view.status)
    tenths = field.NONE if view.battery_pct < 0 else view.battery_pct // 10
    anew |= _note(shown, _BATTERY, tenths)
    if view.language != view.shown_language or view.fault_name != view.shown_fault_name:
        view.shown_language = view.language
        view.shown_fault_name = view.fault_name
        anew = True
    if view.status == field.OK:
        anew |= _note(shown, _FLAGS, view.flags & _SHOWN_FLAGS)
        anew |= _note(shown, _SPO2, view.spo2_pct)
        anew |= _note(shown, _PULSE, view.pulse_bpm)
        anew |= _note(shown, _LEVEL, _level(view.perfusion_millipct, view.quality))
        anew |= _note(shown, _CALIBRATED, view.calibrated)
        return _ALL if anew else 0
    beside = _note(shown, _PULSE, view.pulse_bpm)
    beside |= _note(shown, _PROGRESS, view.progress)
    if anew:
        return _ALL
    return _BESIDE if beside and view.status in _WITH_PULSE else 0


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


def _numbers(canvas, view):
    *saturation, unit, uncalibrated = text.parts(view.language, field.OK)
    page = 0
    for label in saturation:
        _write(canvas, page, (_LABEL_WIDTH - text_width(label)) // 2, label)
        page += 2
    _saturation(canvas, view)
    at = _MARK_X
    for flag, mark in _MARKS:
        if view.flags & flag:
            _shape(canvas, at, mark, 2)
        at += 2 * _WIDTH
    x = _shape(canvas, _PULSE_X, _HEART, 2)
    _write(canvas, 0, x + 1, unit)
    _pulse(canvas, view.pulse_bpm)
    _level_meter(canvas, view.shown[_LEVEL])
    _battery(canvas, 6, _BATTERY_X, view.shown[_BATTERY])
    if not view.calibrated:
        room = _WIDTH - _UNCALIBRATED_X
        x = _UNCALIBRATED_X + (room - text_width(uncalibrated)) // 2
        _write(canvas, 6, x, uncalibrated)
        at = _WAVE_AT
        while at < 1024:
            if at & 127 >= _UNCALIBRATED_X:
                canvas[at] ^= 255
            at += 1


def _saturation(canvas, view):
    """The saturation, 48 rows high; `<70` below the range, two dashes where there is none."""
    percent = view.spo2_pct
    before = field.NONE  # what stands before the tens
    if percent < 0:
        tens = units = _DASH
    else:
        if percent < 70 or view.flags & field.FLAG_BELOW_RANGE:
            before = _LESS
            percent = 70
        elif percent >= 100:
            before = 1
            percent = 0
        tens = percent // 10
        units = percent % 10
    at = _LARGE_X + 6
    if before != field.NONE:
        at = _shape(canvas, _LARGE_X, before, 3, 2) + 1
    at = _shape(canvas, at, tens, 3, 2) + 2
    # A narrow 1 goes in the middle of its place.
    _shape(canvas, at + 5 if units == 1 else at, units, 3, 2)


def _pulse(canvas, number):
    """A pulse rate, 24 rows high, at the right border on pages 2 … 4."""
    at = 3 * _WIDTH - 11
    if number < 0:
        _shape(canvas, at, _DASH, 3)
        _shape(canvas, at - 13, _DASH, 3)
        return
    while True:
        digit = number % 10
        _shape(canvas, at + 2 if digit == 1 else at, digit, 3)
        number //= 10
        if number == 0:
            return
        at -= 13


def _sentence(canvas, view):
    wrong, todo, how = text.parts(view.language, view.status)
    battery = view.shown[_BATTERY]
    room = _WIDTH if battery < 0 else _SENTENCE_WIDTH
    x = 0 if view.status == field.SEARCHING else (room - text_width(wrong)) // 2
    view.shown[_PROGRESS_X] = text_width(wrong) + 4
    _write(canvas, 0, x, wrong)
    _battery(canvas, 0, _SENTENCE_BATTERY_X, battery)
    _write(canvas, 2, (_WIDTH - 2 * text_width(todo)) // 2, todo, 2)
    if view.status == field.SENSOR_FAULT:
        how = view.fault_name
    _write(canvas, 6, (_WIDTH - text_width(how)) // 2, how)


def _beside_sentence(canvas, view):
    """What goes on while a sentence stands: the progress, and a small pulse rate."""
    if view.status not in _WITH_PULSE:
        return
    if view.status == field.SEARCHING:
        _progress(canvas, view.shown[_PROGRESS_X], _SENTENCE_WIDTH, view.progress)
    at = _WAVE_AT + _WAVE_COLUMNS
    while at < 1024:
        if at & 64:
            canvas[at] = 0
        at += 1
    if view.pulse_bpm >= 0:
        number = str(view.pulse_bpm)
        x = _WIDTH - text_width(number)
        _write(canvas, 6, x, number)
        _shape(canvas, _WAVE_AT + x - 14, _HEART, 2)


def _shape(canvas, at, number, pages, scale=1):
    """Store a shape of digits.py at canvas byte `at`; returns the byte behind its first page."""
    number *= 2
    index = digits.INDEX
    start = index[number] << 8 | index[number + 1]
    width = ((index[number + 2] << 8 | index[number + 3]) - start) // pages
    if scale == 1:
        _store(canvas, at, digits.BITMAPS, start, width, pages)
    else:
        _store_double(canvas, at, digits.BITMAPS, start, width, pages, False)
    return at + width * scale


def _code(letters, at):
    """Code point that begins at this byte of UTF-8. Taking letters out of a string instead would
    make a name of each, which MicroPython keeps for ever."""
    first = letters[at]
    if first < 0x80:
        return first
    if first < 0xE0:
        return (first & 31) << 6 | letters[at + 1] & 63
    return (first & 15) << 12 | (letters[at + 1] & 63) << 6 | letters[at + 2] & 63


def _find(code):
    """Place of a letter in glyphs.INDEX, or -1: such a letter is left out."""
    index = glyphs.INDEX
    low = 0
    high = len(index) // 4 - 1
    while low < high:
        middle = low + high >> 1
        at = middle * 4
        here = index[at] << 8 | index[at + 1]
        if here == code:
            return at
        if here < code:
            low = middle + 1
        else:
            high = middle
    return -1


def text_width(words):
    """Width of a line in pixels; one dark column follows a narrow letter, none a Hanzi."""
    return _write(None, 0, 0, words)


def _write(canvas, page, x, words, scale=1):
    """A line on two pages, or doubled on four; a letter that does not fit is left out.

    Returns where the line ends; without a canvas it is only measured.
    """
    index = glyphs.INDEX
    letters = words.encode()
    i = 0
    while i < len(letters):
        code = _code(letters, i)
        i += 1 if code < 0x80 else 2 if code < 0x800 else 3
        at = _find(code)
        if at >= 0:
            start = index[at + 2] << 8 | index[at + 3]
            width = (index[at + 6] << 8 | index[at + 7]) - start >> 1
            if canvas is not None and 0 <= x <= _WIDTH - width * scale:
                if scale == 1:
                    _store(canvas, page * _WIDTH + x, glyphs.BITMAPS, start, width, 2)
                else:
                    _store_double(canvas, page * _WIDTH + x, glyphs.BITMAPS, start, width, 2, True)
            x += (width if width == 16 else width + 1) * scale
    return x


def _store(canvas, at, bitmaps, start, width, pages):
    while pages:
        column = 0
        while column < width:
            canvas[at + column] = bitmaps[start + column]
            column += 1
        at += _WIDTH
        start += width
        pages -= 1


# The four bits of the index with a dark bit after each.
_SPREAD = b"\x00\x01\x04\x05\x10\x11\x14\x15\x40\x41\x44\x45\x50\x51\x54\x55"


def _store_double(canvas, at, bitmaps, start, width, pages, widen):
    """Add a bitmap at twice its size to dark ground, its steps smoothed.

    Every pixel becomes four; a corner of those takes the colour of its two outer neighbours where
    they agree and the others do not (Mazzoleni's Scale2x, here for a column at a time). Widened,
    each column is added to the one at its left as well: strokes of 3 pixels at a height of 32,
    about the 1:10 that white on black needs.
    """
    left = here = 0
    column = 0
    while column <= width:
        right = 0
        if column < width:
            page = pages
            while page:
                page -= 1
                right = right << 8 | bitmaps[start + page * width + column]
        if column:
            up = here << 1
            down = here >> 1
            smooth = (left ^ right) & (up ^ down)
            # Where smooth, one of left and right is like up, and the other like down.
            with_left = smooth & ~(left ^ up)
            with_right = smooth & ~(right ^ up)
            upper_left = here & ~with_left | up & with_left
            upper_right = here & ~with_right | up & with_right
            lower_left = here & ~with_right | down & with_right
            lower_right = here & ~with_left | down & with_left
            to = at
            shift = 0
            while shift < pages * 8:
                bits = _SPREAD[upper_left >> shift & 15] | _SPREAD[lower_left >> shift & 15] << 1
                canvas[to] |= bits
                if widen and to & 127:
                    canvas[to - 1] |= bits
                bits = _SPREAD[upper_right >> shift & 15] | _SPREAD[lower_right >> shift & 15] << 1
                canvas[to + 1] |= bits
                if widen:
                    canvas[to] |= bits
                to += _WIDTH
                shift += 4
            at += 2
        left = here
        here = right
        column += 1


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
