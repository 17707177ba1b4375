"""The app on its virtual chips: every fault has its status, and no number outlives it by 2 s."""

import pytest
from device import PULSE_BPM, SPO2_PCT, Device, Finger

from sim.board import Board
from sim.chips.pin import Pin
from sim.door import core, field, settings
from sim.eye import number_on
from sim.patient import Person, Scene

OLD_MS = 2000  # the longest that a number may outlive its signal
FIRST_MS = 6000
LIVE = (
    field.SPO2_CENTIPCT,
    field.SPO2_SD_CENTIPCT,
    field.RATIO_Q12,
    field.SETTLED_CENTIPCT,
    field.PULSE_DECIBPM,
    field.PERFUSION_MILLIPCT,
)


def numbers(device: Device) -> list[int]:
    return [device.value(index) for index in LIVE if device.value(index) != field.NONE]


def test_a_still_finger_has_its_number_in_time() -> None:
    device = Device()
    device.run(40)
    assert device.status == "starting"
    assert device.until_number() <= FIRST_MS
    assert abs(device.value(field.SPO2_CENTIPCT) - 9411) <= 100
    assert abs(device.value(field.PULSE_DECIBPM) - 10 * PULSE_BPM) <= 10
    assert device.flags == set()


@pytest.mark.parametrize("brightness", [0.15, 0.4, 1.0])
def test_a_finger_that_goes_takes_its_number_along(brightness: float) -> None:
    """Also when the case, under the strong light for a dim finger, returns what a finger does."""
    device = Device(Finger(round(100_000 * brightness), round(120_000 * brightness)))
    device.until_number()
    device.light.present = False
    device.run(OLD_MS, lambda: device.shown() is None and numbers(device) == [])
    device.run(1500, lambda: device.status == "no_finger")
    assert numbers(device) == []
    device.light.present = True
    assert device.until_number() <= FIRST_MS


FAULTS = [
    ("nack", "fault:nack"),
    ("sda_low", "fault:bus"),
    ("stuck_fifo", "fault:fifo"),
    ("wrong_id", "fault:id"),
    ("dead_red", "fault:dead_led"),
    ("dead_ir", "fault:dead_led"),
]


@pytest.mark.parametrize(("fault", "flag"), FAULTS)
def test_a_fault_is_told_in_time_and_healed_when_it_ends(fault: str, flag: str) -> None:
    device = Device()
    device.until_number()
    device.board.sensor.faults.add(fault)
    device.run(OLD_MS, lambda: device.shown() is None and device.status == "sensor_fault")
    assert device.flags == {flag}
    assert numbers(device) == []
    frame = device.board.display.pixels()
    assert any(frame), "the display says so"
    device.run(3000)
    assert (device.status, device.flags, device.shown()) == ("sensor_fault", {flag}, None)
    device.board.sensor.faults.clear()
    device.run(1500, lambda: device.status != "sensor_fault")
    # Light that comes back at one stroke leaves its step in the core's window of 8 s.
    assert device.until_number(12_000) <= (12_000 if fault.startswith("dead") else FIRST_MS)
    assert device.flags == set()


@pytest.mark.parametrize(("fault", "flag"), FAULTS[:4])
def test_a_sensor_that_never_was_well(fault: str, flag: str) -> None:
    board = Board(Finger())
    board.sensor.faults.add(fault)
    device = Device(board.sensor.light, board)
    device.run(2000, lambda: device.status == "sensor_fault")
    assert device.flags == {flag}
    board.sensor.faults.clear()
    assert device.until_number() <= 1500 + FIRST_MS


def test_no_sensor_at_all() -> None:
    device = Device()
    device.board.sensor_bus().devices.clear()
    device.run(2000, lambda: device.status == "sensor_fault")
    assert device.flags == {"fault:nack"}


def test_a_chip_that_holds_the_bus_is_clocked_free() -> None:
    device = Device()
    device.until_number()
    device.board.sensor.release_after_clocks = 9
    device.board.sensor.faults.add("sda_low")
    device.run(OLD_MS, lambda: "sda_low" not in device.board.sensor.faults)
    device.run(200)
    assert device.status != "sensor_fault"
    assert device.until_number() <= FIRST_MS


def test_a_brown_out_of_the_sensor() -> None:
    """It forgets its settings without a word on the bus; they are written again."""
    device = Device()
    device.until_number()
    device.board.sensor.power_cycle()
    device.run(1100, lambda: device.board.sensor.sampling)
    assert device.board.sensor.led_red_ua == device.board.sensor.led_ir_ua == 7000
    assert device.until_number() <= FIRST_MS


@pytest.mark.parametrize(
    ("register", "value"),
    [(0x08, 0x30), (0x09, 0x02), (0x0A, 0x07), (0x0C, 0x25), (0x0D, 0x22)],
    ids=["average", "mode", "range", "red", "infrared"],
)
def test_a_setting_that_changes_by_a_glitch(register: int, value: int) -> None:
    """The samples go on and look well: all that stood on them goes, and the chip is set again."""
    device = Device()
    device.until_number()
    sensor = device.board.sensor
    settings_were = bytes(sensor.read_registers(0x08, 6))
    sensor.write(bytes((register, value)))
    device.run(OLD_MS, lambda: device.shown() is None and numbers(device) == [])
    device.run(1000, lambda: sensor.read_registers(0x08, 6) == settings_were)
    device.run(2000)
    assert numbers(device) == [], "not from samples of before"
    assert device.until_number() <= FIRST_MS
    assert device.flags == set()


def test_failed_reads_inside_a_recording() -> None:
    device = Device(Finger(fixed=True))
    device.until_number()
    device.light.fails = True
    device.run(OLD_MS, lambda: device.shown() is None and device.status == "sensor_fault")
    assert device.flags == {"fault:nack"}


@pytest.mark.parametrize("still_flagged", [False, True])
def test_a_fifo_that_stuck_when_it_was_full(
    still_flagged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each read finds the same whole round there: no samples can come as fast as that."""
    device = Device()
    device.until_number()
    sensor = device.board.sensor
    device.board.clock.advance_us(650_000)
    assert sensor.interrupt, "full"
    sensor.faults.add("stuck_fifo")
    if still_flagged:
        plain = sensor.read_registers

        def flagged(first: int, n: int) -> bytes:
            out = bytearray(plain(first, n))
            if first == 0:
                out[0] |= 0x80
            return bytes(out)

        monkeypatch.setattr(sensor, "read_registers", flagged)
    device.run(OLD_MS, lambda: device.shown() is None and device.status == "sensor_fault")
    assert device.flags == {"fault:fifo"}
    monkeypatch.undo()
    sensor.faults.clear()
    assert device.until_number() <= 1500 + FIRST_MS


def test_lights_that_are_both_dead() -> None:
    """Not even the case returns anything: their supply is gone. A recording of zeros has no
    finger."""
    device = Device()
    device.until_number()
    device.board.sensor.faults |= {"dead_red", "dead_ir"}
    device.run(OLD_MS, lambda: device.shown() is None and numbers(device) == [])
    device.run(2500, lambda: device.status == "sensor_fault")
    assert device.flags == {"fault:dead_led"}
    device.run(3000)
    assert (device.status, numbers(device)) == ("sensor_fault", [])
    device.light.present = False
    device.run(500)
    device.board.sensor.faults.clear()
    device.run(1500, lambda: device.status == "no_finger")
    device.run(5000)
    assert (device.status, device.flags) == ("no_finger", set())

    device = Device(Finger(0, 0, fixed=True))
    device.run(5000)
    assert (device.status, device.flags) == ("no_finger", set())


def test_light_from_outside() -> None:
    device = Device()
    device.until_number()
    device.board.sensor.faults.add("ambient")
    device.run(1000, lambda: device.shown() is None and device.status == "too_bright")
    assert numbers(device) == []
    device.board.sensor.faults.clear()
    assert device.until_number() <= FIRST_MS


def test_light_beyond_the_converter() -> None:
    device = Device(Finger(262143, 262143, fixed=True))
    device.run(1500, lambda: device.status == "saturated")
    device.run(3000)
    assert device.status == "saturated"
    assert numbers(device) == []


class Crossed(Finger):
    """Under a sensor whose lights are exchanged."""

    def until(self, now_us, chip):
        for red_adc, ir_adc in super().until(now_us, chip):
            yield ir_adc, red_adc


def test_a_swap_that_is_known_is_told_until_it_is_put_right() -> None:
    board = Board(Finger())
    told = settings.Settings()
    told.swap_confirmed = 1
    settings.save(board.DATA_DIR, told)
    device = Device(board.sensor.light, board)
    device.run(FIRST_MS)
    assert (device.status, numbers(device)) == ("leds_swapped", [])

    # The lights of such a board come in each other's place.
    board = Board(Crossed(fixed=True))
    told.leds_swapped = 1
    settings.save(board.DATA_DIR, told)
    device = Device(board.sensor.light, board)
    assert device.until_number() <= FIRST_MS


def test_a_low_battery_withholds_numbers() -> None:
    device = Device()
    device.board.battery_adc.cells_mv = 2900
    device.until_number()
    device.board.battery_adc.cells_mv = 2150
    device.run(OLD_MS, lambda: device.shown() is None and device.status == "low_battery")
    assert numbers(device) == []
    device.board.battery_adc.cells_mv = 2250  # the cells recover a little
    device.run(2000)
    assert device.status == "low_battery"
    device.board.battery_adc.cells_mv = 2900
    device.run(2000, lambda: device.status == "ok")


@pytest.mark.parametrize(("fault", "flag"), FAULTS[:5])
def test_a_fault_has_its_flag_beside_its_own_status_alone(fault: str, flag: str) -> None:
    device = Device()
    device.board.sensor.faults |= {fault, "dead_red"}
    device.run(2000, lambda: device.status == "sensor_fault")
    device.run(1000)
    assert device.flags == {flag}, "and one at a time"
    device.board.battery_adc.cells_mv = 2150
    device.run(1500, lambda: device.status == "low_battery")
    assert device.flags == set()
    device.board.vbus = Pin(1)
    device.run(400, lambda: device.status == "usb_power")
    assert device.flags == set()


def test_weak_cells_are_spared_before_they_are_low() -> None:
    """A finger that returns little light gets what the lights can give, from weak cells half."""
    dim = Device(Finger(red_adc=9000, ir_adc=10_000))
    dim.board.battery_adc.cells_mv = 2900
    dim.run(4000)
    sensor = dim.board.sensor
    assert sensor.led_red_ua > 25_000 and sensor.led_ir_ua > 25_000
    dim.board.battery_adc.cells_mv = 2350
    dim.run(2500)
    assert (sensor.led_red_ua, sensor.led_ir_ua) == (25_000, 25_000)
    dim.board.battery_adc.cells_mv = 2400  # without load they recover: no to and fro
    dim.run(2500)
    assert (sensor.led_red_ua, sensor.led_ir_ua) == (25_000, 25_000)
    writes = len(sensor.writes)
    dim.until_number(20_000)
    assert len(sensor.writes) == writes, "and it is measured so"
    dim.board.battery_adc.cells_mv = 2150
    dim.run(OLD_MS, lambda: dim.shown() is None and dim.status == "low_battery")


def test_no_battery_is_not_a_low_battery() -> None:
    device = Device()
    device.board.battery_adc.cells_mv = 60  # what a divider with nothing on it picks up
    assert device.until_number() <= FIRST_MS


def test_no_measurement_on_a_cable() -> None:
    device = Device()
    device.until_number()
    device.board.vbus = Pin(1)
    device.run(400, lambda: device.shown() is None and device.status == "usb_power")
    device.run(2000)
    assert (device.status, device.flags, numbers(device)) == ("usb_power", set(), [])
    assert not device.board.sensor.sampling, "the lights are off"
    device.board.vbus = Pin(0)
    assert device.until_number() <= FIRST_MS
    assert device.flags == set()


@pytest.mark.parametrize("freed", [{"keep_awake": True}, {"is_product": False}, {"vbus": None}])
def test_a_cable_that_does_not_matter(freed: dict[str, object]) -> None:
    device = Device()
    device.board.vbus = Pin(1)
    for name, value in freed.items():
        setattr(device.board, name, value)
    assert device.until_number() <= FIRST_MS


@pytest.mark.parametrize("brightness", [0.15, 0.3, 1.9, 6.0])
def test_the_lights_are_brought_to_the_finger(brightness: float) -> None:
    """Between a fifth and 85 % of full scale, whatever comes back at the first current."""
    device = Device(Finger(round(100_000 * brightness), round(120_000 * brightness)))
    device.run(4500)
    for index in (field.RED_DC_ADC, field.IR_DC_ADC):
        assert 0.2 * 262144 <= device.value(index) <= 0.85 * 262144
    assert device.until_number() <= 5000
    device.light.present = False
    device.run(3000)
    assert device.board.sensor.led_red_ua == device.board.sensor.led_ir_ua == 7000


def test_the_lights_of_a_recording_stay() -> None:
    device = Device(Finger(20_000, 20_000, fixed=True))
    device.run(3000)
    first = len(device.board.sensor.writes)
    device.run(5000)
    assert len(device.board.sensor.writes) == first


def test_one_wavelength_has_a_pulse_and_no_saturation() -> None:
    light = Finger(red_adc=0, fixed=True)
    light.channels = 2
    device = Device(light)
    device.run(FIRST_MS, lambda: device.status == "ok")
    assert abs(device.value(field.PULSE_DECIBPM) - 10 * PULSE_BPM) <= 10
    assert device.value(field.SPO2_CENTIPCT) == field.NONE
    assert device.shown() is None


def test_a_core_that_stops_judging_leaves_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples come and the core says ok, but the same for ever."""
    device = Device()
    device.until_number()
    monkeypatch.setattr(core, "feed", lambda *_: None)
    device.run(OLD_MS, lambda: device.shown() is None)
    assert device.value(field.SPO2_CENTIPCT) == field.NONE


@pytest.mark.parametrize("stall_ms", [280, 330, 600, 1500])
def test_a_step_that_comes_late(stall_ms: int) -> None:
    """The sensor keeps 320 ms. What is lost beyond that may cost a reading, never a wrong one."""
    device = Device()
    device.until_number()
    device.board.clock.advance_us(1000 * stall_ms)
    device.run(40)
    if stall_ms < 320:
        assert device.status == "ok"
    device.run(2000)
    assert device.until_number() <= FIRST_MS
    assert device.flags == set()


# What only the display knows.


def test_ten_frames_a_second_of_changed_columns_and_none_for_nothing() -> None:
    device = Device()
    device.until_number()
    log: list[tuple] = []
    device.board.display_bus.log = log
    frames_ms = set()
    for _ in range(50):
        before = len(log)
        device.run(40)
        if len(log) > before:
            frames_ms.add(device.now_ms)
    assert 18 <= len(frames_ms) <= 20, "in two seconds"
    # A new number is a new picture, the pulse wave a few columns of two pages.
    small = [len(data) for *_, data in log if 3 < len(data) < 30]
    assert len(small) >= 2 * 15
    device.light.present = False
    device.run(2500)
    log.clear()
    device.run(6000)
    told = sum(len(data) for *_, data in log)
    assert told <= 3 * 1200, "without a finger it is only sent again every two seconds"


@pytest.mark.parametrize("fault", ["nack", "sda_low"])
def test_a_display_that_fails_stops_no_measurement(fault: str) -> None:
    device = Device()
    device.until_number()
    display = device.board.display
    display.faults.add(fault)
    device.run(600, lambda: not any(display.pixels()))
    judged = device.value(field.SEQ)
    device.run(3000)
    assert device.status == "ok"
    assert device.value(field.SEQ) - judged >= 2
    assert not any(display.pixels()), "dark, since nothing can be said"
    display.faults.clear()
    device.run(1300, lambda: device.shown() == SPO2_PCT)


def test_a_display_that_resets_itself_is_lit_again() -> None:
    device = Device()
    device.until_number()
    reset = device.board.display_reset
    reset.value(0)
    reset.value(1)
    assert not any(device.board.display.pixels())
    device.run(2500, lambda: device.shown() == SPO2_PCT)
    for _ in range(75):  # and one that did not shows nothing of it
        device.run(40)
        assert device.board.display.on


def test_a_device_without_a_display() -> None:
    device = Device()
    device.board.display_bus.devices.clear()
    device.run(FIRST_MS, lambda: device.status == "ok")


def test_blank_is_blank_and_not_for_ever() -> None:
    device = Device()
    device.until_number()
    device.app.blank()
    assert not any(device.board.display.pixels())
    device.run(1300, lambda: device.shown() == SPO2_PCT)


def test_the_button_turns_the_picture_and_the_next_start_knows() -> None:
    device = Device()
    device.until_number()
    upright = device.board.display.pixels()
    device.board.button.value(0)
    device.run(200)
    device.board.button.value(1)
    device.run(400)
    assert device.shown() is None
    assert number_turned(device.board.display.pixels()) == SPO2_PCT
    again = Device(device.light, device.board)
    again.run(7000)
    assert number_turned(device.board.display.pixels()) == SPO2_PCT
    assert upright != device.board.display.pixels()


def number_turned(pixels: bytes) -> int | None:
    """Read the display standing on one's head."""
    return number_on(bytes(int(f"{byte:08b}"[::-1], 2) for byte in reversed(pixels)))


@pytest.mark.parametrize("die_c", [5.0, 40.0])
def test_the_red_leds_wavelength_is_followed(die_c: float) -> None:
    """The light of a cold and a warm LED; uncorrected, SpO2 reads 0.9 too low and 0.6 too high."""
    scene = Scene(duration_s=45.0, spo2_pct=85.0, perfusion_pct=3.0, die_c=die_c)
    device = Device(Person(scene, 3))
    told = []
    while device.now_ms < 40_000:
        device.run(1000)
        if device.now_ms > 20_000:
            told.append(device.value(field.SPO2_CENTIPCT) / 100)
    assert abs(sum(told) / len(told) - 85.0) < 0.25
