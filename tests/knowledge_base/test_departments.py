"""Places, as people tell them."""

from __future__ import annotations

import pytest

from knowledge_base.departments import departments, find


def test_there_are_101_and_each_contact_has_a_date() -> None:
    assert len(departments()) == 101
    assert all(not each.contact or each.as_of for each in departments().values())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("69003", "69"),
        ("77 000", "77"),
        ("Lyon", "69"),
        ("j'habite à bobigny", "93"),
        ("Paris 18", "75"),
        ("2a", "2A"),
        ("20090", "2A"),
        ("20200", "2B"),
        ("97400", "974"),
        ("1", "01"),
        ("٩٣", "93"),
        ("seine saint denis", "93"),
        ("St-Etienne", "42"),
        ("CHATEAUROUX", "36"),
        ("أسكن في باريس", "75"),
        ("نيس", "06"),
        ("در لیون زندگی میکنم", "69"),
        ("пригород Лион", "69"),
        ("我住在里昂", "69"),
        ("马赛", "13"),
        ("প্যারিস", "75"),
    ],
)
def test_a_postcode_a_number_or_a_town(text: str, code: str) -> None:
    place = find(text)
    assert place is not None
    assert place.code == code


@pytest.mark.parametrize(
    "text",
    ["00000", "99", "Atlantis", "", "0612345678", "Saint-Denis", "معلوم نیس", "我从突尼斯来"],
)
def test_what_is_no_place_or_two_is_none(text: str) -> None:
    assert find(text) is None
