"""The command line `xueyang`: thin, one function a verb, one file an area.

Results go to stdout, progress to stderr. Exit 0 ok, 1 something failed, 2 usage, 3 no port, 4 some
units failed.
"""

import io
import sys
from collections.abc import Callable

import typer

from host_tools.cli import (
    algorithm,
    calibrate,
    capability,
    flashing,
    labels,
    records,
    station,
    unit,
)

app = typer.Typer(
    name="xueyang",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def xueyang() -> None:
    """Xueyang, an open fingertip pulse oximeter. Not a medical device."""


# As the help lists them: the algorithm, then a unit from its flashing to where it has gone, then
# what comes out of one.
VERBS: dict[str, Callable[..., None]] = {
    "replay": algorithm.replay,
    "evaluate": algorithm.evaluate,
    "build": flashing.build,
    "flash": flashing.flash,
    "update": flashing.update,
    "trace": records.trace,
    "yield": records.yield_,
    "recall": records.recall,
    "reserve": records.reserve,
    "push": records.push,
    "plant": records.plant,
    "label": labels.label,
    "pack": labels.pack,
    "station": station.station,
    "ship": labels.ship,
    "receive": unit.receive,
    "calibrate": calibrate.calibrate,
    "record": unit.record,
}
for name, verb in VERBS.items():
    app.command(name)(verb)
app.add_typer(capability.app)


def main() -> None:
    """The entry point: whatever happens, people get a sentence and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is escaped; it stops nothing.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
