"""The one function of binascii that the firmware uses, without the memory.

On the ESP32 binascii is part of the interpreter and takes no heap. This MicroPython brings it as
Python, whose tables would take 5 KiB of a heap that is there to be measured.
"""


def crc32(data, crc=0):
    """CRC-32 of IEEE 802.3, as zlib has it; crc: that of what came before."""
    high = crc >> 16 ^ 0xFFFF  # in halves: an integer of 32 bits would be allocated at each turn
    low = crc & 0xFFFF ^ 0xFFFF
    for byte in data:
        low ^= byte
        for _ in range(8):
            odd = low & 1
            low = low >> 1 | (high & 1) << 15
            high >>= 1
            if odd:
                high ^= 0xEDB8
                low ^= 0x8320
    return (high ^ 0xFFFF) << 16 | low ^ 0xFFFF
