"""A plant's years in its store: sizes and times, beside their budgets.

    python -m host_tools.store.bench [--units 1200000]

Units of made-up values, 30 measurements each and 5 % retested, in a PostgreSQL server of its own
with Debian's defaults, and a twelfth of them in SQLite; then eight stations push at once.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, text

from host_tools import yield_page
from host_tools.store import connect, push, query, server, station
from host_tools.store.models import Base, Measure, Measurement, Run, Unit
from host_tools.store.station import Value, new_key

MEASUREMENTS = 30
LOT_SIZE = 5_000
STATIONS = 8
PUSHED = 250  # units a station pushes
_CHUNK = 5_000
_BUDGET_S = {"trace": 1.0, "yield": 1.0, "recall": 1.0, "page": 5.0}


def _values(noise: random.Random) -> list[Value]:
    return [
        Value("phase", f"value_{n}", "V", 1.0, 2.0, round(noise.gauss(1.5, 0.1), 4))
        for n in range(MEASUREMENTS)
    ]


def _rows(first: int, count: int) -> Iterator[tuple[dict, list[dict], list[dict]]]:
    """(unit, its runs, their measurements) of units from number `first` on."""
    noise = random.Random(first)
    ids = [value.measure_id for value in _values(noise)]
    begun = station.now()
    for number in range(first, first + count):
        serial = f"XY{number:07}"
        unit: dict[str, Any] = {
            "serial": serial,
            "mac": f"{number:012x}",
            "lot": f"L{number // LOT_SIZE:05}",
        }
        unit |= {"revision": "1.2", "made": 20261124, "station": f"s{number % 4}", "at": begun}
        failed = noise.random() < 0.05
        runs, measured = [], []
        for kind in ("first", "retest")[: 1 + failed]:
            bad = failed and kind == "first"
            run = {"id": new_key(), "serial": serial, "stage": "final", "kind": kind}
            run |= {"outcome": "failed" if bad else "passed", "phase": "optics" if bad else ""}
            run |= {"cause": f"cause_{noise.randrange(6)}" if bad else "", "version": "0.1.0"}
            run |= {"station": unit["station"], "slot": "1-1", "worker": "w7", "at": station.now()}
            runs.append(run | {"seconds": 25.0})
            measured += [
                {"run": run["id"], "measure": key, "value": round(noise.gauss(1.5, 0.1), 4)}
                for key in ids
            ]
        yield unit, runs, measured


def fill(store: Engine, units: int, progress: Callable[[int], None]) -> None:
    """So many units; by COPY where there is one."""
    with store.begin() as connection:
        rows = [
            {"id": v.measure_id, "phase": v.phase, "name": v.name, "unit": v.unit}
            | {"low": v.low, "high": v.high}
            for v in _values(random.Random(0))
        ]
        connection.execute(insert(Measure), rows)
    for first in range(0, units, _CHUNK):
        made = list(_rows(first, min(_CHUNK, units - first)))
        tables: list[tuple[type[Base], list[dict]]] = [
            (Unit, [unit for unit, _, _ in made]),
            (Run, [run for _, runs, _ in made for run in runs]),
            (Measurement, [value for _, _, values in made for value in values]),
        ]
        with store.begin() as connection:
            if store.dialect.name == "postgresql":
                # Rows of one making fit together: to look up each key took three fifths of it.
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            for model, found in tables:
                if store.dialect.name == "postgresql":
                    _copy(connection, model.__tablename__, found)
                else:
                    connection.execute(insert(model), found)
        progress(first + len(made))


def _copy(connection, table: str, rows: Sequence[dict]) -> None:
    names = ", ".join(f'"{name}"' for name in rows[0])
    with (
        connection.connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(list(row.values()))


def ask(store: Engine, units: int) -> dict[str, list[float]]:
    """Seconds that some questions take."""
    noise = random.Random(1)
    took: dict[str, list[float]] = {"trace": [], "yield": [], "recall": [], "page": []}
    for _ in range(20):
        number = noise.randrange(units)
        lot = f"L{number // LOT_SIZE:05}"
        for name, question in (
            ("trace", lambda number=number: query.trace(store, f"XY{number:07}")),
            ("yield", lambda lot=lot: query.yields(store, lot=lot)),
            ("recall", lambda lot=lot: query.recall(store, lot)),
            ("page", lambda lot=lot: yield_page.page(store, lot, None, lambda *_: None)),
        ):
            began_s = time.monotonic()
            assert question()
            took[name].append(time.monotonic() - began_s)
    return took


def _push(url: str, number: int) -> float:
    """A station with units of its own that pushes them; seconds."""
    with tempfile.TemporaryDirectory() as folder:
        local, plant = connect.opened(Path(folder) / "s.sqlite"), connect.engine(url)
        name = f"bench{number}"
        station.reserve(plant, local, name, "BENCH", 8)
        noise = random.Random(number)
        for unit in range(PUSHED):
            mac = f"b{number:03}{unit:08x}"
            serial = station.take(local, name, "BENCH", "1", 20261124, mac).serial
            told = {"serial": serial, "stage": "final", "kind": "first", "outcome": "passed"}
            told |= {"phase": "", "cause": "", "station": name, "slot": "1", "worker": "w"}
            station.record(
                local, _values(noise), **told, version="1", at=station.now(), seconds=1.0
            )
        began_s = time.monotonic()
        pushed = push.push(local, plant)
        took_s = time.monotonic() - began_s
        assert pushed.records == 2 * PUSHED and not pushed.held
        local.dispose()
        plant.dispose()
    return took_s


def _told(where: str, took: dict[str, list[float]]) -> None:
    for name, times in took.items():
        budget_s = _BUDGET_S[name]
        late = "  MISSED" if max(times) > budget_s else ""
        print(
            f"{where}: {name}, median of {len(times)}: {statistics.median(times):.3f} s, slowest "
            f"{max(times):.3f} s (budget {budget_s:g} s){late}"
        )


def _counted(name: str, units: int) -> Callable[[int], None]:
    began_s = time.monotonic()

    def progress(done: int) -> None:
        if done % (units // 10 // _CHUNK * _CHUNK or _CHUNK) == 0 or done == units:
            rate = done / (time.monotonic() - began_s)
            print(f"[{done}/{units}] {name}, {rate:.0f} units/s", file=sys.stderr)

    return progress


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m host_tools.store.bench", description=__doc__)
    parser.add_argument("--units", type=int, default=1_200_000)
    units = parser.parse_args(arguments).units
    programs = server.binaries()
    if programs is None:
        print("This needs a PostgreSQL server (Debian: apt install postgresql).", file=sys.stderr)
        return 1
    with server.server(programs, "max_wal_size=4GB") as url:
        plant = connect.opened(url)
        fill(plant, units, _counted("PostgreSQL", units))
        with plant.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
            size = connection.scalar(text("SELECT pg_database_size(current_database())")) or 0
        print(f"PostgreSQL, {units} units: {size / 1e9:.2f} GB, {size / units:.0f} bytes a unit")
        _told(f"PostgreSQL, {units} units", ask(plant, units))
        with ProcessPoolExecutor(STATIONS) as stations:
            took = list(stations.map(_push, [url] * STATIONS, range(STATIONS)))
        rate = STATIONS * PUSHED / max(took)
        print(
            f"{STATIONS} stations push {PUSHED} units each at once: {rate:.0f} units/s "
            f"(median station {PUSHED / statistics.median(took):.0f}/s)"
        )
        plant.dispose()
    few = max(1, units // 12)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "station.sqlite"
        local = connect.opened(path)
        fill(local, few, _counted("SQLite", few))
        with local.connect().execution_options(only_reads=True) as connection:
            connection.exec_driver_sql("ANALYZE")
        size = path.stat().st_size
        print(f"SQLite, {few} units: {size / 1e6:.0f} MB, {size / few:.0f} bytes a unit")
        _told(f"SQLite, {few} units", ask(local, few))
        local.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
