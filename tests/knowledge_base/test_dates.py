"""Dates as people write them."""

from __future__ import annotations

import json
from datetime import date

import pytest

from guichet.settings import ROOT
from knowledge_base.dates import read
from knowledge_base.languages import load_languages

TODAY = date(2026, 11, 26)
#: Written by somebody who had not seen the vocabulary; see tests/data/dates/.
EXPRESSIONS = sorted((ROOT / "tests" / "data" / "dates").glob("*.jsonl"))
LEAST_UNDERSTOOD = 0.9


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("3/4/27", "fr", "2027-04-03"),
        ("3 avril", "fr", "2027-04-03"),
        ("dans 2 semaines", "fr", "2026-12-10"),
        ("2027-04-03", "fr", "2027-04-03"),
        ("03042027", "fr", "2027-04-03"),
        ("٣/٤/٢٠٢٧", "ar", "2027-04-03"),
        ("بعد أسبوعين", "ar", "2026-12-10"),
        ("۱۵ حمل ۱۴۰۶", "fa", "2027-04-04"),
        ("۱۴۰۶/۱/۱۵", "fa", "2027-04-04"),
        ("二零二七年四月三日", "zh", "2027-04-03"),
        ("৩ এপ্রিল ২০২৭", "bn", "2027-04-03"),
        ("3 Nisan'da bitiyor", "tr", "2027-04-03"),
    ],
)
def test_a_date_is_read_day_before_month(text: str, language: str, expected: str) -> None:
    assert read(text, language, TODAY).day == date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("31/02/2027", "impossible"),
        ("04/13/2027", "impossible"),
        ("3/4/1926", "far"),
        ("3/4/2126", "far"),
        ("du 3/4/26 au 3/4/27", "two"),
        ("je ne sais pas", "unknown"),
        ("fin mars", "unclear"),
        ("0612345678", "unclear"),
        ("bonjour", ""),
        ("", ""),
    ],
)
def test_what_is_no_date_is_told_apart(text: str, problem: str) -> None:
    reading = read(text, "fr", TODAY)
    assert (reading.day, reading.problem) == (None, problem)


def test_without_a_year_it_is_the_next_one_or_the_last_one() -> None:
    assert read("12 septembre", "fr", TODAY).day == date(2027, 9, 12)
    assert read("12 septembre", "fr", TODAY, "past").day == date(2026, 9, 12)
    assert read("3 semaines", "fr", TODAY, "past").day == date(2026, 11, 5)


def test_words_beside_the_date_are_counted() -> None:
    assert read("3/4/27", "fr", TODAY).rest == 0
    assert read("ma carte finit le 3/4/27 je fais quoi", "fr", TODAY).rest > 3


def test_every_language_has_expressions() -> None:
    assert {path.stem for path in EXPRESSIONS} == set(load_languages())


@pytest.mark.parametrize("path", EXPRESSIONS, ids=lambda path: path.stem)
def test_nine_of_ten_expressions_are_understood(path) -> None:  # type: ignore[no-untyped-def]
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) >= 20
    wrong = {
        row["text"]: reading
        for row in rows
        if (reading := read(row["text"], path.stem, TODAY, row["toward"])).day
        != date.fromisoformat(row["date"])
    }
    assert len(wrong) <= (1 - LEAST_UNDERSTOOD) * len(rows), wrong
