"""Any program can be scored, and one that fails is named in a sentence."""

import subprocess
import sys

import numpy as np
import pytest

from host_tools.evaluate import algorithm
from host_tools.evaluate.algorithm import AlgorithmError, CommandError, on_recorded
from host_tools.evaluate.execute import execute
from host_tools.evaluate.matrix import matrix
from host_tools.evaluate.recordings import rows_of
from sim.door import field
from sim.patient import Person, Scene, record
from sim.recording import read

# An oximeter in a few lines: pulse from the spectrum's peak, SpO2 from the ratio of RMS values.
PEER = """
import csv, sys
import numpy as np
rows = list(csv.DictReader(open(sys.argv[1])))
assert set(rows[0]) == {"t_s", "red", "ir"}
t, red, ir = (np.array([float(row[name]) for row in rows]) for name in ("t_s", "red", "ir"))
print("t_s,spo2_pct,pulse_bpm")
for k in range(10, int(t[-1] - t[0]) + 1):
    here = (t - t[0] > k - 8) & (t - t[0] <= k)
    r, i = (x[here] - np.polyval(np.polyfit(t[here], x[here], 2), t[here]) for x in (red, ir))
    ratio = r.std() / red[here].mean() / (i.std() / ir[here].mean())
    power = np.abs(np.fft.rfft(i * np.hanning(len(i)), 8192))
    hz = np.fft.rfftfreq(8192, np.diff(t[here]).mean())
    peak = hz[power.argmax()]
    print(f"{t[0] + k},{1.5958422*ratio**2-34.6596622*ratio+112.6898759:.1f},{60*peak:.1f}")
"""


def recorded(seconds: float = 20, **scene):
    return record(Person(Scene(duration_s=seconds, **scene), seed=5))


@pytest.fixture
def program(tmp_path):
    """A function: the command that runs this Python source."""

    def command(source: str, rest: str = "") -> str:
        path = tmp_path / "a program.py"
        path.write_text(source)
        return f"{sys.executable} '{path}' {rest}"

    return command


def fails(command: str, match: str, **more) -> None:
    with pytest.raises(AlgorithmError, match=match) as caught:
        on_recorded(command, recorded(), "case 7", **more)
    assert str(caught.value).startswith("case 7: ")
    assert "\n" not in str(caught.value)


def test_a_foreign_program_is_read_right(program):
    readings = on_recorded(
        program(PEER), recorded(spo2_pct=92, pulse_bpm=75, perfusion_pct=4), "case 7"
    )
    assert readings.shape == (19, field.LENGTH)
    late = readings[12:-1]
    assert np.abs(late[:, field.PULSE_DECIBPM] / 10 - 75).max() < 3
    assert np.abs(late[:, field.SPO2_CENTIPCT] / 100 - 92).max() < 3
    assert (late[:, field.STATUS] == field.OK).all()
    assert (readings[:8, field.STATUS] == field.SEARCHING).all()
    assert (readings[:, field.SPO2_SD_CENTIPCT] == field.NONE).all()


@pytest.mark.parametrize("scene", [{"spo2_pct": 97.0}, {"spo2_pct": 84.0, "clock_error_pct": 3.0}])
def test_our_own_replay_as_the_program_is_the_identity(tmp_path, scene):
    """Up to the rounding of the rows, and of a clock of 0.1 ms in the file."""
    case = recorded(40, **scene)
    command = f"{sys.executable} -m host_tools.cli replay {{recording}} --csv {{out}}"
    theirs = on_recorded(command, case, "case 7")
    file = tmp_path / "case.csv"
    case.write_csv(file)
    ours = rows_of(read(file))
    assert len(ours) == len(theirs) == 39
    np.testing.assert_array_equal(ours, theirs)
    assert (ours[20:, field.STATUS] == field.OK).all()


def test_the_path_stands_where_it_is_asked_for_or_last(program):
    source = "import sys\nprint('t_s,pulse_bpm')\nassert sys.argv[1:] == [*sys.argv[1:]]\n"
    source += "assert sys.argv[AT].endswith('.csv'), sys.argv"
    on_recorded(program(source.replace("AT", "-1"), "--fast"), recorded(), "case 7")
    on_recorded(program(source.replace("AT", "1"), "{recording} --fast"), recorded(), "case 7")


def test_a_second_without_a_row_has_no_number(program):
    rows = "t_s,spo2_pct,spo2_sd_pct,pulse_bpm,status,flags\\n3.0,97.1,0.25,61.5,ok,settled"
    readings = on_recorded(program(f"print('{rows}')"), recorded(), "case 7")
    assert readings[2, field.SPO2_CENTIPCT] == readings[2, field.SETTLED_CENTIPCT] == 9710
    assert readings[2, field.SPO2_SD_CENTIPCT] == 25
    assert readings[2, field.PULSE_DECIBPM] == 615
    assert readings[2, field.FLAGS] == field.FLAG_SETTLED
    others = np.delete(readings, 2, axis=0)
    assert (others[:, field.SPO2_CENTIPCT] == field.NONE).all()


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ("import sys; sys.exit(3)", "failed with exit 3, and said nothing"),
        ("raise ValueError('no light')", "failed with exit 1: ValueError: no light"),
        ("pass", "says nothing, but it must name"),
        ("print('time,spo2')", "says time, spo2, but it must name"),
        ("print('t_s,spo2_pct\\n1,high')", "spo2_pct is 'high' in row 2"),
        ("print('t_s,spo2_pct\\n1,nan')", "spo2_pct is 'nan' in row 2"),
        ("print('t_s,spo2_pct,status\\n1,97,fine')", "status is 'fine' in row 2: write one of"),
        ("print('t_s,spo2_pct\\n,97')", "t_s is empty in row 2"),
        ("import sys; sys.stdout.buffer.write(bytes(range(256)))", "."),
    ],
)
def test_what_goes_wrong_is_one_sentence_that_names_the_case(program, source, match):
    fails(program(source), match)


def test_a_program_that_no_case_suits_is_ended_after_the_first_chunk(program):
    tried = []
    with pytest.raises(AlgorithmError, match="None of the first 24 cases could be scored"):
        execute(
            matrix("quick"), program("1/0"), jobs=1, progress=lambda done, of: tried.append(done)
        )
    assert tried == [0]


def test_a_program_that_fails_often_is_told_of_in_ten_sentences(program, tmp_path):
    seen = str(tmp_path / "seen")
    command = program(
        f"import os\nfirst = not os.path.exists({seen!r})\nopen({seen!r}, 'w')\n"
        "print('t_s,spo2_pct' if first else 'nothing')"
    )
    words = ["--row", "fault_no_finger", "--jobs", "1", "--algorithm", command]
    verb = [sys.executable, "-m", "host_tools.cli", "evaluate"]
    ran = subprocess.run([*verb, *words], capture_output=True, text=True)
    assert ran.returncode == 1
    told = [line for line in ran.stderr.splitlines() if not line.startswith("[")]
    assert len(told) == 11 and all("the first line of the rows" in line for line in told[:10])
    assert told[10] == "9 more were not scored; --report names each."


def test_a_program_that_takes_too_long_is_ended(program):
    fails(program("import time; time.sleep(60)"), "not done after 0.2 s", patience_s=0.2)


def test_a_program_that_does_not_write_its_file_is_told_so(program):
    fails(program("print('t_s,spo2_pct')", "{recording} {out}"), "wrote nothing")


def test_a_command_that_cannot_be_is_refused_before_any_work():
    for command, match in (
        ("", "empty"),
        ("no_such_program_here -x", "no program 'no_such_program_here'"),
        ("python 'open", "check its quotes"),
    ):
        with pytest.raises(CommandError, match=match):
            algorithm.checked(command)
    assert algorithm.checked(f"{sys.executable} -c pass")
