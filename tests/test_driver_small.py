"""Battery, buzzer and button."""

import pytest

from sim.chips.pin import Pin
from sim.door import battery, button, buzzer


class Adc:
    def __init__(self, *microvolts):
        self.microvolts = microvolts
        self.at = -1

    def read_uv(self):
        self.at += 1
        return self.microvolts[self.at % len(self.microvolts)]


def percent(millivolts):
    return battery.Battery(Adc(millivolts * 500), 2, 1).percent()


def test_battery_voltage_is_the_dividers_input():
    assert battery.Battery(Adc(1_250_000), 2, 1).millivolts() == 2500
    assert battery.Battery(Adc(1_000_000), 147, 47).millivolts() == 3127


def test_one_wild_reading_does_not_move_the_battery():
    quiet = [1_300_000] * 5
    assert battery.Battery(Adc(*quiet, 0, 0, 3_300_000), 2, 1).millivolts() == 2600


def test_battery_percent_falls_from_fresh_to_flat():
    assert [percent(mv) for mv in (3300, 3100, 2000, 1800, 0)] == [100, 100, 0, 0, 0]
    steps = [percent(mv) for mv in range(2000, 3101, 10)]
    assert steps == sorted(steps) and set(steps) <= set(range(101))
    assert max(b - a for a, b in zip(steps, steps[1:], strict=False)) <= 2, "no jumps"
    # Two alkaline cells spend half of their charge by about 1.25-1.35 V each.
    assert 30 < percent(2500) < percent(2700) < 75


class Pwm:
    def __init__(self):
        self.hz = None
        self.duty = None

    def freq(self, hz):
        self.hz = hz

    def duty_u16(self, duty):
        self.duty = duty


def test_buzzer_sounds_as_long_as_told():
    pwm = Pwm()
    sound = buzzer.Buzzer(pwm)
    assert pwm.duty == 0
    sound.tone(880, 100, 5000)
    assert (pwm.hz, pwm.duty) == (880, 32768)
    sound.step(5099)
    assert pwm.duty == 32768
    sound.step(5100)
    assert pwm.duty == 0
    sound.tone(440, 1000, 6000)
    sound.tone(660, 10, 6500)
    sound.step(6510)
    assert (pwm.hz, pwm.duty) == (660, 0), "the newer tone counts"
    sound.tone(440, 1000, 7000)
    sound.off()
    assert pwm.duty == 0


def play(levels, step_ms=10):
    """Events of a button whose level is given as (level, for how many ms), with their times."""
    pin = Pin(levels[0][0])
    key = button.Button(pin)
    now_ms, events = 0, []
    for level, lasts_ms in levels:
        pin.value(level)
        for _ in range(lasts_ms // step_ms):
            event = key.step(now_ms)
            if event != button.NONE:
                events.append((now_ms, event))
            now_ms += step_ms
    return events


@pytest.mark.parametrize("step_ms", [10, 20, 40])
def test_button_presses(step_ms):
    def names(levels):
        return [event for _, event in play(levels, step_ms)]

    assert names([(1, 200), (0, 200), (1, 200)]) == [button.SHORT]
    assert names([(1, 200), (0, 1400), (1, 200)]) == [button.SHORT]
    assert names([(1, 200), (0, 1800), (1, 200)]) == [button.HELD, button.LONG]
    assert names([(1, 200), (0, 200), (1, 200)] * 2) == [button.SHORT] * 2
    both = [(1, 200), (0, 1800), (1, 200), (0, 200), (1, 200)]
    assert names(both) == [button.HELD, button.LONG, button.SHORT]
    assert names([(1, 200), (0, 9000)]) == [button.HELD], "told once"


def test_held_comes_at_one_and_a_half_seconds():
    assert play([(1, 200), (0, 2000)]) == [(1700, button.HELD)]


def test_button_bounce_is_not_a_press():
    bounce = [(0, 10), (1, 10)] * 3
    assert play([(1, 200), *bounce, (1, 200)]) == []
    assert play([(1, 200), (0, 20), (1, 200)]) == []
    pressed = [(1, 200), *bounce, (0, 300), *bounce, (1, 300)]
    assert [event for _, event in play(pressed)] == [button.SHORT]


def test_the_press_that_switched_it_on_is_no_event():
    assert play([(0, 3000), (1, 200)]) == []
    assert [e for _, e in play([(0, 300), (1, 200), (0, 200), (1, 200)])] == [button.SHORT]
