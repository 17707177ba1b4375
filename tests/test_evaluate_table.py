"""The table of all cases comes back as it was written, in both forms."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from host_tools.evaluate import table
from host_tools.replay import MissingPart

RESULTS: list[dict[str, Any]] = [
    {"id": "a-1", "row": "still_pi1", "cell": "spo2 85, PI 0.3", "seed": 3, "shown": 50,
     "spo2_err_sq": 0.1 + 0.2, "first_s": 4.5, "subject": None},
    {"id": "7", "row": "luong", "cell": "", "seed": None, "shown": 12, "spo2_err_sq": None,
     "first_s": None, "subject": 'Ж "quoted", 血氧'},
]  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_what_was_written_comes_back(tmp_path: Path, kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"cases.{kind}"
    table.write(RESULTS, path)
    assert table.read(path) == RESULTS
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_column_that_only_some_have_is_empty_for_the_others(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    table.write([{"id": "a", "x": 1}, {"id": "b", "y": 2.5}], path)
    assert path.read_text() == "id,x,y\na,1,\nb,,2.5\n"
    assert table.read(path)[0] == {"id": "a", "x": 1, "y": None}


def test_without_pyarrow_parquet_names_the_command(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingPart, match="pip install"):
        table.checked(tmp_path / "cases.parquet")
    table.checked(tmp_path / "cases.csv")


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("a.txt", "", "name it .csv or .parquet"),
        ("a.csv", "", "no column id"),
        ("a.csv", "t_s,red\n", "no column id"),
        ("a.parquet", "id\n", "no Parquet file"),
    ],
)
def test_another_file_is_a_sentence(tmp_path: Path, name: str, text: str, match: str) -> None:
    if name.endswith("parquet") and not importlib.util.find_spec("pyarrow"):
        pytest.skip("pyarrow is not installed")
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(table.TableError, match=match):
        table.read(path)
