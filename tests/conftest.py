"""What every test may ask for.

Real recordings are not part of the repository. They lie in the folder that XUEYANG_RECORDINGS
names, else in `../shared/recordings` beside it. Without them the tests that use them are skipped,
which the summary counts; on continuous integration (`CI` set) their absence is a failure.
"""

import os
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings; INDEX.csv in it lists them."""
    named = os.environ.get("XUEYANG_RECORDINGS")
    folder = Path(named) if named else REPO.parent / "shared" / "recordings"
    if (folder / "INDEX.csv").is_file():
        return folder
    reason = f"no real recordings in {folder}: set XUEYANG_RECORDINGS to their folder"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
