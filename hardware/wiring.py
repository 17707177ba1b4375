"""The design against the map of pins: python -m hardware.wiring."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hardware.netlist import Netlist, designed, parts, pins_on
from hardware.rails import GROUND, Circuit

PINS = Path(__file__).parent / "pins.yaml"
TARGET = "product"
MODULE = "module"  # the key in parts.yaml of what carries the chip
MOST_OHM = 1_000_000  # a line that goes through more reaches nothing


def complaints(netlist: Netlist, pins: Mapping[str, Any], book: Mapping[str, Any]) -> list[str]:
    """Where the circuit and pins.yaml disagree, a sentence each."""
    said = []
    target = pins["targets"][TARGET]
    chip = pins["chips"][target["chip"]]
    modules = [(r, c) for r, c in netlist.items() if c.part == MODULE]
    if len(modules) != 1:
        return [f"there are {len(modules)} microcontrollers on the board, not one."]
    reference, module = modules[0]
    # The library names a pin IO20/RXD; its number is what counts.
    net_at = {
        int(pin.split("/")[0].removeprefix("IO")): net
        for pin, net in module.nets.items()
        if pin.startswith("IO")
    }
    nets = pins_on(netlist)
    circuit = Circuit(netlist, book)

    for role, pin in target["pins"].items():
        at = f"{role} on GPIO{pin} ({reference})"
        net = net_at.get(pin, "nothing")
        if net != role.upper():
            said.append(f"{at}: the net there is {net}, not {role.upper()}.")
            continue
        part, wanted = pins["roles"][role]["reaches"]
        near = [net] + [
            other
            for _, ohm, other in circuit.resistors(net)
            if ohm <= MOST_OHM and other != GROUND
        ]
        reached = {(netlist[r].part, p) for name in near for r, p in nets[name]}
        if (part, wanted) not in reached:
            said.append(f"{at}: does not come to {part} {wanted}.")
    for pin, net in sorted(net_at.items()):
        on = {(netlist[r].part, r) for r, _ in nets[net] if r != reference}
        if pin in chip["strap"]:
            strange = sorted(r for part, r in on if not part.startswith("r") and part != "pad")
            said += [
                f"{r}: hangs on GPIO{pin}, which decides how the chip boots." for r in strange
            ]
        if pin in chip["usb"] and not {"esd", "pad"} <= {part for part, _ in on}:
            said.append(f"GPIO{pin}: the USB needs its pad and its protection.")
    usb = chip["usb"]  # D- before D+
    for pin, net in zip(usb, ("USB_D-", "USB_D+"), strict=True):
        if net_at.get(pin) != net:
            said.append(f"GPIO{pin}: must be {net}.")
    buses = {
        bus: {net_at.get(target["pins"][f"{bus}_{line}"]) for line in ("scl", "sda")}
        for bus in ("sensor", "display")
    }
    if buses["sensor"] & buses["display"]:
        said.append("the display must be on another bus than the sensor.")

    num, den = target["battery_divider"]
    adc = net_at.get(target["pins"]["battery_adc"], "")
    up = [ohm for _, ohm, other in circuit.resistors(adc) if other != GROUND]
    down = [ohm for _, ohm, other in circuit.resistors(adc) if other == GROUND]
    if len(up) != 1 or len(down) != 1 or abs((up[0] + down[0]) / down[0] - num / den) > 0.01:
        said.append(f"the battery's divider is not the {num} to {den} that the firmware is told.")
    return said


def main() -> int:
    """The command; returns its exit code."""
    said = complaints(designed(), yaml.safe_load(PINS.read_text()), parts())
    for sentence in said:
        print(sentence, file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
