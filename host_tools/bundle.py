"""A release bundle: one file with all that a unit is flashed with, and a manifest that says what.

A zip without compression, so that the same input gives the same bytes with any zlib:

    manifest.json   versions, hashes, licences, and where each part goes
    flash.bin       all parts in one image, from address 0 on; or, made without MicroPython,
    vfs.bin data.bin    the two file systems alone
    LICENSE, unifont.OFL.txt
"""

import dataclasses
import hashlib
import io
import json
import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from host_tools import filesystem
from host_tools.sentences import say
from sim.door import settings

FORMAT = 1
FLASH_SIZE = 4 << 20
TABLE_AT = 0x8000
TABLE_SIZE = 0xC00
_ENTRY = struct.Struct("<2sBBII16sI")
_DATA_SUBTYPE = 0x81

APP_AT = 0x10000
APP_HEAD = 256  # so much of a program tells what it is
_DESCRIPTION_AT = 24 + 8  # behind its header and that of its first segment
_DESCRIPTION = struct.Struct("<I12x32s32s")

# The file system of the stock image begins here. It is parted in two: what an update replaces, and
# what it never touches.
VFS_AT, VFS_SIZE = 0x200000, 0x80000
DATA_AT, DATA_SIZE = 0x280000, 0x180000


@dataclasses.dataclass(frozen=True)
class Target:
    """A chip: its name in esptool, its number in a program's header, where its flash begins."""

    name: str
    esptool_name: str
    chip_id: int
    begins_at: int


TARGETS = {
    "esp32": Target("esp32", "ESP32", 0, 0x1000),
    "esp32c3": Target("esp32c3", "ESP32-C3", 5, 0),
}


class BundleError(Exception):
    """A bundle that cannot be used; the text is a sentence that says what to do."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A piece of flash: `name` is micropython, vfs or data; `at` its address."""

    name: str
    at: int
    content: bytes


@dataclasses.dataclass(frozen=True)
class Bundle:
    """What is in the file: the manifest as it stands there, and the parts by name."""

    path: Path
    manifest: dict[str, Any]
    parts: dict[str, Part]

    @property
    def target(self) -> Target:
        return TARGETS[self.manifest["target"]]

    @property
    def version(self) -> str:
        return str(self.manifest["version"])

    @property
    def is_complete(self) -> bool:
        """Whether MicroPython is in it; without, it can only update a unit that has one."""
        return "micropython" in self.parts


def table(partitions: list[tuple[int, int, int, int, str]]) -> bytes:
    """A partition table of (kind, subtype, start, size, label), closed by its MD5."""
    entries = b"".join(
        _ENTRY.pack(b"\xaa\x50", kind, subtype, start, size, label.encode(), 0)
        for kind, subtype, start, size, label in partitions
    )
    whole = entries + b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(entries).digest()
    return whole.ljust(TABLE_SIZE, b"\xff")


def partitions(table: bytes) -> list[tuple[int, int, int, int, str]]:
    """What a table holds, in the form of `table`; empty when it is none."""
    found = []
    for at in range(0, len(table) - _ENTRY.size + 1, _ENTRY.size):
        magic, kind, subtype, start, size, label, _ = _ENTRY.unpack_from(table, at)
        if magic != b"\xaa\x50":
            break
        name = label.rstrip(b"\0").decode("ascii", "replace")
        found.append((kind, subtype, start, size, name))
    return found


def parted(stock: list[tuple[int, int, int, int, str]]) -> list[tuple[int, int, int, int, str]]:
    """The stock partitions with the file system parted in two. Raises ValueError."""
    kept = [entry for entry in stock if entry[2] < VFS_AT]
    whole = next((entry for entry in stock if entry[4] == "vfs"), None)
    if whole is None or whole[2] != VFS_AT or whole[3] < VFS_SIZE + DATA_SIZE:
        raise ValueError
    kind, subtype, _, _, label = whole
    return [
        *kept,
        (kind, subtype, VFS_AT, VFS_SIZE, label),
        (kind, _DATA_SUBTYPE, DATA_AT, DATA_SIZE, "data"),
    ]


def program_version(head: bytes) -> str:
    """The version of the MicroPython that begins so, as 1.29.0; empty when it is none."""
    if len(head) < APP_HEAD or head[0] != 0xE9:
        return ""
    magic, version, project = _DESCRIPTION.unpack_from(head, _DESCRIPTION_AT)
    named = re.match(r"v?(\d+\.\d+\.\d+)", version.rstrip(b"\0").decode("latin-1"))
    if magic != 0xABCD5432 or project.rstrip(b"\0") != b"micropython" or not named:
        return ""
    return named[1]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write(path: Path, manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    """The bundle at once, or not at all. Raises OSError."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for name, content in {"manifest.json": text.encode(), **files}.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(packed.getvalue())
    new.replace(path)


def read(path: Path) -> Bundle:
    """A bundle whose every part has the hash that its manifest says. Raises BundleError."""
    try:
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
    except FileNotFoundError:
        raise BundleError(say("no_bundle", path=path)) from None
    except (OSError, zipfile.BadZipFile) as error:
        raise BundleError(say("unreadable_bundle", path=path, error=error)) from None
    try:
        manifest = json.loads(files["manifest.json"])
        if manifest["format"] != FORMAT:
            raise BundleError(
                say("bundle_format", path=path, found=manifest["format"], wanted=FORMAT)
            )
        target = TARGETS[manifest["target"]]
        parts = {}
        for told in manifest["parts"]:
            content = files[told["file"]]
            if told["file"] == "flash.bin":
                content = content[told["at"] : told["at"] + told["size"]]
            if len(content) != told["size"] or sha256(content) != told["sha256"]:
                raise BundleError(say("damaged_bundle", path=path, part=told["name"]))
            parts[told["name"]] = Part(told["name"], told["at"], content)
        assert target and parts["vfs"] and parts["data"]
    except (KeyError, TypeError, ValueError, AssertionError):
        raise BundleError(say("not_bundle", path=path)) from None
    return Bundle(path, manifest, parts)


def complaints(path: Path) -> Iterator[str]:
    """What is wrong with a bundle, a sentence each: all of it is looked at, down to every file."""
    try:
        bundle = read(path)
    except BundleError as error:
        yield str(error)
        return
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    listed = {told["name"]: told["sha256"] for told in bundle.manifest["archive"]}
    for name in sorted((set(files) | set(listed)) - {"manifest.json"}):
        if name not in files:
            yield f"{name} is in the manifest and not in the bundle."
        elif name not in listed:
            yield f"{name} is in the bundle and not in the manifest."
        elif sha256(files[name]) != listed[name]:
            yield f"{name} is not what the manifest says."
    for name, size, told in (
        ("vfs", VFS_SIZE, bundle.manifest["files"]),
        ("data", DATA_SIZE, bundle.manifest["data_files"]),
    ):
        try:
            found = filesystem.read_all(filesystem.blocks_of(bundle.parts[name].content), size)
        except filesystem.NoFileSystem:
            yield f"{name} holds no file system."
            continue
        wanted = {entry["path"]: entry["sha256"] for entry in told}
        for file in sorted(set(found) | set(wanted)):
            if wanted.get(file) != (sha256(found[file]) if file in found else None):
                yield f"{file} in {name} is not what the manifest says."
        if name == "data" and settings.decode(found.get("settings.bin", b"")) is None:
            yield "The default settings are not settings."
    if bundle.is_complete:
        yield from _complete(bundle)


def _complete(bundle: Bundle) -> Iterator[str]:
    part = bundle.parts["micropython"]
    at = TABLE_AT - part.at
    listed = partitions(part.content[at : at + TABLE_SIZE])
    places = {(start, size, label) for _, _, start, size, label in listed}
    if not {(VFS_AT, VFS_SIZE, "vfs"), (DATA_AT, DATA_SIZE, "data")} <= places:
        yield "The partition table does not say where the file systems are."
    elif part.content[at : at + TABLE_SIZE] != table(listed):
        yield "The partition table has another MD5 than it says."
    if part.at + len(part.content) > VFS_AT:
        yield "MicroPython reaches into the file system."
