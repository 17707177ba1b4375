"""Spoiled jigs, and boards that the jig no longer fits."""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from hardware import copper, jig

Spoil = Callable[[dict[str, Any]], Any]

JIG: dict[str, tuple[Spoil, str]] = {
    "two pads exchanged": (
        lambda j: j["pads"].update(TP3=j["pads"]["TP4"], TP4=j["pads"]["TP3"]),
        "TP3: is +3V3",
    ),
    "a pad forgotten": (lambda j: j["pads"].pop("TP5"), "TP5: the jig does not say"),
    "a pad that is not there": (
        lambda j: j["pads"].update(TP99=j["pads"]["TP5"]),
        "TP99: the board has no such pad",
    ),
    "no way to boot": (lambda j: j["pads"].pop("TP11"), "BOOT: the factory needs it"),
    "a pusher on the module": (lambda j: j["pushers"]["at"].append([54, 16]), "presses on U1"),
    "a pusher on the glass": (
        lambda j: j["pushers"]["at"].append([10, 10]),
        "presses on the glass",
    ),
    "a pusher beside the board": (
        lambda j: j["pushers"]["at"].append([70, 5]),
        "misses the board",
    ),
    "a loose nest": (lambda j: j["tolerance"].update(nest=0.5), "with all tolerances"),
    "slots too near": (lambda j: j["slots"].update(pitch=[70, 60]), "too near"),
    "no infrared target": (lambda j: j["targets"].pop("infrared"), "no infrared target"),
    "two targets in sight": (lambda j: j["targets"]["grey"].update(at=5), "sensor's sight"),
    "thick receptacles": (lambda j: j["pin"].update(least_apart=5.0), "two receptacles"),
}


def spoiled() -> Iterator[tuple[str, str, Iterable[str]]]:
    """(name, words that the complaint must have, what the gates say) of each."""
    board = copper.read(copper.BOARD.read_text())
    for name, (spoil, words) in JIG.items():
        told = copy.deepcopy(jig.described())
        spoil(told)
        yield name, words, list(jig.complaints(told, board))
    turned = replace(
        board,
        pads=[
            replace(p, layers=frozenset({copper.FRONT})) if p.reference == "TP1" else p
            for p in board.pads
        ],
    )
    said = list(jig.complaints(jig.described(), turned))
    yield "a pad on the display's side", "TP1: the pins come", said
