"""Freeing an I2C bus whose data line a chip holds low (NXP UM10204, 3.1.16 "Bus clear")."""


def recover(scl, sda, sleep_us):
    """Clock a stuck chip through the byte it is sending, then end it with a STOP.

    scl, sda: open-drain pins. True when the data line is high afterwards. The caller opens a new
    I2C on the pins either way: these writes took them from the peripheral.
    """
    sda.value(1)
    scl.value(1)
    sleep_us(5)
    for _ in range(9):  # eight bits and the acknowledge: after that no chip has more to say
        if sda.value():
            break
        scl.value(0)
        sleep_us(5)
        scl.value(1)
        sleep_us(5)
    scl.value(0)
    sda.value(0)
    sleep_us(5)
    scl.value(1)
    sleep_us(5)
    sda.value(1)
    sleep_us(5)
    return sda.value() == 1
