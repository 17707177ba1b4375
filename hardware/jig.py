"""The jig of sixteen slots: pin plate and wiring from the board file and jig.yaml.

python -m hardware.jig        checks; writes nothing
"""

import csv
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from hardware import copper
from hardware.netlist import HERE

JIG = HERE / "jig.yaml"
TARGETS = ("dark", "grey", "infrared", "modulated")


def described() -> dict[str, Any]:
    """hardware/jig.yaml."""
    return yaml.safe_load(JIG.read_text())


def landing(board: copper.Board) -> dict[str, copper.Pad]:
    """The board's test pads."""
    return {pad.reference: pad for pad in board.pads if pad.reference.startswith("TP")}


def complaints(jig: Mapping[str, Any], board: copper.Board) -> Iterator[str]:
    """Where jig and board disagree, a sentence each."""
    pads = landing(board)
    for name in sorted({*pads, *jig["pads"]}):
        if name not in pads:
            yield f"{name}: the board has no such pad."
        elif name not in jig["pads"]:
            yield f"{name}: the jig does not say what it is for."
        else:
            pad, told = pads[name], jig["pads"][name]
            if pad.net != told["net"]:
                yield f"{name}: is {pad.net} on the board, {told['net']} in the jig."
            if told["by"] not in jig["electronics"]:
                yield f"{name}: no electronics {told['by']}."
            if pad.layers != {copper.BACK}:
                yield f"{name}: the pins come from the finger's side."
    served = {told["net"] for told in jig["pads"].values()}
    for net in jig["needed"]:
        if net not in served:
            yield f"{net}: the factory needs it and no pin brings it."
    spots = [pad.at for pad in pads.values()]
    for i, one in enumerate(spots):
        for other in spots[:i]:
            if math.dist(one, other) < jig["pin"]["least_apart"]:
                yield f"two receptacles {math.dist(one, other):.2f} mm apart."
    allowed = jig["tolerance"]
    off = sum(value for name, value in allowed.items() if name != "on_pad")
    for name, pad in pads.items():
        if min(pad.reach) - off < allowed["on_pad"]:
            yield f"{name}: with all tolerances a tip may stand {off:.2f} mm off its middle."
            break
    columns, (along, across) = jig["slots"]["columns"], jig["slots"]["pitch"]
    if along < board.size[0] + 20 or across < board.size[1] + 20:
        yield "the slots are too near for their nests and a hand."
    if jig["slots"]["count"] % columns:
        yield "the slots do not fill their rows."
    yield from _pushers(jig, board)
    ways = [jig["targets"].get(name, {}).get("at") for name in TARGETS]
    for name, at in zip(TARGETS, ways, strict=True):
        if at is None:
            yield f"the slide has no {name} target."
    stops = sorted(at for at in ways if at is not None)
    if any(b - a < 20 for a, b in zip(stops, stops[1:], strict=False)):
        yield "two targets are nearer than the sensor's sight."


def _pushers(jig: Mapping[str, Any], board: copper.Board) -> Iterator[str]:
    """On bare board, and together able to hold against the pins."""
    from hardware.enclosure import model

    sizes = model.measures()
    glass, radius = sizes["glass"], jig["pushers"]["diameter"] / 2
    boxes = [
        (pad.reference, pad.at, pad.reach) for pad in board.pads if copper.FRONT in pad.layers
    ]
    for reference, (long, wide, _) in sizes["bodies"].items():
        if board.side[reference] == copper.FRONT:
            at = model.place(board, reference)
            if reference == "U1":
                at = (board.size[0] - long / 2, at[1])
            boxes.append((reference, at, (long / 2, wide / 2)))
    middle = (glass["from"] + glass["length"] / 2, board.size[1] / 2)
    boxes.append(("the glass", middle, (glass["length"] / 2, glass["width"] / 2)))
    for x, y in jig["pushers"]["at"]:
        if not (radius <= x <= board.size[0] - radius and 0.8 <= y <= board.size[1] - 0.8):
            yield f"the pusher at {x}, {y} misses the board."
        for what, at, reach in boxes:
            if all(abs((x, y)[i] - at[i]) < reach[i] + radius + 0.2 for i in (0, 1)):
                yield f"the pusher at {x}, {y} presses on {what}."


def positions(jig: Mapping[str, Any], board: copper.Board) -> list[dict[str, Any]]:
    """Every hole of the pin plate, seen from above: slot, pad, net, x and y in mm."""
    rows = []
    for slot in range(jig["slots"]["count"]):
        row, column = divmod(slot, jig["slots"]["columns"])
        left, top = column * jig["slots"]["pitch"][0], row * jig["slots"]["pitch"][1]
        for name, pad in landing(board).items():
            at = (round(left + pad.at[0], 3), round(top + pad.at[1], 3))
            rows.append({"slot": slot + 1, "pad": name, "net": pad.net, "x": at[0], "y": at[1]})
    return rows


def cost_usd(jig: Mapping[str, Any]) -> float:
    """Of a whole jig: an estimate."""
    slot = sum(part["price"] for part in jig["electronics"].values())
    slot += sum(part["price"] for part in jig["other_parts"] if part["for"] == "slot")
    whole = sum(part["price"] for part in jig["other_parts"] if part["for"] == "jig")
    return jig["slots"]["count"] * slot + whole


def made(out: Path) -> None:
    """The plate as CSV, Excellon and a picture, and the wiring as a page."""
    out.mkdir(parents=True, exist_ok=True)
    jig, board = described(), copper.read(copper.BOARD.read_text())
    rows = positions(jig, board)
    with (out / "pins.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    holes = "\n".join(f"X{row['x']:.3f}Y{-row['y']:.3f}" for row in rows)
    tool = jig["pin"]["receptacle"]
    (out / "pin-plate.drl").write_text(
        f"M48\nMETRIC\nT1C{tool:.3f}\n%\nG90\nG05\nT1\n{holes}\nM30\n"
    )
    wiring = [
        "# Wiring of a slot (unreviewed)",
        "",
        "| pad | net | to | does |",
        "|---|---|---|---|",
    ]
    for name, told in jig["pads"].items():
        line = jig["electronics"][told["by"]]["what"]
        wiring.append(f"| {name} | {told['net']} | {line} | {told['does']} |")
    wiring += ["", "| target | slide at, mm | made of | does |", "|---|--:|---|---|"]
    for name in TARGETS:
        told = jig["targets"][name]
        wiring.append(f"| {name} | {told['at']} | {told['made_of']} | {told['does']} |")
    force = jig["pin"]["force_n"] * len(jig["pads"])
    wiring += [
        "",
        f"Pins: {jig['pin']['part']}. {len(jig['pads'])} a slot press with {force:.0f} N; all "
        f"{jig['slots']['count']} slots with {force * jig['slots']['count']:.0f} N.",
        f"A jig costs some {cost_usd(jig):.0f} dollars (estimate).",
    ]
    (out / "wiring.md").write_text("\n".join(wiring) + "\n")
    _drawn(jig, board, rows, out / "pin-plate.png")


def _drawn(
    jig: Mapping[str, Any], board: copper.Board, rows: list[dict[str, Any]], path: Path
) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (plate, one) = pyplot.subplots(1, 2, figsize=(16, 7), width_ratios=(1, 1.15))
    columns, (along, across) = jig["slots"]["columns"], jig["slots"]["pitch"]
    for slot in range(jig["slots"]["count"]):
        row, column = divmod(slot, columns)
        corner = (column * along, row * across)
        plate.add_patch(pyplot.Rectangle(corner, *board.size, fill=False, lw=0.8))
        plate.text(
            corner[0] + board.size[0] / 2, corner[1] + board.size[1] / 2, str(slot + 1),
            ha="center", va="center", fontsize=14,
        )  # fmt: skip
    plate.plot([r["x"] for r in rows], [r["y"] for r in rows], ".", ms=3, color="#b06000")
    plate.set_title("pin plate, seen from above (mm)")
    one.add_patch(pyplot.Rectangle((0, 0), *board.size, fill=False))
    for name, pad in landing(board).items():
        one.add_patch(pyplot.Circle(pad.at, pad.reach[0], color="#b06000"))
        low = pad.at[1] < board.size[1] / 2
        one.text(
            pad.at[0], pad.at[1] + (1.3 if low else -1.3), f"{name} {pad.net}",
            rotation=90, ha="center", va="top" if low else "bottom", fontsize=9,
        )  # fmt: skip
    for x, y in jig["pushers"]["at"]:
        one.add_patch(pyplot.Circle((x, y), jig["pushers"]["diameter"] / 2, fill=False, ec="blue"))
    from hardware.enclosure.model import place

    sensor = place(board, "U4")
    one.add_patch(pyplot.Rectangle((sensor[0] - 1.65, sensor[1] - 2.8), 3.3, 5.6, color="#c02020"))
    one.text(sensor[0] + 2.2, sensor[1], "sensor over the targets", va="center", fontsize=9)
    one.set_title("one slot: pins (brown) from below, pushers (blue) from above")
    for axes in (plate, one):
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.autoscale_view()
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def gates() -> list[str]:
    """Every check of the committed jig on the committed board."""
    return list(complaints(described(), copper.read(copper.BOARD.read_text())))


def main() -> int:
    """The command; returns its exit code."""
    said = gates()
    for sentence in said:
        print(sentence, file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
