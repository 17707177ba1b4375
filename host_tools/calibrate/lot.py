"""A lot's curve, by the peak wavelength of its red LEDs, and the proof that its units read ratios.

The lot's ratio at a saturation is that of the design times what Beer-Lambert says of the other
wavelength (sim/patient/optics.py), and the lot's curve is the parabola through those. That it is
right on people follows from the design's pairs and from this physics. What is measured on the lot
is R-transfer: a reflectance simulator sets ratios, a unit reads them. It knows no wavelength, and
so proves the unit's electronics and optics, not the curve.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from host_tools.calibrate import table
from host_tools.calibrate.curve import HIGHEST_PCT, LOWEST_PCT, Curve
from host_tools.calibrate.document import Calibration
from host_tools.evaluate.measure import on_core
from sim.door import field
from sim.patient import Person, Scene, optics, record

REACH_NM = 10.0  # off the design's: the LED's whole range by the MAX30102 datasheet
TRANSFER = 0.02  # of the ratio that was set
LEAST_POINTS = 5
ENDS_PCT = 3.0
_BENT_PCT = 0.1  # how far the parabola may miss
_SETTLED_S = 20.0


class LotError(Exception):
    """The lot gets no curve; the text is a sentence that says why."""


@dataclass(frozen=True)
class Transfer:
    """Ratios that were set and read; virtual: by the simulated person, not by a unit."""

    points: tuple[tuple[float, float], ...]
    told: dict[str, Any]
    virtual: bool = False

    @property
    def worst(self) -> float:
        """The largest deviation, as a fraction of what was set."""
        return max(abs(read / was - 1) for was, read in self.points)


def curve(design: Calibration, red_nm: float) -> Curve:
    """The curve for this peak wavelength, from the design's. Raises LotError, CurveError."""
    shift_nm = red_nm - design.red_nm
    if abs(shift_nm) > REACH_NM:
        raise LotError(
            f"{red_nm:g} nm is {abs(shift_nm):.1f} nm off the design's {design.red_nm:g}: beyond "
            f"{REACH_NM:g} nm a lot needs pairs of its own."
        )
    spo2 = np.linspace(LOWEST_PCT, HIGHEST_PCT, 61)
    ratios = np.array([design.curve.ratio(pct) for pct in spo2])
    moved = ratios * _factor(red_nm, spo2) / _factor(design.red_nm, spo2)
    bent = Curve(*np.polyfit(moved, spo2, 2))
    off = np.abs(bent.spo2_pct(moved) - spo2).max()
    if off > _BENT_PCT:
        raise LotError(f"No parabola follows the lot's ratios: it would be {off:.2f} points off.")
    return bent


def _factor(red_nm: float, spo2: np.ndarray) -> np.ndarray:
    return optics.ratio_factor(red_nm - optics.RED_NM, spo2)


def transfer(file: Path) -> Transfer:
    """The table of a station: set_ratio, read_ratio, and perhaps die_c, with a sidecar whose
    "reference" is simulator. Raises LotError.

    A unit reads its ratio as it would be at 25 °C, for the wavelength's sake. A simulator has no
    wavelength: where the die's temperature is told, that is taken out again.
    """
    try:
        rows, sidecar = table.read(file)
    except ValueError as error:
        raise LotError(str(error)) from None
    if sidecar.get("reference") != "simulator":
        raise LotError(
            f"Nothing says what set the ratios in {file}: put a file {table.beside(file)} with "
            '"reference": "simulator", its name and the unit\'s serial beside it.'
        )
    points = []
    for number, row in enumerate(rows, 2):
        try:
            was, read = float(row["set_ratio"]), float(row["read_ratio"])
            if not (0.1 < was < 4.0 and 0.1 < read < 4.0):
                raise ValueError
            if (row.get("die_c") or "").strip():
                read = at_die(read, float(row["die_c"]))
        except (KeyError, ValueError, TypeError):
            raise LotError(
                f"{file}: row {number} is no point: it needs set_ratio and read_ratio, 0.1 to 4."
            ) from None
        points.append((was, read))
    return Transfer(tuple(points), {"file": file.name, **sidecar})


def at_die(ratio: float, die_c: float) -> float:
    """The ratio before a unit has corrected it to 25 °C, by (15 + 2.5 R) / 2^20 a hundredth of a
    degree (at_25_c in firmware/oximeter/core/evaluation.py); it rounds the bracket down, which is
    half of one in the mean."""
    warm = 100 * (die_c - 25.0) / (1 << 20)
    raw = ratio
    for _ in range(5):  # ratio = raw (1 + warm (14.5 + 2.5 raw)), each turn many times nearer
        raw = ratio / (1 + warm * (14.5 + 2.5 * raw))
    return raw


def virtual(of: Curve) -> Transfer:
    """Seven ratios of the curve's range set on the simulated person, and read by the core."""
    lowest = max(of.ratio(HIGHEST_PCT - ENDS_PCT), float(optics.ratio_of_spo2(100.0)))
    set_ratios = np.linspace(lowest, of.ratio(LOWEST_PCT), 7)
    points = []
    for number, ratio in enumerate(set_ratios):
        scene = Scene(spo2_pct=float(optics.spo2_of_ratio(ratio)), duration_s=_SETTLED_S)
        rows = on_core(record(Person(scene, seed=number + 1))).rows
        points.append((float(ratio), float(rows[-1, field.RATIO_Q12]) / 4096))
    return Transfer(tuple(points), {"simulator": "the simulated person"}, virtual=True)


def check(found: Transfer, of: Curve) -> None:
    """Raises LotError when these points do not prove that ratios are read."""
    points = sorted(found.points)
    if len({was for was, _ in points}) < LEAST_POINTS:
        raise LotError(
            f"R-transfer needs {LEAST_POINTS} different ratios, and here are "
            f"{len({was for was, _ in points})}."
        )
    low, high = of.ratio(HIGHEST_PCT - ENDS_PCT), of.ratio(LOWEST_PCT + ENDS_PCT)
    if points[0][0] > low or points[-1][0] < high:
        raise LotError(
            f"The ratios that were set go from {points[0][0]:.3f} to {points[-1][0]:.3f}, and "
            f"must from {low:.3f} or less to {high:.3f} or more."
        )
    worst = max(points, key=lambda point: abs(point[1] / point[0] - 1))
    if found.worst > TRANSFER:
        raise LotError(
            f"A unit read {worst[1]:.4f} where {worst[0]:.4f} was set, {100 * found.worst:.1f} % "
            f"off: {100 * TRANSFER:g} % are allowed; look for crosstalk or a dirty window."
        )


def r_curve(of: Curve) -> str:
    """The table that a simulator is to be told, as CSV: spo2_pct, ratio, from 100 to 70 %.

    Makers of simulators each have a template of their own for these pairs (Rigel's SP-SIM takes
    51 points at most); there is no common format.
    """
    rows = ["spo2_pct,ratio"]
    for pct in range(int(HIGHEST_PCT), int(LOWEST_PCT) - 1, -1):
        rows.append(f"{pct},{of.ratio(pct):.4f}")
    return "\n".join(rows) + "\n"


def derived(
    design: Calibration, red_nm: float, of: Curve, found: Transfer
) -> tuple[str, dict[str, Any]]:
    """(evidence, what the file says). A lot has the evidence of its design, and none by a virtual
    transfer. Raises LotError."""
    check(found, of)
    told = {
        "design": {"sha256": design.sha256, "batch": design.batch, "red_nm": design.red_nm},
        "valid_red_nm": [design.red_nm - REACH_NM, design.red_nm + REACH_NM],
        "valid_spo2_pct": [LOWEST_PCT, HIGHEST_PCT],
        "r_transfer": {
            "virtual": found.virtual,
            "worst": round(found.worst, 5),
            "points": [[round(was, 5), round(read, 5)] for was, read in found.points],
            **found.told,
        },
    }
    return "none" if found.virtual else design.evidence, told


def off_pct(of: Curve, points: Sequence[tuple[float, float]]) -> float:
    """What the worst point of a transfer means in points of SpO2."""
    was, read = np.array(points).T
    return float(np.abs(of.spo2_pct(read) - of.spo2_pct(was)).max())
