"""Work that was done is kept, in order, and not done again."""

from functools import partial
from itertools import count, islice
from pathlib import Path

from sim import kept


def squared(done: Path, number: int) -> int:
    with done.open("a") as file:
        file.write(f"{number}\n")
    return number * number


def numbers_in(file: Path) -> list[int]:
    return sorted(int(line) for line in file.read_text().split())


def test_in_order_and_never_twice(tmp_path: Path) -> None:
    done = tmp_path / "done"
    folder = tmp_path / "kept"
    work = partial(squared, done)
    assert list(kept.each(folder, work, range(10), chunk=3)) == [n * n for n in range(10)]
    assert numbers_in(done) == list(range(10))
    assert list(kept.each(folder, work, range(14), chunk=3)) == [n * n for n in range(14)]
    assert numbers_in(done) == list(range(14))


def test_whoever_has_enough_asks_no_more(tmp_path: Path) -> None:
    work = partial(squared, tmp_path / "done")
    assert list(islice(kept.each(tmp_path / "kept", work, count()), 5)) == [0, 1, 4, 9, 16]
    assert len(numbers_in(tmp_path / "done")) < 1000


def test_a_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    """The line that it was writing is lost, and only that."""
    kept.add(tmp_path, [("1", [1]), ("2", [4])])
    (file,) = tmp_path.glob("*.jsonl")
    file.write_text(file.read_text()[:-3])
    assert kept.read(tmp_path) == {"1": [1]}


def test_a_change_of_the_source_is_another_folder() -> None:
    assert kept.hash_of("firmware/oximeter/core") == kept.hash_of("firmware/oximeter/core")
    assert kept.hash_of("firmware/oximeter/core") != kept.hash_of("firmware/oximeter/ui")
