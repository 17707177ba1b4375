"""settings, set settings NAME VALUE: how the unit was built and how its owner reads it."""

from oximeter.link.commands import store

_CALIBRATION = ("evidence", "curve_e7", "date", "batch", "lost")
_BASELINE = ("baseline", "baseline_person")


def run(console, app, words):
    kept = app.settings
    names = sorted([name for name in kept.__dict__ if name not in _CALIBRATION + _BASELINE])
    if len(words) == 2:
        name, value = words
        if name in _CALIBRATION:
            raise ValueError("refused", "this belongs to the calibration: see set calibration")
        if name in _BASELINE:
            raise ValueError("refused", "a clinic sets it: see set baseline")
        if name not in names:
            raise ValueError("value", "there is no such setting: say settings for all of them")
        before = getattr(kept, name)
        try:
            setattr(kept, name, int(value) if isinstance(before, int) else value.strip("-"))
            store(app)
        except (ValueError, OSError):
            setattr(kept, name, before)
            raise
        names = [name]
    elif words:
        raise ValueError("usage", "say settings, or set settings turned 1")
    return " ".join(["{}={}".format(name, str(getattr(kept, name)) or "-") for name in names])
