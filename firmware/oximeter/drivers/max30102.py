"""The MAX30102 pulse oximeter front end over I2C (Maxim 19-7740, Rev 1, 10/18).

Two lights, one photodiode, an 18-bit converter and a FIFO of 32 samples, read whole and in one
burst. `read` runs inside the sample path: it allocates nothing.
"""

from micropython import const

_ADDRESS = const(0x57)
_PART_ID = const(0x15)
LED_STEP_UA = const(200)
DEPTH = const(32)

_INT_STATUS_1 = const(0x00)
_INT_ENABLE_1 = const(0x02)
_INT_ENABLE_2 = const(0x03)
_FIFO_WR_PTR = const(0x04)
_OVF_COUNTER = const(0x05)
_FIFO_RD_PTR = const(0x06)
_FIFO_DATA = const(0x07)
_FIFO_CONFIG = const(0x08)
_MODE = const(0x09)
_SPO2_CONFIG = const(0x0A)
_LED1_PA = const(0x0C)
_LED2_PA = const(0x0D)
_TEMP_INT = const(0x1F)
_TEMP_EN = const(0x21)
_PART_ID_AT = const(0xFF)

_A_FULL = const(0x80)
_ALC_OVF = const(0x20)
_PWR_RDY = const(0x01)
_ENABLED_1 = const(0xA0)  # A_FULL and ALC_OVF
_ROLLOVER = const(0x10)
_SHUTDOWN = const(0x80)
_RESET = const(0x40)
_SPO2 = const(0x03)

_RATES_HZ = (50, 100, 200, 400, 800, 1000, 1600, 3200)
_PULSES_US = (69, 118, 215, 411)
_FASTEST_HZ = (1600, 1000, 800, 400)  # of each pulse with two lights, table 11
_RANGES_NA = (2048, 4096, 8192, 16384)
_AVERAGES = (1, 2, 4, 8, 16, 32)


class WrongPart(OSError):
    """Something answers at the sensor's address that is not a MAX30102."""


def _code(choices, value, what):
    if value not in choices:
        raise ValueError(f"{what} cannot be {value}: choose one of {choices}")
    return choices.index(value)


class Max30102:
    """The sensor on `bus`, which has machine.I2C's readfrom_mem_into and writeto_mem.

    Every method raises OSError when the sensor does not answer. After each `read`:
    `lost` samples went missing before this block (31 stands for 31 or more), `ambient` says that
    the light from outside was more than the chip can cancel, `rebooted` that it lost its
    settings, gives no samples and wants `start` again. `range_na` is the photocurrent at full
    scale. `swapped` is for boards with the two lights exchanged: it exchanges samples and
    currents, and is to be set before `start`; so may another `bus` be.
    """

    def __init__(self, bus):
        self.swapped = False
        self.lost = 0
        self.ambient = False
        self.rebooted = False
        self.range_na = 4096
        self.bus = bus
        self._kept = bytearray(7)  # what FIFO_CONFIG and the registers after it should hold
        self._temperature_asked = False
        self._read_ptr_before = -1
        self._lost_before = 0  # the counter, before a pop that should have cleared it
        self._byte = bytearray(1)
        self._head = bytearray(7)
        self._three = bytearray(3)
        self._raw = bytearray(6 * DEPTH)
        raw = memoryview(self._raw)
        # One ready slice per number of samples: slicing inside `read` would allocate.
        self._bursts = tuple([raw[: 6 * count] for count in range(DEPTH + 1)])

    def start(
        self,
        rate_hz=100,
        pulse_us=411,
        range_na=4096,
        average=1,
        led_red_ua=7000,
        led_ir_ua=7000,
    ):
        """Reset, configure and begin to sample both lights.

        Samples arrive rate_hz / average times a second. Raises ValueError for what the chip
        cannot do (it would clamp in silence), WrongPart for another chip.
        """
        rate = _code(_RATES_HZ, rate_hz, "rate_hz")
        pulse = _code(_PULSES_US, pulse_us, "pulse_us")
        averaging = _code(_AVERAGES, average, "average")
        if rate_hz > _FASTEST_HZ[pulse]:
            raise ValueError(
                f"{rate_hz} samples/s have no room for pulses of {pulse_us} us:"
                f" choose at most {_FASTEST_HZ[pulse]}"
            )
        spo2_config = _code(_RANGES_NA, range_na, "range_na") << 5 | rate << 2 | pulse
        part = self._get(_PART_ID_AT)
        if part != _PART_ID:
            raise WrongPart(f"part {part:#04x} is no MAX30102: change the sensor board")
        self._put(_MODE, _RESET)
        for _ in range(100):  # about 10 ms on the bus; a reset takes less than one
            if not self._get(_MODE) & _RESET:
                break
        else:
            raise OSError("the sensor stays in its reset: switch its power off and on")
        self.bus.readfrom_mem_into(_ADDRESS, _INT_STATUS_1, self._head)  # clears PWR_RDY
        # A_FULL at 0 free places: the flag then tells a full FIFO from an empty one.
        self._put(_FIFO_CONFIG, averaging << 5 | _ROLLOVER)
        self.range_na = range_na
        self._put(_SPO2_CONFIG, spo2_config)  # rate and width in one byte: the chip clamps pairs
        self.set_led_ua(led_red_ua, led_ir_ua)
        self._put(_INT_ENABLE_1, _ENABLED_1)
        self._put(_INT_ENABLE_2, 0)
        self._temperature_asked = False
        self.rebooted = False
        self.wake()

    def read(self, red_adc, ir_adc):
        """Move everything in the FIFO into red_adc and ir_adc (18 bit, 32 places each).

        Returns the number of samples, oldest first. 0 is also the answer of a FIFO whose
        pointers make no sense or do not move; it is for the caller to lose patience.
        """
        head = self._head
        self.lost = 0
        self.ambient = False
        self.bus.readfrom_mem_into(_ADDRESS, _INT_STATUS_1, head)
        lost = head[5]
        read_ptr = head[6]
        if (head[4] | lost | read_ptr) >= DEPTH:  # five bits each: nobody drives the bus
            return 0
        # Of the settings, the enable register tells at once when all of them are gone.
        if head[0] & _PWR_RDY or head[2] != _ENABLED_1:
            self.rebooted = True
        if self.rebooted:
            return 0
        self.ambient = head[0] & _ALC_OVF != 0
        if lost == self._lost_before and not head[0] & _A_FULL:
            lost = 0  # it is stuck, as some are
        count = (head[4] - read_ptr) & (DEPTH - 1)
        if count == 0 and (lost or head[0] & _A_FULL):
            count = DEPTH
        if count == 0:
            return 0
        self.bus.readfrom_mem_into(_ADDRESS, _FIFO_DATA, self._bursts[count])
        # A pointer still where the last burst began did not move: these samples are not new. (Once
        # in 32 an overflow has pushed it just there; that costs this block and the next.)
        if read_ptr == self._read_ptr_before:
            self.lost = DEPTH - 1
            return 0
        if count < DEPTH:  # a whole round ends where it began, and proves nothing
            self._read_ptr_before = read_ptr
        self.lost = lost
        self._lost_before = head[5]
        if self.swapped:
            red_adc, ir_adc = ir_adc, red_adc
        raw = self._raw
        at = 0
        for i in range(count):
            red_adc[i] = (raw[at] & 3) << 16 | raw[at + 1] << 8 | raw[at + 2]
            ir_adc[i] = (raw[at + 3] & 3) << 16 | raw[at + 4] << 8 | raw[at + 5]
            at += 6
        return count

    def verify(self):
        """Whether this is still the part and its settings are those written, else `rebooted`.

        A single register that changes by a glitch gives samples that look well and are wrong.
        """
        head = self._head
        self.bus.readfrom_mem_into(_ADDRESS, _FIFO_CONFIG, head)
        head[3] = head[6] = 0  # reserved
        if head != self._kept or self._get(_PART_ID_AT) != _PART_ID:
            self.rebooted = True
        return not self.rebooted

    def set_led_ua(self, red_ua, ir_ua):
        """Current of each light in uA, 0 … 51000, rounded down to steps of 200."""
        red = red_ua // LED_STEP_UA
        ir = ir_ua // LED_STEP_UA
        if not (0 <= red <= 255 and 0 <= ir <= 255):
            raise ValueError(f"the lights cannot take {red_ua} and {ir_ua} uA: choose 0 to 51000")
        if self.swapped:
            red, ir = ir, red
        self._put(_LED1_PA, red)
        self._put(_LED2_PA, ir)

    def set_range_na(self, na):
        """Photocurrent at full scale in nA: 2048, 4096, 8192 or 16384."""
        config = self._kept[_SPO2_CONFIG - _FIFO_CONFIG] & 0x1F
        self._put(_SPO2_CONFIG, config | _code(_RANGES_NA, na, "range_na") << 5)
        self.range_na = na

    def shutdown(self):
        """Lights and converter off (0.7 uA); the settings stay."""
        self._put(_MODE, _SHUTDOWN | _SPO2)

    def wake(self):
        """Sample (again), from an empty FIFO."""
        self._put(_FIFO_WR_PTR, 0)
        self._put(_OVF_COUNTER, 0)
        self._put(_FIFO_RD_PTR, 0)
        self._read_ptr_before = -1
        self._lost_before = self._get(_OVF_COUNTER)
        self._put(_MODE, _SPO2)

    def start_temperature(self):
        """Begin to measure the temperature of the die; it takes 29 ms."""
        self._put(_TEMP_EN, 1)
        self._temperature_asked = True

    def temperature_centi_c(self):
        """Temperature last asked for, in 1/100 °C (±1 °C); None until it is ready."""
        if not self._temperature_asked:
            return None
        three = self._three  # whole degrees, sixteenths, and the bit that clears when done
        self.bus.readfrom_mem_into(_ADDRESS, _TEMP_INT, three)
        if three[2] & 1:
            return None
        whole = three[0] - 256 if three[0] > 127 else three[0]
        return whole * 100 + ((three[1] & 15) * 25 >> 2)

    def _put(self, register, value):
        if _FIFO_CONFIG <= register <= _LED2_PA:
            self._kept[register - _FIFO_CONFIG] = value
        self._byte[0] = value
        self.bus.writeto_mem(_ADDRESS, register, self._byte)

    def _get(self, register):
        self.bus.readfrom_mem_into(_ADDRESS, register, self._byte)
        return self._byte[0]
