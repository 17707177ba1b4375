"""Numbers of the pictures and shapes in a language's pack, for its maker and for the screens.

A pack begins with the pictures, 1024 bytes each, in this order, then four bytes for every shape
(where it begins behind them, 16 bits; its width; its pages), then the shapes. The first twelve
pictures are the statuses of core/field.py.
"""

SELF_TEST = 12
TOO_HARD = 13
CLEAN = 14
OTHER_FINGER = 15
FAILED = 16
SETTINGS_LOST = 17
RECORDING = 18
LINK = 19
NO_RECORDS = 20
RESULT = 21
WORDS = 22  # and the six behind it: the verdicts of verdict.py
DISTRESS = 29
WINTER = 30
IRREGULAR = 31
FAULT = 32  # and the four behind it: the faults of core/field.py
MENU = 37  # and the six behind it
PERSON = 44  # and the four behind it
SILENT_ON = 49
SILENT_OFF = 50
OXYGEN_ON = 51
OXYGEN_OFF = 52
PICTURES = 53

LARGE = 0  # 48 rows: ten numerals, less-than, dash
MEDIUM = 12  # 32 rows, the same
SMALL = 24  # 16 rows, ten numerals
HEART = 34
SUSPECT_SWAP = 35
VERDICT = 36  # and the six behind it
UNCALIBRATED = 43
DEMO = 44
BASELINE = 45
OXYGEN = 46
AGAIN = 47
LAST = 48
SECONDS = 49
ORDINAL = 50
ICON = 51  # and the five behind it: shapes of the verdicts, the last two alike
SHAPES = 57

# fmt: off
NAMES = [
    "ok", "starting", "searching", "weak_pulse", "motion", "no_finger", "too_bright",
    "saturated", "sensor_fault", "leds_swapped", "low_battery", "usb_power", "self_test",
    "too_hard", "clean", "other_finger", "failed", "settings_lost", "recording", "link",
    "no_records", "result", "words_green", "words_unjudged", "words_attention", "words_doctor",
    "words_recheck", "words_call", "words_below", "distress", "winter", "irregular",
    "fault_nack", "fault_bus", "fault_fifo", "fault_id", "fault_dead_led", "menu_last",
    "menu_person", "menu_oxygen", "menu_silent", "menu_language", "menu_link", "menu_off",
    "person_0", "person_1", "person_2", "person_3", "person_4", "silent_on", "silent_off",
    "oxygen_on", "oxygen_off",
]
# fmt: on
# fmt: off
PIECES = [
    "green", "unjudged", "attention", "doctor", "recheck", "call", "below", "uncalibrated",
    "demo", "baseline", "oxygen", "again", "last", "seconds", "ordinal",
]
# fmt: on
