"""Flashing at a station: serials from its store, and a record of what became of each unit."""

import importlib.metadata
from collections.abc import Callable, Sequence
from typing import Any

from host_tools import signature
from host_tools.flash import IdentityOf, Outcome, Plan, Refused
from host_tools.identity import Identity

STAGE = "flash"


def at(
    store: Any, name: str, worker: str, like: Identity, private: bytes
) -> tuple[IdentityOf, Callable[[Plan, Sequence[Outcome]], None]]:
    """Two functions of the station `name` with its `store` and its private key: whom a chip is to
    be (lot, revision and day as in `like`), and what records the outcomes."""
    from host_tools.store import station
    from host_tools.store.connect import StoreError

    station.announce_key(store, name, signature.public(private))

    given: dict[str, str] = {}  # MAC -> serial, also of those that failed

    def identity_of(mac: str) -> Identity:
        try:
            found = station.take(store, name, like.lot, like.revision, like.made, mac)
        except StoreError as error:
            raise Refused(str(error)) from None
        given[mac] = found.serial
        return found

    def record(plan: Plan, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            serial = given.get(outcome.mac)
            if serial is None:
                continue  # it is nobody yet
            station.record(
                store,
                [station.Value(STAGE, "baud", "Bd", None, None, outcome.baud)],
                serial=serial,
                stage=STAGE,
                kind=station.kind_of(store, serial, STAGE),
                outcome=outcome.state,
                phase="" if outcome.state == "passed" else outcome.phase,
                cause=outcome.cause,
                station=name,
                slot=outcome.slot,
                worker=worker,
                version=f"{plan.bundle.version} by {importlib.metadata.version('xueyang')}",
                at=station.now(),
                seconds=outcome.seconds,
            )

    return identity_of, record
