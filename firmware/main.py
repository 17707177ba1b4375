"""The only loop, and the only clock: below here time is an argument.

Whatever goes wrong, no old number stays on the display: an exception blanks it before the reset,
and a hang ends with the watchdog, whose reset lets go of the display's reset line.
"""

import board
from oximeter.app import App

WATCHDOG_MS = 1500
TICKS_END = 1 << 30  # ticks_ms begins again at 0 there
LIFE_MS = 1 << 29  # six days; then a fresh start keeps all times small integers


def run(app, now_ms):
    board.start_watchdog(WATCHDOG_MS)
    try:
        app = App(board)
        ticks = board.ticks_ms()
        while now_ms < LIFE_MS and not app.off:
            wait_ms = app.step(now_ms)
            board.feed_watchdog()
            spent_ms = (board.ticks_ms() - ticks) % TICKS_END
            board.rest_ms(max(0, wait_ms - spent_ms), app.busy())
            before, ticks = ticks, board.ticks_ms()
            now_ms += (ticks - before) % TICKS_END
    except KeyboardInterrupt:  # somebody wants the prompt
        board.keep_feeding()
        return app and app.blank()
    except Exception as error:
        app and app.blank()
        from oximeter import crash

        crash.note(board.DATA_DIR, repr(error), now_ms // 1000)
    board.deep_sleep() if app and app.off else board.reset()


if board.woken or board.button.value():
    run(None, 0)
