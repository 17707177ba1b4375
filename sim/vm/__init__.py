"""The real MicroPython: the firmware's shipped files on an interpreter that is not CPython.

`setup` brings the interpreter, `build` compiles the firmware for it, `host.Vm` runs it against the
Python models of the chips, `cost` weighs the signal path.
"""
