"""A real PostgreSQL server for tests. Skipped where there is none; on continuous integration (`CI`
set) that is a failure."""

import contextlib
import os
from collections.abc import Iterator

import pytest

from host_tools.store import server as own


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of an empty database, for its owner, the role `plant`."""
    programs = own.binaries()
    if programs is None:
        reason = "there is no PostgreSQL server here: install it (Debian: apt install postgresql)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with own.server(programs, "fsync=off") as url:
        yield url
