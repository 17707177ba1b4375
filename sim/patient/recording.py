"""Recordings made of simulated people."""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.patient.optics import Floats
from sim.patient.person import Person


@dataclass
class Settings:
    """A sensor chip with settings that nothing changes; `average` conversions make a sample."""

    rate_hz: float = 100.0
    pulse_us: int = 411
    range_na: int = 4096
    led_red_ua: int = 7000
    led_ir_ua: int = 7000
    average: int = 1
    sampling: bool = True
    die_c: float = 25.0


@dataclass(frozen=True)
class Recorded:
    """Samples and the truth beside them.

    `t_s` seconds, `red` and `ir` counts; `ref_spo2` percent and `ref_hr` beats a minute, NaN
    except at the first sample of each second with a finger.
    """

    t_s: Floats
    red: NDArray[np.int64]
    ir: NDArray[np.int64]
    ref_spo2: Floats
    ref_hr: Floats

    def text(self) -> str:
        """The recording as CSV: `t_s,red,ir,ref_spo2,ref_hr`."""
        out = io.StringIO()
        out.write("t_s,red,ir,ref_spo2,ref_hr\n")
        columns = (self.t_s.tolist(), self.red.tolist(), self.ir.tolist(),
                   self.ref_spo2.tolist(), self.ref_hr.tolist())
        for t, red, ir, spo2, bpm in zip(*columns, strict=True):
            refs = f"{spo2:.1f},{bpm:.1f}" if spo2 == spo2 else ","
            out.write(f"{t:.4f},{red},{ir},{refs}\n")
        return out.getvalue()

    def write_csv(self, path: str | Path) -> None:
        """Write the CSV, whole or not at all."""
        target = Path(path)
        half = target.with_name(target.name + ".part")
        half.write_text(self.text(), encoding="ascii", newline="\n")
        os.replace(half, target)


def record(person: Person, duration_s: float | None = None,
           chip: Settings | None = None) -> Recorded:
    """Everything a chip with these settings sees of a person from 0 to `duration_s`.

    The person must be fresh: not asked for light before.
    """
    length_s = person.duration_s if duration_s is None else duration_s
    chip = chip or Settings()
    seen = np.array([sample[:2] for sample in person.until(round(length_s * 1e6), chip)],
                    dtype=np.int64).reshape(-1, 2)
    count = len(seen) // chip.average
    red, ir = seen[:count * chip.average].reshape(count, chip.average, 2).sum(1).T // chip.average
    rate_hz = chip.rate_hz * (1.0 + person.scene.clock_error_pct / 100.0) / chip.average
    t_s = np.arange(1, count + 1) / rate_hz
    # The first sample of each second with a finger.
    first = np.flatnonzero(np.diff(np.floor(t_s), prepend=-1.0) > 0)
    first = first[person.finger_in(t_s[first])]
    ref_spo2 = np.full(t_s.size, np.nan)
    ref_hr = np.full(t_s.size, np.nan)
    ref_spo2[first] = person.spo2_pct(t_s[first])
    ref_hr[first] = person.pulse_bpm(t_s[first])
    return Recorded(t_s, red, ir, ref_spo2, ref_hr)
