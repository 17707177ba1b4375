"""The recording that `make run` plays: python -m sim.patient.demo OUT.csv."""

import sys
from pathlib import Path

from sim.patient.person import Person
from sim.patient.recording import record
from sim.patient.scene import Motion, Scene

SEED = 84

# Four minutes: finger in, steady 97 %, down to 84 and back at half a point a second, which is
# how fast a breath held to the end falls, half a minute of tapping, finger out.
SCENE = Scene(
    duration_s=240.0,
    finger=((3.0, 232.0),),
    spo2_pct=((0.0, 60.0, 86.0, 106.0, 126.0), (97.0, 97.0, 84.0, 84.0, 97.0)),
    pulse_bpm=((0.0, 60.0, 95.0, 110.0, 140.0), (70.0, 70.0, 86.0, 86.0, 72.0)),
    perfusion_pct=1.8,
    motion=(Motion("tap", 168.0, 192.0, swing_pct=2.5),),
    ambient_counts=1500.0,
)


def write(path: str | Path) -> None:
    """Write the demonstration recording as CSV, the same bytes every time."""
    record(Person(SCENE, SEED)).write_csv(path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say where to write the recording: python -m sim.patient.demo OUT.csv")
    write(sys.argv[1])
