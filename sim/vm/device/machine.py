"""As much of MicroPython's `machine` on an ESP32 as firmware/board.py asks for."""

import hostchip

_ENODEV = 19


class Pin:
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_UP = 2

    def __init__(self, number, mode=IN, pull=None, value=None):
        self._number = number
        self._level = 1 if pull == Pin.PULL_UP else 0
        self._input = mode == Pin.IN
        if value is not None:
            self._level = value

    def value(self, level=None):
        if level is None:
            outside = hostchip.level(self._number)
            return outside if self._input and outside >= 0 else self._level
        self._level = level


class ADC:
    ATTN_11DB = 3

    def __init__(self, pin, atten=0):
        pass

    def read_uv(self):
        return 0


class PWM:
    def __init__(self, pin, freq=0, duty_u16=0):
        pass

    def freq(self, hz):
        pass

    def duty_u16(self, duty):
        pass


class SoftI2C:
    def __init__(self, scl, sda, freq=400000):
        pass

    def readfrom_mem_into(self, address, register, buffer):
        hostchip.poll()
        raise OSError(_ENODEV)

    def writeto_mem(self, address, register, buffer):
        hostchip.poll()
        raise OSError(_ENODEV)


class I2C(SoftI2C):
    def __init__(self, number, scl, sda, freq=400000):
        pass


class SPI:
    def __init__(self, number, baudrate=0, sck=None, mosi=None):
        pass

    def write(self, data):
        hostchip.poll()


class WDT:
    def __init__(self, timeout=5000):
        hostchip.watchdog(timeout)

    def feed(self):
        hostchip.feed()


def reset():
    hostchip.reset()


def soft_reset():
    raise SystemExit


def unique_id():
    return bytes.fromhex(hostchip.mac())
