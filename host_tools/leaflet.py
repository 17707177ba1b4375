"""The one-page leaflet in large Chinese type, as PDF, from the same texts and screens.

    python -m host_tools.leaflet [FILE]     writes build/leaflet.pdf

It is that of a unit as it is delivered, without evidence for its calibration: as on the display no
number is good on it. `--evidence human_sao2` makes that of a unit which has such evidence.

The lines of the verdict table are asked of firmware/oximeter/verdict.py, the sentences are those
of the screens, the letters those of their font, each pixel smoothed to a printer's size.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from host_tools import gallery, glyphs
from sim.door import field, picture, settings, terms, verdict

if TYPE_CHECKING:
    from PIL.Image import Image

TEXT = Path(__file__).with_name("leaflet.txt")
OUT = Path(__file__).resolve().parent.parent / "build" / "leaflet.pdf"

EVIDENCE = ("none", "secondary", "human_sao2")

DPI = 200
PAGE_MM = (210, 297)
MARGIN_MM = 13
SCREEN_MM = 46  # wide: larger than the panel, to be read at arm's length
_MM = DPI / 25.4


class LeafletError(ValueError):
    """The page does not hold what it is to say; the sentence tells where."""


def verdict_lines(evidence: str) -> list[tuple[str, int]]:
    """The saturations that share a verdict, and the verdict, best first: ("95-100", GREEN)."""
    unit = settings.Settings()
    unit.evidence = evidence
    found: list[tuple[int, int, int]] = []
    for spo2_pct in range(100, 68, -1):
        told = verdict.judge(spo2_pct, 72, 0, 0, unit)
        if found and found[-1][2] == told:
            found[-1] = (spo2_pct, found[-1][1], told)
        else:
            found.append((spo2_pct, spo2_pct, told))
    lines = []
    for low, high, told in found:
        words = f"{low}-{high}" if low < high else f"{low}"
        lines.append(("低于70" if told == terms.BELOW else words, told))
    return lines


def words() -> list[list[str]]:
    """The leaflet's lines, what is in braces filled in."""
    said = {name: "".join(parts) for name, parts in glyphs.read_texts("zh").items()}
    stove, blind, dizzy, out = glyphs.read_texts("zh")["winter"]
    said["winter"] = f"{stove}{blind}。{dizzy}{out}"
    said["failed"] = glyphs.read_texts("zh")["failed"][0]
    said["words_unjudged"] = glyphs.read_texts("zh")["words_unjudged"][2]
    lines = []
    for line in TEXT.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            lines.append(line.format_map(said).split("|"))
    return lines


def advice(told: int) -> str:
    """What the words screen of a verdict says, in one line."""
    parts = glyphs.read_texts("zh")[picture.NAMES[picture.WORDS + told]]
    first, todo, how = parts
    joined = f"{first} {todo}"
    return f"{joined}。{how}" if how else joined


class Page:
    """An A4 sheet of black and white pixels, filled from the top."""

    def __init__(self, font: glyphs.Font) -> None:
        self.font = font
        width, height = (round(mm * _MM) for mm in PAGE_MM)
        self.ink = np.zeros((height, width), dtype=bool)
        self.margin = round(MARGIN_MM * _MM)
        self.y = self.margin

    @property
    def width(self) -> int:
        return self.ink.shape[1] - 2 * self.margin

    def letter(self, character: str, size: int) -> Any:
        """A letter as pixels, `size` high."""
        rows = glyphs.letter_rows(character, self.font[character])
        for _ in range(2):
            rows = glyphs.smoothed_double(rows)
        bits = np.array([[pixel == "#" for pixel in row] for row in rows])
        at = (np.arange(size) * len(bits) // size).astype(int)
        across = max(1, round(bits.shape[1] * size / len(bits)))
        bits = bits[np.ix_(at, (np.arange(across) * bits.shape[1] // across).astype(int))]
        # A pixel of the font is a sixteenth of the height; weak eyes want a stroke of a tenth.
        bold = bits.copy()
        for shift in range(1, max(2, size // 26)):
            bold[:, :-shift] |= bits[:, shift:]
            bold[:-shift, :] |= bits[shift:, :]
        return bold

    def text(self, said: str, mm: float, left: int, width: int, y: int) -> int:
        """Lay a text in lines of letters `mm` high; where the next line would begin."""
        size = round(mm * _MM)
        x = left
        for character in said:
            bits = self.letter(character, size)
            gap = 0 if bits.shape[1] >= size else round(size / 16)
            closes = character in "。,、:;”)"
            if x + bits.shape[1] > left + width and not closes:
                x = left
                y += round(size * 1.28)
            self.lay(bits, x, y)
            x += bits.shape[1] + gap
        return y + round(size * 1.28)

    def lay(self, bits: Any, x: int, y: int) -> None:
        """Add pixels; beyond the margin at the right and the end of the page there is no room."""
        height, width = bits.shape
        if y + height > self.ink.shape[0] - self.margin // 2 or x + width > self.ink.shape[1]:
            raise LeafletError("The leaflet is longer than its page: say less in leaflet.txt.")
        self.ink[y : y + height, x : x + width] |= bits

    def screen(self, canvas: bytes, x: int, y: int) -> int:
        """A display, as wide as SCREEN_MM, light on dark; where it ends below."""
        scale = max(1, round(SCREEN_MM * _MM / 128))
        pages = np.frombuffer(canvas, np.uint8).reshape(8, 1, 128)
        lit = (pages >> np.arange(8, dtype=np.uint8).reshape(1, 8, 1) & 1).reshape(64, 128) > 0
        dark = ~np.kron(lit, np.ones((scale, scale), dtype=bool))
        self.lay(np.pad(dark, 2 * scale, constant_values=True), x, y)
        return y + dark.shape[0] + 4 * scale

    def image(self) -> "Image":
        """As a picture of one bit a pixel."""
        from PIL import Image

        return Image.fromarray(~self.ink)


def page(evidence: str = "none") -> Page:
    """The whole leaflet, by a calibration with such evidence. Raises LeafletError, TextError."""
    made = Page(glyphs.read_hex(glyphs.SUBSET))
    left, wide = made.margin, made.width
    beside = round((SCREEN_MM + 5) * _MM)
    screens = {
        "一": gallery.drawn(gallery.view_of(picture.SELF_TEST, progress=60)),
        "二": gallery.drawn(gallery.view_of(field.NO_FINGER)),
        "三": gallery.drawn(gallery.view_of(field.OK, spo2_pct=97, pulse_bpm=72, progress=60)),
    }
    for kind, *parts in words():
        if kind == "demo" and evidence == "human_sao2":
            continue
        if kind == "title":
            made.y = made.text(parts[0], 14, left, wide, made.y) + round(3 * _MM)
        elif kind == "step" and parts[0] in screens:
            top = made.y
            end = made.text(parts[0], 11, left, wide, top)
            indent = round(14 * _MM)
            end = made.text(parts[1], 7.4, left + indent, wide - beside - indent, top)
            right = left + wide + round(3 * _MM) - beside
            below = made.screen(bytes(screens[parts[0]]), right, top)
            made.y = max(end, below) + round(2 * _MM)
        elif kind == "step":
            made.text(parts[0], 11, left, wide, made.y)
            made.y = made.text(parts[1], 7.4, left + round(14 * _MM), wide, made.y)
            made.y += round(3 * _MM)
            for percent, told in verdict_lines(evidence):
                made.text(percent, 8.4, left + round(4 * _MM), wide, made.y)
                made.y = made.text(advice(told), 7.6, left + round(42 * _MM), wide, made.y)
                made.ink[made.y - 2 : made.y, left : left + wide] = True
                made.y += round(1.2 * _MM)
            made.y += round(2 * _MM)
        elif kind == "never":
            top = made.y
            made.y = made.text(parts[0], 9, left + round(3 * _MM), wide - round(6 * _MM), top + 20)
            box = made.ink[top : made.y, left : left + wide]
            box[...] = ~box
            made.y += round(3 * _MM)
        else:
            made.y = made.text(parts[0], 6.5, left, wide, made.y) + round(1 * _MM)
            if kind == "failed":
                made.y += round(7 * _MM)
                made.ink[made.y - 3 : made.y, left : left + wide] = True
                made.y += round(2 * _MM)
    return made


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m host_tools.leaflet")
    parser.add_argument("file", nargs="?", type=Path, default=OUT)
    parser.add_argument("--evidence", choices=EVIDENCE, default="none")
    options = parser.parse_args(arguments)
    out = options.file
    try:
        made = page(options.evidence).image()
    except (LeafletError, glyphs.TextError) as error:
        print(error, file=sys.stderr)
        return 1
    out.parent.mkdir(parents=True, exist_ok=True)
    made.save(out, "PDF", resolution=DPI, title="血氧仪")
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
