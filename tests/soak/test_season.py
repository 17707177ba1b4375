"""A short season: settled readings of the whole device against the truth of the patient model."""

import numpy as np
import pytest

from sim.season import HEADER, season, summary

PEOPLE = 60


@pytest.mark.parametrize("who", ["still finger", "at home"])
def test_what_settles_is_near_the_truth(who: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Extraction error: 1 point rms on still fingers, nothing grossly wrong at home."""
    measured = list(season(who, PEOPLE))
    with capsys.disabled():
        print("\n" + HEADER + "\n" + summary(who, measured))
    settled = [m for m in measured if m.settled_pct is not None]
    error_pct = np.array([m.error_pct for m in settled])
    if who == "still finger":
        assert len(settled) >= 0.9 * PEOPLE, "a still finger settles"
        assert np.sqrt(np.mean(error_pct**2)) <= 1.0
    else:
        assert len(settled) >= 0.4 * PEOPLE
        assert np.sqrt(np.mean(error_pct**2)) <= 2.0
    for m in settled:
        assert m.after_s >= 30, "settled takes 30 s of accepted signal"
