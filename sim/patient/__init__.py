"""Simulated people: what a MAX30102 sees of a finger whose truth is known."""

from sim.patient.optics import ratio_of_spo2, spo2_of_ratio
from sim.patient.person import Person
from sim.patient.recording import Recorded, Settings, record
from sim.patient.scene import Motion, Scene, ramp, recorded, step

__all__ = [
    "Motion",
    "Person",
    "Recorded",
    "Scene",
    "Settings",
    "ramp",
    "ratio_of_spo2",
    "record",
    "recorded",
    "spo2_of_ratio",
    "step",
]
