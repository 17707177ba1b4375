"""The numbers of the guided measurement: its phases, the verdicts, the marks of a reading.

What is built of them folds them into its own code (sim/vm/compact.py), so they cost a device no
memory.
"""

# Fields of the guide's state.
PHASE = 0
SINCE_MS = 1
LIMIT_MS = 2  # how long this phase may last; 0: it has no limit

# Phases.
SELF_TEST = 0
INSERT = 1  # waits for a finger
MEASURING = 2  # something lies on the window, and there is no number
LIVE = 3  # a number, not settled
RESULT = 4  # settled once, the finger still there
HELD = 5  # the settled result, while no number is live
OTHER_FINGER = 6
FAILED = 7
FAULT = 8
MENU = 9
RECORDS = 10
PERSON = 11
NOTICE = 12  # what a gesture has set, for two seconds
LINK = 13
OFF = 14
PHASES = 15

# What may happen to a phase.
PASSED = 0  # the self-test is over
FAULTY = 1
GONE = 2  # no finger
TOUCHED = 3  # a finger, no number
NUMBER = 4
SETTLED = 5
NEW_FINGER = 6  # one came after none was there
LATE = 7  # the phase has lasted as long as it may
TRIED = 8  # one finger was tried long enough
SPENT = 9  # two fingers, or 90 seconds
EVENTS = 10

# What the one button can mean.
TURN = 0  # the picture by 180 degrees
LONGER = 1  # keep the held result for another minute
ANEW = 2  # try again
OPEN = 3  # the menu
NEXT = 4
CHOOSE = 5
MUTE = 6  # silent, or not any more
LEAVE = 7  # back to waiting for a finger

# Items of the menu.
ITEM_RECORDS = 0
ITEM_PERSON = 1
ITEM_OXYGEN = 2
ITEM_SILENT = 3
ITEM_LANGUAGE = 4
ITEM_LINK = 5
ITEM_OFF = 6
ITEMS = 7

# Verdicts, the worse the higher.
GREEN = 0
UNJUDGED = 1
ATTENTION = 2
DOCTOR = 3
RECHECK = 4
CALL = 5
BELOW = 6
VERDICT = 7  # the bits of a verdict; beside them:
AGAIN = 8  # once more, because the error estimate crosses a line

# Marks of a reading.
MARK_OXYGEN = 1
MARK_BASELINE = 2
MARK_BELOW_RANGE = 4
MARK_SUSPECT_SWAP = 8
# And of one in the log: the evidence behind the calibration; with neither there is none.
MARK_SECONDARY = 16
MARK_HUMAN_SAO2 = 32

# What the board is used for besides measuring, set by the console and dropped by a reset.
MODE_HOME = 0
MODE_FACTORY = 1
MODE_RECORDING = 2
