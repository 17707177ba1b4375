"""Ten thousand passes and 300 whole measurements on MicroPython leave the live heap as it was."""

from flat_heap import fed_with_readings, one_finger_after_another

GROWTH = 256


def test_ten_thousand_passes() -> None:
    live = list(fed_with_readings(10_000))
    assert max(live[50:]) - max(live[5:50]) <= GROWTH


def test_three_hundred_measurements() -> None:
    seen = list(one_finger_after_another(300))
    assert sum(settled for _, settled in seen) >= 295
    assert max(live for live, _ in seen[150:]) - max(live for live, _ in seen[5:150]) <= GROWTH
