"""settings, settings NAME, set settings NAME VALUE: how the unit was built and how it is read."""

_CALIBRATION = ("evidence", "curve_e7", "date", "batch", "lost")
_BASELINE = ("baseline", "baseline_person")


def run(console, app, words):
    kept = app.settings
    names = []
    for name in kept.__dict__:
        if name not in _CALIBRATION and name not in _BASELINE:
            names.append(name)
    names.sort()
    if len(words) == 2:
        name, value = words
        if name in _CALIBRATION:
            raise ValueError("refused", "this belongs to the calibration: see set calibration")
        if name in _BASELINE:
            raise ValueError("refused", "a clinic sets it: see set baseline")
        if name not in names:
            raise ValueError("value", "there is no such setting: say settings for all of them")
        number = isinstance(getattr(kept, name), int)
        app.save(((name, int(value) if number else value.strip("-")),))
        console.words = console.words[:2]
        return None
    if len(words) == 1 and words[0] in names:
        names = words
    elif words:
        raise ValueError("usage", "say settings, or set settings turned 1")
    return " ".join(["{}={}".format(name, str(getattr(kept, name)) or "-") for name in names])
