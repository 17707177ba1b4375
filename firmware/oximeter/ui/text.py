"""Every text that the screens show, once, by language.

A third language is one more tuple here; `python -m host_tools.glyphs` then fetches its letters.
A status has three lines: what is wrong (16 px high), what to do (32 px), and how (16 px).
Widths at most 118, 128 and 128 pixels; the sentence to do is the one that must be understood.
"""

# The order of the lines is that of core.reading.STATUS_NAMES.
_ZH = (
    ("", "", ""),  # ok: numbers, see screens
    ("正在开机", "请稍候", ""),
    ("请勿动", "正在测量", ""),  # searching: progress stands beside the first line
    ("脉搏太弱", "手暖一暖", ""),
    ("手在动 测不准", "请勿动", ""),
    ("没测到手指", "放入手指", "指肚贴住小窗"),
    ("光线太强", "遮住手指", "用布或另一只手"),
    ("反光太强", "放正手指", "轻轻贴住小窗"),
    ("传感器故障", "联系村医", ""),  # fault_name stands on the third line
    ("红光红外接反", "联系村医", "不能测血氧"),
    ("电池没电了", "请换电池", "两节7号电池"),
    ("插着线时不测", "拔USB线", "拔下后再测"),
)

_EN = (
    ("", "", ""),
    ("Starting up", "Wait", ""),
    ("Hold still", "Measuring", ""),
    ("Pulse is weak", "Warm hand", ""),
    ("Hand is moving", "Hold still", ""),
    ("No finger found", "Finger in", "pad on the window"),
    ("Too much light", "Cover it", "shade the finger"),
    ("Too much glare", "Lie finger", "flat on the window"),
    ("Sensor fault", "Get help", ""),
    ("Lights swapped", "Get help", "no oxygen reading"),
    ("Battery is empty", "Replace", "two AAA cells"),
    ("No test on cable", "Unplug", "then measure"),
)

# Which lines the number screen carries: three labels one above the other beside the saturation,
# the unit behind the heart, and the mark of an instrument whose curve no blood has tested.
_LABELS_ZH = ("血", "氧", "%", "/分", "未校准")
_LABELS_EN = ("Sp", "O2", "%", "/min", "uncal.")
SATURATION = 0  # … 2
UNIT = 3
UNCALIBRATED = 4

# Names of faults and pulse rates are put together from these.
SPELLING = "0123456789:_abcdefghijklmnopqrstuvwxyz"


def lines(language):
    """The three lines of every status, in the order of core.reading.STATUS_NAMES."""
    return _ZH if language == "zh" else _EN


def labels(language):
    """The labels of the number screen."""
    return _LABELS_ZH if language == "zh" else _LABELS_EN
