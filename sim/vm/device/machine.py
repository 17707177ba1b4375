"""As much of MicroPython's `machine` on an ESP32 as firmware/board.py asks for."""

import time

import hostchip
from uctypes import addressof

PWRON_RESET = 1
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


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


class Timer:
    """No callback runs beside the prompt here: one that runs feeds the watchdog, which is all that
    board.py has timers for."""

    PERIODIC = 1

    def __init__(self, number, mode=PERIODIC, period=-1, callback=None):
        if callback:
            callback(self)
            hostchip.timer(True)

    def deinit(self):
        hostchip.timer(False)


_host_time = time.time


def _set_clock(to_s):
    began_s = _host_time()
    time.time = lambda: to_s + _host_time() - began_s


_set_clock(time.mktime((2000, 1, 1, 0, 0, 0, 0, 0)))  # where an ESP32's begins


class RTC:
    def datetime(self, date):
        year, month, day, _, hour, minute, second, _ = date
        _set_clock(time.mktime((year, month, day, hour, minute, second, 0, 0)))


def reset():
    hostchip.reset()


def reset_cause():
    return hostchip.cause()


def lightsleep(ms):
    hostchip.sleep(ms)


def deepsleep():
    """Nothing wakes this chip but its host: a Ctrl-C, where a real one needs its button."""
    while True:
        hostchip.sleep(1000)


def unique_id():
    return bytes.fromhex(hostchip.mac())
