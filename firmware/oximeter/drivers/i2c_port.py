"""The way to a display on I2C."""


class I2cPort:
    """The display on I2C: the control byte goes where a memory address would stand."""

    def __init__(self, i2c, address=0x3C):
        self._i2c = i2c
        self._address = address

    def command(self, data):
        self._i2c.writeto_mem(self._address, 0x00, data)

    def data(self, data):
        self._i2c.writeto_mem(self._address, 0x40, data)
