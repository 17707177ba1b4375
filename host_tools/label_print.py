"""Printing labels so that none is lost count of: recorded first, settled when they are out.

What a kill leaves in between is not guessed: whoever stands at the printer is asked.
"""

import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from host_tools import label
from host_tools.identity import Identity
from host_tools.label import Bitmap, Product
from host_tools.sentences import say

PRINTER_PORT = 9100  # where such printers take raw data
_FORMATS = ("zpl", "pdf", "png")


class PrintError(Exception):
    """Labels did not come out; the text is a sentence that says what to do."""


def sender(out: Path | None, printer: str | None) -> Callable[[Sequence[Bitmap]], None]:
    """What brings labels out: into a file (by its ending .zpl, .pdf or .png, a .png holds one), or
    to a printer at HOST or HOST:PORT. Raises ValueError."""
    if (out is None) == (printer is None):
        raise ValueError(say("label_where"))
    if printer is not None:
        host, _, port = printer.partition(":")
        if port and not port.isdigit():
            raise ValueError(say("no_printer", printer=printer))
        return lambda labels: _to_printer(labels, host, int(port or PRINTER_PORT))
    assert out is not None
    kind = out.suffix.lstrip(".").lower()
    if kind not in _FORMATS:
        raise ValueError(say("label_ending", path=out))
    return lambda labels: _to_file(labels, out, kind)


def _to_file(labels: Sequence[Bitmap], out: Path, kind: str) -> None:
    if kind == "png" and len(labels) > 1:
        raise PrintError(say("one_label"))
    content = {
        "zpl": lambda: label.zpl(labels).encode("ascii"),
        "pdf": lambda: label.pdf(labels),
        "png": lambda: label.png(labels[0]),
    }[kind]()
    new = out.with_name(f".{out.name}.new")
    try:
        new.write_bytes(content)
        new.replace(out)
    except OSError as error:
        raise PrintError(say("no_file", path=out, error=error.strerror)) from None


def _to_printer(labels: Sequence[Bitmap], host: str, port: int) -> None:
    try:
        with socket.create_connection((host, port), timeout=10) as connection:
            connection.sendall(label.zpl(labels).encode("ascii"))
    except OSError as error:
        raise PrintError(say("printer_refuses", printer=f"{host}:{port}", error=error)) from None


def print_units(
    store: Any,
    station_name: str,
    worker: str,
    serials: Sequence[str],
    product: Product | None,
    send: Callable[[Sequence[Bitmap]], None],
) -> list[tuple[str, int]]:
    """Labels of units, drawn, recorded, sent, settled, in this order; (serial, copy) each.

    Raises StoreError, ValueError for what cannot be drawn, PrintError.
    """
    from host_tools.store import query, station

    units = [query.unit(store, serial) for serial in serials]
    pictures = [label.unit_label(unit, product) for unit in units]
    begun = [
        station.begin_label(store, unit.serial, content(unit, product), station_name, worker)
        for unit in units
    ]
    send(pictures)
    for each in begun:
        station.end_label(store, each.id, "printed")
    return [(each.serial, each.copy) for each in begun]


def content(unit: Identity, product: Product | None) -> str:
    """What the symbol of a unit's label says, as it is read."""
    if product is None:
        return unit.serial
    return "".join(f"({name}){value}" for name, value in label.udi(product, unit))
