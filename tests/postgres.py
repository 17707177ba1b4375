"""A PostgreSQL server for tests: Debian's, started anew, reached over a socket in its own folder.

It refuses to run as root, so there it runs as the user nobody. Skipped where there is none; on
continuous integration (`CI` set) that is a failure.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def _binaries() -> Path | None:
    """The newest server's folder, which Debian keeps off the PATH; else that of the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    named = shutil.which("initdb")
    found = versions[-1] if versions else Path(named) if named else None
    return found.parent if found else None


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of an empty database, for its owner, the role `plant`."""
    binaries = _binaries()
    if binaries is None:
        reason = "there is no PostgreSQL server here: install it (Debian: apt install postgresql)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = None
    if os.geteuid() == 0:
        user = "nobody"
        shutil.chown(folder, user)
    data = folder / "data"

    def run(name: str, *arguments: str) -> None:
        command = [str(binaries / name), *arguments]
        subprocess.run(
            command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=60
        )

    try:
        how = ["--auth=trust", "--username=plant", "--encoding=UTF8", "--locale=C.UTF-8"]
        run("initdb", "--pgdata", str(data), "--no-sync", *how)
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        control = ["--pgdata", str(data), "--wait", "--log", str(folder / "log")]
        run("pg_ctl", "start", *control, "--options", options)
        try:
            yield f"postgresql://plant@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "--pgdata", str(data), "--mode", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
