"""The figure of firmware/oximeter/core/README.md: a minute of movement that crosses the pulse.

.venv/bin/python docs/algorithm.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from figure_style import STYLE, TRUTH
from matplotlib import pyplot

from sim.door import core, field, track
from sim.patient import Motion, Person, Scene, ramp, record

PICTURE = Path(__file__).resolve().parent.parent / "firmware/oximeter/core/algorithm.png"
SCENE = Scene(
    duration_s=95.0,
    spo2_pct=ramp(96.0, 89.0, 35.0, 65.0),
    pulse_bpm=78.0,
    perfusion_pct=1.0,
    motion=(Motion("crossing", 20.0, 80.0, swing_pct=1.0),),
)
SEED = 5
LINES_AT_S = 33  # the second whose lines are drawn
BINS = 65
HEART, HAND = "#3f7fbf", "#c2553f"


def watch() -> tuple[Person, np.ndarray, list, np.ndarray]:
    """The person, the reading of each second, the likelihoods (time, rates, nats), the lines."""
    person = Person(SCENE, SEED)
    seen = record(person)
    state = core.new()
    followed = next(part for part in state if len(part) == track.LENGTH)
    window = [part for part in state if len(part) == 128][2:4]  # re, im: lines after a transform
    reading = core.reading(state)
    rows, likely = [], []
    lines = np.zeros((3, 60))
    second, seq = 1, reading[field.SEQ]
    for at in range(0, len(seen.red), 4):
        block = slice(at, at + 4)
        t_s = float(seen.t_s[block][-1])
        counts = seen.red[block].tolist(), seen.ir[block].tolist()
        core.feed(state, *counts, len(counts[0]), int(t_s * 1000), 0)
        if reading[field.SEQ] != seq:
            seq = reading[field.SEQ]
            line_bpm = reading[field.RATE_MILLIHZ] / 1000 / 8 / 128 * 60
            if followed[track.AGE]:
                middle = round(followed[track.RATE_Q8] / 32)
                rates = (middle - 32 + np.arange(BINS)) / 8 * line_bpm
                likely.append((t_s, rates, np.array(followed[:BINS]) / 64))
            if abs(t_s - LINES_AT_S) < 0.6:
                re, im = (np.array(part, dtype=float) for part in window)
                lines = np.array([re[:60], im[:60], re[64:124]])
                lines = np.vstack([np.arange(60) * line_bpm, lines])
        if t_s >= second:
            rows.append(list(reading))
            second += 1
    return person, np.array(rows, dtype=float), likely, lines


def main() -> None:
    person, rows, likely, lines = watch()
    rows[rows == field.NONE] = np.nan
    t_s = np.arange(1, len(rows) + 1)
    pyplot.rcParams.update(STYLE)
    figure = pyplot.figure(figsize=(8, 7.2), layout="constrained")
    spectrum, rate, saturation = figure.subplots(3, 1, height_ratios=[1.1, 1.5, 1.2])

    at_bpm, ir, red, cross = lines
    truth = float(person.spo2_pct(LINES_AT_S - 4.0))
    ratio = (34.6596622 - np.sqrt(34.6596622**2 - 4 * 1.5958422 * (112.6898759 - truth))) / (
        2 * 1.5958422
    )
    unlike = np.maximum(red - 2 * ratio * cross + ratio**2 * ir, 0)
    spectrum.bar(at_bpm, ir, width=4.2, color=HEART, label="infrared, |X|²")
    spectrum.bar(at_bpm, unlike, width=4.2, color=HAND, label="not the heart, |Y − R X|²")
    pulse = float(person.pulse_bpm(LINES_AT_S))
    for harmonic in range(1, 4):
        spectrum.axvline(harmonic * pulse, color=TRUTH, lw=1, ls=":")
    spectrum.set_xlim(20, 300)
    spectrum.set_yticks([])
    spectrum.set_xlabel("line, a minute")
    spectrum.set_title(f"lines of the 8 s before second {LINES_AT_S}; dotted: the true pulse")
    spectrum.legend(loc="upper right")

    for seen_s, rates, nats in likely:
        rate.scatter(
            np.full(BINS, seen_s), rates, c=np.maximum(nats, -8), cmap="Greys", vmin=-8, vmax=4,
            marker="s", s=7, linewidths=0,
        )  # fmt: skip
    hand_s = np.linspace(20, 80, 61)
    rate.plot(
        hand_s, 78 * np.linspace(0.65, 1.5, 61), color=HAND, ls="--", label="the hand's tempo"
    )
    rate.plot(t_s, person.pulse_bpm(t_s), color=TRUTH, lw=3, alpha=0.6, label="true pulse")
    rate.plot(t_s, rows[:, field.PULSE_DECIBPM] / 10, color=HEART, lw=1.6, label="shown")
    rate.set_ylim(48, 122)
    rate.set_ylabel("pulse /min")
    rate.set_title("likelihood of each rate (grey), second by second")
    rate.legend(loc="upper left", ncols=3)

    spo2 = rows[:, field.SPO2_CENTIPCT] / 100
    sd = rows[:, field.SPO2_SD_CENTIPCT] / 100
    window = np.linspace(0, 8, 33)
    saturation.plot(
        t_s, person.spo2_pct(t_s[:, None] - window).mean(1), color=TRUTH, lw=3, alpha=0.6,
        label="truth, mean of 8 s",
    )  # fmt: skip
    saturation.plot(t_s, spo2, color=HEART, lw=1.6, label="shown")
    saturation.fill_between(
        t_s, spo2 - 2 * sd, spo2 + 2 * sd, color=HEART, alpha=0.2, lw=0,
        label="± twice its own error estimate",
    )  # fmt: skip
    saturation.set_ylabel("SpO₂ %")
    saturation.set_xlabel("seconds; the hand moves from 20 to 80")
    saturation.legend(loc="lower left")
    for axis in (rate, saturation):
        axis.set_xlim(0, SCENE.duration_s)
    figure.savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
