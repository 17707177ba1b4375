"""A station's signature over who a unit is and how it is calibrated, kept on the unit beside them.

It tells that a record came from a station and belongs to this chip; it keeps no secret and stops
nobody from making a unit of his own. The private key is the station's alone, the public one goes
to the plant with its records. Ed25519.
"""

import os
import struct
from pathlib import Path
from typing import Any

FILE = "identity.sig"


def default_path() -> Path:
    """Where a station keeps its key."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "xueyang" / "station.key"


def key(path: Path) -> bytes:
    """The station's private key, made when there is none. Raises ValueError with a sentence."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(f".{path.name}.{os.getpid()}")
            with open(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                file.write(Ed25519PrivateKey.generate().private_bytes_raw())
            new.replace(path)
        found = path.read_bytes()
    except OSError as error:
        raise ValueError(f"The station's key {path} cannot be had ({error.strerror}).") from None
    if len(found) != 32:
        raise ValueError(f"{path} is no station's key: take the one that was there before.")
    return found


def public(private: bytes) -> str:
    """The public key, in hexadecimal."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw().hex()


def _signed(mac: str, identity: bytes, settings: Any) -> bytes:
    """What the signature is over: the chip, the identity's record, and of the settings only what
    the factory set. An owner may choose another language."""
    evidence = settings.evidence.encode()
    a, b, c = settings.curve_e7
    calibration = struct.pack(
        "<3iI16s16s", a, b, c, settings.date, evidence, settings.batch.encode()
    )
    return b"xueyang unit 1" + bytes.fromhex(mac.replace(":", "")) + identity + calibration


def sign(private: bytes, mac: str, identity: bytes, settings: Any) -> bytes:
    """64 bytes over the record of identity.bin and the calibration in the settings."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    whole = _signed(mac, identity, settings)
    return Ed25519PrivateKey.from_private_bytes(private).sign(whole)


def is_of(public: str, signature: bytes, mac: str, identity: bytes, settings: Any) -> bool:
    """Whether the station of this public key signed it so, for this chip."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    whole = _signed(mac, identity, settings)
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, whole)
    except (InvalidSignature, ValueError):
        return False
    return True
