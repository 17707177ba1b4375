"""What happens to a simulated finger: every effect, its size, and where the size comes from.

Anything that may change with time is a track: one number, or a pair (times in seconds, values)
that is interpolated linearly and held at its ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from sim.patient.optics import Floats

Track = float | tuple[Sequence[float], Sequence[float]]
Span = tuple[float, float]
Shape = Literal["young", "adult", "dicrotic", "stiff", "arterial"]
Movement = Literal["tap", "rub", "tremor", "random", "bursts", "crossing"]


def follow(track: Track, t_s: ArrayLike) -> Floats:
    """Values of a track at these times."""
    t = np.asarray(t_s, dtype=np.float64)
    if isinstance(track, tuple):
        return np.interp(t, np.asarray(track[0], dtype=np.float64),
                         np.asarray(track[1], dtype=np.float64))
    return np.full(t.shape, float(track))


def step(before: float, after: float, at_s: float) -> Track:
    """A jump within a millisecond."""
    return ((at_s, at_s + 0.001), (before, after))


def ramp(before: float, after: float, from_s: float, to_s: float) -> Track:
    """A straight line between two times, held before and after."""
    return ((from_s, to_s), (before, after))


def recorded(t_s: ArrayLike, values: ArrayLike) -> Track:
    """A measured trajectory, its blanks (NaN) bridged."""
    t = np.asarray(t_s, dtype=np.float64)
    y = np.asarray(values, dtype=np.float64)
    seen = np.isfinite(t) & np.isfinite(y)
    if not seen.any():
        raise ValueError("The trajectory has no value at all; give at least one.")
    return (t[seen].tolist(), y[seen].tolist())


@dataclass(frozen=True)
class Motion:
    """One stretch of movement.

    `real` is two sources, venous blood that sloshes and skin that slides on the window, each
    with its own waveform, its own red/infrared ratio that drifts, its own lag between the
    channels, while the force damps the pulse. `ideal` is one source with one fixed ratio: kept
    beside it because an algorithm judged only on the mix it assumes looks perfect.
    """

    movement: Movement
    start_s: float
    end_s: float
    # Peak-to-peak in percent of the infrared light, whatever the perfusion: movement does not
    # shrink with a cold hand. The trials that chose the algorithm used 0.5 to 3 times a pulse
    # of 1 %.
    swing_pct: float = 1.5
    # Taps and rubs of 1 to 4 Hz: the Masimo SET motion test, rubbing and tapping at 2 to 4 Hz and
    # random at 1 to 5 Hz (Mindray BeneVision N manual, SpO2 specification). Tremor 4 to 8 Hz:
    # Deuschl et al. 1998 (Mov Disord 13 S3:2), parkinsonian 4 to 6 Hz, essential 4 to 8 Hz.
    hz: float | None = None  # None: the middle of the movement's band; crossing has its own
    kind: Literal["real", "ideal"] = "real"
    # Ratio of the ideal source. A change of path is the same fraction of both channels: 1.
    ideal_ratio: float = 1.0
    # Largest departure of a source's ratio from its mean, drawn from this range. Masimo's own
    # account of venous noise (Goldman et al. 2000, J Clin Monit Comput 16:475) has it vary with
    # time; the range is a demand on the algorithm, not a measurement.
    ratio_drift: Span = (0.2, 0.4)
    drift_hz: float = 0.3
    # Lag of red behind infrared, drawn from this range for each source. Colours look at vessels
    # of different depth, which the wave reaches at different times (Liu et al. 2016, Biomed Opt
    # Express 7:4313); the size is a demand on the algorithm.
    lag_ms: Span = (0.0, 40.0)
    # Share of the pulse lost when the force is at its height (Teng and Zhang 2004, Physiol Meas
    # 25:1323: the amplitude falls above 0.2 to 0.4 N).
    damping: float = 0.5


@dataclass(frozen=True)
class Scene:
    """A measurement on one person. The defaults are a healthy finger held still."""

    duration_s: float = 120.0

    # --- blood ---
    spo2_pct: Track = 97.0
    pulse_bpm: Track = 72.0
    # Pulse rate variability: at rest the interval varies by 5 % in adults (SDNN 50 of 926 ms,
    # Nunan et al. 2010, PACE 33:1407), half of that over 65 (Umetani et al. 1998, JACC 31:593).
    # Parts: breathing, the 0.1 Hz wave of blood pressure, and the rest.
    respiration_rate_pct: float = 1.5
    pressure_wave_pct: float = 1.0
    jitter_pct: float = 0.5
    # Atrial fibrillation: intervals without order, coefficient of variation about 0.24
    # (Tateno and Glass 2001, Med Biol Eng Comput 39:664).
    fibrillation: bool = False
    fibrillation_cv: float = 0.24
    # Premature beats, share of all beats: frequent is above 30 an hour, and a quarter of all is
    # where the heart suffers (Baman et al. 2010, Heart Rhythm 7:865). They come after 60 to 80 %
    # of the interval, weak or without a pulse wave at all, and a pause follows (Solosenko et al.
    # 2015, IEEE Trans Biomed Circuits Syst 9:662).
    premature_pct: float = 0.0

    # --- pulse wave ---
    # Perfusion index in infrared. Healthy fingers 0.3 to 10 %, median 1.4 (Lima et al. 2002, Crit
    # Care Med 30:1210); MAX30102 recordings 0.07 to 2.5 %; monitors claim 0.02 to 20 %.
    perfusion_pct: Track = 1.5
    # Classes of the pulse wave by age and disease (heart.py says which): notch clear, notch
    # faint, second wave strong, no notch and a late top, no notch and a long rest.
    shape: Shape = "adult"
    # Share of a second class in it: people stand between the classes, and what is judged on blends
    # was not tuned on the pure ones.
    second_shape: Shape = "adult"
    second_share: float = 0.0

    # --- breathing ---
    respiration_per_min: Track = 14.0  # adults 12 to 20, 6 to 30 in the test matrix
    # Baseline swing in percent of the light, and swing of the pulse amplitude in percent of it:
    # the pulse generator WhaleTeq AECG100 offers up to 16 % of the amplitude for either;
    # Meredith et al. 2012 (J Med Eng Technol 36:1) has the three modulations.
    respiration_baseline_pct: float = 0.15
    respiration_amplitude_pct: float = 5.0

    # --- the finger on the window ---
    finger: tuple[Span, ...] = ((0.0, float("inf")),)  # spans with a finger there
    # Light still settling after contact, percent of it and time. In 27 MAX30102 recordings both
    # channels moved by up to 2 % from the second to the eleventh second, mostly down, red more.
    settle_pct: float = 1.0
    settle_s: float = 4.0
    # Contact force in newton. The steady light rises with it, the pulse is largest at 0.2 to
    # 0.4 N and falls beyond (Teng and Zhang 2004, Physiol Meas 25:1323). Pressed until the pulse
    # is gone, a MAX30102 finger returned 5 % more infrared and 2 % more red.
    force_n: Track = 0.3
    # 0 well placed, 1 half off: 60 % of the light, as one MAX30102 finger recording returned
    # against its neighbours, and a pedestal mirrored by the skin. Both are assumptions.
    tilt: Track = 0.0
    # Factor on the light that comes back, 0.15 to 2: finger simulators for oximeters offer three
    # transmissions over such a span (Fluke ProSim SPOT Light).
    light_return: float = 1.0
    # Slow wander, percent of the light, rms, 0.01 to 0.15 Hz. Peers lose the ratio from 0.25 %
    # up; 6 % is the hardest trial made.
    wander_pct: float = 0.2
    # Share of that power which each LED has to itself; the rest is the same fraction of both.
    # On MAX30102 fingers red and infrared drift apart, at times in opposite directions.
    wander_apart: float = 0.3
    motion: tuple[Motion, ...] = ()

    # --- the light of others ---
    # Residue after the chip's ambient cancellation, counts at 4096 nA with no finger; a finger
    # covers nine tenths. An open MAX30102 under room light read 1,900 (red) and 15,200 (IR),
    # crosstalk included.
    ambient_counts: Track = 0.0
    # Amplitude of the flicker that is left and reaches the diode, in such counts. Lamps flicker
    # at twice the mains, from a few percent of their light to all of it (IEEE Std 1789-2015), and
    # alias against the sample clock.
    flicker_counts: Track = 0.0
    mains_hz: float = 50.0
    # Spans in which sunlight is beyond the 200 uA the chip cancels (MAX30102 datasheet): it
    # raises ALC_OVF and both channels stick at full scale.
    sun: tuple[Span, ...] = ()

    # --- the unit ---
    # Counts at 7 mA and 4096 nA through a medium finger, 98 % of it from tissue.
    red_dc_counts: float = 100_000.0
    ir_dc_counts: float = 120_000.0
    # Crosstalk pedestal through window and case, share of the above: a bare unit reads under
    # 5,000 counts (Maxim application note 6845, step 8).
    crosstalk_pct: tuple[float, float] = (2.0, 2.0)
    # Red LED off 660 nm: 650 to 670 nm (MAX30102 datasheet).
    red_shift_nm: float = 0.0
    # Die temperature; the red wavelength follows it from 25 C. The chip's reading is set to it.
    die_c: Track = 25.0
    # Sensor clock against the controller's. Datasheet +-1.5 %; boards set to 100 sps really ran
    # at 97.7 and 140.1.
    clock_error_pct: float = 0.0
    # White noise in counts rms at 100/s, 411 us, 4096 nA and 100,000 counts, growing with the
    # root of the light; third differences of MAX30102 finger recordings bound it at 4 to 6.5
    # after averaging two.
    noise_counts: float = 8.0
    # Flicker noise of LED current and reference in counts rms at 100,000, 1/f from 0.05 Hz to
    # 20 Hz. An assumption: no figure is published.
    flicker_noise_counts: float = 3.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name not in _SPANS and isinstance(value, tuple):
                t_s, values = value
                if len(t_s) != len(values) or np.any(np.diff(t_s) <= 0):
                    raise ValueError(
                        f"{name}: a track is (times, values), as many of both and times rising.")
        for name, low, high in _LIMITS:
            value = getattr(self, name)
            values = value[1] if isinstance(value, tuple) else value
            if not np.all((np.asarray(values) >= low) & (np.asarray(values) <= high)):
                raise ValueError(f"{name} must lie from {low} to {high}.")


# Tuples that are not tracks.
_SPANS = ("finger", "motion", "sun", "crosstalk_pct")
# Beyond these the model says nothing.
_LIMITS = (
    ("spo2_pct", 0.0, 100.0),
    ("pulse_bpm", 20.0, 300.0),
    ("perfusion_pct", 0.0, 30.0),
    ("second_share", 0.0, 1.0),
    ("tilt", 0.0, 1.0),
    ("red_shift_nm", -20.0, 20.0),
)
