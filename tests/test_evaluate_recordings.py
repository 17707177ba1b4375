"""Real recordings are scored as they were played, at the lag that was fixed beforehand."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from host_tools import replay
from host_tools.evaluate import algorithm, recordings
from host_tools.evaluate.recordings import ROW_LAG_S, evaluate, reference_rows, score
from sim.door import field
from sim.patient import Person, Scene, record
from sim.recording import read


def rows(spo2=None, pulse=None, seconds: int = 60) -> algorithm.Readings:
    """Readings that show these, arrays with NaN where nothing is shown."""
    out = np.full((seconds, field.LENGTH), field.NONE, dtype=np.int32)
    out[:, field.STATUS] = field.SEARCHING
    columns = ((spo2, field.SPO2_CENTIPCT, 100), (pulse, field.PULSE_DECIBPM, 10))
    for values, at, units in columns:
        if values is not None:
            known = ~np.isnan(values)
            out[known, at] = np.rint(values[known] * units)
            out[known, field.STATUS] = field.OK
    return out


@pytest.fixture(name="recordings_folder")
def folder_of_real_ones(recordings) -> Path:
    return recordings


# ----------------------------------------------------------------------------------- the playing


@pytest.mark.parametrize(
    "name",
    ["alsementsov_max30102/d3_17-16_dead.csv", "misc_max30102/jdesbonnet_left_hand_100sps_s0.csv"],
)
def test_the_rows_scored_are_those_that_a_replay_writes(recordings_folder, tmp_path, name):
    file = recordings_folder / name
    out = tmp_path / "rows.csv"
    [(outcome, _)] = replay.replay([file], out)
    assert outcome.ok
    recording = read(file)
    written = algorithm.parsed(
        out.read_text(), float(recording.t_s[0]), recording.seconds, "replay"
    )
    assert len(written) == recording.seconds
    np.testing.assert_array_equal(recordings.rows_of(recording), written)


# --------------------------------------------------------------------------------------- the lag


@pytest.mark.parametrize("lag_s", [0, 4, 6])
def test_a_device_that_averages_8_s_agrees_with_a_late_reference_on_a_ramp(lag_s):
    def truth(t):
        return 80 + t / 10

    row_s = np.arange(1, 121)
    device = np.array([truth(np.arange(t - 8, t + 0.01, 0.01)).mean() for t in row_s])
    stamp_s = np.arange(15.0, 121.0)
    at_row = reference_rows(stamp_s, truth(stamp_s - lag_s), lag_s, 120)
    result, difference = score(rows(spo2=device, seconds=120), at_row, "spo2")
    assert result["shown"] == len(difference) >= 100
    assert np.abs(difference).max() < 0.011  # a reading has hundredths


def test_a_reference_beyond_the_rows_is_left_out():
    at_row = reference_rows(np.array([-3.0, 1.0, 58.0]), np.array([90.0, 91.0, 92.0]), 4.0, 50)
    assert np.flatnonzero(~np.isnan(at_row)).tolist() == [0]


# -------------------------------------------------------------------------------------- the score


def test_a_score_is_what_its_definition_says():
    rng = np.random.default_rng(3)
    shown = rng.uniform(85, 100, 60).round(2)
    shown[rng.uniform(size=60) < 0.2] = np.nan
    reference = rng.uniform(85, 100, 60).round(0)
    reference[rng.uniform(size=60) < 0.5] = np.nan
    result, _ = score(rows(spo2=shown), reference, "spo2")
    error = (shown - reference)[~np.isnan(shown) & ~np.isnan(reference)]
    assert result["seconds"] == (~np.isnan(reference)).sum()
    assert result["shown"] == result["pairs"] == len(error)
    assert result["spo2_err_sq"] == pytest.approx((error**2).sum())
    assert result["over_4"] == (np.abs(error) > 4).sum()
    both = ~np.isnan(shown) & ~np.isnan(reference)
    n = result["pairs"]
    r = (n * result["ref_dev"] - result["ref_sum"] * result["dev_sum"]) / np.sqrt(
        (n * result["ref_sq"] - result["ref_sum"] ** 2)
        * (n * result["dev_sq"] - result["dev_sum"] ** 2)
    )
    assert r == pytest.approx(np.corrcoef(shown[both], reference[both])[0, 1])


def test_a_pulse_is_due_in_every_row_and_compared_where_there_is_a_reference():
    pulse = np.full(60, 70.0)
    pulse[50:] = np.nan
    reference = np.full(60, np.nan)
    reference[::2] = 74.5
    result, _ = score(rows(pulse=pulse), reference, "pulse")
    assert (result["seconds"], result["shown"], result["pulse_shown"]) == (60, 50, 25)
    assert (result["pulse_within_3"], result["pulse_within_5"]) == (0, 25)
    assert "ref_min" not in result  # which would be taken for points of SpO2


def test_in_a_spell_without_a_pulse_every_number_counts_from_2_s_on():
    shown = np.full(60, np.nan)
    shown[:24] = 70.0  # rows up to second 24; the pulse ended at 20
    result = recordings.without_pulse(rows(pulse=shown), 20.0, 40.0)
    assert result == {"seconds": 19, "number_shown": 3}


# --------------------------------------------------------------------------------- whole folders


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    """Six recordings of five simulated people, and a table that is none."""
    folder = tmp_path_factory.mktemp("set") / "six of five"
    folder.mkdir()
    for number, spo2_pct in enumerate((98, 95, 92, 88, 84, 84)):
        scene = Scene(duration_s=30, spo2_pct=spo2_pct, pulse_bpm=60 + 5 * number)
        name = f"p{number}"
        record(Person(scene, seed=number)).write_csv(folder / f"{name}.csv")
        sidecar = {"subject": f"{min(number, 4)}", "units": "counts"}
        (folder / f"{name}.json").write_text(json.dumps(sidecar))
    (folder / "INDEX.csv").write_text("recording,n\np0,1\n")
    return folder


@pytest.fixture(scope="module")
def evaluated(people) -> recordings.Evaluated:
    return evaluate([people], jobs=1)


def test_a_subject_is_who_the_sidecar_says(evaluated):
    assert len(evaluated.results) == 12  # SpO2 and pulse
    assert not evaluated.failures
    spo2 = next(one for one in evaluated.sets if one["quantity"] == "spo2")
    assert (spo2["recordings"], spo2["subjects"]) == (6, 5)
    assert spo2["figures"]["rms"]["n"] == 5
    assert spo2["figures"]["rms"]["low"] is not None
    assert spo2["agreement"]["subjects"] == 5
    assert spo2["over_constant"]["value"] < 1
    json.dumps(evaluated.sets)


def test_the_lag_and_what_the_set_supports_are_printed(evaluated):
    printed = recordings.render(evaluated.sets)
    assert max(map(len, printed.splitlines())) <= 100
    text = " ".join(printed.split())
    assert f"lag {ROW_LAG_S:g} s: {recordings.NO_LAG_KNOWN}" in text
    assert "better than the best constant" in text
    assert "supports no statement" not in text


def test_without_arterial_samples_nothing_is_called_accuracy(people, tmp_path):
    one = tmp_path / "one"
    one.mkdir()
    (one / "a.csv").write_bytes((people / "p0.csv").read_bytes())
    said = " ".join(recordings.render(evaluate([one], jobs=1).sets).split())
    assert "ccuracy" not in said and "Arms" not in said
    assert "it supports no statement" in said
    assert "1 subject, under 5: judged by the values" in said
    (one / "a.json").write_text('{"reference": "SaO2", "units": "counts"}')
    assert "accuracy against arterial SaO2" in recordings.render(evaluate([one], jobs=1).sets)


def test_a_stopped_display_is_no_better_than_the_best_constant(people, tmp_path):
    program = tmp_path / "stopped.py"
    program.write_text(
        "print('t_s,spo2_pct,pulse_bpm')\nfor t in range(1, 31): print(f'{t},97,75')\n"
    )
    sets = evaluate([people], f"{sys.executable} {program}", jobs=1).sets
    spo2 = next(one for one in sets if one["quantity"] == "spo2")
    assert spo2["over_constant"]["value"] >= 1
    assert any("no better than the best constant" in note for note in spo2["notes"])


def test_the_sidecar_may_state_the_lag(people, tmp_path):
    one = tmp_path / "one"
    one.mkdir()
    (one / "a.csv").write_bytes((people / "p0.csv").read_bytes())
    (one / "a.json").write_text('{"spo2_lag_s": 10, "units": "counts"}')
    assert "lag 10 s: stated in the sidecar" in recordings.render(evaluate([one], jobs=1).sets)


def test_one_bad_recording_stops_no_other(people, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "a.csv").write_bytes((people / "p0.csv").read_bytes())
    (folder / "b.csv").write_text("t_s,red,ir\n1,2,3\n1,2,3\n")
    (folder / "c.csv").write_text("t_s,red,ir\n1,2,3\n1.01,2,3\n")
    done = []
    evaluated = evaluate([folder], jobs=1, progress=lambda *how: done.append(how))
    assert len(evaluated.results) == 2
    assert len(evaluated.failures) == 1 and "b.csv" in evaluated.failures[0]
    assert [Path(file).name for file in evaluated.without] == ["c.csv"]
    assert [how[0] for how in done] == [1, 2, 3]


def test_a_folder_without_recordings_and_no_folder_are_a_sentence(tmp_path):
    with pytest.raises(recordings.NoRecordings, match="holds no recordings"):
        evaluate([tmp_path])
    with pytest.raises(recordings.NoRecordings, match="is not there"):
        evaluate([tmp_path / "none"])


def test_two_boards_are_compared_in_the_mean(people, tmp_path):
    folder = tmp_path / "misc_max30102"
    folder.mkdir()
    for board, clock_error_pct in (("s0", 40.0), ("s1", -2.3)):
        scene = Scene(duration_s=30, pulse_bpm=72, clock_error_pct=clock_error_pct)
        record(Person(scene, seed=1)).write_csv(folder / f"jdesbonnet_x_{board}.csv")
    evaluated = evaluate([folder], jobs=1)
    [pair] = [result for result in evaluated.results if result["row"] == "two_boards"]
    assert pair["seconds"] >= 19
    assert pair["apart_bpm"] < 1
    assert pair in evaluated.judged


def test_the_real_sets_are_known(recordings_folder):
    files = [
        recordings_folder / name
        for name in (
            "alsementsov_max30102/d2_11-42_superb.csv",
            "alsementsov_max30102/d2_16-24_good.csv",  # PI under 0.2 %
            "alsementsov_max30102/d3_17-16_dead.csv",
            "luong_max30102_ecg/dev_05.csv.gz",
        )
    ]
    evaluated = evaluate(files, jobs=1)
    row_of = {result["id"].split("/")[1]: result["row"] for result in evaluated.results[:3]}
    assert row_of["d2_11-42_superb"] == "alsementsov"
    assert row_of["d2_16-24_good"] == "alsementsov_rest"
    spell = next(result for result in evaluated.results if result["row"] == "no_pulse")
    assert spell["seconds"] == 21
    luong = next(one for one in evaluated.sets if one["key"] == "luong")
    assert luong["lag_s"] == 0
    assert luong["figures"]["within 3 bpm"]["value"] > 0.9
