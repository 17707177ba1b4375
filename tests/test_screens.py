"""What a person sees: pictures, numbers that must not be there, letters, and the wave.

The pictures under tests/screens/ are the screens in half blocks, two rows of pixels a line. After
a wanted change look at them and write them anew with `python tests/test_screens.py`.
"""

import math
import random
from decimal import ROUND_HALF_DOWN, Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from host_tools import glyphs
from sim.door import field, screens, text

GOLDENS = Path(__file__).resolve().parent / "screens"
LANGUAGES = ("zh", "en")
OTHERS = [status for status in range(len(field.STATUS_NAMES)) if status != field.OK]


def view_of(status: int, language: str = "zh", **fields):
    view = screens.View()
    view.status = status
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


def drawn(view) -> bytearray:
    canvas = bytearray(1024)
    view.forget()
    screens.draw(canvas, view)
    return canvas


def rows_of(canvas: bytearray) -> list[str]:
    return [
        "".join("#" if canvas[(y >> 3) * 128 + x] >> (y & 7) & 1 else "." for x in range(128))
        for y in range(64)
    ]


def half_blocks(canvas: bytearray) -> str:
    rows = rows_of(canvas)
    blocks = {"..": " ", "#.": "▀", ".#": "▄", "##": "█"}
    lines = (
        "".join(blocks[upper + lower] for upper, lower in zip(rows[y], rows[y + 1], strict=True))
        for y in range(0, 64, 2)
    )
    return "\n".join(line.rstrip() for line in lines) + "\n"


def pictures() -> dict[str, bytearray]:
    """Every status in both languages, and the number screen in its other states."""
    result = {}
    for language in LANGUAGES:
        for status, name in enumerate(field.STATUS_NAMES):
            view = view_of(status, language)
            if status == field.OK:
                view.spo2_pct = 97
                view.pulse_bpm = 72
            elif status in (field.SEARCHING, field.WEAK_PULSE, field.MOTION):
                view.pulse_bpm = 68
                view.progress = 55
            elif status == field.SENSOR_FAULT:
                view.fault_name = "fault:dead_led"
            result[f"{name}.{language}"] = drawn(view)
    every_mark = field.FLAG_IRREGULAR | field.FLAG_LOW_PERFUSION | field.FLAG_SUSPECT_SWAP
    states: dict[str, dict[str, Any]] = {
        "ok_100_marked": {"spo2_pct": 100, "pulse_bpm": 118, "flags": every_mark, "quality": 15},
        "ok_below_range": {"spo2_pct": 66, "pulse_bpm": 49, "flags": field.FLAG_BELOW_RANGE},
        "ok_calibrated": {"spo2_pct": 91, "pulse_bpm": 104, "calibrated": True, "battery_pct": -1},
        "ok_pulse_only": {"pulse_bpm": 63},
    }
    for name, fields in states.items():
        result[f"{name}.zh"] = drawn(view_of(field.OK, **fields))
    return result


@pytest.mark.parametrize("name", pictures())
def test_picture(name):
    assert half_blocks(pictures()[name]) == (GOLDENS / f"{name}.txt").read_text(encoding="utf-8")


def test_no_picture_without_a_screen():
    assert {path.stem for path in GOLDENS.iterdir()} == set(pictures())


def test_rounding_takes_halves_down():
    for centipct in range(0, 11000):
        replayed = (Decimal(centipct) / 100).quantize(Decimal("0.1"), rounding=ROUND_HALF_DOWN)
        exact = replayed.quantize(Decimal(1), rounding=ROUND_HALF_DOWN)
        assert screens.rounded_half_down(centipct) == int(exact), centipct
    assert screens.rounded_half_down(field.NONE) == field.NONE


# Numbers ------------------------------------------------------------------------------------


def shapes(names: str) -> dict[str, list[str]]:
    art = glyphs.read_shapes(glyphs.SHAPES)
    return {name: art[name] for name in names}


def scale2x(rows: list[str]) -> list[str]:
    """Scale2x as its author gives it, pixel by pixel."""
    height, width = len(rows), len(rows[0])

    def at(x: int, y: int) -> bool:
        return 0 <= x < width and 0 <= y < height and rows[y][x] == "#"

    double = [["."] * (2 * width) for _ in range(2 * height)]
    for y in range(height):
        for x in range(width):
            up, right, left, down = at(x, y - 1), at(x + 1, y), at(x - 1, y), at(x, y + 1)
            here = at(x, y)
            corners = [
                up if left == up and left != down and up != right else here,
                right if up == right and up != left and right != down else here,
                left if down == left and down != right and left != up else here,
                down if right == down and right != up and down != left else here,
            ]
            for n, corner in enumerate(corners):
                double[2 * y + n // 2][2 * x + n % 2] = ".#"[corner]
    return ["".join(row) for row in double]


def find(shape: list[str], rows: list[str], top: int) -> list[int]:
    """Columns where the shape stands with its first row at `top`, whole and with dark sides."""
    width = len(shape[0])
    found = []
    for x in range(1, 128 - width):
        if all(
            rows[top + y][x - 1 : x + width + 1] == f".{line}." for y, line in enumerate(shape)
        ):
            found.append(x)
    return found


def shown_saturation(canvas: bytearray) -> str:
    """Reads the large numerals back from the pixels, left to right."""
    rows = rows_of(canvas)
    places = [
        (x, name)
        for name, shape in shapes("0123456789<-").items()
        for x in find(scale2x(shape), rows, 0)
    ]
    return "".join(name for _, name in sorted(places))


@pytest.mark.parametrize("language", LANGUAGES)
def test_number_screen_shows_the_saturation_it_is_given(language):
    for spo2_pct in range(70, 101):
        canvas = drawn(view_of(field.OK, language, spo2_pct=spo2_pct, pulse_bpm=188))
        assert shown_saturation(canvas) == str(spo2_pct)


def test_saturation_out_of_reach():
    assert shown_saturation(drawn(view_of(field.OK, spo2_pct=104))) == "100"
    assert shown_saturation(drawn(view_of(field.OK, spo2_pct=69))) == "<70"
    below = view_of(field.OK, spo2_pct=70, flags=field.FLAG_BELOW_RANGE)
    assert shown_saturation(drawn(below)) == "<70"
    assert shown_saturation(drawn(view_of(field.OK, pulse_bpm=70))) == "--"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", OTHERS, ids=lambda status: field.STATUS_NAMES[status])
def test_no_saturation_but_when_ok(status, language):
    """Whatever the view says, the pixels of every other screen do not depend on it."""
    without = drawn(view_of(status, language, pulse_bpm=72))
    for spo2_pct in (0, 66, 88, 97, 100):
        view = view_of(status, language, pulse_bpm=72, spo2_pct=spo2_pct, flags=0x3FF)
        assert drawn(view) == without
    assert shown_saturation(without) == ""


@pytest.mark.parametrize("status", OTHERS, ids=lambda status: field.STATUS_NAMES[status])
def test_pulse_stands_beside_three_statuses_only(status):
    with_pulse = drawn(view_of(status, pulse_bpm=72)) != drawn(view_of(status))
    assert with_pulse == (field.STATUS_NAMES[status] in ("searching", "weak_pulse", "motion"))


def test_pulse_fits_beside_the_sentence_and_the_saturation():
    small = shapes("0123456789")
    for pulse_bpm in (0, 9, 40, 99, 100, 111, 188, 240, 300):
        rows = [row + "." for row in rows_of(drawn(view_of(field.OK, pulse_bpm=pulse_bpm)))]
        places = []
        for name, shape in small.items():
            width = len(shape[0])
            for x in range(86, 129 - width):
                if all(rows[16 + y][x - 1 : x + width] == f".{s}" for y, s in enumerate(shape)):
                    places.append((x, name))
        assert "".join(name for _, name in sorted(places)) == str(pulse_bpm)


def test_uncalibrated_is_said_beside_every_number():
    for language in LANGUAGES:
        for spo2_pct in (65, 88, 100):
            for flags in (0, 0x3FF):
                canvas = drawn(view_of(field.OK, language, spo2_pct=spo2_pct, flags=flags))
                box = [row[80:] for row in rows_of(canvas)[48:]]
                assert sum(row.count("#") for row in box) > 48 * 16 // 2
                calibrated = view_of(
                    field.OK, language, spo2_pct=spo2_pct, flags=flags, calibrated=True
                )
                assert not any("#" in row[80:] for row in rows_of(drawn(calibrated))[48:])


def test_each_mark_stands_alone():
    plain = drawn(view_of(field.OK, spo2_pct=100, pulse_bpm=188))
    seen: set[int] = set()
    for flag in (field.FLAG_IRREGULAR, field.FLAG_LOW_PERFUSION, field.FLAG_SUSPECT_SWAP):
        canvas = drawn(view_of(field.OK, spo2_pct=100, pulse_bpm=188, flags=flag))
        changed = {at for at in range(1024) if canvas[at] != plain[at]}
        assert changed and all(76 <= at % 128 < 88 and at < 768 for at in changed)
        assert all(plain[at] == 0 for at in changed)
        assert not changed & seen
        seen |= changed


def pixels(canvas: bytearray) -> int:
    return int.from_bytes(canvas, "little")


def turned(canvas: bytearray) -> bytearray:
    """Turned by 180 degrees: the bytes backwards, and the bits in each."""
    return bytearray(int(f"{byte:08b}"[::-1], 2) for byte in reversed(canvas))


def test_a_number_upside_down_is_no_other_number():
    """68 and 89, 86 and 98: label and numerals differ by a good part of what is lit."""
    canvases = {n: drawn(view_of(field.OK, spo2_pct=n, pulse_bpm=72)) for n in range(70, 101)}
    for upright in canvases.values():
        for other in canvases.values():
            different = (pixels(upright) ^ pixels(turned(other))).bit_count()
            assert different > 600


def test_no_two_numerals_look_alike():
    for one, two in combinations(shapes("023456789").values(), 2):
        different = sum(
            a != b
            for row_one, row_two in zip(one, two, strict=True)
            for a, b in zip(row_one, row_two, strict=True)
        )
        assert different >= 16


def test_strokes_are_a_tenth_of_the_height():
    """clinical.md 6.1: white on black wants strokes of 1:8 to 1:10."""
    for shape in shapes("01").values():
        stems = [len(stem) for stem in shape[12].split(".") if stem]
        assert 24 / 10 <= min(stems) <= max(stems) <= 24 / 8


# Letters ------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_fits(language):
    for status in OTHERS:
        wrong, todo, how = text.parts(language, status)
        assert wrong and todo
        assert screens.text_width(wrong) <= 118
        assert screens.text_width(todo) <= 64
        assert screens.text_width(how) <= 128
    searching = text.parts(language, field.SEARCHING)
    assert screens.text_width(searching[0]) <= 64  # leaves room for the progress
    *saturation, unit, uncalibrated = text.parts(language, field.OK)
    assert len(saturation) == 3
    assert max(map(screens.text_width, saturation)) <= 16
    assert screens.text_width(unit) - 1 <= 128 - 89 - 12  # the last dark column has no need
    assert screens.text_width(uncalibrated) <= 48
    for flag_name in field.FLAG_NAMES:
        assert screens.text_width(flag_name) <= 128


def test_texts_stand_in_the_order_of_the_numbers():
    for table in (text._ZH, text._EN):
        names = tuple(row.split("|")[0] for row in table.strip().split("\n"))
        assert names == field.STATUS_NAMES
    faults = [name for name in field.FLAG_NAMES if name.startswith("fault:")]
    assert [f"fault:{name}" for name in text.FAULT_NAMES] == faults


def unifont_pixels(character: str) -> list[str]:
    """Rows of a glyph from the hex file, blank columns of narrow ones taken off."""
    digits = glyphs.read_hex(glyphs.SUBSET)[character]
    width = len(digits) // 4
    bits = f"{int(digits, 16):0{width * 16}b}".replace("0", ".").replace("1", "#")
    rows = [bits[y * width : (y + 1) * width] for y in range(16)]
    if width == 8:
        while all(row[0] == "." for row in rows):
            rows = [row[1:] for row in rows]
        while all(row[-1] == "." for row in rows):
            rows = [row[:-1] for row in rows]
    return rows


def letters() -> str:
    return "".join(glyphs.texts_characters()).replace(" ", "")


def test_letters_come_out_as_the_font_has_them():
    assert len(letters()) > 80
    for character in letters():
        canvas = bytearray(1024)
        screens._write(canvas, 2, 40, character)
        expected = unifont_pixels(character)
        width = len(expected[0])
        rows = rows_of(canvas)
        assert [row[40 : 40 + width] for row in rows[16:32]] == expected
        assert sum(row.count("#") for row in rows) == "".join(expected).count("#")


def test_doubled_letters_are_scale2x_widened_to_the_left():
    for character in letters():
        canvas = bytearray(1024)
        screens._write(canvas, 2, 40, character, 2)
        expected = []
        for row in scale2x(unifont_pixels(character)):
            row = "." * 40 + row.ljust(88, ".")
            expected.append("".join(".#"["#" in row[x : x + 2]] for x in range(128)))
        assert rows_of(canvas)[16:48] == expected, character


def test_unknown_letters_are_left_out():
    view = view_of(field.SENSOR_FAULT, fault_name="nack")
    plain = drawn(view)
    view.fault_name = "n\u00e4ack\U0001f600"
    assert screens.text_width(view.fault_name) == screens.text_width("nack")
    assert drawn(view) == plain
    view.fault_name = "w" * 40  # wider than the screen: no byte elsewhere, no error
    assert drawn(view)[:768] == plain[:768]


def test_generated_modules_are_fresh(capsys):
    assert glyphs.main(["--check"]) == 0, capsys.readouterr().err


def test_a_changed_shape_is_noticed(tmp_path, monkeypatch, capsys):
    changed = tmp_path / "shapes.txt"
    art = glyphs.SHAPES.read_text(encoding="ascii")
    changed.write_text(art.replace("######", "#.####", 1), encoding="ascii")
    monkeypatch.setattr(glyphs, "SHAPES", changed)
    assert glyphs.main(["--check"]) == 1
    assert "digits.py" in capsys.readouterr().err


def test_a_font_that_is_none_is_refused_in_one_sentence(tmp_path, capsys):
    other = tmp_path / "font.hex"
    other.write_text("no font", encoding="ascii")
    for path in (other, tmp_path / "missing.hex"):
        assert glyphs.main(["--check", "--font", str(path)]) == 1
        assert capsys.readouterr().err.count("\n") == 1


def test_a_changed_text_is_noticed(monkeypatch, capsys):
    monkeypatch.setattr(text, "_ZH", text._ZH.replace("没测到", "没有"))
    monkeypatch.setattr(glyphs, "INSTALLED_FONT", glyphs.SUBSET)
    assert glyphs.main(["--check"]) == 1
    monkeypatch.setattr(text, "_ZH", text._ZH.replace("有", "饕餮"))
    assert glyphs.main(["--check"]) == 1
    complaint = capsys.readouterr().err
    assert "餮" in complaint


# The wave, and drawing no more than needed --------------------------------------------------


def test_wave_in_parts_is_the_wave_at_once():
    chance = random.Random(7)
    for status in (field.OK, field.MOTION):
        view = view_of(status, spo2_pct=96, pulse_bpm=70)
        canvas = bytearray(1024)
        screens.draw(canvas, view)
        for _ in range(400):
            for _ in range(chance.choice((0, 1, 1, 2, 3, 5, 9, 40, 126, 127))):
                view.wave_at = (view.wave_at + 1) % 128
                view.wave[view.wave_at] = chance.choice((0, 15, 16, 255, chance.randrange(256)))
            screens.draw(canvas, view)
            again = screens.View()
            for name in ("status", "spo2_pct", "pulse_bpm", "battery_pct", "quality"):
                setattr(again, name, getattr(view, name))
            again.perfusion_millipct = view.perfusion_millipct
            again.wave = view.wave
            again.wave_at = view.wave_at
            assert canvas == drawn(again)


def test_sentence_in_parts_is_the_sentence_at_once():
    for status in OTHERS:
        for language in LANGUAGES:
            view = view_of(status, language)
            canvas = drawn(view)
            for pulse_bpm, progress in ((118, 0), (69, 35), (70, 100), (field.NONE, 50), (9, 20)):
                view.pulse_bpm = pulse_bpm
                view.progress = progress
                view.wave_at = (view.wave_at + 3) % 128
                screens.draw(canvas, view)
                assert canvas == drawn(view)


def test_wave_lies_where_its_points_are():
    view = view_of(field.OK, spo2_pct=96)
    rows = rows_of(drawn(view))
    head = view.wave_at // 2
    for column in range(64):
        lit = [y - 48 for y in range(48, 64) if rows[y][column] == "#"]
        if column in (head + 1, head + 2, head + 3):
            assert not lit
            continue
        points = [view.wave[2 * column - 1 & 127], view.wave[2 * column]]
        if 2 * column != view.wave_at:
            points.append(view.wave[2 * column + 1])
        top, bottom = (15 - point * 15 // 256 for point in (max(points), min(points)))
        assert lit == list(range(top, min(bottom + 1, 15) + 1))


def test_nothing_is_drawn_twice():
    view = view_of(field.OK, spo2_pct=96, pulse_bpm=70)
    canvas = bytearray(1024)
    assert screens.draw(canvas, view) is True
    canvas[:] = bytes(1024)
    assert screens.draw(canvas, view) is False
    assert not any(canvas)
    view.wave_at = (view.wave_at + 1) % 128
    assert screens.draw(canvas, view) is True
    assert not any(canvas[:768])
    view.forget()
    screens.draw(canvas, view)
    assert canvas == drawn(view)


@pytest.mark.parametrize(
    "change",
    [
        {"status": field.NO_FINGER},
        {"flags": field.FLAG_IRREGULAR},
        {"spo2_pct": 95},
        {"spo2_pct": field.NONE},
        {"pulse_bpm": 71},
        {"perfusion_millipct": 250},
        {"quality": 10},
        {"battery_pct": 5},
        {"language": "en"},
        {"calibrated": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_change_is_drawn(change):
    view = view_of(field.OK, spo2_pct=96, pulse_bpm=70)
    canvas = bytearray(1024)
    screens.draw(canvas, view)
    before = bytes(canvas)
    for name, value in change.items():
        setattr(view, name, value)
    screens.draw(canvas, view)
    assert canvas != before
    assert canvas == drawn(view)


def test_no_battery_is_drawn_where_none_is_known():
    for status in range(len(field.STATUS_NAMES)):
        unknown = drawn(view_of(status, battery_pct=-1))
        assert unknown != drawn(view_of(status, battery_pct=0))


if __name__ == "__main__":
    GOLDENS.mkdir(exist_ok=True)
    for old in GOLDENS.iterdir():
        old.unlink()
    for name, canvas in pictures().items():
        (GOLDENS / f"{name}.txt").write_text(half_blocks(canvas), encoding="utf-8")
