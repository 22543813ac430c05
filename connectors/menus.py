"""Menus: numbering them where there are no buttons, and reading a reply as a choice."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence

from connectors.records import Button, Option
from knowledge_base.dialogue import Texts, fold

#: Chosen by the reply "more" when parts of a long answer are left; never goes to Rasa.
REST_PAYLOAD = "rest"
#: These begin anew: what an earlier time filled in is emptied.
DATES = '/ask_dates{"permit_end": null, "permit_kind": null}'
DEPARTMENT = '/ask_department{"department": null}'
LETTER = (
    '/ask_letter{"letter_procedure": null, "letter_since": null, '
    '"letter_tried": null, "letter_screen": null}'
)
#: Payloads with one value, as `a:fees`. A code is at most 64 bytes, Telegram's limit for
#: callback_data (telegram.constants.InlineKeyboardButtonLimit.MAX_CALLBACK_DATA).
_WITH_VALUE = {
    "a": ("ask_procedure", "article"),
    "d": ("ask_details", "article"),
    "l": ("set_language", "language"),
    "k": ("inform", "permit_kind"),
    "p": ("inform", "letter_procedure"),
}
_WHOLE = {
    "h": "/human",
    "m": "/menu",
    "c": "/change_language",
    "o": '/nlu_fallback{"urgency": "none"}',
    "r": REST_PAYLOAD,
    "s": "/stop",
    "again": "/repeat",
    "hello": "/greet",
    "rm": "/set_reminder",
    "dates": DATES,
    "letter": LETTER,
    "log": "/log_blockage",
}
_PAYLOAD = re.compile(r"/(\w+)(\{.*\})?")
_VALUE = re.compile(r"[a-zA-Z-]{1,40}")


def code(payload: str) -> str:
    """A payload as short as a button may carry. Raises ValueError for one that has no code."""
    for short, whole in _WHOLE.items():
        if payload == whole:
            return short
    match = _PAYLOAD.fullmatch(payload)
    if match is not None:
        entities = json.loads(match[2] or "{}")
        for letter, (intent, entity) in _WITH_VALUE.items():
            if match[1] == intent and entity in entities:
                return f"{letter}:{entities[entity]}"
        if match[1] == "nlu_fallback":
            return "o"
    raise ValueError(f"no button for {payload.partition('{')[0]}")


def payload(code: str) -> str | None:
    """The payload that a button's code stands for; None for anything that is no code."""
    if code in _WHOLE:
        return _WHOLE[code]
    letter, _, value = code.partition(":")
    if letter not in _WITH_VALUE or not _VALUE.fullmatch(value):
        return None
    intent, entity = _WITH_VALUE[letter]
    entities = {entity: value}
    if intent == "ask_procedure":
        entities["urgency"] = "none"
    return f"/{intent}{json.dumps(entities)}"


def buttons(options: Sequence[Option]) -> tuple[Button, ...]:
    return tuple(
        Button(option.title, code(option.payload)) for option in options if option.numbered
    )


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


def number(text: str, texts: Texts) -> int | None:
    """The number that a whole message is: "4", "٤", "quatre"."""
    folded = fold(text)
    word = texts.words.get(folded)
    return _number(folded, word.thing if word is not None else None) if folded else None


def _number(folded: str, thing: str | None) -> int | None:
    if thing is not None and thing.startswith("number_"):
        return int(thing.removeprefix("number_"))
    digits = folded.removeprefix("n ").removeprefix("no ").strip()
    try:
        return int("".join(str(unicodedata.decimal(char)) for char in digits)[:3])
    except ValueError:
        return None
