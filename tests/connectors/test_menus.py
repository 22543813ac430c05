"""A reply becomes the choice it means, or stays a message."""

from __future__ import annotations

import pytest

from connectors.menus import chosen, numbered
from connectors.records import Option
from knowledge_base.content import load_facts
from knowledge_base.dialogue import Texts, load_texts

OPTIONS = [
    Option("Renouveler ma carte", "/a"),
    Option("Carte périmée", "/b"),
    Option("Parler à une personne", "/human", ("human",)),
]
WORDS = [
    Option("Plus de détails", "/details", ("more",), numbered=False),
    Option("Parler à une personne", "/human", ("human",), numbered=False),
]


@pytest.fixture(scope="module")
def texts() -> Texts:
    return load_texts(load_facts())


def test_options_are_numbered_in_order() -> None:
    assert numbered(OPTIONS) == [
        "1 Renouveler ma carte",
        "2 Carte périmée",
        "3 Parler à une personne",
    ]
    assert numbered(WORDS) == []


@pytest.mark.parametrize(
    "reply",
    [
        "2",
        "٢",
        "۲",
        "2.",
        " 2 ",
        "2)",
        "(2)",
        "n° 2",
        "deux",
        "Deux !",
        "two",
        "اثنان",
        "carte perimee",
    ],
)
def test_the_second_by_any_name(reply: str, texts: Texts) -> None:
    option = chosen(reply, OPTIONS, texts)
    assert option is not None
    assert option.payload == "/b"


@pytest.mark.parametrize("reply", ["HUMAIN", "humain", "human", "إنسان", "3"])
def test_a_person_by_any_word(reply: str, texts: Texts) -> None:
    option = chosen(reply, OPTIONS, texts)
    assert option is not None
    assert option.payload == "/human"


@pytest.mark.parametrize("reply", ["SUITE", "suite", "MORE", "more", "المزيد"])
def test_the_word_for_more_in_any_language(reply: str, texts: Texts) -> None:
    option = chosen(reply, WORDS, texts)
    assert option is not None
    assert option.payload == "/details"


@pytest.mark.parametrize(
    "reply",
    ["4", "0", "22", "-", "", "😀", "2 mois que j'attends", "ma carte", "2027", "²³", "9" * 400],
)
def test_what_is_no_choice_stays_a_message(reply: str, texts: Texts) -> None:
    assert chosen(reply, OPTIONS, texts) is None


def test_a_number_chooses_nothing_where_nothing_is_numbered(texts: Texts) -> None:
    assert chosen("1", WORDS, texts) is None
    assert chosen("1", [], texts) is None
