"""Many cases at once: on the cores of one machine, or unchanged on a cluster of many.

Every result is kept under the hash of all that it depends on, so that a run that was stopped goes
on where it was, and one of which nothing changed is there at once.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import as_completed
from typing import Any

from host_tools.evaluate import measure as case_measure
from host_tools.evaluate.algorithm import AlgorithmError
from host_tools.evaluate.case import Case
from host_tools.replay import MissingPart
from sim import kept

CACHE = kept.ROOT / "build" / "evaluate"
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


def core_hash() -> str:
    """Of the algorithm's source."""
    return kept.hash_of("firmware/oximeter/core")


def execute(
    cases: Sequence[Case],
    command: str | None = None,
    cluster: str | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> tuple[list[Result], list[str]]:
    """Results in the order of the cases, and a sentence for each that another program failed.

    `command`: score that program. `cluster`: address of a `dask.distributed` scheduler whose
    workers have this project at the same path. Raises replay.MissingPart without dask, and
    AlgorithmError where the program failed all of the first chunk: it would fail the others.
    """
    key = kept.digest([kept.hash_of(*_SOURCES), command])[:32]
    # Another program may change without a sign of it, so its results are not kept.
    folder = None if command else CACHE / key
    known = kept.read(folder) if folder else {}
    missing = [case for case in cases if case.sha256 not in known]
    failures: list[str] = []
    done = len(cases) - len(missing)
    if progress:
        progress(done, len(cases))
    chunks = [missing[i : i + _CHUNK] for i in range(0, len(missing), _CHUNK)]
    run = _on_cluster(chunks, command, cluster) if cluster else _here(chunks, command, jobs)
    for outcomes in run:
        if not known and len(outcomes) < len(cases) and not any(one[1] for one in outcomes):
            raise AlgorithmError(
                f"{outcomes[0][2]} None of the first {len(outcomes)} cases could be scored; the "
                "others were not run."
            )
        fresh = [(case_digest, result) for case_digest, result, _ in outcomes if result]
        known.update(fresh)
        failures += [sentence for _, _, sentence in outcomes if sentence]
        if folder and fresh:
            kept.add(folder, fresh)
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
    with kept.pool(jobs) as pool:
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
