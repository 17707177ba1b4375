"""What the app keeps does not grow with what it has seen; many more in tests/soak."""

import os

import pytest
from flat_heap import fed_with_readings, one_finger_after_another

from sim.vm import setup

pytestmark = pytest.mark.skipif(
    bool(setup.missing()) and not os.environ.get("CI"), reason=setup.missing() or "ready"
)

GROWTH = 256  # a name that only a rare screen uses is kept from its first time on


def test_passes_fed_with_readings() -> None:
    live = list(fed_with_readings(300))
    assert max(live[50:]) - max(live[20:50]) <= GROWTH


def test_whole_measurements() -> None:
    seen = list(one_finger_after_another(4))
    assert all(settled for _, settled in seen)
    assert seen[-1][0] - seen[1][0] <= GROWTH
