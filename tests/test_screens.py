"""What a person sees: pictures, numbers that must not be there, letters, and the wave.

The pictures under tests/screens/ are the screens in half blocks, two rows of pixels a line. After
a wanted change look at them and write them anew with `python tests/test_screens.py`.
"""

import copy
import random
from itertools import combinations
from pathlib import Path

import pytest

from host_tools import glyphs
from host_tools.gallery import OK, RESULT, SENTENCES, drawn, pictures, view_of
from sim.door import field, picture, screens, terms

GOLDENS = Path(__file__).resolve().parent / "screens"
LANGUAGES = ("zh", "en")
AGAIN = terms.AGAIN


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


@pytest.fixture(scope="module")
def shown() -> dict[str, bytearray]:
    return pictures()


@pytest.mark.parametrize("name", pictures())
def test_picture(name, shown):
    assert half_blocks(shown[name]) == (GOLDENS / f"{name}.txt").read_text(encoding="utf-8")


def test_no_picture_without_a_screen(shown):
    assert {path.stem for path in GOLDENS.iterdir()} == set(shown)


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


def on_a_result(canvas: bytearray) -> tuple[str, str]:
    """The two numbers of a result, left and right of the pulse's label."""
    rows = rows_of(canvas)
    found = []
    for part in (slice(16, 65), slice(79, 128)):
        cut = ["." + row[part] + "." for row in rows]
        places = []
        for name in "0123456789<-":
            shape = glyphs.four_thirds(shapes(name)[name])
            width = len(shape[0])
            for x in range(1, len(cut[0]) - width):
                lines = [row[x - 1 : x + width + 1] for row in cut[:32]]
                if lines == [f".{line}." for line in shape]:
                    places.append((x, name))
        found.append("".join(name for _, name in sorted(places)))
    return found[0], found[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_screens_show_the_numbers_they_are_given(language):
    for spo2_pct in range(70, 101):
        fields = {"spo2_pct": spo2_pct, "pulse_bpm": 188, "progress": 90}
        assert shown_saturation(drawn(view_of(OK, language, **fields))) == str(spo2_pct)
        assert on_a_result(drawn(view_of(RESULT, language, **fields))) == (str(spo2_pct), "188")
    for pulse_bpm in (9, 30, 71, 111, 250):
        fields = {"spo2_pct": 97, "pulse_bpm": pulse_bpm}
        assert on_a_result(drawn(view_of(RESULT, language, **fields))) == ("97", str(pulse_bpm))


def test_saturation_out_of_reach():
    for number, read in ((OK, shown_saturation), (RESULT, lambda canvas: on_a_result(canvas)[0])):
        assert read(drawn(view_of(number, spo2_pct=104))) == "100"
        assert read(drawn(view_of(number, spo2_pct=69))) == "<70"
        below = view_of(number, spo2_pct=70, marks=terms.MARK_BELOW_RANGE)
        assert read(drawn(below)) == "<70"
        assert read(drawn(view_of(number, pulse_bpm=70))) == "--"


def test_sizes_of_the_numbers():
    """48 rows where the saturation stands alone, 32 where two numbers stand together."""
    for name, rows in shapes("0123456789").items():
        assert len(glyphs.smoothed_double(rows)) == 48, name
        assert len(glyphs.four_thirds(rows)) == 32, name


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("number", SENTENCES, ids=lambda number: picture.NAMES[number])
def test_no_saturation_on_a_sentence(number, language):
    plain = drawn(view_of(number, language))
    for spo2_pct in (70, 97, 100):
        assert drawn(view_of(number, language, spo2_pct=spo2_pct)) == plain


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("number", [OK, RESULT])
def test_without_evidence_every_number_says_so(number, language):
    """In inverse, whatever else stands there."""
    columns = slice(80, 128) if number == OK else slice(0, 96)
    for spo2_pct in (65, 88, 100):
        for marks in range(16):
            for told in (terms.UNJUDGED, terms.CALL | AGAIN):
                fields = {"spo2_pct": spo2_pct, "marks": marks, "verdict": told}
                canvas = drawn(view_of(number, language, **fields))
                box = [row[columns] for row in rows_of(canvas)[48:]]
                assert sum(row.count("#") for row in box) > len(box[0]) * 16 // 2
                fields["calibrated"] = True
                canvas = drawn(view_of(number, language, **fields))
                box = [row[columns] for row in rows_of(canvas)[48:]]
                assert sum(row.count("#") for row in box) < len(box[0]) * 16 // 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_old_result_is_inverse_and_says_last(language):
    for spo2_pct in (70, 93, 100):
        now = drawn(view_of(RESULT, language, spo2_pct=spo2_pct, pulse_bpm=72))
        old = drawn(view_of(RESULT, language, spo2_pct=spo2_pct, pulse_bpm=72, old=True, count=7))
        assert sum(byte.bit_count() for byte in now) < 4096 < sum(byte.bit_count() for byte in old)
        assert [255 - byte for byte in old[:512]] == list(now[:512]), "the same numbers"
        assert drawn(view_of(RESULT, language, spo2_pct=spo2_pct, old=True, count=8)) != old


@pytest.mark.parametrize("language", LANGUAGES)
def test_held_words_say_last_and_once_more_in_turns(language):
    """On one canvas, second by second: each stands there two of every four."""
    view = view_of(picture.WORDS + terms.CALL, language, verdict=terms.CALL | AGAIN, old=True)
    canvas = bytearray(1024)
    seen = []
    for second in range(8):
        view.count = second
        screens.draw(canvas, view)
        seen.append(bytes(canvas[:256]))
    assert seen[0] == seen[1] == seen[4] == seen[5] != seen[2] == seen[3] == seen[6] == seen[7]
    live = drawn(view_of(picture.WORDS + terms.CALL, language, verdict=terms.CALL | AGAIN))
    assert bytes(255 - byte for byte in live[:256]) == seen[2], "once more, as beside a live one"
    last = drawn(view_of(picture.WORDS + terms.CALL, language, verdict=terms.CALL, old=True))
    assert bytes(last[:256]) == seen[0]


def test_each_mark_changes_a_result():
    plain = drawn(view_of(RESULT, spo2_pct=90, pulse_bpm=72, verdict=terms.CALL))
    for mark in (terms.MARK_OXYGEN, terms.MARK_BASELINE):
        for calibrated in (False, True):
            view = view_of(RESULT, spo2_pct=90, pulse_bpm=72, verdict=terms.CALL, marks=mark)
            view.calibrated = calibrated
            assert drawn(view) != plain


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_has_its_label(language, font):
    """On the screen that shows it, left of the saturation and above or beside the pulse."""
    for name, number, places in (
        ("ok", OK, [(0, 0), (0, 16), (0, 32), (94, 0)]),
        ("result", RESULT, [(0, 0), (0, 16), (64, 0), (64, 16)]),
    ):
        parts = glyphs.read_texts(language)[name]
        for old in (False, True):
            view = view_of(number, language, spo2_pct=100, pulse_bpm=188, old=old)
            canvas = drawn(view)
            if old:
                canvas = bytearray(255 - byte for byte in canvas)
            rows = rows_of(canvas)
            for part, (x, y) in zip(parts, places, strict=True):
                label = [row.rstrip(".") for row in glyphs.line_rows(part, font)]
                width = max(map(len, label))
                left = x if x == 94 else x + (16 - len(glyphs.line_rows(part, font)[0])) // 2
                box = [row[left : left + width].rstrip(".") for row in rows[y : y + 16]]
                assert box == label, (name, part)


def pixels(canvas: bytearray) -> int:
    return int.from_bytes(canvas, "little")


def turned(canvas: bytearray) -> bytearray:
    """Turned by 180 degrees: the bytes backwards, and the bits in each."""
    return bytearray(int(f"{byte:08b}"[::-1], 2) for byte in reversed(canvas))


@pytest.mark.parametrize(("number", "least"), [(OK, 600), (RESULT, 400)])
def test_a_number_upside_down_is_no_other_number(number, least):
    """68 and 89, 86 and 98: label and numerals differ by a good part of what is lit."""
    canvases = {n: drawn(view_of(number, spo2_pct=n, pulse_bpm=72)) for n in range(70, 101)}
    for upright in canvases.values():
        for other in canvases.values():
            different = (pixels(upright) ^ pixels(turned(other))).bit_count()
            assert different > least


@pytest.mark.parametrize("size", [glyphs.smoothed_double, glyphs.four_thirds])
def test_a_numeral_upside_down_is_no_other_numeral(size):
    """The shapes alone: a 6 turned round is still told from a 9, an 8 from everything."""
    for one, other in (("6", "9"), ("9", "6"), ("2", "5"), ("8", "9"), ("8", "6")):
        upright = size(shapes(one)[one])
        around = [row[::-1] for row in reversed(size(shapes(other)[other]))]
        different = sum(
            a != b
            for row, round_row in zip(upright, around, strict=True)
            for a, b in zip(row, round_row, strict=True)
        )
        assert different >= 0.06 * len(upright) * len(upright[0]), (one, other)


@pytest.mark.parametrize("size", [glyphs.smoothed_double, glyphs.four_thirds])
def test_no_two_numerals_look_alike(size):
    for one, two in combinations(shapes("023456789").values(), 2):
        one, two = size(one), size(two)
        different = sum(
            a != b
            for row_one, row_two in zip(one, two, strict=True)
            for a, b in zip(row_one, row_two, strict=True)
        )
        assert different >= 0.05 * len(one) * len(one[0])


def test_strokes_are_a_tenth_of_the_height():
    """clinical.md 6.1: white on black wants strokes of 1:8 to 1:10."""
    for shape in shapes("01").values():
        stems = [len(stem) for stem in shape[12].split(".") if stem]
        assert 24 / 10 <= min(stems) <= max(stems) <= 24 / 8
        stems = [len(stem) for stem in glyphs.four_thirds(shape)[16].split(".") if stem]
        assert 32 / 11 <= min(stems) <= max(stems) <= 32 / 7


# Letters ------------------------------------------------------------------------------------


def test_every_language_says_everything():
    for language in glyphs.languages():
        assert set(glyphs.read_texts(language)) == {*picture.NAMES, *picture.PIECES}
    assert len(picture.NAMES) == picture.PICTURES and len(set(picture.NAMES)) == picture.PICTURES
    assert tuple(picture.NAMES[:12]) == field.STATUS_NAMES
    faults = [name for name in field.FLAG_NAMES if name.startswith("fault:")]
    names = picture.NAMES[picture.FAULT : picture.FAULT + 5]
    assert [name.replace("fault_", "fault:") for name in names] == faults
    numbers = {name: value for name, value in vars(picture).items() if name.isupper()}
    for name in ("SELF_TEST", "TOO_HARD", "FAILED", "LINK", "RESULT", "DISTRESS", "IRREGULAR"):
        assert picture.NAMES[numbers[name]] == name.lower()


THE_SENTENCES = {
    "words_green": "读数 未见降低",
    "words_attention": "注意 告诉村医 休息5分钟再测",
    "words_doctor": "请 今天就医",
    "words_recheck": "先 马上再测 仍低请立即就医",
    "words_call": "呼叫120",
    "words_below": "呼叫120",
    "distress": "气促、胸痛、神志不清、嘴唇发紫: 不看数字, 马上呼救",
    "failed": "测不出不等于正常",
    "irregular": "脉搏不齐,请 告诉村医",
    "demo": "未校准·演示",
    "baseline": "个人基线",
    "oxygen": "吸氧",
    "again": "再测一次",
    "last": "上次",
    "too_hard": "轻一点",
}


@pytest.mark.parametrize("name", THE_SENTENCES)
def test_the_words_are_those_that_were_argued(name):
    said = "".join(glyphs.read_texts("zh")[name])
    for part in THE_SENTENCES[name].split():
        assert part in said
    everything = "".join(part for parts in glyphs.read_texts("zh").values() for part in parts)
    assert "正常" not in everything.replace("不等于正常", "")


def test_no_verdict_is_no_word_on_the_calibration():
    """A calibrated unit has none either, of somebody who is given oxygen."""
    for language, demo in (("zh", "演示"), ("en", "demo")):
        assert demo not in "".join(glyphs.read_texts(language)["words_unjudged"]).lower()


@pytest.fixture(scope="module")
def font() -> dict[str, str]:
    return glyphs.read_hex(glyphs.SUBSET)


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


def test_letters_come_out_as_the_font_has_them(font):
    assert len(letters()) > 150
    for character in letters():
        expected = unifont_pixels(character)
        rows = glyphs.line_rows(character, font)
        assert [row[: len(expected[0])] for row in rows] == expected


def test_doubled_letters_are_scale2x_widened_to_the_left(font):
    for character in letters():
        shape = ["." + row for row in unifont_pixels(character)]
        expected = []
        for row in scale2x(shape):
            expected.append("".join(".#"["#" in row[x : x + 2]] for x in range(len(row))))
        assert glyphs.widened(glyphs.smoothed_double(shape)) == expected, character


def test_nothing_is_under_twelve_pixels_and_chinese_has_sixteen(font):
    """What a pack holds of letters is drawn from Unifont's cells of 16 rows, plain or doubled."""
    assert all(len(glyphs.line_rows(character, font)) == 16 for character in letters())
    heights = {len(rows) for rows in language("zh").pieces()}
    assert heights == {48, 32, 16}


def test_no_figure_has_less_than_twelve_lit_rows():
    """The doctor's telephone number, an age, a pulse beside the wave: not the cell counts, what is
    seen of it does. Strokes as everywhere, and sixteen of them in a line."""
    for rows in language("zh").pieces()[picture.SMALL : picture.SMALL + 10]:
        lit = [row for row in rows if "#" in row]
        assert len(rows) == 16 and len(lit) >= 12
        assert len(rows[0]) <= 7
        assert all(len(run) >= 2 for row in lit for run in row.split(".") if run)


def test_no_two_small_figures_look_alike():
    small = language("zh").pieces()[picture.SMALL : picture.SMALL + 10]
    wide = [["." * (7 - len(row)) + row for row in rows] for rows in small]
    for one, two in combinations(wide, 2):
        different = sum(
            a != b for pair in zip(one, two, strict=True) for a, b in zip(*pair, strict=True)
        )
        assert different >= 0.08 * 7 * 15


def language(name: str) -> glyphs.Language:
    art = glyphs.read_shapes(glyphs.SHAPES)
    return glyphs.Language(name, glyphs.read_hex(glyphs.SUBSET), art)


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_pack_is_what_the_screens_expect(name):
    pack = (glyphs.UI / f"{name}.pack").read_bytes()
    assert pack == language(name).pack()
    index = 1024 * picture.PICTURES
    bitmaps = index + 4 * picture.SHAPES
    pieces = language(name).pieces()
    assert len(pieces) == picture.SHAPES
    for number, rows in enumerate(pieces):
        offset, width, pages = (
            int.from_bytes(pack[index + 4 * number :][:2], "little"),
            pack[index + 4 * number + 2],
            pack[index + 4 * number + 3],
        )
        assert (width, pages) == (len(rows[0]), len(rows) // 8)
        assert len(pack) >= bitmaps + offset + width * pages
        assert width * pages <= len(screens._buffer)


def test_a_third_language_is_one_more_file(tmp_path, monkeypatch):
    texts = tmp_path / "texts"
    texts.mkdir()
    english = (glyphs.TEXTS / "en.txt").read_text(encoding="utf-8")
    (texts / "xx.txt").write_text(english.replace("Hold still", "Sit still"), encoding="utf-8")
    subset_file = tmp_path / "subset.hex"
    subset_file.write_text(glyphs.SUBSET.read_text(encoding="ascii"), encoding="ascii")
    monkeypatch.setattr(glyphs, "TEXTS", texts)
    monkeypatch.setattr(glyphs, "UI", tmp_path)
    monkeypatch.setattr(glyphs, "SUBSET", subset_file)
    monkeypatch.setattr(glyphs, "HERE", tmp_path / "host_tools")
    assert glyphs.main([]) == 0
    monkeypatch.setattr(screens, "FOLDER", f"{tmp_path}/")
    canvas = drawn(view_of(field.MOTION, "xx"))
    assert any(canvas) and canvas != half_blocks(bytearray(1024)).encode()
    assert glyphs.main(["--check"]) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("重试", "failed|测不出不等于正常|", "failed|测不出不等于正常了|"), "say it shorter"),
        (("two", "oxygen|吸氧", "oxygen|吸氧\noxygen|吸氧"), "twice"),
        (("none", "oxygen|吸氧\n", ""), "does not say oxygen"),
        (("more", "oxygen|吸氧", "oxygen|吸氧\nnitrogen|吸"), "no screen shows"),
        (("parts", "motion|手在动 测不准|", "motion|"), "parts"),
        (("letter", "motion|手在动", "motion|饕餮"), "install Debian"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_text_that_makes_no_screen_is_refused(change, said, tmp_path, monkeypatch, capsys):
    _, old, new = change
    chinese = (glyphs.TEXTS / "zh.txt").read_text(encoding="utf-8")
    assert old in chinese
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "zh.txt").write_text(chinese.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr(glyphs, "TEXTS", texts)
    monkeypatch.setattr(glyphs, "INSTALLED_FONT", tmp_path / "no font")
    assert glyphs.main(["--check"]) == 1
    complaint = capsys.readouterr().err
    assert said in complaint and complaint.count("\n") == 1


def test_generated_files_are_fresh(capsys):
    assert glyphs.main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.skipif(not glyphs.INSTALLED_FONT.exists(), reason="Debian's unifont is not installed")
def test_the_committed_letters_are_those_of_the_font():
    whole = glyphs.read_hex(glyphs.INSTALLED_FONT)
    ours = glyphs.read_hex(glyphs.SUBSET)
    assert {letter: whole.get(letter) for letter in ours} == ours


def test_a_changed_shape_or_text_is_noticed(tmp_path, monkeypatch, capsys):
    changed = tmp_path / "shapes.txt"
    art = glyphs.SHAPES.read_text(encoding="ascii")
    changed.write_text(art.replace("######", "#.####", 1), encoding="ascii")
    monkeypatch.setattr(glyphs, "SHAPES", changed)
    assert glyphs.main(["--check"]) == 1
    complaint = capsys.readouterr().err
    assert "zh.pack" in complaint and "en.pack" in complaint


def test_a_font_that_is_none_is_refused_in_one_sentence(tmp_path, capsys):
    other = tmp_path / "font.hex"
    other.write_text("no font", encoding="ascii")
    for path in (other, tmp_path / "missing.hex"):
        assert glyphs.main(["--check", "--font", str(path)]) == 1
        assert capsys.readouterr().err.count("\n") == 1


def test_a_telephone_number_is_shown_as_far_as_it_goes():
    plain = drawn(view_of(picture.FAILED))
    for phone in ("110", "138 0013 8000", "+86-138001380", "9999999999999999"):
        canvas = drawn(view_of(picture.FAILED, phone=phone))
        assert canvas[: 6 * 128] == plain[: 6 * 128]
        assert canvas != plain


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_rest_of_the_link_mode_is_in_seconds(language, font):
    """A bare 97 on an oximeter would be taken for a saturation."""
    (unit,) = glyphs.read_texts(language)["seconds"]
    letters = [row.rstrip(".") for row in glyphs.line_rows(unit, font)]
    width = max(map(len, letters))
    for count in (7, 97, 120):
        rows = rows_of(drawn(view_of(picture.LINK, language, count=count)))[48:]
        right = max(len(row.rstrip(".")) for row in rows)
        assert [row[right - width : right].rstrip(".") for row in rows] == letters
        left = min(row.index("#") for row in rows if "#" in row)
        assert abs(left - (128 - right)) <= 4, "in the middle"


# The wave, and drawing no more than needed --------------------------------------------------


def test_wave_in_parts_is_the_wave_at_once():
    chance = random.Random(7)
    for number in (field.OK, field.MOTION):
        view = view_of(number, spo2_pct=96, pulse_bpm=70)
        canvas = bytearray(1024)
        screens.draw(canvas, view)
        for _ in range(400):
            for _ in range(chance.choice((0, 1, 1, 2, 3, 5, 9, 40, 126, 127))):
                view.wave_at = (view.wave_at + 1) % 128
                view.wave[view.wave_at] = chance.choice((0, 15, 16, 255, chance.randrange(256)))
            screens.draw(canvas, view)
            assert canvas == drawn(copy.copy(view))


def test_a_screen_drawn_over_another_is_the_screen():
    """Nothing of the last one stays."""
    chance = random.Random(3)
    view = view_of(OK)
    canvas = bytearray(1024)
    for _ in range(300):
        view.picture = chance.randrange(picture.PICTURES)
        view.language = chance.choice(LANGUAGES)
        view.redraw()
        view.old = chance.random() < 0.2
        view.spo2_pct = chance.choice((field.NONE, 66, 93, 100))
        view.pulse_bpm = chance.choice((field.NONE, 40, 111))
        view.marks = chance.randrange(16)
        view.verdict = chance.randrange(7)
        view.progress = chance.choice((0, 10, 90))
        view.wave_at = (view.wave_at + 3) % 128
        screens.draw(canvas, view)
        assert canvas == drawn(copy.copy(view))


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
    view.redraw()
    screens.draw(canvas, view)
    assert canvas == drawn(view)


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (OK, {"picture": field.NO_FINGER}),
        (OK, {"marks": terms.MARK_SUSPECT_SWAP}),
        (OK, {"spo2_pct": 95}),
        (OK, {"spo2_pct": field.NONE}),
        (OK, {"pulse_bpm": 71}),
        (OK, {"perfusion_millipct": 250}),
        (OK, {"quality": 10}),
        (OK, {"battery_pct": 5}),
        (OK, {"progress": 50}),
        (OK, {"calibrated": True}),
        (RESULT, {"verdict": terms.CALL}),
        (RESULT, {"marks": terms.MARK_OXYGEN}),
        (RESULT, {"old": True}),
        (field.NO_FINGER, {"language": "en"}),
        (picture.FAILED, {"phone": "120"}),
        (picture.LINK, {"count": 9}),
        (picture.WORDS + terms.CALL, {"verdict": terms.CALL | AGAIN}),
    ],
    ids=str,
)
def test_every_change_is_drawn(number, change):
    view = view_of(number, spo2_pct=96, pulse_bpm=70)
    canvas = bytearray(1024)
    screens.draw(canvas, view)
    before = bytes(canvas)
    for name, value in change.items():
        setattr(view, name, value)
    if "language" in change or "phone" in change:
        view.redraw()  # these change between screens only
    screens.draw(canvas, view)
    assert canvas != before
    assert canvas == drawn(copy.copy(view))


def test_no_battery_is_drawn_where_none_is_known():
    for number in (OK, field.NO_FINGER, field.SENSOR_FAULT, picture.SELF_TEST):
        unknown = drawn(view_of(number, battery_pct=-1))
        assert unknown != drawn(view_of(number, battery_pct=0))


if __name__ == "__main__":
    GOLDENS.mkdir(exist_ok=True)
    for old in GOLDENS.iterdir():
        old.unlink()
    for name, canvas in pictures().items():
        (GOLDENS / f"{name}.txt").write_text(half_blocks(canvas), encoding="utf-8")
