"""The power figures against the circuit, on paper; ngspice runs in `make hardware`."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from hardware import power, rails, tools
from hardware.netlist import Component, designed, parts

BOOK = power.figures()
PARTS = parts()
RULES = yaml.safe_load(rails.RAILS.read_text())


def test_every_figure_has_its_source_and_agrees_with_the_circuit() -> None:
    assert list(power.figures_check(BOOK)) == []
    assert list(power.circuit_check(BOOK, designed(), PARTS, RULES)) == []
    assert list(power.faults_check(BOOK)) == []


def test_what_resistors_draw_by_hand() -> None:
    drawn = power.drawn_at_rest(designed(), {"+3V3": 3.3, "+1V8": 1.8, "VBAT": 2.5}, PARTS)
    # The converter's divider; the switch's two resistors through Q3.
    assert drawn["+3V3"] == pytest.approx(3.3 / 1.43e6 + 3.3 / 1.1e6, rel=1e-3)
    assert drawn["VBAT"] == pytest.approx(2.5 / 940e3)
    assert drawn["+1V8"] == pytest.approx(0, abs=1e-12)
    without = power.drawn_at_rest(designed(), {"+3V3": 3.3, "VBAT": 2.5}, PARTS)
    assert without["+3V3"] == pytest.approx(3.3 / 1.43e6, rel=1e-3)


def test_a_bridge_of_resistors_by_hand() -> None:
    def ohm(part: str, a: str, b: str) -> Component:
        return Component(part, {"1": a, "2": b})

    bridge = {
        "R1": ohm("r10k", "IN", "A"),
        "R2": ohm("r10k", "A", "GND"),
        "R3": ohm("r10k", "IN", "B"),
        "R4": ohm("r10k", "B", "GND"),
        "R5": ohm("r1k", "A", "B"),
    }
    assert power.drawn_at_rest(bridge, {"IN": 2.0}, PARTS)["IN"] == pytest.approx(2e-4)


@pytest.mark.parametrize(
    ("reference", "part", "said"),
    [
        ("R4", "r100k", "from_3v3_ua"),
        ("R3", "r10k", "from_3v3_ua"),
        ("R16", "r10k", "from_cells_ua"),
        ("R11", "r1k", "display_reset"),
        ("R2", "r390k", "output_v"),
    ],
)
def test_a_change_of_the_circuit_is_noticed(reference: str, part: str, said: str) -> None:
    netlist = designed()
    netlist[reference] = replace(netlist[reference], part=part)
    found = list(power.circuit_check(BOOK, netlist, PARTS, RULES))
    assert any(said in sentence for sentence in found), found


def test_a_fuse_that_would_open_and_a_guard_too_weak() -> None:
    book = copy.deepcopy(BOOK)
    book["protection"]["fuse_hold_hot_a"]["typ"] = 0.3
    book["protection"]["guard_volts"]["typ"] = 5
    found = list(power.faults_check(book))
    assert any("fuse opens" in sentence for sentence in found)
    assert any("turned cells" in sentence for sentence in found)


def test_a_figure_without_a_source_is_noticed() -> None:
    book = copy.deepcopy(BOOK)
    del book["sensor"]["supply_on_ma"]["source"]
    book["display"]["sleep_ua"]["max"] = 1
    assert len(list(power.figures_check(book))) == 2


def test_the_deck_for_ngspice_follows_the_design() -> None:
    text = power.deck(BOOK, designed(), PARTS, RULES)
    assert "MQ vledq n_led_gate v33 v33 pfet" in text
    assert "MQ3 n_led_on v18 0 0 nfet" in text
    assert "RR4 v33 n_led_gate 1e+06" in text
    # 10 uF and 100 nF, half of it left.
    assert "Cled vled 0 5.05e-06" in text


# What is installed, and how.


def test_the_apt_line_names_only_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "release", lambda: "bookworm")
    known = yaml.safe_load(tools.TOOLS.read_text())
    update, install = tools.commands(known["programs"][1:], known["backports"])
    assert update[:2] == ["apt-get", "update"]
    # From one suite: mixed, they do not go together. Each named once.
    assert install[install.index("-t") + 1 :] == [
        *("bookworm-backports", "ngspice", "libegl1", "libgl1", "libgl1-mesa-dri")
    ]
    monkeypatch.setattr(tools, "release", lambda: "trixie")
    assert "-t" not in tools.commands(known["programs"], known["backports"])[1]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        (
            "debian.sources",
            "Types: deb\nURIs: http://a.example/debian\nSuites: bookworm bookworm-updates\n",
            "deb http://a.example/debian bookworm-backports main\n",
        ),
        (
            "x.list",
            "deb [arch=amd64] http://b.example/debian bookworm main\n",
            "deb http://b.example/debian bookworm-backports main\n",
        ),
        ("x.list", "deb http://b.example/debian bookworm-backports main\n", None),
        ("x.list", "deb http://b.example/other stable main\n", None),
    ],
)
def test_the_mirror_in_use_gives_the_backports(
    name: str, text: str, line: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path
    (folder / "sources.list.d").mkdir()
    (folder / "sources.list.d" / name).write_text(text)
    (folder / "sources.list").write_text("")
    monkeypatch.setattr(tools, "APT", folder)
    monkeypatch.setattr(tools, "release", lambda: "bookworm")
    assert tools.backports_line() == line
