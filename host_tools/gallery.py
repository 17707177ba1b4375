"""Every screen that the device can show, as it shows it: for tests, the report and the leaflet."""

import math
from array import array
from typing import Any

from sim.door import field, picture, screens, terms

OK, RESULT = field.OK, picture.RESULT
SENTENCES = [n for n in range(picture.PICTURES) if n not in (OK, RESULT)]
PANEL_MM = (29.4, 14.7)  # the 1.3 inch display


def view_of(number: int, language: str = "zh", **fields: Any) -> screens.View:
    """A view of a picture, over a typical pulse wave and battery."""
    view = screens.View()
    view.picture = number
    view.language = language
    view.battery_pct = 70
    view.quality = 90
    view.perfusion_millipct = 1400
    view.wave_at = 77
    for point in range(128):
        phase = (point - 77) % 32 / 32
        systole = math.exp(-(((phase - 0.25) / 0.1) ** 2))
        view.wave[point] = int(20 + 200 * systole)
    for name, value in fields.items():
        assert hasattr(view, name)
        setattr(view, name, value)
    return view


def drawn(view: screens.View) -> bytearray:
    """The canvas of a view, drawn from nothing."""
    canvas = bytearray(1024)
    view.shown = array("h", view.shown)
    view.redraw()
    screens.draw(canvas, view)
    return canvas


# The screens that carry numbers, in the states that look different.
EXTRAS: dict[str, dict[str, Any]] = {
    "live": {"spo2_pct": 97, "pulse_bpm": 72, "progress": 40},
    "live_100_marked": {
        "spo2_pct": 100, "pulse_bpm": 118, "marks": terms.MARK_SUSPECT_SWAP, "quality": 15,
    },
    "live_below_range": {"spo2_pct": 66, "pulse_bpm": 49, "marks": terms.MARK_BELOW_RANGE},
    "live_calibrated": {"spo2_pct": 91, "pulse_bpm": 104, "calibrated": True, "battery_pct": -1},
    "live_pulse_only": {"pulse_bpm": 63},
    "result_green": {"spo2_pct": 97, "verdict": terms.GREEN, "calibrated": True},
    "result_unjudged": {"spo2_pct": 97, "verdict": terms.UNJUDGED},
    "result_attention": {"spo2_pct": 94, "verdict": terms.ATTENTION},
    "result_doctor": {"spo2_pct": 93, "verdict": terms.DOCTOR},
    "result_doctor_again": {"spo2_pct": 94, "verdict": terms.DOCTOR | terms.AGAIN},
    "result_recheck": {"spo2_pct": 92, "verdict": terms.RECHECK},
    "result_call": {"spo2_pct": 88, "pulse_bpm": 131, "verdict": terms.CALL},
    "result_below": {"spo2_pct": 66, "verdict": terms.BELOW, "marks": terms.MARK_BELOW_RANGE},
    "result_oxygen": {"spo2_pct": 100, "verdict": terms.UNJUDGED, "marks": terms.MARK_OXYGEN},
    "result_baseline": {"spo2_pct": 88, "verdict": terms.ATTENTION, "marks": terms.MARK_BASELINE},
    "result_calibrated_all": {
        "spo2_pct": 86, "verdict": terms.CALL | terms.AGAIN, "calibrated": True,
        "marks": terms.MARK_BASELINE | terms.MARK_OXYGEN,
    },
    "held": {"spo2_pct": 93, "verdict": terms.DOCTOR, "old": True, "count": 35},
    "held_calibrated": {"spo2_pct": 97, "old": True, "count": 118, "calibrated": True},
    "record": {"spo2_pct": 96, "old": True, "count": -3},
    "words_doctor_again": {"verdict": terms.DOCTOR | terms.AGAIN},
    "words_call_again": {"verdict": terms.CALL | terms.AGAIN},
    "held_words": {"verdict": terms.ATTENTION, "old": True},
    "held_words_again": {"verdict": terms.DOCTOR | terms.AGAIN, "old": True, "count": 2},
    "held_words_last": {"verdict": terms.DOCTOR | terms.AGAIN, "old": True, "count": 4},
}  # fmt: skip
EXTRA_PICTURES = {
    "words_doctor_again": picture.WORDS + terms.DOCTOR,
    "words_call_again": picture.WORDS + terms.CALL,
    "held_words": picture.WORDS + terms.ATTENTION,
    "held_words_again": picture.WORDS + terms.DOCTOR,
    "held_words_last": picture.WORDS + terms.DOCTOR,
}


def pictures(languages: tuple[str, ...] = ("zh", "en")) -> dict[str, bytearray]:
    """Every sentence in these languages, and the screens with numbers in their states: a canvas by
    `name.language`."""
    result = {}
    for language in languages:
        for number in SENTENCES:
            view = view_of(number, language, verdict=max(0, number - picture.WORDS) % 7)
            if number in (field.SEARCHING, field.WEAK_PULSE, field.MOTION):
                view.pulse_bpm = 68
            view.progress = 60
            view.count = 97
            view.phone = "138 0013 8000"
            result[f"{picture.NAMES[number]}.{language}"] = drawn(view)
        for name, fields in EXTRAS.items():
            number = EXTRA_PICTURES.get(name, OK if name.startswith("live") else RESULT)
            view = view_of(number, language, **{"pulse_bpm": 72, **fields})
            result[f"{name}.{language}"] = drawn(view)
    return result
