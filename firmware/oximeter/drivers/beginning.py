"""How the MAX30102 begins to sample. Imported for that moment: at the start, and after a fault."""

from oximeter.drivers import registers

_RATES_HZ = (50, 100, 200, 400, 800, 1000, 1600, 3200)
_PULSES_US = (69, 118, 215, 411)
_FASTEST_HZ = (1600, 1000, 800, 400)  # of each pulse with two lights, table 11
RANGES_NA = (2048, 4096, 8192, 16384)
_AVERAGES = (1, 2, 4, 8, 16, 32)


def code(choices, value):
    """What a register takes for this value: its place among the choices. Raises ValueError."""
    if value not in choices:
        raise ValueError(f"the sensor cannot take {value}: choose one of {choices}")
    return choices.index(value)


def begin(sensor, sampling, lights_ua):
    """Reset, configure, sample. The id of the part that is there; another one is left alone.

    sampling: rate_hz, pulse_us, range_na, average as `Max30102.start` has them, and ValueError
    like there; lights_ua: red and infrared.
    """
    rate_hz, pulse_us, range_na, average = sampling
    rate = code(_RATES_HZ, rate_hz)
    pulse = code(_PULSES_US, pulse_us)
    averaging = code(_AVERAGES, average)
    if rate_hz > _FASTEST_HZ[pulse]:
        raise ValueError(
            f"{rate_hz} samples/s have no room for pulses of {pulse_us} us:"
            f" choose at most {_FASTEST_HZ[pulse]}"
        )
    spo2_config = code(RANGES_NA, range_na) << 5 | rate << 2 | pulse
    part = sensor.get(registers.PART_ID_AT)
    if part != registers.PART_ID:
        return part
    sensor.put(registers.MODE, registers.RESET)
    for _ in range(100):  # about 10 ms on the bus; a reset takes less than one
        if not sensor.get(registers.MODE) & registers.RESET:
            break
    else:
        raise OSError("the sensor stays in its reset: switch its power off and on")
    # Clears PWR_RDY.
    sensor.bus.readfrom_mem_into(registers.ADDRESS, registers.INT_STATUS_1, sensor.head)
    # A_FULL at 0 free places: the flag then tells a full FIFO from an empty one.
    sensor.put(registers.FIFO_CONFIG, averaging << 5 | registers.ROLLOVER)
    # Rate and width in one byte: the chip clamps pairs.
    sensor.put(registers.SPO2_CONFIG, spo2_config)
    sensor.range_na = range_na
    sensor.set_led_ua(*lights_ua)
    sensor.put(registers.INT_ENABLE_1, registers.ENABLED_1)
    sensor.put(registers.INT_ENABLE_2, 0)
    sensor.temperature_asked = False
    sensor.rebooted = False
    sensor.wake()
    return part
