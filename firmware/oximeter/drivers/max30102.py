"""The MAX30102 pulse oximeter front end over I2C (Maxim 19-7740, Rev 1, 10/18).

Two lights, one photodiode, an 18-bit converter and a FIFO of 32 samples, read whole. `read`
runs inside the sample path: it allocates nothing.
"""

from micropython import const

from oximeter.drivers import registers

LED_STEP_UA = const(200)
DEPTH = const(32)
_BURST = const(8)  # samples at a time: a step of 40 ms has four to six


class WrongPart(OSError):
    """Something answers at the sensor's address that is not a MAX30102."""


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
        self.temperature_asked = False
        self._read_ptr_before = -1
        self._lost_before = 0  # the counter, before a pop that should have cleared it
        self._byte = bytearray(1)
        self.head = bytearray(7)
        self._three = bytearray(3)
        self._raw = bytearray(6 * _BURST)
        raw = memoryview(self._raw)
        # One ready slice per number of samples: slicing inside `read` would allocate.
        self._bursts = tuple([raw[: 6 * count] for count in range(_BURST + 1)])

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
        from oximeter.drivers import beginning

        part = beginning.begin(
            self, (rate_hz, pulse_us, range_na, average), (led_red_ua, led_ir_ua)
        )
        if part != registers.PART_ID:
            raise WrongPart(f"part {part:#04x} is no MAX30102: change the sensor board")

    def read(self, red_adc, ir_adc):
        """Move everything in the FIFO into red_adc and ir_adc (18 bit, 32 places each).

        Returns the number of samples, oldest first. 0 is also the answer of a FIFO whose
        pointers make no sense or do not move; it is for the caller to lose patience.
        """
        head = self.head
        self.lost = 0
        self.ambient = False
        self.bus.readfrom_mem_into(registers.ADDRESS, registers.INT_STATUS_1, head)
        lost = head[5]
        read_ptr = head[6]
        if (head[4] | lost | read_ptr) >= DEPTH:  # five bits each: nobody drives the bus
            return 0
        # Of the settings, the enable register tells at once when all of them are gone.
        if head[0] & registers.PWR_RDY or head[2] != registers.ENABLED_1:
            self.rebooted = True
        if self.rebooted:
            return 0
        self.ambient = head[0] & registers.ALC_OVF != 0
        if lost == self._lost_before and not head[0] & registers.A_FULL:
            lost = 0  # it is stuck, as some are
        count = (head[4] - read_ptr) & (DEPTH - 1)
        if count == 0 and (lost or head[0] & registers.A_FULL):
            count = DEPTH
        if count == 0:
            return 0
        if self.swapped:
            red_adc, ir_adc = ir_adc, red_adc
        raw = self._raw
        for first in range(0, count, _BURST):
            end = min(first + _BURST, count)
            self.bus.readfrom_mem_into(
                registers.ADDRESS, registers.FIFO_DATA, self._bursts[end - first]
            )
            at = 0
            for i in range(first, end):
                red_adc[i] = (raw[at] & 3) << 16 | raw[at + 1] << 8 | raw[at + 2]
                ir_adc[i] = (raw[at + 3] & 3) << 16 | raw[at + 4] << 8 | raw[at + 5]
                at += 6
        # A pointer still where the last block began did not move: these samples are not new. (Once
        # in 32 an overflow has pushed it just there; that costs this block and the next.)
        if read_ptr == self._read_ptr_before:
            self.lost = DEPTH - 1
            return 0
        if count < DEPTH:  # a whole round ends where it began, and proves nothing
            self._read_ptr_before = read_ptr
        self.lost = lost
        self._lost_before = head[5]
        return count

    def verify(self):
        """Whether this is still the part and its settings are those written, else `rebooted`.

        A single register that changes by a glitch gives samples that look well and are wrong.
        """
        head = self.head
        self.bus.readfrom_mem_into(registers.ADDRESS, registers.FIFO_CONFIG, head)
        head[3] = head[6] = 0  # reserved
        if head != self._kept or self.get(registers.PART_ID_AT) != registers.PART_ID:
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
        self.put(registers.LED1_PA, red)
        self.put(registers.LED2_PA, ir)

    def set_range_na(self, na):
        """Photocurrent at full scale in nA: 2048, 4096, 8192 or 16384."""
        from oximeter.drivers import beginning

        config = self._kept[registers.SPO2_CONFIG - registers.FIFO_CONFIG] & 0x1F
        self.put(registers.SPO2_CONFIG, config | beginning.code(beginning.RANGES_NA, na) << 5)
        self.range_na = na

    def shutdown(self):
        """Lights and converter off (0.7 uA); the settings stay."""
        self.put(registers.MODE, registers.SHUTDOWN | registers.SPO2)

    def wake(self):
        """Sample (again), from an empty FIFO."""
        self.put(registers.FIFO_WR_PTR, 0)
        self.put(registers.OVF_COUNTER, 0)
        self.put(registers.FIFO_RD_PTR, 0)
        self._read_ptr_before = -1
        self._lost_before = self.get(registers.OVF_COUNTER)
        self.put(registers.MODE, registers.SPO2)

    def start_temperature(self):
        """Begin to measure the temperature of the die; it takes 29 ms."""
        self.put(registers.TEMP_EN, 1)
        self.temperature_asked = True

    def temperature_centi_c(self):
        """Temperature last asked for, in 1/100 °C (±1 °C); None until it is ready."""
        if not self.temperature_asked:
            return None
        three = self._three  # whole degrees, sixteenths, and the bit that clears when done
        self.bus.readfrom_mem_into(registers.ADDRESS, registers.TEMP_INT, three)
        if three[2] & 1:
            return None
        whole = three[0] - 256 if three[0] > 127 else three[0]
        return whole * 100 + ((three[1] & 15) * 25 >> 2)

    def put(self, register, value):
        if registers.FIFO_CONFIG <= register <= registers.LED2_PA:
            self._kept[register - registers.FIFO_CONFIG] = value
        self._byte[0] = value
        self.bus.writeto_mem(registers.ADDRESS, register, self._byte)

    def get(self, register):
        self.bus.readfrom_mem_into(registers.ADDRESS, register, self._byte)
        return self._byte[0]
