"""The design against the datasheets' limits in rails.yaml: voltages, levels, rests, order.

    python -m hardware.rails        the design, and every rail's range

Each rule names its part by the maker's number, so that another part needs rules of its own; a rule
that matches nothing is a complaint too.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from hardware.netlist import Component, Netlist, designed, parts, pins_on

RAILS = Path(__file__).parent / "rails.yaml"
GROUND = "GND"

Range = tuple[float, float]

_UNITS = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6}


def quantity(text: str) -> float:
    """What is printed as 4k7, 430k, 1M, 100nF, 2.2uF, in SI units."""
    text = text.rstrip("FHΩ")
    for letter, factor in _UNITS.items():
        whole, found, part = text.partition(letter)
        if found:
            return float(f"{whole}.{part}" if part else whole) * factor
    return float(text)


class Circuit:
    """A netlist with what its parts are: the questions that the rules ask of it."""

    def __init__(self, netlist: Netlist, book: Mapping[str, Any]) -> None:
        self.netlist = netlist
        self._board = book["board"]
        self._nets = pins_on(netlist)

    def mpn(self, reference: str) -> str:
        return self._board.get(self.netlist[reference].part, {}).get("mpn", "?")

    def of(self, mpn: str) -> list[tuple[str, Component]]:
        """Where this part stands on the board."""
        return [(r, c) for r, c in self.netlist.items() if self.mpn(r) == mpn]

    def two_terminal(self, symbol: str, net: str) -> list[tuple[str, float, str]]:
        """(reference, value, other net) of each resistor or capacitor at a net."""
        found = []
        for reference, pin in sorted(self._nets.get(net, ())):
            part = self._board.get(self.netlist[reference].part, {})
            if part.get("symbol") == symbol:
                other = self.netlist[reference].nets["2" if pin == "1" else "1"]
                found.append((reference, quantity(part["value"]), other))
        return found

    def resistors(self, net: str) -> list[tuple[str, float, str]]:
        return self.two_terminal("Device:R", net)

    def fets(self, part: str, pin: str, net: str) -> list[Component]:
        """The transistors of this part with this pin on this net."""
        on = self._nets.get(net, ())
        return [
            self.netlist[r] for r, p in sorted(on) if p == pin and self.netlist[r].part == part
        ]


def supplies(circuit: Circuit, rules: Mapping[str, Any]) -> dict[str, Range]:
    """Lowest and highest voltage of every rail, followed from the cells and the cable onwards."""
    rails: dict[str, Range] = {GROUND: (0.0, 0.0)}
    for source in ("cells", "cable"):
        reference, pin = rules[source]["pin"]
        if reference in circuit.netlist:
            low, high = rules[source]["volts"]
            rails[circuit.netlist[reference].nets[pin]] = (low, high)
    for _ in circuit.netlist:  # each round goes one part further
        for reference, component in circuit.netlist.items():
            nets = component.nets
            rule = rules["regulators"].get(circuit.mpn(reference))
            if rule and nets[rule["in"]] in rails:
                if "volts" in rule:
                    rails.setdefault(nets[rule["out"]], tuple(rule["volts"]))
                else:
                    divided = _boosted(circuit, nets, rule, rules["resistor_tolerance"])
                    if divided:
                        rails.setdefault(nets[rule["out"]], divided)
            drop = rules["drops"].get(component.part)
            ends = {"fuse": ("1", "2"), "p_fet": ("S", "D")}.get(component.part)
            if drop and ends:
                for here, there in (ends, ends[::-1]):
                    if nets[here] in rails and nets[there] not in rails:
                        low, high = rails[nets[here]]
                        rails[nets[there]] = (low - drop[1], high - drop[0])
    return rails


def _boosted(
    circuit: Circuit, nets: Mapping[str, str], rule: Mapping[str, Any], tolerance: float
) -> Range | None:
    at = circuit.resistors(nets[rule["feedback"]])
    tops = [ohm for _, ohm, other in at if other == nets[rule["out"]]]
    bottoms = [ohm for _, ohm, other in at if other == GROUND]
    if len(tops) != 1 or len(bottoms) != 1:
        return None
    ratio = tops[0] / bottoms[0]
    spread = (1 + tolerance) / (1 - tolerance)
    low, high = rule["reference"]
    return low * (1 + ratio / spread), high * (1 + ratio * spread)


def level(
    circuit: Circuit, rails: Mapping[str, Range], net: str, tolerance: float
) -> Range | None:
    """The high level of a line as its resistors alone make it; None when nothing pulls it."""
    if net in rails:
        return rails[net]
    ups = [
        (ohm, rails[other])
        for _, ohm, other in circuit.resistors(net)
        if other in rails and other != GROUND
    ]
    downs = [ohm for _, ohm, other in circuit.resistors(net) if other == GROUND]
    if not ups:
        return None
    ohm, (low, high) = max(ups, key=lambda up: up[1][1])
    if not downs:
        return low, high
    down = 1 / sum(1 / d for d in downs)
    spread = (1 + tolerance) / (1 - tolerance)
    return low / (1 + ohm / down * spread), high / (1 + ohm / down / spread)


def complaints(netlist: Netlist, rules: Mapping[str, Any], book: Mapping[str, Any]) -> list[str]:
    """Where the design breaks a limit, a sentence each."""
    circuit = Circuit(netlist, book)
    rails = supplies(circuit, rules)
    return [
        *_voltages(circuit, rules, rails),
        *_capacitors(circuit, rules),
        *_rests(circuit, rules, rails),
        *_order(circuit, rules),
        *_ties(circuit, rules),
        *_protection(circuit, rules),
    ]


def _places(circuit: Circuit, mpn: str, pin: str) -> list[tuple[str, str]]:
    """(reference, net) of this pin wherever the part stands."""
    return [(r, c.nets[pin]) for r, c in circuit.of(mpn) if pin in c.nets]


def _unmatched(mpn: str, pin: str) -> str:
    return f"{mpn} {pin}: a rule of rails.yaml finds no such pin on the board."


def _voltages(
    circuit: Circuit, rules: Mapping[str, Any], rails: Mapping[str, Range]
) -> Iterator[str]:
    """Every pin within its limits, and high enough where a high level is to be seen."""
    for mpn, sheet in rules["limits"].items():
        for pin, limit in sheet["pins"].items():
            places = _places(circuit, mpn, pin)
            if not places:
                yield _unmatched(mpn, pin)
            for reference, net in places:
                at = f"{reference} {pin} ({mpn}) on {net}"
                is_supply = limit["recommended"][0] > 0
                volts = level(circuit, rails, net, rules["resistor_tolerance"])
                if volts is None:
                    if is_supply:
                        yield f"{at}: no supply reaches this net."
                    continue
                low, high = volts
                least, most = limit["absolute"]
                span = f"{low:.2f} to {high:.2f} V"
                if low < least or high > most:
                    yield f"{at}: {span} breaks the absolute limit of {least} to {most} V."
                    continue
                least, most = _allowed(rules, mpn, pin)
                if high > most or (is_supply and low < least):
                    yield f"{at}: {span} is outside the recommended {least} to {most} V."
                needed = limit.get("high", 0.0)
                if needed is True:
                    supply = rails.get(circuit.netlist[reference].nets["3V3"], (0.0, 0.0))
                    needed = sheet["high_of_supply"] * supply[1]
                if low < needed:
                    yield f"{at}: its high level may be {low:.2f} V; it takes {needed:.2f} V."


def _allowed(rules: Mapping[str, Any], mpn: str, pin: str) -> Range:
    """The recommended range, widened where rails.yaml excuses it."""
    least, most = rules["limits"][mpn]["pins"][pin]["recommended"]
    for excuse in rules["excused"]:
        if (excuse["part"], excuse["pin"]) == (mpn, pin):
            least, most = min(least, excuse["to"][0]), max(most, excuse["to"][1])
    return least, most


def _capacitors(circuit: Circuit, rules: Mapping[str, Any]) -> Iterator[str]:
    for rule in rules["capacitors"]:
        places = _places(circuit, rule["part"], rule["pin"])
        if not places:
            yield _unmatched(rule["part"], rule["pin"])
        for reference, net in places:
            to_ground = [v for _, v, o in circuit.two_terminal("Device:C", net) if o == GROUND]
            microfarad = 1e6 * sum(to_ground)
            if microfarad < 0.999 * rule["least"]:
                at = f"{reference} {rule['pin']}"
                yield f"{at}: {microfarad:.1f} uF to ground; it needs {rule['least']}."


def _rests(
    circuit: Circuit, rules: Mapping[str, Any], rails: Mapping[str, Range]
) -> Iterator[str]:
    for rule in rules["rests"]:
        places = _places(circuit, rule["part"], rule["pin"])
        if not places:
            yield _unmatched(rule["part"], rule["pin"])
        for reference, net in places:
            pulls = circuit.resistors(net)
            up = [ohm for _, ohm, other in pulls if other in rails and other != GROUND]
            down = [ohm for _, ohm, other in pulls if other == GROUND]
            right, wrong = (up, down) if rule["to"] == "supply" else (down, up)
            least, most = rule["ohm"]
            if wrong or len(right) != 1 or not least <= right[0] <= most:
                yield (
                    f"{reference} {rule['pin']}: must rest at {rule['to']} through one resistor "
                    f"of {least} to {most} ohm; it has {len(up)} up and {len(down)} down."
                )


def _order(circuit: Circuit, rules: Mapping[str, Any]) -> Iterator[str]:
    for rule in rules["order"]:
        if not circuit.of(rule["part"]):
            yield _unmatched(rule["part"], rule["then"])
        for reference, component in circuit.of(rule["part"]):
            first, then = component.nets[rule["first"]], component.nets[rule["then"]]
            if not _switched_by(circuit, then, first):
                yield f"{reference}: {rule['then']} must be switched on by {first}."


def _ties(circuit: Circuit, rules: Mapping[str, Any]) -> Iterator[str]:
    for mpn, ties in rules["tied"].items():
        if not circuit.of(mpn):
            yield _unmatched(mpn, "tied")
        for reference, component in circuit.of(mpn):
            nets = component.nets
            for pin in ties.get("ground", ()):
                if nets.get(pin) != GROUND:
                    yield f"{reference} {pin}: must be on ground."
            for pin in ties.get("supply", ()):
                if nets.get(pin) != nets["VDD"]:
                    yield f"{reference} {pin}: must be on the supply of its logic."
            for one, other in ties.get("same", ()):
                if nets.get(one) != nets.get(other):
                    yield f"{reference}: {one} and {other} must be one net."


def _switched_by(circuit: Circuit, then: str, first: str) -> bool:
    """Whether a P-channel switch feeds `then`, opened by an N-channel one on the net `first`."""
    for switch in circuit.fets("p_fet", "D", then):
        gate = switch.nets["G"]
        beyond = [other for _, _, other in circuit.resistors(gate)]
        closed = switch.nets["S"] in beyond
        drivers = [t for net in (gate, *beyond) for t in circuit.fets("n_fet", "D", net)]
        if closed and any(t.nets["G"] == first and t.nets["S"] == GROUND for t in drivers):
            return True
    return False


def _protection(circuit: Circuit, rules: Mapping[str, Any]) -> Iterator[str]:
    """The way from the cells, and a cable that feeds nothing."""
    part_of = {reference: component.part for reference, component in circuit.netlist.items()}
    nets = pins_on(circuit.netlist)

    def neighbours(reference: str, pin: str) -> tuple[str, list[tuple[str, str]]]:
        net = circuit.netlist[reference].nets[pin]
        return net, sorted(p for p in nets[net] if p[0] != reference)

    cells, behind = neighbours(*rules["cells"]["pin"])
    if [part_of[r] for r, _ in behind] != ["fuse"]:
        yield f"{cells}: the cells must lead to the fuse and to nothing else."
    else:
        fuse, near = behind[0]
        fused, behind = neighbours(fuse, "2" if near == "1" else "1")
        if [(part_of[r], pin) for r, pin in behind] != [("p_fet", "D")]:
            yield f"{fused}: after the fuse comes the drain of the guard, and nothing else."
        elif circuit.netlist[behind[0][0]].nets["G"] != GROUND:
            yield f"{behind[0][0]}: a turned cell gets through unless its gate is on ground."
    for reference, _ in neighbours(*rules["cable"]["pin"])[1]:
        if part_of[reference] not in ("pad", "esd") and not part_of[reference].startswith("r"):
            yield f"{reference}: hangs on the cable's 5 V, which may feed nothing."


def main() -> int:
    """The command; returns its exit code."""
    rules, book, netlist = yaml.safe_load(RAILS.read_text()), parts(), designed()
    for rail, (low, high) in sorted(supplies(Circuit(netlist, book), rules).items()):
        print(f"{rail:10} {low:5.2f} to {high:5.2f} V")
    said = complaints(netlist, rules, book)
    for sentence in said:
        print(sentence, file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
