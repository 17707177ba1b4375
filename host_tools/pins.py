"""The map of pins, hardware/pins.yaml: checked, and written into firmware/board.py.

With --check nothing is changed, and the exit code is 1 when the constants there are not fresh.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "hardware" / "pins.yaml"
BOARD = ROOT / "firmware" / "board.py"

BEGIN = "# pins: begin\n"
END = "# pins: end\n"

# A board cannot work without these; a display needs those of its bus besides.
ALWAYS = ("sensor_scl", "sensor_sda", "display_reset", "button", "buzzer")
OF_BUS = {
    "i2c": ("display_scl", "display_sda"),
    "spi": ("display_sck", "display_mosi", "display_dc", "display_cs"),
}
CONTROLLERS = ("ssd1306", "sh1106")


def complaints(pins: dict[str, Any]) -> list[str]:
    """Where the map asks of a chip what it cannot do, a sentence each; empty when it is sound."""
    said = []
    for target, board in pins["targets"].items():
        chip = pins["chips"][board["chip"]]
        bus = board["display"]["bus"]
        if bus not in OF_BUS:
            said.append(f"{target}: the display cannot be on {bus}; choose i2c or spi.")
        if board["display"]["controller"] not in CONTROLLERS:
            said.append(f"{target}: choose one of {', '.join(CONTROLLERS)} as controller.")
        for role in (*ALWAYS, *OF_BUS.get(bus, ())):
            if role not in board["pins"]:
                said.append(f"{target}: {role} has no pin; give it one.")
        taken: dict[int, str] = {}
        for role, pin in board["pins"].items():
            at = f"{target}: {role} on GPIO{pin}"
            if role not in pins["roles"]:
                said.append(f"{at}: there is no such role; add it to `roles` or mend the name.")
                continue
            wants = pins["roles"][role]
            if pin not in chip["pins"]:
                said.append(f"{at}: the module does not bring this pin out; choose another.")
            if pin in taken:
                said.append(f"{at}: {taken[pin]} is there already; choose another.")
            taken[pin] = role
            if pin in chip["strap"]:
                said.append(f"{at}: this pin decides how the chip boots; choose another.")
            if pin in chip["usb"]:
                said.append(f"{at}: this pin belongs to the USB; choose another.")
            if wants["direction"] == "out" and pin in chip["input_only"]:
                said.append(f"{at}: this pin can only be read; choose another.")
            needs = wants.get("needs")
            if needs and pin not in chip[needs]:
                said.append(f"{at}: this pin has no {needs}; choose one of {chip[needs]}.")
    return said


def constants(pins: dict[str, Any]) -> str:
    """The lines between the two marks in firmware/board.py."""
    lines = ["# From hardware/pins.yaml by `python -m host_tools.pins`; change it there."]
    for target, head in (("product", "if is_product:"), ("devkit", "else:")):
        board = pins["targets"][target]
        lines.append(head)
        lines += [f"    _{role.upper()} = {board['pins'].get(role)}" for role in pins["roles"]]
        lines.append(f'    _DISPLAY_BUS = "{board["display"]["bus"]}"')
        lines.append(f'    DISPLAY_CONTROLLER = "{board["display"]["controller"]}"')
        num, den = board["battery_divider"]
        lines.append(f"    BATTERY_DIVIDER = ({num}, {den})")
    return "\n".join(lines) + "\n"


def with_constants(source: str, pins: dict[str, Any]) -> str:
    """`source` of firmware/board.py with the constants of this map."""
    before, _, rest = source.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + constants(pins) + END + after


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    import yaml

    parser = argparse.ArgumentParser(prog="python -m host_tools.pins", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args(arguments).check
    pins = yaml.safe_load(PINS.read_text())
    said = complaints(pins)
    for sentence in said:
        print(sentence, file=sys.stderr)
    if said:
        return 1
    source = BOARD.read_text()
    fresh = with_constants(source, pins)
    if fresh == source:
        return 0
    if check:
        print(
            "firmware/board.py is older than hardware/pins.yaml: run `python -m host_tools.pins`.",
            file=sys.stderr,
        )
        return 1
    BOARD.write_text(fresh)
    print("firmware/board.py has the pins of hardware/pins.yaml now.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
