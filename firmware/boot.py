"""First on the device: whatever the display still showed before the reset is gone.

The reset line does it where it is wired, and the command (display off, the same for SSD1306 and
SH1106) where it is not. With the button held, main.py leaves the device to its prompt; the press
that woke it from its sleep does not count.
"""

import board

board.display_reset.value(0)
try:  # noqa: SIM105 (MicroPython has no contextlib)
    board.display_port().command(b"\xae")
except OSError:
    pass  # held in reset, a display does not answer: it is dark already

if board.bitten:
    from oximeter import crash

    crash.note(board.DATA_DIR, "watchdog", 0)
if not (board.woken or board.button.value()):
    print("The button is held: the oximeter is not started. Reset to start it.")
