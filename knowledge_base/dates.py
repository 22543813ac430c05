"""Dates as people write them: "3/4/27", "3 avril", "بعد أسبوعين", "2027年4月3日".

`dates.yml` puts the words of a language into English; what looks like a date there is read
by the dateparser library, day before month as in France.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import dateparser
import yaml
from convertdate import persian

from guichet.settings import ROOT
from knowledge_base.normalise import length, letters

VOCABULARY = ROOT / "knowledge_base" / "dates.yml"

#: Why a message that should tell a date does not.
Problem = Literal["", "unclear", "two", "impossible", "far", "unknown"]
Toward = Literal["future", "past"]

#: No permit ends, and no blockage began, further from today.
FURTHEST = timedelta(days=16 * 365)
#: A message so short may be a date in words that only the library knows: "next friday".
MOST_WORDS = 4
#: Years of the calendar of Iran and Afghanistan.
SOLAR_YEARS = range(1300, 1500)
MONTHS = [calendar.month_name[number].lower() for number in range(1, 13)]
SOLAR_MONTHS = [name.lower() for name in persian.MONTHS]
#: Chinese writes numbers in digits of its own.
_HAN = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_HAN_NUMBER = re.compile("[零〇一二三四五六七八九十两]+")

_MONTH = "|".join(MONTHS)
_SOLAR = "|".join(SOLAR_MONTHS)
_UNIT = r"(?:day|week|month|year)"
_MARK = r"[./\-–,\s]\s*"
_OF = r"(?:\s*(?:st|nd|rd|th|er|of|de|del|do|d'|له|په|د|\.|,|-|/|,|،)\s*|\s+)*"
_PATTERNS = {
    "numeric": re.compile(
        rf"(?<![\d+])(\d{{1,4}}){_MARK}(\d{{1,2}}){_MARK}(\d{{4}}|\d{{1,2}})(?!\d)"
        r"|(?<!\d)(\d{2})(\d{2})(20\d{2})(?!\d)"
    ),
    "day_month": re.compile(
        rf"(?<!\d)(\d{{1,2}}){_OF}({_MONTH}|{_SOLAR}){_OF}(\d{{4}}|\d{{2}}(?!\d))?(?!\w)"
        rf"|(?<!\w)({_MONTH}|{_SOLAR}){_OF}(\d{{1,2}}){_OF}(\d{{4}})?(?!\d)"
    ),
    "short": re.compile(r"(?<![\d.,/])(\d{1,2})[/.](\d{1,2})(?![\d/])"),
    "relative": re.compile(
        rf"((?:IN|AGO)\W*)?(?<!\d)(\d{{1,3}})\s*({_UNIT})(?!\w)(\W*(?:\w+\W+)?(?:IN|AGO))?"
    ),
    "word": re.compile(r"today|tomorrow|yesterday|DAY2IN|DAY2AGO"),
}


@dataclass(frozen=True)
class Reading:
    """What a message says of a date; `day` only where there is no problem."""

    day: date | None = None
    problem: Problem = ""
    #: Words of the message beside the date; 0: it is nothing but a date.
    rest: int = 0


def read(text: str, language: str, today: date, toward: Toward = "future") -> Reading:
    """The one date in a message. A date without a year is the next one, or the last one."""
    english = _english(text, language)
    found: list[date | None] = []
    left = english
    for kind, pattern in _PATTERNS.items():
        while (match := pattern.search(left)) is not None:
            found += _resolve(kind, match, today, toward)
            left = f"{left[: match.start()]} ; {left[match.end() :]}"
    days = {day for day in found if day is not None}
    rest = length(" ".join(re.findall(r"[^\W\d_]{2,}", left)))
    if len(days) > 1:
        return Reading(problem="two", rest=rest)
    if days:
        only = days.pop()
        if abs(only - today) > FURTHEST:
            return Reading(problem="far", rest=rest)
        return Reading(only, rest=rest)
    if found:
        return Reading(problem="impossible", rest=rest)
    if 0 < rest <= MOST_WORDS and (day := _by_library(text, language, today, toward)) is not None:
        return Reading(day)
    if _unknown(language).search(letters(text)):
        return Reading(problem="unknown", rest=rest)
    if re.search(rf"\d|{_MONTH}", english):
        return Reading(problem="unclear", rest=rest)
    return Reading(rest=rest)


def _resolve(kind: str, match: re.Match[str], today: date, toward: Toward) -> Iterator[date | None]:
    """The date that a match names; None for one that is not in the calendar."""
    if kind == "numeric":
        first, second, third = (int(part) for part in match.groups() if part is not None)
        if first > 31:
            first, third = third, first
        yield _calendar(first, second, third, today, toward)
    elif kind == "day_month":
        day, name, year = match.groups()[:3] if match[1] else (match[5], match[4], match[6])
        if name in SOLAR_MONTHS:
            month = SOLAR_MONTHS.index(name) + 1
            yield _solar(int(day), month, int(year) if year else None, today, toward)
        else:
            month = MONTHS.index(name) + 1
            yield _calendar(int(day), month, int(year) if year else None, today, toward)
    elif kind == "short":
        yield _calendar(int(match[1]), int(match[2]), None, today, toward)
    elif kind == "relative":
        marks = f"{match[1] or ''}{match[4] or ''}"
        past = "AGO" in marks if marks else toward == "past"
        amount = f"{match[2]} {match[3]}s"
        yield _ask(f"{amount} ago" if past else f"in {amount}", today, toward)
    else:
        words = {"DAY2IN": "in 2 days", "DAY2AGO": "2 days ago"}
        yield _ask(words.get(match[0], match[0]), today, toward)


def _calendar(day: int, month: int, year: int | None, today: date, toward: Toward) -> date | None:
    if year in SOLAR_YEARS:
        return _solar(day, month, year, today, toward)
    if not 1 <= month <= 12:
        return None
    if year is not None and year < 100:
        year += 2000
    return _ask(f"{day} {MONTHS[month - 1]} {year or ''}".strip(), today, toward)


def _ask(english: str, today: date, toward: Toward) -> date | None:
    relative = english[0].isalpha() or english.endswith("ago")
    parts = [] if relative else ["day", "month"]
    found = dateparser.parse(english, languages=["en"], settings=_settings(today, toward, parts))
    return found.date() if found is not None else None


def _by_library(text: str, language: str, today: date, toward: Toward) -> date | None:
    try:
        found = dateparser.parse(
            text, languages=[language], settings=_settings(today, toward, parts=["day"])
        )
    except ValueError:  # a language that the library does not know
        return None
    return found.date() if found is not None else None


def _settings(today: date, toward: Toward, parts: list[str]) -> Any:
    return {
        "DATE_ORDER": "DMY",
        "REQUIRE_PARTS": parts,
        "RELATIVE_BASE": datetime.combine(today, datetime.min.time()),
        "PREFER_DATES_FROM": toward,
    }


def _solar(day: int, month: int, year: int | None, today: date, toward: Toward) -> date | None:
    """A date of the calendar of Iran and Afghanistan."""
    if year is not None and year < 100:
        year += 1400
    if not 1 <= month <= 12 or not 1 <= day <= (31 if month <= 6 else 30):
        return None
    if year is not None:
        return date(*persian.to_gregorian(year, month, day))
    this = persian.from_gregorian(today.year, today.month, today.day)[0]
    near = [date(*persian.to_gregorian(this + step, month, day)) for step in (-1, 0, 1)]
    if toward == "future":
        return next(each for each in near if each >= today)
    return next(each for each in reversed(near) if each <= today)


def _english(text: str, language: str) -> str:
    plain = letters(text)
    if language == "zh":
        plain = _han(plain)
    plain = re.sub(r"(?<=\d)['’]\w+", "", plain)  # Turkish: 2027'de
    ordinals = _load().get(language, {}).get("ordinals")
    if ordinals:
        endings = "|".join(re.escape(letters(ending)) for ending in ordinals)
        plain = re.sub(rf"(?<=\d)(?:{endings})(?![^\W\d_])", " ", plain)
    for pattern, words in _translations(language):
        plain = pattern.sub(lambda match, words=words: _word(match, words), plain)  # type: ignore[misc]
    return plain


def _word(match: re.Match[str], words: Mapping[str, str]) -> str:
    known = words.get(match["word"])
    if known is None:  # a stem that matched with an ending
        stem = max((s for s in words if s[-1] == "*" and match["word"].startswith(s[:-1])), key=len)
        known = words[stem]
    return f" {known} "


def _han(text: str) -> str:
    text = _HAN_NUMBER.sub(lambda match: str(_han_value(match[0])), text)
    text = re.sub(r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]?", r" \3/\2/\1 ", text)
    return re.sub(r"(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]?", r" \2/\1 ", text)


def _han_value(digits: str) -> int:
    if "十" in digits:
        tens, _, ones = digits.partition("十")
        return 10 * (_HAN.get(tens[-1:], 1)) + _HAN.get(ones[:1], 0)
    return int("".join(str(_HAN[char]) for char in digits))


@cache
def _load(path: Path = VOCABULARY) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@cache
def _translations(language: str) -> tuple[tuple[re.Pattern[str], dict[str, str]], ...]:
    """Replacements, in order: the language's own, then the French that everybody uses."""
    also = _load().get(language, {}).get("also", ())
    codes = dict.fromkeys([language, *also, "fr"])
    return tuple(_translation(code) for code in codes if code in _load())


def _translation(language: str) -> tuple[re.Pattern[str], dict[str, str]]:
    entry = _load()[language]
    words: dict[str, str] = {}
    for name, group in entry["days"].items():
        names = {"in 2 days": "DAY2IN", "2 days ago": "DAY2AGO"}
        words |= {letters(word): names.get(name, name) for word in group}
    for number, group in enumerate(entry.get("solar", ())):
        words |= {letters(word): SOLAR_MONTHS[number] for word in group}
    for marker, group in (("IN", entry["in"]), ("AGO", entry["ago"])):
        words |= {letters(word): marker for word in group}
    for name, group in entry["units"].items():
        words |= {letters(word): name for word in group}
    for value, group in entry["numbers"].items():
        words |= {letters(word): str(value) for word in group}
    for number, group in enumerate(entry["months"]):
        words |= {letters(word): MONTHS[number] for word in group}
    ordered = sorted(words, key=len, reverse=True)
    parts = [re.escape(word).replace(r"\*", r"\w*") for word in ordered]
    if language == "zh":
        return re.compile(f"(?P<word>{'|'.join(parts)})"), words
    # Arabic writes "and", "in", "to" and the article together with the word.
    prefix = "(?:[وبلف]?(?:ال)?)" if language == "ar" else ""
    pattern = rf"(?<![^\W\d_]){prefix}(?P<word>{'|'.join(parts)})(?![^\W\d_])"
    return re.compile(pattern), words


@cache
def _unknown(language: str) -> re.Pattern[str]:
    phrases = [*_load().get(language, {}).get("unknown", ()), *_load()["fr"]["unknown"]]
    return re.compile("|".join(re.escape(letters(phrase)) for phrase in phrases))
