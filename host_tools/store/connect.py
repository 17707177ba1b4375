"""Open a store: a station's SQLite file or the plant's PostgreSQL, with the schema of today."""

import os
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from host_tools.sentences import say
from host_tools.store.models import Base, Outbox

_MIGRATIONS = Path(__file__).with_name("migrations")


class StoreError(Exception):
    """The store cannot be used; the text is a sentence that says what to do."""


def default_path() -> Path:
    """Where a station's store lies when nobody says: $XUEYANG_STORE, else in the user's data."""
    named = os.environ.get("XUEYANG_STORE")
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(named) if named else Path(home) / "xueyang" / "station.sqlite"


def engine(where: str | Path) -> Engine:
    """An engine to a file or a URL (postgresql://…). Raises StoreError for what is neither."""
    text = str(where)
    if "://" not in text:
        path = Path(text)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(say("no_file", path=path, error=error.strerror)) from None
        found = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
        event.listen(found, "connect", _prepare)
        event.listen(found, "begin", _begin)
        return found
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreError(say("no_database", where=text)) from None
    if url.get_backend_name() != "postgresql":
        raise StoreError(say("no_database", where=text))
    url = url.set(drivername="postgresql+psycopg")
    return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 5})


def _prepare(connection, _) -> None:
    """Every SQLite connection: a transaction is on the disk when it is over, and WAL lets others
    read meanwhile."""
    connection.isolation_level = None  # BEGIN is ours, see _begin
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection) -> None:
    """Who begins may write, for two that both read first could not both go on; or only reads."""
    only_reads = connection.get_execution_options().get("only_reads")
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")


def reading(store: Engine) -> Connection:
    """A connection, for a `with`, that waits for no writer."""
    return store.connect().execution_options(only_reads=True)


def opened(where: str | Path) -> Engine:
    """`engine`, with its schema brought up to date. Raises StoreError."""
    found = engine(where)
    try:
        migrate(found)
    except SQLAlchemyError as error:
        raise StoreError(say("store_shut", store=named(found), error=reason(error))) from None
    return found


def _config():
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def migrate(found: Engine) -> None:
    """Apply the migrations that are missing."""
    from alembic import command

    config = _config()
    with found.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def plant(where: str) -> Engine:
    """The plant's store, for a station: which must not change its schema. Raises StoreError."""
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    found = engine(where)
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    try:
        with reading(found) as connection:
            there = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        raise StoreError(say("plant_away", store=named(found), error=reason(error))) from None
    if there != wanted:
        raise StoreError(say("schema", store=named(found), found=there or "-", wanted=wanted))
    return found


def prepare_plant(where: str, role: str | None = None) -> Engine:
    """By the owner: today's schema, and a role of the stations that may add to the records and
    read them, and change none. Raises StoreError."""
    found = opened(where)
    if role is not None:
        quote = found.dialect.identifier_preparer.quote
        tables = [name for name in Base.metadata.tables if name != Outbox.__tablename__]
        every = ", ".join(map(quote, tables))
        rights = [
            "USAGE ON SCHEMA public",
            f"SELECT, INSERT ON {every}",
            "SELECT ON alembic_version",
        ]
        try:
            with found.begin() as connection:
                for right in rights:
                    connection.exec_driver_sql(f"GRANT {right} TO {quote(role)}")
        except SQLAlchemyError as error:
            raise StoreError(say("no_rights", role=role, error=reason(error))) from None
    return found


def named(found: Engine) -> str:
    return found.url.render_as_string(hide_password=True)


def reason(error: SQLAlchemyError) -> str:
    """The database's own words, in a line."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
