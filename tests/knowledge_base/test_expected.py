"""A message as the answer to what was asked."""

from __future__ import annotations

from datetime import date

import pytest

from knowledge_base.expected import Expected, expected

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("expects", "text", "value"),
    [
        ("permit_end", "3/4/27", "2027-04-03"),
        ("letter_since", "12 septembre", "2026-09-12"),
        ("department", "lyon", "69"),
        ("letter_tried", "1 et 3", "1 3"),
        ("letter_tried", "3,1,1", "1 3"),
        ("letter_screen", "  page blanche ", "page blanche"),
        ("log_detail", "erreur 500", "erreur 500"),
    ],
)
def test_an_answer_is_taken(expects: str, text: str, value: str) -> None:
    assert expected(text, expects, "fr", TODAY) == Expected(value)


@pytest.mark.parametrize(
    ("expects", "text", "problem"),
    [
        ("permit_end", "31/02/2027", "date_impossible"),
        ("permit_end", "je ne sais pas", "date_unknown"),
        ("letter_since", "12/09/2030", "date_far"),
        ("department", "atlantis", "department_unknown"),
        ("letter_tried", "rien", "letter_tried_unclear"),
    ],
)
def test_an_attempt_is_told_what_is_wrong(expects: str, text: str, problem: str) -> None:
    assert expected(text, expects, "fr", TODAY) == Expected(problem=problem)


@pytest.mark.parametrize(
    ("expects", "text"),
    [
        ("permit_end", "combien coute un timbre ?"),
        ("department", "est-ce que je peux travailler avec ça ?"),
        ("letter_screen", "c'est quoi une capture ?"),
        ("permit_kind", "une carte"),
    ],
)
def test_a_question_is_no_answer(expects: str, text: str) -> None:
    assert expected(text, expects, "fr", TODAY) is None


@pytest.mark.parametrize("text", ["我的居留卡过期了怎么办", "我还在等预约可以工作吗"])
def test_a_chinese_question_is_no_answer(text: str) -> None:
    assert expected(text, "department", "zh", TODAY) is None
    assert expected("不清楚", "department", "zh", TODAY) == Expected(problem="department_unknown")
