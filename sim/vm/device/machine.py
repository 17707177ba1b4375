"""As much of MicroPython's `machine` on an ESP32 as firmware/board.py asks for."""

import hostchip
from uctypes import addressof


def _fail(status):
    raise OSError(-status)


class Pin:
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_UP = 2

    def __init__(self, number, mode=IN, pull=None, value=None):
        self.number = number
        self._level = 1 if pull == Pin.PULL_UP else 0
        if value is not None:
            self.value(value)

    def value(self, level=None):
        if level is None:
            outside = hostchip.pin(self.number, -1)
            return outside if outside >= 0 else self._level
        self._level = level
        hostchip.pin(self.number, level)


class ADC:
    ATTN_11DB = 3

    def __init__(self, pin, atten=0):
        pass

    def read_uv(self):
        return hostchip.volts()


class PWM:
    def __init__(self, pin, freq=0, duty_u16=0):
        self._hz = freq
        self._duty = duty_u16

    def freq(self, hz):
        self._hz = hz
        hostchip.tone(self._hz, self._duty)

    def duty_u16(self, duty):
        self._duty = duty
        hostchip.tone(self._hz, self._duty)


class SoftI2C:
    def __init__(self, scl, sda, freq=400000):
        self._scl = scl.number

    def readfrom_mem_into(self, address, register, buffer):
        status = hostchip.read(self._scl, address, register, addressof(buffer), len(buffer))
        if status < 0:
            _fail(status)

    def writeto_mem(self, address, register, buffer):
        status = hostchip.write(self._scl, address, register, addressof(buffer), len(buffer))
        if status < 0:
            _fail(status)


class I2C(SoftI2C):
    def __init__(self, number, scl, sda, freq=400000):
        super().__init__(scl, sda)


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


def unique_id():
    return bytes.fromhex(hostchip.mac())
