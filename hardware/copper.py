"""The board file against the design and the rules KiCad does not know; it needs no KiCad.

    python -m hardware.copper        the committed board

What KiCad's own check leaves open: that each pad is on the net the design gives its pin, that the
currents have their widths all the way, that capacitors stand where they serve, that nothing loud
comes near the sensor nor any copper under the antenna, that the jig's pins can land.
"""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hardware.netlist import HERE, Netlist, child, children, designed, parsed, parts, plain

BOARD = HERE / "board" / "xueyang.kicad_pcb"
SHEET = HERE / "board" / "xueyang.kicad_sch"
LAYOUT = HERE / "layout.yaml"
RULES = HERE / "rules.yaml"
FRONT, BACK = "F.Cu", "B.Cu"

Point = tuple[float, float]  # mm from the corner of the board's outline


@dataclass(frozen=True)
class Pad:
    reference: str
    number: str
    net: str
    at: Point
    reach: Point  # half its extent along x and y
    layers: frozenset[str]

    def covers(self, point: Point, layer: str) -> bool:
        return layer in self.layers and all(
            abs(point[i] - self.at[i]) <= self.reach[i] + 1e-3 for i in (0, 1)
        )


@dataclass(frozen=True)
class Track:
    net: str
    layer: str
    width: float
    start: Point
    end: Point


@dataclass(frozen=True)
class Via:
    net: str
    at: Point


@dataclass(frozen=True)
class Board:
    """What a .kicad_pcb holds, in millimetres from the outline's corner, nets without the slash
    that KiCad sets before a label's name."""

    size: Point
    pads: list[Pad]
    tracks: list[Track]
    vias: list[Via]
    poured: list[tuple[str, str, list[Point]]]  # net, layer, outline of each filled piece
    fields: dict[str, dict[str, str]]  # of each footprint, with `Footprint`
    side: dict[str, str]  # the layer each footprint lies on
    texts: list[tuple[str, str]]  # layer, text
    holes: int


def read(text: str) -> Board:
    """The board in the text of a .kicad_pcb. ValueError or KeyError when it is none."""
    root = parsed(text)
    edge = [
        (float(end[1]), float(end[2]))
        for shape in root
        if isinstance(shape, list)
        and shape[0] in ("gr_line", "gr_arc")
        and child(shape, "layer")[1] == "Edge.Cuts"
        for end in (child(shape, "start"), child(shape, "end"))
    ]
    left, top = min(x for x, _ in edge), min(y for _, y in edge)
    size = (max(x for x, _ in edge) - left, max(y for _, y in edge) - top)

    def at(node: Sequence[Any]) -> Point:
        return round(float(node[1]) - left, 4), round(float(node[2]) - top, 4)

    def net_of(node: list[Any]) -> str:
        net = next(children(node, "net"), None)
        name = net[-1] if net else ""
        return names.get(name, name).removeprefix("/")

    names = {net[1]: net[2] for net in children(root, "net")}
    pads, fields, side = [], {}, {}
    holes = 0
    for footprint in children(root, "footprint"):
        told = {p[1]: p[2] for p in children(footprint, "property")}
        reference = told["Reference"]
        fields[reference] = {**told, "Footprint": footprint[1]}
        side[reference] = child(footprint, "layer")[1]
        place = child(footprint, "at")
        turn = math.radians(float(place[3])) if len(place) > 3 else 0.0
        for pad in children(footprint, "pad"):
            spot = child(pad, "at")
            x, y = float(spot[1]), float(spot[2])
            middle = (
                float(place[1]) + x * math.cos(turn) + y * math.sin(turn),
                float(place[2]) - x * math.sin(turn) + y * math.cos(turn),
            )
            lying = math.radians(float(spot[3])) if len(spot) > 3 else 0.0
            wide, high = (float(v) / 2 for v in child(pad, "size")[1:3])
            along, across = abs(math.cos(lying)), abs(math.sin(lying))
            layers = set()
            for layer in child(pad, "layers")[1:]:
                layers |= {FRONT, BACK} if layer == "*.Cu" else {layer} & {FRONT, BACK}
            holes += next(children(pad, "drill"), None) is not None
            if layers:
                pads.append(
                    Pad(
                        reference,
                        pad[1],
                        net_of(pad),
                        at(["", *middle]),
                        (wide * along + high * across, wide * across + high * along),
                        frozenset(layers),
                    )
                )
    tracks = [
        Track(
            net_of(segment),
            child(segment, "layer")[1],
            float(child(segment, "width")[1]),
            at(child(segment, "start")),
            at(child(segment, "end")),
        )
        for segment in children(root, "segment")
    ]
    vias = [Via(net_of(via), at(child(via, "at"))) for via in children(root, "via")]
    poured = [
        (
            child(zone, "net_name")[1].removeprefix("/"),
            child(piece, "layer")[1],
            [at(point) for point in children(child(piece, "pts"), "xy")],
        )
        for zone in children(root, "zone")
        for piece in children(zone, "filled_polygon")
    ]
    texts = [(child(text, "layer")[1], text[1]) for text in children(root, "gr_text")]
    return Board(size, pads, tracks, vias, poured, fields, side, texts, holes + len(vias))


def pin_names(sheet: str) -> dict[str, dict[str, str]]:
    """Of every part's key in parts.yaml, the name of each pin by its number, as the symbols in the
    schematic file have them."""
    root = parsed(sheet)
    named = {}
    for symbol in children(child(root, "lib_symbols"), "symbol"):
        named[symbol[1]] = {
            child(pin, "number")[1]: plain(child(pin, "name")[1])
            for unit in children(symbol, "symbol")
            for pin in children(unit, "pin")
        }
    return {
        key: named[part["symbol"]]
        for key, part in parts()["board"].items()
        if part["symbol"] in named
    }


def complaints(
    board: Board,
    netlist: Netlist,
    names: Mapping[str, Mapping[str, str]],
    layout: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> list[str]:
    """Where the board breaks the design or a rule, a sentence each."""
    return [
        *_nets(board, netlist, names),
        *_fields(board, netlist),
        *_widths(board, layout),
        *_near(board, rules),
        *_apart(board, rules),
        *_antenna(board, layout),
        *_quiet(board, layout),
        *_outline(board, layout),
        *_jig(board, rules),
        *_marked(board),
    ]


def _nets(board: Board, netlist: Netlist, names: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Every pad on the net that the design gives its pin."""
    seen: set[tuple[str, str]] = set()
    for pad in board.pads:
        component = netlist.get(pad.reference)
        if component is None:
            yield f"{pad.reference}: is on the board and not in the design."
            continue
        name = names[component.part].get(pad.number, pad.number)
        pin = name if name in component.nets else pad.number
        wanted = component.nets.get(pin, "")
        seen.add((pad.reference, pin))
        if not wanted and pad.net.startswith("unconnected-"):
            continue
        if pad.net != wanted:
            at = f"{pad.reference} {pad.number} ({pin})"
            yield f"{at}: the board has {pad.net or 'nothing'}, the design {wanted or 'nothing'}."
    for reference, component in sorted(netlist.items()):
        for pin in component.nets:
            if (reference, pin) not in seen:
                yield f"{reference} {pin}: has no pad on the board."


def _fields(board: Board, netlist: Netlist) -> Iterator[str]:
    """Every footprint the part's, saying its maker and number."""
    book = parts()["board"]
    for reference, fields in sorted(board.fields.items()):
        part = book.get(netlist[reference].part if reference in netlist else "", {})
        for name, key in (("Footprint", "footprint"), ("MPN", "mpn"), ("Maker", "maker")):
            if fields.get(name) != part.get(key):
                yield (
                    f"{reference} {name}: the board says {fields.get(name)}, "
                    f"parts.yaml {part.get(key)}."
                )


def _widths(board: Board, layout: Mapping[str, Any]) -> Iterator[str]:
    """The pins of each trunk hang together by tracks of its width alone; a pin with a neck by one
    of the neck's width and at most `neck_longest` long. A branch likewise by its own width."""
    for net, trunk in layout["trunks"].items():
        branch = trunk.get("branch", {"width": trunk["width"], "pins": []})
        yield from _by_width(board, layout, net, trunk["width"], trunk["pins"])
        both = trunk["pins"] + branch["pins"]
        yield from _by_width(board, layout, net, branch["width"], both)


def _by_width(
    board: Board, layout: Mapping[str, Any], net: str, width: float, wanted: Sequence[str]
) -> Iterator[str]:
    pins = {
        pin: [pad for pad in board.pads if f"{pad.reference}.{pad.number}" == pin]
        for pin in wanted
    }
    wide = [t for t in board.tracks if t.net == net and t.width >= width - 1e-6]
    for track in board.tracks:
        is_neck = layout["neck"] - 1e-6 <= track.width < width
        if track.net != net or not is_neck:
            continue
        short = math.dist(track.start, track.end) <= layout["neck_longest"]
        if short and any(
            pad.covers(end, track.layer)
            for pin in layout["necks"]
            for pad in pins.get(pin, ())
            for end in (track.start, track.end)
        ):
            wide.append(track)
    group = _joined(wide, [via for via in board.vias if via.net == net], pins)
    for pin in wanted[1:]:
        if group[pin] != group[wanted[0]]:
            yield f"{net}: {pin} is not joined to {wanted[0]} by {width} mm all the way."


def _joined(
    tracks: Sequence[Track], vias: Sequence[Via], pins: Mapping[str, Sequence[Pad]]
) -> dict[str, int]:
    """A number for each pin, equal for those that the tracks join."""
    owner = list(range(len(tracks) + len(vias) + len(pins)))

    def root(i: int) -> int:
        while owner[i] != i:
            i = owner[i]
        return i

    def join(i: int, j: int) -> None:
        owner[root(i)] = root(j)

    for i, one in enumerate(tracks):
        for j in range(i):
            other = tracks[j]
            if one.layer == other.layer and any(
                _off(point, line) < line.width / 2
                for point, line in (
                    (one.start, other),
                    (one.end, other),
                    (other.start, one),
                    (other.end, one),
                )
            ):
                join(i, j)
        for j, via in enumerate(vias):
            if _off(via.at, one) < 1e-3:
                join(i, len(tracks) + j)
    for k, pads in enumerate(pins.values()):
        at = len(tracks) + len(vias) + k
        for pad in pads:
            for i, track in enumerate(tracks):
                if any(pad.covers(end, track.layer) for end in (track.start, track.end)):
                    join(at, i)
            for j, via in enumerate(vias):
                if any(pad.covers(via.at, layer) for layer in (FRONT, BACK)):
                    join(at, len(tracks) + j)
    return {pin: root(len(tracks) + len(vias) + k) for k, pin in enumerate(pins)}


def _off(point: Point, track: Track) -> float:
    """The distance of a point from a track's middle line."""
    (x, y), (ax, ay), (bx, by) = point, track.start, track.end
    length = (bx - ax) ** 2 + (by - ay) ** 2
    along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length if length else 0.0
    along = min(1.0, max(0.0, along))
    return math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))


def _gap(one: Pad, other: Pad) -> float:
    """Between the edges of two pads."""
    apart = [
        max(0.0, abs(one.at[i] - other.at[i]) - one.reach[i] - other.reach[i]) for i in (0, 1)
    ]
    return math.hypot(*apart)


def _near(board: Board, rules: Mapping[str, Any]) -> Iterator[str]:
    """Capacitors beside the pins they serve, on the same net."""
    for rule in rules["near"]:
        pins = [p for p in board.pads if f"{p.reference}.{p.number}" == rule["pin"]]
        served = [
            _gap(pin, pad)
            for pin in pins
            for pad in board.pads
            if pad.reference == rule["part"] and pad.net == pin.net
        ]
        if not served:
            yield f"{rule['part']}: is not on the net of {rule['pin']}, which it is to serve."
        elif min(served) > rule["mm"]:
            yield f"{rule['part']}: {min(served):.1f} mm from {rule['pin']}; at most {rule['mm']}."


def _apart(board: Board, rules: Mapping[str, Any]) -> Iterator[str]:
    """Loud nets away from the parts that hear them."""
    for rule in rules["apart"]:
        quiet = [pad for pad in board.pads if pad.reference == rule["part"]]
        for net in rule["nets"]:
            loud = [_off(pad.at, t) for t in board.tracks if t.net == net for pad in quiet]
            loud += [math.dist(p.at, q.at) for p in board.pads if p.net == net for q in quiet]
            if not loud:
                yield f"{net}: a rule of rules.yaml finds no such net on the board."
            elif min(loud) < rule["mm"]:
                yield f"{net}: {min(loud):.1f} mm from {rule['part']}; at least {rule['mm']}."


def _antenna(board: Board, layout: Mapping[str, Any]) -> Iterator[str]:
    """No copper in the antenna's room; pads of the module itself may reach it."""
    left, top, right, bottom = layout["keep_out"]

    def inside(point: Point, by: float = 0.0) -> bool:
        return left - by < point[0] < right + by and top - by < point[1] < bottom + by

    for track in board.tracks:
        if any(inside(end, track.width / 2 - 1e-6) for end in (track.start, track.end)):
            yield f"a track of {track.net} runs under the antenna at {track.end}."
    for via in board.vias:
        if inside(via.at):
            yield f"a via of {via.net} stands under the antenna at {via.at}."
    for net, layer, points in board.poured:
        if any(inside(point) for point in points):
            yield f"the poured {net} on {layer} reaches under the antenna."


def _quiet(board: Board, layout: Mapping[str, Any]) -> Iterator[str]:
    """On both sides of the sensor only its own nets."""
    left, top, right, bottom = layout["quiet"]["box"]
    for track in board.tracks:
        if track.net in layout["quiet"]["nets"]:
            continue
        steps = max(1, math.ceil(math.dist(track.start, track.end) / 0.1))
        by = track.width / 2 - 1e-6
        for k in range(steps + 1):
            x, y = (track.start[i] + k / steps * (track.end[i] - track.start[i]) for i in (0, 1))
            if left - by < x < right + by and top - by < y < bottom + by:
                yield f"a track of {track.net} runs past the sensor on {track.layer}."
                break
    for via in board.vias:
        loud = via.net not in layout["quiet"]["nets"]
        if loud and left < via.at[0] < right and top < via.at[1] < bottom:
            yield f"a via of {via.net} stands beside the sensor."


def _outline(board: Board, layout: Mapping[str, Any]) -> Iterator[str]:
    wanted = layout["outline"]["length"], layout["outline"]["width"]
    if any(abs(a - b) > 0.01 for a, b in zip(board.size, wanted, strict=True)):
        is_, asked = (" x ".join(f"{side:g}" for side in of) for of in (board.size, wanted))
        yield f"the board is {is_} mm, not {asked}."


def _jig(board: Board, rules: Mapping[str, Any]) -> Iterator[str]:
    """Pads for the jig on one side, large enough, apart, off the edge and in the open."""
    rule = rules["jig_pads"]
    landing = [pad for pad in board.pads if pad.reference.startswith("TP")]
    others = [pad for pad in board.pads if not pad.reference.startswith("TP")]
    if len(landing) < rule["least"]:
        yield f"{len(landing)} test pads; the jig wants {rule['least']}."
    for i, pad in enumerate(landing):
        if pad.layers != {rule["layer"]}:
            yield f"{pad.reference}: is not on {rule['layer']}, where the jig's pins come from."
        if 2 * min(pad.reach) < rule["diameter"] - 1e-6:
            yield f"{pad.reference}: is smaller than {rule['diameter']} mm."
        if not all(
            rule["edge"] <= pad.at[k] - pad.reach[k]
            and pad.at[k] + pad.reach[k] <= board.size[k] - rule["edge"]
            for k in (0, 1)
        ):
            yield f"{pad.reference}: is nearer than {rule['edge']} mm to the edge."
        for other in landing[:i]:
            if math.dist(pad.at, other.at) < rule["apart"]:
                yield f"{pad.reference}: is nearer than {rule['apart']} mm to {other.reference}."
        for other in others:
            if rule["layer"] in other.layers and _gap(pad, other) < rule["free"]:
                yield f"{pad.reference}: a pin landing here may touch {other.reference}."


def _marked(board: Board) -> Iterator[str]:
    silk = " ".join(text for layer, text in board.texts if layer.endswith(".SilkS"))
    for words in ("unreviewed", "not a medical device"):
        if words not in silk:
            yield f'the board does not say "{words}".'


def gates(path: Path = BOARD, sheet: Path = SHEET) -> list[str]:
    """Every rule of this module on a board file; a file that cannot be read is a complaint."""
    try:
        return complaints(
            read(path.read_text()),
            designed(),
            pin_names(sheet.read_text()),
            yaml.safe_load(LAYOUT.read_text()),
            yaml.safe_load(RULES.read_text()),
        )
    except (ValueError, KeyError, IndexError) as error:
        return [f"The board cannot be read: {error!r}"]


def main() -> int:
    """The command; returns its exit code."""
    said = gates()
    for sentence in said:
        print(sentence, file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
