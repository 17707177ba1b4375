"""identify: which unit this is, and what it runs.

Serial, lot and revision are those that the factory wrote, `-` where it wrote none.
"""

import oximeter


def run(console, app, words):
    serial, lot, revision = _identity(app)
    return (
        "product=xueyang version={} target={} uid={} boot={} evidence={} serial={} lot={} "
        "revision={}".format(
            oximeter.VERSION,
            "product" if app.board.is_product else "devkit",
            "".join([f"{byte:02x}" for byte in app.board.UNIQUE_ID]),
            app.log.boot,
            app.settings.evidence,
            serial,
            lot,
            revision,
        )
    )


def _identity(app):
    from oximeter import identity

    try:
        with open(app.board.DATA_DIR + "/identity.bin", "rb") as file:
            told = identity.decode(file.read(64))
        return [text.rstrip(b"\0").decode() for text in told[:3]]
    except (OSError, TypeError, ValueError):
        return ("-", "-", "-")  # there is none, or it is damaged
    finally:
        app.unload("oximeter.identity")
