"""A replay is killed at any moment: what stands under its own name is whole, or not there."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.patient import Person, Scene, record

KILLS = 40
COMMAND = [str(Path(sys.executable).with_name("xueyang")), "replay"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two short recordings, so that a kill may also fall between them."""
    folder = tmp_path_factory.mktemp("recorded")
    for seed in (1, 2):
        record(Person(Scene(duration_s=20), seed)).write_csv(folder / f"person{seed}.csv")
    return [str(path) for path in sorted(folder.glob("*.csv"))]


def command(recorded: list[str], out: Path) -> list[str]:
    return [*COMMAND, *recorded, "--csv", f"{out}/", "--report", str(out)]


def named(out: Path) -> dict[str, bytes]:
    """What stands under its own name; temporary names begin with a dot."""
    return {path.name: path.read_bytes() for path in out.glob("[!.]*")}


def test_killed_at_any_moment(recorded: list[str], tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    began_s = time.monotonic()
    subprocess.run(command(recorded, whole), check=True, capture_output=True, timeout=300)
    took_s = time.monotonic() - began_s
    wanted = named(whole)
    assert set(wanted) == {"person1.csv", "person1.html", "person2.csv", "person2.html"}

    moments = random.Random(KILLS)
    out = tmp_path / "out"
    caught = 0
    for kill in range(KILLS):
        # Every other one begins beside the results of an earlier run, to be replaced.
        for path in out.glob("*"):
            path.unlink()
        out.mkdir(exist_ok=True)
        older = {name: content[:80] for name, content in wanted.items()} if kill % 2 else {}
        for name, content in older.items():
            (out / name).write_bytes(content)
        replay = subprocess.Popen(
            command(recorded, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(0.2, 1.0) * took_s)
        caught += replay.poll() is None
        replay.kill()
        replay.wait()
        found = named(out)
        assert set(found) <= set(wanted)
        for name, content in found.items():
            assert content in (wanted[name], older.get(name)), f"{name} in kill {kill}"
        assert set(older) <= set(found), "an older result is never lost without a newer one"
    assert caught > KILLS // 2, "the kills came too late to say anything"

    subprocess.run(command(recorded, out), check=True, capture_output=True, timeout=300)
    assert named(out) == wanted, "what a kill leaves behind does not disturb the next replay"
