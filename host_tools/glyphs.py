"""Draws every screen of every language, and packs each language into one file for the device.

    python -m host_tools.glyphs            writes firmware/oximeter/ui/<language>.pack
    python -m host_tools.glyphs --check    exit 1 when they are not what would be written

A language is one text file in firmware/oximeter/ui/texts/: adding one adds a language. The device
has no letters in its memory; it reads a whole picture of 1024 bytes when a screen changes, and
adds numbers, bars and the pulse wave (`ui/picture.py` has the numbers of pictures and pieces).

Letters come from GNU Unifont, of which only the characters that the texts use are committed
(`unifont_subset.hex`, SIL Open Font License 1.1, see `unifont_subset.OFL.txt`). Where a new text
needs a new character the whole font must be at hand: Debian's package `unifont` puts it where
INSTALLED_FONT says; `--font FILE` takes every letter from that file. Numerals and marks are this
project's own and stand as text art in `shapes.txt`.
"""

import argparse
import sys
from pathlib import Path

from sim.door import FIRMWARE, picture

HERE = Path(__file__).resolve().parent
UI = FIRMWARE / "oximeter" / "ui"
TEXTS = UI / "texts"
SUBSET = HERE / "unifont_subset.hex"
SHAPES = HERE / "shapes.txt"
LEAFLET = HERE / "leaflet.txt"  # its letters are fetched with those of the screens
INSTALLED_FONT = Path("/usr/share/unifont/unifont.hex")

SPACE_PX = 3  # besides the pixel after every narrow letter
WIDTH, HEIGHT = 128, 64
# Beside the first line of a sentence stands the battery; what is behind `searching` and
# `self_test` belongs to the progress.
LINE_PX = 118
PROGRESS_X = 66
FROM_THE_LEFT = ("searching", "self_test")
BESIDE_ICON_X = 18
NEVER_AGAIN = ("words_green", "words_unjudged")
FOUR_LINES = ("distress", "winter")
# What a piece may take, where it stands beside another.
PIECE_PX = {"uncalibrated": 48, "demo": 96, "baseline": 64, "oxygen": 32, "again": 64, "last": 34}

Rows = list[str]  # text art: '#' is lit
Font = dict[str, str]
Texts = dict[str, list[str]]


class TextError(ValueError):
    """A text file that makes no screen; the sentence names the file and what is wrong."""


def languages() -> list[str]:
    """Names of the text files, sorted."""
    return sorted(path.stem for path in TEXTS.glob("*.txt"))


def read_texts(language: str) -> Texts:
    """A language's file: name to its parts. Raises TextError."""
    path = TEXTS / f"{language}.txt"
    texts = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, *parts = line.split("|")
            if name in texts:
                raise TextError(f"{path.name} has {name} twice: take one of them out.")
            texts[name] = parts
    wanted = {*picture.NAMES, *picture.PIECES}
    for name in sorted(wanted - set(texts)):
        raise TextError(f"{path.name} does not say {name}: add its line, as in zh.txt.")
    for name in sorted(set(texts) - wanted):
        raise TextError(f"{path.name} says {name}, which no screen shows: take it out.")
    return texts


def texts_characters() -> list[str]:
    """Every character that a screen or the leaflet may write, sorted."""
    written = ["0123456789-低于。", LEAFLET.read_text(encoding="utf-8")]
    for language in languages():
        written += [part for parts in read_texts(language).values() for part in parts]
    return sorted(set("".join(written)) - {"\n"})


def read_hex(path: Path) -> Font:
    """A font in Unifont's hex form: character to 32 or 64 hexadecimal digits, rows downwards."""
    font = {}
    for line in path.read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            code, digits = line.split(":")
            font[chr(int(code, 16))] = digits
    return font


def read_shapes(path: Path) -> dict[str, Rows]:
    """The text art of shapes.txt: name to rows, in the order of the file."""
    shapes: dict[str, Rows] = {}
    rows: Rows = []
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith("= "):
            rows = shapes[line[2:]] = []
        elif line and not line.startswith("# "):
            rows.append(line)
    return shapes


# Text art ------------------------------------------------------------------------------------


def letter_rows(character: str, digits: str) -> Rows:
    """Sixteen rows; narrow letters lose their blank columns at the sides."""
    row_digits = len(digits) // 16
    rows = []
    for y in range(16):
        bits = int(digits[y * row_digits : (y + 1) * row_digits], 16)
        rows.append(f"{bits:0{row_digits * 4}b}".replace("0", ".").replace("1", "#"))
    if row_digits == 4:
        return rows
    if character == " ":
        return ["." * SPACE_PX] * 16
    lit = [x for x in range(8) if any(row[x] == "#" for row in rows)]
    return [row[lit[0] : lit[-1] + 1] for row in rows]


def line_rows(words: str, font: Font) -> Rows:
    """A line of text; one dark column follows a narrow letter, none a Hanzi."""
    rows = [""] * 16
    for character in words:
        letter = letter_rows(character, font[character])
        gap = "" if len(letter[0]) == 16 else "."
        rows = [row + part + gap for row, part in zip(rows, letter, strict=True)]
    return rows


def smoothed_double(rows: Rows) -> Rows:
    """Twice the size with its steps smoothed (Mazzoleni's Scale2x): a corner of the four pixels
    takes the colour of its two outer neighbours where they agree and the others do not."""
    height, width = len(rows), len(rows[0])

    def at(x: int, y: int) -> bool:
        return 0 <= x < width and 0 <= y < height and rows[y][x] == "#"

    double = []
    for y in range(height):
        upper = lower = ""
        for x in range(width):
            here, up, down = at(x, y), at(x, y - 1), at(x, y + 1)
            left, right = at(x - 1, y), at(x + 1, y)
            smooth = left != right and up != down
            upper += ".#"[up if smooth and left == up else here]
            upper += ".#"[up if smooth and right == up else here]
            lower += ".#"[down if smooth and left == down else here]
            lower += ".#"[down if smooth and right == down else here]
        double += [upper, lower]
    return double


def widened(rows: Rows) -> Rows:
    """Every lit pixel also lights the one at its left: doubled strokes become 3 pixels wide at a
    height of 32, about the 1:10 that white on black needs."""
    return [
        "".join("#" if "#" in row[x : x + 2] else "." for x in range(len(row))) for row in rows
    ]


def tall(rows: Rows) -> Rows:
    """A small numeral of ten lit rows in fifteen, bolder: of every two rows a third between them
    that is lit where either is."""
    lit = [row + "." for row in rows if "#" in row]
    higher = ["." * len(lit[0])]
    for upper, lower in zip(lit[::2], lit[1::2], strict=True):
        between = "".join(max(pair, key=".#".index) for pair in zip(upper, lower, strict=True))
        higher += [upper, between, lower]
    return [
        "".join("#" if "#" in row[max(0, x - 1) : x + 1] else "." for x in range(len(row)))
        for row in higher
    ]


def four_thirds(rows: Rows) -> Rows:
    """4/3 of the size: four times as large, and of every 3 x 3 the majority."""
    large = smoothed_double(smoothed_double(rows))
    width = -(-len(large[0]) // 3)
    large = [row.ljust(3 * width, ".") for row in large]
    return [
        "".join(
            ".#"[sum(row[3 * x : 3 * x + 3].count("#") for row in large[y : y + 3]) > 4]
            for x in range(width)
        )
        for y in range(0, len(large), 3)
    ]


def inverted(rows: Rows) -> Rows:
    return [row.translate(str.maketrans("#.", ".#")) for row in rows]


def centred(rows: Rows, width: int) -> Rows:
    left = (width - len(rows[0])) // 2
    return [("." * left + row).ljust(width, ".") for row in rows]


def columns_of_rows(rows: Rows) -> tuple[int, bytes]:
    """Text art to width and page bytes: a byte is 8 pixels downwards, bit 0 on top."""
    width = len(rows[0])
    packed = bytearray()
    for top in range(0, len(rows), 8):
        for x in range(width):
            packed.append(sum((rows[top + y][x] == "#") << y for y in range(8)))
    return width, bytes(packed)


# Pictures ------------------------------------------------------------------------------------


class Canvas:
    """64 rows of 128 pixels to lay lines on."""

    def __init__(self) -> None:
        self.rows = [["."] * WIDTH for _ in range(HEIGHT)]

    def lay(self, rows: Rows, x: int, y: int) -> None:
        for dy, row in enumerate(rows):
            for dx, pixel in enumerate(row):
                if pixel == "#" and 0 <= x + dx < WIDTH:
                    self.rows[y + dy][x + dx] = pixel

    def packed(self) -> bytes:
        return columns_of_rows(["".join(row) for row in self.rows])[1]


class Language:
    """One language drawn with a font: `picture` and `piece` by name. Raises TextError."""

    def __init__(self, language: str, font: Font, shapes: dict[str, Rows]) -> None:
        self.language = language
        self.texts = read_texts(language)
        self.font = font
        self.shapes = shapes

    def line(self, name: str, words: str, room: int) -> Rows:
        rows = line_rows(words, self.font)
        width = max(len(row.rstrip(".")) for row in rows)
        if width > room:
            raise TextError(
                f"{self.language}.txt, {name}: {words!r} is {width} pixels wide and {room} are "
                "there: say it shorter."
            )
        return rows

    def parts(self, name: str, count: int) -> list[str]:
        parts = self.texts[name]
        if len(parts) != count:
            raise TextError(f"{self.language}.txt, {name}: {len(parts)} parts, {count} wanted.")
        return parts

    def picture(self, name: str) -> Canvas:
        """A whole screen, without what the device adds. Raises TextError."""
        canvas = Canvas()
        if name == "ok":
            self._number(canvas)
        elif name == "result":
            for number, part in enumerate(self.parts(name, 4)):
                x, y = (0, 64)[number // 2], (0, 16)[number % 2]
                canvas.lay(centred(self.line(name, part, 16), 16), x, y)
        elif name in FOUR_LINES:
            for number, part in enumerate(self.parts(name, 4)):
                canvas.lay(self.line(name, part, WIDTH), 0, 16 * number)
        else:
            wrong, todo, how = self.parts(name, 3)
            if name in FROM_THE_LEFT:
                left, room = 0, PROGRESS_X - 2
            elif name.startswith("words_"):  # the verdict's shape, and at times "once more"
                again_px = 0 if name in NEVER_AGAIN else PIECE_PX["again"]
                left, room = BESIDE_ICON_X, WIDTH - BESIDE_ICON_X - again_px
            else:
                room = WIDTH if name == "failed" else LINE_PX
                left = max(0, (room - len(line_rows(wrong, self.font)[0])) // 2)
            canvas.lay(self.line(name, wrong, room), left, 0)
            rows = widened(smoothed_double(self.line(name, todo, WIDTH // 2)))
            canvas.lay(rows, (WIDTH - len(rows[0])) // 2, 16)
            if how:
                canvas.lay(centred(self.line(name, how, WIDTH), WIDTH), 0, 48)
        return canvas

    def _number(self, canvas: Canvas) -> None:
        *saturation, pulse = self.parts("ok", 4)
        for number, label in enumerate(saturation):
            canvas.lay(centred(self.line("ok", label, 16), 16), 0, 16 * number)
        canvas.lay(self.line("ok", pulse, 34), 94, 0)
        canvas.lay(self.shapes["heart"], 82, 0)

    def piece(self, name: str) -> Rows:
        (words,) = self.parts(name, 1)
        room = PIECE_PX.get(name, WIDTH)
        rows = self.line(name, words, room)
        if name in ("uncalibrated", "demo", "again"):
            rows = inverted(centred(rows, room))
        return rows

    def figure(self, figure: str) -> Rows:
        """A small numeral; a zero without the stroke through it, which makes it too much of an 8
        where it is bold."""
        rows = letter_rows(figure, self.font[figure])
        if figure == "0":
            hollow = f"#{'.' * (len(rows[0]) - 2)}#"
            rows = [hollow if row[0] == row[-1] == "#" else row for row in rows]
        return rows

    def pieces(self) -> list[Rows]:
        """Every shape in the order of ui/picture.py."""
        numerals = [self.shapes[name] for name in "0123456789<-"]
        rows = [smoothed_double(shape) for shape in numerals]
        rows += [four_thirds(shape) for shape in numerals]
        rows += [tall(self.figure(figure)) for figure in "0123456789"]
        rows += [self.shapes["heart"], self.shapes["suspect_swap"]]
        rows += [self.piece(name) for name in picture.PIECES]
        return rows + [shape for name, shape in self.shapes.items() if name.startswith("icon")]

    def pack(self) -> bytes:
        """The file for the device."""
        out = bytearray()
        for name in picture.NAMES:
            out += self.picture(name).packed()
        index, bitmaps = bytearray(), bytearray()
        for rows in self.pieces():
            width, packed = columns_of_rows(rows)
            index += len(bitmaps).to_bytes(2, "little") + bytes((width, len(rows) // 8))
            bitmaps += packed
        return bytes(out + index + bitmaps)


def subset(needed: list[str], whole: Font) -> str:
    """The file of the committed part of the font."""
    lines = [
        "# GNU Unifont 15.0.01, the characters of Xueyang's texts only, unchanged.",
        "# SIL Open Font License 1.1: unifont_subset.OFL.txt. Written by host_tools/glyphs.py.",
    ]
    lines += [f"{ord(character):04X}:{whole[character]}" for character in needed]
    return "\n".join([*lines, ""])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m host_tools.glyphs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    parser.add_argument("--font", type=Path, help="take every letter from this, in hex form")
    options = parser.parse_args(arguments)

    try:
        source = read_hex(options.font or SUBSET)
    except (OSError, ValueError):
        print(f"{options.font or SUBSET} is no font in hex form: name another.", file=sys.stderr)
        return 1
    try:
        needed = texts_characters()
        missing = [character for character in needed if character not in source]
        if missing and INSTALLED_FONT.exists():
            # What is committed stays as it is: another release may draw it otherwise.
            source = {**read_hex(INSTALLED_FONT), **source}
            missing = [character for character in needed if character not in source]
        if missing:
            raise TextError(
                f"Letters {''.join(missing)!r} are not in {SUBSET.name}: install Debian's package "
                "unifont or name the font with --font, then run python -m host_tools.glyphs again."
            )
        shapes = read_shapes(SHAPES)
        wanted = {SUBSET: subset(needed, source).encode()}
        for language in languages():
            wanted[UI / f"{language}.pack"] = Language(language, source, shapes).pack()
    except TextError as error:
        print(error, file=sys.stderr)
        return 1

    stale = [
        path
        for path, content in wanted.items()
        if not path.exists() or path.read_bytes() != content
    ]
    stale += [path for path in UI.glob("*.pack") if path not in wanted]
    if options.check:
        for path in stale:
            print(
                f"{path.name} is out of date: run python -m host_tools.glyphs.", file=sys.stderr
            )
        return 1 if stale else 0
    for path in stale:
        if path in wanted:
            path.write_bytes(wanted[path])
            print(f"wrote {path.relative_to(HERE.parent)}")
        else:
            path.unlink()
            print(f"removed {path.relative_to(HERE.parent)}, which no text file makes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
