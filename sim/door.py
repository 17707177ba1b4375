"""The one way into the firmware from outside it.

Puts `firmware/` and the stand-in for MicroPython's own module on the import path, and hands out
the firmware's parts. Everything in sim, host_tools and tests takes them from here.
"""

import sys
from pathlib import Path

FIRMWARE = Path(__file__).resolve().parent.parent / "firmware"

for _folder in (FIRMWARE, Path(__file__).resolve().parent / "fakes"):
    if str(_folder) not in sys.path:
        sys.path.append(str(_folder))

from oximeter import core, crash, guide, identity, menu, settings, terms, verdict  # noqa: E402
from oximeter.app import App  # noqa: E402
from oximeter.core import field, track  # noqa: E402
from oximeter.drivers import (  # noqa: E402
    battery,
    bus,
    button,
    buzzer,
    i2c_port,
    max30102,
    oled,
    spi_port,
)
from oximeter.ui import picture, screens  # noqa: E402

__all__ = [
    "App",
    "FIRMWARE",
    "battery",
    "bus",
    "button",
    "buzzer",
    "core",
    "crash",
    "field",
    "guide",
    "i2c_port",
    "identity",
    "max30102",
    "menu",
    "oled",
    "picture",
    "settings",
    "screens",
    "spi_port",
    "terms",
    "track",
    "verdict",
]
