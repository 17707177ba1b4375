"""Labels of units and boxes: a picture in dots of 1/8 mm (203 dpi), with a GS1 DataMatrix in it.

    python -m host_tools.label            writes label_font.hex from the installed GNU Unifont

A unit of a registered product carries its UDI: (01) GTIN (11) day (10) lot (21) serial. As long as
the registration number, the manufacturer's licence or the GTIN is missing, every label says 样品
非医疗器械 and carries no UDI. The picture is the same for a printer (ZPL), a sheet (PDF) and a
screen (PNG); text is drawn here too, so that no printer's fonts or escapes have a say.
"""

import dataclasses
import io
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from host_tools.glyphs import INSTALLED_FONT, read_hex
from host_tools.identity import Identity
from host_tools.sentences import say

DOTS_PER_MM = 8
FONT = Path(__file__).with_name("label_font.hex")
NAME = "血氧 Xueyang"
SAMPLE = ("样品 非医疗器械", "Sample, no medical device")
_REGISTRATION, _LICENCE, _LOT, _COUNT = "注册证", "生产许可", "批号", "数量"
# What registration numbers and licences are written with: the country, the provinces, and words.
_OFFICIAL = (
    "国京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼械注准进许备药监食生产号"
)

_UNIT_MM = (40, 20)
_BOX_MM = (80, 40)
_SHEET_MM = (210, 297)
_MARGIN_MM = 10

Bitmap = np.ndarray  # bool, rows of dots; True is black


@dataclasses.dataclass(frozen=True)
class Product:
    """What a label needs of a registered product. gtin: 14 digits; company: the GS1 company
    prefix, for boxes."""

    gtin: str
    company: str
    registration: str
    licence: str


def check_digit(digits: str) -> str:
    """GS1's, over all digits before it: weights 3 and 1 from the right."""
    total = sum(int(digit) * (3, 1)[n % 2] for n, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def product(path: Path) -> tuple[Product | None, list[str]]:
    """(the product, what is missing for it): of a JSON file with the fields of Product.

    As long as something is missing there is no product, and labels are those of samples. Raises
    ValueError with a sentence for what is wrong.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        told = {
            field.name: str(given.get(field.name) or "") for field in dataclasses.fields(Product)
        }
    except (OSError, ValueError, AttributeError):
        raise ValueError(say("no_product", path=path)) from None
    gtin, company = told["gtin"], told["company"]
    if gtin and (not re.fullmatch(r"\d{14}", gtin) or gtin[-1] != check_digit(gtin[:-1])):
        raise ValueError(say("no_gtin", path=path, gtin=gtin))
    if company and not re.fullmatch(r"\d{4,12}", company):
        raise ValueError(say("no_company", path=path, company=company))
    for text in (told["registration"], told["licence"]):
        _letters(text)
    missing = [name for name, value in told.items() if not value]
    return (None if missing else Product(**told)), missing


def udi(of: Product, unit: Identity) -> list[tuple[str, str]]:
    """The UDI as (application identifier, value): fixed lengths first."""
    return [
        ("01", of.gtin),
        ("11", f"{unit.made:08}"[2:]),
        ("10", unit.lot),
        ("21", unit.serial),
    ]


def sscc(company: str, number: int, extension: int = 0) -> str:
    """The 18 digits of a box. Raises ValueError when the company has no more numbers."""
    digits = f"{number:0{16 - len(company)}}"
    if len(digits) > 16 - len(company) or number < 0:
        raise ValueError(say("company_full", number=number, company=company))
    whole = f"{extension}{company}{digits}"
    return whole + check_digit(whole)


def unit_label(unit: Identity, of: Product | None) -> Bitmap:
    """40 x 20 mm. Raises ValueError for what cannot be printed."""
    label = _blank(_UNIT_MM)
    if of is None:
        _write(label, 8, 4, SAMPLE[0], scale=2)
        _place(label, 8, 44, _symbol(unit.serial, gs1=False, dots=100))
        for number, line in enumerate([SAMPLE[1], NAME, unit.serial, f"{_LOT} {unit.lot}"]):
            _write(label, 112, 44 + 26 * number, line)
        return label
    elements = udi(of, unit)
    _place(label, 8, 8, _symbol(_bracketed(elements), gs1=True, dots=100))
    lines = [NAME, *(f"({identifier}){value}" for identifier, value in elements)]
    for number, line in enumerate(lines):
        _write(label, 112, 4 + 20 * number, line)
    _write(label, 8, 116, f"{_REGISTRATION} {of.registration}")
    _write(label, 8, 138, f"{_LICENCE} {of.licence}")
    return label


def box_label(code: str, count: int, what: str) -> Bitmap:
    """80 x 40 mm: the SSCC as a symbol and as text, how many are in it, and of what."""
    label = _blank(_BOX_MM)
    _place(label, 16, 16, _symbol(f"[00]{code}", gs1=True, dots=200))
    for number, line in enumerate([NAME, f"(00){code}", f"{_COUNT} {count}", what]):
        _write(label, 232, 16 + 48 * number, line, scale=2)
    return label


def _bracketed(elements: Sequence[tuple[str, str]]) -> str:
    return "".join(f"[{identifier}]{value}" for identifier, value in elements)


def _symbol(content: str, gs1: bool, dots: int) -> Bitmap:
    """A square DataMatrix with its quiet zone, as large as goes into `dots`. Raises ValueError."""
    import zint

    symbol = zint.Symbol()
    symbol.symbology = zint.Symbology.DATAMATRIX
    symbol.option_3 = zint.DataMatrixOptions.SQUARE
    symbol.warn_level = zint.WarningLevel.FAIL_ALL
    if gs1:
        symbol.input_mode = zint.InputMode.GS1
    try:
        symbol.encode(content)
    except (RuntimeError, ValueError) as error:
        raise ValueError(say("no_symbol", content=content, error=error)) from None
    packed = np.array(symbol.encoded_data, dtype=np.uint8)
    modules = np.unpackbits(packed, axis=1, bitorder="little")[: symbol.rows, : symbol.width]
    whole = np.pad(modules.astype(bool), 1)
    module = dots // len(whole)
    return whole.repeat(module, axis=0).repeat(module, axis=1)


def _blank(size_mm: tuple[int, int]) -> Bitmap:
    width, height = size_mm
    return np.zeros((height * DOTS_PER_MM, width * DOTS_PER_MM), dtype=bool)


def _place(label: Bitmap, x: int, y: int, picture: Bitmap) -> None:
    height, width = picture.shape
    if y + height > label.shape[0] or x + width > label.shape[1]:
        raise ValueError(say("label_full"))
    label[y : y + height, x : x + width] |= picture


def _write(label: Bitmap, x: int, y: int, text: str, scale: int = 1) -> None:
    """Raises ValueError when the text is too long, or has a letter that the font lacks."""
    picture = np.concatenate(_letters(text) or [np.zeros((16, 1), dtype=bool)], axis=1)
    if x + scale * picture.shape[1] > label.shape[1]:
        raise ValueError(say("too_long", text=text))
    _place(label, x, y, picture.repeat(scale, axis=0).repeat(scale, axis=1))


def _letters(text: str) -> list[Bitmap]:
    font = read_hex(FONT)
    missing = sorted(set(text) - set(font))
    if missing:
        raise ValueError(say("no_letters", text=text, letters="".join(missing)))
    found = []
    for letter in text:
        digits = font[letter]
        rows = np.frombuffer(bytes.fromhex(digits), np.uint8).reshape(16, -1)
        found.append(np.unpackbits(rows, axis=1).astype(bool))
    return found


def zpl(labels: Sequence[Bitmap]) -> str:
    """For a Zebra printer and its like: each label as one graphic, nothing to escape."""
    pages = []
    for label in labels:
        rows = np.packbits(label, axis=1)
        size, stride = rows.size, rows.shape[1]
        pages.append(
            f"^XA^PW{label.shape[1]}^LL{label.shape[0]}^LH0,0"
            f"^FO0,0^GFA,{size},{size},{stride},{rows.tobytes().hex().upper()}^FS^XZ\n"
        )
    return "".join(pages)


def _image(label: Bitmap) -> Any:
    from PIL import Image

    return Image.fromarray(~label)


def png(label: Bitmap) -> bytes:
    """One label as a picture that knows its size."""
    out = io.BytesIO()
    _image(label).save(out, "PNG", dpi=(DOTS_PER_MM * 25.4,) * 2)
    return out.getvalue()


def pdf(labels: Sequence[Bitmap]) -> bytes:
    """Labels on sheets of A4, as many as go on each."""
    margin = _MARGIN_MM * DOTS_PER_MM
    gap = DOTS_PER_MM * 2
    pages: list[Bitmap] = []
    x = y = tallest = 0
    for label in labels:
        height, width = label.shape
        if pages and x + width > pages[-1].shape[1] - margin:
            x, y = margin, y + tallest + gap
            tallest = 0
        if not pages or y + height > pages[-1].shape[0] - margin:
            pages.append(_blank(_SHEET_MM))
            x = y = margin
            tallest = 0
        _place(pages[-1], x, y, label)
        x += width + gap
        tallest = max(tallest, height)
    out = io.BytesIO()
    first, *others = [_image(page) for page in pages]
    first.save(out, "PDF", save_all=True, append_images=others, resolution=DOTS_PER_MM * 25.4)
    return out.getvalue()


def needed_letters() -> str:
    """All that a label may be written with: ASCII, our words, and those of the authorities."""
    ascii_letters = {chr(code) for code in range(0x20, 0x7F)}
    words = (NAME, *SAMPLE, _REGISTRATION, _LICENCE, _LOT, _COUNT, _OFFICIAL)
    return "".join(sorted(ascii_letters.union(*words)))


def main() -> int:
    """Write the font from the installed one; returns the exit code."""
    if not INSTALLED_FONT.exists():
        print(f"{INSTALLED_FONT} is not there: install GNU Unifont.", file=sys.stderr)
        return 1
    font = read_hex(INSTALLED_FONT)
    lines = [
        "# GNU Unifont 15.0.01, the characters of Xueyang's labels only, unchanged.",
        "# SIL Open Font License 1.1: unifont_subset.OFL.txt. Written by host_tools/label.py.",
        *(f"{ord(letter):04X}:{font[letter]}" for letter in needed_letters()),
    ]
    FONT.write_text("\n".join(lines) + "\n", encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
