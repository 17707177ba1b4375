"""What the algorithm must reach, as data: the one place where a bound is written.

A `Figure` says how a number comes out of the results' columns, a `Target` what it must be in one
row of the matrix (or one set of recordings) and what it should be (`aim`). How it is judged
(`summary.py`):

- A bound holds only if the unfavourable end of the 95 % interval meets it.
- Under `statistics.FEW` units there is no interval: judged by the value, and labelled so.
- A bound of zero, and one that every case must meet: the count of those that do not is 0 in the
  stated n, with 3/n printed. A rate or share of which no unit showed a single miss is judged like
  it: the bootstrap of nothing but zeros has no width, and 3/n says what that is worth.
- A row is met only with all its figures, the shown share among them.
- No single cell may be over twice its row's bound, for a share over twice the allowed miss. Cells
  are judged by their value: they have few cases each, and their intervals would say nothing.

Columns are those of one result (`measure.py`): sums over the rows of one case, so that a pooled
figure is a ratio of sums over cases. Results of recordings use the same names; what they add is
listed at `RECORDINGS`.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["ratio", "root", "count", "every", "percentile", "correlation"]


@dataclass(frozen=True)
class Figure:
    """How a number is taken from the results of a row.

    ratio, root: sum of `top` over sum of `under` (its root for root). count: the sum of `top`.
    every: `top` of the worst case, None counting as never. percentile: the 95th of `top` over
    cases. correlation: of the six sums in `top`, separated by blanks. `matters` is the smallest
    change that somebody would notice or a bound would feel; a comparison keeps still below it.
    `only_bound`: what lies within the bound is as good as anything else within it.
    """

    title: str
    unit: str
    kind: Kind
    top: str
    under: str = ""
    digits: int = 2
    matters: float = 0.0
    only_bound: bool = False


# Shares are in percent in the tables and as fractions here; `unit` "%" makes the printing do it.
FIGURES = {
    "spo2_rms": Figure("SpO2 rms", "points", "root", "spo2_err_sq", "shown", matters=0.05),
    "spo2_bias": Figure("SpO2 bias", "points", "ratio", "spo2_err_sum", "shown", 3, matters=0.05),
    "shown": Figure("SpO2 shown", "%", "ratio", "shown", "seconds", 1, matters=0.01),
    "over_4": Figure(
        "shown but off by > 4 points", "%", "ratio", "over_4", "shown", matters=0.005
    ),
    "within_3": Figure("within 3 points", "%", "ratio", "within_3", "seconds", 1, matters=0.02),
    "crb": Figure(
        "SpO2 rms / Cramér-Rao bound", "x", "root", "spo2_err_sq", "crb_sq", matters=0.2
    ),
    "pulse_rms": Figure("pulse rms", "bpm", "root", "pulse_err_sq", "pulse_shown", matters=0.2),
    "pulse_over_3": Figure(
        "pulse off by > 3 bpm", "s", "count", "pulse_over_3", digits=0, matters=1
    ),
    "pulse_over_5": Figure(
        "shown but off by > 5 bpm", "%", "ratio", "pulse_over_5", "pulse_shown", matters=0.01
    ),
    "pulse_within_5": Figure(
        "pulse within 5 bpm", "%", "ratio", "pulse_within_5", "seconds", 1, matters=0.02
    ),
    "pulse_doubled": Figure(
        "doubled or halved", "s", "count", "pulse_doubled", digits=0, matters=1
    ),
    "not_marked": Figure(
        "shown without below_range", "s", "count", "not_marked", digits=0, matters=1
    ),
    "fault_words": Figure("a fault word", "s", "count", "fault_words", digits=0, matters=1),
    "number_shown": Figure(
        "a number where none is due", "s", "count", "number_shown", digits=0, matters=1
    ),
    "irregular": Figure(
        "minutes called irregular", "%", "ratio", "irregular_minutes", "minutes", 1, matters=0.02
    ),
    "first": Figure(
        "first reading, 95th percentile", "s", "percentile", "first_s", digits=1, matters=0.5
    ),
    "word": Figure("the right word after", "s", "every", "word_after_s", digits=1, matters=0.5),
    "swap": Figure("suspect_swap after", "s", "every", "swap_after_s", digits=1, matters=1),
    "t90": Figure("90 % of the step after", "s", "every", "t90_s", digits=1, matters=0.5),
    "overshoot": Figure("overshoot", "points", "every", "overshoot_pct", matters=0.2),
    "rate": Figure("pulse off by, worst", "%", "every", "rate_err", matters=0.002),
    "gone": Figure("the number gone after", "s", "every", "gone_after_s", digits=1, matters=0.2),
    "covered": Figure("error within 2 sd", "%", "ratio", "covered", "shown", 1, matters=0.02),
    "covered_010": Figure(
        "the same where sd ≥ 0.10",
        "%",
        "ratio",
        "covered_sd_010",
        "shown_sd_010",
        1,
        matters=0.02,
        only_bound=True,
    ),
    "correlation": Figure(
        "correlation",
        "",
        "correlation",
        "pairs ref_sum dev_sum ref_sq dev_sq ref_dev",
        matters=0.02,
    ),
    "pulse_within_3": Figure(
        "shown pulse within 3 bpm", "%", "ratio", "pulse_within_3", "pulse_shown", 1, matters=0.01
    ),
    "pulse_apart": Figure(
        "two boards apart by, worst", "bpm", "every", "pulse_err_max", digits=1, matters=0.2
    ),
}


@dataclass(frozen=True)
class Target:
    """One bound. `side`: the figure is at "most" or at "least" `must`; "within" means ± `must`."""

    figure: str
    side: Literal["most", "least", "within"]
    must: float
    aim: float | None = None


@dataclass(frozen=True)
class Row:
    """One line of the table: a row of the matrix with all that it must reach."""

    key: str
    title: str
    targets: tuple[Target, ...]


def _most(figure: str, must: float, aim: float | None = None) -> Target:
    return Target(figure, "most", must, aim)


def _least(figure: str, must: float, aim: float | None = None) -> Target:
    return Target(figure, "least", must, aim)


def _within(figure: str, must: float, aim: float | None = None) -> Target:
    return Target(figure, "within", must, aim)


def _still(rms: float) -> tuple[Target, ...]:
    return (
        _most("spo2_rms", rms, rms / 2),
        _within("spo2_bias", 0.1, 0.05),
        _least("shown", 0.99, 0.995),
        _most("pulse_rms", 0.5, 0.25),
        _most("pulse_over_3", 0),
    )


def _weak(shown: float) -> tuple[Target, ...]:
    return (_most("crb", 2, 1.3), _least("shown", shown))


_BEATS = (
    _most("pulse_doubled", 0),
    _most("pulse_rms", 2),
    _most("spo2_rms", 0.5),
    _least("shown", 0.95),
)


def _motion(
    within_3: float, aim_3: float, pulse_within_5: float, aim_5: float
) -> tuple[Target, ...]:
    return (
        _most("over_4", 0.01),
        _most("pulse_over_5", 0.02),
        _least("within_3", within_3, aim_3),
        _least("pulse_within_5", pulse_within_5, aim_5),
    )


_NO_NUMBER = (_most("number_shown", 0), _most("word", 3))

# The table of section 2 of the requirement, in its order.
ROWS = (
    Row("still_pi1", "still, 70-100 %, 30-250 bpm, PI ≥ 1 %", _still(0.15)),
    Row("still_pi03", "still, 70-100 %, 30-250 bpm, PI 0.3 %", _still(0.3)),
    Row(
        "below_range",
        "still, 50-69 %",
        (
            _most("spo2_rms", 0.5),
            _most("not_marked", 0),
            _most("fault_words", 0),
            _least("shown", 0.99),  # no share is asked for; that of the other still rows is taken
        ),
    ),
    Row("weak_02", "PI 0.2 %, noise x 0.5, 1, 2", _weak(0.95)),
    Row("weak_01", "PI 0.1 %, noise x 0.5, 1, 2", _weak(0.90)),
    Row("weak_005", "PI 0.05 %, noise x 0.5, 1, 2", _weak(0.70)),
    Row(
        "wander",
        "wander, respiration, flicker, PI 1 %",
        (_most("spo2_rms", 0.5), _within("spo2_bias", 0.2), _least("shown", 0.95)),
    ),
    Row("dicrotic", "strong dicrotic wave", _BEATS),
    Row("elderly", "weak elderly pulse", _BEATS),
    Row("premature", "premature beats 12 %", _BEATS),
    Row(
        "fibrillation",
        "atrial fibrillation, interval CV 22 %",
        (
            _most("spo2_rms", 0.5),
            _least("shown", 0.95),
            _most("pulse_rms", 4),
            _least("irregular", 0.95),
        ),
    ),
    Row("sinus", "sinus rhythm, hard to tell from it", (_most("irregular", 0.02),)),
    Row("motion_05", "motion, real mix, 0.5 x the pulse", _motion(0.75, 0.95, 0.85, 0.97)),
    Row("motion_1", "motion, real mix, 1 x the pulse", _motion(0.60, 0.85, 0.75, 0.92)),
    Row("motion_3", "motion, real mix, 3 x the pulse", _motion(0.30, 0.60, 0.50, 0.80)),
    Row(
        "motion_ideal",
        "motion, ideal mix, 1 x the pulse",
        (_most("spo2_rms", 0.5), _least("shown", 0.95)),
    ),
    Row("fault_no_finger", "no finger", _NO_NUMBER),
    Row("fault_object", "an object", _NO_NUMBER),
    Row("fault_saturated", "saturated", _NO_NUMBER),
    Row("fault_sunlight", "sunlight", _NO_NUMBER),
    Row("fault_failed_reads", "failed reads", _NO_NUMBER),
    Row("fault_dead_led", "one dead LED", _NO_NUMBER),
    Row("swap", "LEDs swapped, not marked, true ≥ 96", (_most("swap", 8),)),
    Row("step", "step 97 to 85, PI ≥ 1 %", (_most("t90", 8, 6), _most("overshoot", 1))),
    Row("clock", "sensor clock -4 to +45 %, drifting", (_most("rate", 0.01),)),
    Row("finger_off", "finger off", (_most("gone", 2),)),
)

# The first reading, pooled over the rows named.
FIRST = (
    (("still_pi1", "still_pi03"), "still", _most("first", 6, 4)),
    (("weak_02",), "PI 0.2 %", _most("first", 10)),
)

# Its own error estimate, in every row that shows a number.
CALIBRATED = (_least("covered", 0.90), _most("covered_010", 0.99))

# Sets of recordings: a result is a recording, its unit the `subject`. Where the reference is a
# number to compare with, a result adds `pairs` (seconds with both), the sums of reference and
# device and of their squares and product (`ref_sum dev_sum ref_sq dev_sq ref_dev`), and the ends
# `ref_min`, `ref_max`; luong adds `pulse_within_3`. In these sets `seconds` are the rows where a
# number is due and `pulse_shown` those shown that have a reference.
RECORDINGS = (
    Row("emotibit", "EmotiBit", (_most("spo2_rms", 0.9), _least("correlation", 0.8))),
    Row("luong", "luong", (_least("pulse_within_3", 0.97), _least("shown", 0.90))),
    Row(
        "alsementsov",
        "alsementsov, superb and good, PI ≥ 0.2 %",
        (_least("shown", 0.98), _most("pulse_over_5", 0.01)),
    ),
    Row("no_pulse", "spells without a pulse", (_most("number_shown", 0),)),
    Row("two_boards", "two boards, one clock 43 % fast", (_most("pulse_apart", 1),)),
)
LEAST_SPAN = 8.0  # points of reference; a set that spans less supports no statement on SpO2


@dataclass(frozen=True)
class Verdict:
    """One line of the verdict table, over settled readings, one a case.

    `true` and `shown` are the ends of the two ranges, in percent; `shown` is compared with the
    integer on the screen, the truth as it is. `least` is the number of readings
    without which the line is not decided.
    """

    key: str
    title: str
    side: Literal["low", "high"]
    true: float
    shown: int | None
    must: float
    least: int = 1


VERDICTS = (
    Verdict("low_as_95", "true ≤ 93 shown ≥ 95", "low", 93, 95, 0.0, 3000),
    Verdict("low_as_94", "true ≤ 90 shown ≥ 94", "low", 90, 94, 0.0),
    Verdict("high_as_93", "true ≥ 96 shown ≤ 93", "high", 96, 93, 0.005),
    Verdict("low_unsettled", "true ≤ 90 not settled in 90 s, still", "low", 90, None, 0.05),
)
# Still cases at PI ≥ 0.2 %, where a settled result is due.
SETTLES = ("still_pi1", "still_pi03", "below_range", "weak_02", "verdict_low", "verdict_high")
SETTLED_WITHIN_S = 90.0
# Where the hardware lies about itself, the number does too: only the factory phase can tell.
NO_VERDICT = ("swap", "swap_low")
