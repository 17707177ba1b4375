"""log, log read [N], log clear: what was measured.

`read` sends the newest N (without N all) as frames of kind L, the newest first: the 32 bytes of a
record as log.py lays them out; one of kind E, which is empty, ends them. The answer tells how many
records there are, damaged ones among them.
"""

from oximeter.link import frame

_A_STEP = 4  # records; a step must leave time for the measurement


def run(console, app, words):
    log = app.log
    told = words[0] if words else "count"
    if told == "clear" and len(words) == 1:
        from oximeter.link import erase

        erase.erase(log)
        app.unload("oximeter.link.erase")
    elif told == "read" and len(words) < 3:
        console.job = _reader(min(int(words[1]), 1000) if len(words) == 2 else 1000)
    elif told != "count" or len(words) > 1:
        raise ValueError("usage", "say log, log read, log read 10 or log clear")
    state = "damaged" if log.damaged else "ok"
    return f"records={log.next - log.first()} log={state}"


def _reader(wanted):
    at = 1 << 29

    def job(app):
        nonlocal at, wanted
        for _ in range(_A_STEP):
            at = app.log.find(at) if wanted else -1
            if at < 0:
                app.log.close()
                frame.send(app, b"E", b"")
                return True
            frame.send(app, b"L", app.log.content)
            wanted -= 1
        return False

    return job
