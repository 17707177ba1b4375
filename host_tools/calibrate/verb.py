"""What `xueyang calibrate` does, without its command line."""

import dataclasses
from collections.abc import Callable, Sequence
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np

from host_tools.calibrate import document, evidence, fit, lot
from host_tools.calibrate.curve import Curve, CurveError, checked
from host_tools.calibrate.document import Calibration, DocumentError
from host_tools.calibrate.pairs import Pairs, PairsError, gather
from host_tools.evaluate import statistics

Progress = Callable[[int, int, str], None]
FAILURES = (PairsError, CurveError, DocumentError, evidence.Refused, lot.LotError)


@dataclasses.dataclass(frozen=True)
class Design:
    """A design's calibration with what its picture needs. inside: which pairs are in the curve's
    range; without: pair by pair, the difference of the curve that was fitted without its subject;
    weight: 0 to 1."""

    calibration: Calibration
    pairs: Pairs
    inside: np.ndarray
    without: np.ndarray
    weight: np.ndarray


def design(
    paths: Sequence[Path], batch: str, red_nm: float, progress: Progress = lambda *_: None
) -> Design:
    """The curve of a mechanical design. Raises one of FAILURES."""
    found = gather(paths, progress)
    pairs = fit.usable(found)
    inside = evidence.within(pairs)
    judged = pairs.where(inside)
    word = evidence.of(judged)
    raw, weight = fit.fit(pairs)
    curve = checked(raw)
    without = np.zeros(len(pairs))
    for number, (subject, differences) in enumerate(fit.without_each(pairs)):
        progress(number + 1, len(pairs.subjects), "leave one subject out")
        without[pairs.subject == subject] = differences
    groups = [without[inside & (pairs.subject == subject)] for subject in judged.subjects]
    rms = statistics.bootstrap(
        np.array([[(group**2).sum(), len(group)] for group in groups]), statistics.root
    )
    if rms.value > evidence.LIMIT_PCT:
        raise evidence.Refused(
            f"On subjects that it has not seen the curve is off by {rms.value:.1f} points rms, "
            f"and {evidence.LIMIT_PCT:g} are allowed: look for who or what is apart."
        )
    told = {
        "reference": pairs.kind,
        "subjects": len(judged.subjects),
        "pairs": len(judged),
        "outside_70_100": len(found) - len(judged),
        "fit": "Theil-Sen, then Tukey's biweight; each subject weighs the same",
        "without_weight": int((weight[inside] == 0).sum()),
        "leave_one_subject_out": {
            "rms_pct": _figures(rms),
            "agreement": _agreement(statistics.agreement(groups)),
            "decades": {
                name: round(float(np.sqrt(np.mean(without[his] ** 2))), 3)
                for name, (low, high) in evidence.DECADES.items()
                for his in [(pairs.reference >= low) & (pairs.reference < high)]
            },
            "subjects": {
                subject: {"pairs": len(group), "bias_pct": round(float(group.mean()), 3)}
                for subject, group in zip(judged.subjects, groups, strict=True)
            },
        },
        "inputs": [dataclasses.asdict(each) for each in pairs.inputs],
    }
    made = document.made("design", curve, word, batch, red_nm, told)
    return Design(made, pairs, inside, without, weight)


def for_lot(of: Calibration, name: str, red_nm: float, found: lot.Transfer) -> Calibration:
    """A lot's calibration from its design's. Raises one of FAILURES."""
    curve = lot_curve(of, red_nm)
    word, told = lot.derived(of, red_nm, curve, found)
    return document.made("lot", curve, word, name, red_nm, told)


def lot_curve(of: Calibration, red_nm: float) -> Curve:
    """Raises one of FAILURES."""
    if of.kind != "design":
        raise DocumentError("A lot's curve is made from that of a design, and this is a lot's.")
    return checked(lot.curve(of, red_nm))


def _figures(of: statistics.Estimate) -> dict[str, Any]:
    return {
        name: None if isnan(value) else round(value, 4)
        for name, value in (("value", of.value), ("low", of.low), ("high", of.high))
    }


def _agreement(of: statistics.Agreement) -> dict[str, Any]:
    return {
        "bias_pct": _figures(of.bias),
        "sd_within_pct": round(of.sd_within, 4),
        "sd_between_pct": round(of.sd_between, 4),
        "lower_pct": _figures(of.lower),
        "upper_pct": _figures(of.upper),
    }


# ---------------------------------------------------------------------------------- its own words

# Accuracy and Arms are words for arterial blood of people alone (ISO 80601-2-61).
_RMS_NAMES = {
    "human_sao2": "Arms against arterial SaO2, leave one subject out",
    "secondary": "rms difference from the other oximeter, leave one subject out",
}
_STANDS_FOR = {
    "human_sao2": "Evidence human_sao2: arterial blood of these people stands behind the curve.",
    "secondary": "Evidence secondary: the curve follows another oximeter, its errors included; no "
    "arterial blood stands behind it.",
    "none": "Evidence none: nothing that was measured stands behind this curve.",
}


def formula(curve: Curve) -> str:
    return f"SpO2 = {curve.a:.7f} R² {curve.b:+.7f} R {curve.c:+.7f}"


def render(of: Calibration) -> str:
    """What there is to say of a calibration, for people."""
    lines = [f"{of.kind} {of.batch}, red LED {of.red_nm:g} nm: {formula(of.curve)}"]
    lines.append(_STANDS_FOR[of.evidence])
    told = of.told
    if of.kind == "design":
        out = told["leave_one_subject_out"]
        agreed = out["agreement"]
        lines += [
            f"{told['pairs']} pairs of {told['subjects']} subjects, {told['without_weight']} of "
            f"them without weight; {told['outside_70_100']} more outside 70 to 100 %",
            f"{_RMS_NAMES[of.evidence]}: {_told(out['rms_pct'])} points",
            "by decade: " + ", ".join(f"{name} {pct:.2f}" for name, pct in out["decades"].items()),
            f"bias {_told(agreed['bias_pct'])}, limits of agreement {_told(agreed['lower_pct'])} "
            f"to {_told(agreed['upper_pct'])}; within a subject {agreed['sd_within_pct']:.2f}, "
            f"between subjects {agreed['sd_between_pct']:.2f} (standard deviations)",
        ]
    elif "r_transfer" in told:
        moved = told["r_transfer"]
        points = [(was, read) for was, read in moved["points"]]
        lines.append(
            f"R-transfer{' (virtual)' if moved['virtual'] else ''}: {len(points)} ratios, at most "
            f"{100 * moved['worst']:.2f} % off, which are {lot.off_pct(of.curve, points):.2f} "
            f"points of SpO2"
        )
    return "\n".join(lines)


def _told(figures: dict[str, Any]) -> str:
    value, low, high = (
        nan if figures[name] is None else figures[name] for name in ("value", "low", "high")
    )
    return f"{value:.2f}" if isnan(low) else f"{value:.2f} [{low:.2f} to {high:.2f}]"
