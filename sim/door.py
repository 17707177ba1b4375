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

import bluetooth  # noqa: E402
from oximeter import (  # noqa: E402
    core,
    crash,
    guide,
    identity,
    log,
    log_end,
    menu,
    settings,
    terms,
    verdict,
)
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
    registers,
    spi_port,
)
from oximeter.link import bonds, console, erase, plx, services  # noqa: E402
from oximeter.ui import picture, screens  # noqa: E402

__all__ = [
    "App",
    "FIRMWARE",
    "battery",
    "bluetooth",
    "bonds",
    "bus",
    "button",
    "buzzer",
    "console",
    "core",
    "crash",
    "erase",
    "field",
    "guide",
    "i2c_port",
    "identity",
    "log",
    "log_end",
    "max30102",
    "menu",
    "oled",
    "picture",
    "plx",
    "registers",
    "screens",
    "spi_port",
    "services",
    "settings",
    "terms",
    "track",
    "verdict",
]
