"""Random processes of time, fixed by their generator."""

import numpy as np

from sim.patient.optics import Floats


class Process:
    """Gaussian noise of unit rms between two frequencies, as a function of time.

    Power falls as 1/f^slope inside the band. Before 0 and past the end it repeats.
    """

    def __init__(self, rng: np.random.Generator, duration_s: float, low_hz: float,
                 high_hz: float, slope: float = 0.0) -> None:
        self._rate_hz = 8.0 * high_hz  # linear interpolation then costs under 3 % at the top
        count = max(int(np.ceil((duration_s + 2.0 / max(low_hz, 0.02)) * self._rate_hz)), 64)
        hz = np.fft.rfftfreq(count, 1.0 / self._rate_hz)
        inside = (hz >= low_hz) & (hz <= high_hz) & (hz > 0)
        inside[1] |= not inside.any()
        spectrum = rng.standard_normal(hz.size) + 1j * rng.standard_normal(hz.size)
        shape = np.zeros(hz.size)
        shape[inside] = hz[inside] ** (-slope / 2)
        values = np.fft.irfft(spectrum * shape, count)
        self._values = np.append(values, values[0]) / values.std()
        self._period_s = count / self._rate_hz

    def __call__(self, t_s: Floats) -> Floats:
        at = (t_s % self._period_s) * self._rate_hz
        floor = at.astype(np.int64)
        part = at - floor
        return self._values[floor] * (1.0 - part) + self._values[floor + 1] * part
