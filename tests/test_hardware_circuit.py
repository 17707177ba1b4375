"""The circuit as data: sound as it stands, and every kind of fault in it is found."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from hardware import bill, rails, wiring
from hardware.netlist import Netlist, designed, exported, parsed, parts, pins_on

BOOK = parts()
RULES = yaml.safe_load(rails.RAILS.read_text())
PINS = yaml.safe_load(wiring.PINS.read_text())

Change = Callable[[Netlist], None]


def rewired(reference: str, **nets: str) -> Change:
    def change(netlist: Netlist) -> None:
        pins = {**netlist[reference].nets, **{k.lstrip("_"): v for k, v in nets.items()}}
        netlist[reference] = replace(netlist[reference], nets=pins)

    return change


def swapped(reference: str, one: str, other: str) -> Change:
    def change(netlist: Netlist) -> None:
        nets = dict(netlist[reference].nets)
        nets[one], nets[other] = nets[other], nets[one]
        netlist[reference] = replace(netlist[reference], nets=nets)

    return change


def another(reference: str, part: str) -> Change:
    def change(netlist: Netlist) -> None:
        netlist[reference] = replace(netlist[reference], part=part)

    return change


def without(reference: str) -> Change:
    def change(netlist: Netlist) -> None:
        del netlist[reference]

    return change


def complaints(netlist: Netlist) -> list[str]:
    return rails.complaints(netlist, RULES, BOOK) + wiring.complaints(netlist, PINS, BOOK)


def test_the_design_keeps_every_limit() -> None:
    assert complaints(designed()) == []


def test_no_net_ends_in_the_air() -> None:
    assert {net for net, pins in pins_on(designed()).items() if len(pins) < 2} == set()


def test_the_rails_by_hand() -> None:
    found = rails.supplies(rails.Circuit(designed(), BOOK), RULES)
    # 1 V +- 2 % at 430 k of 1430 k, each resistor 1 %; cells less fuse and guard.
    assert found["+3V3"][0] == pytest.approx(0.98 * (0.99 / 1.01 * 1000 / 430 + 1))
    assert found["+3V3"][1] == pytest.approx(1.02 * (1.01 / 0.99 * 1000 / 430 + 1))
    assert found["VBAT"] == pytest.approx((2.2 - 0.12 - 0.06, 3.3))
    assert found["VLED"][0] == pytest.approx(found["+3V3"][0] - 0.06)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4k7", 4700),
        ("430k", 430e3),
        ("1M", 1e6),
        ("100nF", 100e-9),
        ("2.2uF", 2.2e-6),
        ("47", 47),
    ],
)
def test_printed_quantities(text: str, value: float) -> None:
    assert rails.quantity(text) == pytest.approx(value)


MUTANTS: dict[str, tuple[Change, str]] = {
    "sensor on 3.3 V": (rewired("U4", VDD="+3V3"), "absolute"),
    "LEDs on 1.8 V": (rewired("U4", **{"VLED+": "+1V8"}), "recommended"),
    "LEDs always on": (rewired("U4", **{"VLED+": "+3V3"}), "switched on"),
    "LED switch opened by its own rail": (rewired("Q3", G="+3V3"), "switched on"),
    "LED switch gate in the air": (without("R4"), "switched on"),
    "sensor's lines swapped": (swapped("U1", "IO6", "IO7"), "sensor_"),
    "sensor's lines swapped at the sensor": (swapped("U4", "SCL", "SDA"), "does not come to"),
    "display's lines swapped": (swapped("DS1", "D0", "D1"), "does not come to"),
    "display on the sensor's bus": (rewired("DS1", D0="SENSOR_SCL"), "does not come to"),
    "USB swapped": (swapped("U1", "IO18", "IO19"), "must be USB_D-"),
    "button on a strap pin": (swapped("U1", "IO1", "IO2"), "boots"),
    "button on a pin without a role": (swapped("U1", "IO1", "IO21/TXD"), "not BUTTON"),
    "battery's guard turned round": (swapped("Q1", "D", "S"), "guard"),
    "guard never opens": (rewired("Q1", G="VBAT"), "turned cell"),
    "fuse bridged": (rewired("J1", Pin_1="FUSED"), "fuse"),
    "cable feeds the cells": (rewired("TP6", _1="VBAT"), "cable"),
    "cable feeds the regulator": (rewired("U3", VI="USB_5V"), "feed nothing"),
    "cable unseen at 4.4 V": (another("R19", "r100k"), "high level"),
    "pull-up on the cable": (rewired("R5", _1="USB_5V"), "absolute"),
    "pull-up of 1.8 V": (rewired("R6", _1="+1V8"), "high level"),
    "pull-up lost": (without("R5"), "rest at supply"),
    "pull-up too weak": (another("R5", "r470k"), "rest at supply"),
    "display's reset rests high": (rewired("R11", _2="+3V3"), "rest at ground"),
    "display's reset floats": (without("R11"), "rest at ground"),
    "strap floats": (without("R9"), "rest at supply"),
    "EN without its delay": (without("C13"), "uF"),
    "boost set to 4.3 V": (another("R2", "r390k"), "outside the recommended"),
    "boost without feedback": (without("R1"), "no supply"),
    "boost's divider upside down": (swapped("U2", "VOUT", "FB"), ""),
    "LED capacitor lost": (without("C9"), "uF"),
    "sensor capacitor to the wrong rail": (rewired("C7", _2="+3V3"), "uF"),
    "output capacitors halved": (without("C2"), "uF"),
    "display at the other address": (rewired("DS1", **{"D/C": "+3V3"}), "must be on ground"),
    "display not on I2C": (rewired("DS1", BS1="GND"), "supply of its logic"),
    "display cannot answer": (rewired("DS1", D2="GND"), "one net"),
    "divider of the battery": (another("R17", "r180k"), "divider"),
    "battery's voltage not sensed": (rewired("R16", _1="+3V3"), "does not come to"),
    "no ESD protection": (without("U5"), "protection"),
    "sensor lost": (without("U4"), "finds no such pin"),
    "two microcontrollers": (lambda n: n.update(U9=n["U1"]), "not one"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_is_found(name: str) -> None:
    change, said = MUTANTS[name]
    netlist = designed()
    change(netlist)
    found = complaints(netlist)
    assert found
    assert any(said in sentence for sentence in found), found


def test_an_absolute_limit_is_never_excused() -> None:
    rules = copy.deepcopy(RULES)
    rules["excused"].append({"part": "MAX30102EFD+T", "pin": "VDD", "to": [0, 9], "why": "no"})
    netlist = designed()
    rewired("U4", VDD="+3V3")(netlist)
    assert any("absolute" in sentence for sentence in rails.complaints(netlist, rules, BOOK))


def test_without_its_excuses_the_design_fails() -> None:
    rules = {**RULES, "excused": []}
    found = rails.complaints(designed(), rules, BOOK)
    assert len(found) == len(RULES["excused"])


def test_a_rule_for_a_part_that_is_not_there_is_a_fault() -> None:
    rules = copy.deepcopy(RULES)
    rules["rests"].append({"part": "MAX30101", "pin": "SCL", "to": "supply", "ohm": [1, 2]})
    assert any("MAX30101" in sentence for sentence in rails.complaints(designed(), rules, BOOK))


# The bill of materials.


def test_the_bill_is_whole_and_its_table_fresh() -> None:
    assert bill.complaints(BOOK, designed()) == []
    page = bill.README.read_text()
    assert bill.with_table(page, BOOK, designed()) == page, "run `python -m hardware.bill`"


def test_the_first_line_of_the_table_is_what_is_estimated() -> None:
    book = copy.deepcopy(BOOK)
    first = bill.table(book, designed()).splitlines()[2]
    assert first.count("100 %") == 4
    book["board"]["sensor"] |= {"source": "a quote", "date": "2026-11-24"}
    share = float(bill.table(book, designed()).splitlines()[2].split("**")[-2].split()[0])
    sums = [
        sum(n * part["price"][-1] for key, n, part in bill.lines(book, designed()) if key != left)
        for left in ("", "sensor")
    ]
    assert share == pytest.approx(100 * sums[1] / sums[0], abs=0.5)


BILL_MUTANTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "maker": lambda book: book["board"]["sensor"].pop("maker"),
    "mpn": lambda book: book["board"]["boost"].update(mpn=""),
    "second": lambda book: book["board"]["esd"].update(second={"maker": "any"}),
    "price": lambda book: book["board"]["r1k"].pop("price"),
    "one price": lambda book: book["board"]["r1k"].update(price=[1, 1, 1]),
    "falls": lambda book: book["board"]["r1k"].update(price=[1, 2, 1, 1]),
    "date": lambda book: book["board"]["sensor"].update(source="a quote"),
    "YYYY": lambda book: book["board"]["sensor"].update(date="last week"),
    "no such part": lambda book: book["board"].pop("ldo18"),
    "nothing on the board": lambda book: book["board"].update(spare=book["board"]["boost"]),
    "count": lambda book: book["beside"]["cells"].pop("count"),
}


@pytest.mark.parametrize("name", BILL_MUTANTS)
def test_a_gap_in_the_bill_is_found(name: str) -> None:
    book = copy.deepcopy(BOOK)
    BILL_MUTANTS[name](book)
    assert bill.complaints(book, designed())


# KiCad's netlist.


def test_a_netlist_of_kicad_is_read() -> None:
    netlist = exported(
        """(export (version "E") (components
          (comp (ref "R1") (value "1k") (fields (field (name "Part") "r1k")))
          (comp (ref "U4") (fields (field (name "Part") "sensor"))))
        (nets
          (net (code "1") (name "/A (b)") (node (ref "R1") (pin "2") (pintype "passive"))
            (node (ref "U4") (pin "13") (pinfunction "~{INT}") (pintype "output")))
          (net (code "2") (name "GND") (node (ref "U4") (pin "4") (pinfunction "GND")
            (pintype "power_in")) (node (ref "U4") (pin "12") (pinfunction "GND")
            (pintype "power_in")))
          (net (code "3") (name "unconnected-(U4-NC-Pad1)") (node (ref "U4") (pin "1")
            (pinfunction "NC") (pintype "no_connect")))))"""
    )
    assert netlist["R1"].part == "r1k" and netlist["R1"].nets == {"2": "A (b)"}
    assert netlist["U4"].nets == {"INT": "A (b)", "GND": "GND"}


@pytest.mark.parametrize("text", ["(a (b)", "(a))", "a) (b", ""])
def test_brackets_that_do_not_match(text: str) -> None:
    with pytest.raises(ValueError):
        parsed(text)
