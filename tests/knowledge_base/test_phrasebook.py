"""The phrasebook: what is sent, and what `kb check` finds; each fault on a copy."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from knowledge_base import check_letters, check_phrasebook
from knowledge_base.content import load_library, write_date
from knowledge_base.errors import ContentError
from knowledge_base.languages import load_languages
from knowledge_base.phrasebook import (
    FIELDS,
    LONGEST_FIELD,
    LRM,
    PHRASEBOOK,
    Phrasebook,
    WrongField,
    load_phrasebook,
    read_sentences,
)

BOOK = load_phrasebook()
WHEN = {"date": "2027-05-01", "time": "14:30", "place": "12 rue {date}, <b>Lyon</b>"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "phrasebook"
    copy.mkdir()
    for name in ("fr", "en", "groups"):
        shutil.copy(PHRASEBOOK / f"{name}.yml", copy)
    return copy


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_there_are_sentences_for_every_moment() -> None:
    assert sum(map(len, BOOK.groups.values())) >= 105
    assert {name for key in BOOK.by_language["fr"] for name in BOOK.fields(key)} == set(FIELDS)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "Votre rendez-vous est noté : 1er mai 2027, 14:30, 12 rue {date}, <b>Lyon</b>."),
        ("en", "Your appointment is noted: 1 May 2027, 14:30, 12 rue {date}, <b>Lyon</b>."),
    ],
)
def test_fields_are_written_as_the_language_writes_them(language: str, text: str) -> None:
    assert BOOK.say("appointment_confirmed", language, WHEN) == text


def test_who_has_no_file_gets_french() -> None:
    book = Phrasebook(BOOK.groups, {"fr": BOOK.by_language["fr"]})
    assert book.language("ar") == "fr"
    assert book.say("goodbye", "ar", {}) == "Au revoir et bonne journée."


def test_a_french_address_does_not_turn_round_among_arabic_letters() -> None:
    text = BOOK.say("lawyer_contact", "ar", {"person": "السيدة ليلى", "number": "06 12 34 56 78"})
    assert f"{LRM}06 12 34 56 78" in text
    assert f"{LRM}السيدة" not in text
    assert LRM not in BOOK.say("lawyer_contact", "ru", {"person": "Maria", "number": "06 12"})


def test_digits_of_a_day_are_western_in_every_language() -> None:
    for code in load_languages():
        shown = write_date(date(2027, 5, 1), code)
        assert "2027" in shown, code
        assert "1" in shown


@pytest.mark.parametrize(
    "values",
    [
        {},
        {**WHEN, "date": "1/5/2027"},
        {**WHEN, "time": "half past two"},
        {**WHEN, "place": "  "},
        {**WHEN, "place": "x" * (LONGEST_FIELD + 1)},
    ],
)
def test_a_field_that_says_nothing_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(WrongField):
        BOOK.say("appointment_confirmed", "fr", values)


def test_there_is_no_other_sentence() -> None:
    with pytest.raises(KeyError):
        BOOK.say("nothing", "fr", {})


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("en", "goodbye:", "good_bye:", "'goodbye' is missing"),
        ("en", "{place}.", "{date}.", "has the fields"),
        ("en", "goodbye:", "hello:", "'hello' stands twice"),
        ("fr", "goodbye:", "farewell:", "no sentence 'goodbye'"),
        ("groups", "  - goodbye\n", "", "'goodbye' is in no group"),
        ("groups", "  - goodbye\n", "  - hello\n", "'hello' stands twice"),
        ("fr", "Bonjour, je suis", "{name}, je suis", "names what is no field"),
        ("groups", "waiting:", "waiting: no\nlater:", "must be a list"),
        ("en", 'goodbye: "', 'goodbye: ["', "en.yml:"),
    ],
)
def test_nothing_is_loaded_that_does_not_agree(
    folder: Path, file: str, old: str, new: str, fault: str
) -> None:
    change(folder / f"{file}.yml", old, new)
    with pytest.raises(ContentError) as raised:
        load_phrasebook(folder)
    assert fault in str(raised.value)


def test_our_own_sentences_have_no_fault() -> None:
    french = [each.message for each in load_library().articles.values() if each.language == "fr"]
    known = check_letters.latin_words(french)
    assert list(check_phrasebook.run(list(load_languages().values()), known)) == []


@pytest.mark.parametrize(
    ("language", "text", "fault"),
    [
        ("fr", "Venez à 9 heures.", "'9' is a bare figure"),
        ("fr", "Bonjour. " * 20, "characters, 160 allowed"),
        ("en", "Good day. " * 40, "segments, 2 allowed"),
        ("en", "Goodbye ☎", "letters outside GSM-7"),
        ("en", "Goodbye. До свидания.", "letters of another script"),
        ("ar", "Au revoir et bonne journée.", "Latin letters"),
        ("ar", "مع السلامة goodbye", "'goodbye' is neither"),
        ("ar", "مع السلامة گ", "letters that Arabic does not have"),
        ("ar", "مع السلامة. " * 30, "segments, 3 allowed"),
    ],
)
def test_check_finds(folder: Path, language: str, text: str, fault: str) -> None:
    path = folder / f"{language}.yml"
    shutil.copy(PHRASEBOOK / path.name, path)
    sentence = read_sentences(path)["goodbye"]
    change(path, sentence, text.strip())
    found = list(check_phrasebook.run([load_languages()[language]], frozenset(), folder))
    assert any(fault in each for each in found), found


def test_check_misses_a_file(folder: Path) -> None:
    [found] = check_phrasebook.run([load_languages()["uk"]], frozenset(), folder)
    assert found.endswith("uk.yml:1: the file is missing")


def test_latin_words_of_the_french_sentences_may_stand_anywhere() -> None:
    known = check_letters.latin_words(["Le récépissé."])
    arabic = load_languages()["ar"]
    assert (
        list(
            check_letters.of_texts("x", {"a": "احتفظوا دائما بنسخة من récépissé أو"}, arabic, known)
        )
        == []
    )
