"""The results of all cases as one table: CSV, or Parquet where pyarrow is installed.

A row a case, its columns those of the results in the order in which they first appear; what a
case lacks is empty (CSV) or null (Parquet). `read` gives back what `write` was given, save that a
column which a case lacks comes back as None.
"""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from host_tools.replay import MissingPart, write_whole

KINDS = (".csv", ".parquet")
_TEXT = ("id", "row", "cell")  # text even where it is empty or looks like a number


class TableError(Exception):
    """The table cannot be written or read so; the message says what to do."""


def checked(path: Path) -> Path:
    """The path, if a table of its kind can be written here. Raises TableError, MissingPart."""
    if path.suffix.lower() not in KINDS:
        raise TableError(f"{path}: name it .csv or .parquet, by what you want.")
    if path.suffix.lower() == ".parquet":
        _parquet()
    return path


def write(results: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Writes the table whole or not at all. Raises TableError, MissingPart, OSError."""
    names = list(dict.fromkeys(name for result in results for name in result))
    if checked(path).suffix.lower() == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_cell(result.get(name)) for name in names] for result in results)
        write_whole(path, text.getvalue())
        return
    arrow, parquet = _parquet()
    columns = {name: [result.get(name) for result in results] for name in names}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        parquet.write_table(arrow.table(columns), part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path) -> list[dict[str, Any]]:
    """The results in a table. Raises TableError, MissingPart, OSError."""
    if checked(path).suffix.lower() == ".parquet":
        arrow, parquet = _parquet()
        try:
            return parquet.read_table(path).to_pylist()
        except arrow.ArrowInvalid as error:
            raise TableError(f"{path} is no Parquet file ({error}).") from None
    with path.open(encoding="utf-8", newline="") as text:
        rows = csv.DictReader(text)
        if "id" not in (rows.fieldnames or ()):
            raise TableError(f"{path} has no column id: name a table written by xueyang evaluate.")
        return [{name: _value(name, cell) for name, cell in row.items()} for row in rows]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _value(name: str, cell: str) -> Any:
    if name in _TEXT:
        return cell
    if not cell:
        return None
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _parquet() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise MissingPart(
            "Parquet needs pyarrow, which is not installed: run "
            ".venv/bin/python -m pip install --editable '.[parquet]', or name a .csv."
        ) from None
