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

from oximeter.core.pipeline import field
from oximeter.ui import digits, text
from oximeter.ui.glyphs import BITMAPS, INDEX

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
_SENTENCE_BATTERY_X = const(121)
_SENTENCE_WIDTH = const(118)  # of the first line, beside the battery

_MARKS = (
    (field.FLAG_IRREGULAR, digits.ICON_IRREGULAR),
    (field.FLAG_LOW_PERFUSION, digits.ICON_LOW_PERFUSION),
    (field.FLAG_SUSPECT_SWAP, digits.ICON_SUSPECT_SWAP),
)
_SHOWN_FLAGS = (
    field.FLAG_IRREGULAR
    | field.FLAG_LOW_PERFUSION
    | field.FLAG_SUSPECT_SWAP
    | field.FLAG_BELOW_RANGE
)
# Statuses beside which a pulse may stand.
_WITH_PULSE = (field.SEARCHING, field.WEAK_PULSE, field.MOTION)

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
        self.shown = array("h", [_FORGOTTEN] * 9)
        self.shown_language = None
        self.shown_fault_name = None

    def forget(self):
        """Draw everything next time: the canvas or the wave was changed by somebody else."""
        self.shown[_STATUS] = _FORGOTTEN


def rounded_half_down(centipct):
    """Hundredths of a percent to whole percent, halves down; NONE stays NONE.

    The one rounding of the saturation: screen and verdict use its result.
    """
    if centipct < 0:
        return field.NONE
    return (centipct + 49) // 100


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

_BESIDE = const(1)
_ALL = const(2)


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
    labels = text.labels(view.language)
    for row in (0, 1, 2):
        label = labels[text.SATURATION + row]
        _write(canvas, row * 2, (_LABEL_WIDTH - text_width(label)) // 2, label)
    _saturation(canvas, view)
    page = 0
    for flag, mark in _MARKS:
        if view.flags & flag:
            _shape(canvas, page * _WIDTH + _MARK_X, digits.ICON, digits.ICON_AT, mark, 2)
        page += 2
    x = _icon(canvas, 0, _PULSE_X, digits.ICON_HEART)
    _write(canvas, 0, x + 1, labels[text.UNIT])
    _small_number(canvas, view.pulse_bpm)
    _level_meter(canvas, view.shown[_LEVEL])
    _battery(canvas, 6, _BATTERY_X, view.shown[_BATTERY])
    if not view.calibrated:
        label = labels[text.UNCALIBRATED]
        room = _WIDTH - _UNCALIBRATED_X
        _write(canvas, 6, _UNCALIBRATED_X + (room - text_width(label)) // 2, label)
        at = 6 * _WIDTH + _UNCALIBRATED_X
        while at < 1024:
            if at & 127 >= _UNCALIBRATED_X:
                canvas[at] ^= 255
            at += 1


def _saturation(canvas, view):
    """The saturation, 48 rows high; `<70` below the range, two dashes where there is none."""
    percent = view.spo2_pct
    large = digits.LARGE
    large_at = digits.LARGE_AT
    pages = digits.LARGE_PAGES
    if percent < 0:
        at = _shape(canvas, _LARGE_X + 6, large, large_at, digits.LARGE_DASH, pages)
        _shape(canvas, at + 2, large, large_at, digits.LARGE_DASH, pages)
        return
    at = _LARGE_X
    if percent < 70 or view.flags & field.FLAG_BELOW_RANGE:
        at = _shape(canvas, at, large, large_at, digits.LARGE_LESS, pages) + 1
        percent = 70
    elif percent >= 100:
        at = _shape(canvas, at, large, large_at, 1, pages) + 1
        percent = 0
    else:
        at += 6
    at = _shape(canvas, at, large, large_at, percent // 10, pages) + 2
    units = percent % 10
    if units == 1:
        at += 6  # the narrow 1 in the middle of its place
    _shape(canvas, at, large, large_at, units, pages)


def _small_number(canvas, number):
    """A pulse rate, 24 rows high, at the right border on pages 2 … 4."""
    at = 3 * _WIDTH
    small = digits.SMALL
    small_at = digits.SMALL_AT
    if number < 0:
        _shape(canvas, at - 13, small, small_at, digits.SMALL_DASH, digits.SMALL_PAGES)
        _shape(canvas, at - 27, small, small_at, digits.SMALL_DASH, digits.SMALL_PAGES)
        return
    while True:
        digit = number % 10
        at -= 14
        _shape(
            canvas,
            at + (5 if digit == 1 else 2),
            small,
            small_at,
            digit,
            digits.SMALL_PAGES,
        )
        number //= 10
        if number == 0:
            return


def _sentence(canvas, view):
    wrong, todo, how = text.lines(view.language)[view.status]
    battery = view.shown[_BATTERY]
    room = _WIDTH if battery < 0 else _SENTENCE_WIDTH
    x = 0 if view.status == field.SEARCHING else (room - text_width(wrong)) // 2
    _write(canvas, 0, x, wrong)
    _battery(canvas, 0, _SENTENCE_BATTERY_X, battery)
    _write_double(canvas, 2, (_WIDTH - 2 * text_width(todo)) // 2, todo)
    if view.status == field.SENSOR_FAULT:
        how = view.fault_name
    _write(canvas, 6, (_WIDTH - text_width(how)) // 2, how)


def _beside_sentence(canvas, view):
    """What goes on while a sentence stands: the progress, and a small pulse rate."""
    if view.status not in _WITH_PULSE:
        return
    if view.status == field.SEARCHING:
        wrong = text.lines(view.language)[view.status][0]
        _progress(canvas, text_width(wrong) + 4, _SENTENCE_WIDTH, view.progress)
    at = _WAVE_AT + _WAVE_COLUMNS
    while at < 1024:
        if at & 64:
            canvas[at] = 0
        at += 1
    if view.pulse_bpm >= 0:
        number = str(view.pulse_bpm)
        x = _WIDTH - text_width(number)
        _write(canvas, 6, x, number)
        _icon(canvas, 6, x - 14, digits.ICON_HEART)


def _shape(canvas, at, bitmaps, index, number, pages):
    """Store shape `number` of a set at canvas byte `at`; returns where the next may begin."""
    number *= 2
    start = index[number] << 8 | index[number + 1]
    width = ((index[number + 2] << 8 | index[number + 3]) - start) // pages
    _store(canvas, at, bitmaps, start, width, pages)
    return at + width


def _icon(canvas, page, x, number):
    return _shape(canvas, page * _WIDTH + x, digits.ICON, digits.ICON_AT, number, 2) & 127


def _store(canvas, at, bitmaps, start, width, pages):
    while pages:
        column = 0
        while column < width:
            canvas[at + column] = bitmaps[start + column]
            column += 1
        at += _WIDTH
        start += width
        pages -= 1


def _find(character):
    """Place of a letter in INDEX, or -1: such a letter is left out."""
    code = ord(character)
    low = 0
    high = len(INDEX) // 4 - 1
    while low < high:
        middle = low + high >> 1
        at = middle * 4
        here = INDEX[at] << 8 | INDEX[at + 1]
        if here == code:
            return at
        if here < code:
            low = middle + 1
        else:
            high = middle
    return -1


def _letter_width(at):
    return ((INDEX[at + 6] << 8 | INDEX[at + 7]) - (INDEX[at + 2] << 8 | INDEX[at + 3])) >> 1


def text_width(words):
    """Width of a line in pixels; one dark column follows a narrow letter, none a Hanzi."""
    width = 0
    for character in words:
        at = _find(character)
        if at >= 0:
            letter = _letter_width(at)
            width += letter if letter == 16 else letter + 1
    return width


def _write(canvas, page, x, words):
    """A line 16 pixels high on two pages; a letter that does not fit is left out."""
    for character in words:
        at = _find(character)
        if at >= 0:
            width = _letter_width(at)
            if 0 <= x <= _WIDTH - width:
                start = INDEX[at + 2] << 8 | INDEX[at + 3]
                _store(canvas, page * _WIDTH + x, BITMAPS, start, width, 2)
            x += width if width == 16 else width + 1


# The four bits of the index with a dark bit after each.
_SPREAD = b"\x00\x01\x04\x05\x10\x11\x14\x15\x40\x41\x44\x45\x50\x51\x54\x55"


def _write_double(canvas, page, x, words):
    """A line twice the size on four pages, its steps smoothed and its stems widened.

    Every pixel becomes four; a corner of those takes the colour of its two outer neighbours where
    they agree (Mazzoleni's Scale2x, here for sixteen rows at a time). Each column is then stored
    over the one to its left as well: strokes of 3 pixels at a height of 32, about the 1:10 that
    white on black needs.
    """
    for character in words:
        at = _find(character)
        if at >= 0:
            width = _letter_width(at)
            start = INDEX[at + 2] << 8 | INDEX[at + 3]
            if 0 <= x <= _WIDTH - 2 * width:
                left = 0
                here = BITMAPS[start] | BITMAPS[start + width] << 8
                to = page * _WIDTH + x
                column = 0
                while column < width:
                    right = 0
                    column += 1
                    if column < width:
                        right = BITMAPS[start + column] | BITMAPS[start + width + column] << 8
                    up = here << 1 & 65535
                    down = here >> 1
                    smooth_row = left ^ right
                    smooth = smooth_row & (up ^ down)
                    # Where smooth, exactly one of left and right equals up; the other equals down.
                    with_left = smooth & ~(left ^ up)
                    with_right = smooth & ~(right ^ up)
                    # Upper corners take up where their side agrees, lower corners take down.
                    _thick(
                        canvas,
                        to,
                        here & ~with_left | up & with_left,
                        here & ~with_right | down & with_right,
                    )
                    _thick(
                        canvas,
                        to + 1,
                        here & ~with_right | up & with_right,
                        here & ~with_left | down & with_left,
                    )
                    to += 2
                    left = here
                    here = right
            x += 2 * (width if width == 16 else width + 1)


def _thick(canvas, at, upper, lower):
    """Add a column of 32 rows, given as its even and its odd rows, and widen it to the left."""
    page = 0
    while page < 4:
        bits = _SPREAD[upper & 15] | _SPREAD[lower & 15] << 1
        if bits:
            canvas[at] |= bits
            if at & 127:
                canvas[at - 1] |= bits
        at += _WIDTH
        upper >>= 4
        lower >>= 4
        page += 1


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
            canvas[at] = 0
            canvas[at + _WIDTH] = 0
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
            bits = (2 << (271 - low >> 4)) - (1 << (255 - high >> 4)) & 65535
            canvas[at] = bits & 255
            canvas[at + _WIDTH] = bits >> 8
        column += 1
