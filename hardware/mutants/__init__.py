"""Designs with one fault each, which the gates must notice: `python -m hardware.mutants`."""
