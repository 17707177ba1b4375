"""The wiring picture of the development board, from pins.yaml: hardware/devkit-wiring.svg.

python -m hardware.devkit            draws it
python -m hardware.devkit --check    only looks whether it is fresh
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from hardware.netlist import HERE

PICTURE = HERE / "devkit-wiring.svg"
PINS = HERE / "pins.yaml"

# The 30 pins of the usual kit, from the antenna down to the USB plug, as they are printed.
LEFT = (
    *("EN", "VP", "VN", "D34", "D35", "D32", "D33", "D25", "D26", "D27"),
    *("D14", "D12", "D13", "GND", "VIN"),
)
RIGHT = (
    *("D23", "D22", "TX0", "RX0", "D21", "D19", "D18", "D5", "TX2", "RX2"),
    *("D4", "D2", "D15", "GND", "3V3"),
)

STEP = 1.0
BODY = (0.0, 5.0)  # left and right edge of the kit
TOP = 15.0

# (title, side, where its first pin stands, its pins: (printed name, role or supply, colour))
MODULES = (
    (
        "MAX30102 breakout",
        "right",
        13.5,
        (
            ("VIN", "3V3", "red"),
            ("SCL", "sensor_scl", "#0060c0"),
            ("SDA", "sensor_sda", "#008040"),
            ("GND", "GND", "black"),
        ),
    ),
    (
        "OLED 0.96 inch, SSD1306, I2C",
        "left",
        14.5,
        (
            ("VCC", "3V3", "red"),
            ("SDA", "display_sda", "#008040"),
            ("SCL", "display_scl", "#0060c0"),
            ("GND", "GND", "black"),
        ),
    ),
    (
        "piezo, by 1 kOhm (if you like)",
        "left",
        8.6,
        (("+", "buzzer", "#b06000"), ("-", "GND", "black")),
    ),
    (
        "push button",
        "left",
        5.2,
        (("1", "button", "#8000a0"), ("2", "GND", "black")),
    ),
)


def wires(pins: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """(module, its pin, what it goes to on the kit, colour) of every wire. ValueError when the
    kit does not bring a pin out."""
    target = pins["targets"]["devkit"]
    found = []
    for title, _, _, legs in MODULES:
        for name, role, colour in legs:
            goes = role if role in ("3V3", "GND") else f"D{target['pins'][role]}"
            if goes not in (*LEFT, *RIGHT):
                raise ValueError(f"{role}: the usual kit does not bring {goes} out.")
            found.append((title, name, goes, colour))
    return found


def drawn(pins: dict[str, Any]) -> str:
    """The picture as SVG text; the same bytes for the same pins."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.hashsalt": "xueyang", "svg.fonttype": "none"}):
        figure = pyplot.figure(figsize=(11, 7.5))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(-13, 18)
        axes.set_ylim(-3.6, 17.5)
        axes.axis("off")
        _kit(axes, pyplot)
        _rails(axes)
        target = pins["targets"]["devkit"]["pins"]
        for lane, (title, side, first, legs) in enumerate(MODULES):
            _module(axes, pyplot, lane, title, side, first, legs, target)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


RAILS = {"3V3": (-1.4, "red"), "GND": (-2.4, "black")}


def _height(name: str) -> tuple[str, float]:
    side = "left" if name in LEFT else "right"
    return side, TOP - STEP * (LEFT if side == "left" else RIGHT).index(name) - 0.5


def _kit(axes: Any, pyplot: Any) -> None:
    left, right = BODY
    axes.add_patch(
        pyplot.Rectangle((left, -0.3), right - left, TOP + 1.3, facecolor="#e8ecf0", ec="black")
    )
    axes.text((left + right) / 2, 8, "ESP32\ndevelopment kit\n\n(names as printed)", ha="center")
    axes.text((left + right) / 2, TOP + 0.35, "antenna", ha="center", fontsize=8)
    axes.text((left + right) / 2, -0.05, "USB", ha="center", fontsize=8)
    for names, x, lean in ((LEFT, left, 1), (RIGHT, right, -1)):
        for i, name in enumerate(names):
            y = TOP - STEP * i - 0.5
            axes.plot(x, y, "o", color="#b08000", ms=5)
            axes.text(x + 0.25 * lean, y, name, ha="left" if lean > 0 else "right", va="center",
                      fontsize=8)  # fmt: skip


def _rails(axes: Any) -> None:
    for name, (y, colour) in RAILS.items():
        axes.plot([-12, 15.5], [y, y], color=colour, lw=3)
        axes.text(15.8, y, "3.3 V" if name == "3V3" else "GND", va="center", color=colour)
    for name, x in (("3V3", 5.7), ("GND", 6.2)):
        y, colour = RAILS[name]
        at = TOP - STEP * RIGHT.index(name) - 0.5
        axes.plot([BODY[1], x, x], [at, at, y], color=colour, lw=1.6)
        axes.plot(x, y, "o", color=colour, ms=5)


def _module(
    axes: Any,
    pyplot: Any,
    lane: int,
    title: str,
    side: str,
    first: float,
    legs: Sequence[tuple[str, str, str]],
    target: dict[str, int],
) -> None:
    """A module beside the kit, a wire from each of its pins."""
    lean = 1 if side == "right" else -1
    edge = 10.5 if side == "right" else -6.0
    high = STEP * len(legs)
    corner = (edge if lean > 0 else edge - 5.5, first - high + 0.5)
    axes.add_patch(pyplot.Rectangle(corner, 5.5, high, facecolor="#f4f0e4", ec="black"))
    axes.text(corner[0] + 2.75, corner[1] + high + 0.2, title, ha="center", fontsize=9)
    for i, (name, role, colour) in enumerate(legs):
        y = first - STEP * i
        axes.plot(edge, y, "o", color="#b08000", ms=5)
        axes.text(edge + 0.3 * lean, y, name, ha="left" if lean > 0 else "right", va="center",
                  fontsize=9)  # fmt: skip
        if role in RAILS:
            x = edge - lean * (0.6 + 0.5 * lane + (0.25 if role == "GND" else 0.0))
            rail, _ = RAILS[role]
            axes.plot([edge, x, x], [y, y, rail], color=colour, lw=1.6)
            axes.plot(x, rail, "o", color=colour, ms=5)
            continue
        _, there = _height(f"D{target[role]}")
        x = (BODY[1] if lean > 0 else BODY[0]) + lean * (0.7 + 0.45 * i + 0.5 * lane)
        axes.plot([edge, x, x, BODY[1] if lean > 0 else BODY[0]], [y, y, there, there],
                  color=colour, lw=1.8)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m hardware.devkit", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args(arguments).check
    text = drawn(yaml.safe_load(PINS.read_text()))
    path = Path(PICTURE)
    if not check:
        path.write_text(text)
    elif not path.exists() or path.read_text() != text:
        print(f"{path.name} is older than pins.yaml: run `python -m hardware.devkit`.",
              file=sys.stderr)  # fmt: skip
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
