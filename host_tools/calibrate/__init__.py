"""`xueyang calibrate`: a design's curve from pairs of ratio and reference, and a lot's from that.

A reference is what the data's sidecar says it is: arterial blood (SaO2), another oximeter, or a
simulator; nothing is guessed, and what is not said is refused.
"""
