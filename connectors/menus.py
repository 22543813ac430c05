"""Menus on channels without buttons: numbering, and reading a reply as a choice."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from connectors.records import Option
from knowledge_base.dialogue import Texts, fold


def numbered(options: Sequence[Option]) -> list[str]:
    """ "1 First", "2 Second" … for the options that take a number."""
    choices = [option for option in options if option.numbered]
    return [f"{number} {option.title}" for number, option in enumerate(choices, start=1)]


def chosen(text: str, options: Sequence[Option], texts: Texts) -> Option | None:
    """The option that a reply names by number, number word, title or keyword, or None.

    "2", "٢", "2.", "n° 2", "deux" and "two" are all the second.
    """
    if not options:
        return None
    folded = fold(text)
    if not folded:
        return None
    for option in options:
        if folded == fold(option.title) or folded in map(fold, option.words):
            return option
    word = texts.words.get(folded)
    thing = word.thing if word is not None else None
    for option in options:
        if thing is not None and thing in option.words:
            return option
    number = _number(folded, thing)
    choices = [option for option in options if option.numbered]
    if number is not None and 1 <= number <= len(choices):
        return choices[number - 1]
    return None


def _number(folded: str, thing: str | None) -> int | None:
    if thing is not None and thing.startswith("number_"):
        return int(thing.removeprefix("number_"))
    digits = folded.removeprefix("n ").removeprefix("no ").strip()
    try:
        return int("".join(str(unicodedata.decimal(char)) for char in digits)[:3])
    except ValueError:
        return None
