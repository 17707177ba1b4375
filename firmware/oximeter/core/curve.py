"""From ratio of ratios to SpO2 by the calibration curve, which is data and comes from settings.

Scaling: ratio Q12 up to 4.0; coefficients in 1/800 of a percent ("eighths of a centipercent"),
so that b * ratio <= 2^15 * 2^14 stays below 2^30 for |b| up to 40 points a unit of ratio.
"""

# Maxim AN6845 / UG7087: SpO2 = 1.5958422 R^2 - 34.6596622 R + 112.6898759, times 800.
DEFAULT = (1277, -27728, 90152)


def spo2_centipct(ratio_q12, a, b, c):
    """SpO2 in 1/100 percent; not clamped, so that a curve shows where it ends."""
    slope = (a * ratio_q12 >> 12) + b
    return (slope * ratio_q12 >> 12) + c + 4 >> 3


def slope_centipct(ratio_q12, a, b):
    """|d SpO2 / d ratio| in 1/100 percent a unit of ratio."""
    slope = 2 * (a * ratio_q12 >> 12) + b >> 3
    return -slope if slope < 0 else slope
