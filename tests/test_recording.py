"""Reading recordings: what stands in the file comes out, and what cannot be used is refused."""

import csv
import gzip
import json
import re
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.recording import FULL_SCALE_ADC, HALF_SCALE_ADC, RecordingError, read, stem

GOOD = "t_s,red,ir\n0.00,100,200\n0.01,101,201\n0.02,102,202\n"


def written(folder: Path, content: str | bytes, name: str = "x.csv") -> Path:
    path = folder / name
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(RecordingError) as refused:
        read(path)
    return str(refused.value)


def is_one_sentence(text: str) -> bool:
    return text.endswith(".") and "\n" not in text and not re.search(r"[.!?]\s+[A-Z]", text)


# --- what stands in the file comes out -------------------------------------------------------

counts = st.one_of(st.none(), st.integers(0, FULL_SCALE_ADC))
rows = st.lists(
    st.tuples(
        st.integers(1, 40_000),  # step in 0.1 ms
        counts,
        counts,
        st.one_of(st.none(), st.floats(60, 100).map(lambda value: round(value, 1))),
    ),
    min_size=2,
    max_size=40,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=rows,
    order=st.permutations(["t_s", "red", "ir", "ref_spo2", "note"]),
    zipped=st.booleans(),
)
def test_every_cell_comes_out_as_it_was_written(tmp_path, rows, order, zipped):
    if all(row[1] is None for row in rows) or all(row[2] is None for row in rows):
        rows = [(1, 5, 6, None), *rows]
    ticks = np.cumsum([row[0] for row in rows])
    table = [
        {"t_s": f"{tick / 1e4:.4f}", "red": red, "ir": ir, "ref_spo2": ref, "note": 'a "b", c'}
        for tick, (_, red, ir, ref) in zip(ticks, rows, strict=True)
    ]
    path = tmp_path / ("r.csv.gz" if zipped else "r.csv")
    with (gzip.open if zipped else open)(path, "wt", newline="") as out:
        writer = csv.DictWriter(out, order)
        writer.writeheader()
        writer.writerows(table)
    got = read(path)
    assert got.name == "r"
    assert got.channels == 3
    assert got.t_s.tolist() == [tick / 1e4 for tick in ticks]
    for name, column in (("red", got.red), ("ir", got.ir), ("ref_spo2", got.ref_spo2)):
        wanted = [np.nan if row[name] is None else row[name] for row in table]
        np.testing.assert_array_equal(column, wanted)
    assert np.isnan(got.ref_hr).all()
    assert got.seconds == (int(ticks[-1]) - int(ticks[0])) // 10_000


@pytest.mark.parametrize(
    ("first", "last", "seconds"),
    [
        ("0.3", "10.3", 10),
        ("0.1", "10.1", 10),
        ("0", "9.99", 9),
        ("1700000000.1", "1700000005.1", 5),
    ],
)
def test_whole_seconds_do_not_suffer_from_binary_fractions(tmp_path, first, last, seconds):
    path = written(tmp_path, f"t_s,red,ir\n{first},1,2\n{last},1,2\n")
    assert read(path).seconds == seconds


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\n\n"),
        "\ufeff" + GOOD,
        GOOD.replace("t_s,red,ir", '"t_s", "red" ,ir'),
        GOOD.rstrip("\n"),
        GOOD.replace("\n", ",\n"),
        GOOD.replace("100,200", "100.0,2.00e2"),
    ],
    ids=["crlf", "every-second-line-empty", "bom", "quoted", "no-newline", "comma", "floats"],
)
def test_ways_in_which_programs_write_csv(tmp_path, text):
    got = read(written(tmp_path, text))
    assert got.red is not None and got.red.tolist() == [100, 101, 102]
    assert got.ir is not None and got.ir.tolist() == [200, 201, 202]


def test_gzip_is_known_by_its_content(tmp_path):
    path = written(tmp_path, gzip.compress(GOOD.encode()), "named_plainly.csv")
    assert read(path).seconds == 0


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("a.csv", "a"), ("a.csv.gz", "a"), ("a.b.csv", "a.b"), ("a.gz", "a"), ("A.CSV.GZ", "A")]
    + [("a", "a"), ("a.edf", "a.edf"), (".csv", "")],
)
def test_stem(name, wanted):
    assert stem(Path("/some/where") / name) == wanted


# --- one wavelength --------------------------------------------------------------------------


def one_wavelength(values, column="ir") -> str:
    cells = [
        f"{at / 100:.2f},{'' if column == 'ir' else v},{v if column == 'ir' else ''}"
        for at, v in enumerate(values)
    ]
    return "t_s,red,ir\n" + "\n".join(cells) + "\n"


def test_one_wavelength_is_scaled_by_its_median(tmp_path):
    values: list = [40.0519, 39.9589, 41.25, "", 40.5, 9000.0, -3.0]
    got = read(written(tmp_path, one_wavelength(values, "red")))
    assert got.scaled and got.channels == 1 and got.ir is None and got.red is not None
    median = sorted(value for value in values if isinstance(value, float))[2:4]
    factor = HALF_SCALE_ADC / (sum(median) / 2)
    assert got.red[[0, 1, 2, 4]].tolist() == [round(values[at] * factor) for at in (0, 1, 2, 4)]
    assert np.isnan(got.red[3])
    assert got.red[5] == FULL_SCALE_ADC and got.red[6] == 0


@pytest.mark.parametrize("units", ["counts", {"ir": "counts"}])
@pytest.mark.parametrize("name", ["x.json", "x.csv.json"])
def test_a_sidecar_that_says_counts_leaves_them_alone(tmp_path, units, name):
    (tmp_path / name).write_text(json.dumps({"units": units, "device": "bench 3"}))
    got = read(written(tmp_path, one_wavelength([500, 510, 505])))
    assert got.ir is not None and got.ir.tolist() == [500, 510, 505]
    assert not got.scaled and got.sidecar["device"] == "bench 3"


def test_two_wavelengths_are_never_scaled(tmp_path):
    got = read(written(tmp_path, GOOD))
    assert got.red is not None and got.red[0] == 100


def test_one_wavelength_around_zero_cannot_be_scaled(tmp_path):
    text = refusal(written(tmp_path, one_wavelength([-1.0, 0.0, 1.0])))
    assert is_one_sentence(text) and "mean" in text


# --- what cannot be used ---------------------------------------------------------------------

BAD: dict[str, tuple[str | bytes, str]] = {
    "no red": ("t_s,ir\n0,1\n1,2\n", "no column red"),
    "no time": ("time,red,ir\n0,1,2\n1,2,3\n", "no column t_s"),
    "no header": ("0,1,2\n1,2,3\n", "no column t_s"),
    "empty": ("", "empty"),
    "only spaces": (" \n\n", "empty"),
    "header only": ("t_s,red,ir\n", "only a header"),
    "one sample": ("t_s,red,ir\n0,1,2\n", "only one sample"),
    "nan in red": (GOOD + "0.03,nan,5\n", "'nan' in row 5"),
    "NaN in time": (GOOD + "NaN,4,5\n", "'NaN' in row 5"),
    "infinite": (GOOD + "0.03,4,inf\n", "'inf' in row 5"),
    "word": (GOOD + "0.03,4,dark\n", "'dark' in row 5"),
    "word in reference": ("t_s,red,ir,ref_hr\n0,1,2,\n1,2,3,fast\n", "'fast' in row 3"),
    "blank time": (GOOD + ",4,5\n", "t_s is blank in row 5"),
    "falling time": (GOOD + "0.01,4,5\n", "from 0.02 to 0.01 in row 5"),
    "equal times": (GOOD + "0.02,4,5\n", "from 0.02 to 0.02 in row 5"),
    "over 18 bits": (GOOD + "0.03,262144,5\n", "red is 262144 in row 5"),
    "negative": (GOOD + "0.03,4,-1\n", "ir is -1 in row 5, which is negative"),
    "both absent": ("t_s,red,ir\n0,,\n1,,\n", "both empty"),
    "cut row": (GOOD + "0.03,4\n", "cut short in row 5"),
    "clock was set": (GOOD + "1700000000,4,5\n", "row 5"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary"),
    "binary without zeros": (bytes(range(1, 256)) * 9, "binary"),
    "utf-16": (GOOD.encode("utf-16"), "binary"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_recordings_are_refused_in_one_sentence(tmp_path, case):
    content, says = BAD[case]
    path = written(tmp_path, content)
    text = refusal(path)
    assert says in text
    assert str(path) in text and is_one_sentence(text.removeprefix(str(path)))


def test_rows_are_numbered_as_an_editor_shows_them(tmp_path):
    text = refusal(written(tmp_path, GOOD.replace("\n", "\n\n") + "0.03,x,1\n"))
    assert "row 9" in text


def test_every_way_of_cutting_a_gz_is_refused(tmp_path):
    whole = gzip.compress(GOOD.encode())
    for length in range(3, len(whole)):
        path = written(tmp_path, whole[:length], "cut.csv")
        assert "cut off" in refusal(path), length
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0x55
    assert is_one_sentence(refusal(written(tmp_path, bytes(damaged))).removeprefix(str(tmp_path)))


def test_plain_text_that_calls_itself_gz(tmp_path):
    path = tmp_path / "x.csv.gz"
    path.write_text(GOOD)
    assert "not gzip" in refusal(path)


def test_paths_that_cannot_be_read(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.csv")
    assert "is a folder" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "none.edf")
    assert "no such file" in refusal(tmp_path / "none.hea")
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    assert "cannot be read" in refusal(loop)


def test_a_sidecar_that_is_no_object(tmp_path):
    (tmp_path / "x.json").write_text("[1, 2")
    assert "not a JSON object" in refusal(written(tmp_path, GOOD))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(noise=st.binary(max_size=200), name=st.sampled_from(["x.csv", "x.hea", "x.edf"]))
def test_no_content_gets_anything_but_a_recording_or_a_refusal(tmp_path, noise, name):
    path = tmp_path / name
    path.write_bytes(noise)
    with pytest.raises(RecordingError):
        read(path)


# --- WFDB and EDF+ ---------------------------------------------------------------------------


def test_wfdb_16_bit(tmp_path):
    red, ir = [1000, -32768, 1020, 990], [2000, 2010, 2020, 2030]
    interleaved = [value for pair in zip(red, ir, strict=True) for value in pair]
    (tmp_path / "w.dat").write_bytes(struct.pack("<8h", *interleaved))
    header = tmp_path / "w.hea"
    header.write_text(
        "# a comment\nw 2 125 4\n"
        "w.dat 16 0.1(10)/adu 16 0 1000 0 0 PPG RED\n"
        "w.dat 16 0.1(10)/adu 16 0 2000 0 0 PPG IR\n"
    )
    got = read(header)
    assert got.red is not None and got.ir is not None
    np.testing.assert_array_equal(got.red, [9900, np.nan, 10100, 9800])
    np.testing.assert_array_equal(got.ir, [19900, 20000, 20100, 20200])
    assert got.t_s.tolist() == [0, 1 / 125, 2 / 125, 3 / 125]


def test_wfdb_212(tmp_path):
    samples = [1, -2, 2047, -2047, 1000, 900]
    packed = b""
    for first, second in zip(samples[::2], samples[1::2], strict=True):
        first, second = first & 0xFFF, second & 0xFFF
        packed += bytes([first & 255, first >> 8 | second >> 8 << 4, second & 255])
    (tmp_path / "w.dat").write_bytes(packed)
    (tmp_path / "w.hea").write_text("w 1 60 6\nw.dat 212 1(-5000) 12 0 1 0 0 PLETH\n")
    (tmp_path / "w.json").write_text('{"units": "counts"}')
    got = read(tmp_path / "w.hea")
    assert got.channels == 2 and got.ir is not None
    assert got.ir.tolist() == [sample + 5000 for sample in samples]


def test_wfdb_of_another_kind_says_how_to_convert(tmp_path):
    (tmp_path / "w.hea").write_text("w 1 60 6\nw.dat 310 1 12 0 1 0 0 PLETH\n")
    (tmp_path / "w.dat").write_bytes(b"")
    assert "rdsamp" in refusal(tmp_path / "w.hea")
    (tmp_path / "w.hea").write_text("w 1 60 6\nw.dat 16 1 12 0 1 0 0 ECG II\n")
    assert "no red, infrared or pleth" in refusal(tmp_path / "w.hea")


def test_edf_plus(tmp_path):
    edfio = pytest.importorskip("edfio")
    at = np.arange(1000) / 100
    light = {"Red": 100_000 + 900 * np.sin(at), "Infrared": 120_000 + 1500 * np.sin(at)}
    signals = [
        edfio.EdfSignal(data, 100, label=label, physical_range=(0, 262143))
        for label, data in light.items()
    ]
    spo2 = np.array([97, 97, 96, 96, 95, 95, 94, 94, 95, 96], float)
    signals.append(edfio.EdfSignal(spo2, 1, label="SpO2", physical_range=(0, 100)))
    edfio.Edf(signals).write(tmp_path / "night.edf")
    got = read(tmp_path / "night.edf")
    assert got.red is not None and got.ir is not None
    assert got.seconds == 9 and not got.scaled
    # 16 bits over the 18-bit range: steps of four counts.
    np.testing.assert_allclose(got.red, light["Red"], atol=2.6)
    np.testing.assert_allclose(got.ir, light["Infrared"], atol=2.6)
    np.testing.assert_allclose(got.ref_spo2[::100], spo2, atol=0.01)
    assert np.isnan(got.ref_spo2).sum() == 990


# --- real recordings -------------------------------------------------------------------------


def test_every_real_recording_reads_as_its_index_says(recordings):
    with (recordings / "INDEX.csv").open(newline="") as file:
        index = list(csv.DictReader(file))
    slowest_s = 0.0
    for entry in index:
        started = time.process_time()
        got = read(recordings / entry["file"])
        slowest_s = max(slowest_s, time.process_time() - started)
        assert len(got.t_s) == int(entry["n"])
        assert got.channels == (entry["has_red"] == "True") + 2 * (entry["has_ir"] == "True")
        assert got.duration_s == pytest.approx(float(entry["dur_s"]), abs=0.051)
        assert 1 / got.period_s == pytest.approx(float(entry["fs_hz"]), rel=0.01)
        assert np.count_nonzero(~np.isnan(got.ref_spo2)) == int(entry["n_ref_spo2"])
        assert np.count_nonzero(~np.isnan(got.ref_hr)) == int(entry["n_ref_hr"])
        if got.red is not None and got.ir is not None:
            assert np.median(got.red) == float(entry["dc_red"])
            assert np.median(got.ir) == float(entry["dc_ir"])
        else:
            light = got.red if got.red is not None else got.ir
            assert light is not None and np.median(light) == pytest.approx(
                HALF_SCALE_ADC, rel=0.001
            )
    assert slowest_s < 1
