"""A calibration as a file: the curve, what stands behind it, and what it was made from.

JSON with a hash over all of it. The hash finds damage and careless editing, no forger: what a
station writes into a unit it signs (signature.py).
"""

import dataclasses
import datetime
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from host_tools.calibrate.curve import Curve, CurveError, checked, of_e7
from host_tools.replay import write_whole
from host_tools.sentences import say
from sim.door import settings

FORMAT = "xueyang calibration 1"
KINDS = ("design", "lot")


class DocumentError(ValueError):
    """It is no calibration, or damaged; the text is a sentence that says what to do."""


@dataclasses.dataclass(frozen=True)
class Calibration:
    """kind: design or lot; batch: the study's name, or the lot; date: the day as 20261124.

    red_nm: the peak wavelength of the red LEDs that it is for. told: all else that the file says
    (statistics, inputs, R-transfer), by name. sha256: of the whole.
    """

    kind: str
    curve: Curve
    evidence: str
    batch: str
    date: int
    red_nm: float
    told: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        return _hash(self._plain())

    def text(self) -> str:
        """The file."""
        whole = self._plain()
        return json.dumps(whole | {"sha256": _hash(whole)}, indent=1, ensure_ascii=False) + "\n"

    def _plain(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "kind": self.kind,
            "curve_e7": list(self.curve.e7),
            "evidence": self.evidence,
            "batch": self.batch,
            "date": self.date,
            "red_nm": self.red_nm,
            **self.told,
        }

    def write(self, path: Path) -> None:
        """Whole or not at all. Raises OSError."""
        write_whole(path, self.text())

    def settings(self) -> "settings.Settings":
        """The settings of a unit that has this calibration. Raises DocumentError."""
        found = settings.Settings()
        found.curve_e7 = self.curve.e7
        found.evidence, found.date, found.batch = self.evidence, self.date, self.batch
        try:
            settings.check(found)
        except ValueError as error:
            raise DocumentError(f"{error} is not what a unit's calibration may be.") from None
        return found


def made(
    kind: str, curve: Curve, evidence: str, batch: str, red_nm: float, told: Mapping[str, Any]
) -> Calibration:
    """A new one, of today. Raises CurveError, DocumentError."""
    if not re.fullmatch(r"[!-~]{1,16}", batch):
        raise DocumentError(f'The batch "{batch}" must be 1 to 16 characters without spaces.')
    today = int(f"{datetime.datetime.now(datetime.UTC):%Y%m%d}")
    found = Calibration(kind, checked(curve), evidence, batch, today, red_nm, dict(told))
    found.settings()
    return found


def read(path: Path) -> Calibration:
    """The calibration in a file. Raises DocumentError for what is none, or not as it was made."""
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(whole, dict) or whole.get("format") != FORMAT:
            raise ValueError
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise DocumentError(say("unread_calibration", path=path, error=reason)) from None
    except ValueError:
        raise DocumentError(say("no_calibration", path=path)) from None
    said = whole.pop("sha256", None)
    if said != _hash(whole):
        raise DocumentError(say("changed_calibration", path=path))
    try:
        names = ("kind", "evidence", "batch", "date", "red_nm")
        kind, evidence, batch, date, red_nm = (whole.pop(name) for name in names)
        a, b, c = whole.pop("curve_e7")
        whole.pop("format")
        if kind not in KINDS:
            raise ValueError
        found = Calibration(kind, of_e7((a, b, c)), evidence, batch, date, float(red_nm), whole)
        checked(found.curve)
        found.settings()
    except (CurveError, KeyError, TypeError, ValueError) as error:
        raise DocumentError(say("bad_calibration", path=path, error=error)) from None
    return found


def _hash(whole: Mapping[str, Any]) -> str:
    told = json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()
