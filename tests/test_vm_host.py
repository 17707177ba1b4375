"""The VM as a place to run firmware: its heap, its bus, its ways to fail. The app is in parity."""

import json
import os
import tokenize
from types import SimpleNamespace

import pytest

from sim.door import FIRMWARE
from sim.vm import build, compact, setup
from sim.vm.host import Vm, VmError

pytestmark = pytest.mark.skipif(
    bool(setup.missing()) and not os.environ.get("CI"), reason=setup.missing() or "ready"
)


class Reach(Exception):
    """Something only the simulation knows of."""


class Memory:
    """A chip of 256 registers, as an I2C bus with nothing else on it."""

    def __init__(self):
        self.registers = bytearray(256)
        self.error = None

    def _check(self, address):
        if self.error:
            raise self.error
        if address != 0x57:
            raise OSError(19, "ENODEV")

    def readfrom_mem_into(self, address, register, into):
        self._check(address)
        into[:] = self.registers[register : register + len(into)]

    def writeto_mem(self, address, register, data):
        self._check(address)
        self.registers[register : register + len(data)] = data


class Level:
    def __init__(self):
        self.level = 1

    def value(self, x=None):
        if x is None:
            return self.level
        self.level = x


@pytest.fixture
def board(tmp_path):
    """As much of a board as a VM without the app asks for."""
    (tmp_path / "settings.bin").write_bytes(b"kept")
    bus = Memory()
    done: list = []
    return SimpleNamespace(
        bus=bus,
        done=done,
        sensor_bus=lambda: bus,
        display_bus=bus,
        sensor_scl=Level(),
        sensor_sda=Level(),
        display_reset=Level(),
        button=Level(),
        vbus=None,
        buzzer=SimpleNamespace(
            freq=lambda hz: done.append(("freq", hz)),
            duty_u16=lambda duty: done.append(("duty", duty)),
        ),
        battery_adc=SimpleNamespace(read_uv=lambda: 1_234_567),
        sleep_us=lambda n: done.append(("sleep_us", n)),
        sleep_ms=lambda n: done.append(("sleep_ms", n)),
        ticks_ms=lambda: 4321,
        start_watchdog=lambda timeout_ms: done.append(("watchdog", timeout_ms)),
        feed_watchdog=lambda: done.append("fed"),
        reset=lambda: done.append("reset"),
        time_s=lambda: 845_000_000,
        deep_sleep=lambda: done.append("asleep"),
        keep_feeding=lambda: done.append("kept fed"),
        DISPLAY_CONTROLLER="sh1106",
        BATTERY_DIVIDER=(2, 1),
        CHANNELS=1,
        keep_awake=True,
        leds_fixed=True,
        is_product=False,
        woken=False,
        bitten=True,
        DATA_DIR=str(tmp_path),
    )


@pytest.fixture
def wired(board):
    with Vm(board, start=False) as vm:
        yield vm


def test_it_is_the_pinned_micropython():
    with Vm() as vm:
        assert "MicroPython v1.29.0-6" in vm.run("import sys; print(sys.version)")


@pytest.mark.parametrize("heap_kib", [24, 64])
def test_the_heap_ends_where_it_was_told_to(heap_kib):
    with Vm(heap_kib=heap_kib) as vm:
        free, used = vm.memory()
        assert heap_kib * 1024 * 0.95 < free + used < heap_kib * 1024
        with pytest.raises(VmError, match="MemoryError"):
            vm.run(f"kept = [bytearray(500) for _ in range({heap_kib * 2 + 1})]")


def test_the_short_names_are_in_the_rom():
    """They take no memory on this port, nor on any that has the same types and modules."""
    names = compact.free_names()
    with Vm(heap_kib=256) as vm:
        vm.run("def uses(x):\n" + "\n".join(f"    x.{name}" for name in [*names, "a_new_name"]))
        kept = vm.run("micropython.qstr_info(1)")
    assert "Q(a_new_name)" in kept
    assert [name for name in names if f"Q({name})" in kept] == []
    assert len(names) > 90, "as many as the firmware has use for"


def test_short_names_are_none_that_the_firmware_speaks_of():
    """A local name, an argument or an attribute of its own must not become another."""
    words = set()
    for path in FIRMWARE.rglob("*.py"):
        with open(path, "rb") as file:
            tokens = tokenize.tokenize(file.readline)
            words |= {token.string for token in tokens if token.type == tokenize.NAME}
    assert {"find", "struct", "gmtime"} <= words
    assert not words & set(compact.free_names())


def test_what_is_imported_for_a_moment_stands_in_no_package():
    files = {path.relative_to(build.MPY).as_posix() for path in build.firmware().rglob("*.mpy")}
    assert {"menu.mpy", "commands.mpy", "ask_log.mpy", "oximeter/app.mpy"} <= files
    assert compact.flat()["oximeter.link.commands.log"] == "ask_log"
    with Vm() as vm:
        vm.run("import board, sys, menu\ndel menu")
        assert vm.run("print('menu' in sys.modules)") == "True\n"
        vm.run("board.unload('menu')\nfrom oximeter import crash\nboard.unload('oximeter.crash')")
        vm.run("left = 'menu' in sys.modules, hasattr(sys.modules['oximeter'], 'crash')")
        assert vm.run("print(left)") == "(False, False)\n"


def test_garbage_of_earlier_steps_does_not_count():
    with Vm() as vm:
        for _ in range(100):
            vm.run("bytearray(20000)")


def test_memory_tells_what_a_kept_object_takes():
    with Vm() as vm:
        vm.run("kept = bytearray(0)")
        _, before = vm.memory()
        vm.run("kept = bytearray(10000)")
        _, after = vm.memory()
        assert after - before == pytest.approx(10000, abs=64)


def test_bus_carries_bytes_both_ways(board, wired):
    board.bus.registers[16:20] = b"\x01\x80\xff\x00"
    wired.run(
        "bus = board.sensor_bus(); b = bytearray(4)\n"
        "bus.readfrom_mem_into(0x57, 16, b); bus.writeto_mem(0x57, 32, b)\n"
        "bus.writeto_mem(0x57, 0xFE, b'ab')"
    )
    assert board.bus.registers[32:36] == b"\x01\x80\xff\x00"
    assert board.bus.registers[0xFE:] == b"ab"


def test_bus_allocates_nothing(board, wired):
    wired.run(
        "import micropython\n"
        "bus = board.sensor_bus(); b = bytearray(192); v = memoryview(b)[6:18]\n"
        "def busy():\n"
        "    for _ in range(20):\n"
        "        bus.readfrom_mem_into(0x57, 7, v)\n"
        "        bus.writeto_mem(0x57, 7, v)\n"
        "        board.button.value()\n"
        "        board.ticks_ms()\n"
        "def locked():\n"
        "    micropython.heap_lock()\n"
        "    try:\n"
        "        busy()\n"
        "    finally:\n"
        "        micropython.heap_unlock()\n"
        "locked()"
    )


def test_bus_error_arrives_with_its_number(board, wired):
    wired.run("bus = board.sensor_bus(); b = bytearray(1)")
    code = (
        "try: bus.readfrom_mem_into(%d, 0, b)\n"
        "except OSError as error: print(error.errno)\n"
        "else: print('none')"
    )
    assert wired.run(code % 0x11).strip() == "19"
    board.bus.error = OSError(116, "ETIMEDOUT")
    assert wired.run(code % 0x57).strip() == "116"
    board.bus.error = None
    assert wired.run(code % 0x57).strip() == "none"


def test_what_the_simulation_raises_passes_the_firmware_and_comes_out_again(board, wired):
    board.bus.error = Reach("the end of the recording")
    with pytest.raises(Reach, match="end of the recording"):
        wired.run(
            "try: board.sensor_bus().writeto_mem(0x57, 0, b'\\x00')\n"
            "except Exception: print('swallowed')"
        )
    board.bus.error = None
    wired.run("board.sensor_bus().writeto_mem(0x57, 5, b'\\x07')")
    assert board.bus.registers[5] == 7


def test_board_inside_has_what_the_board_outside_has(board, wired):
    told = wired.run(
        "print(board.DISPLAY_CONTROLLER, board.BATTERY_DIVIDER, board.CHANNELS, board.keep_awake,"
        " board.leds_fixed, board.is_product, board.vbus, board.ticks_ms(),"
        " board.battery_adc.read_uv(), open(board.DATA_DIR + '/settings.bin').read(),"
        " board.woken, board.bitten, board.time_s())"
    )
    assert told.strip() == (
        "sh1106 (2, 1) 1 True True False None 4321 1234567 kept False True 845000000"
    )
    wired.run("board.deep_sleep(); board.keep_feeding()")
    assert board.done == ["asleep", "kept fed"]
    board.done.clear()
    wired.run(
        "board.sleep_us(5); board.sleep_ms(6); board.start_watchdog(1500); board.feed_watchdog()\n"
        "board.buzzer.freq(880); board.buzzer.duty_u16(40000); board.reset()\n"
        "board.display_reset.value(0)"
    )
    assert board.done == [
        ("sleep_us", 5),
        ("sleep_ms", 6),
        ("watchdog", 1500),
        "fed",
        ("freq", 880),
        ("duty", 40000),
        "reset",
    ]
    assert board.display_reset.level == 0
    assert board.button.level == board.sensor_scl.level == board.sensor_sda.level == 1


def test_crc_of_the_vm_is_the_usual_one():
    with Vm() as vm:
        told = vm.run(
            "from binascii import crc32\n"
            "print(crc32(b''), crc32(b'123456789'), crc32(b'6789', crc32(b'12345')))"
        )
    assert told.split() == ["0", str(0xCBF43926), str(0xCBF43926)]


def test_an_exception_in_the_firmware_comes_with_its_traceback():
    with Vm() as vm, pytest.raises(VmError, match=r"(?s)line 2, in broken.*ZeroDivisionError"):
        vm.run("def broken():\n    1 // 0\nbroken()")


def test_a_hang_ends_with_a_sentence():
    with Vm(timeout_s=0.5) as vm:
        with pytest.raises(VmError, match=r"no sign for 0\.5 s"):
            vm.run("while True: pass")
        with pytest.raises(VmError, match="has died"):
            vm.run("print(1)")


def test_what_is_missing_is_one_sentence_that_names_the_command(monkeypatch, tmp_path):
    monkeypatch.setattr(setup, "MODULE", tmp_path / "micropython.mjs")
    assert setup.missing() == "The MicroPython VM is not installed: run `make setup-all`."
    monkeypatch.setattr(setup, "_node_and_npm", lambda: None)
    with pytest.raises(setup.VmMissing, match=r"^The MicroPython VM needs node .*make setup-all`"):
        Vm()


def test_an_old_node_does_not_count(monkeypatch, tmp_path):
    for name, says in (("node", "v18.20.1"), ("npm", "9")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {says}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(setup.importlib.util, "find_spec", lambda name: None)
    assert setup._node_and_npm.__wrapped__() is None


def test_the_lock_names_no_registry_and_the_version_asked_for():
    text = (setup.HERE / "package-lock.json").read_text()
    assert "http" not in text and '"resolved"' not in text
    asked = json.loads((setup.HERE / "package.json").read_text())["dependencies"]
    locked = json.loads(text)["packages"][f"node_modules/{setup.PACKAGE}"]
    assert asked == {setup.PACKAGE: locked["version"]} and locked["integrity"]


def test_build_follows_its_sources(monkeypatch, tmp_path):
    firmware, made = tmp_path / "firmware", tmp_path / "mpy"
    (firmware / "oximeter").mkdir(parents=True)
    source = firmware / "oximeter" / "one.py"
    source.write_text("x = 1\n")
    (firmware / "boot.py").write_text("")
    (firmware / "main.py").write_text("print('as it is')\n")
    monkeypatch.setattr(build, "FIRMWARE", firmware)
    monkeypatch.setattr(build, "MPY", made)
    assert build.firmware() == made
    first = (made / "oximeter" / "one.mpy").read_bytes()
    assert first[:2] == b"M\x06"
    assert (made / "main.py").read_text() == "print('as it is')\n"

    source.write_text("x = 22222\n")
    (firmware / "oximeter" / "two.py").write_text("")
    build.firmware()
    assert (made / "oximeter" / "one.mpy").read_bytes() != first

    (firmware / "oximeter" / "two.py").unlink()
    build.firmware()
    assert [path.name for path in made.rglob("*.mpy")] == ["one.mpy"]

    source.write_text("x = (\n")
    with pytest.raises(build.BuildError, match=r"oximeter/one\.py does not compile"):
        build.firmware()
