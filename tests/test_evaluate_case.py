"""A case is its content: the same one has one name and one hash, any change another."""

import math
from dataclasses import fields, replace
from typing import Any

from host_tools.evaluate.case import Case
from host_tools.evaluate.matrix import matrix, matrix_hash
from sim.patient import Motion, Scene, step

CASE = Case("still_pi1", "SpO2 97, 75 bpm, PI 1", 3, 11, Scene(duration_s=60.0))


def test_its_name_says_where_it_stands():
    assert CASE.id == "still_pi1/SpO2 97, 75 bpm, PI 1/3"


def test_equal_content_has_one_hash():
    twin = Case("still_pi1", "SpO2 97, 75 bpm, PI 1", 3, 11, Scene(duration_s=60.0))
    assert twin is not CASE
    assert twin.sha256 == CASE.sha256


def test_every_field_counts_in_the_hash():
    others: dict[str, Any] = {
        "row": "swap", "cell": "another", "number": 4, "seed": 12, "due": False, "event_s": 5.0,
        "scene": Scene(duration_s=60.0, noise_counts=8.5), "words": ("motion",),
        "faults": ("nack",), "device": True, "leds_fixed": True, "swapped": True,
        "clock_drift_pct": 1.0, "curve_pct": -2.0,
    }  # fmt: skip
    assert set(others) == {field.name for field in fields(Case)}
    hashes = {replace(CASE, **{name: value}).sha256 for name, value in others.items()}
    assert len(hashes | {CASE.sha256}) == len(others) + 1


def test_what_lies_deep_in_the_scene_counts_too():
    tap, slower = (
        replace(CASE, scene=Scene(motion=(Motion("tap", 5.0, 20.0, hz=hz),))) for hz in (2.0, 1.9)
    )
    fall, later = (replace(CASE, scene=Scene(spo2_pct=step(97, 85, at))) for at in (30, 31))
    assert len({case.sha256 for case in (CASE, tap, slower, fall, later)}) == 5


def test_when_the_finger_comes_and_goes():
    assert (CASE.finger_in_s, CASE.finger_out_s) == (0.0, 60.0)
    short = replace(CASE, scene=Scene(duration_s=60.0, finger=((2.0, 41.5),)))
    assert (short.finger_in_s, short.finger_out_s) == (2.0, 41.5)
    none = replace(CASE, scene=Scene(duration_s=60.0, finger=()))
    assert (none.finger_in_s, none.finger_out_s) == (0.0, 60.0)


def test_the_matrix_is_the_same_on_every_processor(monkeypatch):
    """The last bit of an exponential is the processor's own; no case may hang on it."""
    exact = {name: matrix_hash(matrix(name)) for name in ("quick", "system")}
    exp = math.exp
    for up in (0.0, math.inf):
        monkeypatch.setattr(math, "exp", lambda x, up=up: math.nextafter(exp(x), up))
        assert {name: matrix_hash(matrix(name)) for name in exact} == exact
