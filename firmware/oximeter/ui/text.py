"""Every text that the screens show, once, by language.

The statuses stand in the order of their numbers. A status has a line of three parts behind its
name: what is wrong (16 px high), what to do (32 px) and how (16 px). They may be 118, 128 and 128
pixels wide; the part in the middle is the one that must be understood. A language is one string,
because a string for every part would take four times the memory. A third language is one more
table; `python -m host_tools.glyphs` then fetches its letters.

Behind `ok` stand the labels of the number screen: three one above the other beside the
saturation, the unit behind the heart, and the mark of an instrument whose curve was never tested
on blood.
"""

_ZH = """
ok|血|氧|%|/分|未校准
starting|正在开机|请稍候|
searching|请勿动|正在测量|
weak_pulse|脉搏太弱|手暖一暖|
motion|手在动 测不准|请勿动|
no_finger|没测到手指|放入手指|指肚贴住小窗
too_bright|光线太强|遮住手指|用布或另一只手
saturated|反光太强|放正手指|轻轻贴住小窗
sensor_fault|传感器故障|联系村医|
leds_swapped|红光红外接反|联系村医|不能测血氧
low_battery|电池没电了|请换电池|两节7号电池
usb_power|插着线时不测|拔USB线|拔下后再测
"""

_EN = """
ok|Sp|O2|%|/min|uncal.
starting|Starting up|Wait|
searching|Hold still|Measuring|
weak_pulse|Pulse is weak|Warm hand|
motion|Hand is moving|Hold still|
no_finger|No finger found|Finger in|pad on the window
too_bright|Too much light|Cover it|shade the finger
saturated|Too much glare|Lie finger|flat on the window
sensor_fault|Sensor fault|Get help|
leds_swapped|Lights swapped|Get help|no oxygen reading
low_battery|Battery is empty|Replace|two AAA cells
usb_power|No test on cable|Unplug|then measure
"""

LANGUAGES = ("zh", "en")
# For whoever helps by telephone: the words behind `fault:` in core.field.FLAG_NAMES, in its order.
FAULT_NAMES = ("nack", "bus", "fifo", "id", "dead_led")


def parts(language, status):
    """The texts of a status (its number in core.field), in the order of the tables above."""
    table = _EN if language == "en" else _ZH
    begin = 0
    while status >= 0:
        begin = table.find("\n", begin) + 1
        status -= 1
    begin = table.find("|", begin) + 1
    return table[begin : table.find("\n", begin)].split("|")
