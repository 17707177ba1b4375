"""The firmware of the oximeter."""

VERSION = "0.1.0"
