"""The leaflet says what the device does, on one page, and its PDF opens."""

import re
from pathlib import Path

import numpy as np
import pytest

from host_tools import gallery, glyphs, leaflet
from sim.door import field, terms


def test_the_table_is_that_of_the_verdicts() -> None:
    assert leaflet.verdict_lines("human_sao2") == [
        ("95-100", terms.GREEN),
        ("94", terms.ATTENTION),
        ("93", terms.DOCTOR),
        ("91-92", terms.RECHECK),
        ("70-90", terms.CALL),
        ("低于70", terms.BELOW),
    ]
    assert leaflet.advice(terms.DOCTOR).replace(" ", "") == "请今天就医"
    assert "呼叫120" in leaflet.advice(terms.CALL)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a page has written on it."""
    texts: list[str] = []
    text = leaflet.Page.text

    def noted(page: leaflet.Page, said: str, mm: float, *where: int) -> int:
        texts.append(said)
        return text(page, said, mm, *where)

    monkeypatch.setattr(leaflet.Page, "text", noted)
    return texts


@pytest.mark.parametrize("evidence", ["none", "secondary", "human_sao2"])
def test_no_green_on_paper_without_arterial_blood(evidence: str, written: list[str]) -> None:
    """Whoever reads 97 on the display looks up here what it means."""
    leaflet.page(evidence)
    said = "".join(written)
    assert ("未见降低" in said) == (evidence == "human_sao2")
    assert ("没有和动脉血对比过" in said) == (evidence != "human_sao2")
    assert "不是医疗器械" in said and "马上呼救" in said


def test_the_leaflet_of_a_unit_as_it_is_delivered_has_no_green(
    tmp_path: Path, written: list[str]
) -> None:
    assert leaflet.main([str(tmp_path / "out.pdf")]) == 0
    assert "未见降低" not in "".join(written)
    assert leaflet.main([str(tmp_path / "out.pdf"), "--evidence", "human_sao2"]) == 0
    assert "未见降低" in "".join(written)


def test_what_it_says_comes_from_the_screens() -> None:
    said = "".join(part for line in leaflet.words() for part in line)
    distress = "".join(glyphs.read_texts("zh")["distress"])
    for sentence in (distress, "测不出不等于正常", "未校准·演示", "不作诊断依据", "看不见煤气"):
        assert sentence in said
    assert "{" not in said


def test_its_screens_are_those_of_the_device() -> None:
    """Found pixel by pixel on the page, several printer's dots to a pixel."""
    page = leaflet.page()
    scale = round(leaflet.SCREEN_MM * leaflet.DPI / 25.4 / 128)
    canvas = gallery.drawn(gallery.view_of(field.NO_FINGER))
    lit = np.array(
        [[canvas[(y >> 3) * 128 + x] >> (y & 7) & 1 for x in range(128)] for y in range(64)]
    )
    dark = np.kron(lit == 0, np.ones((scale, scale), dtype=bool))
    height, width = dark.shape
    x = page.margin + page.width + round(3 * leaflet._MM) - round(51 * leaflet._MM) + 2 * scale
    found = [
        y
        for y in range(page.ink.shape[0] - height)
        if np.array_equal(page.ink[y : y + height, x : x + width], dark)
    ]
    assert len(found) == 1


def test_letters_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing under 6 mm, which is 17 points."""
    sizes: list[float] = []
    text = leaflet.Page.text

    def noted(page: leaflet.Page, said: str, mm: float, *where: int) -> int:
        sizes.append(mm)
        return text(page, said, mm, *where)

    monkeypatch.setattr(leaflet.Page, "text", noted)
    leaflet.page()
    assert min(sizes) >= 6


def test_it_is_one_page_of_a4_as_pdf(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "leaflet.pdf"
    assert leaflet.main([str(out)]) == 0
    data = out.read_bytes()
    assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type\s*/Page\b", data)) == 1
    box = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", data)
    assert box and float(box[1]) == pytest.approx(595.3, abs=1)
    assert float(box[2]) == pytest.approx(841.9, abs=1)


def test_too_much_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    longer = tmp_path / "leaflet.txt"
    longer.write_text(leaflet.TEXT.read_text(encoding="utf-8") + "not|" + "结果" * 300, "utf-8")
    monkeypatch.setattr(leaflet, "TEXT", longer)
    assert leaflet.main([str(tmp_path / "out.pdf")]) == 1
    assert "say less" in capsys.readouterr().err
    assert not (tmp_path / "out.pdf").exists()
