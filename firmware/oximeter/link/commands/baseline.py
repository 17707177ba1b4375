"""baseline, set baseline PERSON DATE PERCENT DATE PERCENT DATE PERCENT, set baseline none: what is
usual for one person with a chronic disease, as a clinic has found it.

PERSON is whose it is: 1 to 4 as in the menu, or 0 where the unit has one user, who chooses nobody.
Three settled readings of 88 to 94 % on at least two days, DATE as 20261126. It counts for 90 days,
if the clock is set.
"""

from oximeter.link import clock

WANTS = "give readings of 88 to 94 on two days within 90"
_DAY_S = 86400


def run(console, app, words):
    kept = app.settings
    board = app.board
    app.unload("oximeter.link.clock")  # when this command goes
    if words:
        if len(words) == 7:
            told = tuple([(_day(board, words[i]), int(words[i + 1])) for i in (1, 3, 5)])
            person = int(words[0])
        elif words == ["none"]:
            told, person = (), 0
        else:
            raise ValueError("usage", "say set baseline PERSON, then DATE PERCENT three times")
        app.save((("baseline", told), ("baseline_person", person)))
        console.words = console.words[:1]
        return None
    if not kept.baseline:
        return "baseline=-"
    readings = []
    for day, pct in kept.baseline:
        told = board.gmtime(day * _DAY_S + board.EPOCH_S)
        readings.append(f"{told[0] * 10000 + told[1] * 100 + told[2]}:{pct}")
    holds = kept.baseline_holds(board.time_s() // _DAY_S, kept.baseline_person)
    return "person={} percent={} readings={} holds={}".format(
        kept.baseline_person, kept.baseline_pct(), ",".join(readings), "yes" if holds else "no"
    )


def _day(board, date):
    """Days since 2000-01-01 of a date as 20261126."""
    date = int(date)
    return clock.seconds(board, date // 10000, date // 100 % 100, date % 100, 0, 0, 0) // _DAY_S
