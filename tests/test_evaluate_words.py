"""Two words that only arterial blood can back: *accuracy* and *Arms*.

The standard (ISO 80601-2-61) means by them the error against arterial SaO2 of people. No reading
of this device has been compared with that, so neither word may stand in anything a user reads,
unless its sentence denies it or speaks of arterial blood.
"""

import re
from pathlib import Path

import pytest

from host_tools.evaluate import summary, targets

REPO = Path(__file__).resolve().parent.parent
WORD = re.compile(
    r"\baccura(?:cy|te|tely|cies)\b|\bArms\b|\bA_?rms\b|A<sub>rms|准确度|精确度|精度", re.I
)
BODY = re.compile(r"\barms\b")  # the limbs
BACKED = re.compile(
    r"\b(?:no|not|never|nor|nothing|cannot|neither|without)\b|\barterial\b|\bSaO2\b|不|没有|动脉",
    re.I,
)
SKIPPED = {"node_modules", ".venv", "build", ".git"}
READ = [
    path
    for pattern in ("*.md", "*.j2", "*.html", "host_tools/**/*.py", "docs/*.py", "docs/*.md")
    for path in sorted(REPO.rglob(pattern) if "/" not in pattern else REPO.glob(pattern))
    if not SKIPPED & set(path.relative_to(REPO).parts)
]


def unbacked(text: str) -> list[str]:
    """Sentences that use one of the words as if there were evidence."""
    paragraphs = re.split(r"\n\s*\n|\n(?=\s*[|*#-])", text)
    sentences = [
        sentence
        for paragraph in paragraphs
        for sentence in re.split(r"(?<=[.!?])\s|(?<=[。！？])", " ".join(paragraph.split()))
    ]
    return [s for s in sentences if WORD.search(BODY.sub("", s)) and not BACKED.search(s)]


@pytest.mark.parametrize(
    "text",
    [
        "The accuracy is 2 %.",
        "It is accurate\nto 2 points.",
        "| Arms | 1.9 |",
        "Nothing is wrong. ARMS 1.9.",
        "血氧精度 ±2 %。",
    ],
)
def test_a_claim_is_found(text: str) -> None:
    assert unbacked(text)


@pytest.mark.parametrize(
    "text",
    [
        "They say nothing about\naccuracy on people.",
        "Never an accuracy on people.",
        "Accuracy needs arterial SaO2 of people.",
        "Hands and arms at rest.",
        "准确度没有验证。",
    ],
)
def test_a_denial_is_not(text: str) -> None:
    assert not unbacked(text)


@pytest.mark.parametrize("path", READ, ids=lambda path: str(path.relative_to(REPO)))
def test_nothing_a_user_reads_claims_it(path: Path) -> None:
    assert not unbacked(path.read_text(encoding="utf-8"))


def test_no_summary_claims_it() -> None:
    result = {"id": "a", "cell": "c", "duration_s": 100, "seconds": 50, "shown": 50, "covered": 48}
    rows = [row.key for row in targets.ROWS + targets.RECORDINGS]
    results = [result | {"row": key} for key in rows]
    results += [r | {"subject": "s"} for r in results]
    text = summary.render(summary.summarise(results, {}))
    assert len(text.splitlines()) > len(rows)
    assert not WORD.search(text)
    assert text.startswith(summary.HEADING) and summary.RECORDED in text
