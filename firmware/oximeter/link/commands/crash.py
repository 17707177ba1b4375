"""crash, crash clear: why the device last started anew without being asked to."""

import os

from oximeter import crash


def run(console, app, words):
    if words and words != ["clear"]:
        raise ValueError("usage", "say crash or crash clear")
    if words:
        try:
            os.remove(app.board.DATA_DIR + "/crash.txt")
        except OSError as error:
            if error.errno != 2:
                raise
    told = crash.read(app.board.DATA_DIR)
    app.unload("oximeter.crash")
    return "crash=" + (" | ".join(told.split("\n")[:-1]) or "-")
