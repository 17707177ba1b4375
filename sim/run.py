"""The whole firmware over a recording: every second a row of the replay contract and a screen."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from sim.door import field as reading_field
from sim.playback import Playback
from sim.recording import Recording

COLUMNS = (
    "t_s",
    "spo2_pct",
    "spo2_sd_pct",
    "pulse_bpm",
    "perfusion_pct",
    "ratio",
    "status",
    "flags",
)


@dataclass
class Replay:
    """What the device showed. rows: strings in the order of COLUMNS, one a second.

    frames: for each row its time and the display, 1024 bytes in page format (a byte is eight
    pixels of a column, the lowest bit on top; 128 columns, then the next page).
    """

    rows: list[tuple[str, ...]] = field(default_factory=list)
    frames: list[tuple[float, bytes]] = field(default_factory=list)

    @property
    def seconds_ok(self) -> int:
        at = COLUMNS.index("status")
        return sum(row[at] == "ok" for row in self.rows)


def run_device(
    recording: Recording,
    vm: str = "cpython",
    progress: Callable[[int], None] | None = None,
) -> Replay:
    """Replays a recording through the simulated device on `cpython` or `micropython`.

    progress is called with the seconds done, after each row.
    """
    from sim.board import Board

    board = Board(Playback(recording))
    board.keep_awake = True
    clock = board.clock
    step, reading, close = _device(board, vm)
    replay = Replay()
    first_t_s = Decimal(repr(float(recording.t_s[0])))
    try:
        for second in range(1, recording.seconds + 1):
            while clock.now_us < second * 1_000_000:
                clock.advance_us(1000 * max(1, step(clock.now_ms)))
            t_s = first_t_s + second
            replay.rows.append((format(t_s, "f"), *row(reading())))
            replay.frames.append((float(t_s), board.display.pixels()))
            if progress:
                progress(second)
    finally:
        close()
    return replay


def _device(board, vm: str):
    """Three functions of the device: step(now_ms) -> wait_ms, reading() -> fields, close()."""
    if vm == "micropython":
        from sim.vm.host import Vm

        machine = Vm(board)
        return machine.step, machine.reading, machine.close
    from sim.door import App

    app = App(board)
    return app.step, lambda: app.reading, lambda: None


def row(reading) -> tuple[str, ...]:
    """A reading as the cells of a row, without its time; empty where there is no value."""
    spo2_centipct = reading[reading_field.SPO2_CENTIPCT]
    sd_centipct = reading[reading_field.SPO2_SD_CENTIPCT]
    pulse_decibpm = reading[reading_field.PULSE_DECIBPM]
    perfusion_millipct = reading[reading_field.PERFUSION_MILLIPCT]
    ratio_q12 = reading[reading_field.RATIO_Q12]
    flags = reading[reading_field.FLAGS]
    return (
        _decimal(spo2_centipct, 10, 1),
        _decimal(sd_centipct, 1, 2),
        _decimal(pulse_decibpm, 1, 1),
        _decimal(perfusion_millipct, 10, 2),
        _decimal(ratio_q12 * 1000 if ratio_q12 >= 0 else ratio_q12, 4096, 3),
        reading_field.STATUS_NAMES[reading[reading_field.STATUS]],
        " ".join(name for bit, name in enumerate(reading_field.FLAG_NAMES) if flags >> bit & 1),
    )


def _decimal(value: int, divisor: int, digits: int) -> str:
    """value / divisor as an integer, halves down, written with that many of its digits decimal."""
    if value == reading_field.NONE:
        return ""
    scaled = -((divisor - 2 * value) // (2 * divisor))
    whole, part = divmod(abs(scaled), 10**digits)
    return f"{'-' if scaled < 0 else ''}{whole}.{part:0{digits}}"
