"""The MAX30102 driver's transfers, byte for byte, against the datasheet's register map.

The map below is written from the datasheet (Maxim 19-7740), not from the driver.
"""

from array import array
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.chips import max30102 as chip
from sim.chips.i2c import I2cBus
from sim.clock import Clock
from sim.door import max30102

ADDRESS = 0x57  # write 0xAE, read 0xAF
INTERRUPT_STATUS_1, INTERRUPT_STATUS_2 = 0x00, 0x01
INTERRUPT_ENABLE_1, INTERRUPT_ENABLE_2 = 0x02, 0x03
FIFO_WR_PTR, OVF_COUNTER, FIFO_RD_PTR, FIFO_DATA, FIFO_CONFIG = 0x04, 0x05, 0x06, 0x07, 0x08
MODE_CONFIG, SPO2_CONFIG, LED1_PA, LED2_PA = 0x09, 0x0A, 0x0C, 0x0D
DIE_TEMP_INT, DIE_TEMP_FRAC, DIE_TEMP_CONFIG, PART_ID = 0x1F, 0x20, 0x21, 0xFF
A_FULL, PPG_RDY, ALC_OVF, PWR_RDY = 0x80, 0x40, 0x20, 0x01
SMP_AVE = {1: 0, 2: 1, 4: 2, 8: 3, 16: 4, 32: 5}
ADC_RGE = {2048: 0, 4096: 1, 8192: 2, 16384: 3}
SPO2_SR = {50: 0, 100: 1, 200: 2, 400: 3, 800: 4, 1000: 5, 1600: 6, 3200: 7}
LED_PW = {69: 0, 118: 1, 215: 2, 411: 3}
FASTEST_HZ = {69: 1600, 118: 1000, 215: 800, 411: 400}  # table 11, two lights


class Registers:
    """A bus with bare memory behind it: says what it was asked, does nothing by itself."""

    def __init__(self):
        self.at = bytearray(256)
        self.at[PART_ID] = 0x15
        self.fifo = b""
        self.asked = []

    def readfrom_mem_into(self, address, register, into):
        self.asked.append(("r", address, register, len(into)))
        if register == FIFO_DATA:
            into[:] = self.fifo[: len(into)].ljust(len(into), b"\0")
            self.fifo = self.fifo[len(into) :]
        else:
            into[:] = self.at[register : register + len(into)]

    def writeto_mem(self, address, register, data):
        self.asked.append(("w", address, register, bytes(data)))
        if not (register == MODE_CONFIG and data[0] & 0x40):
            self.at[register] = data[0]

    def took(self):
        asked, self.asked = self.asked, []
        return asked


def started(**settings):
    bus = Registers()
    sensor = max30102.Max30102(bus)
    sensor.start(**settings)
    bus.took()
    return sensor, bus


def blocks():
    return array("i", [-1] * 32), array("i", [-1] * 32)


def written(register, value):
    return ("w", ADDRESS, register, bytes((value,)))


def test_start_configures_the_chip_in_the_datasheets_order():
    bus = Registers()
    max30102.Max30102(bus).start()
    assert bus.took() == [
        ("r", ADDRESS, PART_ID, 1),
        written(MODE_CONFIG, 0x40),
        ("r", ADDRESS, MODE_CONFIG, 1),
        ("r", ADDRESS, INTERRUPT_STATUS_1, 7),
        written(FIFO_CONFIG, SMP_AVE[1] << 5 | 0x10 | 0),
        written(SPO2_CONFIG, ADC_RGE[4096] << 5 | SPO2_SR[100] << 2 | LED_PW[411]),
        written(LED1_PA, 35),
        written(LED2_PA, 35),
        written(INTERRUPT_ENABLE_1, A_FULL | ALC_OVF),
        written(INTERRUPT_ENABLE_2, 0),
        written(FIFO_WR_PTR, 0),
        written(OVF_COUNTER, 0),
        written(FIFO_RD_PTR, 0),
        ("r", ADDRESS, OVF_COUNTER, 1),
        written(MODE_CONFIG, 0x03),
    ]


@pytest.mark.parametrize("rate_hz, pulse_us", list(product(SPO2_SR, LED_PW)))
def test_every_pair_of_rate_and_width(rate_hz, pulse_us):
    bus = Registers()
    sensor = max30102.Max30102(bus)
    if rate_hz <= FASTEST_HZ[pulse_us]:
        sensor.start(rate_hz=rate_hz, pulse_us=pulse_us)
        # One byte carries both: the chip clamps the pair.
        config = ADC_RGE[4096] << 5 | SPO2_SR[rate_hz] << 2 | LED_PW[pulse_us]
        assert [a for a in bus.took() if a[2] == SPO2_CONFIG] == [written(SPO2_CONFIG, config)]
    else:
        with pytest.raises(ValueError, match=f"choose at most {FASTEST_HZ[pulse_us]}"):
            sensor.start(rate_hz=rate_hz, pulse_us=pulse_us)
        assert bus.took() == []


@pytest.mark.parametrize("average", SMP_AVE)
def test_averaging(average):
    bus = Registers()
    max30102.Max30102(bus).start(rate_hz=400, average=average)
    assert written(FIFO_CONFIG, SMP_AVE[average] << 5 | 0x10) in bus.took()


@pytest.mark.parametrize(
    "wrong",
    [{"rate_hz": 99}, {"pulse_us": 400}, {"range_na": 4095}, {"average": 3}],
    ids=str,
)
def test_what_the_chip_does_not_have_is_refused_in_a_sentence(wrong):
    bus = Registers()
    with pytest.raises(ValueError, match="choose one of"):
        max30102.Max30102(bus).start(**wrong)
    assert bus.took() == []


@pytest.mark.parametrize("part", [0x11, 0x00, 0xFF])
def test_another_part_is_refused_before_anything_is_written(part):
    bus = Registers()
    bus.at[PART_ID] = part
    with pytest.raises(max30102.WrongPart, match=f"{part:#04x}"):
        max30102.Max30102(bus).start()
    assert all(asked[0] == "r" for asked in bus.took())


def test_a_chip_that_stays_in_reset_is_told():
    bus = Registers()
    bus.at[MODE_CONFIG] = 0x40
    with pytest.raises(OSError, match="reset"):
        max30102.Max30102(bus).start()


def test_a_block_is_two_reads_the_second_the_whole_fifo():
    sensor, bus = started()
    bus.at[FIFO_WR_PTR], bus.at[FIFO_RD_PTR] = 2, 30
    bus.fifo = bytes.fromhex("012345 02abcd 03ffff 000000 000001 020000 fc0000 ffffff")
    red, ir = blocks()
    assert sensor.read(red, ir) == 4
    assert bus.took() == [
        ("r", ADDRESS, INTERRUPT_STATUS_1, 7),
        ("r", ADDRESS, FIFO_DATA, 4 * 6),
    ]
    # 18 bits, whatever stands above them.
    assert list(red[:5]) == [0x12345, 0x3FFFF, 1, 0, -1]
    assert list(ir[:5]) == [0x2ABCD, 0, 0x20000, 0x3FFFF, -1]
    assert (sensor.lost, sensor.ambient, sensor.rebooted) == (0, False, False)


def test_an_empty_fifo_is_one_read():
    sensor, bus = started()
    assert sensor.read(*blocks()) == 0
    assert bus.took() == [("r", ADDRESS, INTERRUPT_STATUS_1, 7)]


@pytest.mark.parametrize(
    "overflow, status, count",
    [(0, 0, 0), (0, PPG_RDY, 0), (0, A_FULL, 32), (1, 0, 32), (31, A_FULL, 32)],
)
def test_a_full_fifo_looks_empty_by_its_pointers(overflow, status, count):
    sensor, bus = started()
    bus.at[FIFO_WR_PTR] = bus.at[FIFO_RD_PTR] = 9
    bus.at[OVF_COUNTER], bus.at[INTERRUPT_STATUS_1] = overflow, status
    assert sensor.read(*blocks()) == count
    assert sensor.lost == overflow
    if count:
        assert bus.took()[1:] == 4 * [("r", ADDRESS, FIFO_DATA, 8 * 6)]


def test_losses_and_ambient_light_are_told_once():
    sensor, bus = started()
    bus.at[FIFO_WR_PTR] = bus.at[FIFO_RD_PTR] = 9
    bus.at[OVF_COUNTER], bus.at[INTERRUPT_STATUS_1] = 5, ALC_OVF | A_FULL
    sensor.read(*blocks())
    assert (sensor.lost, sensor.ambient) == (5, True)
    bus.at[OVF_COUNTER], bus.at[INTERRUPT_STATUS_1], bus.at[FIFO_WR_PTR] = 0, 0, 10
    assert sensor.read(*blocks()) == 1
    assert (sensor.lost, sensor.ambient) == (0, False)


def test_swapped_lights_exchange_samples_and_currents():
    bus = Registers()
    sensor = max30102.Max30102(bus)
    sensor.swapped = True
    sensor.start(led_red_ua=2000, led_ir_ua=10000)
    assert (bus.at[LED1_PA], bus.at[LED2_PA]) == (50, 10)
    bus.at[FIFO_WR_PTR] = 1
    bus.fifo = bytes.fromhex("000005 000007")
    red, ir = blocks()
    assert sensor.read(red, ir) == 1
    assert (red[0], ir[0]) == (7, 5)


@pytest.mark.parametrize("ua, step", [(0, 0), (199, 0), (200, 1), (7000, 35), (51000, 255)])
def test_led_current_is_a_fifth_of_a_milliampere_a_step(ua, step):
    sensor, bus = started()
    sensor.set_led_ua(ua, 51000 - ua)
    assert bus.took() == [written(LED1_PA, step), written(LED2_PA, (51000 - ua) // 200)]
    for wrong in ((ua, -200), (51200, ua)):
        with pytest.raises(ValueError, match="choose 0 to 51000"):
            sensor.set_led_ua(*wrong)
    assert bus.took() == []


@pytest.mark.parametrize("na", ADC_RGE)
def test_range_leaves_rate_and_width_alone(na):
    sensor, bus = started(rate_hz=1000, pulse_us=118)
    sensor.set_range_na(na)
    config = ADC_RGE[na] << 5 | SPO2_SR[1000] << 2 | LED_PW[118]
    assert bus.took() == [written(SPO2_CONFIG, config)]
    with pytest.raises(ValueError, match="5000.*2048"):
        sensor.set_range_na(5000)


def test_shutdown_and_wake():
    sensor, bus = started()
    sensor.shutdown()
    sensor.wake()
    assert bus.took() == [
        written(MODE_CONFIG, 0x83),
        written(FIFO_WR_PTR, 0),  # what lay in the FIFO is of another time
        written(OVF_COUNTER, 0),
        written(FIFO_RD_PTR, 0),
        ("r", ADDRESS, OVF_COUNTER, 1),
        written(MODE_CONFIG, 0x03),
    ]


@pytest.mark.parametrize(
    "whole, sixteenths, centi_c",
    [(0x19, 0x08, 2550), (0x00, 0x0F, 93), (0xFF, 0x08, -50), (0xD8, 0x00, -4000), (85, 0, 8500)],
)
def test_temperature_has_a_sign(whole, sixteenths, centi_c):
    sensor, bus = started()
    assert sensor.temperature_centi_c() is None  # nobody asked
    sensor.start_temperature()
    assert bus.took() == [written(DIE_TEMP_CONFIG, 1)]
    assert sensor.temperature_centi_c() is None  # not ready
    bus.at[DIE_TEMP_INT], bus.at[DIE_TEMP_FRAC], bus.at[DIE_TEMP_CONFIG] = whole, sixteenths, 0
    assert sensor.temperature_centi_c() == centi_c
    assert bus.took() == [("r", ADDRESS, DIE_TEMP_INT, 3)] * 2
    sensor.start()
    assert sensor.temperature_centi_c() is None, "a reset forgets it"


def test_a_brown_out_is_noticed_by_its_flag_and_without_it():
    for lose in ("flag", "settings"):
        sensor, bus = started()
        bus.at[FIFO_WR_PTR] = 3
        if lose == "flag":
            bus.at[INTERRUPT_STATUS_1] = PWR_RDY
        else:
            bus.at[INTERRUPT_ENABLE_1] = 0
        assert sensor.read(*blocks()) == 0
        assert sensor.rebooted
        bus.at[INTERRUPT_STATUS_1] = 0
        sensor.read(*blocks())
        assert sensor.rebooted, "until it is started again"
        sensor.start()
        assert not sensor.rebooted


@pytest.mark.parametrize(
    "register", [FIFO_CONFIG, MODE_CONFIG, SPO2_CONFIG, LED1_PA, LED2_PA, PART_ID]
)
def test_a_register_that_changes_by_itself_is_found(register):
    sensor, bus = started(led_red_ua=2000, led_ir_ua=10000)
    sensor.set_range_na(8192)
    assert sensor.verify()
    bus.took()
    bus.at[register] ^= 1
    assert not sensor.verify()
    assert {asked[0] for asked in bus.took()} == {"r"}
    bus.at[FIFO_WR_PTR] = 3
    assert sensor.rebooted and sensor.read(*blocks()) == 0, "samples of unknown settings"
    bus.at[register] ^= 1
    sensor.start()
    assert sensor.verify() and not sensor.rebooted


def test_a_bus_that_reads_all_ones_gives_nothing():
    sensor, bus = started()
    bus.at[:7] = b"\xff" * 7
    assert sensor.read(*blocks()) == 0
    assert not sensor.rebooted


def test_a_data_line_held_low_reads_zeros_to_a_software_bus():
    sensor, bus = started()
    bus.at[:] = bytes(256)
    assert sensor.read(*blocks()) == 0
    assert sensor.rebooted, "the settings are not there"
    with pytest.raises(max30102.WrongPart, match="0x00"):
        sensor.start()


def test_samples_behind_a_pointer_that_stands_still_are_not_new():
    sensor, bus = started()
    bus.at[FIFO_WR_PTR] = 4
    assert sensor.read(*blocks()) == 4
    for write_ptr in (8, 12, 31):
        bus.at[FIFO_WR_PTR] = write_ptr
        assert sensor.read(*blocks()) == 0
    bus.at[FIFO_RD_PTR] = 28
    assert sensor.read(*blocks()) == 3


def test_a_bus_error_passes_through_and_leaves_the_driver_usable():
    clock = Clock()
    sensor, device, bus = assembled(clock, Counting(10_000))
    clock.advance_us(40_000)
    for fault, number in (("nack", 5), ("sda_low", 116)):
        device.faults.add(fault)
        with pytest.raises(OSError) as told:
            sensor.read(*blocks())
        assert told.value.errno == number
        device.faults.discard(fault)
    assert sensor.read(*blocks()) == 4


# The driver on the chip.


class Counting:
    """A light whose samples count up, so that each can be told from every other."""

    fixed = True

    def __init__(self, period_us):
        self.period_us = period_us
        self.made = 0

    def until(self, now_us, chip):
        first, self.made = self.made, now_us // self.period_us
        return [(n & 0x3FFFF, n * 7 & 0x3FFFF) for n in range(first, self.made)]


def assembled(clock, light, **settings):
    device = chip.Max30102(clock, light)
    bus = I2cBus({ADDRESS: device})
    sensor = max30102.Max30102(bus)
    sensor.start(**settings)
    return sensor, device, bus


@given(st.lists(st.integers(0, 700_000), max_size=40), st.integers(6_000, 17_000))
@settings(max_examples=60, deadline=None)
def test_every_sample_arrives_once_in_order_or_is_counted_as_lost(waits_us, period_us):
    clock = Clock()
    light = Counting(period_us)
    sensor, _, _ = assembled(clock, light)
    red, ir = blocks()
    due = 0
    for wait_us in waits_us:
        clock.advance_us(wait_us)
        count = sensor.read(red, ir)
        if sensor.lost < 31:
            due += sensor.lost
        else:
            due = light.made - count  # 31 is 31 or more
        assert list(red[:count]) == list(range(due, due + count))
        assert list(ir[:count]) == [n * 7 & 0x3FFFF for n in range(due, due + count)]
        due += count
        assert due == light.made


def test_a_stuck_fifo_gives_nothing_and_start_brings_it_back():
    clock = Clock()
    sensor, device, _ = assembled(clock, Counting(10_000))
    red, ir = blocks()
    for unread_us in (0, 30_000):  # stuck empty, stuck with samples in it
        clock.advance_us(unread_us)
        device.faults.add("stuck_fifo")
        sensor.read(red, ir)
        for _ in range(50):
            clock.advance_us(40_000)
            assert sensor.read(red, ir) == 0
        device.faults.clear()
        sensor.start()
        clock.advance_us(40_000)
        assert sensor.read(red, ir) == 4


@pytest.mark.parametrize("from_the_start", [True, False])
def test_an_overflow_counter_that_stays_set_is_not_believed(from_the_start):
    clock = Clock()
    sensor, device, _ = assembled(clock, Counting(10_000))
    device.faults.add("ovf_stuck")
    if from_the_start:
        sensor.start()
    red, ir = blocks()
    clock.advance_us(40_000)
    assert sensor.read(red, ir) == 4
    assert sensor.lost == (0 if from_the_start else 1)
    for _ in range(5):
        assert sensor.read(red, ir) == 0, "an empty FIFO is not a full one"
        clock.advance_us(40_000)
        assert (sensor.read(red, ir), sensor.lost) == (4, 0)
    for _ in range(2):  # what is lost in truth still counts, whatever the number
        clock.advance_us(330_000)
        assert (sensor.read(red, ir), sensor.lost) == (32, 1)
    clock.advance_us(340_000)
    assert (sensor.read(red, ir), sensor.lost) == (32, 2)


def test_a_wrong_part_on_the_bus():
    device = chip.Max30102(Clock(), Counting(10_000))
    device.faults.add("wrong_id")
    with pytest.raises(max30102.WrongPart, match="0x11"):
        max30102.Max30102(I2cBus({ADDRESS: device})).start()


def test_a_brown_out_on_the_bus():
    clock = Clock()
    sensor, device, _ = assembled(clock, Counting(10_000))
    device.power_cycle()
    clock.advance_us(40_000)
    assert sensor.read(*blocks()) == 0 and sensor.rebooted
    sensor.start()
    clock.advance_us(40_000)
    assert sensor.read(*blocks()) == 4 and not sensor.rebooted


def test_temperature_takes_its_29_ms():
    clock = Clock()
    sensor, device, _ = assembled(clock, Counting(10_000))
    for die_c in (36.5625, -7.25):
        device.die_c = die_c
        sensor.start_temperature()
        clock.advance_us(28_999)
        assert sensor.temperature_centi_c() is None
        clock.advance_us(1)
        assert sensor.temperature_centi_c() == pytest.approx(die_c * 100, abs=1)
