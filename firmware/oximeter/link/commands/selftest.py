"""self-test: ask every part whether it is there, and write and read the flash.

It disturbs no measurement that goes on, and lights nothing: what the lights return is for
`stream raw`.
"""

import gc
import os


def run(console, app, words):
    board = app.board
    told = [""]  # the result, when it is known
    ids = bytearray(2)  # revision and part, registers 0xFE and 0xFF
    try:
        if not board.sensor_sda.value():
            raise OSError("held")
        board.sensor_bus().readfrom_mem_into(0x57, 0xFE, ids)
        part = "ok" if ids[1] == 0x15 else "wrong"
    except OSError:
        part = "nack"
    good = part == "ok"
    told.append(f"sensor={part} part={ids[1]:#04x} revision={ids[0]:#04x}")
    try:
        board.display_port().command(b"\xe3")  # does nothing
        part = "ok"
    except OSError:
        part = "nack"
    good = good and part == "ok"
    told.append(f"display={part}")
    if board.battery_adc is not None:
        num, den = board.BATTERY_DIVIDER
        told.append(f"battery_mv={board.battery_adc.read_uv() * num // den // 1000}")
    part = "ok" if _flash_holds(board.DATA_DIR) else "failed"
    good = good and part == "ok"
    told.append(f"flash={part}")
    part = "damaged" if app.log.damaged else "ok"
    told.append(f"log={part}")
    gc.collect()
    if hasattr(gc, "mem_free"):
        told.append(f"free_bytes={gc.mem_free()}")
    told[0] = "result=pass" if good else "result=fail"
    return " ".join(told)


def _flash_holds(folder):
    """Whether what is written is read back."""
    path = folder + "/selftest"
    pattern = b"\x55\xaa\x00\xff" * 16
    try:
        with open(path, "wb") as file:
            for _ in range(4):
                file.write(pattern)
        with open(path, "rb") as file:
            same = all([file.read(64) == pattern for _ in range(4)]) and not file.read(1)  # noqa: C419
        os.remove(path)
    except OSError:
        return False
    return same
