"""What several verbs are asked alike."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Stage(StrEnum):
    """Where a unit is tested, in this order."""

    pcba = "pcba"
    ageing = "ageing"
    final = "final"
    pack = "pack"


Ports = Annotated[
    list[str] | None,
    typer.Option("--port", metavar="PORT", help="A unit's port; may be given again for more."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a unit.")]
Store = Annotated[
    str | None,
    typer.Option(
        metavar="STORE",
        help="A station's file, or the plant as postgresql://HOST/NAME. [default: $XUEYANG_STORE]",
    ),
]
ProductFile = Annotated[
    Path | None,
    typer.Option(
        "--product",
        metavar="FILE.json",
        help="gtin, company, registration, licence; as long as one is missing it is a sample.",
    ),
]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Into a .zpl, .pdf (sheets of A4) or .png.")
]
Printer = Annotated[
    str | None, typer.Option(metavar="HOST[:PORT]", help="To a printer that knows ZPL.")
]
