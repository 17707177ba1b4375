"""The one function of binascii that the firmware uses, without the memory.

On the ESP32 binascii is part of the interpreter and takes no heap. This MicroPython brings it as
Python, whose tables would take 5 KiB of a heap that is there to be measured.
"""


def crc32(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
