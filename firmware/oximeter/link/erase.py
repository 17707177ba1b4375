"""Deleting what was measured."""

import os


def erase(log):
    """Every record of the log. OSError: the flash does not let go of one."""
    log.close()
    for name in os.listdir(log.folder):
        if name.startswith("log."):
            os.remove(log.folder + "/" + name)
    log.next = 0
    log.damaged = False
