"""clock, set clock 2026-11-26T22:45:00: the time in UTC."""

from oximeter.link import clock


def run(console, app, words):
    board = app.board
    if len(words) > 1:
        raise ValueError("usage", "say clock, or set clock 2026-11-26T22:45:00")
    if words:
        told = words[0].replace("T", "-").replace(":", "-").rstrip("Z").split("-")
        try:
            board.set_clock(clock.seconds(board, *[int(part) for part in told]))
        except (IndexError, OverflowError, TypeError, ValueError):
            raise ValueError("value", "say the time in UTC as 2026-11-26T22:45:00") from None
        app.unload("oximeter.link.clock")
    time_s = board.time_s()
    if time_s < 0:
        return "time=-"
    return "time={:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format(
        *board.gmtime(time_s + board.EPOCH_S)[:6]
    )
