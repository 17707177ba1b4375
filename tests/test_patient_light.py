"""The patient model's light against independent measures in floating point."""

import csv
import gzip
from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from sim.chips.max30102 import Max30102
from sim.clock import Clock
from sim.patient import Person, Scene, Settings, record, recorded, step

# Nothing but what a test turns on.
QUIET = Scene(
    duration_s=60.0, respiration_rate_pct=0.0, pressure_wave_pct=0.0, jitter_pct=0.0,
    respiration_baseline_pct=0.0, respiration_amplitude_pct=0.0, wander_pct=0.0,
    noise_counts=0.0, flicker_noise_counts=0.0, crosstalk_pct=(0.0, 0.0),
)  # fmt: skip


def true_ratio(spo2_pct):
    """Root of AN6845's curve on the branch people live on, by companion matrix."""
    roots = np.roots([1.5958422, -34.6596622, 112.6898759 - spo2_pct])
    return float(min(roots.real))


def spectral_ratio(taken, bpm):
    """Red on infrared at the pulse's own line: cross-spectrum of the relative light."""
    rate_hz = 1.0 / np.median(np.diff(taken.t_s))
    red = taken.red / signal.savgol_filter(taken.red, 401, 1) - 1.0
    ir = taken.ir / signal.savgol_filter(taken.ir, 401, 1) - 1.0
    hz, cross = signal.csd(ir, red, rate_hz, nperseg=2048)
    _, power = signal.welch(ir, rate_hz, nperseg=2048)
    line = np.abs(hz - bpm / 60.0) < 0.1
    return float(cross[line].sum().real / power[line].sum())


@pytest.mark.parametrize("spo2", [70.0, 84.0, 93.0, 97.0, 100.0])
def test_a_still_finger_has_the_ratio_of_its_saturation(spo2):
    taken = record(Person(Scene(spo2_pct=spo2), 3))
    assert spectral_ratio(taken, 72.0) == pytest.approx(true_ratio(spo2), rel=0.005)


@pytest.mark.parametrize("scene", [
    Scene(shape="dicrotic", pulse_bpm=50.0),
    Scene(shape="stiff", pulse_bpm=150.0),
    Scene(perfusion_pct=10.0),
    Scene(light_return=0.3, perfusion_pct=3.0),
    Scene(clock_error_pct=40.1),
])
def test_the_ratio_does_not_hang_on_the_rest_of_the_person(scene):
    taken = record(Person(replace(scene, spo2_pct=90.0), 4))
    assert spectral_ratio(taken, scene.pulse_bpm) == pytest.approx(true_ratio(90.0), rel=0.005)


def test_a_red_led_off_its_wavelength_moves_the_ratio_as_haemoglobin_says():
    # Prahl's table at 97 %: 660 nm 0.97 x 319.6 + 0.03 x 3226.56, 670 nm with 294 and 2795.12.
    expected = (0.97 * 294 + 0.03 * 2795.12) / (0.97 * 319.6 + 0.03 * 3226.56)
    nominal = spectral_ratio(record(Person(Scene(), 5)), 72.0)
    longer = spectral_ratio(record(Person(Scene(red_shift_nm=10.0), 5)), 72.0)
    shorter = spectral_ratio(record(Person(Scene(red_shift_nm=-10.0), 5)), 72.0)
    warm = spectral_ratio(record(Person(Scene(die_c=45.0), 5)), 72.0)
    # The LED's own width rounds the curve off a little.
    assert longer / nominal == pytest.approx(expected, rel=0.02)
    assert shorter > nominal
    assert longer < warm < nominal  # 20 degrees are 2.4 nm


@pytest.mark.parametrize("perfusion", [0.3, 1.0, 5.0, 20.0])
def test_the_perfusion_index_is_as_set(perfusion):
    taken = record(Person(replace(QUIET, perfusion_pct=perfusion), 1))
    beats = taken.ir[: taken.ir.size // 500 * 500].reshape(-1, 500)  # 5 s: five beats and more
    measured = 100.0 * np.ptp(beats, axis=1) / beats.mean(axis=1)
    assert np.median(measured) == pytest.approx(perfusion, rel=0.03)


def test_the_converter_noise_has_its_figure_and_grows_with_the_root_of_the_light():
    still = replace(QUIET, perfusion_pct=0.0, noise_counts=8.0, duration_s=120.0)
    taken = record(Person(still, 1))
    assert taken.red.mean() == pytest.approx(100_000, rel=0.001)
    assert taken.red.std() == pytest.approx(8.0, rel=0.03)
    assert taken.ir.std() == pytest.approx(8.0 * np.sqrt(1.2), rel=0.03)
    double = record(Person(still, 1), chip=Settings(led_red_ua=14_000))
    assert double.red.std() == pytest.approx(8.0 * np.sqrt(2.0), rel=0.03)
    # White: as much in the lower half of the band as in the upper.
    hz, power = signal.welch(taken.red, 100.0, nperseg=512, detrend="linear")
    low, high = power[(hz > 1) & (hz < 25)].mean(), power[hz > 25].mean()
    assert low == pytest.approx(high, rel=0.1)
    assert abs(np.corrcoef(taken.red, taken.ir)[0, 1]) < 0.03


def test_the_flicker_noise_falls_as_one_over_f():
    scene = replace(QUIET, perfusion_pct=0.0, flicker_noise_counts=30.0, duration_s=600.0)
    taken = record(Person(scene, 2))
    assert taken.red.std() == pytest.approx(30.0, rel=0.1)
    hz, power = signal.welch(taken.red, 100.0, nperseg=8192)
    band = (hz > 0.1) & (hz < 10.0)
    slope = np.polyfit(np.log(hz[band]), np.log(power[band]), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.15)


@pytest.mark.parametrize("error_pct", [-2.3, 0.0, 40.1])
def test_the_sensor_clock_is_off_as_set_and_the_pulse_is_not(error_pct):
    taken = record(Person(replace(QUIET, clock_error_pct=error_pct), 1))
    assert taken.t_s.size == pytest.approx(6000 * (1 + error_pct / 100.0), abs=1)
    hz, power = signal.periodogram(taken.ir, taken.t_s.size / 60.0, detrend="linear")
    assert hz[power.argmax()] == pytest.approx(1.2, abs=0.02)


def test_the_samples_do_not_depend_on_how_they_are_asked_for():
    scene = Scene(duration_s=60.0, clock_error_pct=-2.3, finger=((3.0, 50.0),))
    whole = Person(scene, 7).until(60_000_000, Settings())
    rng = np.random.default_rng(1)
    for longest_us in (900, 40_000, 3_000_000, 45_000_000):
        person, chip, now_us, pieces = Person(scene, 7), Settings(), 0, []
        while now_us < 60_000_000:
            now_us = min(now_us + int(rng.integers(1, longest_us)), 60_000_000)
            pieces += person.until(now_us, chip)
        assert pieces == whole
    assert Person(scene, 8).until(60_000_000, Settings()) != whole


def test_the_light_answers_currents_range_and_the_end_of_the_scale():
    scene = replace(QUIET, perfusion_pct=0.0)

    def levels(**settings):
        taken = record(Person(scene, 1), 1.0, Settings(**settings))
        return int(taken.red[50]), int(taken.ir[50])

    assert levels() == (100_000, 120_000)
    assert levels(led_red_ua=3500, led_ir_ua=14_000) == (50_000, 240_000)
    assert levels(range_na=8192) == (50_000, 60_000)
    assert levels(led_red_ua=0) == (0, 120_000)
    assert levels(led_red_ua=51_000) == ((1 << 18) - 1, 120_000)
    narrow = record(Person(replace(scene, noise_counts=8.0), 1), 60.0, Settings(pulse_us=118))
    assert narrow.red.std() == pytest.approx(8.0 * np.sqrt(411 / 118), rel=0.05)
    wide = record(Person(replace(scene, noise_counts=8.0), 1), 60.0, Settings(range_na=8192))
    assert wide.red.std() == pytest.approx(4.0, rel=0.05)


def test_a_current_changed_between_two_calls_acts_from_there():
    person, chip = Person(replace(QUIET, perfusion_pct=0.0), 1), Settings()
    before = person.until(1_005_000, chip)
    chip.led_ir_ua = 3500
    after = person.until(2_000_000, chip)
    assert len(before) == 100 and set(before) == {(100_000, 120_000)}
    assert len(after) == 100 and set(after) == {(100_000, 60_000)}


def test_the_virtual_chip_sees_the_person():
    clock = Clock()
    chip = Max30102(clock, Person(replace(QUIET, perfusion_pct=0.0, sun=((0.5, 9.0),)), 1))
    for register, value in ((0x08, 0x00), (0x0A, 0x27), (0x0C, 35), (0x0D, 35), (0x09, 0x03)):
        chip.write(bytes((register, value)))  # 100/s, 411 us, 4096 nA, 7 mA
    clock.advance_us(105_000)
    chip.write(b"\x04")
    assert chip.read(1)[0] == 10
    chip.write(b"\x07")
    assert chip.read(6) == (100_000).to_bytes(3, "big") + (120_000).to_bytes(3, "big")
    chip.write(b"\x00")
    assert not chip.read(1)[0] & 0x20
    clock.advance_us(450_000)
    chip.write(b"\x00")
    assert chip.read(1)[0] & 0x20  # ALC_OVF
    assert chip.die_c == 25.0


def test_averaging_thins_the_samples_and_their_noise():
    scene = replace(QUIET, perfusion_pct=0.0, noise_counts=8.0)
    taken = record(Person(scene, 1), chip=Settings(rate_hz=400.0, average=4))
    assert taken.t_s.size == 6000
    assert np.diff(taken.t_s) == pytest.approx(0.01)
    assert taken.red.std() == pytest.approx(4.0, rel=0.05)


def test_a_sleeping_chip_gets_nothing_and_begins_anew():
    person, chip = Person(Scene(), 1), Settings(sampling=False)
    assert person.until(2_000_000, chip) == []
    chip.sampling = True
    assert len(person.until(2_100_000, chip)) == 10
    chip.rate_hz = 50.0
    assert len(person.until(3_100_000, chip)) == 50


def test_the_noise_of_a_new_run_is_new():
    person, chip = Person(replace(QUIET, perfusion_pct=0.0, noise_counts=8.0), 1), Settings()
    first = np.array(person.until(10_000_000, chip))
    chip.sampling = False
    person.until(11_000_000, chip)
    chip.sampling = True
    second = np.array(person.until(21_000_000, chip))
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.1


def test_without_a_finger_there_is_only_crosstalk():
    scene = Scene(duration_s=30.0, finger=((5.0, 20.0),))
    person = Person(scene, 1)
    taken = record(person)
    away = (taken.t_s < 4.9) | (taken.t_s > 20.5)
    assert taken.ir[away].max() < 5000 and taken.red[away].max() < 5000
    there = (taken.t_s > 5.5) & (taken.t_s < 19.9)
    assert taken.ir[there].min() > 100_000
    assert np.isnan(taken.ref_spo2[away]).all()
    assert person.finger_in([4.9, 5.0, 19.9, 20.0]).tolist() == [False, True, True, False]


def test_pressing_too_hard_takes_the_pulse_and_brings_light():
    def seen(force_n, perfusion=1.5):
        scene = replace(QUIET, force_n=force_n, perfusion_pct=perfusion)
        taken = record(Person(scene, 1), 10.0)
        return taken.red.mean(), taken.ir.mean(), np.ptp(taken.ir) / taken.ir.mean()

    pulse = [seen(force_n)[2] for force_n in (0.1, 0.3, 0.8, 2.0)]
    assert pulse[1] > pulse[0] > 0.5 * pulse[1]
    assert 0.3 < pulse[2] / pulse[1] < 0.7 and pulse[3] < 0.01 * pulse[1]
    # A MAX30102 finger pressed until the pulse was gone (1.5 N) returned 2 and 5 % more.
    rest, pressed = seen(0.3, 0.0), seen(1.5, 0.0)
    assert pressed[0] / rest[0] == pytest.approx(1.02, abs=0.002)
    assert pressed[1] / rest[1] == pytest.approx(1.05, abs=0.002)


def test_light_settles_after_contact():
    scene = replace(QUIET, perfusion_pct=0.0, finger=((5.0, 60.0),), settle_pct=2.0)
    ir = record(Person(scene, 1)).ir
    assert ir[5500] == pytest.approx(120_000, rel=1e-4)
    early = ir[540:1000] / ir[5500] - 1.0
    assert early[0] == pytest.approx(0.018, abs=0.002)
    assert early[400] == pytest.approx(early[0] / np.e, rel=0.05)  # 4 s later


def test_a_tilted_finger_and_little_light_return():
    def mean_ir(**effect):
        return record(Person(replace(QUIET, **effect), 1), 10.0).ir.mean()

    # 60 % from tissue and the mirror of 4 %, which has no pulse.
    assert mean_ir(tilt=1.0) / mean_ir() == pytest.approx(0.64, abs=0.005)
    assert mean_ir(light_return=0.15) / mean_ir() == pytest.approx(0.15, rel=0.01)


def test_mains_flicker_aliases_against_the_sample_clock():
    scene = replace(QUIET, perfusion_pct=0.0, flicker_counts=500.0, clock_error_pct=-1.7)
    taken = record(Person(scene, 1))
    hz, power = signal.periodogram(taken.red, 98.3, detrend="linear")
    assert hz[power.argmax()] == pytest.approx(100.0 - 98.3, abs=0.02)
    assert np.ptp(taken.red) == pytest.approx(1000, rel=0.02)


def test_a_finger_shades_the_ambient_light():
    bright = replace(QUIET, perfusion_pct=0.0, ambient_counts=10_000.0)
    assert record(Person(bright, 1), 1.0).ir[50] == 121_000
    nobody = replace(bright, finger=())
    assert record(Person(nobody, 1), 1.0).ir[50] == 10_000


def test_sunlight_blinds_both_channels_and_says_so():
    samples = Person(replace(QUIET, sun=((2.0, 3.0),)), 1).until(5_000_000, Settings())
    blinded = [sample[2] for sample in samples]
    assert 99 <= sum(blinded) <= 101
    assert all(sample[:2] == ((1 << 18) - 1,) * 2 for sample in samples if sample[2])


def test_breathing_moves_venous_blood():
    scene = replace(QUIET, perfusion_pct=0.0, respiration_baseline_pct=0.5)
    taken = record(Person(scene, 1))
    assert np.ptp(taken.ir) / taken.ir.mean() == pytest.approx(0.01, rel=0.02)
    slope = np.polyfit(taken.ir / taken.ir.mean(), taken.red / taken.red.mean(), 1)[0]
    assert slope == pytest.approx(true_ratio(75.0), rel=0.01)  # 22 points under arterial 97


def test_breathing_is_in_the_baseline_the_amplitude_and_the_rate():
    scene = replace(QUIET, duration_s=120.0, respiration_per_min=15.0)
    slow = record(Person(replace(scene, respiration_baseline_pct=0.5), 1)).ir
    hz, power = signal.periodogram(slow, 100.0, detrend="linear")
    below = hz < 0.8
    assert hz[below][power[below].argmax()] == pytest.approx(0.25, abs=0.01)

    breathing = record(Person(replace(scene, respiration_amplitude_pct=10.0), 1)).ir
    envelope = np.ptp(breathing[:12000].reshape(-1, 100), axis=1)  # one beat a row and more
    assert 0.10 < np.ptp(envelope[5:]) / envelope.mean() < 0.30

    gaps = np.diff(Person(replace(scene, respiration_rate_pct=4.0), 1).beat_s)
    assert np.ptp(gaps) / gaps.mean() == pytest.approx(0.08, abs=0.01)
    at = Person(replace(scene, respiration_rate_pct=4.0), 1).beat_s[1:]
    hz = np.linspace(0.05, 0.6, 221)
    assert hz[signal.lombscargle(at, gaps - gaps.mean(), 2 * np.pi * hz).argmax()] == (
        pytest.approx(0.25, abs=0.02))


@pytest.mark.parametrize("apart", [0.0, 0.3, 1.0])
def test_wander_has_its_size_and_is_partly_each_leds_own(apart):
    scene = replace(QUIET, perfusion_pct=0.0, wander_pct=2.0, wander_apart=apart, duration_s=600.0)
    taken = record(Person(scene, 1))
    red, ir = taken.red / taken.red.mean(), taken.ir / taken.ir.mean()
    assert ir.std() == pytest.approx(0.02, rel=0.15)
    assert red.std() == pytest.approx(0.02, rel=0.15)
    assert np.corrcoef(red, ir)[0, 1] == pytest.approx(1.0 - apart, abs=0.2)
    hz, power = signal.periodogram(ir, 100.0, detrend="linear")
    assert power[hz < 0.2].sum() > 0.98 * power.sum()


def test_saturation_follows_steps_and_recorded_trajectories():
    person = Person(Scene(spo2_pct=step(97.0, 85.0, 30.0)), 1)
    assert person.spo2_pct([0.0, 29.9, 30.1, 99.0]) == pytest.approx([97, 97, 85, 85])
    track = recorded([0.0, 10.0, 20.0, 30.0], [97.0, np.nan, 91.0, 88.0])
    assert Person(Scene(spo2_pct=track), 1).spo2_pct(10.0) == pytest.approx(94.0)
    with pytest.raises(ValueError, match="no value"):
        recorded([0.0, 1.0], [np.nan, np.nan])


@pytest.mark.parametrize(("wrong", "told"), [
    ({"spo2_pct": 101.0}, "from 0.0 to 100.0"),
    ({"pulse_bpm": ((0.0, 1.0), (70.0, 0.0))}, "from 20.0"),
    ({"spo2_pct": ((0.0, 9.0, 5.0), (97.0, 90.0, 97.0))}, "times rising"),
    ({"force_n": ((0.0, 9.0), (0.3,))}, "as many"),
])
def test_a_scene_that_makes_no_sense_is_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        Scene(**wrong)


def test_a_measured_desaturation_drives_the_person(recordings):
    with gzip.open(recordings / "ubicomp_phone_camera" / "100001_left.csv.gz", "rt") as file:
        rows = [row for row in csv.DictReader(file) if row["ref_spo2"]]
    spo2 = [float(row["ref_spo2"]) for row in rows]
    track = recorded([float(row["t_s"]) for row in rows], spo2)
    person = Person(replace(QUIET, duration_s=900.0, spo2_pct=track), 1)
    taken = record(person)
    assert min(spo2) < 80.0
    for start in range(60, 840, 60):  # slope over 10 s of the band-passed light
        part = slice(start * 100, start * 100 + 1000)
        band = signal.butter(2, (0.6, 6.0), "bandpass", fs=100.0, output="sos")
        red = signal.sosfiltfilt(band, np.log(taken.red[part]))
        ir = signal.sosfiltfilt(band, np.log(taken.ir[part]))
        truth = person.spo2_pct(taken.t_s[part])
        slope = float(red @ ir / (ir @ ir))
        assert true_ratio(truth.max()) - 0.02 < slope < true_ratio(truth.min()) + 0.02


def test_darker_blood_returns_less_red_and_hardly_less_infrared():
    bright = record(Person(QUIET, 1), 10.0)
    dark = record(Person(replace(QUIET, spo2_pct=75.0), 1), 10.0)
    assert 0.80 < dark.red.mean() / bright.red.mean() < 0.95
    assert dark.ir.mean() / bright.ir.mean() == pytest.approx(1.0, abs=0.03)
