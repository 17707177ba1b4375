"""What the ESP32's MicroPython does before and around boot.py and main.py, for device.mjs."""

import os
import sys
import time

import hostchip
import vfs


class _Implementation:
    """sys.implementation with the name of the chip in it."""

    def __getattr__(self, name):
        return hostchip.machine() if name == "_machine" else getattr(_sys.implementation, name)


class _Letters:
    """What the host has sent and the prompt has not taken: sys.stdin, its buffer, and a poll."""

    POLLIN = 1

    @property
    def buffer(self):
        return self

    def read(self, count):
        return bytes(hostchip.take() for _ in range(count))

    def poll(self):
        return self

    def register(self, stream, events=POLLIN):
        pass

    def ipoll(self, timeout_ms):
        return [(self, self.POLLIN)] if hostchip.waiting() else []


class _Sys:
    implementation = _Implementation()
    stdin = _Letters()
    platform = "esp32"

    def __getattr__(self, name):
        return getattr(_sys, name)


def _sleep(seconds):
    hostchip.sleep(int(seconds * 1000))


def _sleep_us(us):
    if us >= 1000:
        hostchip.sleep(us // 1000)


def begin(scope):
    """Make the interpreter the chip's; `/` is the file system of its flash from here on.

    scope: the names of the prompt, which boot.py and main.py share.
    """
    global _sys, _scope
    _scope = scope
    import esp32  # noqa: F401 (in sys.modules while `/` still is where they lie)
    import machine  # noqa: F401

    _sys = sys
    sys.modules["sys"] = _Sys()
    sys.modules["select"] = _Sys.stdin
    time.sleep = _sleep
    time.sleep_ms = hostchip.sleep
    time.sleep_us = _sleep_us
    sys.path[:] = ["", ".frozen", "/lib"]
    vfs.umount("/")
    vfs.mount(vfs.VfsPosix("/flash"), "/")
    os.chdir("/")  # a name without a folder goes to the host's idea of where we are


def execute(path):
    """boot.py or main.py, if it is there. 1: a soft reset is due."""
    try:
        with open(path) as file:
            source = file.read()
    except OSError:
        return 0
    try:
        exec(compile(source, path, "exec"), _scope)
    except SystemExit:
        return 1
    except BaseException as error:
        _sys.print_exception(error)
    return 0
