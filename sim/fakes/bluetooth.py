"""MicroPython's `bluetooth` on CPython: the stack of an ESP32, and a phone that talks to it.

It refuses what MicroPython refuses. After each refusal stands where MicroPython says so: "doc" is
docs/library/bluetooth.rst, "mod" extmod/modbluetooth.c, "nimble" extmod/nimble/
modbluetooth_nimble.c, which the ESP32 uses (ports/esp32/mpconfigport.h turns on NimBLE with
pairing and bonding).

Not modelled: the air (nothing is lost, everything arrives at once), more than one connection, long
reads and writes, scanning, and the roles of a central.
"""

import errno
from collections.abc import Callable
from typing import Any

FLAG_READ = 0x0002
FLAG_WRITE_NO_RESPONSE = 0x0004
FLAG_WRITE = 0x0008
FLAG_NOTIFY = 0x0010
FLAG_INDICATE = 0x0020

_WRITE_ENCRYPTED = 0x1000
_READ_ENCRYPTED = 0x0200
_MTU = 23  # until a client asks for more (Bluetooth core 5.3, vol. 3 part F, 3.2.8)
_MAX_SERVICES = 8  # nimble: MP_BLUETOOTH_NIMBLE_MAX_SERVICES
_ADVERTISED = 31  # Bluetooth core 5.3, vol. 6 part B, 2.3.1: legacy advertising
_GAP_NAME = 31  # nimble: BLE_SVC_GAP_DEVICE_NAME_MAX_LENGTH
_DEFAULT_LENGTH = 20  # doc, GATT Server: "a default maximum size of 20 bytes"


class UUID:
    def __init__(self, value: int | str) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UUID) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)


class AttError(Exception):
    """What the phone gets instead of an answer: an error of the attribute protocol."""


class _Value:
    def __init__(self, uuid: UUID, flags: int) -> None:
        self.uuid = uuid
        self.flags = flags
        self.data = b""
        self.length = _DEFAULT_LENGTH
        self.subscribed = False


class BLE:
    """The one radio (doc: "Returns the singleton BLE object"). `phone` is who talks to it.

    `without_private`: a port whose controller knows no resolvable addresses.
    """

    _one: "BLE | None" = None
    without_private = False

    def __new__(cls) -> "BLE":
        if cls._one is None:
            cls._one = super().__new__(cls)
            cls._one._irq: Callable | None = None
            cls._one._off()
        return cls._one

    def _off(self) -> None:
        self._active = False
        self.advertised: bytes | None = None
        self._adv_data = b""
        self.interval_us = 0
        self.values: dict[int, _Value] = {}
        self.settings: dict[str, Any] = {"addr_mode": 0, "gap_name": b"nimble"}
        self.phone: Phone | None = None
        self.stored_rights = False

    def _must_be_active(self) -> None:
        if not self._active:
            # doc, BLE.active: "must be made active before using any other methods";
            # nimble: ERRNO_BLUETOOTH_NOT_ACTIVE is ENODEV.
            raise OSError(errno.ENODEV, "ENODEV")

    def tell(self, event: int, *data: Any) -> Any:
        """An event, as the stack raises it; what the handler returns."""
        return None if self._irq is None else self._irq(event, data)

    def active(self, on: bool | None = None) -> bool:
        """Switch on or off; whether it is on."""
        if on and not self._active:
            self._off()
            self._active = True
            # nimble, load_irk: our own identity is asked for, else made and handed out to keep.
            if self.tell(29, 10, 0, memoryview(b"irk")) is None:
                self.tell(30, 10, memoryview(b"irk"), memoryview(bytes(range(16))))
        elif on is not None and not on and self._active:
            self._off()
        return self._active

    def irq(self, handler: Callable | None) -> None:
        if handler is not None and not callable(handler):
            raise ValueError("invalid handler")  # mod, bluetooth_ble_irq
        self._irq = handler

    def config(self, *asked: str, **given: Any) -> Any:
        """One setting by its name, or new ones."""
        if asked:
            if given:
                raise TypeError("can't specify pos and kw args")  # mod, bluetooth_ble_config
            return self.settings[asked[0]]
        for name, value in given.items():
            if name == "addr_mode":
                self._must_be_active()  # nimble, mp_bluetooth_set_address_mode
            elif name == "gap_name":
                if len(value) > _GAP_NAME:
                    raise OSError(errno.EINVAL, "EINVAL")  # nimble, gap_set_device_name
                value = value.encode() if isinstance(value, str) else bytes(value)
            elif name not in ("bond", "mitm", "io", "le_secure", "mtu", "rxbuf"):
                raise ValueError("unknown config param")  # mod, bluetooth_ble_config
            self.settings[name] = value
        return None

    def gap_advertise(
        self, interval_us: int | None, adv_data: Any = None, *, connectable: bool = True
    ) -> None:
        """Invite; interval_us None ends it."""
        self._must_be_active()  # nimble, mp_bluetooth_gap_advertise_start
        if interval_us is None:
            self.advertised = None
            return
        if adv_data is not None and len(adv_data) > _ADVERTISED:
            raise OSError(
                errno.EIO, "EIO"
            )  # nimble: ble_gap_adv_set_data fails, no errno of its own
        if self.without_private and self.settings["addr_mode"] in (2, 3):
            # nimble: ble_gap_adv_start with an address type that the controller does not know;
            # ble_hs_err_to_errno makes EIO of what is not in its table.
            raise OSError(errno.EIO, "EIO")
        if self.phone is not None:
            # nimble: ble_gap_adv_start with no connection left (ESP-IDF's default is three; the
            # model knows one) gives BLE_HS_ENOMEM.
            raise OSError(errno.ENOMEM, "ENOMEM")
        if adv_data is not None:  # doc: "If adv_data is None, then the data passed to the previous
            self._adv_data = bytes(adv_data)  # call to gap_advertise will be re-used"
        self.advertised = self._adv_data
        self.interval_us = interval_us

    def gap_disconnect(self, conn_handle: int) -> bool:
        self._must_be_active()
        if self.phone is None or self.phone.handle != conn_handle:
            return False  # doc: "Returns False if the connection handle wasn't connected"
        self.phone.leave()
        return True

    def gatts_register_services(self, services: Any) -> list[tuple[int, ...]]:
        """The handles of the values, a tuple a service."""
        self._must_be_active()  # nimble, mp_bluetooth_gatts_register_service_begin
        if self.advertised is not None or self.phone is not None:
            # doc: "Advertising must be stopped before registering services"; nimble:
            # ble_gatts_reset gives BLE_HS_EBUSY.
            raise OSError(errno.EBUSY, "EBUSY")
        self.values = {}
        handle = 16  # behind those of the generic services
        found = []
        for number, (uuid, characteristics) in enumerate(services):
            if number == _MAX_SERVICES:
                raise OSError(errno.E2BIG, "E2BIG")  # nimble, gatts_register_service
            if not isinstance(uuid, UUID):
                raise ValueError("invalid service UUID")  # mod, gatts_register_service
            handles = []
            handle += 1
            for item in characteristics:
                if not 2 <= len(item) <= 3:
                    raise ValueError("invalid characteristic tuple")  # mod, same place
                if not isinstance(item[0], UUID):
                    raise ValueError("invalid characteristic UUID")  # mod, same place
                self.values[handle + 1] = _Value(item[0], item[1])
                handles.append(handle + 1)
                handle += 3 if item[1] & (FLAG_NOTIFY | FLAG_INDICATE) else 2
            found.append(tuple(handles))
        return found

    def _value(self, handle: int) -> _Value:
        if handle not in self.values:
            raise OSError(errno.EINVAL, "EINVAL")  # mod, mp_bluetooth_gatts_db_write and _read
        return self.values[handle]

    def gatts_read(self, value_handle: int) -> bytes:
        self._must_be_active()  # nimble, mp_bluetooth_gatts_read
        return self._value(value_handle).data

    def gatts_write(self, value_handle: int, data: Any, send_update: bool = False) -> None:
        """The local value; with send_update to those who have subscribed."""
        self._must_be_active()  # nimble, mp_bluetooth_gatts_write
        value = self._value(value_handle)
        value.data = data.encode() if isinstance(data, str) else bytes(data)
        value.length = max(value.length, len(value.data))  # doc: "any local write will increase"
        if send_update and self.phone is not None and value.subscribed:
            self.phone.get(value_handle, value)

    def gatts_notify(self, conn_handle: int, value_handle: int, data: Any = None) -> None:
        self._must_be_active()  # nimble, mp_bluetooth_gatts_notify_indicate
        if self.phone is None or self.phone.handle != conn_handle:
            raise OSError(errno.ENOTCONN, "ENOTCONN")  # nimble: ble_gattc_notify_custom
        value = self._value(value_handle)
        self.phone.get(value_handle, value, None if data is None else bytes(data))


class Phone:
    """Connects at its making. `received` collects (uuid, bytes) of notifications and indications;
    an indication is confirmed at once, or when `confirm` is called, with `slow`.

    `bonds` are the keys a phone keeps: given to another Phone, it comes back as a bonded one.
    """

    def __init__(self, ble: BLE, bonds: dict | None = None, slow: bool = False) -> None:
        assert ble.advertised is not None, "nobody invites"
        self.ble = ble
        self.handle = 1
        self.bonds = {} if bonds is None else bonds
        self.slow = slow
        self.encrypted = False
        self.received: list[tuple[int, bytes]] = []
        self.unconfirmed: int | None = None
        self._again: list[int] = []
        ble.advertised = None  # a connection ends advertising
        ble.phone = self
        for value in ble.values.values():
            value.subscribed = False
        ble.tell(1, self.handle, 1, memoryview(b"\x11\x22\x33\x44\x55\x66"))

    def _find(self, uuid: int) -> tuple[int, _Value]:
        for handle, value in self.ble.values.items():
            if value.uuid == UUID(uuid):
                return handle, value
        raise AttError("attribute not found")

    def get(self, handle: int, value: _Value, data: bytes | None = None) -> None:
        """From the stack. A second indication before the first is confirmed waits, and then
        carries what stands there by then (nimble: ble_gatts_chr_updated marks it as modified)."""
        sent = (value.data if data is None else data)[: _MTU - 3]
        indicated = not value.flags & FLAG_NOTIFY
        if indicated and self.unconfirmed is not None:
            self._again.append(handle)
            return
        self.received.append((int(value.uuid.value), sent))
        if indicated:
            self.unconfirmed = handle
            if not self.slow:
                self.confirm()

    def confirm(self, status: int = 0) -> None:
        """The phone acknowledges; status as the stack tells it (0: done)."""
        handle, self.unconfirmed = self.unconfirmed, None
        self.ble.tell(20, self.handle, handle, status)
        if self._again:
            again = self._again.pop(0)
            self.get(again, self.ble.values[again])

    def subscribe(self, uuid: int) -> None:
        _, value = self._find(uuid)
        if not value.flags & (FLAG_NOTIFY | FLAG_INDICATE):
            raise AttError("nothing to subscribe to")
        value.subscribed = True

    def read(self, uuid: int) -> bytes:
        _, value = self._find(uuid)
        if not value.flags & FLAG_READ:
            raise AttError("read not permitted")
        if value.flags & _READ_ENCRYPTED and not self.encrypted:
            raise AttError("insufficient encryption")
        return value.data

    def write(self, uuid: int, data: bytes) -> None:
        handle, value = self._find(uuid)
        if not value.flags & FLAG_WRITE:
            raise AttError("write not permitted")
        if value.flags & _WRITE_ENCRYPTED and not self.encrypted:
            # doc, flags: "security and privacy requirements"; the stack answers by itself
            raise AttError("insufficient encryption")
        value.data = data[: value.length]  # doc: "will be truncated to this length"
        self.ble.tell(3, self.handle, handle)

    def pair(self) -> bool:
        """Encrypt: with the keys of an earlier bond, or with new ones. True when bonded."""
        ble = self.ble
        peer = memoryview(b"\x01peer")
        kept = ble.tell(29, 2, 0, peer)
        if kept is not None and bytes(kept) == self.bonds.get("key"):
            bonded = True
        else:
            key = b"k" * 32
            bonded = bool(ble.settings.get("bond"))
            if bonded:
                # nimble, ble_secret_store_write: a key that is not taken is not stored.
                bonded = all(bool(ble.tell(30, kind, peer, memoryview(key))) for kind in (1, 2))
            if bonded:
                self.bonds["key"] = key
        self.encrypted = True
        ble.tell(28, self.handle, True, False, bonded, 16)
        return bonded

    def leave(self) -> None:
        self.ble.phone = None
        self.ble.tell(2, self.handle, 1, memoryview(b"\x11\x22\x33\x44\x55\x66"))
