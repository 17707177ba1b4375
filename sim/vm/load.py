"""What share of its time the product's processor is busy: modelled, nothing here is a device.

    python -m sim.vm.load

The whole app runs on the real MicroPython against a sensor and a display that answer inside the
VM, so that nothing but the firmware is timed, and is told in multiples of the reference kernel
(reference_kernel.py) of the same run. What the kernel takes on an ESP32-C3 at 160 MHz is a model:
858 bytecodes (counted by CPython for the same source) of 90 cycles each. Benchmarks of MicroPython
on the ESP32 family give some 60 to 90 cycles; flash cache misses are on the dear side of that.
The buses are counted in bits: 9 clocks a byte at 400 kHz for both, doubled for the sensor's, which
is made in software.
"""

import sys
from dataclasses import dataclass

from sim.vm import cost
from sim.vm.build import BuildError
from sim.vm.host import Vm, VmError
from sim.vm.setup import VmMissing

BUDGET_PCT = 60.0
CLOCK_HZ = 160e6
KERNEL_CYCLES = 858 * 90
BIT_S = 1 / 400e3
_SETTLE_S = 12
_SECONDS = 8

_INSIDE = """\
import gc, hostbus, sys
from array import array
class Chip:
    def __init__(self):
        self.registers = bytearray(256)
        self.registers[255] = 0x15
        self.bytes = self.transfers = 0
        self.stream = b''
        self.at = 0
    def readfrom_mem_into(self, address, register, buffer):
        self.transfers += 1
        self.bytes += len(buffer) + 3
        registers = self.registers
        if register == 7:
            n = len(buffer)
            buffer[:] = self.stream[self.at : self.at + n]
            self.at = (self.at + n) % len(self.stream)
            registers[6] = registers[4]
        else:
            buffer[:] = registers[register : register + len(buffer)]
    def writeto_mem(self, address, register, data):
        self.transfers += 1
        self.bytes += len(data) + 2
        if address == 0x57:
            self.registers[register] = data[0] & (0xBF if register == 9 else 0xFF)
class Level:
    def __init__(self, level):
        self.level = level
    def value(self, level=None):
        return self.level
class Quiet:
    def freq(self, hz): pass
    def duty_u16(self, duty): pass
class Board:
    DATA_DIR = '/data'
    DISPLAY_CONTROLLER = 'ssd1306'
    CHANNELS = 3
    keep_awake = leds_fixed = True
    is_product = True
    vbus = battery_adc = None
    def __init__(self):
        self.sensor, self.display = Chip(), Chip()
        self.sensor_scl = self.sensor_sda = self.button = self.display_reset = Level(1)
        self.buzzer = Quiet()
    def sensor_bus(self):
        return self.sensor
    def display_port(self):
        from i2c_port import I2cPort
        return I2cPort(self.display)
    def sleep_ms(self, ms): pass
    sleep_us = sleep_ms
    def time_s(self):
        return -1
    def console_read(self):
        return -1
    def unload(self, name): pass
    def forget_making(self, kinds, module): pass
from oximeter.app import App
made = Board()
with open('/stream', 'rb') as file:
    made.sensor.stream = file.read()
app = App(made)
at_ms = 0
def run(steps):
    global at_ms
    registers = made.sensor.registers
    step = app.step
    began_us = hostbus.cpu_us()
    for _ in range(steps):
        registers[4] = registers[4] + 4 & 31
        at_ms += 40
        step(at_ms)
    print(hostbus.cpu_us() - began_us, made.sensor.bytes, made.display.bytes)
"""


@dataclass(frozen=True)
class Load:
    """Percent of the time: the firmware's own code, the two buses, and together."""

    code_pct: float
    sensor_bus_pct: float
    display_bus_pct: float

    @property
    def together_pct(self) -> float:
        return self.code_pct + self.sensor_bus_pct + self.display_bus_pct


def measure() -> Load:
    """A finger being measured, a live number and its wave on the display. Raises VmMissing,
    VmError."""
    kernel_us = cost.measure().kernel_us
    red, ir = cost.pulse_signal(_SETTLE_S + _SECONDS)
    stream = b"".join(
        light.to_bytes(3, "big") for pair in zip(red, ir, strict=True) for light in pair
    )
    with Vm(heap_kib=2048) as vm:
        vm.put("/stream", stream)
        vm.run(_INSIDE)
        for _ in range(_SETTLE_S):
            before = vm.run("gc.collect(); run(25)").split()
        seconds = [vm.run("gc.collect(); run(25)").split() for _ in range(_SECONDS)]
        if vm.run("print(app.reading[2])").strip() != "0":
            raise VmError("The app has no reading of the finger whose load was to be measured.")
    # The median second: a collection, or another process, falls into some of them.
    code_us = sorted(int(took) for took, *_ in seconds)[_SECONDS // 2]
    kernel_s = KERNEL_CYCLES / CLOCK_HZ
    sensor, display = (
        (int(seconds[-1][part]) - int(before[part])) / _SECONDS for part in (1, 2)
    )
    return Load(
        100 * code_us / kernel_us * kernel_s,
        100 * sensor * 9 * BIT_S * 2,
        100 * display * 9 * BIT_S,
    )


def main() -> int:
    try:
        load = measure()
    except (VmMissing, VmError, BuildError) as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"modelled ESP32-C3 at 160 MHz: code {load.code_pct:.1f} %, sensor's bus "
        f"{load.sensor_bus_pct:.1f} %, display's bus {load.display_bus_pct:.1f} %, together "
        f"{load.together_pct:.1f} %, budget {BUDGET_PCT:g} %"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
