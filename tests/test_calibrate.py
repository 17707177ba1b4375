"""Calibration: known curves are found again, and what is no evidence is refused in a sentence."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from device import Device, Finger
from numpy.typing import NDArray
from test_console import Cable
from test_evaluate_words import WORD, unbacked
from typer.testing import CliRunner

from host_tools import identity
from host_tools.calibrate import document, evidence, fit, lot, pairs, verb
from host_tools.calibrate.curve import Curve, CurveError, checked
from host_tools.calibrate.pairs import Pairs
from host_tools.cli import app
from host_tools.console import Console
from sim.board import Board
from sim.door import core, field, settings
from sim.patient import Person, Scene, optics, record

Floats = NDArray[np.float64]

TRUE = Curve(-3.0, -22.0, 108.0)  # of a design that is not the default's
DEFAULT = Curve(optics.CURVE_A, optics.CURVE_B, optics.CURVE_C)
SATURATIONS = np.linspace(70, 100, 61)


def study(
    subjects: int = 12,
    each: int = 24,
    curve: Curve = TRUE,
    noise: float = 1.0,
    person: float = 0.02,
    kind: str = "SaO2",
    low: float = 68.0,
    high: float = 99.5,
    seed: int = 1,
) -> Pairs:
    """People led down evenly from `high` to `low`, whose ratios are apart by `person` of R (one
    standard deviation), and references with `noise` points."""
    random = np.random.default_rng(seed)
    subject, ratio, reference = [], [], []
    for number in range(subjects):
        mine = 1 + random.normal(0, person)
        for spo2 in np.minimum(np.linspace(high, low, each) + random.normal(0, 0.5, each), 100):
            subject.append(str(number + 1))
            ratio.append(curve.ratio(spo2) * mine)
            reference.append(min(100.0, spo2 + random.normal(0, noise)))
    return Pairs(kind, np.array(subject), np.array(ratio), np.array(reference), ())


def written(found: Pairs, folder: Path, kind: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    rows = zip(found.subject, found.ratio, found.reference, strict=True)
    (folder / "pairs.csv").write_text(
        "subject,ratio,ref_spo2\n" + "".join(f"{s},{x:.6f},{y:.4f}\n" for s, x, y in rows)
    )
    (folder / "pairs.json").write_text(json.dumps({"reference": kind or found.kind}))
    return folder / "pairs.csv"


def apart(one: Curve, other: Curve) -> float:
    """The most points between two curves where the second goes from 100 to 70 %."""
    ratios = np.array([other.ratio(pct) for pct in SATURATIONS])
    return float(np.abs(one.spo2_pct(ratios) - other.spo2_pct(ratios)).max())


def fitted(found: Pairs) -> Curve:
    return fit.fit(fit.usable(found))[0]


# --------------------------------------------------------------------------------------- the fit


@pytest.mark.parametrize("curve", [TRUE, DEFAULT, Curve(0.0, -25.0, 110.0)])
def test_a_curve_without_noise_is_found_exactly(curve: Curve) -> None:
    found = fitted(study(curve=curve, noise=0.0, person=0.0))
    assert apart(found, curve) < 1e-4
    np.testing.assert_allclose(found, curve, atol=1e-3)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("curve", [TRUE, DEFAULT])
def test_a_curve_is_found_among_people(curve: Curve, seed: int) -> None:
    """12 people apart by 2 % of R: their mean is uncertain by 0.58 %, which at 70 % is 0.22
    points, and a parabola through 288 pairs of one point of noise by 3 / root 288 = 0.18 at its
    ends (its three terms each count there): three times both together, and no more."""
    assert apart(fitted(study(curve=curve, seed=seed)), curve) < 3 * np.hypot(0.22, 0.18)


def test_it_is_that_of_others_where_nothing_is_odd() -> None:
    """NumPy's least squares with the same weight a person, and SciPy's slopes of Theil and Sen."""
    stats = pytest.importorskip("scipy.stats")
    found = fit.usable(study(seed=4))
    counts = {name: (found.subject == name).sum() for name in found.subjects}
    weight = np.array([counts[name] ** -0.5 for name in found.subject.tolist()])
    plain = Curve(*np.polyfit(found.ratio, found.reference, 2, w=weight))
    assert apart(fitted(found), plain) < 0.15
    theirs = stats.theilslopes(found.reference, found.ratio)
    slope, _ = fit.theil_sen(found.ratio, found.reference)
    assert slope == pytest.approx(theirs.slope, rel=1e-12)


def test_pairs_that_are_wrong_do_not_move_it() -> None:
    """One in twelve is off by 15 points, all to one side: least squares follows, SciPy's robust
    one and ours do not."""
    optimize = pytest.importorskip("scipy.optimize")
    good = study(seed=2)
    off = np.arange(len(good)) % 12 == 3
    bad = Pairs(good.kind, good.subject, good.ratio, good.reference - 15.0 * off, ())
    bad = fit.usable(bad)
    plain = Curve(*np.polyfit(bad.ratio, bad.reference, 2))

    def left(bent: Floats) -> Floats:
        return Curve(*bent).spo2_pct(bad.ratio) - bad.reference

    theirs = Curve(*optimize.least_squares(left, plain, loss="cauchy", f_scale=1.0).x)
    ours, weight = fit.fit(bad)
    assert apart(plain, TRUE) > 1.0
    assert apart(theirs, TRUE) < 0.85 and apart(ours, TRUE) < 0.85
    assert apart(ours, theirs) < 0.4
    assert (weight == 0).sum() >= 0.9 * (off & (good.reference - 15 >= 70)).sum()


def test_a_person_apart_is_found_and_hardly_moves_it(tmp_path: Path) -> None:
    good = study(seed=3)
    his = good.subject == "5"
    found = Pairs(good.kind, good.subject, good.ratio, good.reference - 5.0 * his, ())
    assert apart(fitted(found), fitted(good)) < 0.4
    made = verb.design([written(found, tmp_path)], "S1", 660.0)
    told = made.calibration.told["leave_one_subject_out"]
    bias = {name: each["bias_pct"] for name, each in told["subjects"].items()}
    others = [value for name, value in bias.items() if name != "5"]
    assert bias["5"] == pytest.approx(5.0, abs=1.0) and max(map(abs, others)) < 2.0
    assert told["agreement"]["sd_between_pct"] > 1.2


def test_a_person_with_many_pairs_weighs_as_the_others() -> None:
    """One gives as many pairs as all others, and is 4 % of R apart."""
    found = study(subjects=12, seed=6, person=0.0)
    loud = study(subjects=1, each=24 * 12, seed=7, person=0.0)
    both = Pairs(
        "SaO2",
        np.concatenate([found.subject, np.full(len(loud), "99")]),
        np.concatenate([found.ratio, loud.ratio * 1.04]),
        np.concatenate([found.reference, loud.reference]),
        (),
    )
    inside = fit.usable(both)
    plain = Curve(*np.polyfit(inside.ratio, inside.reference, 2))
    assert apart(plain, TRUE) > 0.4
    assert apart(fitted(both), TRUE) < 0.3


def test_a_subject_is_judged_by_a_curve_that_has_not_seen_him() -> None:
    found = fit.usable(study(subjects=6, seed=8, noise=0.3))
    for subject, differences in fit.without_each(found):
        his = found.subject == subject
        others = np.polyfit(found.ratio[~his], found.reference[~his], 2)
        plain = np.polyval(others, found.ratio[his]) - found.reference[his]
        assert np.abs(differences - plain).max() < 0.4


# -------------------------------------------------------------------------------- what is refused


REFUSED = [
    (lambda: study(subjects=9, each=40), "9 subjects"),
    (lambda: study(subjects=10, each=15), "200"),
    (lambda: study(low=90.0, high=100.0), "70 to 79 %"),
    (lambda: study(low=76.0, each=30), "70 to 79 %"),
    (
        lambda: (s := study(each=60)).where(
            (s.reference > 75)
            & ((s.reference < 80) | (np.arange(len(s)) % 3 == 0))
        ),
        "73 or less to 97 or more",
    ),
    (lambda: study(kind="simulator"), "simulator"),
    (lambda: study(kind="oximeter", subjects=4, each=40), "secondary needs 5"),
    (lambda: study(kind="oximeter", subjects=6, each=14), "100"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "why"), REFUSED)
def test_too_little_is_refused_in_a_sentence(made, why: str, tmp_path: Path) -> None:
    file = written(made(), tmp_path)
    out = tmp_path / "out.json"
    told = CliRunner().invoke(app, ["calibrate", str(file), "--batch", "S1", "--out", str(out)])
    assert told.exit_code == 1 and not out.exists()
    last = told.stderr.strip().splitlines()[-1]
    assert why in last and last.endswith("."), told.stderr


def test_half_of_the_people_must_be_in_each_decade() -> None:
    few = study(subjects=10, each=60, seed=9)
    deep = study(subjects=4, each=40, low=70.0, high=79.5, seed=10)
    high = few.reference >= 80
    found = Pairs(
        "SaO2",
        np.concatenate([few.subject[high], deep.subject]),
        np.concatenate([few.ratio[high], deep.ratio]),
        np.concatenate([few.reference[high], deep.reference]),
        (),
    )
    with pytest.raises(evidence.Refused, match="4 of 10 subjects have pairs in 70 to 79 %"):
        evidence.of(found.where(evidence.within(found)))


def test_what_a_reference_is_must_be_said_and_be_one(tmp_path: Path) -> None:
    file = written(study(), tmp_path / "a")
    other = written(study(kind="oximeter"), tmp_path / "b")
    with pytest.raises(pairs.PairsError, match="one kind of reference"):
        pairs.gather([file, other])
    for sidecar in ("{}", '{"reference": "arterial"}', "[1]"):
        (tmp_path / "a" / "pairs.json").write_text(sidecar)
        with pytest.raises(pairs.PairsError, match="Nothing says"):
            pairs.gather([file])
    (tmp_path / "a" / "pairs.json").unlink()
    with pytest.raises(pairs.PairsError, match="Nothing says"):
        pairs.gather([tmp_path / "a"])


@pytest.mark.parametrize("curve", [Curve(0.0, 25.0, 60.0), Curve(40.0, -70.0, 105.0)])
def test_a_curve_that_rises_is_refused(curve: Curve) -> None:
    with pytest.raises(CurveError):
        checked(curve)


def test_data_in_which_oxygen_rises_with_the_ratio_are_refused(tmp_path: Path) -> None:
    found = study()
    upside = Pairs("SaO2", found.subject, 2.0 - found.ratio, found.reference, ())
    told = CliRunner().invoke(
        app, ["calibrate", str(written(upside, tmp_path)), "--batch", "S1", "--json"]
    )
    assert told.exit_code == 1 and "fall" in told.stderr


def test_a_curve_that_fits_nobody_is_refused(tmp_path: Path) -> None:
    file = written(study(noise=6.0, person=0.1, seed=2), tmp_path)
    with pytest.raises(evidence.Refused, match="points rms"):
        verb.design([file], "S1", 660.0)


@pytest.mark.parametrize("row", ["1,0.5,101", "1,9,95", ",0.5,95", "1,x,95", "1,0.5"])
def test_a_row_that_is_no_pair_is_named(row: str, tmp_path: Path) -> None:
    file = written(study(), tmp_path)
    file.write_text(file.read_text() + row + "\n")
    with pytest.raises(pairs.PairsError, match="row 290"):
        pairs.gather([file])


# ------------------------------------------------------------------------------------ recordings


def test_the_pairs_of_a_recording_are_those_of_its_light(tmp_path: Path) -> None:
    """A person on three plateaus, blood drawn on each; the truth is the default curve."""
    scene = Scene(
        spo2_pct=((40.0, 40.001, 80.0, 80.001), (95.0, 85.0, 85.0, 75.0)), duration_s=120.0
    )
    light = record(Person(scene, seed=5))
    spo2 = np.full(len(light.t_s), np.nan)
    for at_s, drawn in ((20.0, 95.0), (24.0, 95.0), (60.0, 85.0), (80.5, 80.0), (105.0, 75.0)):
        spo2[np.argmin(np.abs(light.t_s - at_s))] = drawn
    light = type(light)(light.t_s, light.red, light.ir, spo2, 0 * spo2 + 70)
    light.write_csv(tmp_path / "s3.csv")
    (tmp_path / "s3.json").write_text(json.dumps({"reference": "SaO2", "subject": 3}))
    text = (tmp_path / "s3.csv").read_text().splitlines()
    # The die at 25 °C, where the curve holds.
    text = [text[0] + ",die_c", text[1] + ",25.0", *(line + "," for line in text[2:])]
    (tmp_path / "s3.csv").write_text("\n".join(text) + "\n")
    found = pairs.gather([tmp_path])
    assert found.kind == "SaO2" and found.subjects == ["3"]
    assert found.reference.tolist() == [95.0, 85.0, 75.0], "two within a window are one"
    assert found.inputs[0].unused == 1, "beside the blood of the fall no steady ratio stands"
    truth = [float(optics.ratio_of_spo2(pct)) for pct in found.reference]
    np.testing.assert_allclose(found.ratio, truth, rtol=0.01)


def test_a_recording_of_nobody_is_refused(tmp_path: Path) -> None:
    record(Person(Scene(duration_s=5.0))).write_csv(tmp_path / "x.csv")
    (tmp_path / "x.json").write_text('{"reference": "SaO2"}')
    with pytest.raises(pairs.PairsError, match="subject"):
        pairs.gather([tmp_path / "x.csv"])


# --------------------------------------------------------------------------------------- the file


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> document.Calibration:
    folder = tmp_path_factory.mktemp("study")
    return verb.design([written(study(), folder)], "S2026A", 660.0).calibration


def test_the_command_writes_what_units_take(tmp_path: Path) -> None:
    file = written(study(), tmp_path)
    out, picture = tmp_path / "design.json", tmp_path / "design.png"
    told = CliRunner().invoke(app, [
        "calibrate", str(file), "--batch", "S2026A", "--out", str(out), "--picture", str(picture),
    ])  # fmt: skip
    assert told.exit_code == 0, told.stderr
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert "human_sao2" in told.stdout
    found = identity.calibration(out, "L1")
    assert (found.evidence, found.batch) == ("human_sao2", "S2026A")
    assert settings.decode(settings.encode(found)).curve_e7 == found.curve_e7
    whole = json.loads(out.read_text())
    assert whole["inputs"][0]["pairs"] == 288 and len(whole["inputs"][0]["sha256"]) == 64
    assert whole["pairs"] + whole["outside_70_100"] == 288
    # By the console too, onto a unit that then reads by it.
    finger = Finger()
    device = Device(finger, Board(finger, data_dir=tmp_path), vbus=None)
    device.until_number()
    Console(Cable(device), timeout_s=0.3).set_calibration(
        found.curve_e7, found.evidence, found.date, found.batch
    )
    device.run(3000)
    ratio = device.value(field.RATIO_Q12) / 4096
    shown = device.value(field.SPO2_CENTIPCT) / 100
    a, b, c = (e7 / 1e7 for e7 in found.curve_e7)
    assert shown == pytest.approx(a * ratio**2 + b * ratio + c, abs=0.03)


def test_every_change_to_the_file_is_noticed(design: document.Calibration, tmp_path: Path) -> None:
    file = tmp_path / "design.json"
    design.write(file)
    assert document.read(file) == design
    text = file.read_text()
    digits = [found.start() for found in re.finditer(r"\d", text)]
    for at in digits[:: max(1, len(digits) // 60)]:
        file.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])
        with pytest.raises(document.DocumentError):
            document.read(file)
    for old, new in (("human_sao2", "secondary"), ("design", "lot"), ("S2026A", "S2026B")):
        file.write_text(text.replace(old, new))
        with pytest.raises(document.DocumentError, match="changed after it was made"):
            document.read(file)
    for other in ("", "{}", "[]", '{"curve_e7": [1, 2, 3], "evidence": "human_sao2"}'):
        file.write_text(other)
        with pytest.raises(document.DocumentError, match="not a calibration"):
            document.read(file)


def test_accuracy_is_a_word_for_arterial_blood(
    design: document.Calibration, tmp_path: Path
) -> None:
    text = verb.render(design)
    assert "Arms against arterial SaO2" in text and not unbacked(text)
    file = written(study(kind="oximeter"), tmp_path)
    other = verb.design([file], "S1", 660.0).calibration
    assert other.evidence == "secondary"
    assert not WORD.search(verb.render(other)) and not WORD.search(other.text())


# ------------------------------------------------------------------------------------------ a lot


def table(folder: Path, points: list[tuple[float, float]], kind: str = "simulator") -> Path:
    rows = "".join(f"{was},{read}\n" for was, read in points)
    (folder / "moved.csv").write_text("set_ratio,read_ratio\n" + rows)
    (folder / "moved.json").write_text(json.dumps({"reference": kind, "serial": "XY000001"}))
    return folder / "moved.csv"


GOOD = [(0.35, 0.352), (0.6, 0.6), (0.9, 0.895), (1.2, 1.21), (1.5, 1.49)]


def test_a_lot_at_the_designs_wavelength_has_its_curve(design: document.Calibration) -> None:
    assert apart(lot.curve(design, 660.0), design.curve) < 1e-6


@pytest.mark.parametrize("red_nm", [652.0, 664.2, 669.9])
def test_a_lots_ratios_are_those_of_beer_and_lambert(
    design: document.Calibration, red_nm: float
) -> None:
    """By Prahl's table of single wavelengths, taken down anew: (nm, HbO2, Hb)."""
    nm, oxy, deoxy = np.array([(650, 368, 3750.12), (660, 319.6, 3226.56), (670, 294, 2795.12)]).T
    for spo2 in (72.0, 80.0, 90.0, 98.0):
        share = spo2 / 100
        at = [share * np.interp(x, nm, oxy) + (1 - share) * np.interp(x, nm, deoxy)
              for x in (red_nm, 660.0)]  # fmt: skip
        moved = lot.curve(design, red_nm).ratio(spo2) / design.curve.ratio(spo2)
        # The LED is 20 nm wide, and the table bends: some parts in a hundred of the change.
        assert moved == pytest.approx(at[0] / at[1], abs=0.15 * abs(at[0] / at[1] - 1) + 0.004)


def test_a_person_seen_by_the_lots_led_is_read_right_by_the_lots_curve(
    design: document.Calibration,
) -> None:
    """Simulated, by the same physics: it shows that the way from file to reading is right."""
    default = document.made("design", DEFAULT, "none", "AN6845", 660.0, {})
    of_lot = checked(lot.curve(default, 664.2))
    for spo2 in (75.0, 85.0, 97.0):
        person = Person(Scene(spo2_pct=spo2, red_shift_nm=4.2, duration_s=20.0), seed=2)
        ratio = lot.on_core(record(person)).rows[-1, field.RATIO_Q12] / 4096
        assert of_lot.spo2_pct(ratio) == pytest.approx(spo2, abs=0.3)
        assert abs(DEFAULT.spo2_pct(ratio) - spo2) > 0.5


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (GOOD[:4], "5 different ratios"),
        ([*GOOD[:4], GOOD[0]], "5 different ratios"),
        ([(0.5, 0.5), *GOOD[1:], (1.45, 1.45)], "must from"),
        ([*GOOD[:4], (1.2, 1.2), (1.25, 1.25)], "must from"),
        ([*GOOD[:2], (0.9, 0.92), *GOOD[3:]], "2.2 % off"),
    ],
)
def test_a_transfer_that_proves_nothing_is_refused(
    points, why: str, design: document.Calibration, tmp_path: Path
) -> None:
    design.write(tmp_path / "d.json")
    told = CliRunner().invoke(app, [
        "calibrate", str(tmp_path / "d.json"), "--lot", "L2547", "--red-nm", "664.2",
        "--r-transfer", str(table(tmp_path, points)), "--out", str(tmp_path / "l.json"),
    ])  # fmt: skip
    assert told.exit_code == 1 and why in told.stderr, told.stderr
    assert not (tmp_path / "l.json").exists()


def test_what_else_gives_a_lot_no_curve(design: document.Calibration, tmp_path: Path) -> None:
    for red_nm in (649.9, 670.1):
        with pytest.raises(lot.LotError, match="beyond 10 nm"):
            lot.curve(design, red_nm)
    with pytest.raises(lot.LotError, match="Nothing says"):
        lot.transfer(table(tmp_path, GOOD, "SaO2"))
    made = verb.for_lot(design, "L1", 661.0, lot.transfer(table(tmp_path, GOOD)))
    with pytest.raises(document.DocumentError, match="of a design"):
        verb.for_lot(made, "L2", 661.0, lot.transfer(table(tmp_path, GOOD)))


def test_a_virtual_transfer_gives_no_evidence(design: document.Calibration) -> None:
    made = verb.for_lot(design, "L2547", 664.2, lot.virtual(verb.lot_curve(design, 664.2)))
    assert made.evidence == "none" and "virtual" in verb.render(made)
    assert made.told["r_transfer"]["worst"] < lot.TRANSFER
    measured = lot.Transfer(tuple(GOOD), {})
    assert verb.for_lot(design, "L2547", 664.2, measured).evidence == "human_sao2"


@pytest.mark.parametrize("die_c", [12.0, 25.0, 33.0])
def test_what_a_unit_corrects_for_its_die_is_taken_out_again(die_c: float) -> None:
    """The core's own correction, whose integers round its factor by up to half of 1/2^20 a
    hundredth of a degree, and the ratio to 1/4096."""
    rounded = 0.5 * abs(100 * (die_c - 25)) / (1 << 20)
    state = core.new()
    core.set_die(state, round(100 * die_c))
    for raw in (0.4, 0.9, 1.6):
        told = core.evaluation.at_25_c(state[core.layout.S], round(4096 * raw)) / 4096
        assert lot.at_die(told, die_c) == pytest.approx(raw, abs=raw * rounded + 2 / 4096)


def test_a_simulators_table_is_the_curve(design: document.Calibration, tmp_path: Path) -> None:
    design.write(tmp_path / "d.json")
    told = CliRunner().invoke(app, [
        "calibrate", str(tmp_path / "d.json"), "--lot", "L2547", "--red-nm", "664.2",
        "--r-curve", str(tmp_path / "r.csv"),
    ])  # fmt: skip
    assert told.exit_code == 0, told.stderr
    rows = (tmp_path / "r.csv").read_text().splitlines()
    assert rows[0] == "spo2_pct,ratio" and len(rows) == 32
    curve = verb.lot_curve(design, 664.2)
    for row in rows[1:]:
        pct, ratio = map(float, row.split(","))
        assert float(curve.spo2_pct(ratio)) == pytest.approx(pct, abs=0.01)


def test_a_lots_curve_is_for_that_lot(design: document.Calibration, tmp_path: Path) -> None:
    made = verb.for_lot(design, "L2547", 664.2, lot.Transfer(tuple(GOOD), {}))
    made.write(tmp_path / "l.json")
    assert identity.calibration(tmp_path / "l.json", "L2547").batch == "L2547"
    with pytest.raises(ValueError, match="L2547"):
        identity.calibration(tmp_path / "l.json", "L2548")


# -------------------------------------------------------------------------------------- the store


def test_a_lots_curve_reaches_the_plant_and_is_traced(
    design: document.Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed: run `make setup-all`")
    import postgres
    from sqlalchemy import text

    from host_tools.store import connect, station

    monkeypatch.setenv("XUEYANG_STORE", str(tmp_path / "s1.sqlite"))
    design.write(tmp_path / "d.json")
    command = [
        "calibrate", str(tmp_path / "d.json"), "--lot", "L2547", "--red-nm", "664.2",
        "--r-transfer", str(table(tmp_path, GOOD)), "--out", str(tmp_path / "l.json"),
        "--station", "s1", "--worker", "w7",
    ]  # fmt: skip
    for _ in range(2):  # the second is the same record
        told = CliRunner().invoke(app, command)
        assert told.exit_code == 0, told.stderr
    local = connect.opened(tmp_path / "s1.sqlite")
    station.reserve(local, local, "s1", "XY", 6)
    station.take(local, "s1", "L2547", "1.2", 20261124, "246f28000001")
    with postgres.server() as url:
        assert CliRunner().invoke(app, ["plant", url]).exit_code == 0
        for expected in ("3 records sent\n", "0 records sent\n"):
            assert CliRunner().invoke(app, ["push", url]).stdout == expected
        told = CliRunner().invoke(app, ["trace", "XY000000", "--store", url, "--json"])
        (curve,) = json.loads(told.stdout)["calibrations"]
        assert (curve["evidence"], curve["red_nm"]) == ("human_sao2", 664.2)
        assert [tuple(point) for point in curve["r_transfer"]] == GOOD
        assert curve["design"] == design.sha256
        here = CliRunner().invoke(app, ["trace", "XY000000"])
        assert "curve of lot L2547: evidence human_sao2" in here.stdout
        assert "within 0.83 %" in here.stdout
        plant = connect.engine(url)
        with plant.begin() as connection:
            kept = connection.scalar(text("SELECT document FROM calibration WHERE kind = 'lot'"))
        plant.dispose()
    assert kept == (tmp_path / "l.json").read_text(), "the whole file is there again"
    local.dispose()


def test_a_flashed_unit_has_its_lots_curve(
    design: document.Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written, signed and found again on the virtual chip; another lot's curve is refused."""
    pytest.importorskip("esptool", reason="esptool is not installed: run `make setup-all`")
    from test_build import listed

    from host_tools import build, filesystem
    from sim.vm.chip import Chip, running
    from sim.vm.image import image

    monkeypatch.setenv("XUEYANG_STORE", str(tmp_path / "s1.sqlite"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = tmp_path / "image.bin"
    file.write_bytes(image("esp32c3"))
    found = build.read_image(file, listed(tmp_path / "list", file))
    build.make(tmp_path / "bundle.zip", found, found.target)
    made = verb.for_lot(design, "L2547", 664.2, lot.Transfer(tuple(GOOD), {}))
    made.write(tmp_path / "l.json")
    run = CliRunner().invoke
    assert run(app, ["reserve", "--station", "s1", "--prefix", "XY"]).exit_code == 0
    command = ["flash", str(tmp_path / "bundle.zip"), "--station", "s1", "--hardware-revision",
               "1.2", "--calibration", str(tmp_path / "l.json")]  # fmt: skip
    with running([Chip("esp32c3")]) as (chip,):
        other = run(app, [*command, "--lot", "L2548", "--port", chip.port.path])
        assert other.exit_code == 2 and "L2547" in other.stderr
        told = run(app, [*command, "--lot", "L2547", "--port", chip.port.path])
        assert told.exit_code == 0, told.stderr
        traced = run(app, ["trace", "--port", chip.port.path])
        assert traced.exit_code == 0 and "signed by station s1" in traced.stdout
        part = chip.flash.partition("data")
        assert part is not None
        blocks = filesystem.blocks_of(chip.flash.read(part.start, part.size))
        kept = settings.decode(filesystem.read_all(blocks, part.size)["settings.bin"])
    assert (kept.curve_e7, kept.evidence, kept.batch) == (made.curve.e7, "human_sao2", "L2547")


def test_a_study_with_an_oximeter_from_light_to_curve(tmp_path: Path) -> None:
    """Five simulated people are led down 22 stairs beside an oximeter that shows the truth of the
    default curve: the whole way through the device ends at that curve, with `secondary`."""
    stair_s, stairs = 20.0, np.linspace(99.0, 69.0, 22)
    at = np.arange(1, len(stairs)) * stair_s
    track = (
        tuple(np.sort(np.concatenate([at, at + 0.5])).tolist()),
        tuple(np.repeat(stairs, 2)[1:-1].tolist()),
    )
    for number in range(1, 6):
        scene = Scene(
            spo2_pct=track, duration_s=stair_s * len(stairs), perfusion_pct=0.5 + 0.5 * number
        )
        light = record(Person(scene, seed=number))
        spo2 = np.full(len(light.t_s), np.nan)
        for stair, shown in enumerate(stairs):
            spo2[np.searchsorted(light.t_s, stair_s * stair + 16.0)] = round(shown)
        rows = zip(light.t_s, light.red, light.ir, spo2, strict=True)
        text = "".join(
            f"{t:.4f},{red},{ir},{'' if ref != ref else f'{ref:g}'},{25 if n == 0 else ''}\n"
            for n, (t, red, ir, ref) in enumerate(rows)
        )
        (tmp_path / f"s{number}.csv").write_text("t_s,red,ir,ref_spo2,die_c\n" + text)
        sidecar = {"reference": "oximeter", "subject": str(number)}
        (tmp_path / f"s{number}.json").write_text(json.dumps(sidecar))
    made = verb.design([tmp_path], "V1", 660.0)
    assert made.calibration.evidence == "secondary"
    assert sum(each.unused for each in made.pairs.inputs) <= 5
    # The oximeter shows whole percent: 0.3 points rms a pair, 0.03 in the mean of some 100.
    assert apart(made.calibration.curve, DEFAULT) < 0.3


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["x.csv"], 2),
        (["x.json", "--lot", "L1"], 2),
        (["x.json", "--batch", "B", "--lot", "L1", "--red-nm", "660"], 2),
        (["x.json", "--r-transfer", "y.csv"], 2),
        (["x.csv", "--batch", "B", "--picture", "p.doc"], 2),
        (["x.csv", "--batch", "B"], 1),
        (["d.json", "--lot", "L1", "--red-nm", "660"], 1),
        (["d.json", "--r-curve", "file/r.csv"], 1),
        (["d.json", "--port", "/dev/nothing"], 3),
        (["d.json"], 0),
    ],
)
def test_what_is_asked_ends_as_agreed(
    words: list[str],
    code: int,
    design: document.Calibration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    design.write(tmp_path / "d.json")
    told = CliRunner().invoke(app, ["calibrate", *words])
    assert told.exit_code == code, told.stderr
    assert isinstance(told.exception, SystemExit | None)
