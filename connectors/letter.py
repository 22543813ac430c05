"""The letter to a prefecture, as a PDF of one page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from fpdf import FPDF

from guichet.settings import ROOT
from knowledge_base.content import Facts, fill
from knowledge_base.departments import departments

WORDING = ROOT / "knowledge_base" / "letter.yml"
#: Characters of what the screen says that a page has room for.
LONGEST_SCREEN = 400
#: Dates of the log that a page has room for: the last ones.
MOST_DATES = 10
#: The standard fonts of every PDF reader write these letters.
ENCODING = "cp1252"
#: What the person answers when the screen says nothing they can copy.
NOTHING = "0"


class LetterError(Exception):
    """What was told does not make a letter."""


@dataclass(frozen=True)
class Letter:
    """What the person told. Name and numbers are never asked: the page has blanks."""

    department: str  #: its code
    procedure: str  #: a key of `procedures` in letter.yml
    since: date
    tried: Sequence[int]  #: numbers of the list shown, from one
    screen: str
    blocked_on: Sequence[date] = ()  #: from the log


def make(letter: Letter, facts: Facts) -> bytes:
    """The PDF. Raises LetterError for a department or procedure that there is not."""
    return _page(_wording(), _values(letter, _wording()), facts)


def is_cut(screen: str) -> bool:
    """Whether a letter holds only the beginning of what the screen says."""
    return len(plain(screen)) > LONGEST_SCREEN


def plain(text: str) -> str:
    """One line of printable characters: no marks that turn or hide text, no control."""
    kept = (
        char if unicodedata.category(char)[0] not in "CZ" else " "
        for char in unicodedata.normalize("NFKC", text)
        if unicodedata.category(char) != "Cf"
    )
    return re.sub(r" +", " ", "".join(kept)).strip()


def _values(letter: Letter, wording: dict[str, Any]) -> dict[str, str]:
    place = departments().get(letter.department)
    procedure = wording["procedures"].get(letter.procedure)
    if place is None or procedure is None:
        raise LetterError("no such department or procedure")
    tried = [
        wording["tried"][number - 1]
        for number in letter.tried
        if 1 <= number <= len(wording["tried"])
    ] or [wording["nothing_tried"]]
    return {
        "department": place.name,
        "prefecture": place.prefecture,
        "prefect": wording["prefects"].get(place.code, wording["prefects"]["default"]),
        "procedure": procedure,
        "since": _day(letter.since),
        "tried": "; ".join(tried) + ".",
        "screen": _screen(letter.screen, wording),
        "log": _log(letter.blocked_on, wording),
    }


def _screen(text: str, wording: dict[str, Any]) -> str:
    shown = plain(text)
    if len(shown) > LONGEST_SCREEN:
        shown = shown[:LONGEST_SCREEN].rsplit(" ", 1)[0] + " [...]"
    # A French office reads French: what is written in other letters stands on the screenshots.
    written = shown.encode(ENCODING, "ignore").decode(ENCODING)
    if shown.strip(" .") in ("", NOTHING) or len(written) < 0.9 * len(shown):
        return str(wording["no_screen"])
    return str(wording["screen"]).replace("{text}", written)


def _log(days: Sequence[date], wording: dict[str, Any]) -> str:
    if not days:
        return ""
    dates = ", ".join(_day(day) for day in sorted(set(days))[-MOST_DATES:])
    return str(wording["log"]).replace("{dates}", dates)


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _page(wording: dict[str, Any], values: dict[str, str], facts: Facts) -> bytes:
    def say(text: str) -> str:
        # What the person told is put in last: braces of theirs are braces.
        text = fill(text, facts, "fr", values)
        return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)

    pdf = FPDF(format="A4")
    pdf.core_fonts_encoding = ENCODING
    pdf.set_auto_page_break(False)
    pdf.set_margins(20, 16)
    pdf.add_page()
    pdf.set_lang("fr-FR")
    pdf.set_title("Demande d'une solution de substitution")
    pdf.set_creator("Guichet")
    width = pdf.epw

    def block(text: str, height: float = 4.9, after: float = 2.2, align: str = "L") -> None:
        pdf.multi_cell(width, height, _written(text), align=align, new_x="LMARGIN", new_y="NEXT")
        pdf.ln(after)

    pdf.set_font("Helvetica", size=10)
    for line in wording["sender"]:
        block(say(line), 5.6, 0)
    pdf.ln(2)
    for line in wording["recipient"]:
        block(say(line), 5, 0, "R")
    pdf.ln(3)
    block(say(wording["place_and_date"]), after=1, align="R")
    block(say(wording["registered"]))
    pdf.set_font("Helvetica", "B", 10)
    block(say(wording["subject"]), after=3)
    pdf.set_font("Helvetica", size=10)
    block(say(wording["greeting"]))
    for paragraph in wording["paragraphs"]:
        block(say(paragraph), align="J")
    block(say(wording["closing"]), after=3)
    block(say(wording["signature"]), after=14)
    pdf.set_font("Helvetica", "B", 9)
    block(say(wording["evidence_title"]), 4.4, 0.5)
    pdf.set_font("Helvetica", size=9)
    for line in wording["evidence"]:
        x, y = pdf.get_x(), pdf.get_y()
        pdf.rect(x + 0.6, y + 0.9, 2.8, 2.8)
        pdf.set_x(x + 6)
        pdf.multi_cell(
            width - 6, 4.6, _written(say(line)), align="L", new_x="LMARGIN", new_y="NEXT"
        )
    return bytes(pdf.output())


def _written(text: str) -> str:
    text = text.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{NO-BREAK SPACE}", " ")
    return text.encode(ENCODING, "replace").decode(ENCODING)


@cache
def _wording(path: Path = WORDING) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found
