"""Playing a recording: the right samples at the right moments, and none that were made up."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.playback import Playback
from sim.recording import Recording

FAILED = 196351  # what an I2C read of 0xFF bytes leaves in 18 bits after the library's masking


def recording(t_s, red, ir) -> Recording:
    t_s = np.asarray(t_s, float)
    nothing = np.full(len(t_s), np.nan)
    red = None if red is None else np.asarray(red, float)
    ir = None if ir is None else np.asarray(ir, float)
    return Recording("x", t_s, red, ir, nothing, nothing)


def all_of(playback: Playback) -> list:
    return list(playback.until(10**12, None))


def timed(playback: Playback, step_us: int = 1000, until_s: float = 20.0) -> list:
    """(when it was handed out in us, sample), asked every step_us."""
    out = []
    for now_us in range(0, int(until_s * 1e6), step_us):
        out += [(now_us, sample) for sample in playback.until(now_us, None)]
    return out


def wave(t_s, level, swing):
    return np.rint(level + swing * np.sin(2 * np.pi * 1.2 * np.asarray(t_s)))


@pytest.mark.parametrize("rate_hz", [60, 64.177, 97.755, 100, 140.1, 150])
def test_the_sensors_own_clock_is_kept(rate_hz):
    t_s = 5 + np.round(np.arange(600) / rate_hz, 4)
    red, ir = wave(t_s, 1e5, 500), wave(t_s, 1.2e5, 900)
    got = timed(Playback(recording(t_s, red, ir)))
    assert [sample for _, sample in got] == list(zip(red, ir, strict=True))
    due_us = (t_s - 5) * 1e6
    lateness_us = np.array([at for at, _ in got]) - due_us
    assert (lateness_us > -1).all() and (lateness_us < 1001).all()


@pytest.mark.parametrize("rate_hz", [24.949, 25, 30, 50, 59, 151, 200, 280])
def test_other_rates_become_100_a_second_along_straight_lines(rate_hz):
    t_s = np.round(np.arange(int(8 * rate_hz)) / rate_hz, 4)
    red, ir = wave(t_s, 1e5, 5000), wave(t_s, 1.2e5, 9000)
    got = timed(Playback(recording(t_s, red, ir)))
    grid_s = np.arange(0, math.floor(t_s[-1] * 100 + 1e-6) + 1) / 100
    assert len(got) == len(grid_s)
    np.testing.assert_allclose([at for at, _ in got], grid_s * 1e6, atol=1000)
    np.testing.assert_allclose([s[0] for _, s in got], np.interp(grid_s, t_s, red), atol=0.51)
    np.testing.assert_allclose([s[1] for _, s in got], np.interp(grid_s, t_s, ir), atol=0.51)
    assert all(type(value) is int for _, sample in got for value in sample)


@pytest.mark.parametrize("missing", [1, 2, 3, 10, 100])
def test_only_gaps_of_up_to_three_periods_are_bridged(missing):
    t_s = np.arange(200) / 25
    keep = (np.arange(200) < 50) | (np.arange(200) >= 50 + missing)
    ramp = 1000 * np.arange(200.0)
    got = timed(Playback(recording(t_s[keep], ramp[keep], ramp[keep])))
    in_gap = [sample for at, sample in got if 49 / 25 * 1e6 < at < (50 + missing) / 25 * 1e6]
    if missing <= 2:
        assert len(in_gap) == 4 * (missing + 1) - 1
        assert [sample[0] for sample in in_gap] == [
            49_000 + 250 * k for k in range(1, len(in_gap) + 1)
        ]
    else:
        assert in_gap == []


def test_at_the_sensors_own_pace_a_gap_is_silence():
    t_s = np.concatenate([np.arange(100), np.arange(300, 400)]) / 100
    got = timed(Playback(recording(t_s, np.ones(200), np.ones(200))))
    assert len(got) == 200
    assert not [at for at, _ in got if 0.991e6 < at < 2.999e6]


def test_failed_reads_are_delivered_raw_and_never_mixed_into_a_line():
    t_s = np.arange(100) / 25
    red, ir = np.full(100, 80_000.0), np.full(100, 110_000.0)
    red[40:45] = ir[40:45] = FAILED
    got = timed(Playback(recording(t_s, red, ir)))
    assert {sample for _, sample in got} == {(80_000, 110_000), (FAILED, FAILED)}
    failed_us = [at for at, sample in got if sample == (FAILED, FAILED)]
    assert {at / 1e6 for at in range(1_600_000, 1_760_001, 10_000)} <= {
        at / 1e6 for at in failed_us
    }
    assert min(failed_us) > 39 / 25 * 1e6 and max(failed_us) < 45 / 25 * 1e6
    assert len(got) == 397


def test_one_channel_at_that_value_is_no_failed_read():
    t_s = np.arange(100) / 25
    red, ir = np.full(100, 80_000.0), np.full(100, 110_000.0)
    ir[40] = FAILED
    between = [sample[1] for _, sample in timed(Playback(recording(t_s, red, ir)))]
    assert between[158:163] == [153176, 174763, FAILED, 174763, 153176]


def test_a_blank_cell_is_a_lost_sample_at_the_sensors_own_pace():
    t_s = np.arange(10) / 100
    red = np.arange(10.0) + 500
    red[4] = np.nan
    got = all_of(Playback(recording(t_s, red, np.arange(10.0))))
    assert got[4] is None and got[3] == (503, 3) and got[5] == (505, 5) and len(got) == 10


def test_a_blank_cell_is_lost_and_not_bridged_when_interpolated():
    t_s = np.arange(100) / 25
    ir = np.arange(100.0) * 100
    ir[50] = np.nan
    got = timed(Playback(recording(t_s, np.ones(100), ir)))
    lost_us = [at for at, sample in got if sample is None]
    assert lost_us == list(range(1_970_000, 2_040_000, 10_000))
    assert all(sample[1] == round(at / 400) for at, sample in got if sample is not None)


@pytest.mark.parametrize("rate_hz", [25, 100])
def test_an_absent_channel_reads_nothing_and_never_fails(rate_hz):
    t_s = np.arange(50) / rate_hz
    only_ir = Playback(recording(t_s, None, np.full(50, FAILED)))
    assert only_ir.channels == 2 and set(all_of(only_ir)) == {(0, FAILED)}
    only_red = Playback(recording(t_s, np.full(50, 7.0), None))
    assert only_red.channels == 1 and set(all_of(only_red)) == {(7, 0)}


@settings(deadline=None, max_examples=60)
@given(
    rate_hz=st.sampled_from([25, 30, 100, 140.1, 250]),
    steps_us=st.lists(st.integers(0, 400_000), min_size=1, max_size=60),
)
def test_how_often_it_is_asked_changes_nothing(rate_hz, steps_us):
    t_s = np.round(np.arange(200) / rate_hz, 4)
    light = recording(t_s, wave(t_s, 1e5, 500), wave(t_s, 1e5, 900))
    whole, now_us = all_of(Playback(light)), 0
    got: list = []
    playback = Playback(light)
    for step_us in steps_us:
        now_us += step_us
        got += playback.until(now_us, None)
        assert not playback.until(now_us, None)
    assert got == whole[: len(got)]
    assert got + list(playback.until(10**12, None)) == whole


def test_the_light_is_open_loop():
    playback = Playback(recording(np.arange(500) / 100, np.ones(500), np.ones(500)))
    assert playback.fixed is True
    assert playback.duration_s == 4.99


def test_the_sensor_is_as_warm_as_the_recording_says():
    t_s = np.arange(400) / 100
    told = np.full(400, np.nan)
    told[[0, 100, 200, 300]] = (28.5, 28.5, 30.0, 31.25)
    light = replace(recording(t_s, np.ones(400), np.ones(400)), die_c=told)
    playback, chip = Playback(light), SimpleNamespace(die_c=25.0)
    seen = []
    for now_us in (0, 990_000, 2_000_000, 2_990_000, 3_500_000):
        playback.until(now_us, chip)
        seen.append(chip.die_c)
    assert seen == [28.5, 28.5, 30.0, 30.0, 31.25]


def test_every_real_recording_plays_near_its_rate(recordings):
    from sim.recording import read

    for folder in ("alsementsov_max30102", "misc_max30102"):
        for path in sorted((recordings / folder).glob("*.csv")):
            light = read(path)
            samples = all_of(Playback(light))
            own_hz = 1 / light.period_s
            wanted_hz = own_hz if 60 <= own_hz <= 150 else 100
            assert len(samples) / light.duration_s == pytest.approx(wanted_hz, rel=0.03), path.name
            assert light.red is not None and light.ir is not None
            failed_rows = int(((light.red == FAILED) & (light.ir == FAILED)).sum())
            failed = sum(sample == (FAILED, FAILED) for sample in samples)
            assert failed >= failed_rows and (failed > 0) == (failed_rows > 0)
