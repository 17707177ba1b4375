"""Spoiled gerbers: what another library must notice before a factory does."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hardware import copper, fabrication
from hardware.netlist import parsed, written

Spoil = Callable[[Path], None]


def gone(name: str) -> Spoil:
    return lambda folder: next(folder.glob(name)).unlink()


def swapped(one: str, other: str) -> Spoil:
    """One file's content under the other's name."""

    def spoil(folder: Path) -> None:
        a, b = (next(folder.glob(name)) for name in (one, other))
        texts = a.read_text(), b.read_text()
        a.write_text(texts[1])
        b.write_text(texts[0])

    return spoil


def without_line(name: str, mark: str, which: int, after: str = "") -> Spoil:
    """The line that has `mark` in it for the so manieth time after `after` is lost."""

    def spoil(folder: Path) -> None:
        path = next(folder.glob(name))
        text = path.read_text()
        lines = text.splitlines(keepends=True)
        begin = text[: text.index(after)].count("\n") if after else 0
        at = [i for i, line in enumerate(lines) if mark in line and i >= begin][which]
        path.write_text("".join(lines[:at] + lines[at + 1 :]))

    return spoil


def cut(name: str) -> Spoil:
    """The file ends in its middle, as after a broken copy."""

    def spoil(folder: Path) -> None:
        path = next(folder.glob(name))
        text = path.read_text()
        path.write_text(text[: len(text) // 2])

    return spoil


def scaled(name: str) -> Spoil:
    """Read as inches."""

    def spoil(folder: Path) -> None:
        path = next(folder.glob(name))
        path.write_text(path.read_text().replace("%MOMM*%", "%MOIN*%"))

    return spoil


FABRICATION: dict[str, tuple[Spoil, str]] = {
    "front copper lost": (gone("*F_Cu*"), "copper is missing"),
    "mask lost": (gone("*B_Mask*"), "mask is missing"),
    "paste lost": (gone("*F_Paste*"), "paste is missing"),
    "outline lost": (gone("*Edge_Cuts*"), "outline is missing"),
    "drill file lost": (gone("*.drl"), "holes are drilled"),
    "a hole lost": (without_line("*.drl", "X", 40), "holes are drilled"),
    "a pad's flash lost": (without_line("*B_Cu*", "D03*", 5), "bottom: "),
    "a track lost": (without_line("*F_Cu*", "D01*", 3, "AperFunction,Conductor"), "top: "),
    "an opening of the mask lost": (without_line("*F_Mask*", "D03*", 7), "the mask covers"),
    "the two coppers exchanged": (swapped("*F_Cu*", "*B_Cu*"), "not where the board has it"),
    "copper cut in its middle": (cut("*B_Cu*"), ""),
    "outline in inches": (scaled("*Edge_Cuts*"), "outline is"),
}


def _older_board() -> str:
    """The board before its last change: a track less."""
    root = parsed(copper.BOARD.read_text())
    root.remove(next(node for node in root if isinstance(node, list) and node[0] == "segment"))
    return written(root)


def spoiled() -> Iterator[tuple[str, str, Iterable[str]]]:
    """(name, words that the complaint must have, what the gates say) of each."""
    board = copper.read(copper.BOARD.read_text())
    with tempfile.TemporaryDirectory() as made:
        fabrication.gerbers(copper.BOARD, Path(made) / "gerbers", Path(made) / "config")
        for name, (spoil, words) in FABRICATION.items():
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / "gerbers"
                shutil.copytree(Path(made) / "gerbers", copy)
                spoil(copy)
                yield name, words, fabrication.reread(copy, board)
        said = fabrication.reread(Path(made) / "gerbers", copper.read(_older_board()))
        yield "gerbers of another board", "tracks of", said
