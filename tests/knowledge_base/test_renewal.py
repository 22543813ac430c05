"""The dates of a renewal."""

from __future__ import annotations

from datetime import date

import pytest

from knowledge_base.content import load_library
from knowledge_base.renewal import Kind, Standing, moments, response, standing, window

FACTS = load_library().facts
END = date(2027, 4, 3)


def test_on_anef_from_120_to_60_days_before_the_end() -> None:
    found = window(END, "card", FACTS)
    assert (found.opens, found.closes) == (date(2026, 12, 4), date(2027, 2, 2))


def test_not_on_anef_in_the_two_months_before_the_end() -> None:
    found = window(END, "other", FACTS)
    assert (found.opens, found.closes) == (date(2027, 2, 3), END)


@pytest.mark.parametrize(
    ("today", "where"),
    [
        (date(2026, 12, 3), "early"),
        (date(2026, 12, 4), "now"),
        (date(2027, 2, 2), "now"),
        (date(2027, 2, 3), "late"),
        (END, "late"),
        (date(2027, 4, 4), "expired"),
        (date(2029, 4, 4), "long_expired"),
    ],
)
def test_where_today_lies(today: date, where: Standing) -> None:
    assert standing(window(END, "card", FACTS), today) == where


def test_reminders_are_only_for_days_to_come() -> None:
    found = window(END, "card", FACTS)
    assert moments(found, "card", date(2026, 11, 26)) == {
        date(2026, 12, 4): "remind_opens",
        date(2027, 1, 19): "remind_closes",
    }
    assert list(moments(found, "card", date(2026, 12, 4)).values()) == ["remind_closes"]
    assert moments(found, "card", date(2027, 2, 1)) == {}
    api = window(END, "api", FACTS)
    assert moments(api, "api", date(2027, 1, 1)) == {date(2027, 3, 27): "remind_attestation"}


@pytest.mark.parametrize("kind", ["card", "other", "api"])
@pytest.mark.parametrize("where", ["early", "now", "late", "expired", "long_expired"])
def test_every_standing_has_its_text(kind: Kind, where: Standing) -> None:
    from knowledge_base.dialogue import load_texts

    responses = load_texts(FACTS).phrases("fr").responses
    assert response(kind, where) in responses
