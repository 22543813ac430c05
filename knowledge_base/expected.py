"""A message as the answer to what was just asked: a date, a place, a choice, a text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from knowledge_base import dates
from knowledge_base.departments import find
from knowledge_base.normalise import length, letters

#: Free texts: whatever is no command and no question is the answer.
FREE = frozenset({"letter_screen", "log_detail"})
_NUMBERS = re.compile(r"[\d\s,;.+&/\-و和]+|(?:\b(?:et|and|y|e|ve|и|та|و)\b)")
#: A message with more words beside a date that cannot be read is about something else.
MOST_WORDS = 5
_QUESTION = re.compile(r"[?？؟]\s*$")


@dataclass(frozen=True)
class Expected:
    """The value of the slot asked for, or the name of what is wrong with the answer."""

    value: str = ""
    problem: str = ""


def expected(text: str, expects: str, language: str, today: date) -> Expected | None:
    """None when the message is no answer to the question but something else.

    `expects`: the name of the slot that was asked for in a form of bot/domain.yml, or
    `log_detail`.
    """
    if expects in ("permit_end", "letter_since"):
        since = expects == "letter_since"
        reading = dates.read(text, language, today, "past" if since else "future")
        if reading.day is not None:
            if since and reading.day > today:
                return Expected(problem="date_far")
            return Expected(reading.day.isoformat())
        attempt = reading.problem and reading.rest <= MOST_WORDS and not _QUESTION.search(text)
        return Expected(problem=f"date_{reading.problem}") if attempt else None
    if expects == "department":
        place = find(text)
        if place is not None:
            return Expected(place.code)
        return Expected(problem="department_unknown") if _is_short(text) else None
    if expects == "letter_tried":
        plain = letters(text)
        if _NUMBERS.sub("", plain).strip() == "" and re.search(r"\d", plain):
            chosen = sorted({int(number) for number in re.findall(r"\d", plain)})
            return Expected(" ".join(map(str, chosen)))
        return Expected(problem="letter_tried_unclear") if _is_short(text) else None
    if expects in FREE and not _QUESTION.search(text):
        return Expected(text.strip())
    return None


def _is_short(text: str) -> bool:
    """So few words are an attempt at an answer, not a question of their own."""
    return length(text) <= 3 and not _QUESTION.search(text)
