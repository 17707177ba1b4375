"""An oximeter in floating point, independent of the firmware: band-pass, slope, autocorrelation.

Only to measure against; it knows no motion and no fault.
"""

import numpy as np
from scipy import signal


def band(x: np.ndarray, rate_hz: float) -> np.ndarray:
    """0.5 to 6 Hz of the logarithm, without shifting it in time."""
    sos = signal.butter(3, (0.5, 6.0), "bandpass", fs=rate_hz, output="sos")
    return signal.sosfiltfilt(sos, np.log(np.maximum(x, 1.0)))


def ratio_of_ratios(red: np.ndarray, ir: np.ndarray, rate_hz: float) -> float:
    """Slope of red on infrared through the origin, both band-passed logarithms."""
    x, y = band(ir, rate_hz), band(red, rate_hz)
    return float(x @ y / (x @ x))


def spo2_pct(ratio: float) -> float:
    """Maxim's finger curve (AN6845, UG7087)."""
    return 1.5958422 * ratio**2 - 34.6596622 * ratio + 112.6898759


def ratio_of(spo2: float) -> float:
    """The ratio at which the curve gives this saturation."""
    return float(min(np.roots([1.5958422, -34.6596622, 112.6898759 - spo2]).real))


def pulse_bpm(ir: np.ndarray, rate_hz: float) -> float:
    """First great peak of the autocorrelation between 30 and 240 a minute."""
    x = band(ir, rate_hz)
    own = signal.correlate(x, x)[len(x) - 1 :]
    first, last = int(rate_hz * 60 / 240), int(rate_hz * 60 / 30)
    peaks, _ = signal.find_peaks(own[first:last], height=0.6 * own[first:last].max())
    return 60.0 * rate_hz / (first + float(peaks[0]))
