"""`xueyang capability`: what an engineer types, and what comes out."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed: run `make setup-all`")

from sqlalchemy import Engine
from test_capability_store import local, measured, optics, ran, unit

from host_tools.capability import reference
from host_tools.cli import app

__all__ = ["local"]


def run(local: Engine, *arguments: str | Path, code: int = 0):
    told = CliRunner().invoke(
        app, ["capability", *map(str, arguments), "--store", str(local.url.database)]
    )
    assert told.exit_code == code, told.stdout + told.stderr
    return told


def test_a_study_is_told_and_kept(local: Engine) -> None:
    told = run(local, "gauge", "--station", "s1", code=1)
    assert len(told.stderr.strip().splitlines()) == 1 and "s1" in told.stderr
    measured(local)
    for more in (["--look"], []):
        told = run(local, "gauge", "--station", "s1", "--json", *more)
        rows = [json.loads(line) for line in told.stdout.splitlines()]
        red = next(row for row in rows if row["measurement"] == "optics.red")
        assert (red["grr_pct"], red["tolerance_pct"], red["ndc"]) == (27.86, 22.68, 4)
        assert red["verdict"] == "fair"
        assert next(row for row in rows if row["unit"] == "pA")["grr_pct"] is None
    run(local, "gauge", "--station", "s1", code=1)
    table = run(local, "gauge", "--station", "s1", "--since", "2020-01-01").stdout
    assert "optics.red" in table and "27.86" in table
    told = run(local, "gauge", "--station", "s1", "--stage", "nonsense", code=2)
    assert "pcba" in told.stderr


def test_slots_by_their_reference_units(local: Engine, tmp_path: Path) -> None:
    golden, bad = unit(local, 0), unit(local, 1)
    file = tmp_path / "golden.json"
    file.write_text('{"optics.red": [1.0, 0.1]}')
    at = ("--station", "s1", "--stage", "final")
    run(local, "reference", golden, "--kind", "golden", "--certified", file, *at)
    run(local, "reference", bad, "--kind", "known_bad", *at, code=1)
    told = run(local, "reference", bad, "--kind", "known_bad", "--phase", "x", *at, code=2)
    assert "crosstalk" in told.stderr, "it could never fail there, and lock its slots for ever"
    nowhere = ("--station", "s1", "--stage", "finale")
    run(local, "reference", golden, "--kind", "golden", *nowhere, code=2)
    run(local, "slots", *nowhere, code=2)
    named = run(local, "reference", bad, "--kind", "known_bad", "--phase", "crosstalk", *at)
    assert "不良样机" in named.stdout and "known-bad" in named.stdout
    ran(local, golden, [optics(1.04)], kind="golden")
    ran(local, bad, [], kind="known_bad", outcome="failed", phase="crosstalk")
    told = run(local, "slots", "1-1", "1-2", *at, "--json", code=4)
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    assert [row["state"] for row in rows] == ["open", "locked"]
    assert "golden" in rows[1]["why"] and "标准机" in rows[1]["why"]
    assert "open" in run(local, "slots", *at).stdout, "the slots that were used"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"optics": [1, 2]}', '{"a.b": [1]}', '{"a.b": ["x", 1]}', '{"a.b": [1, 0]}',
     '{"a.b": [1, NaN]}'],
)  # fmt: skip
def test_what_is_no_certificate(tmp_path: Path, text: str) -> None:
    file = tmp_path / "golden.json"
    file.write_text(text)
    with pytest.raises(ValueError, match="no certificate"):
        reference.certificate(file)
    with pytest.raises(ValueError, match="cannot be read"):
        reference.certificate(tmp_path / "none.json")


def test_limits_are_proposed(local: Engine) -> None:
    for number, value in enumerate(np.random.default_rng(1).normal(1.0, 0.1, 60)):
        ran(local, unit(local, number, lot="PILOT"), [optics(value)])
    (row,) = map(json.loads, run(local, "limits", "PILOT", "--json").stdout.splitlines())
    assert (row["low"], row["high"], row["units"], row["outside"]) == (-4, 4, 60, 0)
    assert 0.4 < row["proposed_low"] < 0.7 and 1.3 < row["proposed_high"] < 1.6
    assert "99.73 %" in row["basis"] and "95 %" in row["basis"]
    run(local, "limits", "L9", code=1)
    ran(local, unit(local, 99, lot="SMALL"), [optics(1.0)])
    assert "1 pilot units" in run(local, "limits", "SMALL", code=1).stdout
