"""A calibration to look at: pairs and curve, what is left, and how devices would agree."""

from pathlib import Path

import numpy as np

from host_tools.calibrate import evidence
from host_tools.calibrate.curve import HIGHEST_PCT, LOWEST_PCT
from host_tools.calibrate.verb import Design
from sim.patient.optics import spo2_of_ratio

_NAMES = {"SaO2": "arterial SaO2", "oximeter": "SpO2 of the other oximeter"}


def draw(of: Design, path: Path) -> None:
    """Three panels as a picture of the kind that the path's ending names. Raises OSError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    pairs, curve = of.pairs, of.calibration.curve
    reference = _NAMES[pairs.kind]
    figure = Figure(figsize=(13, 4.6), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    at_ratio, left, agreed = figure.subplots(1, 3, width_ratios=(1.3, 1, 1))

    people = pairs.subjects
    shade = np.array([people.index(subject) for subject in pairs.subject.tolist()])
    dots = {"c": shade, "cmap": "turbo", "s": 14, "linewidths": 0}
    at_ratio.scatter(pairs.ratio, pairs.reference, alpha=0.25 + 0.75 * of.weight, **dots)
    ratios = np.linspace(curve.ratio(HIGHEST_PCT), curve.ratio(LOWEST_PCT), 200)
    at_ratio.plot(ratios, spo2_of_ratio(ratios), color="0.6", ls="--", label="default curve")
    at_ratio.plot(ratios, curve.spo2_pct(ratios), color="k", label="this curve")
    at_ratio.set(xlabel="ratio R", ylabel=f"{reference}, %")
    at_ratio.set_title(
        f"{len(pairs)} pairs of {len(people)} subjects, a colour each; faint: little weight",
        fontsize=9,
    )
    at_ratio.legend(fontsize=8)

    off = curve.spo2_pct(pairs.ratio) - pairs.reference
    left.scatter(pairs.ratio, off, alpha=0.25 + 0.75 * of.weight, **dots)
    left.axhline(0, color="k", lw=0.8)
    left.set(xlabel="ratio R", ylabel=f"curve − {reference}, points")
    left.set_title("residuals of the fit", fontsize=9)

    told = of.calibration.told["leave_one_subject_out"]["agreement"]
    without, judged = of.without[of.inside], pairs.reference[of.inside]
    agreed.scatter(judged + without / 2, without, **dots | {"c": shade[of.inside]})
    for name, style in (("lower_pct", "--"), ("bias_pct", "-"), ("upper_pct", "--")):
        figures = told[name]
        agreed.axhline(figures["value"], color="k", ls=style, lw=0.9)
        if figures["low"] is not None:
            agreed.axhspan(figures["low"], figures["high"], color="k", alpha=0.08, lw=0)
        agreed.annotate(
            f"{figures['value']:+.2f}",
            (1, figures["value"]),
            fontsize=8,
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
        )
    for low, _ in list(evidence.DECADES.values())[1:]:
        agreed.axvline(low, color="0.85", lw=0.8, zorder=0)
    agreed.set(xlabel="mean of both, %", ylabel="difference, points")
    agreed.set_title("Bland-Altman, by the curve of the others", fontsize=9)
    figure.suptitle(f"{of.calibration.batch}: evidence {of.calibration.evidence}", fontsize=11)
    figure.savefig(path)
