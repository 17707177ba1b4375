"""A small table that people make, as CSV, and the sidecar that says what it is of."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from sim.recording import stem


def beside(file: Path) -> Path:
    """Where the sidecar of a table lies."""
    return file.with_name(f"{stem(file)}.json")


def read(file: Path) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """(rows by the names of the columns, the sidecar, empty where there is none). Raises
    ValueError with a sentence."""
    try:
        text = file.read_text("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text), skipinitialspace=True))
        sidecar = json.loads(beside(file).read_text("utf-8")) if beside(file).is_file() else {}
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(f"{file} or its sidecar cannot be read ({error}).") from None
    return rows, sidecar if isinstance(sidecar, dict) else {}
