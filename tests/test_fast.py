"""The compiled core is that of the source as it stands."""

from shutil import copytree

import pytest

from sim import fast

CORE = sorted(file.name for file in (fast.FIRMWARE / "oximeter/core").glob("*.py"))


@pytest.mark.parametrize("name", CORE)
def test_no_change_of_the_core_finds_what_was_compiled_before(tmp_path, monkeypatch, name):
    """A threshold that was tuned had no effect until a function changed as well."""
    copytree(fast.FIRMWARE / "oximeter/core", tmp_path / "oximeter/core")
    monkeypatch.setattr(fast, "FIRMWARE", tmp_path)
    before = fast._key("0")
    assert fast._key("0") == before
    with (tmp_path / "oximeter/core" / name).open("a") as file:
        file.write("CHANGED = 1\n")
    assert fast._key("0") != before
