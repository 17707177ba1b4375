"""The power model adds up, and says what it is."""

import copy
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sim import power

BOOK = power.figures()
WORK = power.Work(
    bytecodes=240_000,
    sensor_bytes=900,
    display_bytes=600,
    led_ua=14_000,
    lit_share=0.3,
    contrast=0x7F,
)
SEEN = power.Measured(
    measuring=WORK,
    held=replace(WORK, bytecodes=100_000, lit_share=0.7),
    dimmed=0x1F,
    check_dimmed_s=14,
    held_dimmed_s=45,
)


def mode(name: str, seen: power.Measured = SEEN, book: dict = BOOK) -> power.Mode:
    return {told.name: told for told in power.modes(book, seen)}[name]


def with_figure(path: str, value: float) -> dict:
    book = copy.deepcopy(BOOK)
    node: Any = book
    for key in path.split("."):
        node = node[key]
    node["typ"] = value
    return book


@pytest.fixture(scope="module")
def seen() -> power.Measured:
    return power.measure()


def test_the_work_is_that_of_the_device(seen: power.Measured) -> None:
    """By hand: 25 reads a second of 2 + 7 and 2 + 24 bytes, and once a second the settings."""
    work, held = seen.measuring, seen.held
    assert work.sensor_bytes == pytest.approx(25 * (1 + 1 + 1 + 7 + 1 + 1 + 1 + 24), rel=0.08)
    assert work.led_ua == 14_000, "the first current suits this finger"
    assert 0.05 < work.lit_share < 0.5
    assert 100 < work.display_bytes < 4000
    assert 100_000 < work.bytecodes < 1_000_000, "at least a thousand a sample, and not ten times"
    assert held.bytecodes < work.bytecodes / 2 and held.lit_share > 0.5, "no finger; inverse"
    assert (work.contrast, held.contrast, seen.dimmed) == (0x7F, 0x7F, 0x1F)
    # A finger of 6 s to the number and some 32 s to the result: 15 s after either.
    assert 5 < seen.check_dimmed_s < 20 and seen.held_dimmed_s == pytest.approx(44, abs=2)


def test_the_cpu_works_for_bytecodes_and_buses() -> None:
    """240 000 at 90 cycles of 160 MHz are 13.5 %; 2 x 900 + 600 bytes at 400 kHz 5.4 %."""
    assert power.cpu_share(WORK) == pytest.approx(0.135 + 0.054)
    assert power.cpu_share(WORK, 60) == pytest.approx(0.09 + 0.054)


def test_measuring_by_hand() -> None:
    awake = power.cpu_share(WORK) + 0.001 / 0.04
    chip = awake * 28 + (1 - awake) * 0.35
    sensor = 0.6 + 14 * 411e-6 * 100
    display = 1.0 + 0.33 + 28 * 0.3 * 0.5
    rail = chip + sensor + display + 0.001 + 0.0053
    told = mode("measuring")
    assert told.rail_ma == pytest.approx(rail, rel=1e-6)
    boost = rail * 3.33 / 2.5 / told.cells_ma
    assert 0.88 <= boost <= 0.93, "the boost's efficiency between 1 and 10 mA"
    assert told.hours == pytest.approx(power.capacity_mah(BOOK, told.cells_ma) / told.cells_ma)
    assert rail - mode("measuring, dimmed").rail_ma == pytest.approx(28 * 0.3 * (0.5 - 0.125))


def test_off_by_hand() -> None:
    rail_ua = 5 + 0.7 + 3 + 1 + 5.3
    told = mode("off")
    assert told.rail_ma == pytest.approx(rail_ua / 1000)
    assert told.cells_ma * 1000 == pytest.approx(rail_ua * 3.33 / 2.5 / 0.62 + 1 + 2.7, rel=0.05)
    assert told.cells_ma < 0.1, "a unit in a drawer lasts"


def test_every_figure_that_is_named_weighs(seen: power.Measured) -> None:
    for path, name in (
        ("microcontroller.run_160mhz_ma", "measuring"),
        ("microcontroller.light_sleep_ma", "measuring"),
        ("microcontroller.light_sleep_wake_ms", "measuring"),
        ("microcontroller.idle_160mhz_ma", "measuring, awake"),
        ("microcontroller.ble_extra_ma", "measuring, radio on"),
        ("microcontroller.deep_sleep_ua", "off"),
        ("sensor.supply_on_ma", "measuring"),
        ("sensor.led_pulse_us", "measuring"),
        ("sensor.supply_shutdown_ua", "off"),
        ("display.all_lit_ma", "result held"),
        ("display.sleep_ua", "off"),
        ("resistors.from_cells_ua", "off"),
        ("regulator_1v8.quiescent_ua", "off"),
    ):
        node: Any = BOOK
        for key in path.split("."):
            node = node[key]
        more = with_figure(path, node["typ"] * 2)
        assert mode(name, seen, more).cells_ma > mode(name, seen).cells_ma, path


def test_more_work_more_light_and_more_pixels_cost() -> None:
    plain = mode("measuring").cells_ma
    for more in (
        replace(WORK, bytecodes=480_000),
        replace(WORK, led_ua=40_000),
        replace(WORK, lit_share=0.6),
        replace(WORK, contrast=255),
    ):
        assert mode("measuring", replace(SEEN, measuring=more)).cells_ma > plain * 1.05
    assert mode("measuring").cells_ma < mode("measuring, awake").cells_ma
    assert mode("measuring, awake").cells_ma < mode("measuring, radio on").cells_ma


def test_a_table_is_read_between_its_figures() -> None:
    book = {"cells": {"capacity_mah": {"typ": {10: 900, 100: 700}}}}
    assert power.capacity_mah(book, 1) == 900 and power.capacity_mah(book, 1000) == 700
    assert power.capacity_mah(book, math.sqrt(1000)) == pytest.approx(800)


def test_the_life_of_the_cells_by_hand() -> None:
    """10 mA for an hour a day from 240 mAh: 24 days; half of it with as much while it is off."""
    book = with_figure("cells.self_discharge_share_per_year", 0)
    book["cells"]["capacity_mah"]["typ"] = {10: 240}
    told = [power.Mode("on", 0, 10, 0), power.Mode("off", 0, 0, 0)]
    found = power.life(book, told, {"on": 3600}, checks_a_day=1)
    assert (found.days, found.checks) == (pytest.approx(24), pytest.approx(24))
    told[1] = power.Mode("off", 0, 10 / 24, 0)
    assert power.life(book, told, {"on": 3600}, checks_a_day=1).days == pytest.approx(12)
    book = with_figure("cells.self_discharge_share_per_year", 0.5)
    assert (
        power.life(book, told, {"on": 3600}, 1).days < power.life(BOOK, told, {"on": 3600}, 1).days
    )


def test_how_far_the_checks_are_from_those_aimed_at(seen: power.Measured) -> None:
    """Of 40 s, four a day, with light sleep and the display dimmed: 2000 and more. What is under
    that is printed as such."""
    told = dict(power.checks(BOOK, power.modes(BOOK, seen), seen))
    plain = told["40 s, then off"].checks
    assert plain >= power.CHECKS_AIMED
    assert told["40 s, then off, never dimmed"].checks < plain
    assert told["40 s without light sleep, then off"].checks < plain
    held = told["40 s, result held for 60 s more"].checks
    assert told["the same with a red verdict, not dimmed"].checks < held < plain


def test_the_command_calls_it_modelled() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sim.power"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
        timeout=120,
    )
    assert done.stdout.startswith("MODELLED, not measured")
    for name in ("measuring", "measuring, radio on", "result held", "link mode, waiting", "off"):
        assert f"\n{name}  " in done.stdout
    for line in done.stdout.splitlines():
        checks = line[60:67].strip().replace(",", "")
        if " uAh" in line:
            assert ("under the 2000" in line) == (int(checks) < 2000), line
