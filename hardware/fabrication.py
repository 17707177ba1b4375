"""What a factory is sent: gerbers, drill, positions, bill, drawings; made by KiCad, read again by
another library.

`made` needs KiCad 9, `reread` gerbonara. The files go into build/ and are never committed.
"""

import itertools
import math
import site
import subprocess
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from hardware import copper
from hardware.kicad import Broken, kicad
from hardware.layout import PYTHON

LAYERS = "F.Cu,B.Cu,F.Mask,B.Mask,F.Paste,B.Paste,F.SilkS,B.SilkS,Edge.Cuts"
SIDES = {copper.FRONT: "top", copper.BACK: "bottom"}
NEAR = 0.005  # mm: what rounding may move

_IBOM = """
import sys
sys.path.append({packages!r})
sys.argv = ["ibom", "--no-browser", "--dest-dir", {folder!r}, "--name-format", {name!r},
            "--dark-mode", "--extra-fields", "Maker,MPN", "--group-fields", "Value,Footprint,MPN",
            {board!r}]
from InteractiveHtmlBom.generate_interactive_bom import main
main()
"""


def gerbers(board: Path, out: Path, config: Path) -> None:
    """The layers and the drill file, as a maker of boards takes them."""
    out.mkdir(parents=True, exist_ok=True)
    kicad(
        *("pcb", "export", "gerbers", "--layers", LAYERS, "--subtract-soldermask"),
        *("-o", f"{out}/", board),
        config=config,
    )
    # Oval holes as routed slots: gerbonara cannot read the older form.
    kicad(
        *("pcb", "export", "drill", "--excellon-oval-format", "route", "--excellon-units", "mm"),
        *("-o", f"{out}/", board),
        config=config,
    )


def made(board: Path, sheet: Path, out: Path, config: Path) -> None:
    """Every file of the list, into folders below `out`."""
    out.mkdir(parents=True, exist_ok=True)
    gerbers(board, out / "gerbers", config)
    kicad(
        *("pcb", "export", "pos", "--format", "csv", "--units", "mm", "--side", "both"),
        *("--exclude-dnp", "-o", out / "positions.csv", board),
        config=config,
    )
    fields = "Reference,Value,Footprint,Maker,MPN,Part,${QUANTITY}"
    kicad(
        *("sch", "export", "bom", "--fields", fields, "--group-by", "Part"),
        *("-o", out / "bom.csv", sheet),
        config=config,
    )
    kicad("sch", "export", "pdf", "-o", out / "schematic.pdf", sheet, config=config)
    kicad("sch", "export", "svg", "-o", out, sheet, config=config)
    for side, layers, flags in (
        ("front", "F.Cu,F.Mask,F.SilkS,F.Fab,Edge.Cuts", ()),
        ("back", "B.Cu,B.Mask,B.SilkS,B.Fab,Edge.Cuts", ("--mirror",)),
    ):
        for kind, whole in (("pdf", ()), ("svg", ("--page-size-mode", "2"))):
            kicad(
                *("pcb", "export", kind, "--mode-single", "--layers", layers, *flags, *whole),
                *("-o", out / f"board-{side}.{kind}", board),
                config=config,
            )
    for side in ("top", "bottom"):
        kicad(
            *("pcb", "render", "--side", side, "--width", "1600", "--height", "900"),
            *("--background", "opaque", "--zoom", "1.7", "-o", out / f"board-{side}.png", board),
            config=config,
        )
    kicad("pcb", "export", "step", "-f", "-o", out / "board.step", board, config=config)
    interactive(board, out)


def interactive(board: Path, out: Path) -> None:
    """The interactive bill of materials: one page for the person who solders."""
    script = _IBOM.format(
        packages=site.getsitepackages()[0],
        folder=str(out.resolve()),
        name="interactive-bom",
        board=str(board.resolve()),
    )
    with tempfile.TemporaryDirectory() as home:
        run = subprocess.run(
            [PYTHON, "-c", script],
            capture_output=True,
            text=True,
            env={"INTERACTIVE_HTML_BOM_NO_DISPLAY": "1", "PATH": "/usr/bin:/bin", "HOME": home},
        )
    if run.returncode or not (out / "interactive-bom.html").exists():
        raise Broken(f"The interactive bill was not made: {run.stderr[-400:]}")


def reread(folder: Path, board: copper.Board) -> list[str]:
    """The gerbers, read by gerbonara, against the board file; a sentence each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from gerbonara import LayerStack

        try:
            stack = LayerStack.open(folder)
            drills = [hole for layer in stack.drill_layers for hole in layer.objects]
        except Exception as error:  # whatever a broken file makes the library say
            return [f"The gerbers cannot be read: {error!r}"]
    said = list(_size(stack, board))
    if said:
        return said
    origin = _origin(stack)
    for layer, side in SIDES.items():
        drawn = stack.graphic_layers.get((side, "copper"))
        if drawn is None:
            said.append(f"{side}: the copper is missing.")
            continue
        said += _pads(drawn, layer, side, board, origin)
        said += _tracks(drawn, layer, side, board)
        said += _poured(drawn, layer, side, board)
        said += _mask(stack.graphic_layers.get((side, "mask")), layer, side, board, origin)
    for kind in ("silk", "paste"):
        for side in SIDES.values():
            if not getattr(stack.graphic_layers.get((side, kind)), "objects", ()):
                said.append(f"{side}: the {kind} is missing or empty.")
    if len(drills) != board.holes:
        said.append(f"{len(drills)} holes are drilled; the board has {board.holes}.")
    return said


def _size(stack: Any, board: copper.Board) -> Iterator[str]:
    outline = stack.graphic_layers.get(("mechanical", "outline"))
    if outline is None:
        yield "the outline is missing."
        return
    ends = [(getattr(o, f"x{i}"), getattr(o, f"y{i}")) for o in _drawn(outline) for i in (1, 2)]
    for axis, name in ((0, "long"), (1, "wide")):
        extent = max(e[axis] for e in ends) - min(e[axis] for e in ends)
        if abs(extent - board.size[axis]) > NEAR:
            yield f"the outline is {extent:.2f} mm {name}; the board {board.size[axis]:.2f}."


def _drawn(layer: Any) -> list[Any]:
    """A layer's objects, in millimetres whatever the file's unit."""
    from gerbonara.utils import MM

    return [
        item.converted(MM) if is_dataclass(item) else item  # its regions are none
        for item in getattr(layer, "objects", ())
    ]


def _origin(stack: Any) -> tuple[float, float]:
    """Where the board's upper left corner lies in the gerbers, whose y goes up."""
    outline = _drawn(stack.graphic_layers[("mechanical", "outline")])
    return min(min(o.x1, o.x2) for o in outline), max(max(o.y1, o.y2) for o in outline)


def _pads(
    drawn: Any, layer: str, side: str, board: copper.Board, origin: tuple[float, float]
) -> Iterator[str]:
    """Every pad at its place and marked with its net."""
    flashes = [o for o in _drawn(drawn) if type(o).__name__ == "Flash"]
    left, top = origin
    found: dict[tuple[str, str], list[Any]] = {}
    for flash in flashes:
        found.setdefault(tuple(flash.attrs.get(".P", ("", ""))[:2]), []).append(flash)
    for pad in board.pads:
        if layer not in pad.layers:
            continue
        here = [
            f
            for f in found.get((pad.reference, pad.number), ())
            if math.hypot(f.x - left - pad.at[0], f.y - top + pad.at[1]) < NEAR
        ]
        if not here:
            yield f"{side}: {pad.reference} {pad.number} is not where the board has it."
        elif pad.net and not pad.net.startswith("unconnected-"):
            net = here[0].attrs.get(".N", ("",))[0].removeprefix("/")
            if net != pad.net:
                yield f"{side}: {pad.reference} {pad.number} is on {net}, not on {pad.net}."


def _tracks(drawn: Any, layer: str, side: str, board: copper.Board) -> Iterator[str]:
    """As many tracks of each net and width, and as long in all."""

    def summed(lines: Iterator[tuple[str, float, float]]) -> tuple[Counter, Counter]:
        count: Counter = Counter()
        length: Counter = Counter()
        for net, width, long in lines:
            count[net, round(width, 3)] += 1
            length[net, round(width, 3)] += long
        return count, length

    wanted = summed(
        (t.net, t.width, math.dist(t.start, t.end)) for t in board.tracks if t.layer == layer
    )
    got = summed(
        (
            o.attrs.get(".N", ("",))[0].removeprefix("/"),
            o.aperture.diameter,
            math.hypot(o.x2 - o.x1, o.y2 - o.y1),
        )
        for o in _drawn(drawn)
        if type(o).__name__ == "Line" and o.attrs.get(".N")
    )
    for key in sorted({*wanted[0], *got[0]}):
        if wanted[0][key] != got[0][key] or abs(wanted[1][key] - got[1][key]) > 0.05:
            yield (
                f"{side}: {got[0][key]} tracks of {key[0]} {key[1]} mm wide, "
                f"{got[1][key]:.1f} mm in all; the board has {wanted[0][key]}, "
                f"{wanted[1][key]:.1f} mm."
            )


def _poured(drawn: Any, layer: str, side: str, board: copper.Board) -> Iterator[str]:
    """The same area of poured ground, in as many pieces."""
    wanted = [_area(points) for _, on, points in board.poured if on == layer]
    got = [_area(o.outline) for o in _drawn(drawn) if type(o).__name__ == "Region"]
    if len(wanted) != len(got) or abs(sum(wanted) - sum(got)) > 0.002 * sum(wanted):
        yield (
            f"{side}: {len(got)} poured pieces of {sum(got):.0f} mm2 in all; "
            f"the board has {len(wanted)} of {sum(wanted):.0f} mm2."
        )


def _area(points: Sequence[tuple[float, float]]) -> float:
    closed = [*points, points[0]]
    return abs(sum(a * d - c * b for (a, b), (c, d) in itertools.pairwise(closed))) / 2


def _mask(
    drawn: Any, layer: str, side: str, board: copper.Board, origin: tuple[float, float]
) -> Iterator[str]:
    """An opening in the mask over each pad that is soldered or probed on this side."""
    flashes = [o for o in _drawn(drawn) if type(o).__name__ == "Flash"]
    if not flashes:
        yield f"{side}: the mask is missing or empty."
        return
    left, top = origin
    for pad in board.pads:
        if pad.layers == {layer} and not any(
            math.hypot(f.x - left - pad.at[0], f.y - top + pad.at[1]) < NEAR for f in flashes
        ):
            yield f"{side}: the mask covers {pad.reference} {pad.number}."
