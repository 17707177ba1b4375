"""The board: which chip hangs on which pin, and what its microcontroller can do.

The only file that names `machine`. sim/board.py has the same names, so all else runs on either.
Two targets, told apart by their chip: the product (ESP32-C3) and a development board (ESP32).
"""

import select
import sys
import time

import vfs
from esp32 import Partition
from machine import (
    ADC,
    DEEPSLEEP_RESET,
    I2C,
    PWM,
    RTC,
    SOFT_RESET,
    SPI,
    WDT,
    WDT_RESET,
    Pin,
    SoftI2C,
    Timer,
    deepsleep,
    lightsleep,
    reset_cause,
    unique_id,
)
from machine import reset as reset

is_product = "ESP32C3" in sys.implementation._machine

# pins: begin
# From hardware/pins.yaml by `python -m host_tools.pins`; change it there.
if is_product:
    _SENSOR_SCL = 7
    _SENSOR_SDA = 6
    _DISPLAY_SCL = 5
    _DISPLAY_SDA = 4
    _DISPLAY_SCK = None
    _DISPLAY_MOSI = None
    _DISPLAY_DC = None
    _DISPLAY_CS = None
    _DISPLAY_RESET = 3
    _BUTTON = 1
    _BUZZER = 10
    _BATTERY_ADC = 0
    _VBUS = 20
    _DISPLAY_BUS = "i2c"
    DISPLAY_CONTROLLER = "ssd1306"
    BATTERY_DIVIDER = (2, 1)
else:
    _SENSOR_SCL = 22
    _SENSOR_SDA = 21
    _DISPLAY_SCL = 33
    _DISPLAY_SDA = 32
    _DISPLAY_SCK = 18
    _DISPLAY_MOSI = 23
    _DISPLAY_DC = 19
    _DISPLAY_CS = 13
    _DISPLAY_RESET = 4
    _BUTTON = 27
    _BUZZER = 25
    _BATTERY_ADC = None
    _VBUS = None
    _DISPLAY_BUS = "i2c"
    DISPLAY_CONTROLLER = "ssd1306"
    BATTERY_DIVIDER = (2, 1)
# pins: end

# Low from the first: the display stays dark until the app starts it.
display_reset = Pin(_DISPLAY_RESET, Pin.OUT, value=0)
button = Pin(_BUTTON, Pin.IN, Pin.PULL_UP)
buzzer = PWM(Pin(_BUZZER), freq=2000, duty_u16=0)
vbus = None if _VBUS is None else Pin(_VBUS, Pin.IN)
battery_adc = None if _BATTERY_ADC is None else ADC(Pin(_BATTERY_ADC), atten=ADC.ATTN_11DB)
sensor_scl = Pin(_SENSOR_SCL, Pin.OPEN_DRAIN, value=1)
sensor_sda = Pin(_SENSOR_SDA, Pin.OPEN_DRAIN, value=1)

CHANNELS = 3  # red and infrared
DATA_DIR = "/data"
keep_awake = False
leds_fixed = False
woken = reset_cause() == DEEPSLEEP_RESET  # the button did that: it asks for no prompt
bitten = reset_cause() == WDT_RESET  # the watchdog did

EPOCH_S = time.mktime((2000, 1, 1, 0, 0, 0, 0, 0))  # ports differ in when their time begins
_NEVER_SET_S = 820454400  # 2026-01-01: before this firmware was written

# A unit that `xueyang flash` has made keeps its data in a partition of their own, which no update
# touches. On any other they lie in a folder beside the code.
for _partition in Partition.find(Partition.TYPE_DATA, label="data"):
    try:
        vfs.mount(_partition, DATA_DIR)
    except OSError:  # nothing in it that could be read: it is made anew
        vfs.VfsLfs2.mkfs(_partition)
        vfs.mount(_partition, DATA_DIR)

_console = select.poll()
_console.register(sys.stdin, select.POLLIN)

sleep_us = time.sleep_us
sleep_ms = time.sleep_ms
ticks_ms = time.ticks_ms
gmtime = time.gmtime
UNIQUE_ID = unique_id()

_WATCHDOG_MS = 1500
_watchdog = None


def sensor_bus():
    """A fresh I2C for the sensor, in software: it leaves the two pins to `drivers.bus.recover`,
    allocates nothing in a transfer, and the C3's only I2C block is free for the display."""
    return SoftI2C(scl=sensor_scl, sda=sensor_sda, freq=400000)


def display_port():
    """A fresh port to the display, on I2C or SPI as the map of pins says."""
    if _DISPLAY_BUS == "spi":
        from oximeter.drivers.spi_port import SpiPort

        spi = SPI(1 if is_product else 2, 8000000, sck=Pin(_DISPLAY_SCK), mosi=Pin(_DISPLAY_MOSI))
        return SpiPort(spi, Pin(_DISPLAY_DC, Pin.OUT), Pin(_DISPLAY_CS, Pin.OUT, value=1))
    from oximeter.drivers.i2c_port import I2cPort

    return I2cPort(I2C(0, scl=Pin(_DISPLAY_SCL), sda=Pin(_DISPLAY_SDA), freq=400000))


def start_watchdog(timeout_ms):
    """From here on a reset follows when it is not fed for so long. It cannot be stopped."""
    global _watchdog
    Timer(0).deinit()  # which may have fed it for somebody at the prompt
    _watchdog = WDT(timeout=timeout_ms)


def feed_watchdog():
    _watchdog.feed()


def keep_feeding():
    """Somebody sits at the prompt: the watchdog must not throw them out."""
    global _watchdog
    if _watchdog is None:
        _watchdog = WDT(timeout=_WATCHDOG_MS)
    Timer(0, mode=Timer.PERIODIC, period=500, callback=lambda timer: feed_watchdog())


def time_s():
    """Seconds since 2000-01-01 UTC; -1 while nobody has set the clock, which begins there."""
    now_s = time.time() - EPOCH_S
    return now_s if now_s > _NEVER_SET_S else -1


def deep_sleep():
    """Until the button is pressed; everything begins anew then. A pin low wakes the C3 by
    esp32.wake_on_gpio (MicroPython pull request 17518), the ESP32 by EXT0."""
    import esp32

    if is_product:
        esp32.wake_on_gpio((button,), esp32.WAKEUP_ALL_LOW)
    else:
        esp32.wake_on_ext0(button, esp32.WAKEUP_ALL_LOW)
    deepsleep()


def rest_ms(ms, busy):
    """Wait: in light sleep on the product where nothing is busy and no cable is in. Light sleep
    stops the radio, the PWM and the USB, and on a development board the console's letters."""
    if busy or not is_product or vbus.value():
        time.sleep_ms(ms)
    else:
        lightsleep(ms)


def set_clock(time_s):
    """To so many seconds since 2000-01-01 UTC; it runs on in deep sleep."""
    year, month, day, hour, minute, second, weekday, _ = time.gmtime(time_s + EPOCH_S)
    RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def console_read():
    """The next byte from the USB console, -1 when there is none."""
    for _ in _console.ipoll(0):
        return sys.stdin.buffer.read(1)[0]
    return -1


def console_write(content):
    """Bytes to the USB console; whoever does not read them loses them."""
    sys.stdout.buffer.write(content)


def unload(name):
    """Forget a module of the firmware that was needed for a moment. Most stand in no package."""
    if name in sys.modules:
        del sys.modules[name]
        parent, _, leaf = name.rpartition(".")
        if parent:
            delattr(sys.modules[parent], leaf)


def forget_making(kinds, module):
    """Each of these classes, and the `new` of this module, has made its only object until the next
    reset: what makes one goes."""
    for kind in kinds:
        kind.__init__ = None  # deleted, it would still lie in the table
    module.new = None


if reset_cause() == SOFT_RESET:
    # The watchdog runs on, and the timer that fed it is gone (MicroPython's ports/esp32/main.c).
    keep_feeding()
