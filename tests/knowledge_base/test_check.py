"""`kb check` finds what would mislead somebody; each fault is tried on a copy of the texts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from knowledge_base import check, check_examples
from knowledge_base.content import Article, load_library
from knowledge_base.dialogue import load_texts
from knowledge_base.examples import Case, Example
from knowledge_base.languages import load_languages, served

LIBRARY = load_library()
TEXTS = load_texts(LIBRARY.facts)

#: Prices that people still hear and that are wrong, in euros: cards and stamps before
#: 1 May 2026, a student's monthly means before 1 August 2026, a visa's validation.
#: https://www.service-public.gouv.fr/particuliers/vosdroits/F33071, décret 2026-526
OLD_PRICES = (19, 55, 60, 75, 200, 225, 269, 615)


def faults(id: str, language: str, tmp_path: Path, **parts: str) -> list[str]:
    """What is wrong with an article once parts of it are replaced."""
    article = LIBRARY.articles[language, id]
    texts = {
        "title": article.title, "sms": article.sms,
        "message": article.message, "details": article.details, **parts,
    }  # fmt: skip
    path = tmp_path / f"{id}.md"
    path.write_text("# title\n")
    changed = Article(id, language, path=path, **texts)  # type: ignore[arg-type]
    return list(check.of_article(changed, LIBRARY, load_languages()[language], TEXTS))


def test_our_own_texts_have_no_fault() -> None:
    assert check.run()[0] == []


@pytest.mark.parametrize("language", served())
def test_no_text_gives_a_price_of_before_the_last_change(language: str) -> None:
    old = "|".join(map(str, OLD_PRICES))
    pattern = re.compile(rf"€\s?({old})(?![\d.,]\d|\d)|(?<![\d.,])({old})\s?€")
    for article in LIBRARY.articles.values():
        if article.language == language:
            whole = "\n".join((article.sms, article.message, article.details or ""))
            found = pattern.search(LIBRARY.fill(whole, language))
            assert found is None, (article.path, found)


@pytest.mark.parametrize(
    ("language", "parts", "fault"),
    [
        ("fr", {"sms": "Le prix est de 250 euros."}, "'250' is a bare figure"),
        ("ar", {"sms": "الثمن ٢٥٠ يورو."}, "'٢٥٠' is a bare figure"),
        ("fr", {"sms": "Payez {fee_first_permit}. " * 40}, "segments, 2 allowed"),
        ("ar", {"sms": "ادفعوا {fee_first_permit}. " * 20}, "segments, 3 allowed"),
        ("fr", {"sms": "Payez ☎ {fee_renewal}."}, "letters outside GSM-7"),
        ("fr", {"message": "Trop court."}, "Message of 11 characters"),
        ("fr", {"title": "Combien " * 10}, "Title of 80 characters"),
        ("fr", {"details": "**Gras** et {fee_card_stamp}"}, "Markdown"),
        ("en", {"details": "Only this."}, "fact {fee_card_stamp} of the French text is missing"),
        ("en", {"details": "{phone_police}"}, "fact {phone_police} is not in the French text"),
        ("fr", {"details": "{fee_nowhere}"}, "unknown fact '{fee_nowhere}'"),
        ("ar", {"details": "کارت گران است"}, "letters that Arabic does not have"),
        ("ar", {"title": "Where do I buy the stamp?"}, "'where' is neither Arabic nor"),
        ("ar", {"sms": "Carte de séjour et timbre fiscal, merci"}, "Latin letters, 45% allowed"),
        ("en", {"sms": "Pay at the бюро."}, "letters of another script: б о р ю"),
    ],
)
def test_a_fault_in_an_article_is_found(
    tmp_path: Path, language: str, parts: dict[str, str], fault: str
) -> None:
    found = faults("fees", language, tmp_path, **parts)
    assert any(fault in line for line in found), found


def example(text: str, number: int, label: str = "fees") -> Example:
    return Example(text, label, "fr", "article", f"fees.txt:{number}")


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ("combien coûte le timbre fiscal", "Combien coute le timbre fiscal ?", "same message"),
        ("combien coûte le timbre fiscal", "combien coûte un timbre fiscal", "but for a word"),
        ("combien coûte le timbre fiscal", "combien coûte le timbre fiscal svp", None),
        ("combien coûte le timbre fiscal", "le prix du timbre en 2026", None),
        ("prix timbre", "prix carte", None),
    ],
)
def test_questions_alike_but_for_a_word_are_found(
    first: str, second: str, alike: str | None
) -> None:
    found = list(check_examples.alike([example(first, 1), example(second, 2)], LIBRARY))
    assert [alike in fault for fault in found] == ([True] if alike else []) if alike else not found


def test_an_evaluation_message_near_a_question_is_found() -> None:
    rows = [
        Case("fr-1", "fr", "native", "article", "fees", "Combien coûte le timbre fiscal ?"),
        Case("fr-2", "fr", "native", "article", "fees", "ma carte sera prête, je paie quoi"),
    ]
    questions = [example("combien coute le timbre fiscal", 7)]
    found = list(check_examples.apart(Path("fr.jsonl"), rows, questions))
    assert found == ["fr.jsonl:1: nearly the same as fees.txt:7, which is learnt from"]


def test_an_evaluation_file_must_be_whole() -> None:
    rows = [Case("fr-1", "en", "native", "act", "wave", "hello")] * 2
    found = "\n".join(check_examples._cases(Path("fr.jsonl"), rows, ["fees"]))
    assert "0 messages for 'fees', at least 3 wanted" in found
    assert "0 messages out of scope, 30 wanted" in found
    assert "2 acts, 24 wanted" in found
    assert "fr.jsonl:2: id 'fr-1' stands twice" in found
    assert "lang 'en' in the file of 'fr'" in found
    assert "'wave' is no act" in found
