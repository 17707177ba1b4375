"""A PostgreSQL server of one's own, for tests and measurements: Debian's, in a folder that goes
again, reached over a socket in it. It refuses to run as root, so there it runs as nobody.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


def binaries() -> Path | None:
    """The newest server's folder, which Debian keeps off the PATH; else that of the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    named = shutil.which("initdb")
    found = versions[-1] if versions else Path(named) if named else None
    return found.parent if found else None


@contextlib.contextmanager
def server(programs: Path, *options: str) -> Iterator[str]:
    """The URL of an empty database, for its owner, the role `plant`.

    programs: as `binaries` gives; options: further settings, as in "shared_buffers=1GB".
    """
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = None
    if os.geteuid() == 0:
        user = "nobody"
        shutil.chown(folder, user)
    data = folder / "data"

    def run(name: str, *arguments: str) -> None:
        command = [str(programs / name), *arguments]
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

    try:
        how = ["--auth=trust", "--username=plant", "--encoding=UTF8", "--locale=C.UTF-8"]
        run("initdb", "--pgdata", str(data), "--no-sync", *how)
        settings = [f"unix_socket_directories={folder}", "listen_addresses=", *options]
        told = " ".join(f"-c {setting}" for setting in settings)
        control = ["--pgdata", str(data), "--wait", "--log", str(folder / "log")]
        run("pg_ctl", "start", *control, "--options", told)
        try:
            yield f"postgresql://plant@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "--pgdata", str(data), "--mode", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
