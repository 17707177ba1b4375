"""Light through a finger: the ratio a saturation makes, and what a wavelength does to it.

The truth of the simulator is the default calibration curve read backwards. Beer-Lambert with the
extinction of haemoglobin gives only what a curve cannot: how the ratio moves when the red LED is
off its 660 nm, and how the steady light falls as the blood darkens. A figure measured against
this truth is therefore an extraction error, never an accuracy on people.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# SpO2 = A R^2 + B R + C in percent: the finger curve of Maxim application note 6845, table 1.
CURVE_A = 1.5958422
CURVE_B = -34.6596622
CURVE_C = 112.6898759

RED_NM = 660.0  # MAX30102 datasheet, LED characteristics: 650 / 660 / 670 nm
IR_NM = 880.0  # the same table: 870 / 880 / 900 nm
RED_WIDTH_NM = 20.0  # full width at half maximum, the same table
# Reynolds et al. 1991, Br J Anaesth 67:638: about 0.1 nm a degree; MAX30102 graph 0.1 to 0.15.
RED_NM_PER_C = 0.12

# Molar extinction in 1/(cm M), compiled by S. Prahl from W. B. Gratzer and N. Kollias
# (omlc.org/spectra/hemoglobin): wavelength in nm, oxyhaemoglobin, deoxyhaemoglobin.
_EXTINCTION = np.array([
    (600, 3200.0, 14677.2), (610, 1506.0, 9443.6), (620, 942.0, 6509.6), (630, 610.0, 5148.8),
    (640, 442.0, 4345.2), (650, 368.0, 3750.12), (660, 319.6, 3226.56), (670, 294.0, 2795.12),
    (680, 277.6, 2407.92), (690, 276.0, 2051.96), (700, 290.0, 1794.28), (710, 314.0, 1540.48),
    (860, 1092.0, 694.32), (870, 1128.0, 705.84), (880, 1154.0, 726.44), (890, 1178.0, 743.6),
    (900, 1198.0, 761.84), (910, 1214.0, 774.56),
])  # fmt: skip

# Whole blood at 150 g/L and 64 500 g/mol (Prahl, the same page). Assumed: one part in fifty of a
# fingertip is blood (Jacques 2013, Phys Med Biol 58:R37, has 0.2 to 5 % for skin), over a path of
# 2 cm, which is some 4 mm between LED and diode times a differential path factor of 5.
_HAEMOGLOBIN_MOLAR = 150.0 / 64_500.0
_BLOOD_PATH_CM = 0.02 * 2.0
# Tissue blood is mostly venous, some 20 points below arterial: mixed venous blood is 75 % where
# arterial is 97 % (Guyton and Hall, Textbook of Medical Physiology).
VENOUS_FALL_PCT = 22.0


def ratio_of_spo2(spo2_pct: ArrayLike) -> Floats:
    """Ratio of ratios that the default curve turns into this saturation, in percent.

    The falling branch of the parabola, R < 10.86; every saturation under 112.69 has one.
    """
    spo2 = np.asarray(spo2_pct, dtype=np.float64)
    inside = CURVE_B * CURVE_B - 4 * CURVE_A * (CURVE_C - spo2)
    return (-CURVE_B - np.sqrt(inside)) / (2 * CURVE_A)


def spo2_of_ratio(ratio: ArrayLike) -> Floats:
    """Saturation in percent by the default curve."""
    r = np.asarray(ratio, dtype=np.float64)
    return (CURVE_A * r + CURVE_B) * r + CURVE_C


def extinction(nm: ArrayLike, spo2_pct: ArrayLike, width_nm: float = 0.0) -> Floats:
    """Molar extinction of blood in 1/(cm M) at a wavelength (600 to 710 and 860 to 910 nm).

    With a width the LED is a Gaussian of that full width at half maximum, over which the
    extinction is averaged.
    """
    centre = np.asarray(nm, dtype=np.float64)[..., None]
    steps = np.linspace(-2.0, 2.0, 17) if width_nm else np.zeros(1)
    weights = np.exp(-0.5 * steps * steps)
    weights /= weights.sum()
    at = centre + steps * width_nm / 2.3548
    oxy = np.interp(at, _EXTINCTION[:, 0], _EXTINCTION[:, 1]) @ weights
    deoxy = np.interp(at, _EXTINCTION[:, 0], _EXTINCTION[:, 2]) @ weights
    saturation = np.asarray(spo2_pct, dtype=np.float64) / 100.0
    return saturation * oxy + (1.0 - saturation) * deoxy


def ratio_factor(red_shift_nm: ArrayLike, spo2_pct: ArrayLike) -> Floats:
    """What a red LED off 660 nm multiplies the ratio of ratios by (1 at no shift)."""
    shifted = extinction(RED_NM + np.asarray(red_shift_nm, dtype=np.float64), spo2_pct,
                         RED_WIDTH_NM)
    return shifted / extinction(RED_NM, spo2_pct, RED_WIDTH_NM)


def tissue_log_light(nm: float, spo2_pct: ArrayLike) -> Floats:
    """Change of the log of the steady light against blood of 97 %: darker blood, less red."""
    venous = np.maximum(np.asarray(spo2_pct, dtype=np.float64) - VENOUS_FALL_PCT, 0.0)
    change = extinction(nm, venous) - extinction(nm, 97.0 - VENOUS_FALL_PCT)
    return -np.log(10.0) * _HAEMOGLOBIN_MOLAR * _BLOOD_PATH_CM * change
