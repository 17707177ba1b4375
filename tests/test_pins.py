"""The map of pins: sound, fresh in the firmware, and read there as it is meant."""

import builtins
import calendar
import copy
import time
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from device import Finger

from host_tools import pins as pins_tool
from sim.board import Board
from sim.door import FIRMWARE

PINS = yaml.safe_load(pins_tool.PINS.read_text())

# Espressif's programming guide (ESP-IDF v5.5, "GPIO & RTC GPIO"). Read there, not from the map.
STRAPS = {"esp32c3": {2, 8, 9}, "esp32": {0, 2, 5, 12, 15}}
INPUT_ONLY = {"esp32c3": set(), "esp32": {34, 35, 36, 39}}
USB = {"esp32c3": {18, 19}, "esp32": {1, 3}}
FLASH = {"esp32c3": set(range(11, 18)), "esp32": set(range(6, 12))}
ADC1 = {"esp32c3": set(range(5)), "esp32": set(range(32, 40))}
RTC = {
    "esp32c3": set(range(6)),
    "esp32": {0, 2, 4, 12, 13, 14, 15, 25, 26, 27, 32, 33, 34, 35, 36, 39},
}


def test_the_map_is_sound_and_fresh() -> None:
    assert pins_tool.complaints(PINS) == []
    assert pins_tool.main(["--check"]) == 0


@pytest.mark.parametrize("target", PINS["targets"])
def test_the_pins_against_the_guide(target: str) -> None:
    board = PINS["targets"][target]
    chip = board["chip"]
    used = set(board["pins"].values())
    assert not used & (STRAPS[chip] | USB[chip] | FLASH[chip])
    outputs = {
        pin for role, pin in board["pins"].items() if PINS["roles"][role]["direction"] == "out"
    }
    assert not outputs & INPUT_ONLY[chip]
    assert board["pins"]["button"] in RTC[chip], "it is to wake the device"
    assert board["pins"].get("battery_adc") in ADC1[chip] | {None}


def test_the_chips_are_described_as_in_the_guide() -> None:
    for name, chip in PINS["chips"].items():
        assert set(chip["strap"]) == STRAPS[name]
        assert set(chip["input_only"]) == INPUT_ONLY[name]
        assert set(chip["usb"]) == USB[name]
        assert set(chip["adc"]) <= ADC1[name]
        assert set(chip["wake"]) == RTC[name]
        assert not set(chip["pins"]) & FLASH[name]


@pytest.mark.parametrize(
    ("target", "role", "pin", "said"),
    [
        ("product", "buzzer", 9, "boots"),
        ("product", "display_reset", 2, "boots"),
        ("product", "vbus", 19, "USB"),
        ("product", "button", 21, "wake"),
        ("product", "battery_adc", 21, "adc"),
        ("product", "buzzer", 12, "bring"),
        ("product", "buzzer", 7, "already"),
        ("product", "bell", 21, "role"),
        ("devkit", "display_reset", 34, "only be read"),
        ("devkit", "display_cs", 5, "boots"),
        ("devkit", "buzzer", 1, "USB"),
        ("devkit", "buzzer", 6, "bring"),
    ],
)
def test_a_map_that_the_chip_cannot_follow(target: str, role: str, pin: int, said: str) -> None:
    wrong = copy.deepcopy(PINS)
    wrong["targets"][target]["pins"][role] = pin
    sentences = pins_tool.complaints(wrong)
    assert len(sentences) == 1
    assert sentences[0].startswith(f"{target}: {role} on GPIO{pin}")
    assert said in sentences[0]


def test_a_map_with_something_missing() -> None:
    wrong = copy.deepcopy(PINS)
    del wrong["targets"]["product"]["pins"]["display_scl"]
    wrong["targets"]["devkit"]["display"] = {"bus": "uart", "controller": "st7789"}
    assert len(pins_tool.complaints(wrong)) == 3


def test_a_map_that_changed_is_noticed(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = copy.deepcopy(PINS)
    changed["targets"]["product"]["pins"]["buzzer"] = 21
    (tmp_path / "pins.yaml").write_text(yaml.safe_dump(changed))
    (tmp_path / "board.py").write_text(pins_tool.BOARD.read_text())
    monkeypatch.setattr(pins_tool, "PINS", tmp_path / "pins.yaml")
    monkeypatch.setattr(pins_tool, "BOARD", tmp_path / "board.py")
    assert pins_tool.main(["--check"]) == 1
    assert "python -m host_tools.pins" in capsys.readouterr().err
    assert pins_tool.main([]) == 0
    assert pins_tool.main(["--check"]) == 0
    assert "_BUZZER = 21" in (tmp_path / "board.py").read_text()
    before = (tmp_path / "board.py").read_text()
    changed["targets"]["product"]["pins"]["buzzer"] = 9
    (tmp_path / "pins.yaml").write_text(yaml.safe_dump(changed))
    assert pins_tool.main([]) == 1
    assert (tmp_path / "board.py").read_text() == before, "a wrong map is not written"


# firmware/board.py itself, on a machine that notes what is asked of it.


EPOCH_2000_S = 946684800


class Machine:
    """Stands for MicroPython's `machine`: every part remembers how it was made."""

    def __init__(self, data: str = "none") -> None:
        self.pins: dict[int, tuple] = {}
        self.resets = 0
        self.cause = 1
        self.made: list[tuple[str, dict]] = []
        self.slept: list[object] = []
        self.data = data  # the partition of that name: "none", "blank" or "formatted"
        self.mounted: list[tuple[object, str]] = []

    def find(self, kind: int, label: str) -> list[str]:
        """As esp32.Partition.find does."""
        return [] if self.data == "none" or (kind, label) != (1, "data") else ["the partition"]

    def mount(self, device: object, path: str) -> None:
        if self.data == "blank":
            raise OSError(19)
        self.mounted.append((device, path))

    def mkfs(self, device: object) -> None:
        self.data = "formatted"

    def part(self, name: str) -> Any:
        def made(*args: object, **named: object) -> SimpleNamespace:
            if name == "Pin":
                self.pins[args[0]] = (*args[1:], named.get("value"))  # type: ignore[index]
            self.made.append((name, named))
            return SimpleNamespace(
                made=name, args=args, named=named, value=lambda *_: None,
                deinit=lambda: self.made.append((f"no {name}", {})),
            )  # fmt: skip

        return made

    def module(self) -> SimpleNamespace:
        names = ("ADC", "I2C", "PWM", "RTC", "SPI", "WDT", "Pin", "SoftI2C", "Timer")
        module = SimpleNamespace(**{name: self.part(name) for name in names})
        module.DEEPSLEEP_RESET, module.WDT_RESET, module.SOFT_RESET = 4, 3, 5
        module.Timer.PERIODIC = 1
        module.reset_cause = lambda: self.cause
        module.deepsleep = lambda: self.slept.append("deep")
        module.ADC.ATTN_11DB = "11 dB"
        for mode in ("IN", "OUT", "OPEN_DRAIN", "PULL_UP"):
            setattr(module.Pin, mode, mode)
        module.reset = lambda: None
        module.lightsleep = lambda ms: self.slept.append(("light", ms))
        module.unique_id = lambda: b"\1\2\3\4\5\6"
        return module


def loaded(
    chip: str,
    source: str | None = None,
    cause: int = 1,
    now_s: int = 0,
    data: str = "none",
) -> tuple[SimpleNamespace, Machine]:
    machine = Machine(data)
    machine.cause = cause
    clock = SimpleNamespace(sleep_us=None, sleep_ms=None, ticks_ms=None, time=lambda: now_s)
    clock.gmtime = lambda time_s: time.gmtime(time_s + EPOCH_2000_S)[:7] + (1,)
    clock.mktime = lambda date: calendar.timegm(date) - EPOCH_2000_S  # of 2000, as on an ESP32
    console = SimpleNamespace(register=lambda *_: None, ipoll=lambda _: iter(()))
    select = SimpleNamespace(poll=lambda: console, POLLIN=1)
    esp32 = SimpleNamespace(
        WAKEUP_ALL_LOW=False,
        wake_on_gpio=lambda pins, level: machine.slept.append(("gpio", pins, level)),
        wake_on_ext0=lambda pin, level: machine.slept.append(("ext0", pin, level)),
        Partition=SimpleNamespace(find=machine.find, TYPE_DATA=1),
    )
    system = SimpleNamespace(implementation=SimpleNamespace(_machine=f"Generic {chip} module"))
    system.stdin = None
    stands_in = {"machine": machine.module(), "time": clock, "sys": system, "esp32": esp32}
    stands_in["vfs"] = SimpleNamespace(
        mount=machine.mount, VfsLfs2=SimpleNamespace(mkfs=machine.mkfs)
    )
    stands_in["select"] = select

    def importing(name: str, *more: Any) -> Any:
        return stands_in.get(name) or __import__(name, *more)

    scope: dict[str, Any] = {
        "__name__": "board",
        "__builtins__": {**vars(builtins), "__import__": importing},
    }
    exec(source or (FIRMWARE / "board.py").read_text(), scope)
    return SimpleNamespace(**scope), machine


@pytest.mark.parametrize(("target", "chip"), [("product", "ESP32C3"), ("devkit", "ESP32")])
def test_each_pin_is_made_what_the_map_says(target: str, chip: str) -> None:
    board, machine = loaded(chip)
    pins = PINS["targets"][target]["pins"]
    assert board.is_product == (target == "product")
    assert machine.pins[pins["display_reset"]] == ("OUT", 0), "dark from the first"
    assert machine.pins[pins["button"]] == ("IN", "PULL_UP", None)
    assert machine.pins[pins["sensor_scl"]] == ("OPEN_DRAIN", 1)
    assert machine.pins[pins["sensor_sda"]] == ("OPEN_DRAIN", 1)
    assert (board.vbus is None) == ("vbus" not in pins)
    assert (board.battery_adc is None) == ("battery_adc" not in pins)
    assert board.buzzer.named["duty_u16"] == 0, "silent from the first"
    bus = board.sensor_bus()
    assert bus.named["scl"] is board.sensor_scl and bus.named["sda"] is board.sensor_sda
    assert bus.named["freq"] <= 400_000
    board.display_port()
    assert {pins["display_scl"], pins["display_sda"]} <= set(machine.pins)
    assert set(machine.pins) <= set(pins.values())
    board.start_watchdog(1500)


def test_the_button_ends_the_deep_sleep() -> None:
    """The C3 has no EXT0: asked for it, it would sleep for ever."""
    board, machine = loaded("ESP32C3", cause=4)
    assert board.woken and not board.bitten
    board.deep_sleep()
    assert machine.slept == [("gpio", (board.button,), False), "deep"]
    board, machine = loaded("ESP32", cause=3)
    assert board.bitten and not board.woken
    board.deep_sleep()
    assert machine.slept == [("ext0", board.button, False), "deep"]


def test_after_a_soft_reset_the_watchdog_goes_on_being_fed() -> None:
    """It cannot be stopped, and a soft reset, with which mpremote begins, ends every timer."""
    for cause in (1, 3, 4):
        assert "WDT" not in [name for name, _ in loaded("ESP32", cause=cause)[1].made]
    board, machine = loaded("ESP32", cause=5)
    watchdog, timer = machine.made[-2:]
    assert watchdog == ("WDT", {"timeout": 1500})
    assert timer[0] == "Timer" and timer[1]["period"] < 750
    board.start_watchdog(1500)
    assert [name for name, _ in machine.made[-3:]] == ["Timer", "no Timer", "WDT"]


def test_it_sleeps_lightly_where_nothing_is_cut_off() -> None:
    """Light sleep stops the radio, the tones and the USB of the C3."""
    board, machine = loaded("ESP32C3")
    waited: list[int] = []
    board.time.sleep_ms = waited.append
    for cable, busy in ((0, False), (1, False), (0, True)):
        board.vbus.value = lambda level=cable: level
        board.rest_ms(30, busy)
    assert machine.slept == [("light", 30)] and waited == [30, 30]
    board, machine = loaded("ESP32")
    board.time.sleep_ms = waited.append
    board.rest_ms(30, False)
    assert machine.slept == [], "a development board would lose what is typed"


def test_a_clock_that_nobody_set_has_no_time() -> None:
    """MicroPython on an ESP32 begins at 2000-01-01."""
    assert loaded("ESP32C3", now_s=3600)[0].time_s() == -1
    assert loaded("ESP32C3", now_s=850_000_000)[0].time_s() == 850_000_000


def test_a_display_on_spi() -> None:
    source = (FIRMWARE / "board.py").read_text()
    source = source.replace('_DISPLAY_BUS = "i2c"', '_DISPLAY_BUS = "spi"')
    board, machine = loaded("ESP32", source)
    board.display_port()
    pins = PINS["targets"]["devkit"]["pins"]
    spi = {pins[f"display_{name}"] for name in ("sck", "mosi", "dc", "cs")}
    assert spi <= set(machine.pins)
    assert pins["display_scl"] not in machine.pins


def test_both_boards_have_the_same_names() -> None:
    board, _ = loaded("ESP32C3")
    firmware = {name for name in vars(board) if not name.startswith("_")}
    firmware -= {"sys", "time", "ADC", "I2C", "PWM", "SPI", "WDT", "Pin", "SoftI2C"}
    firmware -= {"Timer"}
    firmware -= {
        "DEEPSLEEP_RESET",
        "WDT_RESET",
        "SOFT_RESET",
        "deepsleep",
        "reset_cause",
        "unique_id",
        "lightsleep",
        "RTC",
        "select",
        "Partition",
        "vfs",
    }
    simulated = Board(Finger())
    assert {name for name in firmware if not hasattr(simulated, name)} == set()
    own = {"clock", "sensor", "display", "display_bus", "resets", "power_off_at"}
    own |= {"clock_set_s", "fed_for_ever", "console_in", "console_out", "dozed_us"}
    names = {name for name in dir(simulated) if not name.startswith("_")}
    assert names - own == firmware


@pytest.mark.parametrize("data", ["none", "blank", "formatted"])
def test_the_data_lie_in_a_partition_of_their_own_where_there_is_one(data: str) -> None:
    board, machine = loaded("ESP32C3", data=data)
    assert machine.mounted == ([] if data == "none" else [("the partition", board.DATA_DIR)])
