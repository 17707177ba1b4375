"""The part of MicroPython's `bluetooth` that the firmware uses, inside the VM, without a radio.

On a device it is C, and only the values lie in the heap. sim/fakes/bluetooth.py is the model; this
keeps what was written, and lets the host raise the stack's events.
"""


def UUID(value):
    return value


class BLE:
    """`values` by handle; `irq_handler` is the firmware's. There is one of it."""

    values = {}

    def active(self, on):
        if on:
            BLE.irq_handler(30, (10, b"irk", bytes(16)))
        else:
            self.values.clear()

    def irq(self, handler):
        BLE.irq_handler = handler

    def config(self, **_):
        return None

    def gap_advertise(self, _, data=None):
        return None

    def gatts_register_services(self, services):
        """The handles of the values, a tuple a service."""
        handle = 16
        found = []
        for _, characteristics in services:
            handles = []
            for _ in characteristics:
                handle += 1
                handles.append(handle)
                self.values[handle] = b""
            found.append(tuple(handles))
        return found

    def gatts_read(self, handle):
        return self.values[handle]

    def gatts_write(self, handle, data, update=False):
        self.values[handle] = bytes(data, "utf8") if isinstance(data, str) else bytes(data)
        return update
