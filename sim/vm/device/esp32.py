"""As much of MicroPython's `esp32` as firmware/board.py asks for."""

import hostchip
import vfs

WAKEUP_ALL_LOW = 0


def wake_on_gpio(pins, level):
    pass


def wake_on_ext0(pin, level):
    pass


class Partition:
    TYPE_DATA = 1

    @staticmethod
    def find(kind, label):
        """A list of one thing that vfs.mount takes, or an empty one.

        On a chip that is the partition, whose file system mount looks for; here the file system
        was taken out of the flash before the start.
        """
        folder = hostchip.partition(label)
        return [vfs.VfsPosix(folder)] if folder else []
