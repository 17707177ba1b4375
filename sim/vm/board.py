"""The board inside the VM: the names of sim/board.py, each of them handed on to it.

Runs on MicroPython. The chips are not here; hostbus takes every transfer to the Python models.
Nothing is allocated on the way: only numbers go out, and bytes by their address. At the end
stands how the host drives an app on this board.
"""

import sys

import hostbus
from micropython import const
from uctypes import addressof

# The same numbers stand in host.py.
_SENSOR = const(0)
_DISPLAY = const(1)
_STOP = const(-1000)
_SLEEP_US = const(0)
_SLEEP_MS = const(1)
_START_WATCHDOG = const(3)
_FEED_WATCHDOG = const(4)
_RESET = const(5)
_NEW_SENSOR_BUS = const(6)
_BUZZER_HZ = const(7)
_BUZZER_DUTY = const(8)
_BATTERY_UV = const(9)
_DEEP_SLEEP = const(11)
_KEEP_FEEDING = const(12)
_REST_MS = const(15)  # twice the time, and one more where something is busy
_CONSOLE = const(2)  # where a bus would stand
_PIN = const(16)  # the first of the pins; a level under 0 asks for theirs

_read = hostbus.read
_write = hostbus.write
_call = hostbus.call
# These never fail, so that they need no function here.
ticks_ms = hostbus.ticks_ms
time_s = hostbus.time_s
set_clock = hostbus.set_clock
console_read = hostbus.console_read


class _HostStop(BaseException):
    """The simulated board has something to say that no firmware may catch; its host tells."""


def _fail(status):
    raise _HostStop if status == _STOP else OSError(-status)


def _ask(what, value=0):
    status = _call(what, value)
    if status < 0:
        _fail(status)
    return status


class _Part:
    """Pin, ADC, PWM or I2C: on a device they are C and in no heap, here one class must do."""

    def __init__(self, number):
        self._number = number

    def value(self, level=-1):
        return _ask(self._number, level)

    def freq(self, hz):
        _ask(_BUZZER_HZ, hz)

    def duty_u16(self, duty):
        _ask(_BUZZER_DUTY, duty)

    def read_uv(self):
        return _ask(_BATTERY_UV)

    def readfrom_mem_into(self, address, register, buffer):
        status = _read(self._number, address, register, addressof(buffer), len(buffer))
        if status < 0:
            _fail(status)

    def writeto_mem(self, address, register, buffer):
        status = _write(self._number, address, register, addressof(buffer), len(buffer))
        if status < 0:
            _fail(status)


sensor_scl = _Part(_PIN)
sensor_sda = _Part(_PIN + 1)
display_reset = _Part(_PIN + 2)
button = _Part(_PIN + 3)
vbus = _Part(_PIN + 4)
buzzer = battery_adc = _Part(0)
EPOCH_S = 946684800  # 2000-01-01 by this MicroPython
UNIQUE_ID = b"\x01\x23\x45\x67\x89\xab"  # as in sim/board.py
# vbus and battery_adc become None where the board outside has none.


def sensor_bus():
    _ask(_NEW_SENSOR_BUS)
    return _Part(_SENSOR)


def display_port():
    from oximeter.drivers.i2c_port import I2cPort

    return I2cPort(_Part(_DISPLAY))


def sleep_us(n):
    _ask(_SLEEP_US, n)


def sleep_ms(n):
    _ask(_SLEEP_MS, n)


def rest_ms(ms, busy):
    _ask(_REST_MS, ms << 1 | busy)


def start_watchdog(timeout_ms):
    _ask(_START_WATCHDOG, timeout_ms)


def feed_watchdog():
    _ask(_FEED_WATCHDOG)


def reset():
    _ask(_RESET)


def deep_sleep():
    _ask(_DEEP_SLEEP)


def keep_feeding():
    _ask(_KEEP_FEEDING)


def gmtime(unix_s):
    from time import gmtime  # of Python here, and large: only where somebody asks for a date

    return gmtime(unix_s)


def console_write(content):
    _write(_CONSOLE, 0, 0, addressof(content), len(content))


def unload(name):
    """Forget a module of the firmware that was needed for a moment. Most stand in no package."""
    if name in sys.modules:
        del sys.modules[name]
        parent, _, leaf = name.rpartition(".")
        if parent:
            delattr(sys.modules[parent], leaf)


def forget_making(kinds, module):
    for kind in kinds:
        kind.__init__ = None  # deleted, it would still lie in the table
    module.new = None


def start():
    """`app` is the firmware's, on this board."""
    global app
    from oximeter.app import App

    app = App(sys.modules["board"])
    hostbus.reading(addressof(app.reading), len(app.reading))


def step(now_ms):
    return app.step(now_ms)
