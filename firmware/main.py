"""The only loop, and the only clock: below here time is an argument.

Whatever goes wrong, no old number stays on the display: an exception blanks it before the reset,
and a hang ends with the watchdog, whose reset lets go of the display's reset line.
"""

import board
from oximeter.app import App

WATCHDOG_MS = 1500
TICKS_END = 1 << 30  # ticks_ms begins again at 0 there
LIFE_MS = 1 << 29  # six days; then a fresh start keeps all times small integers


def run():
    board.start_watchdog(WATCHDOG_MS)
    app = failure = None
    try:
        app = App(board)
        now_ms = 0
        ticks = board.ticks_ms()
        while now_ms < LIFE_MS:
            wait_ms = app.step(now_ms)
            board.feed_watchdog()
            spent_ms = (board.ticks_ms() - ticks) % TICKS_END
            board.sleep_ms(max(0, wait_ms - spent_ms))
            before, ticks = ticks, board.ticks_ms()
            now_ms += (ticks - before) % TICKS_END
    except Exception as error:
        failure = error
    if app:
        app.blank()
    print("The oximeter starts anew after", repr(failure))
    board.reset()


if board.button.value():
    run()
