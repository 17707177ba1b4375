"""A line's store with units of made-up values whose statistics are known to whoever asks."""

import datetime

import numpy as np
from sqlalchemy import Engine, insert

from host_tools.capability.reference import GOLDEN, KNOWN_BAD, Reference
from host_tools.store import capability, station
from host_tools.store.models import Measure, Measurement, Run, Unit
from host_tools.store.station import Value, new_key

BEGIN = datetime.datetime(2026, 11, 2, 6, tzinfo=datetime.UTC)
# stage, phase, name, unit, low, high, mean, sd
MEASURES = (
    ("pcba", "supply", "rail_3v3", "mV", 3200.0, 3400.0, 3305.0, 16.0),
    ("pcba", "dark", "dark_counts", "counts", None, 300.0, 120.0, 40.0),
    ("pcba", "leds", "led_red", "uA", 5800.0, 6600.0, 6200.0, 70.0),
    ("final", "crosstalk", "crosstalk", "nA", None, 12.0, 5.0, 1.4),
    ("final", "optics", "red", "nA", 800.0, 1200.0, 1010.0, 45.0),
    ("final", "clock", "sensor_rate", "1/s", 97.0, 103.0, 99.8, 0.6),
    ("final", "sleep", "sleep_current", "uA", None, 25.0, 14.0, 2.0),
)
CAUSES = {"supply": "rail_low", "dark": "dead_led", "leds": "dead_led", "crosstalk": "light_leak",
          "optics": "swapped", "clock": "slow_clock", "sleep": "sleep_high"}  # fmt: skip


def value(row: tuple, measured: float | None) -> Value:
    _, phase, name, unit, low, high, _, _ = row
    return Value(phase, name, unit, low, high, measured)


def fill(
    store: Engine, units: int, lots: int = 1, stations: int = 2, seed: int = 1, prefix: str = "XY"
) -> dict[tuple[str, str, str], list[float]]:
    """Units through pcba and final; the values of first runs by (stage, phase, station)."""
    noise = np.random.default_rng(seed)
    told: dict[tuple[str, str, str], list[float]] = {}
    rows: dict[type, list[dict]] = {Unit: [], Run: [], Measurement: []}
    for number in range(units):
        serial, lot = f"{prefix}{number:06}", f"L{2540 + number * lots // units}"
        at = BEGIN + datetime.timedelta(seconds=45 * number)
        where = f"s{number % stations + 1}"
        made = {"serial": serial, "mac": f"{seed:06x}{number:06x}", "lot": lot, "revision": "1.2"}
        rows[Unit].append(made | {"made": 20261102, "station": where, "at": at})
        for stage in ("pcba", "final"):
            values: dict[str, float] = {}
            failed = ""
            for row in (row for row in MEASURES if row[0] == stage):
                _, phase, _, _, low, high, mean, sd = row
                shift = 0.5 * sd * (where == "s2")
                found = round(mean + shift + sd * noise.standard_normal(), 3)
                if noise.random() < 0.004:
                    found = 0.0 if low is not None else 400.0
                values[phase] = found
                told.setdefault((stage, phase, where), []).append(found)
                bad = (low is not None and found < low) or (high is not None and found > high)
                failed = failed or (phase if bad else "")
            for kind in ("first", "retest")[: 1 + bool(failed)]:
                key = new_key()
                outcome = "failed" if failed and kind == "first" else "passed"
                run = {"id": key, "serial": serial, "stage": stage, "kind": kind}
                run |= {"outcome": outcome, "phase": failed if outcome == "failed" else ""}
                run |= {"cause": CAUSES[failed] if outcome == "failed" else "", "station": where}
                run |= {"slot": f"1-{number // 2 % 8 + 1}", "worker": "w7", "version": "0.1.0"}
                at += datetime.timedelta(seconds=30)
                rows[Run].append(run | {"at": at, "seconds": 25.0})
                for row in (row for row in MEASURES if row[0] == stage):
                    measured = values[row[1]] if kind == "first" else row[6]
                    rows[Measurement].append(
                        {"run": key, "measure": value(row, 0).measure_id, "value": measured}
                    )
    with store.begin() as connection:
        connection.execute(
            insert(Measure),
            [
                {"id": value(row, 0).measure_id, "phase": row[1], "name": row[2], "unit": row[3]}
                | {"low": row[4], "high": row[5]}
                for row in MEASURES
            ],
        )
        for model, some in rows.items():
            connection.execute(insert(model), some)
    return told


def judge(store: Engine, where: str = "s1", days: int = 4) -> None:
    """A gauge study at a station, and its golden unit once a shift: slot 1-3 drifts away."""
    noise = np.random.default_rng(3)
    serials = [f"XY{number:06}" for number in range(10)]
    final = [row for row in MEASURES if row[0] == "final"]
    parts = {
        (s, row[1]): row[6] + row[7] * noise.standard_normal() for s in serials for row in final
    }
    at = BEGIN - datetime.timedelta(days=1)
    told = {"stage": "final", "station": where, "version": "0.1.0", "seconds": 25.0, "cause": ""}
    for repeat in range(3):
        for worker in ("w1", "w2", "w3"):
            for n, serial in enumerate(serials):
                at += datetime.timedelta(seconds=30)
                share = {"sleep": 0.8}
                values = [
                    value(
                        row,
                        parts[serial, row[1]]
                        + share.get(row[1], 0.1) * row[7] * noise.standard_normal(),
                    )
                    for row in final
                ]
                station.record(
                    store, values, serial=serial, kind="gauge", outcome="passed", phase="",
                    slot=f"1-{(n + repeat) % 8 + 1}", worker=worker, at=at, **told,
                )  # fmt: skip
    since = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    capability.keep_study(store, capability.study_of(store, where, since=since))
    certified = {("optics", "red"): (1000.0, 20.0), ("crosstalk", "crosstalk"): (4.0, 1.0)}
    station.designate(store, Reference("XY000000", GOLDEN, "final", "", certified), where, "chief")
    station.designate(store, Reference("XY000001", KNOWN_BAD, "final", "crosstalk"), where, "w")
    for shift in range(3 * days):
        for slot in range(1, 5):
            at = BEGIN + datetime.timedelta(hours=8 * shift, minutes=slot)
            off = 2.4 * shift if slot == 3 else 0.0
            red = 1000 + 5 * noise.standard_normal() + off
            dark = 4 + 0.2 * noise.standard_normal()
            values = [
                value(row, {"optics": red, "crosstalk": dark}.get(row[1], row[6])) for row in final
            ]
            station.record(
                store, values, serial="XY000000", kind=GOLDEN, outcome="passed", phase="",
                slot=f"1-{slot}", worker="w1", at=at, **told,
            )  # fmt: skip
