"""What pairs are evidence of, and when they are too few or too much alike.

ISO 80601-2-61 asks for pairs against arterial blood over 70 to 100 %, in practice at least 200 of
at least 10 healthy adults, and lets no simulator stand for people. How they are to be spread it
says in words; the numbers below are ours: each of the three decades has a quarter of the pairs or
more and comes from half of the people or more, and the ends are reached within 3 points.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from host_tools.calibrate.curve import HIGHEST_PCT, LOWEST_PCT
from host_tools.calibrate.pairs import Pairs

DECADES = {"70 to 79 %": (70.0, 80.0), "80 to 89 %": (80.0, 90.0), "90 to 100 %": (90.0, 100.1)}
DECADE_SHARE = 1 / 4
DECADE_SUBJECTS = 1 / 2
ENDS_PCT = 3.0
PAIRS_A_SUBJECT = 10  # who gives fewer does not count as a subject
LIMIT_PCT = 4.0  # of the rms difference, from subjects that the curve has not seen (the same ISO)


@dataclass(frozen=True)
class Rule:
    """What a kind of evidence asks for at least."""

    evidence: str
    subjects: int
    pairs: int


RULES = {"SaO2": Rule("human_sao2", 10, 200), "oximeter": Rule("secondary", 5, 100)}


class Refused(Exception):
    """These pairs are no evidence; the text is a sentence that says why."""


def within(pairs: Pairs) -> NDArray[np.bool_]:
    """Which lie in the range of the curve: they are counted and judged."""
    return (pairs.reference >= LOWEST_PCT) & (pairs.reference <= HIGHEST_PCT)


def of(pairs: Pairs) -> str:
    """The word for the settings, human_sao2 or secondary, by pairs `within`. Raises Refused."""
    rule = RULES.get(pairs.kind)
    if rule is None:
        raise Refused(
            "A simulator gives back the ratio that it was told, and knows of no blood: its pairs "
            "are evidence of nothing."
        )
    counts = {subject: int((pairs.subject == subject).sum()) for subject in pairs.subjects}
    enough = [subject for subject, count in counts.items() if count >= PAIRS_A_SUBJECT]
    if len(enough) < rule.subjects:
        raise Refused(
            f"{len(enough)} subjects have {PAIRS_A_SUBJECT} pairs or more, and {rule.evidence} "
            f"needs {rule.subjects}."
        )
    if len(pairs) < rule.pairs:
        raise Refused(f"There are {len(pairs)} pairs, and {rule.evidence} needs {rule.pairs}.")
    for name, (low, high) in DECADES.items():
        inside = (pairs.reference >= low) & (pairs.reference < high)
        if inside.sum() < DECADE_SHARE * len(pairs):
            raise Refused(
                f"{int(inside.sum())} of {len(pairs)} pairs lie in {name}, and a quarter of them "
                "must in each decade."
            )
        people = len(set(pairs.subject[inside].tolist()))
        if people < DECADE_SUBJECTS * len(pairs.subjects):
            raise Refused(
                f"{people} of {len(pairs.subjects)} subjects have pairs in {name}, and half of "
                "them must in each decade."
            )
    lowest, highest = float(np.min(pairs.reference)), float(np.max(pairs.reference))
    if lowest > LOWEST_PCT + ENDS_PCT or highest < HIGHEST_PCT - ENDS_PCT:
        raise Refused(
            f"The references go from {lowest:.1f} to {highest:.1f} %, and must from "
            f"{LOWEST_PCT + ENDS_PCT:g} or less to {HIGHEST_PCT - ENDS_PCT:g} or more."
        )
    return rule.evidence
