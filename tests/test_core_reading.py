"""The whole core on people and things: what it says, how soon, and when it says nothing."""

from dataclasses import replace

import numpy as np
import pytest
import reference

from sim.door import core, field, track
from sim.fast import compiled
from sim.patient import Motion, Person, Scene, ramp, record
from sim.patient.scene import Movement

OK, MILLI = field.OK, 1000


def run(red, ir, rate_hz=100.0, channels=3):
    """Readings after each 40 ms as rows, and their times in seconds."""
    t_s = np.arange(1, len(red) + 1) / rate_hz
    t_ms = (np.ceil(t_s / 0.04) * 40).astype(int)
    block = 4
    rows = compiled().run(red, ir, t_ms, channels=channels, block=block)
    return rows, t_s[np.minimum(np.arange(1, len(rows) + 1) * block, len(red)) - 1]


def watch(scene, seed=1):
    person = Person(scene, seed)
    seen = record(person)
    rows, t_s = run(seen.red, seen.ir, 100.0 * (1 + scene.clock_error_pct / 100))
    return person, rows, t_s


def each_second(rows, t_s):
    """The last row of each evaluation, one a second."""
    return rows[24::25], t_s[24::25]


@pytest.mark.parametrize("perfusion", [1.0, 3.0])
@pytest.mark.parametrize("bpm", [40, 75, 120, 180])
@pytest.mark.parametrize("spo2", [70, 80, 90, 97, 100])
def test_still_finger(spo2, bpm, perfusion):
    """Extraction error at most 1 point rms; the figure printed by the bench is far below."""
    scene = Scene(duration_s=40, spo2_pct=spo2, pulse_bpm=bpm, perfusion_pct=perfusion)
    person, rows, t_s = watch(scene)
    rows, t_s = each_second(rows, t_s)
    rows, t_s = rows[t_s > 6], t_s[t_s > 6]
    good = rows[:, field.STATUS] == OK
    assert good.mean() > 0.95
    error = rows[good, field.SPO2_CENTIPCT] / 100 - spo2
    assert np.sqrt((error**2).mean()) <= 1.0
    pulse = rows[good, field.PULSE_DECIBPM] / 10 - person.pulse_bpm(t_s[good])
    assert np.sqrt((pulse**2).mean()) <= 2.0
    seen = np.median(rows[good, field.PERFUSION_MILLIPCT]) / MILLI
    assert seen == pytest.approx(perfusion, rel=0.15)


def test_the_error_is_owned_up_to():
    """Over many fingers the true error lies within the claimed deviation as often as it should."""
    z = []
    for seed, perfusion in enumerate((0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)):
        person, rows, t_s = watch(Scene(duration_s=90, perfusion_pct=perfusion), seed)
        rows, t_s = each_second(rows, t_s)
        good = rows[:, field.STATUS] == OK
        error = rows[good, field.SPO2_CENTIPCT] / 100 - 97
        z += (error / (rows[good, field.SPO2_SD_CENTIPCT] / 100)).tolist()
    assert np.mean(np.abs(z) < 2) > 0.93
    assert np.sqrt(np.mean(np.square(z))) > 0.3  # an error of a mile would hold anything


@pytest.mark.parametrize("perfusion", [0.3, 1.0])
def test_the_error_of_a_good_finger_is_as_large_as_it_is_said_to_be(perfusion):
    z = []
    for seed in range(40):
        scene = Scene(duration_s=60, pulse_bpm=45 + seed, perfusion_pct=perfusion)
        _, rows, t_s = watch(scene, 400 + seed)
        rows = each_second(rows, t_s)[0][10:]
        rows = rows[rows[:, field.STATUS] == OK]
        z += ((rows[:, field.SPO2_CENTIPCT] - 9700) / rows[:, field.SPO2_SD_CENTIPCT]).tolist()
    assert np.sqrt(np.mean(np.square(z))) == pytest.approx(1.0, abs=0.1)


def test_beside_a_float_oximeter():
    """The same ten seconds by band-pass, slope and autocorrelation."""
    for seed, spo2, bpm in ((1, 96, 66), (2, 88, 84), (3, 78, 110)):
        seen = record(Person(Scene(duration_s=20, spo2_pct=spo2, pulse_bpm=bpm), seed))
        rows, _ = run(seen.red, seen.ir)
        tail = slice(len(seen.red) - 1000, len(seen.red))
        exact = reference.spo2_pct(reference.ratio_of_ratios(seen.red[tail], seen.ir[tail], 100.0))
        assert rows[-1, field.SPO2_CENTIPCT] / 100 == pytest.approx(exact, abs=0.5)
        exact = reference.pulse_bpm(seen.ir[tail], 100.0)
        assert rows[-1, field.PULSE_DECIBPM] / 10 == pytest.approx(exact, abs=2.0)


@pytest.mark.parametrize("bpm", [50, 72, 140])
def test_first_within_six_seconds_and_gone_within_two(bpm):
    scene = Scene(duration_s=30, pulse_bpm=bpm, finger=((4.0, 20.0),))
    _, rows, t_s = watch(scene)
    good = t_s[rows[:, field.STATUS] == OK]
    assert 4.0 < good.min() <= 4.0 + 6.0
    assert good.max() <= 20.0 + 2.0
    assert rows[-1, field.STATUS] == field.NO_FINGER
    assert rows[t_s < 3.9, field.STATUS].tolist().count(field.NO_FINGER) > 90


def test_a_pulse_that_stops_takes_its_number_with_it():
    """Light stays, the pulse does not: a cuff on the arm, a finger pressed white."""
    seen = record(Person(Scene(duration_s=30, perfusion_pct=2.0), 4))
    ir, red = seen.ir.copy(), seen.red.copy()
    rng = np.random.default_rng(1)
    for channel in (ir, red):
        channel[2000:] = channel[2000] + np.rint(rng.normal(0, 8, 1000)).astype(int)
    rows, t_s = run(red, ir)
    good = rows[:, field.STATUS] == OK
    assert good[(t_s > 10) & (t_s < 20)].all()
    assert not good[t_s > 22.0].any()
    assert rows[-1, field.STATUS] in (field.WEAK_PULSE, field.NO_FINGER)


@pytest.mark.parametrize(
    ("red", "ir", "status"),
    [
        (0, 0, field.NO_FINGER),
        (262143, 262143, field.SATURATED),
        (60, 120000, field.SENSOR_FAULT),
        (120000, 60, field.SENSOR_FAULT),
        (196351, 196351, field.SENSOR_FAULT),
        (3000, 3000, field.NO_FINGER),
        (90000, 100000, field.NO_FINGER),
    ],
)
def test_what_is_no_finger(red, ir, status):
    rng = np.random.default_rng(2)
    quiet = red in (0, 262143, 196351)
    noise = np.zeros((2, 2000)) if quiet else rng.normal(0, 8, (2, 2000))
    rows, _ = run(
        np.clip(red + noise[0], 0, 262143).astype(int),
        np.clip(ir + noise[1], 0, 262143).astype(int),
    )
    assert (rows[:, field.STATUS] != OK).all()
    assert (rows[:, [field.SPO2_CENTIPCT, field.PULSE_DECIBPM]] == field.NONE).all()
    assert rows[-1, field.STATUS] == status
    fault = {196351: field.FLAG_FAULT_NACK, 60: field.FLAG_FAULT_DEAD_LED}
    if status == field.SENSOR_FAULT:
        assert rows[-1, field.FLAGS] == fault.get(min(red, ir), fault.get(red, 0))


def test_failed_reads_are_bridged_for_a_second():
    seen = record(Person(Scene(duration_s=40), 5))
    red, ir = seen.red.copy(), seen.ir.copy()
    for at, length in ((1500, 30), (2500, 300)):
        red[at : at + length] = ir[at : at + length] = core.FAILED_READ_ADC
    rows, t_s = run(red, ir)
    status = rows[:, field.STATUS]
    assert field.SENSOR_FAULT not in status[t_s < 25]
    assert (status[(t_s > 26.1) & (t_s < 27.9)] == field.SENSOR_FAULT).all()
    assert status[-1] == OK


@pytest.mark.parametrize("error_pct", [-2.3, 40.1, -30.0])
def test_the_rate_is_measured(error_pct):
    """Boards set to 100 samples a second ran at 97.7 and 140.1."""
    scene = Scene(duration_s=40, pulse_bpm=72, clock_error_pct=error_pct)
    person, rows, t_s = watch(scene)
    assert rows[-1, field.RATE_MILLIHZ] / 1000 == pytest.approx(100 + error_pct, rel=0.003)
    assert rows[-1, field.PULSE_DECIBPM] / 10 == pytest.approx(72, abs=3)


@pytest.mark.parametrize("channels", [1, 2])
def test_one_wavelength_gives_a_pulse_and_no_saturation(channels):
    seen = record(Person(Scene(duration_s=20), 6))
    rows, _ = run(seen.red, seen.ir, channels=channels)
    assert rows[-1, field.STATUS] == OK
    assert rows[-1, field.PULSE_DECIBPM] / 10 == pytest.approx(72, abs=3)
    assert (rows[:, [field.SPO2_CENTIPCT, field.RATIO_Q12]] == field.NONE).all()
    unsure = rows[:, field.STATUS] != OK
    assert (rows[unsure, field.PULSE_DECIBPM] == field.NONE).all()


@pytest.mark.parametrize("shape", ["young", "adult", "dicrotic", "stiff"])
def test_no_double_pulse(shape):
    person, rows, t_s = watch(Scene(duration_s=60, shape=shape, pulse_bpm=66), 2)
    rows, t_s = each_second(rows, t_s)
    good = rows[:, field.STATUS] == OK
    assert good[t_s > 6].mean() > 0.95
    error = rows[good, field.PULSE_DECIBPM] / 10 - person.pulse_bpm(t_s[good])
    assert np.abs(error).max() < 4


def test_settled_after_half_a_minute():
    person, rows, t_s = watch(Scene(duration_s=60), 3)
    settled = (rows[:, field.FLAGS] & field.FLAG_SETTLED) > 0
    assert 30 <= t_s[settled].min() <= 40
    assert np.abs(rows[settled, field.SETTLED_CENTIPCT] / 100 - 97).max() < 0.5
    assert (rows[~settled, field.SETTLED_CENTIPCT] == field.NONE).all()


@pytest.mark.parametrize("falls", [True, False], ids=["falls", "rises"])
@pytest.mark.parametrize("points_a_s", [0.1, 0.2, 0.3, 0.5])
def test_a_ramp_never_settles(points_a_s, falls):
    """While the saturation moves, no number of it is the one to be kept; afterwards one is."""
    last_s = 25 + 25 / points_a_s if points_a_s > 0.2 else 140
    low = 98 - points_a_s * (last_s - 5)
    moving = ramp(98, low, 5, last_s) if falls else ramp(low, 98, 5, last_s)
    _, rows, t_s = watch(Scene(duration_s=last_s + 45, spo2_pct=moving), 4)
    settled = (rows[:, field.FLAGS] & field.FLAG_SETTLED) > 0
    assert not settled[t_s <= last_s].any()
    assert settled[t_s > last_s + 30].any()


@pytest.mark.parametrize("perfusion_pct", [0.15, 0.2, 0.3, 1.0])
@pytest.mark.parametrize("points_a_s", [0.1, 0.15, 0.2])
def test_no_ramp_of_a_weak_pulse_settles(points_a_s, perfusion_pct):
    """Of forty; in noise the slope of 15 s says little, and half of the slowest once settled."""
    low = 98 - 135 * points_a_s
    settled = []
    for seed in range(20):
        for moving in (ramp(98, low, 5, 140), ramp(low, 98, 5, 140)):
            scene = Scene(duration_s=140, spo2_pct=moving, perfusion_pct=perfusion_pct)
            _, rows, _ = watch(scene, 2000 + seed)
            settled.append(bool((rows[:, field.FLAGS] & field.FLAG_SETTLED).any()))
    assert sum(settled) == 0


def test_flags():
    def flags(scene, seed=1):
        _, rows, t_s = watch(scene, seed)
        late = rows[(t_s > 25) & (rows[:, field.STATUS] == OK), field.FLAGS]
        assert late.size
        return late

    still = flags(Scene(duration_s=40))
    assert not (still & ~field.FLAG_SETTLED).any()
    assert (flags(Scene(duration_s=40, perfusion_pct=0.2)) & field.FLAG_LOW_PERFUSION).all()
    assert (flags(Scene(duration_s=40, spo2_pct=65)) & field.FLAG_BELOW_RANGE).all()
    assert (flags(Scene(duration_s=60, fibrillation=True)) & field.FLAG_IRREGULAR).mean() > 0.9
    seen = record(Person(Scene(duration_s=40), 1))
    rows, _ = run(seen.ir, seen.red)  # exchanged
    assert rows[-1, field.FLAGS] & field.FLAG_SUSPECT_SWAP
    assert rows[-1, field.SPO2_CENTIPCT] != field.NONE


def test_a_gap_ends_the_reading_and_lost_samples_do_not():
    seen = record(Person(Scene(duration_s=60), 7))
    red, ir = seen.red.tolist(), seen.ir.tolist()
    state = core.new()
    events, at = 0, 0
    status = {}
    for t_ms in range(40, 60001, 40):
        new = t_ms // 10 - at
        if 20000 < t_ms <= 22000:
            core.feed(state, [], [], 0, t_ms, 0)
            at += new
        elif t_ms == 40000:
            at += new  # four samples overwritten before they were read
            events = field.EVENT_LOST
        else:
            core.feed(state, red[at : at + new], ir[at : at + new], new, t_ms, events)
            at += new
            events = 0
        status[t_ms] = core.reading(state)[field.STATUS]
    assert status[20000] == OK
    assert status[20600] == status[22000] == field.SEARCHING
    assert all(status[t_ms] == OK for t_ms in range(30000, 60001, 40))


def test_blocks_do_not_matter():
    """Read more often or less often: the same readings."""
    seen = record(Person(Scene(duration_s=20), 8))
    red, ir = seen.red.tolist(), seen.ir.tolist()
    histories = []
    for block in (4, 8, 32):
        state, history = core.new(), []
        for i in range(0, len(red) - 31, 32):
            for j in range(i, i + 32, block):
                end = j + block
                core.feed(state, red[j:end], ir[j:end], block, end * 10, 0)
            history.append(list(core.reading(state)))
        histories.append(history)
    assert histories[0] == histories[1] == histories[2]


def test_new_light_starts_anew():
    seen = record(Person(Scene(duration_s=30), 9))
    state = core.new()
    for i in range(0, 3000, 4):
        scale = 1.0 if i < 1500 else 1.6
        core.feed(
            state,
            [int(v * scale) for v in seen.red[i : i + 4]],
            [int(v * scale) for v in seen.ir[i : i + 4]],
            4,
            (i + 4) * 10,
            field.EVENT_LEDS if i == 1500 else 0,
        )
        if i == 1500:
            assert core.reading(state)[field.SPO2_CENTIPCT] == field.NONE
    assert core.reading(state)[field.STATUS] == OK


def test_fingers_of_the_recordings(recordings):
    """Good fingers of the collection read what their own red and infrared say in float."""
    from sim.playback import Playback
    from sim.recording import read

    for name in ("d2_11-28_superb", "d2_11-42_superb", "d2_14-41_good", "d2_11-55_spo97"):
        playback = Playback(read(recordings / "alsementsov_max30102" / f"{name}.csv"))
        samples = [s for s in playback.until(10**9, None) if s is not None]
        red, ir = np.array([s[:2] for s in samples]).T
        rows, t_s = run(red, ir)
        red, ir = red[300:], ir[300:]
        late = (t_s > 8) & (rows[:, field.STATUS] == OK)
        assert late.mean() > 0.5
        exact = reference.spo2_pct(reference.ratio_of_ratios(red, ir, 100.0))
        assert np.median(rows[late, field.SPO2_CENTIPCT]) / 100 == pytest.approx(exact, abs=1.0)
        exact = reference.pulse_bpm(ir, 100.0)
        assert np.median(rows[late, field.PULSE_DECIBPM]) / 10 == pytest.approx(exact, abs=4)


def test_another_light_ends_the_reading():
    """Brighter by a third from one sample to the next, and no LED was set: nothing old remains."""
    seen = record(Person(Scene(duration_s=30), 10))
    red, ir = seen.red.copy(), seen.ir.copy()
    red[1500:] = red[1500:] * 4 // 3
    ir[1500:] = ir[1500:] * 4 // 3
    rows, t_s = run(red, ir)
    good = rows[:, field.STATUS] == OK
    assert good[(t_s > 8) & (t_s < 15)].all()
    assert not good[(t_s > 15.3) & (t_s < 18)].any()
    assert good[t_s > 22].all()


@pytest.mark.parametrize("kind", ["real", "ideal"])
@pytest.mark.parametrize("movement", ["tap", "rub", "tremor", "random", "bursts", "crossing"])
def test_motion_shows_the_heart_or_nothing(movement, kind):
    """A minute of movement half, once and three times the pulse, after half a minute at rest."""
    wrong = shown = 0
    for seed, swing_pct in ((21, 0.75), (22, 1.5), (23, 4.5)):
        motion = Motion(movement, 30, 90, swing_pct=swing_pct, kind=kind)
        person, rows, t_s = watch(Scene(duration_s=110, spo2_pct=95, motion=(motion,)), seed)
        rows, t_s = each_second(rows, t_s)
        during = rows[(t_s > 30) & (t_s < 90)]
        good = during[during[:, field.STATUS] == OK]
        shown += len(good)
        wrong += int((np.abs(good[:, field.SPO2_CENTIPCT] / 100 - 95) > 4).sum())
        after = rows[(t_s > 100)]
        assert (after[:, field.STATUS] == OK).all()
    assert wrong <= 0.05 * shown


@pytest.mark.parametrize("bpm", [60, 80, 110])
def test_a_hand_of_one_source_may_cross_the_heart(bpm):
    """Its tempo sweeps over the heart's: SpO2 stays, and knows its error."""
    squares, covered, count, due = 0.0, 0, 0, 0
    for seed in range(8):
        motion = Motion("crossing", 10, 70, swing_pct=1.0, kind="ideal")
        spo2_pct = 86.0 + 1.5 * seed
        scene = Scene(
            duration_s=70, spo2_pct=spo2_pct, pulse_bpm=bpm, perfusion_pct=1.0, motion=(motion,)
        )
        _, rows, t_s = watch(scene, 300 + seed)
        rows, t_s = each_second(rows, t_s)
        rows = rows[t_s > 10]
        due += len(rows)
        rows = rows[rows[:, field.STATUS] == OK]
        error = rows[:, field.SPO2_CENTIPCT] / 100 - spo2_pct
        squares += float((error**2).sum())
        covered += int((np.abs(error) <= 2 * rows[:, field.SPO2_SD_CENTIPCT] / 100).sum())
        count += len(rows)
    assert count >= 0.9 * due
    assert np.sqrt(squares / count) <= 0.8
    assert covered >= 0.85 * count


@pytest.mark.parametrize("becomes", [1.0, 1.3, 0.75], ids=["stays", "rises", "falls"])
def test_the_rate_is_followed_through_strong_movement(becomes):
    """Movement of one and three times the pulse: a rate that stays is mostly shown, one that
    changes within half a minute is not shown where it was."""
    movements: tuple[Movement, ...] = ("tap", "rub", "random", "bursts", "crossing")
    due = shown = wrong = 0
    for number, movement in enumerate(movements):
        for seed, bpm in enumerate((60, 70, 80, 95, 110)):
            swing_pct = 3.0 if becomes == 1.0 else 1.0
            motion = Motion(movement, 10, 70, swing_pct=swing_pct)
            pulse_bpm = ramp(bpm, becomes * bpm, 20, 50)
            scene = Scene(
                duration_s=70, pulse_bpm=pulse_bpm, perfusion_pct=1.0, motion=(motion,)
            )
            person, rows, t_s = watch(scene, 700 + 10 * number + seed)
            rows, t_s = each_second(rows, t_s)
            rows, t_s = rows[t_s > 10], t_s[t_s > 10]
            seen = rows[:, field.PULSE_DECIBPM] != field.NONE
            error = rows[seen, field.PULSE_DECIBPM] / 10 - person.pulse_bpm(t_s[seen], 8)
            due += len(rows)
            shown += int(seen.sum())
            wrong += int((np.abs(error) > 5).sum())
    assert shown >= (0.56 if becomes == 1.0 else 0.8) * due
    assert wrong <= 0.01 * shown


@pytest.mark.parametrize("movement", ["tap", "rub", "tremor", "random", "bursts", "crossing"])
def test_real_movement_is_not_taken_for_one_source(movement):
    """What holds for one source is not believed of two that drift."""
    believed = {"ideal": 0, "real": 0}
    for kind in ("ideal", "real"):
        for seed in range(3):
            motion = Motion(movement, 12, 60, swing_pct=1.0, kind=kind)
            scene = Scene(duration_s=60, spo2_pct=92, perfusion_pct=1.0, motion=(motion,))
            seen = record(Person(scene, seed))
            state = compiled().new(3)
            for at in range(0, len(seen.red), 25):
                red, ir = (light[at : at + 25].astype(np.int32) for light in (seen.red, seen.ir))
                compiled().feed(state, red, ir, len(red), 10 * (at + len(red)), 0)
                believed[kind] += state[-1][track.ONE] > 0
    assert believed["ideal"] >= 3 * 30  # of three times 48 s in quarters
    assert believed["real"] == 0


@pytest.mark.parametrize("points_a_s", [0.5, 1.0, 2.0])
def test_a_true_fall_is_not_taken_for_motion(points_a_s):
    fall = ramp(97, 77, 30, 30 + 20 / points_a_s)
    person, rows, t_s = watch(Scene(duration_s=90, spo2_pct=fall), 2)
    rows, t_s = each_second(rows, t_s)
    good = rows[:, field.STATUS] == OK
    assert good[t_s > 8].all()
    # The number is the mean of the last eight seconds.
    truth = person.spo2_pct(t_s[:, None] - np.linspace(0, 8, 33)).mean(1)
    error = rows[:, field.SPO2_CENTIPCT] / 100 - truth
    assert np.abs(error[t_s > 8]).max() < 2.0


def test_breathing_is_no_pulse():
    """Breath of one and a third times the pulse: the right rate or none."""
    rng = np.random.default_rng(4)
    for seed in range(8):
        scene = Scene(
            duration_s=40,
            respiration_baseline_pct=2.0,
            respiration_per_min=float(rng.uniform(12, 30)),
            pulse_bpm=float(rng.uniform(50, 100)),
        )
        person, rows, t_s = watch(scene, seed)
        rows, t_s = each_second(rows, t_s)
        good = (rows[:, field.STATUS] == OK) & (t_s > 8)
        truth = person.pulse_bpm(t_s[good])
        assert (np.abs(rows[good, field.PULSE_DECIBPM] / 10 - truth) < 0.15 * truth).all()


@pytest.mark.parametrize("swing_pct", [0.2, 0.8])
@pytest.mark.parametrize("breaths", [24, 30, 36])
def test_quick_breathing_in_a_finger_without_blood_is_no_pulse(breaths, swing_pct):
    """A cuff, a finger pressed white: 36 breaths a minute were shown as a pulse, and settled."""
    scene = Scene(
        duration_s=90,
        perfusion_pct=0,
        respiration_per_min=breaths,
        respiration_baseline_pct=swing_pct,
    )
    shown = 0
    for seed in range(4):
        _, rows, t_s = watch(scene, seed)
        rows, _ = each_second(rows, t_s)
        assert not (rows[:, field.FLAGS] & field.FLAG_SETTLED).any()
        shown += numbers(rows).mean() / 4
    assert shown <= 0.05


@pytest.mark.parametrize(("power", "rms_pct"), [(1, 0.03), (1, 0.1), (2, 0.1), (2, 0.3)])
def test_light_that_fluctuates_is_no_heart_without_rhythm(power, rms_pct):
    """An object beside a hand or a sleeve: the spectrum is 1/f^power, the ratio one."""
    shown = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        hz = np.maximum(np.fft.rfftfreq(9000, 0.01), 0.02)
        lines = rng.standard_normal((2, len(hz))) / hz ** (power / 2)
        common = np.fft.irfft(lines[0] + 1j * lines[1], 9000)
        light = 1 + common / common.std() * rms_pct / 100
        red, ir = (
            np.rint(dc * light + 8 * rng.standard_normal(9000)).astype(int)
            for dc in (80_000, 100_000)
        )
        rows, t_s = run(red, ir)
        rows, _ = each_second(rows, t_s)
        assert not (rows[:, field.FLAGS] & field.FLAG_SETTLED).any()
        shown.append(numbers(rows).mean())
    assert np.mean(shown) <= 0.07


def numbers(rows):
    """Where a saturation or a pulse is shown."""
    pulse = rows[:, field.PULSE_DECIBPM] != field.NONE
    return pulse | (rows[:, field.SPO2_CENTIPCT] != field.NONE)


def shown_of(person, rows, t_s, from_s=10, window_s=8):
    """Share of seconds with a pulse, and the errors of these, beats a minute."""
    rows, t_s = each_second(rows, t_s)
    rows, t_s = rows[t_s > from_s], t_s[t_s > from_s]
    good = rows[:, field.PULSE_DECIBPM] != field.NONE
    error = rows[good, field.PULSE_DECIBPM] / 10 - person.pulse_bpm(t_s[good], window_s)
    return good.mean(), error


@pytest.mark.parametrize("perfusion", [0.3, 3.0])
@pytest.mark.parametrize("shape", ["young", "dicrotic", "stiff"])
@pytest.mark.parametrize("bpm", [30, 40, 220, 250])
def test_the_slowest_and_the_fastest_heart(bpm, shape, perfusion):
    """No half and no double: 30 has its overtones for a pulse, 250 no second harmonic in reach."""
    for seed in range(2):
        scene = Scene(duration_s=40, pulse_bpm=bpm, shape=shape, perfusion_pct=perfusion)
        person, rows, t_s = watch(scene, seed)
        share, error = shown_of(person, rows, t_s)
        assert share > 0.95
        assert np.abs(error).max() <= 3
        # Three beats of the slowest have come after 6.2 s; the next evaluation has them.
        assert t_s[rows[:, field.STATUS] == OK].min() < 7.3
        assert not (rows[:, field.FLAGS] & field.FLAG_IRREGULAR).any()


@pytest.mark.parametrize("shape", ["young", "adult", "stiff"])
@pytest.mark.parametrize(("rest", "race"), [(60, 140), (75, 160), (100, 60)])
def test_a_heart_that_begins_to_race_is_not_followed_at_its_old_rate(rest, race, shape):
    """Supraventricular tachycardia begins and ends from one beat to the next: the new rate is
    doubted for some seconds, but a rate beside it, on its half or its double, is none."""
    times_s = (0, 40, 40.01, 110, 110.01)
    bpm = (times_s, (rest, rest, race, race, rest))
    for seed in range(2):
        scene = Scene(duration_s=180, pulse_bpm=bpm, shape=shape, spo2_pct=95.0)
        person, rows, t_s = watch(scene, seed)
        rows, t_s = each_second(rows, t_s)
        shown = (rows[:, field.PULSE_DECIBPM] != field.NONE) & (t_s > 10)
        # While the jump is in the window both rates are in it.
        shown &= ((t_s < 40) | (t_s > 50)) & ((t_s < 110) | (t_s > 120))
        error = rows[shown, field.PULSE_DECIBPM] / 10 - person.pulse_bpm(t_s[shown])
        assert (np.abs(error) > 5).sum() <= 1
        assert shown[(t_s > 55) & (t_s < 110)].mean() > 0.8  # the new one, when it has lasted
        assert (rows[t_s > 10, field.SPO2_CENTIPCT] != field.NONE).mean() > 0.9


@pytest.mark.parametrize("breathing_pct", [0.15, 0.5])
@pytest.mark.parametrize("shape", ["young", "adult", "dicrotic", "stiff", "arterial"])
def test_a_slow_pulse_is_never_doubled(shape, breathing_pct):
    """A smooth wave of 27 to 45 a minute was shown at twice its rate, for whole minutes:
    what takes the drift out swings back after the fall, and that passed for a beat."""
    for bpm in (27, 30, 33, 36, 39, 45, 60):
        scene = Scene(
            duration_s=60,
            pulse_bpm=bpm,
            shape=shape,
            perfusion_pct=2.0,
            respiration_baseline_pct=breathing_pct,
        )
        person, rows, t_s = watch(scene, bpm)
        share, error = shown_of(person, rows, t_s)
        assert share > 0.9
        assert np.abs(error).max() <= 3


@pytest.mark.parametrize("bpm", [55, 75, 95, 120])
def test_premature_beats_leave_the_rate_alone(bpm):
    """One beat in eight early and weak or unseen: every beat of the heart counts."""
    errors = []
    for seed in range(4):
        scene = Scene(duration_s=60, pulse_bpm=bpm, perfusion_pct=1.0, premature_pct=12.0)
        person, rows, t_s = watch(scene, seed)
        share, error = shown_of(person, rows, t_s)
        assert share > 0.9
        errors.append(error)
    error = np.concatenate(errors)
    assert np.sqrt((error**2).mean()) <= 2
    assert np.abs(error).max() < bpm / 3


@pytest.mark.parametrize(
    ("bpm", "breaths", "swing"), [(54, 30, 0.5), (66, 30, 0.5), (72, 24, 3.0), (92, 30, 3.0)]
)
def test_breathing_near_half_the_pulse_rate_does_not_hide_it(bpm, breaths, swing):
    """As many as 30 a minute, with up to six times the pulse's swing (PI 1 %)."""
    for seed in (1, 2, 3):
        scene = Scene(
            duration_s=50,
            spo2_pct=90,
            pulse_bpm=bpm,
            perfusion_pct=1.0,
            respiration_per_min=breaths,
            respiration_baseline_pct=swing,
        )
        _, rows, t_s = watch(scene, seed)
        rows = rows[t_s > 10]
        good = rows[:, field.STATUS] == OK
        assert good.mean() >= 0.95
        error = rows[good, field.SPO2_CENTIPCT] / 100 - 90
        assert np.sqrt((error**2).mean()) <= 0.5


@pytest.mark.parametrize(
    ("bpm", "shape", "second"), [(82, "young", "adult"), (69, "stiff", "dicrotic")]
)
def test_strong_breathing_beside_beats_that_keep_time_is_not_the_pulse(bpm, shape, second):
    """A sensor 3 % fast spreads 30 breaths a minute, six times the pulse, up to 0.7 Hz: the search
    took that for the rate and nothing was shown."""
    for seed in (1, 2, 3):
        scene = Scene(
            duration_s=50,
            spo2_pct=90,
            pulse_bpm=bpm,
            shape=shape,
            second_shape=second,
            second_share=0.4,
            perfusion_pct=1.0,
            respiration_per_min=30,
            respiration_baseline_pct=3.0,
            clock_error_pct=3,
        )
        person, rows, t_s = watch(scene, seed)
        rows, t_s = rows[t_s > 10], t_s[t_s > 10]
        good = rows[:, field.STATUS] == OK
        assert good.mean() >= 0.8
        error = rows[good, field.SPO2_CENTIPCT] / 100 - 90
        assert np.sqrt((error**2).mean()) <= 0.5
        pulse = rows[good, field.PULSE_DECIBPM] / 10 - person.pulse_bpm(t_s[good])
        assert np.abs(pulse).max() <= 3


@pytest.mark.parametrize(
    ("bpm", "clock_error_pct", "shape", "least_shown"),
    [
        (54, -2.1, "adult", 0.9),  # between the lines of the pulse: nothing was shown
        (68, -1.76, "young", 0.9),
        (73.5, 3.5, "stiff", 0.9),  # as high as its beats: twice the rate was shown
        (57.6, 4.94, "stiff", 0.9),
        (31, 2.45, "stiff", 0.0),  # with such beats half of 62 is not ruled out
    ],
)
def test_a_lamp_on_the_mains_is_no_pulse(bpm, clock_error_pct, shape, least_shown):
    scene = Scene(
        duration_s=50, pulse_bpm=bpm, perfusion_pct=1.0, clock_error_pct=clock_error_pct,
        shape=shape, flicker_counts=200.0, crosstalk_pct=(0.0, 0.0),
    )  # fmt: skip
    for seed in range(4):
        person, rows, t_s = watch(scene, seed)
        rows, t_s = each_second(rows, t_s)
        rows, t_s = rows[t_s > 12], t_s[t_s > 12]
        good = rows[:, field.STATUS] == OK
        assert good.mean() >= least_shown
        assert (np.abs(rows[good, field.SPO2_CENTIPCT] / 100 - 97) < 1.0).all()
        told = rows[:, field.PULSE_DECIBPM] > 0
        pulse = rows[told, field.PULSE_DECIBPM] / 10
        assert (np.abs(pulse - person.pulse_bpm(t_s[told])) < 5).all()


@pytest.mark.parametrize("bpm", [60, 100, 130])
def test_fibrillation_has_a_mean_rate(bpm):
    """Over the 15 s of an irregular pulse, dicrotic waves and weak beats notwithstanding."""
    for shape in ("young", "dicrotic"):
        scene = Scene(duration_s=90, pulse_bpm=bpm, shape=shape, fibrillation=True)
        person, rows, t_s = watch(scene, 3)
        share, error = shown_of(person, rows, t_s, from_s=20, window_s=15)
        assert share > 0.95
        assert np.sqrt((error**2).mean()) <= 4


def test_a_finger_without_a_pulse_is_an_object():
    for seed in range(4):
        _, rows, t_s = watch(Scene(duration_s=30, perfusion_pct=0.0001), seed)
        assert (rows[t_s > 9, field.STATUS] == field.NO_FINGER).all()
        assert (rows[:, field.PULSE_DECIBPM] == field.NONE).all()


def test_a_still_object_is_told_within_three_seconds():
    """From a finger with a pulse of 0.05 % it is told apart by what else moves in a finger."""
    for seed in range(6):
        noise_counts = 8.0 * (1 + seed % 2)
        finger = Scene(20, noise_counts=noise_counts, clock_error_pct=seed - 3, perfusion_pct=0.05)
        thing = replace(finger, respiration_baseline_pct=0, wander_pct=0, perfusion_pct=0)
        _, rows, t_s = watch(thing, seed)
        assert (rows[t_s > 3, field.STATUS] == field.NO_FINGER).all()
        _, rows, t_s = watch(finger, seed)
        assert (rows[(t_s > 0.5) & (t_s < 6), field.STATUS] != field.NO_FINGER).all()


def test_a_cut_off_top_is_saturated():
    seen = record(Person(Scene(duration_s=20, perfusion_pct=3.0), 1))
    cut = [np.minimum(x + 262143 - int(np.percentile(x, 90)), 262143) for x in (seen.red, seen.ir)]
    rows, t_s = run(*cut)
    assert field.SATURATED in rows[t_s > 4, field.STATUS]
    assert (rows[t_s > 4, field.STATUS] == OK).mean() < 0.1


@pytest.mark.parametrize("rate_hz", [25, 400, 800])
def test_a_rate_out_of_reach_is_a_fault(rate_hz):
    """A sensor that was set to another rate by a glitch: seconds would be miscounted."""
    seen = record(Person(Scene(duration_s=20), 1))
    state = core.new()
    red, ir = seen.red.tolist(), seen.ir.tolist()
    for n in range(len(red) // 4):
        block = slice(4 * n, 4 * n + 4)
        core.feed(state, red[block], ir[block], 4, 4000 * (n + 1) // rate_hz, 0)
    reading = core.reading(state)
    assert reading[field.STATUS] == field.SENSOR_FAULT
    assert reading[field.FLAGS] == field.FLAG_FAULT_FIFO
