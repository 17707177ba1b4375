"""The virtual MAX30102 behaves as its datasheet says, seen from the bus."""

import pytest

from sim.chips.i2c import I2cBus
from sim.chips.max30102 import Max30102
from sim.clock import Clock

ADDRESS = 0x57
STATUS_1, STATUS_2, ENABLE_1, ENABLE_2, WR_PTR, OVF, RD_PTR, DATA = range(8)
FIFO_CONFIG, MODE, SPO2_CONFIG, LED1, LED2 = 0x08, 0x09, 0x0A, 0x0C, 0x0D
TEMP_INT, TEMP_FRAC, TEMP_EN = 0x1F, 0x20, 0x21
A_FULL, PPG_RDY, ALC_OVF, PWR_RDY, TEMP_RDY = 0x80, 0x40, 0x20, 0x01, 0x02


class Light:
    """One sample each 10 ms, given by a function of its number."""

    def __init__(self, sample, fixed=True):
        self.fixed = fixed
        self.sample = sample
        self.made = 0

    def until(self, now_us, chip):
        first, self.made = self.made, now_us // 10_000
        for n in range(first, self.made):
            yield self.sample(n)


class Desk:
    """The chip on a bench: its bus, its clock, and short words for both."""

    def __init__(self, sample=lambda n: (n, 1000 + n), fixed=True, mode=3):
        self.clock = Clock()
        self.chip = Max30102(self.clock, Light(sample, fixed))
        self.bus = I2cBus({ADDRESS: self.chip})
        if mode is not None:
            self.put(MODE, mode)

    def put(self, register, value):
        self.bus.writeto_mem(ADDRESS, register, bytes((value,)))

    def get(self, register, n=1):
        into = bytearray(n)
        self.bus.readfrom_mem_into(ADDRESS, register, into)
        return into[0] if n == 1 else bytes(into)

    def samples(self, count, size=6):
        raw = self.get(DATA, count * size)
        return [
            tuple(int.from_bytes(raw[at + i : at + i + 3], "big") for i in range(0, size, 3))
            for at in range(0, len(raw), size)
        ]

    def wait(self, samples):
        self.clock.advance_us(samples * 10_000)


def test_power_on():
    desk = Desk(mode=None)
    assert desk.get(STATUS_1, 7) == bytes((PWR_RDY, 0, 0, 0, 0, 0, 0))
    assert desk.get(FIFO_CONFIG, 0xFE - FIFO_CONFIG) == bytes(0xFE - FIFO_CONFIG)
    assert desk.get(0xFF) == 0x15
    assert desk.get(STATUS_1) == 0, "reading clears it"
    desk.put(LED1, 9)
    desk.chip.power_cycle()
    assert (desk.get(STATUS_1), desk.get(LED1)) == (PWR_RDY, 0)


def test_unused_bits_and_reserved_registers_read_zero():
    desk = Desk(mode=None)
    for register in range(0x10, 0x100):
        if register != TEMP_EN:
            desk.put(register, 0xFF)
    desk.put(ENABLE_1, 0xFF)
    desk.put(ENABLE_2, 0xFF)
    desk.put(SPO2_CONFIG, 0xFF)
    assert desk.get(ENABLE_1, 2) == b"\xe0\x02"
    assert desk.get(SPO2_CONFIG) == 0x7F
    assert desk.get(0x13, 0xC) == bytes(0xC)
    assert desk.get(0x22, 0x30) == bytes(0x30)
    assert desk.get(0xFF) == 0x15


def test_samples_are_six_bytes_and_move_the_read_pointer():
    desk = Desk(lambda n: (0x3FFFF - n, 5 + n))
    desk.wait(3)
    assert (desk.get(WR_PTR), desk.get(RD_PTR)) == (3, 0)
    assert desk.get(DATA, 6) == bytes.fromhex("03ffff 000005")
    assert desk.get(RD_PTR) == 1
    assert desk.samples(2) == [(0x3FFFE, 6), (0x3FFFD, 7)]
    assert (desk.get(WR_PTR), desk.get(RD_PTR)) == (3, 3)
    # A sample counts as taken with its first byte.
    desk.wait(2)
    desk.get(DATA, 1)
    assert desk.get(RD_PTR) == 4
    # The host may go back and read it again.
    desk.put(RD_PTR, 3)
    assert desk.samples(1) == [(0x3FFFC, 8)]


def test_a_burst_counts_up_to_the_fifo_and_stays_there():
    desk = Desk()
    desk.wait(2)
    raw = desk.get(WR_PTR, 3 + 12)
    assert raw == bytes((2, 0, 0)) + bytes.fromhex("000000 0003e8 000001 0003e9")


def test_red_only_mode_has_three_bytes_a_sample():
    desk = Desk(mode=2)
    desk.wait(4)
    assert desk.samples(4, size=3) == [(0,), (1,), (2,), (3,)]


@pytest.mark.parametrize("mode", [0, 1, 4, 0x83])
def test_no_samples_outside_a_sampling_mode(mode):
    desk = Desk(mode=mode)
    desk.wait(5)
    assert (desk.get(WR_PTR), desk.chip.sampling) == (0, False)
    desk.put(MODE, 3)
    desk.wait(1)
    assert desk.samples(1) == [(5, 1005)], "what came meanwhile is gone"


@pytest.mark.parametrize("rollover", [True, False])
def test_overflow(rollover):
    desk = Desk()
    desk.put(FIFO_CONFIG, 0x10 if rollover else 0)
    desk.wait(32)
    assert desk.get(WR_PTR, 3) == bytes((0, 0, 0)), "full looks empty"
    desk.wait(5)
    pointer = 5 if rollover else 0
    assert desk.get(WR_PTR, 3) == bytes((pointer, 5, pointer))
    desk.wait(30)
    assert desk.get(OVF) == 31, "it saturates"
    oldest = 35 if rollover else 0
    assert desk.samples(1) == [(oldest, 1000 + oldest)]
    assert desk.get(OVF) == 0, "a popped sample resets it"
    assert desk.samples(31) == [(n, 1000 + n) for n in range(oldest + 1, oldest + 32)]


@pytest.mark.parametrize("free", range(16))
def test_almost_full_comes_with_so_many_places_free(free):
    desk = Desk()
    desk.put(FIFO_CONFIG, 0x10 | free)
    desk.wait(31 - free)
    assert not desk.get(STATUS_1) & A_FULL
    desk.wait(1)
    assert desk.get(STATUS_1) & A_FULL
    assert not desk.get(STATUS_1) & A_FULL, "reading clears it"


def test_a_new_sample_is_flagged_until_status_or_data_is_read():
    desk = Desk()
    desk.get(STATUS_1)
    desk.put(ENABLE_1, PPG_RDY)
    for clear in (STATUS_1, DATA):
        desk.wait(1)
        desk.get(STATUS_2)
        assert desk.chip.interrupt
        desk.get(clear)
        assert not desk.chip.interrupt


def test_ambient_light_beyond_cancellation_is_flagged():
    desk = Desk(lambda n: (1, 2, n == 3))
    desk.wait(3)
    assert not desk.get(STATUS_1) & ALC_OVF
    desk.wait(2)
    assert desk.get(STATUS_1) & ALC_OVF
    assert not desk.get(STATUS_1) & ALC_OVF
    desk.chip.faults.add("ambient")
    desk.wait(1)
    assert desk.get(STATUS_1) & ALC_OVF


def test_the_interrupt_pin_follows_the_enabled_flags():
    desk = Desk(mode=None)
    assert desk.chip.interrupt, "power ready cannot be disabled"
    desk.get(STATUS_1)
    assert not desk.chip.interrupt
    desk.put(MODE, 3)
    desk.wait(1)
    assert not desk.chip.interrupt
    desk.put(ENABLE_1, PPG_RDY)
    assert desk.chip.interrupt
    desk.get(STATUS_1)
    assert not desk.chip.interrupt


def test_temperature():
    desk = Desk()
    desk.get(STATUS_1)
    desk.put(ENABLE_2, TEMP_RDY)
    desk.chip.die_c = -3.3
    desk.put(TEMP_EN, 1)
    desk.clock.advance_us(28_000)
    assert (desk.get(TEMP_EN), desk.chip.interrupt) == (1, False)
    desk.clock.advance_us(1_000)
    assert desk.chip.interrupt
    assert desk.get(TEMP_EN) == 0
    assert desk.get(STATUS_2) == TEMP_RDY
    assert desk.get(STATUS_2) == 0
    whole = desk.get(TEMP_INT) - 256
    assert whole + desk.get(TEMP_FRAC) / 16 == pytest.approx(-3.3, abs=1 / 16)


def test_shutdown_keeps_the_registers_and_clears_the_flags():
    desk = Desk()
    desk.put(LED1, 77)
    desk.wait(4)
    desk.put(MODE, 0x83)
    assert desk.get(STATUS_1) == 0
    assert (desk.get(LED1), desk.get(WR_PTR)) == (77, 4)


def test_reset_clears_everything_and_is_not_a_power_up():
    desk = Desk()
    desk.put(LED1, 77)
    desk.put(SPO2_CONFIG, 0x27)
    desk.wait(4)
    desk.put(MODE, 0x40)
    assert desk.get(STATUS_1, 7) == bytes(7)
    assert desk.get(FIFO_CONFIG, 0x1A) == bytes(0x1A)
    assert not desk.chip.sampling


def test_the_light_sees_the_settings():
    desk = Desk()
    desk.put(SPO2_CONFIG, 3 << 5 | 3 << 2 | 2)
    desk.put(LED1, 10)
    desk.put(LED2, 255)
    desk.put(FIFO_CONFIG, 2 << 5)
    chip = desk.chip
    assert (chip.range_na, chip.rate_hz, chip.pulse_us, chip.average) == (16384, 400, 215, 4)
    assert (chip.led_red_ua, chip.led_ir_ua, chip.sampling) == (2000, 51000, True)
    assert chip.writes == [(0, SPO2_CONFIG, 0x6E), (0, LED1, 10), (0, LED2, 255)]
    desk.put(SPO2_CONFIG, 7 << 2 | 3)
    assert chip.rate_hz == 400, "3200/s at 411 us is clamped in silence"
    desk.put(MODE, 2)
    assert chip.rate_hz == 800, "one light leaves more room"


def test_a_closed_loop_light_is_averaged_clipped_and_quantised():
    desk = Desk(lambda n: (100 * n, 300_000 - n), fixed=False)
    desk.put(FIFO_CONFIG, 2 << 5)
    desk.put(SPO2_CONFIG, 3)
    desk.wait(8)
    assert desk.samples(2) == [(150, 262143), (550, 262143)]
    for pulse, bits in enumerate((15, 16, 17, 18)):
        desk = Desk(lambda n: (0x2ABCD, -40), fixed=False)
        desk.put(SPO2_CONFIG, pulse)
        desk.wait(1)
        step = 1 << 18 - bits
        assert desk.samples(1) == [(0x2ABCD // step * step, 0)]


def test_a_recording_is_delivered_as_it_is():
    desk = Desk(lambda n: None if n == 1 else (0x2ABCD, 3))
    desk.put(FIFO_CONFIG, 2 << 5)
    desk.put(SPO2_CONFIG, 0)
    desk.put(LED1, 1)
    desk.wait(3)
    assert desk.get(WR_PTR) == 2, "one was lost"
    assert desk.samples(2) == [(0x2ABCD, 3)] * 2


def test_faults():
    desk = Desk(lambda n: (5000, 6000))
    desk.chip.faults = {"dead_red"}
    desk.wait(1)
    ((red, ir),) = desk.samples(1)
    assert red < 128 and ir == 6000, "the datasheet's most for a dark count"
    desk.chip.faults = {"dead_ir"}
    desk.wait(1)
    ((red, ir),) = desk.samples(1)
    assert red == 5000 and ir < 128
    desk.chip.faults = {"stuck_fifo"}
    desk.wait(9)
    before = desk.get(WR_PTR, 3)
    desk.samples(2)
    assert desk.get(WR_PTR, 3) == before
    desk.chip.faults = {"wrong_id"}
    assert desk.get(0xFF) == 0x11
    assert desk.get(0xFE, 2)[1] == 0x11
    desk.chip.faults = {"nack"}
    with pytest.raises(OSError) as told:
        desk.get(0xFF)
    assert told.value.errno == 5
