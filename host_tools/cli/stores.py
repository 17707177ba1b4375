"""A store, opened for a verb; what goes wrong with it is a sentence and exit 1."""

import contextlib
import importlib.util
import sys
from collections.abc import Iterator

import typer


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """What goes wrong with a store is a sentence and exit 1."""
    if importlib.util.find_spec("sqlalchemy") is None:
        print("The store needs SQLAlchemy: run `make setup-all`.", file=sys.stderr)
        raise typer.Exit(1)
    from host_tools.store import connect

    try:
        yield
    except connect.StoreError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


@contextlib.contextmanager
def opened(where: str | None) -> Iterator:
    """The engine of a station's store, or of the plant's."""
    with errors():
        from host_tools.store import connect

        if where and "://" in where:
            found = connect.plant(where)
        else:
            found = connect.opened(where or connect.default_path())
        try:
            yield found
        finally:
            found.dispose()
