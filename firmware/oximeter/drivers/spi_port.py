"""The way to a display on SPI. Apart from the other one: a device has but one of them."""


class SpiPort:
    """The display on four-wire SPI: `dc` low for commands, `cs` low while it is spoken to."""

    def __init__(self, spi, dc, cs):
        self._spi = spi
        self._dc = dc
        self._cs = cs
        cs.value(1)

    def command(self, data):
        self._send(0, data)

    def data(self, data):
        self._send(1, data)

    def _send(self, dc, data):
        self._dc.value(dc)
        self._cs.value(0)
        try:
            self._spi.write(data)
        finally:
            self._cs.value(1)
