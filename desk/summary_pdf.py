"""The summary as a PDF, in every script that the machine has a font for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpdf import FPDF
from fpdf.fonts import TTFFont

from connectors.letter import ENCODING
from desk import fonts
from knowledge_base.languages import LETTERS

if TYPE_CHECKING:
    from desk.summary import Summary

#: A text of which more cannot be shown is named, not printed in pieces.
MOST_LOST = 0.1
#: But a smiley or two may stand in a text of two words.
FEW_LOST = 2
#: In place of a single sign that no font has.
LOST = "[?]"
_RIGHT_TO_LEFT = re.compile(f"^[^{LETTERS['Latin']}{LETTERS['Cyrillic']}]*[{LETTERS['Arabic']}]")


def make(summary: Summary, language: str) -> bytes:
    """The PDF. Takes a second where Chinese letters are needed: call it in a thread."""
    page = _Page(summary)
    page.set_lang({"fr": "fr-FR", "en": "en-GB"}.get(language, language))
    page.set_title(f"{summary.title}, {summary.about}")
    page.set_creator("Guichet")
    page.add_page()
    page.say(summary.title, 15, bold=True)
    page.say(summary.about, 9, after=4)
    for label, value in summary.facts:
        page.say(label, 9, bold=True)
        page.say(value, after=1.5)
    page.say(summary.answered_title, 12, bold=True, before=3, after=1)
    for title in summary.answered:
        page.say(f"- {title}")
    page.say(summary.transcript_title, 12, bold=True, before=4, after=1)
    for said in summary.transcript:
        page.say(said.head, 9, bold=True, keep=12)
        page.say(said.text, after=2)
    page.say(summary.footer, 9, before=2)
    return bytes(page.output())


class _Page(FPDF):
    """Writes paragraphs, whatever their script."""

    def __init__(self, summary: Summary) -> None:
        super().__init__(format="A4")
        self._unreadable = summary.unreadable
        self._mark = summary.about
        self.set_margins(20, 18)
        self.set_auto_page_break(True, 20)
        base, bold = fonts.find("base"), fonts.find("bold")
        self._known: set[int] = set()
        if base is None or bold is None:
            self.core_fonts_encoding = ENCODING
            self._family = "Helvetica"
            return
        self._family = "base"
        self.add_font("base", "", base)
        self.add_font("base", "B", bold)
        found = [face for face in fonts.needed(_whole(summary)) if fonts.find(face) is not None]
        for face in found:
            self.add_font(face, "", fonts.find(face))
        self.set_fallback_fonts(found, exact_match=False)
        self.set_text_shaping(True)
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                self._known |= set(font.cmap)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(self._family, size=8)
        self.cell(self.epw, 5, self._shown(f"{self._mark} · {self.page_no()}"), align="R")

    def say(
        self,
        text: str,
        size: float = 10.5,
        bold: bool = False,
        before: float = 0,
        after: float = 0,
        keep: float = 0,
    ) -> None:
        """One text; `keep`: not so far (mm) from the foot of a page that what follows is apart."""
        self.ln(before)
        if keep and self.will_page_break(keep):
            self.add_page()
        self.set_font(self._family, "B" if bold else "", size)
        shown = self._shown(text)
        for line in shown.splitlines():
            align = "R" if _RIGHT_TO_LEFT.match(line) else "L"
            self.multi_cell(self.epw, size * 0.5, line, align=align, new_x="LMARGIN", new_y="NEXT")
        self.ln(after)

    def _shown(self, text: str) -> str:
        """What can be written; who reads learns where something could not."""
        lost = sum(not self._has(char) for char in text)
        if lost > max(FEW_LOST, MOST_LOST * len(text)):
            return self._unreadable
        return "".join(char if self._has(char) else LOST for char in text)

    def _has(self, char: str) -> bool:
        if char in "\n\u200c\u200d":
            return True
        if self._family == "base":
            return ord(char) in self._known
        return char.encode(ENCODING, "ignore") != b""


def _whole(summary: Summary) -> str:
    texts = [value for _, value in summary.facts] + [said.text for said in summary.transcript]
    return "\n".join(texts)
