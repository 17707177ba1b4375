"""What MicroPython finds on a virtual chip: the modules of the ESP32 port that the firmware names.

These files run on the MicroPython VM only, put there by device.mjs, so that firmware/board.py runs
unchanged. Nothing hangs on the pins yet: a bus has nobody on it, an ADC reads nothing.
"""
