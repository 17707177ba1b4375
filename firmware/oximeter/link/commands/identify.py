"""identify: which unit this is, and what it runs."""

import oximeter


def run(console, app, words):
    return "product=xueyang version={} target={} uid={} boot={} evidence={}".format(
        oximeter.VERSION,
        "product" if app.board.is_product else "devkit",
        "".join([f"{byte:02x}" for byte in app.board.UNIQUE_ID]),
        app.log.boot,
        app.settings.evidence,
    )
