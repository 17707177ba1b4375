"""Where a running pipeline keeps what it holds: `pipeline.new` makes the parts of the state in
this order, and S is one of them, an array of scalars. Nothing of this file is left on a device:
the numbers go where they are used (sim/vm/compact.py)."""

# Parts of the state.
OUT = 0
S = 1
LN_IR = 2
LN_RED = 3
RE = 4
IM = 5
COSINES = 6
BEATS = 7
TREND = 8
SPARE = 9
LEFT = 10
TRACK = 11
# Scalars, state[S].
# What a new finger clears, up to and with PHASE.
SUM_IR = 0
SUM_RED = 1
SUMMED = 2
AGE = 3  # ticks since a finger came
DARK = 4  # ticks for which one channel was dark
SPAN = 5  # height of the wave on the screen, ln Q22
ACCEPTED = 6  # evaluations accepted since a finger came
MISSES = 7  # evaluations without success since the last accepted one
IRREGULAR = 8  # above 0: the rhythm was without order at one of the last eight evaluations
KNOWN_STRENGTH = 9  # of the wave that is followed, 1/1000 percent; 0: none is
DOUBTED = 10  # evaluations in a row that were strange against them
BEATS_AGREE = 11  # 1: the single beats have the rate of the spectrum
CLEAN = 12  # ticks of undisturbed signal, up to the ring's length
FILLED = 13  # ticks in the rings since a finger came, disturbed or not
PHASE = 14  # ticks until the next evaluation starts; negative inside one
# What stays.
CHANNELS = 15
LAST_IR = 16
LAST_RED = 17
BRIDGED = 18
FAILED = 19
CLIPPED = 20
LAST_T_MS = 21
ANCHOR_T_MS = 22
ANCHOR_SAMPLES = 23
NEXT_T_MS = 24
NEXT_SAMPLES = 25
RATE_MILLIHZ = 26
HEAD = 27
SIZE = 28
SHIFT = 29
DISTURBED = 30  # ticks since the last disturbance
BASE = 31  # slow mean of ln ir, for that wave
GAP = 32
CURVE_A = 33
CURVE_B = 34
CURVE_C = 35
STARTED = 36
LONGEST = 37  # ticks after a beat when the next one is overdue
WHOLE = 38  # 1: the window under evaluation is as long as they get
BESIDE_DECIBPM = 39  # rate of a heart that is followed without a ratio, or NONE
UNDISTURBED = 40  # 1: the window under evaluation is
MISPACED = 41  # 1: samples come at a rate no sensor set to 100/s has
ODD = 42  # 1: this tick ends no step
WARM_CENTI_C = 43  # of the die above 25 C
SURE_Q12 = 44  # ratio and rate that were last shown
SURE_DECIBPM = 45
# The last ticks, moved on one by one from RED_4 down to LN_1.
LN_1 = 46  # ln ir one, two and three ticks ago
LN_2 = 47
LN_3 = 48
IR_1 = 49  # light one to four ticks ago
IR_2 = 50
IR_3 = 51
IR_4 = 52
RED_1 = 53
RED_2 = 54
RED_3 = 55
RED_4 = 56
LAMP = 57  # 1: a lamp stood among the lines of the last window and was taken out
SCALARS_LENGTH = 58
