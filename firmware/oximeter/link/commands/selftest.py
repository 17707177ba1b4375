"""self-test: ask every part whether it is there, and write and read the flash.

It disturbs no measurement that goes on, and lights nothing: what the lights return is for
`stream raw`.
"""

import gc
import os


def run(console, app, words):
    board = app.board
    good = True
    told = ""
    three = bytearray(2)
    try:
        if not board.sensor_sda.value():
            raise OSError("held")
        board.sensor_bus().readfrom_mem_into(0x57, 0xFE, three)
        part = "ok" if three[1] == 0x15 else "wrong"
    except OSError:
        part = "nack"
    good = part == "ok"
    told += f"sensor={part} part={three[1]:#04x} revision={three[0]:#04x}"
    try:
        board.display_port().command(b"\xe3")  # does nothing
        part = "ok"
    except OSError:
        part = "nack"
    good = good and part == "ok"
    told += f" display={part}"
    if board.battery_adc is not None:
        num, den = board.BATTERY_DIVIDER
        told += f" battery_mv={board.battery_adc.read_uv() * num // den // 1000}"
    part = "ok" if _flash_holds(board.DATA_DIR) else "failed"
    good = good and part == "ok"
    told += f" flash={part}"
    part = "damaged" if app.log.damaged else "ok"
    told += f" log={part}"
    gc.collect()
    if hasattr(gc, "mem_free"):
        told += f" free_bytes={gc.mem_free()}"
    return ("result=pass " if good else "result=fail ") + told


def _flash_holds(folder):
    """Whether what is written is read back."""
    path = folder + "/selftest"
    pattern = bytes([0x55, 0xAA, 0x00, 0xFF]) * 64
    try:
        if "selftest" in os.listdir(folder):
            os.remove(path)
        with open(path, "wb") as file:
            file.write(pattern)
        with open(path, "rb") as file:
            same = file.read(512) == pattern
        os.remove(path)
    except OSError:
        return False
    return same
