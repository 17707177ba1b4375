"""What a verb says: results to stdout, and whether anybody could take them."""

import json
import os
import sys

import typer


def print_result(text: str) -> bool:
    """Print a result; False when nobody can take it. The batch goes on all the same."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"The results cannot be printed ({error.strerror}).", file=sys.stderr)
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (until the end of the process)
        return False
    return True


def _plainly(value: object) -> object:
    """What JSON has no word for."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def print_whole(as_json: bool, whole: object, text: str) -> None:
    """The whole as JSON, or the text of it."""
    told = json.dumps(whole, default=_plainly, ensure_ascii=False) if as_json else text
    if not print_result(told):
        raise typer.Exit(1)


def print_rows(as_json: bool, rows: list[dict]) -> None:
    """Rows as a table, or as one JSON object a line."""
    from host_tools.store import query

    if not as_json:
        print_whole(False, rows, query.columns(rows))
        return
    for row in rows:
        print_whole(True, row, "")
