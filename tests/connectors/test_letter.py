"""The letter, looked at as a page."""

from __future__ import annotations

from datetime import date

import pypdfium2
import pytest

from connectors.letter import LONGEST_SCREEN, Letter, LetterError, is_cut, make, plain
from knowledge_base.content import load_library
from knowledge_base.departments import departments

FACTS = load_library().facts


def letter(screen: str = "Erreur 500", department: str = "69", **fields: object) -> Letter:
    given = {"procedure": "renewal", "since": date(2026, 9, 12), "tried": [1, 3], **fields}
    return Letter(department, screen=screen, **given)  # type: ignore[arg-type]


def read(content: bytes) -> tuple[str, int]:
    """The text of the first page as a reader sees it, and how many pages."""
    with pypdfium2.PdfDocument(content) as pdf:
        page = pdf[0].get_textpage()
        text = page.get_text_range()
        page.close()
        return " ".join(text.split()), len(pdf)


def test_it_says_what_was_told_and_what_the_law_says() -> None:
    text, pages = read(make(letter(), FACTS))
    assert pages == 1
    for part in (
        "Préfecture de Lyon (Rhône)",
        "renouvellement de titre de séjour",
        "Depuis le 12/09/2026",
        "« Erreur 500 »",
        "centre de contact citoyens",
        "R. 431-2 du CESEDA, troisième alinéa",
        "1er août 2023",
        "3 juin 2022",
        "5 mai 2026",
        "Nom et prénom : ____",
        "captures d'écran datées",
    ):
        assert part in text, part


def test_accents_and_signs_are_on_the_page() -> None:
    text, _ = read(make(letter("é è ê ç à ù œ € « cœur »"), FACTS))
    assert "é è ê ç à ù œ € « cœur »" in text


@pytest.mark.parametrize(
    "screen",
    [
        "<b>gras</b> <script>alert(1)</script>",
        r"\input{/etc/passwd} $x^2$",
        "{since} {fee_renewal}",
    ],
)
def test_markup_stays_text(screen: str) -> None:
    text, pages = read(make(letter(screen), FACTS))
    assert pages == 1
    assert screen in text


def test_what_turns_text_round_is_taken_out() -> None:
    assert plain("a\u202eb\u200bc\x00d\ne") == "abc d e"


def test_five_thousand_characters_are_one_page() -> None:
    text, pages = read(make(letter("Veuillez réessayer. " * 250), FACTS))
    assert pages == 1
    assert "[...]" in text
    assert "Signature" in text
    assert is_cut("x" * (LONGEST_SCREEN + 1))


def test_the_fullest_letter_is_one_page_in_every_department() -> None:
    days = [date(2026, 9, day) for day in range(1, 29)]
    for code in departments():
        full = letter("m" * 390, code, tried=[1, 2, 3, 4, 5, 6], blocked_on=days)
        _, pages = read(make(full, FACTS))
        assert pages == 1


@pytest.mark.parametrize("screen", ["0", "", "空白页面", "صفحة بيضاء لا تفتح"])
def test_what_a_french_office_cannot_read_stands_on_the_screenshots(screen: str) -> None:
    text, _ = read(make(letter(screen), FACTS))
    assert "captures jointes" in text


def test_the_prefect_of_police_in_paris() -> None:
    assert "préfet de police" in read(make(letter(department="75"), FACTS))[0]


def test_a_place_that_is_not_there_is_refused() -> None:
    with pytest.raises(LetterError):
        make(letter(department="99"), FACTS)


def test_it_embeds_nothing_of_the_person_in_its_properties() -> None:
    content = make(letter("secret words"), FACTS)
    with pypdfium2.PdfDocument(content) as pdf:
        assert "secret" not in str(pdf.get_metadata_dict())
