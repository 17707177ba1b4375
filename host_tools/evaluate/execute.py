"""Many cases at once: on the cores of one machine, or unchanged on a cluster of many.

Every result is kept under the hash of all that it depends on, so that a run that was stopped goes
on where it was, and one of which nothing changed is there at once.
"""

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from host_tools.evaluate import measure as case_measure
from host_tools.evaluate.algorithm import AlgorithmError
from host_tools.evaluate.case import Case
from host_tools.replay import MissingPart

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "evaluate"
_CHUNK = 24  # cases in one go: half a second of work
# What a result depends on, besides its case. The device is there for the cases that need it.
_SOURCES = (
    "firmware/oximeter", "sim/*.py", "sim/chips", "sim/patient", "sim/fakes",
    "host_tools/evaluate/case.py", "host_tools/evaluate/measure.py",
    "host_tools/evaluate/score.py", "host_tools/evaluate/cramer_rao.py",
    "host_tools/evaluate/algorithm.py",
)  # fmt: skip

Result = dict[str, Any]
Progress = Callable[[int, int], None]
Outcome = tuple[str, Result | None, str]  # id, result, or a sentence on why there is none


def digest(value: object) -> str:
    """SHA-256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def hash_of(*patterns: str) -> str:
    """SHA-256 over names and contents of the Python files under these paths of the project."""
    contents = {}
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
                contents[str(file.relative_to(ROOT))] = file.read_text(encoding="utf-8")
    return digest(contents)


def core_hash() -> str:
    """Of the algorithm's source."""
    return hash_of("firmware/oximeter/core")


def execute(
    cases: Sequence[Case],
    command: str | None = None,
    cluster: str | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> tuple[list[Result], list[str]]:
    """Results in the order of the cases, and a sentence for each that another program failed.

    `command`: score that program. `cluster`: address of a `dask.distributed` scheduler whose
    workers have this project at the same path. Raises replay.MissingPart without dask.
    """
    key = digest([hash_of(*_SOURCES), command])[:32]
    # Another program may change without a sign of it, so its results are not kept.
    kept = None if command else CACHE / key
    known = _read(kept) if kept else {}
    missing = [case for case in cases if case.sha256 not in known]
    failures: list[str] = []
    done = len(cases) - len(missing)
    if progress:
        progress(done, len(cases))
    chunks = [missing[i : i + _CHUNK] for i in range(0, len(missing), _CHUNK)]
    run = _on_cluster(chunks, command, cluster) if cluster else _here(chunks, command, jobs)
    for outcomes in run:
        fresh = [(case_digest, result) for case_digest, result, _ in outcomes if result]
        known.update(fresh)
        failures += [sentence for _, _, sentence in outcomes if sentence]
        if kept and fresh:
            _write(kept, fresh)
        done += len(outcomes)
        if progress:
            progress(done, len(cases))
    return [known[case.sha256] for case in cases if case.sha256 in known], sorted(failures)


def measured(cases: Sequence[Case], command: str | None = None) -> list[Outcome]:
    """One chunk, wherever it runs."""
    outcomes: list[Outcome] = []
    for case in cases:
        try:
            outcomes.append((case.sha256, case_measure.measure(case, command), ""))
        except AlgorithmError as error:
            outcomes.append((case.sha256, None, str(error)))
    return outcomes


def _here(
    chunks: Sequence[Sequence[Case]], command: str | None, jobs: int | None
) -> Iterator[list[Outcome]]:
    jobs = min(jobs or os.cpu_count() or 1, len(chunks))
    if jobs <= 1:
        yield from (measured(chunk, command) for chunk in chunks)
        return
    if command is None:
        case_measure.engine()  # compiled once, before the processes part
    fork = "fork" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if fork else "spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        waiting = [pool.submit(measured, chunk, command) for chunk in chunks]
        try:
            for future in as_completed(waiting):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _on_cluster(
    chunks: Iterable[Sequence[Case]], command: str | None, address: str | None
) -> Iterator[list[Outcome]]:
    try:
        from distributed import Client
        from distributed import as_completed as as_finished
    except ImportError:
        raise MissingPart(
            'A cluster needs dask: install it with "pip install -e .[cluster]".'
        ) from None
    with Client(address, timeout=20) as client:
        waiting = [client.submit(measured, chunk, command, pure=False) for chunk in chunks]
        for future in as_finished(waiting):
            yield future.result()


def _read(folder: Path) -> dict[str, Result]:
    known: dict[str, Result] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                case_digest, result = json.loads(line)
            except ValueError:
                continue  # the line during which a run was killed
            known[case_digest] = result
    return known


def _write(folder: Path, fresh: Iterable[tuple[str, Result]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(pair) + "\n" for pair in fresh)
