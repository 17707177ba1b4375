"""Somebody who looks at the display and says what stands there, by the pixels alone."""

import functools

from sim.door import field, picture, screens


def drawn(**fields) -> bytes:
    """What a screen looks like whose view has these fields."""
    view = screens.View()
    for name, value in fields.items():
        assert hasattr(view, name)
        setattr(view, name, value)
    canvas = bytearray(1024)
    screens.draw(canvas, view)
    return bytes(canvas)


_INVERTED = bytes(255 - value for value in range(256))


def _part(pixels: bytes, pages: range, columns: range) -> bytes:
    """Some pages of some columns."""
    return b"".join(pixels[128 * page :][columns[0] : columns[-1] + 1] for page in pages)


# Where the numerals stand on a live screen, where on a result, and where "last" stands.
_LARGE = range(6), range(17, 76)
_MEDIUM = range(4), range(17, 64)
_LAST = range(4, 6), range(32)
_ORDINAL = range(4, 6), range(16)  # of a reading from the log


@functools.cache
def _numbers() -> tuple[dict[bytes, int], dict[bytes, int], bytes, bytes]:
    live = {_part(drawn(picture=field.OK, spo2_pct=n), *_LARGE): n for n in range(70, 101)}
    result = {
        _part(drawn(picture=picture.RESULT, spo2_pct=n), *_MEDIUM): n for n in range(70, 101)
    }
    last = drawn(picture=picture.RESULT, old=True).translate(_INVERTED)
    stored = drawn(picture=picture.RESULT, old=True, count=-1).translate(_INVERTED)
    return live, result, _part(last, *_LAST), _part(stored, *_ORDINAL)


@functools.lru_cache(256)
def number_on(pixels: bytes) -> int | None:
    """The saturation that a person reads on this display as present, None where there is none."""
    live, result, last, ordinal = _numbers()
    for seen in (pixels, pixels.translate(_INVERTED)):  # a red verdict flashes
        if _part(seen, *_LAST) == last or _part(seen, *_ORDINAL) == ordinal:
            return None
        number = live.get(_part(seen, *_LARGE)) or result.get(_part(seen, *_MEDIUM))
        if number:
            return number
    return None


def held_on(pixels: bytes) -> int | None:
    """The saturation in the inverse frame of a reading that is past."""
    _, result, last, _ = _numbers()
    seen = pixels.translate(_INVERTED)
    return result.get(_part(seen, *_MEDIUM)) if _part(seen, *_LAST) == last else None


def inverse_on(pixels: bytes) -> bool:
    """Whether dark stands on light: a reading that is past, or the flash of a red verdict."""
    return int.from_bytes(pixels).bit_count() > 4 * len(pixels)


def picture_on(pixels: bytes, language: str = "zh") -> str | None:
    """Name of the sentence on this display: the first two thirds of its big words decide."""
    for seen in (pixels, pixels.translate(_INVERTED)):
        name = _sentences(language).get(seen[2 * 128 : 6 * 128])
        if name:
            return name
    return None


@functools.cache
def _sentences(language: str) -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for number, name in enumerate(picture.NAMES):
        if number not in (field.OK, picture.RESULT):
            words = drawn(picture=number, language=language)[2 * 128 : 6 * 128]
            found[words] = f"{found[words]} {name}" if words in found else name
    return found
