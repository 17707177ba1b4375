"""The entrance: make, continuous integration, and whether the pages that people read are true."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
MAKEFILE = (REPO / "Makefile").read_text()
PAGES = [
    page for page in ("README.md", "CHANGELOG.md", "docs/factory.md") if (REPO / page).exists()
]


def run(
    *command: str | Path, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "CI")}
    return subprocess.run(
        command, cwd=cwd, env=clean | (env or {}), capture_output=True, text=True, timeout=60
    )


def script(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Just what make reads before anything is set up, in a folder whose name has a space."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(REPO / name, folder)
    return folder


def test_make_alone_lists_every_target(clone: Path) -> None:
    told = run("make", cwd=clone)
    targets = set(re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE))
    assert targets >= {"run", "test", "check", "bench", "soak", "setup", "setup-all", "help"}
    assert targets == set(re.findall(r"^  make (\S+) +\S", told.stdout, re.MULTILINE))
    assert told.stdout == run("make", "help", cwd=clone).stdout


@pytest.mark.parametrize("target", ["run", "test", "check", "bench", "soak"])
def test_every_target_sets_up_what_it_needs(clone: Path, target: str) -> None:
    planned = run("make", "-n", target, cwd=clone).stdout
    assert "-m venv" in planned
    assert planned.index("-m venv") < planned.index("--editable")
    needs_vm = "sim.vm.setup" in planned
    assert needs_vm == (target != "run"), "`make run` does with the base, the rest with it all"


def test_a_recording_of_ones_own_may_have_any_name(clone: Path) -> None:
    named = 'REC=my & "last" finger.csv'
    planned = run("make", "-n", "run", named, cwd=clone).stdout
    assert 'replay "$REC"' in planned, "by the environment, where no sign means anything"
    assert "demo" not in planned


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ('case "$*" in *version_info*) exit 1;; esac', "Python 3.11 or newer"),
        ('case "$*" in *ensurepip*) exit 1;; esac', "venv module"),
    ],
    ids=["too old", "no venv"],
)
def test_an_unfit_python_is_one_sentence(clone: Path, fault: str, advice: str) -> None:
    unfit = script(clone.parent / "python-unfit", f'{fault}\nexec "{sys.executable}" "$@"\n')
    told = run("make", "run", f"PYTHON={unfit}", cwd=clone)
    assert told.returncode
    assert advice in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1
    assert not (clone / ".venv").exists()


def test_continuous_integration_checks_then_tests_then_soaks(clone: Path) -> None:
    """With a make and a python that only write down how they were called."""
    (clone / ".ci").mkdir()
    shutil.copy(REPO / ".ci" / "run", clone / ".ci")
    tools = clone.parent / "tools"
    tools.mkdir()
    script(tools / "make", f'echo "CI=$CI $*" >> "{clone}/calls"\n')
    for name in ("python3", "initdb", "apt-get"):  # nothing is installed by a test
        script(tools / name, "exit 0\n")
    env = {"PATH": f"{tools}:{os.environ['PATH']}"}
    assert run(clone / ".ci" / "run", cwd=clone.parent, env=env).returncode == 0
    # No history tells what has changed: the hardware is checked too.
    called = "CI=1 check test soak\n", "CI=1 hardware hardware-mutants\n"
    assert (clone / "calls").read_text() == "".join(called)

    def git(*what: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        done = run("git", *who, *what, cwd=clone)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "Begin.")
    base = git("rev-parse", "HEAD")
    for name, expected in (("README.md", called[:1]), ("hardware/pins.yaml", called)):
        (clone / "calls").unlink()
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_text("changed")
        git("add", name)
        git("commit", "-qm", f"Change {name}.")
        told = run(clone / ".ci" / "run", cwd=clone.parent, env=env | {"CI_BASE": base})
        assert told.returncode == 0, told.stderr
        assert (clone / "calls").read_text() == "".join(expected), name

    script(tools / "make", "exit 2\n")
    assert run(clone / ".ci" / "run", cwd=clone.parent, env=env).returncode == 2


@pytest.mark.parametrize(
    ("env", "counts"), [({}, {"skipped": 1}), ({"CI": "1"}, {"errors": 1})], ids=["home", "CI"]
)
def test_absent_recordings(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    env: dict[str, str],
    counts: dict[str, int],
) -> None:
    """Skipped with a reason that the summary counts; under CI a failure."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("XUEYANG_RECORDINGS", str(pytester.path / "nowhere"))
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    pytester.makeconftest((REPO / "tests" / "conftest.py").read_text())
    pytester.makepyfile("def test_replay(recordings): pass")
    result = pytester.runpytest_inprocess("-ra")
    result.assert_outcomes(**counts)
    result.stdout.fnmatch_lines(["*no real recordings in *nowhere*XUEYANG_RECORDINGS*"])


def test_recordings_are_found_where_the_environment_says(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XUEYANG_RECORDINGS", str(pytester.path))
    pytester.path.joinpath("INDEX.csv").write_text("dataset\n")
    pytester.makeconftest((REPO / "tests" / "conftest.py").read_text())
    pytester.makepyfile("def test_it(recordings): assert (recordings / 'INDEX.csv').is_file()")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_every_dependency_has_one_version() -> None:
    """A report comes out the same on every machine only if it is drawn by the same libraries."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text())
    needed = list(project["build-system"]["requires"]) + project["project"]["dependencies"]
    for extra in project["project"]["optional-dependencies"].values():
        needed += extra
    assert [need for need in needed if not re.fullmatch(r"[\w.-]+==[\w.]+", need)] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_only_files_that_exist(page: str) -> None:
    text = (REPO / page).read_text()
    quoted = re.findall(r"`([^`\s]+)`", text) + re.findall(r"\]\(([^)#\s]+)\)", text)
    places = ("firmware", "host_tools", "sim", "tests", "hardware", "docs", ".ci")
    named = {name.rstrip("/") for name in quoted if name.split("/")[0] in places}
    assert [name for name in sorted(named) if not (REPO / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_only_targets_that_exist(page: str) -> None:
    text = (REPO / page).read_text()
    spoken = re.findall(r"`make ([a-z-]+)|^ *make ([a-z-]+)", text, re.MULTILINE)
    targets = set(re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE))
    assert {a or b for a, b in spoken} <= targets


def test_pictures_are_small() -> None:
    for picture in REPO.glob("docs/*.png"):
        assert picture.stat().st_size < 200_000, picture.name


def test_the_changelog_keeps_its_form() -> None:
    text = (REPO / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", v) for v in versions[1:])
    known = {"Readings", "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= known


def test_the_licence_covers_the_glyphs_too() -> None:
    text = (REPO / "LICENSE").read_text()
    assert text.startswith("MIT License")
    assert "GNU Unifont" in text and "Open Font License" in text
