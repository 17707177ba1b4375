"""How Bluetooth begins: the services, the invitation, the keys. Imported for that moment only.

The address is resolvable by bonded phones alone, or at least random where the port has no such;
the name is new each time, and nothing that is sent tells which unit this is.
"""

import struct
from random import getrandbits

from micropython import const

import oximeter
from oximeter.link import bonds
from oximeter.link.ble import Radio

_LINK_MS = const(120000)
_OFFER_MS = const(30000)
_INTERVAL_US = const(250000)

# UUID and flags of every characteristic, after those of its service, which have none. Flags: 2
# read, 8 write, 16 notify, 32 indicate, 0x1000 write only when encrypted.
_TABLE = (
    b"\x22\x18\x00\x00"
    b"\x5e\x2a\x20\x00\x5f\x2a\x10\x00\x60\x2a\x02\x00\x52\x2a\x28\x10"
    b"\x0a\x18\x00\x00"
    b"\x29\x2a\x02\x00\x24\x2a\x02\x00\x26\x2a\x02\x00"
    b"\x0f\x18\x00\x00"
    b"\x19\x2a\x12\x00"
    b"\x05\x18\x00\x00"
    b"\x2b\x2a\x1a\x10\x0f\x2a\x02\x00"
)

# Table 3.3: both status fields, stored spot checks with a time, pulse amplitude index, several
# bonds; then which bits of the two status fields may come.
FEATURES = b"\xcf\x00\x60\x67\x7a\x4f\x00"


def begin(app, now_ms, linking):
    """The radio, on and inviting; None where there is none, or nobody to hear it.

    linking: the button asks for it, and a phone may be bonded. Without that, a settled reading
    does, and a phone must have been bonded before.
    """
    secrets = bonds.load(app.board.DATA_DIR)
    if linking or len(secrets) > 1:
        try:
            return _start(app, now_ms, linking, secrets)
        except (ImportError, OSError):
            pass  # not on this port, or it does not start
    app.unload("oximeter.link.ble")
    return None


def _start(app, now_ms, linking, secrets):
    import bluetooth

    radio = Radio(app, now_ms + (_LINK_MS if linking else _OFFER_MS), linking)
    radio.secrets = secrets
    radio.ble = ble = bluetooth.BLE()
    ble.irq(radio.irq)
    ble.active(True)
    radio.handles = _register(bluetooth, ble)
    radio.write(2, FEATURES)
    radio.write(4, "Xueyang")
    radio.write(5, "XY1")
    radio.write(6, oximeter.VERSION)
    radio.write(9, b"\x00\x00")  # the zone is UTC, and there is no summer time
    # Secure connections, no keys to press and none to show: the button is what allows it.
    ble.config(bond=linking, mitm=False, le_secure=True, io=3)
    radio.name = name = f"XY {getrandbits(16):05}"
    ble.config(gap_name=name)
    name = name.encode()
    data = b"\x02\x01\x06\x03\x03\x22\x18" + bytes((len(name) + 1, 9)) + name
    for mode in (2, 1):  # resolvable by bonded phones; random until the next start
        try:
            ble.config(addr_mode=mode)
            ble.gap_advertise(_INTERVAL_US, data)
            return radio
        except (OSError, ValueError):
            pass  # not on this port
    ble.gap_advertise(_INTERVAL_US, data)
    return radio


def _register(bluetooth, ble):
    """Tell the stack of every service; the handles in the order of the table."""
    services = []
    for at in range(0, len(_TABLE), 4):
        number, flags = struct.unpack_from(b"<HH", _TABLE, at)
        uuid = bluetooth.UUID(number)
        if flags:
            services[-1][1].append((uuid, flags))
        else:
            services.append((uuid, []))
    handles = []
    for found in ble.gatts_register_services(services):
        handles.extend(found)
    return handles
