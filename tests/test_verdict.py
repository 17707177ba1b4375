"""The verdict table: every line, every pair of neighbours, and no green without evidence."""

from decimal import ROUND_HALF_DOWN, Decimal
from itertools import product

import pytest

from sim.door import field, settings, terms, verdict

GREEN, UNJUDGED, ATTENTION, DOCTOR, RECHECK, CALL, BELOW = range(7)
SURE = 10  # hundredths of a point
PULSE = 72


def unit(evidence: str = "human_sao2", baseline: tuple = ()) -> settings.Settings:
    told = settings.Settings()
    told.evidence = evidence
    if evidence != "none":
        told.date, told.batch = 20261124, "B-1"
    told.baseline = baseline
    settings.check(told)
    return told


def own(percent: int) -> tuple:
    return ((9800, percent), (9800, percent), (9801, percent))


def expected(spo2_pct: int) -> int:
    """The table of the issue, written down once more."""
    if spo2_pct < 70:
        return BELOW
    if spo2_pct <= 90:
        return CALL
    return {91: RECHECK, 92: RECHECK, 93: DOCTOR, 94: ATTENTION}.get(spo2_pct, GREEN)


def test_the_numbers_are_in_order_of_badness() -> None:
    names = ("GREEN", "UNJUDGED", "ATTENTION", "DOCTOR", "RECHECK", "CALL", "BELOW")
    assert [getattr(terms, name) for name in names] == list(range(7))


@pytest.mark.parametrize("spo2_pct", range(50, 106))
def test_every_percent_has_the_verdict_of_the_table(spo2_pct: int) -> None:
    assert verdict.judge(spo2_pct, PULSE, SURE, 0, unit()) == expected(spo2_pct)


@pytest.mark.parametrize("evidence", ["none", "secondary"])
def test_no_green_without_arterial_blood_whatever_else(evidence: str) -> None:
    """Every percent, pulse, error, mark and baseline, and a settings record that claims more."""
    for baseline in ((), own(88), own(94)):
        told = unit(evidence, baseline)
        told.calibrated = True  # type: ignore[attr-defined]
        for spo2_pct, pulse, sd, marks in product(
            range(60, 106), (-1, 30, 60, 100, 140), (-1, 0, 10, 60), range(16)
        ):
            got = verdict.judge(spo2_pct, pulse, sd, marks, told)
            assert got & terms.VERDICT != GREEN
    for claim in ("HUMAN_SAO2", "human", "human_sao2 ", "", "sao2"):
        told = unit()
        told.evidence = claim
        assert verdict.judge(99, PULSE, SURE, 0, told) == UNJUDGED
        with pytest.raises(ValueError, match="evidence"):
            settings.encode(told)
    told = unit()
    told.batch = ""
    with pytest.raises(ValueError, match="evidence"):
        settings.encode(told)


@pytest.mark.parametrize(
    ("pulse", "sd", "marks"),
    [
        (-1, SURE, 0),
        (PULSE, -1, 0),
        (PULSE, SURE, terms.MARK_OXYGEN),
        (PULSE, SURE, terms.MARK_SUSPECT_SWAP),
    ],
    ids=["no pulse", "no error", "oxygen", "swap"],
)
def test_no_green_with_evidence_either(pulse: int, sd: int, marks: int) -> None:
    assert verdict.judge(99, PULSE, SURE, 0, unit()) == GREEN
    assert verdict.judge(99, pulse, sd, marks, unit()) == UNJUDGED
    assert verdict.judge(93, pulse, sd, marks, unit()) == DOCTOR


@pytest.mark.parametrize("spo2_pct", range(60, 101))
@pytest.mark.parametrize("pulse", [0, 39, 131, 220])
def test_a_pulse_out_of_bounds_raises_any_verdict_by_one(spo2_pct: int, pulse: int) -> None:
    plain = expected(spo2_pct)
    raised = plain if plain >= CALL else max(plain, UNJUDGED) + 1
    assert verdict.judge(spo2_pct, pulse, SURE, 0, unit()) == raised
    for ordinary in (40, 130):
        assert verdict.judge(spo2_pct, ordinary, SURE, 0, unit()) == plain


@pytest.mark.parametrize("spo2_pct", range(66, 101))
@pytest.mark.parametrize("sd", [0, 49, 50, 51, 120, 149, 150, 300])
def test_an_error_that_crosses_a_line_takes_the_worse_side(spo2_pct: int, sd: int) -> None:
    """Halves go down, by way of the one decimal that a row of the replay has."""
    tenths = Decimal(100 * spo2_pct - sd) / 100
    tenths = tenths.quantize(Decimal("0.1"), rounding=ROUND_HALF_DOWN)
    lowest = int(tenths.quantize(Decimal(1), rounding=ROUND_HALF_DOWN))
    got = verdict.judge(spo2_pct, PULSE, sd, 0, unit())
    assert got & terms.VERDICT == expected(lowest)
    assert bool(got & terms.AGAIN) == (expected(lowest) > expected(spo2_pct))


@pytest.mark.parametrize(
    ("base", "attention", "doctor", "recheck", "call"),
    [
        (94, [92], [91], [90], 89),
        (93, [91], [90], [89], 88),
        (92, [90], [89], [88], 87),
        (91, [89], [88], [87], 86),
        (90, [88], [87], [86], 85),
        (89, [87], [86], [], 85),
        (88, [86], [], [], 85),
    ],
)
def test_a_personal_baseline_moves_the_lines(
    base: int, attention: list, doctor: list, recheck: list, call: int
) -> None:
    told = unit(baseline=own(base))
    for spo2_pct in range(60, 101):
        want = BELOW if spo2_pct < 70 else CALL if spo2_pct <= call else GREEN
        want = ATTENTION if spo2_pct in attention else want
        want = DOCTOR if spo2_pct in doctor else want
        want = RECHECK if spo2_pct in recheck else want
        got = verdict.judge(spo2_pct, PULSE, SURE, terms.MARK_BASELINE, told)
        assert got == want, (spo2_pct, base)
        # Without the mark (no clock, too old) the lines of everybody hold.
        assert verdict.judge(spo2_pct, PULSE, SURE, 0, told) == expected(spo2_pct)
    assert call <= 90


def test_below_the_range_is_called_for() -> None:
    for spo2_pct in range(40, 106):
        got = verdict.judge(spo2_pct, PULSE, SURE, terms.MARK_BELOW_RANGE, unit())
        assert got == BELOW
    assert verdict.judge(69, PULSE, SURE, terms.MARK_BASELINE, unit(baseline=own(88))) == BELOW


def test_less_oxygen_is_never_a_better_verdict() -> None:
    for base, pulse, sd, marks in product((0, 88, 91, 94), (35, 72, 140), (0, 50, 200), range(4)):
        told = unit(baseline=own(base) if base else ())
        if not base:
            marks &= ~terms.MARK_BASELINE
        verdicts = [
            verdict.judge(n, pulse, sd, marks, told) & terms.VERDICT for n in range(100, 59, -1)
        ]
        assert verdicts == sorted(verdicts)


def test_a_pure_function() -> None:
    told = unit()
    before = dict(vars(told))
    once = [verdict.judge(n, PULSE, 60, 0, told) for n in range(60, 101)]
    assert once == [verdict.judge(n, PULSE, 60, 0, told) for n in range(60, 101)]
    assert vars(told) == before


def test_rounding_takes_halves_down() -> None:
    for centipct in range(0, 11000):
        replayed = (Decimal(centipct) / 100).quantize(Decimal("0.1"), rounding=ROUND_HALF_DOWN)
        exact = replayed.quantize(Decimal(1), rounding=ROUND_HALF_DOWN)
        assert verdict.rounded_half_down(centipct) == int(exact), centipct
    assert verdict.rounded_half_down(field.NONE) == field.NONE


def test_the_worse_of_two() -> None:
    for one, other in product(range(16), repeat=2):
        got = verdict.worse(one, other)
        assert got in (one, other)
        assert got & 7 == max(one & 7, other & 7)
