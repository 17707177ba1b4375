"""Each kernel of the core against floating point."""

import math
from array import array

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from sim.door import core, field
from sim.patient import optics

beats, curve, evaluation, integer, lamp, logarithm, pulse, ratio, settle, spectrum = (
    __import__(f"oximeter.core.{name}", fromlist=["core"])
    for name in (
        "beats", "curve", "evaluation", "integer", "lamp", "logarithm", "pulse", "ratio", "settle",
        "spectrum",
    )
)  # fmt: skip


@given(st.integers(0, 2**30 - 1))
def test_square_root(value):
    assert integer.isqrt(value) == math.isqrt(value)


@given(st.integers(1, 2**20 - 1))
def test_logarithm(count):
    assert abs(logarithm.ln_q22(count) / 2**22 - math.log(count)) < 1.2e-6


def test_tables():
    for j, step in enumerate(logarithm._LN_STEPS_Q22):
        assert step == round(math.log(1 + j / 32) * 2**22)
    cosines = array("i", [0] * 129)
    spectrum.fill_cosines(cosines)
    for i, value in enumerate(cosines):
        assert abs(value - 8192 * math.cos(2 * math.pi * i / 128)) <= 0.5001


@given(st.integers(0, 14336))
def test_default_curve(ratio_q12):
    exact = reference.spo2_pct(ratio_q12 / 4096)
    got = curve.spo2_centipct(ratio_q12, *curve.DEFAULT)
    assert abs(got / 100 - exact) < 0.011
    slope = abs(2 * 1.5958422 * ratio_q12 / 4096 - 34.6596622)
    got = curve.slope_centipct(ratio_q12, *curve.DEFAULT[:2])
    assert abs(got / 100 - slope) < 0.02


def test_curve_from_settings():
    state = core.new()
    before = list(state[1])
    core.set_curve(state, round(1.5958422 * 2**20), round(-34.6596622 * 2**20),
                   round(112.6898759 * 2**20))
    assert max(abs(a - b) for a, b in zip(before, state[1], strict=True)) <= 1


def spectrum_of(size, ir_ln, red_ln):
    """Lines by the firmware from the last size + 1 of two float logarithms."""
    rings = [array("i", [0] * 128) for _ in range(2)]
    for ring, values in zip(rings, (ir_ln, red_ln), strict=True):
        for i, value in enumerate(values):
            ring[i & 127] = round(value * 2**22)
    newest = (len(ir_ln) - 1) & 127
    cosines = array("i", [0] * 129)
    spectrum.fill_cosines(cosines)
    re, im = array("i", [0] * 128), array("i", [0] * 128)
    shift = spectrum.load(rings[1], rings[0], newest, size, cosines, re, im)
    for first, last in ((0, 3), (3, 7)):
        spectrum.transform(re, im, cosines, first, last)
    down = spectrum.lines(re, im, 3)
    return re, im, shift, down


@pytest.mark.parametrize("size", [40, 77, 100, 127])
@pytest.mark.parametrize("height", [0.0005, 0.02, 0.1])
def test_lines_are_those_of_a_float_transform(size, height):
    """Float: numpy's transform of the same steps under the same half sine."""
    i = np.arange(128)
    ir = 13.0 + height * (np.sin(0.61 * i) + 0.4 * np.sin(1.22 * i + 1)) + 0.001 * np.sin(0.1 * i)
    red = 12.5 + 0.6 * height * np.sin(0.61 * i + 0.05) + 0.0005 * i / 128
    re, im, shift, down = spectrum_of(size, ir, red)
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)

    def lines(values):
        steps = np.diff(values[-size - 1 :])
        return np.fft.fft((steps - steps.mean()) * window, 128)[:60] * 2**22

    x, y = lines(ir), lines(red)
    scale = (2.0 ** (shift - 4 - down) * 2) ** 2
    top = (abs(x) ** 2).max() * scale
    got = np.array([[re[k], im[k], re[64 + k]] for k in range(3, 60)]).T
    exact = np.array([abs(x) ** 2, abs(y) ** 2, (x * y.conj()).real])[:, 3:] * scale
    assert np.abs(got - exact).max() < 0.003 * top


def estimate_of(ir_ln, red_ln, size, first, last):
    """Ratio and its error in float, from the lines first … last of two float logarithms."""
    re, im, _, _ = spectrum_of(size, ir_ln, red_ln)
    out = array("i", [0] * 16)
    ratio.mark_band(im, first, last)
    ratio.estimate(re, im, array("i", [0] * 64), 3, 58, 18, size, out)
    return out[0] / 4096, out[1] / 4096


@pytest.mark.parametrize("noise", [0.0002, 0.001, 0.003])
def test_ratio_and_its_error(noise):
    """Without bias though both channels are noisy; the error is the scatter of repeated noise, and
    that is the Cramer-Rao bound times the root of 1.5 that the window costs."""
    rng = np.random.default_rng(3)
    i = np.arange(101)
    wave = 0.005 * (np.sin(0.61 * i) + 0.5 * np.sin(1.22 * i + 1))
    truth = 0.7
    found, claimed = np.array([
        estimate_of(12 + wave + rng.normal(0, noise, 101),
                    12 + truth * wave + rng.normal(0, noise, 101), 100, 8, 29)
        for _ in range(300)
    ]).T  # fmt: skip
    bound = noise * math.hypot(1, truth) / math.sqrt((wave**2).sum())
    assert found.mean() == pytest.approx(truth, abs=4 * found.std() / math.sqrt(300) + 0.0005)
    assert found.std() == pytest.approx(bound * math.sqrt(1.5), rel=0.25, abs=0.0005)
    assert claimed.mean() == pytest.approx(found.std(), rel=0.2, abs=0.0005)
    # Where the estimate scatters, errors are the larger, the smaller it comes out.
    assert math.sqrt(np.square((found - truth) / claimed).mean()) == pytest.approx(1, abs=0.1)


def test_a_disturbed_line_counts_for_less():
    """A lamp beats at the second harmonic with a ratio of its own, as strong as the pulse."""
    i = np.arange(101)
    wave = 0.005 * (np.sin(0.61 * i) + 0.5 * np.sin(1.22 * i + 1))
    lamp = 0.0025 * np.sin(1.25 * i)
    disturbed, sd = estimate_of(12 + wave + lamp, 12 + 0.6 * wave + 1.5 * lamp, 100, 8, 29)
    clean, clean_sd = estimate_of(12 + wave, 12 + 0.6 * wave, 100, 8, 29)
    assert clean == pytest.approx(0.6, abs=0.001)
    assert abs(disturbed - 0.6) < 2 * sd
    assert sd > 10 * clean_sd


@pytest.mark.parametrize("red", [0.0, -0.6, 4.5])
def test_no_ratio_from_what_is_no_blood(red):
    i = np.arange(101)
    wave = 0.005 * np.sin(0.61 * i)
    assert estimate_of(12 + wave, 12 + red * wave, 100, 8, 29)[0] < 0


@pytest.mark.parametrize("bpm", [35, 42, 60, 75, 97, 130, 170, 215, 240])
@pytest.mark.parametrize("wave", ["plain", "dicrotic"])
def test_rate_of_a_clean_wave(bpm, wave):
    """Not the half and not the double, whatever the second wave."""
    t = np.arange(260) / 25.0
    turn = 2 * np.pi * bpm / 60 * t
    second = 0.9 if wave == "dicrotic" else 0.4
    ir = 12 - 0.01 * (np.sin(turn) + second * np.sin(2 * turn + 2.0) + 0.2 * np.sin(3 * turn))
    ir = np.convolve(ir, np.array([1, 4, 6, 4, 1]) / 16, "valid")[::2]
    size = 100
    re, im, _, _ = spectrum_of(size, ir, ir)
    reach, low, high = 1, 4, 58
    total = pulse.gather(re, im, low, high, reach)
    line_q3 = pulse.fundamental_q3(im, total, low << 3, 341, 49, high, reach)
    line = pulse.refine_q8(re, im, line_q3, high, reach) / 256
    assert line * 12.5 / 128 * 60 == pytest.approx(bpm, abs=0.7)


def beaten(at_s, height=0.01, second=0.0):
    """State of the beats after a wave with an upstroke at each of these times; 25 ticks a second.

    second: height of a second wave 0.3 s after the first.
    """
    t = np.arange(int((at_s[-1] + 0.5) * 25)) / 25.0
    light = np.full(t.size, 13.0)
    for after_s, share in ((0.0, 1.0), (0.3, second)):
        for at, size in zip(at_s, np.broadcast_to(height, at_s.shape), strict=True):
            since = np.maximum(t - at - after_s, 0) / 0.12
            light -= share * size * since * np.exp(1 - since)
    state = array("i", [0] * beats.LENGTH)
    beats.clear(state)
    ln = np.round(light * 2**22).astype(int).tolist()
    found = [
        t[i] for i in range(3, len(ln)) if beats.step(state, ln[i - 3] - ln[i], ln[i], 1280) == 1
    ]
    return state, np.array(found)


def kept(state, span_s=15):
    """Intervals, mean interval in seconds, share that keeps time, and mean period in seconds."""
    out = array("i", [0] * 16)
    beats.rhythm(state, span_s * 25, out)
    count, total, timely, periods = out[:4]
    return count, total / 6400 / count, timely / count, total / 6400 / periods


def test_beats_of_a_known_rhythm():
    """Intervals and order against the times the wave was made of."""
    rng = np.random.default_rng(5)
    for spread, least, most in ((0.08, 1.0, 1.0), (0.4, 0.0, 0.75)):
        at = np.cumsum(0.8 * (1 + spread * rng.uniform(-1, 1, 60)))
        state, found = beaten(at)
        assert len(found) == len(at)
        count, interval_s, share, _ = kept(state)
        assert interval_s == pytest.approx(np.diff(at)[-count:].mean(), rel=0.01)
        assert 15 / 0.8 - 4 <= count <= 15 / 0.8 + 4
        assert least <= share <= most


@pytest.mark.parametrize("interval_s", [0.5, 0.6, 0.8, 1.0])
def test_a_second_wave_is_no_beat(interval_s):
    """Half as high as the first, and 0.3 s later."""
    at = np.arange(3.0, 40.0, interval_s)
    _, found = beaten(at, second=0.5)
    assert len(found[found > 8]) == pytest.approx(np.sum(at > 8), abs=1)


def test_premature_beats_keep_time_with_their_pause():
    """Early by a third and as weak as a third; those too weak to be seen are counted as well."""
    rng = np.random.default_rng(6)
    for weak in (0.6, 0.1):
        at = np.arange(3.0, 60.0, 0.8)
        early = np.flatnonzero(rng.random(at.size) < 0.12)
        height = np.full(at.size, 0.01)
        at[early] -= 0.26
        height[early] *= weak
        state, _ = beaten(at, height)
        _, _, share, period_s = kept(state)
        assert share >= 0.9
        assert period_s == pytest.approx(0.8, rel=0.02)



@given(
    st.lists(st.integers(9300, 9800), min_size=40, max_size=100),
    st.integers(0, 40),
    st.sampled_from([11, 12, 24, 25, 50, 51]),
)
def test_settled_by_the_rule(values, narrow, sd):
    """The rule of the design, in float, beside the firmware's; the slope over more seconds where
    it is known less well."""
    values = [9550 + (value - 9550) * narrow // 100 for value in values]
    trend = array("i", [0] * settle.LENGTH)
    settle.clear(trend)
    for n, value in enumerate(values):
        got = settle.step(trend, value, sd, n, 1)
        window = np.array(values[max(0, n - 14) : n + 1]) / 100
        span = 15 if sd <= 11 else 31 if sd <= 24 else 45
        settled = n + 1 >= max(30, span) and n >= 20 and sd <= 50
        if settled:
            leant = np.array(values[n + 1 - span : n + 1]) / 100
            slope = np.polyfit(np.arange(span), leant, 1)[0]
            settled = window.max() - window.min() <= 1.0 and abs(slope) <= 0.05 + 1e-9
        assert got == (round(np.median(window) * 100) if settled else field.NONE)


@pytest.mark.parametrize("centipct_a_s", [-50, -20, -10, -6, 6, 10, 20, 50])
def test_a_slope_alone_keeps_it_from_settling(centipct_a_s):
    """Also one so slow that 15 s of it stay within a point; a little less settles."""
    for slope, settles in ((centipct_a_s, False), (4 if centipct_a_s > 0 else -4, True)):
        trend = array("i", [0] * settle.LENGTH)
        settle.clear(trend)
        got = [settle.step(trend, 9000 + slope * n, 10, n, 1) for n in range(90)]
        assert any(value != field.NONE for value in got) == settles


def test_nothing_settles_without_a_pulse_in_most_seconds():
    for of_ten, settles in ((10, True), (8, True), (5, False), (0, False)):
        trend = array("i", [0] * settle.LENGTH)
        settle.clear(trend)
        got = [settle.step(trend, 9000, 3, n, int(n * 7 % 10 < of_ten)) for n in range(90)]
        assert any(value != field.NONE for value in got) == settles


def test_led_current_lands_in_the_middle():
    full = 262143
    for dc in (5000, 20000, 40000, 60000, 120000, 220000, 240000):
        led_ua, light = 7000, dc / 7000
        for _ in range(4):
            led_ua = core.propose_led_ua(min(full, int(light * led_ua)), led_ua)
        assert 0.2 * full <= light * led_ua <= 0.85 * full or led_ua in (800, 50000)
        assert led_ua % 200 == 0
    assert core.propose_led_ua(100000, 7000) == 7000


def test_words_and_numbers_agree():
    assert field.STATUS_NAMES[field.USB_POWER] == "usb_power"
    assert len(set(field.STATUS_NAMES)) == 12
    assert field.FLAG_NAMES[field.FLAG_FAULT_DEAD_LED.bit_length() - 1] == "fault:dead_led"


@pytest.mark.parametrize("spo2_pct", [97.0, 85.0, 70.0])
@pytest.mark.parametrize("die_c", [5.0, 15.0, 40.0])
def test_the_red_led_is_followed_through_its_temperature(spo2_pct, die_c):
    """Against the extinction of haemoglobin under the LED's own spectrum, within 0.2 points."""
    shift_nm = optics.RED_NM_PER_C * (die_c - 25)
    true_ratio = float(optics.ratio_of_spo2(spo2_pct))
    read_q12 = round(4096 * true_ratio * float(optics.ratio_factor(shift_nm, spo2_pct)))
    state = core.new()
    core.set_die(state, round(die_c * 100))
    corrected = evaluation.at_25_c(state[1], read_q12) / 4096
    assert float(optics.spo2_of_ratio(corrected)) == pytest.approx(spo2_pct, abs=0.2)


def lines_of(place, lag_deg, red_of_ir):
    """Spectral lines of a tone that is seen by both channels, red that many times as high."""
    re, im = [0] * 128, [0] * 128
    for aside, energy in ((-1, 0.3), (0, 1.0), (1, 0.3)):
        k = place + aside
        re[k] = round(1e6 * energy)
        im[k] = round(1e6 * energy * red_of_ir**2)
        re[64 + k] = round(1e6 * energy * red_of_ir * math.cos(math.radians(lag_deg)))
    return re, im


@pytest.mark.parametrize(("rate_hz", "place"), [(97.7, 24), (102.5, 25), (117.0, 26), (123.0, 25)])
def test_a_lamp_is_known_by_its_place_and_its_lag(rate_hz, place):
    """Twice the mains less the rate, in lines of 1/1024 of the rate; and 1.1 ms of its period."""
    mains_hz = 100 if rate_hz < 110 else 120
    lag_deg = 360 * mains_hz * 0.001107
    rate_millihz, light_q8 = round(rate_hz * 1000), round(1.2 * 256)

    def found(at, lag_deg=lag_deg, red_of_ir=1.2, light_q8=light_q8, rate_millihz=rate_millihz):
        return lamp.line(*lines_of(at, lag_deg, red_of_ir), 4, 58, 1, rate_millihz, light_q8)

    assert found(place) == place
    assert found(place + 2) == place + 2  # the rate is not known better
    assert found(place + 6) == 0
    assert found(place, lag_deg=10) == 0  # the heart
    assert found(place, red_of_ir=0.8) == 0  # not the same counts in both
    assert found(place, red_of_ir=0.8, light_q8=0) == place  # together with the heart
    assert found(place, rate_millihz=140100) == 0


def test_a_lamp_is_put_out_with_all_its_lines():
    re, im = lines_of(24, 40, 1.2)
    lamp.put_out(re, im, 24, 1)
    assert not any(re) and not any(im)
