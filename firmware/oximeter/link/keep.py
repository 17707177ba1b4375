"""What becomes of a settled reading: into the log, and to a phone. Imported for that moment."""

from oximeter import terms


def keep(app, now_ms, marks):
    """marks: of terms.py. The sensor's FIFO may overflow meanwhile."""
    evidence = app.settings.evidence
    if evidence == "human_sao2":
        marks |= terms.MARK_HUMAN_SAO2
    elif evidence == "secondary":
        marks |= terms.MARK_SECONDARY
    app.log.append(app.reading, now_ms // 1000, app.board.time_s(), app.person, marks)
    if app.radio is None:
        from oximeter.link import services

        app.radio = services.begin(app, now_ms, False)
        app.unload("oximeter.link.services")
    if app.radio is not None:
        app.radio.offer(app.log.record)
