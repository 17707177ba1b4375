"""What the one button does: a table says what is meant in which phase.

Loaded for a press and let go of again: a button is pressed seldom.
"""

import os

import oximeter
from oximeter import terms
from oximeter.ui import picture

# What the button means in a phase: pressed shortly, and held for 1.5 s. The order of terms.py.
# fmt: off
GESTURES = bytes((
    terms.TURN, terms.TURN,  # SELF_TEST
    terms.TURN, terms.OPEN,  # INSERT
    terms.TURN, terms.MUTE,  # MEASURING
    terms.TURN, terms.MUTE,  # LIVE
    terms.TURN, terms.MUTE,  # RESULT
    terms.LONGER, terms.OPEN,  # HELD
    terms.TURN, terms.OPEN,  # OTHER_FINGER
    terms.ANEW, terms.OPEN,  # FAILED
    terms.TURN, terms.OPEN,  # FAULT
    terms.NEXT, terms.CHOOSE,  # MENU
    terms.NEXT, terms.LEAVE,  # RECORDS
    terms.NEXT, terms.LEAVE,  # PERSON
    terms.LEAVE, terms.LEAVE,  # NOTICE
    terms.LEAVE, terms.LEAVE,  # LINK
    terms.LEAVE, terms.LEAVE,  # OFF
))
# fmt: on

_PACKS = oximeter.__file__[: oximeter.__file__.rfind("__init__")] + "ui"


def gesture(app, held, now_ms):
    """What the button means here, by the table above."""
    state = app.guide
    phase = state[terms.PHASE]
    meaning = GESTURES[2 * phase + held]
    if meaning == terms.TURN:
        app.turn()
    elif meaning == terms.LONGER:
        state[terms.LIMIT_MS] += 60000
    elif meaning == terms.ANEW:
        app.go(terms.INSERT, now_ms, True)
    elif meaning == terms.OPEN:
        app.item = 0
        app.forget_held()
        app.go(terms.MENU, now_ms)
    elif meaning == terms.LEAVE:
        if phase == terms.LINK:
            _end_radio(app)
        app.go(terms.INSERT, now_ms)
    elif meaning == terms.MUTE:
        _choose(app, terms.ITEM_SILENT, now_ms)
    elif meaning == terms.CHOOSE:
        _choose(app, app.item, now_ms)
    else:
        state[terms.SINCE_MS] = now_ms
        if phase == terms.MENU:
            app.item = (app.item + 1) % terms.ITEMS
        elif phase == terms.PERSON:
            app.person = (app.person + 1) % 5
            app.rhythm = -1
        else:
            _find_record(app)


def _choose(app, item, now_ms):
    phase = terms.NOTICE
    settings = app.settings
    if item == terms.ITEM_RECORDS:
        phase = terms.RECORDS
        app.ordinal = 0
        _find_record(app)
    elif item == terms.ITEM_PERSON:
        phase = terms.PERSON
    elif item == terms.ITEM_OXYGEN:
        app.marks ^= terms.MARK_OXYGEN
        app.notice = picture.OXYGEN_ON if app.marks else picture.OXYGEN_OFF
    elif item == terms.ITEM_SILENT:
        settings.silent ^= 1
        app.buzzer.off()
        app.notice = picture.SILENT_ON if settings.silent else picture.SILENT_OFF
        app.save()
        if app.guide[terms.PHASE] != terms.MENU:
            return  # a measurement goes on; that it is quiet can be heard
    elif item == terms.ITEM_LANGUAGE:
        languages = [name[:2] for name in os.listdir(_PACKS) if name[2:] == ".pack"]
        languages.sort()
        at = languages.index(settings.language) + 1 if settings.language in languages else 0
        settings.language = languages[at % len(languages)]
        app.view.redraw()
        phase = terms.INSERT
        app.save()
    elif item == terms.ITEM_LINK:
        from oximeter.link import services

        phase = terms.LINK
        _end_radio(app)
        app.radio = services.begin(app, now_ms, True)
        app.unload("oximeter.link.services")
    else:
        phase = terms.OFF
    app.go(phase, now_ms)


def _end_radio(app):
    if app.radio is not None:
        app.radio.end()
        app.radio = None
        app.unload("oximeter.link.ble")


def _find_record(app):
    """The next older one of this person, of the newest ten."""
    before = 1 << 29 if app.ordinal % 10 == 0 else app.record_at
    app.ordinal = app.ordinal % 10 + 1
    app.record_at = -1
    app.record_at = app.log.find(before, app.person or -1)
    if app.record_at < 0 and app.ordinal > 1:  # no more: from the first again
        app.ordinal = 1
        app.record_at = app.log.find(1 << 29, app.person or -1)
    app.log.close()
