"""Facts and articles: how they read, and what a broken file is told."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from knowledge_base.content import Fact, fill, load_facts, load_library, read_article
from knowledge_base.dialogue import fold, load_texts
from knowledge_base.errors import ContentError

FACT = """
fee_renewal:
  value: 250
  unit: EUR
  source: https://www.service-public.gouv.fr
  as_of: 2026-05-01
  confidence: high
  check_again: 2027-05-01
"""
ARTICLE = (
    "# Combien ?\n\n## SMS\nC'est {fee_renewal}.\n\n## Message\nIl faut payer {fee_renewal}.\n"
)


def fact(value: str | float | date, unit: str = "EUR") -> Fact:
    return Fact("a", value, unit, "https://a", "2026", "high", date.max, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "unit", "language", "text"),
    [
        (250, "EUR", "fr", "250 €"),
        (250, "EUR", "en", "€250"),
        (877.5, "EUR", "fr", "877,50 €"),
        (877.5, "EUR", "en", "€877.50"),
        (39582, "EUR", "en", "€39,582"),
        (3, "months", "ar", "3"),
        (date(2026, 5, 1), "date", "fr", "1er mai 2026"),
        (date(2026, 5, 1), "date", "en", "1 May 2026"),
        (date(2026, 5, 1), "date", "ar", "1 ماي 2026"),
        ("0 806 001 620", "phone", "ar", "0806001620"),
    ],
)
def test_a_fact_reads_as_the_language_writes_it(
    value: str | float | date, unit: str, language: str, text: str
) -> None:
    assert fact(value, unit).format(language) == text


def test_facts_are_filled_into_texts(tmp_path: Path) -> None:
    path = tmp_path / "facts.yml"
    path.write_text(FACT)
    assert fill("Il faut {fee_renewal}.", load_facts(path), "fr") == "Il faut 250 €."
    with pytest.raises(ContentError, match="unknown fact"):
        fill("{fee}", load_facts(path), "fr")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("  unit: EUR\n", "", r"facts.yml:2: fact 'fee_renewal': unit missing"),
        ("EUR", "euros", r"facts.yml:2: .* unit 'euros' is not known"),
        ("high", "low", r"facts.yml:2: .* confidence must be high or medium"),
        ("2027-05-01", "soon", r"facts.yml:2: .* check_again must be a date"),
        ("value: 250", "value: [", r"facts.yml:\d+: "),
    ],
)
def test_a_broken_facts_file_is_told_with_file_and_line(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    path = tmp_path / "facts.yml"
    path.write_text(FACT.replace(old, new))
    with pytest.raises(ContentError, match=fault):
        load_facts(path)


def test_a_fact_may_stand_once_only(tmp_path: Path) -> None:
    path = tmp_path / "facts.yml"
    path.write_text(FACT + FACT)
    with pytest.raises(ContentError, match=r"facts.yml:10: 'fee_renewal' stands twice"):
        load_facts(path)


def test_an_article_is_read_in_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "fr" / "fees.md"
    path.parent.mkdir()
    path.write_text(ARTICLE + "\n## Details\nPlus.\n")
    article = read_article(path)
    assert (article.id, article.language, article.title) == ("fees", "fr", "Combien ?")
    assert article.sms == "C'est {fee_renewal}."
    assert article.details == "Plus."
    assert article.placeholders == {"fee_renewal"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Combien ?\n", r"fees.md:1: the first line"),
        (ARTICLE.replace("## SMS", "## Texto"), r"fees.md:3: section 'Texto'"),
        (ARTICLE.split("## Message")[0], r"section 'Message' is missing"),
        ("# T\nmot\n## SMS\na\n", r"fees.md:2: text before"),
        (ARTICLE + "## SMS\nencore\n", r"section 'SMS' not expected"),
    ],
)
def test_a_broken_article_is_told_with_file_and_line(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "fees.md"
    path.write_text(text)
    with pytest.raises(ContentError, match=fault):
        read_article(path)


def test_an_article_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "fees.md"
    path.write_bytes(b"# \xff\n")
    with pytest.raises(ContentError, match="not UTF-8"):
        read_article(path)


def test_no_word_means_two_things_in_its_language() -> None:
    texts = load_texts(load_library().facts)
    for language in texts.languages:
        meant: dict[str, str] = {}
        every = [*texts.phrases(language).words.items()]
        every += [(thing, tuple(by[language])) for thing, by in texts.keywords.items()]
        for thing, words in every:
            for word in map(fold, words):
                assert meant.setdefault(word, thing) == thing, (language, word)


def test_no_word_we_ask_for_is_taken_by_twilio() -> None:
    """https://www.twilio.com/docs/messaging/guides/advanced-opt-out: these stop everything."""
    taken = {"stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"}
    texts = load_texts(load_library().facts)
    for language in texts.languages:
        for name, response in texts.phrases(language).responses.items():
            asked = set(re.findall(r"\b[A-Z]{3,}\b(?! [A-Z]{3})", response.sms))
            assert not taken & {word.casefold() for word in asked}, (language, name)


@pytest.mark.parametrize("language", ["ar", "fa", "ps"])
def test_a_telephone_number_keeps_its_order_between_arabic_letters(language: str) -> None:
    for fact in load_library().facts.values():
        if fact.unit in ("phone", "sms_number"):
            assert " " not in fact.format(language)
            assert fact.format("fr").replace(" ", "") == fact.format(language)


def test_a_line_that_a_french_word_begins_is_laid_out_from_the_right() -> None:
    assert (
        fill("API را بدهید.\n1. CAF\nکارت", {}, "fa") == "\u200fAPI را بدهید.\n\u200f1. CAF\nکارت"
    )
    assert fill("API", {}, "fr") == "API"
