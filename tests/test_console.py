"""The console: what the device answers, and that nothing said to it does any harm."""

import datetime
import itertools
import random
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from device import SPO2_PCT, Device, Finger

from host_tools import identity
from host_tools.console import Console, ConsoleError, stored
from host_tools.identity import Identity
from sim.board import Board, Reset
from sim.door import App, core, crash, field, settings

EVERY = (
    "baseline calibration clock crash help identify language leds log mode off reset selftest "
    "settings stop stream"
)


class Cable:
    """The port of a simulated device: time passes while somebody waits at it."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.broken: Callable[[bytes], bytes] = bytes

    def read(self, n: int, /) -> bytes:
        out = self.device.board.console_out
        if not out:
            self.device.run(40)
        told = bytes(out[:n])
        del out[:n]
        return self.broken(told)

    def write(self, data: bytes, /) -> None:
        self.device.board.console_in += data


@pytest.fixture
def device(tmp_path: Path) -> Device:
    finger = Finger()
    return Device(finger, Board(finger, data_dir=tmp_path))


@pytest.fixture
def console(device: Device) -> Console:
    return Console(Cable(device), timeout_s=0.3)


def said(device: Device, line: bytes) -> bytes:
    """What comes for a line within a second."""
    device.board.console_out.clear()
    device.board.console_in += line
    device.run(1000)
    return bytes(device.board.console_out)


def test_help_names_every_command(device: Device) -> None:
    assert said(device, b"help\n") == f"OK {EVERY}\n".encode()
    folder = Path(settings.__file__).parent / "link" / "commands"
    files = {path.stem for path in folder.glob("*.py")}
    assert set(EVERY.split()) - {"stop"} == files - {"__init__"}


def test_identify(device: Device, console: Console) -> None:
    told = console.identify()
    assert told["product"] == "xueyang" and told["target"] == "product"
    project = (Path(__file__).parent.parent / "pyproject.toml").read_text()
    assert f'version = "{told["version"]}"' in project
    assert re.fullmatch("[0-9a-f]{12}", told["uid"])
    assert told["evidence"] == "none"
    assert (told["serial"], told["lot"], told["revision"]) == ("-", "-", "-")


def test_identify_says_what_the_factory_wrote(
    device: Device, console: Console, tmp_path: Path
) -> None:
    record = Identity("XY25A-000123", "L2547", "1.2", 20261124).encode()
    (tmp_path / identity.FILE).write_bytes(record)
    told = console.identify()
    assert (told["serial"], told["lot"], told["revision"]) == ("XY25A-000123", "L2547", "1.2")
    (tmp_path / identity.FILE).write_bytes(record[:-1] + b"?")
    assert console.identify()["serial"] == "-", "a damaged one is none"


@pytest.mark.parametrize(
    ("fault", "field_name", "word"),
    [
        (None, "result", "pass"),
        ("nack", "sensor", "nack"),
        ("wrong_id", "sensor", "wrong"),
        ("sda_low", "sensor", "nack"),
        ("display", "display", "nack"),
        ("flash", "flash", "failed"),
        ("log", "log", "damaged"),
    ],
)
def test_self_test(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str | None,
    field_name: str,
    word: str,
) -> None:
    """Each part that fails is named, and the others are asked all the same."""
    (tmp_path / "log.0").write_bytes(b"\0" * (32 if fault == "log" else 0))
    board = Board(Finger(), data_dir=tmp_path)
    board.battery_adc.cells_mv = 2950
    if fault == "display":
        board.display.faults.add("nack")
    elif fault == "flash":
        (tmp_path / "selftest").mkdir()
    elif fault not in (None, "log"):
        board.sensor.faults.add(fault)
    told = Console(Cable(Device(board=board)), timeout_s=0.3).self_test()
    assert told[field_name] == word
    assert told["result"] == ("pass" if fault in (None, "log") else "fail")
    assert abs(int(told["battery_mv"]) - 2950) <= 2
    assert {"sensor", "display", "flash", "log"} <= set(told)
    if fault is None:
        assert int(told["part"], 16) == 0x15
        assert list(tmp_path.glob("selftest")) == []


def test_the_clock(device: Device, console: Console) -> None:
    assert console.clock() is None
    told = datetime.datetime(
        2026, 11, 27, 6, 45, tzinfo=datetime.timezone(datetime.timedelta(0, 28800))
    )
    console.set_clock(told)
    now = console.clock()
    assert now is not None and abs((now - told).total_seconds()) <= 1
    device.run(60_000)
    now = console.clock()
    assert now is not None and abs((now - told).total_seconds() - 60) <= 2
    for wrong in (
        "2026-02-29T00:00:00",
        "2026-11-26",
        "1999-01-01T00:00:00",
        "now",
        "2026-13-01T00:00:00",
    ):
        with pytest.raises(ConsoleError, match="UTC") as refused:
            console.ask("set clock " + wrong)
        assert refused.value.code == "value"
    assert console.clock() is not None


def test_settings_are_told_changed_and_kept(
    device: Device, console: Console, tmp_path: Path
) -> None:
    assert console.settings()["turned"] == "0" and console.settings()["controller"] == "-"
    console.set_setting("turned", 1)
    console.set_setting("controller", "sh1106")
    assert console.settings()["controller"] == "sh1106"
    assert settings.load(str(tmp_path)).turned == 1
    console.set_setting("controller", "")
    assert settings.load(str(tmp_path)).controller == ""
    for name, value, code in (
        ("turned", "2", "value"),
        ("turned", "yes", "value"),
        ("controller", "st7789", "value"),
        ("colour", "red", "value"),
        ("evidence", "human_sao2", "refused"),
        ("batch", "B1", "refused"),
        ("baseline", "90", "refused"),
        ("baseline_person", "1", "refused"),
        ("__class__", "x", "value"),
    ):
        with pytest.raises(ConsoleError) as refused:
            console.set_setting(name, value)
        assert refused.value.code == code, name
    assert vars(settings.load(str(tmp_path))) == vars(device.app.settings)
    assert device.app.settings.turned == 1


def test_the_language_changes_the_screen_at_once(device: Device, console: Console) -> None:
    device.light.present = False
    device.run(5000)
    chinese = device.board.display.pixels()
    console.set_language("en")
    device.run(1000)
    assert device.board.display.pixels() != chinese
    with pytest.raises(ConsoleError):
        console.set_language("xx")
    assert console.ask("language") == "language=en"
    console.set_language("zh")
    device.run(1000)
    assert device.board.display.pixels() == chinese


def test_a_calibration_moves_the_reading_and_stays(
    device: Device, console: Console, tmp_path: Path
) -> None:
    device.board.vbus = None
    device.until_number()
    was = device.value(field.SPO2_CENTIPCT)
    curve = (15958422, -346596622, 1126898759 - 20_000_000)
    console.set_calibration(curve, "secondary", 20261126, "B-7")
    device.run(3000)
    assert device.value(field.SPO2_CENTIPCT) == pytest.approx(was - 200, abs=25)
    told = console.calibration()
    assert (told["evidence"], told["batch"]) == ("secondary", "B-7")
    assert int(told["c_e7"]) == curve[2]
    assert settings.load(str(tmp_path)).curve_e7 == curve
    for wrong in (
        "1 2 3 none 0 -",
        f"{curve[0]} {curve[1]} {curve[2]} human_sao2 0 -",
        f"{curve[0]} {curve[1]} {curve[2]} perfect 20261126 B",
        "1 2 3",
        "a b c none 0 -",
    ):
        with pytest.raises(ConsoleError):
            console.ask("set calibration " + wrong)
    assert console.calibration() == told and device.app.settings.curve_e7 == curve


def test_a_clinic_sets_a_baseline_for_one_person(
    device: Device, console: Console, tmp_path: Path
) -> None:
    assert console.ask("baseline") == "baseline=-"
    days = [datetime.date(2026, 11, day) for day in (24, 24, 26)]
    console.set_baseline(2, list(zip(days, (92, 90, 91), strict=True)))
    kept = settings.load(str(tmp_path))
    epoch = datetime.date(2000, 1, 1)
    assert kept.baseline == tuple(
        ((day - epoch).days, pct) for day, pct in zip(days, (92, 90, 91), strict=True)
    )
    assert (kept.baseline_person, kept.baseline_pct()) == (2, 91)
    told = "person=2 percent=91 readings=20261124:92,20261124:90,20261126:91 holds=no"
    assert console.ask("baseline") == told, "the clock was never set"
    console.set_clock(datetime.datetime(2027, 2, 25, tzinfo=datetime.UTC))
    assert console.ask("baseline").endswith("holds=no"), "older than 90 days"
    console.set_clock(datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC))
    assert console.ask("baseline").endswith("holds=yes")
    for wrong in (
        "5 20261124 92 20261124 90 20261126 91",  # no such person
        "-1 20261124 92 20261124 90 20261126 91",
        "2 20261124 92 20261124 90 20261124 91",  # all on one day
        "2 20261124 92 20261124 87 20261126 91",  # too low for any
        "2 20261124 95 20261124 92 20261126 91",
        "2 20260229 92 20261124 90 20261126 91",  # no such day
        "2 20261124 92 20261124 90",
        "none none",
        "2",
        "a b c d e f g",
    ):
        with pytest.raises(ConsoleError):
            console.ask("set baseline " + wrong)
        assert vars(settings.load(str(tmp_path))) == vars(kept)
        assert vars(device.app.settings) == vars(kept)
    with pytest.raises(ConsoleError, match="88 to 94 on two days"):
        console.ask("set baseline 2 20261124 92 20261124 90 20261124 91")
    console.ask("set baseline none")
    assert console.ask("baseline") == "baseline=-"
    assert settings.load(str(tmp_path)).baseline == ()


def test_raw_samples_are_those_of_the_sensor(device: Device, console: Console) -> None:
    device.board.vbus = None
    device.run(1000)
    blocks = []
    for block in console.samples():
        blocks.append(block)
        if len(blocks) == 50:
            break
    red = [adc for block in blocks for adc in block.red_adc]
    ir = [adc for block in blocks for adc in block.ir_adc]
    assert len(red) == len(ir) == pytest.approx(200, abs=8)
    assert all(block.lost == 0 and not block.ambient for block in blocks)
    assert blocks[-1].t_ms - blocks[0].t_ms == pytest.approx(49 * 40, abs=80)
    # 72 beats a minute, 1 % of infrared, at whatever current the device has chosen.
    scale = blocks[-1].led_ir_ua / 7000
    assert max(ir) == pytest.approx(device.light.ir_adc * scale * 1.005, rel=0.003)
    assert len({block.led_ir_ua for block in blocks}) == 1
    assert {block.range_na for block in blocks} == {4096}
    assert blocks[-1].die_c == device.board.sensor.die_c == 31.0
    assert console.ask("stop") == ""
    device.run(1000)
    assert not device.board.console_out, "and no more of them"


def test_on_a_cable_there_are_no_samples_before_it_is_told_to_record(
    device: Device, console: Console
) -> None:
    assert device.board.vbus is not None
    device.board.vbus.value(1)
    device.run(3000)
    assert device.status == "usb_power"
    with pytest.raises(ConsoleError, match="mode recording") as refused:
        next(console.samples())
    assert refused.value.code == "refused"
    console.record(True)
    device.run(10_000, lambda: device.status == "ok")
    assert next(console.samples()).red_adc
    console.record(False)
    device.run(1000)
    assert device.status == "usb_power"


def filled(device: Device, count: int) -> None:
    device.run(80)  # it opens the log
    told = [field.NONE] * field.LENGTH
    for n in range(count):
        told[field.SETTLED_CENTIPCT] = 8000 + n
        told[field.PULSE_DECIBPM] = 723
        device.app.log.append(told, n, 849_000_000 + n if n % 2 else field.NONE, n % 5, 33)


def test_a_factory_holds_the_lights(device: Device, console: Console) -> None:
    device.run(4000)
    with pytest.raises(ConsoleError, match="mode factory"):
        console.ask("set leds 0 0")
    console.ask("set mode factory")
    chip = device.board.sensor
    for red_ua, ir_ua in ((0, 0), (2000, 7000)):
        console.ask(f"set leds {red_ua} {ir_ua}")
        device.run(5000)
        assert (chip.led_red_ua, chip.led_ir_ua) == (red_ua, ir_ua), "nothing moves them"
        samples = console.samples()
        block = next(samples)
        samples.close()
        assert (block.led_red_ua, block.led_ir_ua) == (red_ua, ir_ua)
        assert device.board.display_reset.value() == 1, "no lights, and yet no reset"
    console.ask("set mode home")
    device.run(5000)
    assert chip.led_red_ua != 2000, "they follow the finger again"
    assert not device.board.leds_fixed
    with pytest.raises(ConsoleError):
        console.ask("set leds 7000 90000")
    with pytest.raises(ConsoleError, match="7000"):
        console.ask("set leds 7000")


def test_off_is_the_sleep_of_the_menu(device: Device, console: Console) -> None:
    device.run(3000)
    with pytest.raises(ConsoleError, match="mode factory"):
        console.ask("off")
    console.ask("set mode factory")
    console.ask("off")
    device.run(200)
    assert device.app.off
    assert device.board.sensor.sampling is False
    assert not any(device.board.display.pixels())


def test_the_log_is_read_and_cleared(device: Device, console: Console) -> None:
    assert console.log() == []
    filled(device, 1100)
    told = console.log()
    assert [one.spo2_pct for one in told] == [
        pytest.approx(80 + n / 100) for n in range(1099, 99, -1)
    ]
    one = told[0]
    assert (one.pulse_bpm, one.person, one.evidence, one.oxygen) == (72.3, 4, "human_sao2", True)
    assert one.time == datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(
        seconds=849_001_099
    )
    assert told[1].time is None and told[1].uptime_s == 1098
    assert one.spo2_sd_pct is None
    assert len(console.log(10)) == 10 and console.log(10) == told[:10]
    assert console.ask("log") == "records=1000 log=ok"
    console.clear_log()
    assert console.log() == []


def test_a_measurement_goes_on_while_the_log_is_read(device: Device, console: Console) -> None:
    device.board.vbus = None
    device.until_number()
    filled(device, 1000)
    lost = 0
    device.board.console_in += b"log read\n"
    for _ in range(100):
        device.run(40)
        lost += device.app.block()[3]
        assert device.status == "ok"
    assert not lost


def test_a_record_that_is_damaged_on_the_way_is_refused() -> None:
    with pytest.raises(ValueError):
        stored(bytes(31))
    content = struct.pack("<IIIHHHHHHBBH", 1, 2, 3, 4, 9700, 30, 720, 100, 1, 0, 0, 2000)
    content += struct.pack("<I", zlib.crc32(content, 1))
    assert stored(content).spo2_pct == 97.0
    for at in range(32):
        with pytest.raises(ValueError):
            stored(content[:at] + bytes((content[at] ^ 4,)) + content[at + 1 :])


def test_crash_and_reset(device: Device, console: Console, tmp_path: Path) -> None:
    assert console.ask("crash") == "crash=-"
    crash.note(str(tmp_path), "ValueError: no", 7)
    crash.note(str(tmp_path), "watchdog", 0)
    assert console.ask("crash") == "crash=7 s: ValueError: no | 0 s: watchdog"
    assert console.ask("crash clear") == "crash=-"
    device.board.console_in += b"reset\n"
    with pytest.raises(Reset):
        device.run(1000)
    assert device.board.console_out.endswith(b"OK\n")
    assert not any(device.board.display.pixels()) or not device.board.display.on


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"dance\n", b'ERROR unknown "say help for the commands"\n'),
        (b"store\n", b'ERROR unknown "say help for the commands"\n'),
        (b"__init__\n", b'ERROR unknown "say help for the commands"\n'),
        (b"log eat\n", b'ERROR usage "say log, log read, log read 10 or log clear"\n'),
        (b"log read ten\n", b"ERROR value "),
        (b"stream\n", b'ERROR usage "say stream raw"\n'),
        (b"set\n", b'ERROR unknown "say help for the commands"\n'),
        (b"   \n", b'ERROR garbled "this was no command: send it again"\n'),
        (b"ident\xffify\n", b'ERROR garbled "this was no command: send it again"\n'),
        (b"x" * 80 + b"\n", b'ERROR unknown "say help for the commands"\n'),
        (b"x" * 81 + b"\n", b'ERROR too_long "a line has at most 80 characters"\n'),
        (b"x" * 5000 + b"\n", b'ERROR too_long "a line has at most 80 characters"\n'),
        (b"\r\n\n\r", b""),
        (b"language\r\n", b"OK language=zh\n"),
    ],
)
def test_what_is_no_command(device: Device, line: bytes, answer: bytes) -> None:
    device.board.vbus = None
    device.until_number()
    device.board.console_out.clear()
    device.board.console_in += line
    device.run(6000)
    told = bytes(device.board.console_out)
    assert told.startswith(answer) and told.count(b"\n") == bool(answer)
    assert device.status == "ok" and device.shown() == SPO2_PCT
    assert said(device, b"language\n") == b"OK language=zh\n", "and the next line is understood"


def lines(seed: int) -> Iterator[bytes]:
    """Commands, damaged in every way: bytes turned, doubled, cut, glued together, and noise."""
    chance = random.Random(seed)
    words = [*EVERY.split(), "set", "read", "raw", "clear", "10", "-5", "99999999999999999999"]
    words.remove("reset")
    words.remove("off")
    while True:
        line = bytearray(" ".join(chance.choices(words, k=chance.randint(1, 9))).encode())
        for _ in range(chance.choice((0, 0, 1, 3))):
            at = chance.randrange(len(line))
            how = chance.randrange(4)
            if how == 0:
                line[at] ^= 1 << chance.randrange(8)
            elif how == 1:
                line[at:at] = line[at : at + 9] * chance.randint(1, 40)
            elif how == 2:
                del line[at : at + chance.randint(1, 5)]
                line = line or bytearray(b"?")
            else:
                line[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 30)))
        yield bytes(line) + chance.choice((b"\n", b"\r\n", b"\n\n", b""))


@pytest.mark.parametrize("seed", range(3))
def test_no_line_hangs_or_ends_the_app(device: Device, seed: int) -> None:
    device.board.vbus = None
    device.until_number()
    for line in itertools.islice(lines(seed), 400):
        device.board.console_in += line
        device.run(80)
    device.run(20_000)
    device.board.console_in += b"\n"
    device.run(200)
    assert said(device, b"identify\n").startswith(b"OK product=xueyang")
    assert device.status == "ok" and device.shown() == SPO2_PCT


def test_a_host_finds_the_answers_among_damaged_bytes(device: Device) -> None:
    """A cable that loses and turns bytes costs frames, never a hang or a wrong one."""
    device.board.vbus = None
    cable = Cable(device)
    console = Console(cable, timeout_s=0.3)
    device.run(1000)
    chance = random.Random(4)

    def broken(told: bytes) -> bytes:
        return bytes(
            byte ^ (chance.random() < 0.004) << chance.randrange(8)
            for byte in told
            if chance.random() > 0.002
        )

    seen = 0
    samples = console.samples()
    began = device.now_ms
    for block in samples:
        cable.broken = broken
        seen += 1
        assert all(50_000 < adc < 262144 for adc in block.red_adc)
        if device.now_ms - began > 20_000:
            break
    cable.broken = bytes
    samples.close()
    assert 250 < seen < 500, "and some were lost"
    assert console.identify()["product"] == "xueyang"


def test_an_error_in_a_command_is_an_answer(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(device.app.log), "first", lambda *_: 1 // 0)
    assert said(device, b"log\n").startswith(b'ERROR failed "ZeroDivisionError')
    device.board.vbus = None
    device.until_number()


class Scripted:
    """A port that gives these pieces, one a read, whatever is written to it."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    def read(self, n: int, /) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def write(self, data: bytes, /) -> None: ...


def test_a_busy_unit_answers_late_and_is_not_misunderstood() -> None:
    late = Scripted(b"", b"", b"O", b"", b"K\n", b"", b"OK product=xueyang uid=01\n")
    assert Console(late, 0.1).identify()["uid"] == "01", "the OK was that to the stop"


def test_the_first_answer_that_is_ours() -> None:
    """A unit that has just started answers all that was asked while it did."""
    started = Scripted(
        b"MPY: soft reboot\nOK\nOK time=-\n",
        b"OK\nOK time=2026-01-01T00:01:00Z\nOK\nOK time=2026-01-0",
        b"1T00:02:01Z\n",
        b"OK product=x uid=02\n",
    )
    console = Console(started, 0.1)
    mark = datetime.datetime(2026, 1, 1, 0, 2, tzinfo=datetime.UTC)
    console.begin(mark, 1.0)
    assert console.identify()["uid"] == "02"
    with pytest.raises(ConsoleError) as silent:
        Console(Scripted(b"OK\nOK time=2026-01-01T00:01:00Z\n"), 0.1).begin(mark, 0.1)
    assert silent.value.code == "silent"


def test_a_unit_that_is_silent_and_a_port_that_is_none(device: Device) -> None:
    class Silent(Cable):
        def write(self, data: bytes, /) -> None:
            pass

    with pytest.raises(ConsoleError, match="does not answer") as refused:
        Console(Silent(device), timeout_s=0.1).identify()
    assert refused.value.code == "silent"


def test_the_curve_of_the_start_is_that_of_the_settings(tmp_path: Path) -> None:
    told = settings.Settings()
    told.curve_e7 = (15958422, -346596622, 1100000000)
    settings.save(str(tmp_path), told)
    board = Board(Finger(), data_dir=tmp_path)
    app = App(board)
    app.step(0)
    assert app._core is not None
    state = core.new(3)
    core.set_curve(state, *told.curve_q20())
    assert list(app._core[1]) == list(state[1])
