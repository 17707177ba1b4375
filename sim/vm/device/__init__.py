"""What MicroPython finds on a virtual chip: the modules of the ESP32 port that the firmware names.

These files run on the MicroPython VM only, put there by device.mjs, so that firmware/board.py runs
unchanged. What hangs on the pins is in sim/vm/wires.py.
"""
