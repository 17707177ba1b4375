"""A router for the board: paths by A* that at first may cross and pay more for it every round.

Works on a grid of 0.1 mm and two layers. Each net is joined pin by pin, the pins of its trunk
first and with its width, the others with a thin track. What others' copper forbids is known for
every width: pads block, tracks of other nets cost, and the cost grows until nobody crosses.
"""

import heapq
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np

GRID = 0.1  # mm
ROUNDS = 60
VIA_COST = 18.0  # in steps of the grid
STITCH = 2.5  # mm between the vias that tie the two ground planes

Cell = tuple[int, int, int]  # layer, row, column


@dataclass
class Path:
    """One connection: cells from the tree to the new pin, and half its width in mm."""

    cells: list[Cell]
    half: float


@dataclass
class Net:
    name: str
    pins: list[list[dict[str, Any]]]  # of each pin its pads, in the order of joining
    halves: list[float]  # of the track that joins each
    paths: list[Path] = field(default_factory=list)


@numba.njit(cache=True)
def _search(blocked, cost, via_blocked, via_cost, sources, target, box):  # pragma: no cover
    """Cells from a source to a cell of `target` (bool by cell), the target first; or empty."""
    layers, rows, columns = blocked.shape
    size = rows * columns
    best = np.full(layers * size, np.inf, dtype=np.float32)
    came = np.full(layers * size, -1, dtype=np.int64)
    done = np.zeros(layers * size, dtype=np.bool_)
    top, left, bottom, right = box
    heap = [(np.float32(0.0), np.int64(0))]
    heap.pop()
    for i in range(len(sources)):
        at = sources[i]
        best[at] = 0.0
        heapq.heappush(heap, (np.float32(0.0), at))
    diagonal = np.float32(2**0.5)
    while len(heap):
        _, at = heapq.heappop(heap)
        if done[at]:
            continue
        done[at] = True
        if target[at]:
            path = [at]
            while came[at] >= 0:
                at = came[at]
                path.append(at)
            return np.array(path, dtype=np.int64)
        layer, rest = at // size, at % size
        row, column = rest // columns, rest % columns
        for step in range(9):
            if step == 8:
                if via_blocked[row, column]:
                    continue
                new_layer, r, c = 1 - layer, row, column
                price = np.float32(VIA_COST) + via_cost[row, column]
                if blocked[new_layer, r, c]:
                    continue
            else:
                k = step if step < 4 else step + 1
                dr, dc = k // 3 - 1, k % 3 - 1
                new_layer, r, c = layer, row + dr, column + dc
                if r < 0 or c < 0 or r >= rows or c >= columns or blocked[layer, r, c]:
                    continue
                price = (diagonal if dr and dc else np.float32(1.0)) * (1 + cost[layer, r, c])
            new = new_layer * size + r * columns + c
            through = best[at] + price
            if through < best[new]:
                best[new] = through
                came[new] = at
                dx = max(left - c, 0, c - right)
                dy = max(top - r, 0, r - bottom)
                ahead = max(dx, dy) + np.float32(0.414) * min(dx, dy)
                heapq.heappush(heap, (np.float32(through + ahead), np.int64(new)))
    return np.empty(0, dtype=np.int64)


@numba.njit(cache=True)
def _stamp(field, cells, radius, weight):  # pragma: no cover
    """Add `weight` within `radius` (cells) of every (layer, row, column)."""
    reach = int(np.floor(radius))
    rows, columns = field.shape[1:]
    seen = np.zeros(field.shape, dtype=np.bool_)
    for i in range(len(cells)):
        layer, row, column = cells[i]
        for r in range(max(0, row - reach), min(rows, row + reach + 1)):
            for c in range(max(0, column - reach), min(columns, column + reach + 1)):
                near = (r - row) ** 2 + (c - column) ** 2 < radius * radius
                if near and not seen[layer, r, c]:
                    seen[layer, r, c] = True
                    field[layer, r, c] += weight


class Board:
    """What the grid knows: pads and edges; tracks come and go."""

    def __init__(
        self,
        pads: Sequence[Mapping[str, Any]],
        layout: Mapping[str, Any],
        rules: Mapping[str, Any],
    ) -> None:
        self.pads = pads
        self.length = layout["outline"]["length"]
        self.width = layout["outline"]["width"]
        self.corner = layout["outline"]["corner"]
        self.keep_out = layout["keep_out"]
        self.quiet = layout["quiet"]
        self.clearance = rules["default"]["clearance"] + 0.01
        self.edge = rules["board"]["min_copper_edge_clearance"] + 0.05
        self.via = rules["default"]["via_diameter"] / 2
        self.hole = rules["board"]["min_hole_to_hole"]
        self.shape = (2, round(self.width / GRID) + 1, round(self.length / GRID) + 1)
        self._static: dict[tuple[str, float], np.ndarray] = {}
        self._vias: dict[str, np.ndarray] = {}

    def _mark(self, grid: np.ndarray, box: Sequence[float], margin: float) -> None:
        left, top, right, bottom = box
        grid[
            max(0, int(np.ceil((top - margin) / GRID - 1e-6))) : max(
                0, int((bottom + margin) / GRID + 1e-6) + 1
            ),
            max(0, int(np.ceil((left - margin) / GRID - 1e-6))) : max(
                0, int((right + margin) / GRID + 1e-6) + 1
            ),
        ] = True

    def _edges(self, grid: np.ndarray, margin: float) -> None:
        y, x = np.mgrid[: self.shape[1], : self.shape[2]] * GRID
        inner = self.corner - margin
        dx = np.maximum(self.corner - x, x - (self.length - self.corner))
        dy = np.maximum(self.corner - y, y - (self.width - self.corner))
        out = (dx > inner) | (dy > inner) | ((dx > 0) & (dy > 0) & (np.hypot(dx, dy) > inner))
        grid |= out

    def blocked(self, net: str, half: float) -> np.ndarray:
        """Where the middle of a track of this net may not be, by layer."""
        key = (net, half)
        if key not in self._static:
            grid = np.zeros(self.shape, dtype=np.bool_)
            for layer, side in enumerate(("front", "back")):
                self._edges(grid[layer], self.edge + half)
                self._mark(grid[layer], self.keep_out, half)
                if net.removeprefix("/") not in self.quiet["nets"]:
                    self._mark(grid[layer], self.quiet["box"], half)
                for pad in self.pads:
                    if pad[side] and pad["net"] != net:
                        self._mark(grid[layer], pad["box"], half + self.clearance)
            self._static[key] = grid
        return self._static[key]

    def via_blocked(self, net: str) -> np.ndarray:
        if net not in self._vias:
            grid = np.zeros(self.shape[1:], dtype=np.bool_)
            self._edges(grid, self.edge + self.via)
            self._mark(grid, self.keep_out, self.via)
            if net.removeprefix("/") not in self.quiet["nets"]:
                self._mark(grid, self.quiet["box"], self.via)
            for pad in self.pads:
                own = self.hole if pad["drill"] else 0.05
                margin = own if pad["net"] == net else self.clearance
                self._mark(grid, pad["box"], self.via + margin)
            self._vias[net] = grid
        return self._vias[net]

    def cells(self, pad: Mapping[str, Any]) -> list[Cell]:
        """The grid's cells well inside a pad; at least the one nearest to its middle."""
        left, top, right, bottom = pad["box"]
        inset = min(0.1, (right - left) / 4, (bottom - top) / 4)
        rows = range(int(np.ceil((top + inset) / GRID)), int((bottom - inset) / GRID) + 1)
        columns = range(int(np.ceil((left + inset) / GRID)), int((right - inset) / GRID) + 1)
        rows = rows or range(
            round((top + bottom) / 2 / GRID), round((top + bottom) / 2 / GRID) + 1
        )
        columns = columns or range(
            round((left + right) / 2 / GRID), round((left + right) / 2 / GRID) + 1
        )
        sides = [layer for layer, side in enumerate(("front", "back")) if pad[side]]
        return [(layer, r, c) for layer in sides for r in rows for c in columns]


def _nets(pads: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> list[Net]:
    """What is to be joined, wide and short nets first, ground last."""
    by_net: dict[str, dict[str, list[list[Any]]]] = {}
    for pad in pads:
        if pad["pin"] and pad["net"] and not pad["net"].startswith("unconnected-"):
            pieces = by_net.setdefault(pad["net"], {}).setdefault(pad["pin"], [])
            # Pads of one pin that touch are one; a switch's two are not, though it joins them.
            near = [p for p in pieces if any(_touch(pad["box"], other["box"]) for other in p)]
            for piece in near:
                pieces.remove(piece)
            pieces.append([pad, *(other for piece in near for other in piece)])
    nets = []
    for name, pins in by_net.items():
        trunk = layout["trunks"].get(name.removeprefix("/"), {})
        width_of = dict.fromkeys(trunk.get("pins", ()), trunk.get("width"))
        branch = trunk.get("branch", {"pins": ()})
        width_of |= dict.fromkeys(branch["pins"], branch.get("width"))
        for pin in width_of:
            if pin not in pins:
                sys.exit(f"layout.yaml: {pin} of the trunk {name} is not on this net.")
        joined, halves = [], []
        for pin in [*width_of, *sorted(set(pins) - set(width_of))]:
            joined += pins[pin]
            halves += [width_of.get(pin, layout["twig"]) / 2] * len(pins[pin])
        nets.append(Net(name, joined, halves))

    def span(net: Net) -> float:
        boxes = np.array([pad["box"] for pin in net.pins for pad in pin])
        return float(np.ptp(boxes[:, 0]) + np.ptp(boxes[:, 1]))

    return sorted(nets, key=lambda net: (net.name == "GND", -max(net.halves), span(net)))


def _necks(
    pads: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[Any]]:
    """The pads as the router sees them, and the tracks of the necks: a pin with a neck is joined
    at the neck's outer end, and the neck blocks others like a pad."""
    half = layout["neck"] / 2
    out, tracks = [], []
    for pad in pads:
        if pad["pin"] not in layout["necks"]:
            out.append(dict(pad))
            continue
        x, y = _middle([pad])
        end = layout["necks"][pad["pin"]]
        if end[0] != x and end[1] != y:  # the longer way is kept, the other follows the pad
            end = [end[0], y] if abs(end[0] - x) > abs(end[1] - y) else [x, end[1]]
        layer = 0 if pad["front"] else 1
        tracks.append([pad["net"], layer, layout["neck"], [x, y], list(end)])
        along = [min(x, end[0]), min(y, end[1]), max(x, end[0]), max(y, end[1])]
        # No pin of its own: they only keep others away.
        out.append({**pad, "pin": ""})
        out.append({**pad, "pin": "", "box": _grown(along, half)})
        out.append({**pad, "box": _grown([*end, *end], half)})
    return out, tracks


def _grown(box: Sequence[float], by: float) -> list[float]:
    left, top, right, bottom = box
    return [left - by, top - by, right + by, bottom + by]


def _touch(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(one[i] <= other[i + 2] and other[i] <= one[i + 2] for i in (0, 1))


def _middle(pin: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    left, top, right, bottom = pin[0]["box"]
    return (left + right) / 2, (top + bottom) / 2


def _join(
    board: Board, net: Net, others: Sequence[Net], history: np.ndarray, weight: float
) -> None:
    """Lay all paths of a net anew, given where the others' copper is."""
    layers, rows, columns = board.shape
    fields: dict[float, np.ndarray] = {}

    def cost(half: float) -> np.ndarray:
        if half not in fields:
            grid = np.zeros(board.shape, dtype=np.float32)
            for other in others:
                for path in other.paths:
                    reach = (half + path.half + board.clearance) / GRID
                    _stamp(grid, np.array(path.cells), reach, np.float32(weight))
                    vias = _vias(path.cells)
                    if vias:
                        both = np.array([(layer, r, c) for r, c in vias for layer in (0, 1)])
                        reach = (half + board.via + board.clearance) / GRID
                        _stamp(grid, both, reach, np.float32(weight))
            fields[half] = grid + history
        return fields[half]

    def flat(cells: Sequence[Cell]) -> np.ndarray:
        grid = np.array(cells, dtype=np.int64)
        return (grid[:, 0] * rows + grid[:, 1]) * columns + grid[:, 2]

    net.paths = []
    tree = [cell for pad in net.pins[0] for cell in board.cells(pad)]
    middles = [_middle(net.pins[0])]
    left = list(range(1, len(net.pins)))
    while left:
        widest = max(net.halves[i] for i in left)
        chosen = min(
            (i for i in left if net.halves[i] == widest),
            key=lambda i: min(
                abs(_middle(net.pins[i])[0] - x) + abs(_middle(net.pins[i])[1] - y)
                for x, y in middles
            ),
        )
        left.remove(chosen)
        half = net.halves[chosen]
        goal = [cell for pad in net.pins[chosen] for cell in board.cells(pad)]
        target = np.zeros(layers * rows * columns, dtype=np.bool_)
        target[flat(goal)] = True
        at = np.array(goal)
        box = (at[:, 1].min(), at[:, 2].min(), at[:, 1].max(), at[:, 2].max())
        field_ = cost(half)
        via_field = cost(board.via).sum(axis=0)
        found = _search(
            board.blocked(net.name, half),
            field_,
            board.via_blocked(net.name),
            via_field,
            flat(tree),
            target,
            box,
        )
        if not len(found):
            sys.exit(
                f"{net.name}: no way to {net.pins[chosen][0]['pin']}; move it in layout.yaml."
            )
        cells = [
            (int(f) // (rows * columns), int(f) % (rows * columns) // columns, int(f) % columns)
            for f in found
        ]
        net.paths.append(Path(cells, half))
        tree += cells + goal
        middles += [_middle(net.pins[chosen])] + [(c * GRID, r * GRID) for _, r, c in cells[::10]]


def _vias(cells: Sequence[Cell]) -> list[tuple[int, int]]:
    return [a[1:] for a, b in zip(cells, cells[1:], strict=False) if a[0] != b[0]]


def _clash(board: Board, one: Net, other: Net) -> list[Cell]:
    """Cells of one net that are too near to another."""
    found = []
    for path in one.paths:
        grid = np.zeros(board.shape, dtype=np.float32)
        vias = np.zeros(board.shape, dtype=np.float32)
        for their in other.paths:
            for target, half in ((grid, path.half), (vias, board.via)):
                _stamp(
                    target,
                    np.array(their.cells),
                    (half + their.half + board.clearance) / GRID,
                    np.float32(1),
                )
                holes = _vias(their.cells)
                if holes:
                    both = np.array([(layer, r, c) for r, c in holes for layer in (0, 1)])
                    _stamp(
                        target, both, (half + board.via + board.clearance) / GRID, np.float32(1)
                    )
        found += [cell for cell in path.cells if grid[cell]]
        found += [
            (layer, r, c) for r, c in _vias(path.cells) for layer in (0, 1) if vias[layer, r, c]
        ]
    return found


def _segments(path: Path) -> list[tuple[int, tuple[int, int], tuple[int, int]]]:
    """(layer, from, to) of the straight pieces of a path, points as (row, column)."""
    out = []
    start = path.cells[0]
    for before, at, after in zip(
        path.cells, path.cells[1:], [*path.cells[2:], None], strict=False
    ):
        turned = after is None or any(
            b - a != c - b for a, b, c in zip(before, at, after, strict=True)
        )
        if turned:
            if start[0] == at[0]:
                out.append((at[0], start[1:], at[1:]))
            start = at
    return out


def routed(
    pads: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], rules: Mapping[str, Any]
) -> dict[str, Any]:
    """{"tracks": (net, layer, width, start, end), "vias": (net, at), "stitches": at}; ends with a
    sentence when nets still cross after the last round."""
    pads, tracks = _necks(pads, layout)
    board = Board(pads, layout, rules)
    nets = _nets(pads, layout)
    history = np.zeros(board.shape, dtype=np.float32)
    to_do = list(nets)
    where: dict[str, str] = {}
    for turn in range(ROUNDS):
        weight = 1.0 + 1.5 * turn
        for net in to_do:
            _join(board, net, [n for n in nets if n is not net], history, weight)
        to_do = []
        for net in nets:
            clashing: list[Cell] = []
            for other in nets:
                if other is not net:
                    clashing += _clash(board, net, other)
            if clashing:
                to_do.append(net)
                rows, columns = np.array(clashing)[:, 1:].mean(axis=0)
                where[net.name] = f"@{columns * GRID:.0f},{rows * GRID:.0f}"
                for cell in set(clashing):
                    history[cell] += 0.6
        names = " ".join(f"{net.name}{where[net.name]}" for net in to_do)
        print(f"round {turn + 1}: {len(to_do)} nets too near to others: {names}", file=sys.stderr)
        if not to_do:
            break
    else:
        sys.exit("The nets still cross; move something in layout.yaml.")

    vias: list[Any] = []
    for net in nets:
        for path in net.paths:
            for layer, start, end in _segments(path):
                ends = [[round(c * GRID, 3), round(r * GRID, 3)] for r, c in (start, end)]
                tracks.append([net.name, layer, 2 * path.half, *ends])
            vias += [
                [net.name, [round(c * GRID, 3), round(r * GRID, 3)]] for r, c in _vias(path.cells)
            ]
    return {"tracks": tracks, "vias": vias, "stitches": _stitches(board, nets, vias)}


def _stitches(board: Board, nets: Sequence[Net], vias: Sequence[Any]) -> list[Any]:
    """Vias between the two ground planes wherever there is room, STITCH apart."""
    taken = board.via_blocked("GND").copy()
    field_ = np.zeros(board.shape, dtype=np.float32)
    for net in nets:
        for path in net.paths:
            if net.name != "GND":
                _stamp(
                    field_,
                    np.array(path.cells),
                    (board.via + path.half + board.clearance) / GRID,
                    np.float32(1),
                )
    holes = [(0, round(y / GRID), round(x / GRID)) for _, (x, y) in vias]
    if holes:
        _stamp(field_, np.array(holes), (2 * board.via + board.hole) / GRID, np.float32(1))
    taken |= field_.any(axis=0)
    found = []
    step = round(STITCH / GRID)
    for row in range(step // 2, board.shape[1], step):
        for column in range(step // 2, board.shape[2], step):
            if not taken[row, column]:
                found.append([round(column * GRID, 3), round(row * GRID, 3)])
    return found
