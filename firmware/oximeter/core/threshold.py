"""What it takes to be a reading: the thresholds of evaluation.py and judgement.py. Like layout.py,
nothing of this file is left on a device."""

EXPLAINED_Q10 = 614  # of the energy on the harmonics of one rate
PARTLY_EXPLAINED_Q10 = 205  # with two premature beats in 8 s a fifth of it is left
# A larger estimated error is no reading. Only a weak pulse has noise for its excuse: at PI 0.05 %
# and twice the usual noise nobody reads better than to 2.2 points in 8 s (Cramer-Rao), and this is
# 1.7 times that. In a strong one the hand has moved.
WEAK_SD_CENTIPCT = 370
SD_CENTIPCT = 125
WEAK_MILLIPCT = 150
LOW_PERFUSION_MILLIPCT = 300
MOTION_PERFUSION_MILLIPCT = 15000
# What is followed through movement.
FOLLOWED_AT_MOST = 120  # seconds; then it has to be seen clearly again
FOLLOWED_WIDTH_Q3 = 24  # of rates 7 nats and less below the best, 9 a minute to either side
FOLLOWED_MOST_CENTIPCT = 170
# Where the hand is one source the ratio is not drawn to the hand's, and a larger deviation is
# still one of the heart alone.
ONE_MOST_CENTIPCT = 240
SHARP_Q24 = 90000  # (0.073 of ratio)^2: those 2.4 points
BESIDE_MOST_CENTIPCT = 220  # where not even the ratio is seen, the rate is a guess
STIRRED = 6  # seconds
LOST = 6  # seconds without a number; what then comes back must be what went,
BACK_Q12 = 410  # within 0.1 of ratio
ALONE_Q10 = 870  # 85 % explained: nothing else of note is in the light
BESIDE_Q10 = 768  # 75 %: the hand's part may be as large as a quarter of the heart's
LAMP_MILLIPCT = 30  # of one line: noise in a weak pulse makes 20, a lamp of 0.1 % of the light 60
# Beats are of a size while their heights deviate by less than this part of the mean. In
# fibrillation the time that a beat had to fill rules its height; a hand may look so, too, before a
# heart was seen.
EVEN = 8
EVEN_KNOWN = 6  # a heart was seen clearly before
EVEN_IRREGULAR = 5  # and its beats had no order
SURE_MILLIPCT = 500  # weaker waves scatter from line to line by noise alone
APART_Q12 = 250  # 0.06 of ratio, 2 points
STRANGE_Q12 = 300  # 0.073 of ratio, some 2.5 points
TIMELY = 5  # beats in 8 s that keep time; by chance four do
RHYTHM_S = 8  # what stands on one comb by chance has left the window then
FEW_BEATS = 8  # fewer say nothing of rhythm
REGULAR_Q10 = 768  # of the energy on one comb is no disorder
# 0.35, which light without a heart goes beyond in one window of 8 s of twenty; fibrillation has
# 0.4 to 2, with a smooth wave up to some 120 a minute.
SKEWED_Q10 = 358
SMOOTH_MILLIHZ = 830  # 50 a minute: faster, a damped pulse may be all but a sine
FASTEST_MILLIHZ = 4300  # 258 a minute
# Nothing beyond these is shown: the range declared is 25 to 250, and an edge is measured, too.
SLOWEST_DECIBPM = 240
FASTEST_DECIBPM = 2580  # FASTEST_MILLIHZ
OUT_OF_REACH_HIGH_Q12 = 6554  # 1.6, SpO2 61 on the default curve
OUT_OF_REACH_LOW_Q12 = 819  # 0.2, SpO2 106
# What no line shows of the error: rounding, and what breathing and drift leave on the heart's own
# lines. (0.04 points)², in sixteenths of a centipercent.
SD_FLOOR_Q8 = 4096
