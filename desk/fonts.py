"""Fonts of this machine for the PDFs of the desk: Noto, or DejaVu where there is no Noto.

Debian: `apt install fonts-noto-core fonts-noto-cjk`. Without them the PDF is in the standard
fonts of every reader, which have no other letters than Latin ones.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal

from knowledge_base.languages import LETTERS

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path("~/.local/share/fonts"))
Face = Literal["base", "bold", "Arabic", "Bengali", "Han"]
#: The first that there is.
FILES: dict[Face, tuple[str, ...]] = {
    "base": ("NotoSans-Regular.ttf", "DejaVuSans.ttf"),
    "bold": ("NotoSans-Bold.ttf", "DejaVuSans-Bold.ttf"),
    "Arabic": ("NotoNaskhArabic-Regular.ttf", "NotoSansArabic-Regular.ttf", "DejaVuSans.ttf"),
    "Bengali": ("NotoSansBengali-Regular.ttf", "NotoSerifBengali-Regular.ttf"),
    "Han": ("NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "NotoSansSC-Regular.ttf"),
}
#: The letters that need a face of their own; the base has the rest.
_SCRIPTS: dict[Face, re.Pattern[str]] = {
    "Arabic": re.compile(f"[{LETTERS['Arabic']}]"),
    "Bengali": re.compile(f"[{LETTERS['Bengali']}]"),
    "Han": re.compile(f"[{LETTERS['Han']}]"),
}


@cache
def find(face: Face, folders: tuple[Path, ...] = FOLDERS) -> Path | None:
    """The file of a face; None where the machine has none."""
    for name in FILES[face]:
        for folder in folders:
            found = next(iter(sorted(folder.expanduser().rglob(name))), None)
            if found is not None:
                return found
    return None


def needed(text: str) -> list[Face]:
    """The faces besides the base that a text is written in."""
    return [face for face, letters in _SCRIPTS.items() if letters.search(text)]


def missing() -> list[Face]:
    return [face for face in FILES if find(face) is None]
