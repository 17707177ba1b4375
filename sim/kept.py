"""Much work on all cores, its results kept under the hash of all that they depend on: a run that
was stopped goes on where it was, and one of which nothing changed is there at once."""

import hashlib
import json
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_AHEAD = 8  # pieces given to each process before the first of them is asked for


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


def read(folder: Path) -> dict[str, Any]:
    """What was kept there: name to result."""
    known: dict[str, Any] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                name, result = json.loads(line)
            except ValueError:
                continue  # the line during which a run was killed
            known[name] = result
    return known


def add(folder: Path, fresh: Iterable[tuple[str, Any]]) -> None:
    """Keep these (name, JSON-able result), beside what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(pair) + "\n" for pair in fresh)


def pool(processes: int) -> ProcessPoolExecutor:
    """Processes that begin with what this one has compiled, where the system allows it."""
    fork = "fork" in multiprocessing.get_all_start_methods()
    return ProcessPoolExecutor(
        processes, mp_context=multiprocessing.get_context("fork" if fork else "spawn")
    )


def each(
    folder: Path, work: Callable[[int], Any], numbers: Iterable[int], chunk: int = 4
) -> Iterator[Any]:
    """work(number) of all numbers, in their order, on all cores; what `folder` has is not done
    again. `numbers` may be endless: whoever has enough asks no more."""
    known = read(folder)
    processes = os.cpu_count() or 1
    coming = iter(numbers)
    waiting: deque[tuple[list[int], Future[list[Any]] | None]] = deque()
    workers = pool(processes)
    try:
        while True:
            while len(waiting) < _AHEAD * processes and (piece := list(islice(coming, chunk))):
                new = [number for number in piece if str(number) not in known]
                waiting.append((piece, workers.submit(_all, work, new) if new else None))
            if not waiting:
                return
            piece, future = waiting.popleft()
            if future is not None:
                fresh = future.result()
                add(folder, fresh)
                known.update(fresh)
            yield from (known[str(number)] for number in piece)
    finally:
        workers.shutdown(wait=True, cancel_futures=True)


def _all(work: Callable[[int], Any], numbers: Sequence[int]) -> list[tuple[str, Any]]:
    return [(str(number), work(number)) for number in numbers]
