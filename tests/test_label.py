"""Labels, unpacked again and read by a decoder that had no part in making them."""

import dataclasses
import io
import json
import re
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from host_tools import glyphs, label, label_print
from host_tools.cli import app
from host_tools.identity import Identity
from host_tools.label import Product

zxingcpp = pytest.importorskip("zxingcpp", reason="zxing-cpp is missing: run `make setup-all`")
pytest.importorskip("zint", reason="zint-bindings is missing: run `make setup-all`")

UNIT = Identity("XY000001", "L2547", "1.2", 20261124)
LONGEST = Identity("S" * 16, "L" * 16, "R" * 8, 20991231)
OF = Product("06901234567892", "6901234", "国械注准20263070001", "粤食药监械生产许20260001号")
UDI = "(01)06901234567892(11)261124(10)L2547(21)XY000001"


def read(picture: np.ndarray):
    """Every symbol that is seen in dots (True: black) or in a grey picture."""
    grey = np.where(picture, 0, 255).astype(np.uint8) if picture.dtype == bool else picture
    return zxingcpp.read_barcodes(grey)


def printed(text: str) -> list[np.ndarray]:
    """What a printer makes of ZPL: the graphics of each label."""
    pages = []
    for page in re.findall(r"\^XA(.*?)\^XZ", text, re.DOTALL):
        width, height = (int(re.search(rf"\^{k}(\d+)", page)[1]) for k in ("PW", "LL"))  # type: ignore[index]
        field = re.search(r"\^FO(\d+),(\d+)\^GFA,(\d+),(\d+),(\d+),([0-9A-F]+)\^FS", page)
        assert field, "one graphic, at its place"
        x, y, size, whole, stride = map(int, field.groups()[:5])
        data = np.frombuffer(bytes.fromhex(field[6]), np.uint8)
        assert (x, y) == (0, 0) and size == whole == len(data)
        bits = np.unpackbits(data.reshape(-1, stride), axis=1)
        assert bits.shape[0] == height and bits.shape[1] >= width
        pages.append(bits[:, :width].astype(bool))
    return pages


def test_a_label_carries_the_udi_as_gs1() -> None:
    (symbol,) = read(label.unit_label(UNIT, OF))
    assert symbol.text == UDI
    assert symbol.symbology_identifier == "]d2", (
        "a GS1 DataMatrix, not one that just says the same"
    )
    assert symbol.bytes == b"01069012345678921126112410L2547\x1d21XY000001"


def test_another_library_parses_what_is_read() -> None:
    import biip

    (symbol,) = read(label.unit_label(UNIT, OF))
    message = biip.parse(symbol.bytes.decode()).gs1_message
    assert message is not None
    values = {str(element.ai.ai): element.value for element in message.element_strings}
    assert values == {"01": OF.gtin, "11": "261124", "10": "L2547", "21": "XY000001"}
    (gtin,) = [element.gtin for element in message.element_strings if element.gtin]
    assert gtin and gtin.as_gtin_14() == OF.gtin


def test_a_sample_says_so_and_has_no_udi() -> None:
    picture = label.unit_label(UNIT, None)
    (symbol,) = read(picture)
    assert (symbol.text, symbol.symbology_identifier) == ("XY000001", "]d1")
    words = np.zeros_like(picture)
    label._write(words, 8, 4, "样品 非医疗器械", scale=2)
    assert not (words & ~picture).any(), "in letters of 4 mm"


@pytest.mark.parametrize("of", [None, OF], ids=["sample", "product"])
def test_the_longest_fit_and_nothing_touches_the_symbol(of: Product | None) -> None:
    picture = label.unit_label(LONGEST, of)
    (symbol,) = read(picture)
    assert symbol.text == label_print.content(LONGEST, of)
    corners = symbol.position
    right = max(corners.top_right.x, corners.bottom_right.x)
    bottom = max(corners.bottom_left.y, corners.bottom_right.y)
    top = min(corners.top_left.y, corners.top_right.y)
    assert not picture[top:bottom, right + 2 : right + 5].any(), "its quiet zone"
    assert not picture[bottom + 2 : bottom + 5, :right].any()


@pytest.mark.parametrize("of", [None, OF], ids=["sample", "product"])
def test_all_three_ways_out_are_read_back(of: Product | None) -> None:
    from PIL import Image

    units = [dataclasses.replace(UNIT, serial=f"XY{n:06}") for n in range(60)]
    pictures = [label.unit_label(unit, of) for unit in units]
    wanted = [label_print.content(unit, of) for unit in units]

    pages = printed(label.zpl(pictures))
    assert all((page == picture).all() for page, picture in zip(pages, pictures, strict=True))

    image = Image.open(io.BytesIO(label.png(pictures[0])))
    assert image.info["dpi"] == pytest.approx((203.2, 203.2), abs=0.1)
    assert [symbol.text for symbol in read(np.array(image.convert("L")))] == wanted[:1]

    found = []
    sheets = label.pdf(pictures)
    assert b"/MediaBox [ 0 0 595.2" in sheets, "A4"
    for page in pages_of(sheets):
        found += [symbol.text for symbol in read(page)]
    assert sorted(found) == sorted(wanted)


def pages_of(pdf: bytes) -> list[np.ndarray]:
    """The pictures in a PDF, one a page, as grey."""
    from PIL import Image

    found = []
    pattern = re.compile(rb"/Subtype /Image(.*?)stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
    for head, data in pattern.findall(pdf):
        width, height = (
            int(re.search(rb"/%s (\d+)" % key, head)[1])  # type: ignore[index]
            for key in (b"Width", b"Height")
        )
        assert b"/CCITTFaxDecode" in head
        tags = {256: width, 257: height, 259: 4, 262: 0, 273: 8, 278: height, 279: len(data)}
        found.append(np.array(Image.open(io.BytesIO(tiff(tags, data))).convert("L")))
    return found


def tiff(tags: dict[int, int], data: bytes) -> bytes:
    """A picture of CCITT group 4, as a file that carries nothing else."""
    offset = 8 + len(data)
    entries = b"".join(
        tag.to_bytes(2, "little") + b"\x04\0" + b"\1\0\0\0" + value.to_bytes(4, "little")
        for tag, value in tags.items()
    )
    head = b"II*\0" + offset.to_bytes(4, "little")
    return head + data + len(tags).to_bytes(2, "little") + entries + bytes(4)


def test_a_box_carries_its_sscc() -> None:
    code = label.sscc("6901234", 17)
    (symbol,) = read(label.box_label(code, 50, "L2547"))
    assert (symbol.text, symbol.symbology_identifier) == (f"(00){code}", "]d2")
    import biip

    message = biip.parse(symbol.bytes.decode()).gs1_message
    assert message is not None and message.element_strings[0].sscc is not None
    assert label.sscc("6901234", 999_999_999)[-1].isdigit()
    with pytest.raises(ValueError, match="company"):
        label.sscc("6901234", 1_000_000_000)


@pytest.mark.parametrize("digits", ["629104150021", "0690123456789", "00614141123456789"])
def test_check_digits_are_those_of_gs1(digits: str) -> None:
    """The first is GS1's own example (3); the others by the definition, digit by digit."""
    weights = [3 if n % 2 == 0 else 1 for n in range(len(digits))][::-1]
    total = sum(int(d) * w for d, w in zip(digits, weights, strict=True))
    assert label.check_digit(digits) == str((10 - total % 10) % 10)
    assert label.check_digit("629104150021") == "3"


def test_what_a_product_must_be(tmp_path: Path) -> None:
    file = tmp_path / "product.json"
    whole = dataclasses.asdict(OF)
    file.write_text(json.dumps(whole))
    assert label.product(file) == (OF, [])
    for name in whole:
        file.write_text(json.dumps(whole | {name: ""}))
        assert label.product(file) == (None, [name]), "a sample as long as one is missing"
    for wrong in ({"gtin": "06901234567890"}, {"gtin": "69"}, {"company": "x"}, {"licence": "ж"}):
        file.write_text(json.dumps(whole | wrong))
        with pytest.raises(ValueError):
            label.product(file)
    file.write_text("[]")
    with pytest.raises(ValueError, match="JSON object"):
        label.product(file)


@pytest.mark.parametrize("serial", ["XY^XA", "XY~HS", "A#1", "[21]"])
def test_what_gs1_has_no_sign_for_is_refused(serial: str) -> None:
    with pytest.raises(ValueError, match="symbol"):
        label.unit_label(dataclasses.replace(UNIT, serial=serial), OF)


def test_the_font_has_all_letters() -> None:
    assert set(glyphs.read_hex(label.FONT)) == set(label.needed_letters())


# By the command, with a store.


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("sqlalchemy")
    from host_tools.store import connect, station

    monkeypatch.setenv("XUEYANG_STORE", str(tmp_path / "s1.sqlite"))
    found = connect.opened(tmp_path / "s1.sqlite")
    station.reserve(found, found, "s1", "XY", 6)
    station.reserve(found, found, "s1", station.BOX, 9)
    for number in range(1, 5):
        station.take(found, "s1", "L2547", "1.2", 20261124, f"{number:012x}")
    (tmp_path / "product.json").write_text(json.dumps(dataclasses.asdict(OF)))
    yield found
    found.dispose()


def run(*arguments: str | Path, code: int = 0):
    told = CliRunner().invoke(app, [*map(str, arguments)])
    assert told.exit_code == code, told.stdout + told.stderr
    return told


def test_a_reprint_bears_the_same_serial_and_is_counted(store, tmp_path: Path) -> None:
    from host_tools.store import query

    out = tmp_path / "labels.zpl"
    given = ("--station", "s1", "--product", tmp_path / "product.json", "--out", out)
    assert "copy 1" in run("label", "XY000000", "XY000001", *given).stdout
    texts = [read(page)[0].text for page in printed(out.read_text())]
    assert [text[-8:] for text in texts] == ["XY000000", "XY000001"]
    assert "copy 2" in run("label", "XY000001", *given).stdout
    told = query.trace(store, "XY000001")["labels"]
    assert [(each["copy"], each["outcome"]) for each in told] == [(1, "printed"), (2, "printed")]
    assert told[0]["content"] == texts[1], "what is recorded is what is read"

    told = run("label", "XY000002", "--station", "s1", "--out", tmp_path / "one.png")
    assert "样品" in told.stderr and "UDI" in told.stderr
    assert "No unit XY999999" in run("label", "XY999999", *given, code=1).stderr
    run("label", "XY000000", "--station", "s1", "--out", "label.txt", code=2)
    run("label", "XY000000", "--station", "s1", code=2)


def test_after_a_kill_the_worker_is_asked(store, tmp_path: Path) -> None:
    """Killed after it was recorded and before it was known to be out."""
    from host_tools.store import query, station

    def killed(labels) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        label_print.print_units(store, "s1", "w7", ["XY000000"], OF, killed)
    out = ("--station", "s1", "--out", tmp_path / "l.pdf")
    told = run("label", "XY000000", *out, code=1)
    assert "XY000000" in told.stderr and "--settle" in told.stderr
    assert not (tmp_path / "l.pdf").exists()
    run("label", "XY000000", *out, "--settle", "spoilt")
    told = query.trace(store, "XY000000")["labels"]
    assert [(each["copy"], each["outcome"]) for each in told] == [(1, "spoilt"), (2, "printed")]
    assert station.unsettled_labels(store) == []


def test_to_a_printer(store, tmp_path: Path) -> None:
    heard = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            connection, _ = server.accept()
            with connection:
                while data := connection.recv(4096):
                    heard.extend(data)

        thread = threading.Thread(target=listen)
        thread.start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        run("label", "XY000003", "--station", "s1", "--printer", address)
        thread.join(10)
    (page,) = printed(heard.decode())
    assert read(page)[0].text == "XY000003"
    told = run("label", "XY000003", "--station", "s1", "--printer", address, code=1)
    assert "does not take" in told.stderr
    assert "--settle" in run("label", "--station", "s1", code=1).stderr


def test_from_a_box_to_a_customer(store, tmp_path: Path) -> None:
    given = (
        "--station",
        "s1",
        "--product",
        tmp_path / "product.json",
        "--out",
        tmp_path / "b.zpl",
    )
    boxes = []
    for serials in (("XY000000", "XY000001"), ("XY000002",)):
        boxes.append(run("pack", *serials, *given).stdout.strip())
        (page,) = printed((tmp_path / "b.zpl").read_text())
        assert read(page)[0].text == f"(00){boxes[-1]}"
    assert len(set(boxes)) == 2
    assert boxes[0] in run("pack", "XY000001", *given, code=1).stderr
    carton = run("pack", "--carton", *boxes, *given).stdout.strip()
    assert carton not in boxes
    run("ship", carton, "--to", "医院 A")
    assert "gone to" in run("ship", carton, "--to", "B", code=1).stderr
    rows = json.loads(run("recall", "--lot", "L2547", "--json").stdout)
    assert {row["serial"]: (row["carton"], row["to"]) for row in rows} == {
        **{f"XY00000{n}": (carton, "医院 A") for n in range(3)},
        "XY000003": (None, None),
    }
    told = run("pack", "XY000003", "--station", "s1", "--out", tmp_path / "b.zpl", code=2)
    assert "--product" in told.stderr
