"""The picture of the README, from the recording that `make run` plays.

.venv/bin/python docs/picture.py
"""

import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from figure_style import INK, STYLE, TRUTH
from matplotlib import pyplot

from sim import recording
from sim.patient import demo
from sim.run import COLUMNS, run_device

PICTURE = Path(__file__).with_name("run.png")
SCREENS_AT_S = (2, 20, 104, 236)
SPO2, PULSE = "#3f7fbf", "#2f9a72"


def pixels(frame: bytes) -> np.ndarray:
    """A frame in page format as (64, 128) of 0 and 1."""
    pages = np.frombuffer(frame, np.uint8).reshape(8, 1, 128)
    return (pages >> np.arange(8, dtype=np.uint8).reshape(1, 8, 1) & 1).reshape(64, 128)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.csv"
        demo.write(path)
        played = recording.read(path)
    shown = run_device(played)
    t_s, spo2, sd, pulse = (
        np.array([float(row[COLUMNS.index(name)] or "nan") for row in shown.rows])
        for name in ("t_s", "spo2_pct", "spo2_sd_pct", "pulse_bpm")
    )
    pyplot.rcParams.update(STYLE)
    figure = pyplot.figure(figsize=(8, 4.8), layout="constrained")
    grid = figure.add_gridspec(3, len(SCREENS_AT_S), height_ratios=[2.0, 1.3, 1.2])
    panels = (
        (spo2, sd, played.ref_spo2, SPO2, "SpO₂ %"),
        (pulse, None, played.ref_hr, PULSE, "pulse /min"),
    )
    for number, (values, error, reference, colour, name) in enumerate(panels):
        axis = figure.add_subplot(grid[number, :])
        given = ~np.isnan(reference)
        axis.plot(played.t_s[given], reference[given], ".", color=TRUTH, ms=4, label="truth")
        axis.plot(t_s, values, color=colour, lw=1.8, label="shown by the device")
        if error is not None:
            axis.fill_between(
                t_s,
                values - error,
                values + error,
                color=colour,
                alpha=0.25,
                lw=0,
                label="± error",
            )
        axis.set_xlim(0, played.duration_s)
        axis.set_ylabel(name)
        axis.tick_params(labelbottom=number == 1)
        for at_s in SCREENS_AT_S:
            axis.axvline(at_s, color=INK, lw=0.6, alpha=0.4)
        if number == 0:
            axis.legend(ncols=3, loc="lower right")
    axis.set_xlabel("seconds")
    for column, at_s in enumerate(SCREENS_AT_S):
        axis = figure.add_subplot(grid[2, column])
        axis.imshow(pixels(shown.frames[at_s - 1][1]), cmap="gray", interpolation="nearest")
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_title(f"{at_s} s", fontsize=9)
    figure.savefig(PICTURE, dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main()
