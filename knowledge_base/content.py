"""Facts and articles: reading them, and filling facts into texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from knowledge_base.errors import ContentError
from knowledge_base.languages import load_languages, served

FOLDER = Path(__file__).resolve().parent

Unit = Literal[
    "EUR", "days", "months", "years", "hours", "minutes", "weeks", "percent",
    "phone", "sms_number", "url", "email", "address", "law", "date", "level", "number", "name",
]  # fmt: skip
Confidence = Literal["high", "medium"]

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
SECTIONS = ("SMS", "Message", "Details")


@dataclass(frozen=True)
class Fact:
    """One price, delay, number or reference, with where it comes from."""

    key: str
    value: str | int | float | date
    unit: Unit
    source: str
    as_of: str
    confidence: Confidence
    check_again: date
    line: int  #: in facts.yml

    def format(self, language: str) -> str:
        """The value as the language writes it; without the name of a unit of time.

        Digits stay Western in every language: people compare them with a French
        screen, and dial them.
        """
        known = load_languages().get(language)
        locale = known.locale if known else language
        if self.unit == "EUR":
            return _euros(self.value, locale)
        if isinstance(self.value, date):
            return write_date(self.value, language)
        if isinstance(self.value, (int, float)):
            return western(format_decimal(self.value, locale=locale))
        if self.unit in ("phone", "sms_number") and known and known.direction == "rtl":
            # Between Arabic letters the groups of a number would be shown in reverse order
            # (Unicode Standard Annex 9, W2 and N1): one group has no order to lose.
            return self.value.replace(" ", "")
        return self.value


Facts = Mapping[str, Fact]


@dataclass(frozen=True)
class Article:
    """One subject in one language, facts still named."""

    id: str
    language: str
    title: str
    sms: str
    message: str
    details: str | None
    path: Path

    @cached_property
    def placeholders(self) -> frozenset[str]:
        texts = (self.title, self.sms, self.message, self.details or "")
        return frozenset(key for text in texts for key in PLACEHOLDER.findall(text))


@dataclass(frozen=True)
class Entry:
    """The language-neutral side of an article, from articles.yml."""

    id: str
    category: str
    urgent: bool
    related: tuple[str, ...]
    sources: tuple[str, ...]
    checked: date
    check_again: date
    draft: bool  #: still being written: where its text is missing, nobody is answered with it
    line: int


@dataclass(frozen=True, eq=False)
class Library:
    """All articles in all languages, and the facts they name."""

    facts: Facts
    entries: Mapping[str, Entry]
    articles: Mapping[tuple[str, str], Article]  #: by (language, id)

    def article(self, id: str, language: str) -> Article:
        """The article; in French when the language is not served. Raises KeyError."""
        article = self.articles.get((language, id)) if language in served() else None
        return article or self.articles["fr", id]

    def published(self) -> dict[str, frozenset[str]]:
        """The articles that there are, by language."""
        languages = {language for language, _ in self.articles}
        return {
            language: frozenset(id for other, id in self.articles if other == language)
            for language in languages
        }

    def fill(self, text: str, language: str) -> str:
        return fill(text, self.facts, language)


def load_library(folder: Path = FOLDER) -> Library:
    """Read facts.yml, articles.yml and every article. Raises ContentError."""
    facts = load_facts(folder / "facts.yml")
    entries = load_entries(folder / "articles.yml")
    articles = {}
    for path in sorted((folder / "articles").glob("*/*.md")):
        if path.stem not in entries:
            raise ContentError(f"{path}:1: no entry '{path.stem}' in articles.yml")
        articles[path.parent.name, path.stem] = read_article(path)
    return Library(facts, entries, articles)


def load_facts(path: Path = FOLDER / "facts.yml") -> Facts:
    """Read the facts file. Raises ContentError naming file and line."""
    facts = {}
    for key, line, fields in _records(path):
        where = f"{path}:{line}: fact '{key}'"
        missing = {"value", "unit", "source", "as_of", "confidence", "check_again"} - set(fields)
        if missing:
            raise ContentError(f"{where}: {', '.join(sorted(missing))} missing")
        if fields["unit"] not in get_args(Unit):
            raise ContentError(f"{where}: unit '{fields['unit']}' is not known")
        if fields["confidence"] not in get_args(Confidence):
            raise ContentError(f"{where}: confidence must be high or medium")
        if not isinstance(fields["check_again"], date):
            raise ContentError(f"{where}: check_again must be a date, as 2027-05-01")
        if not isinstance(fields["value"], (str, int, float, date)):
            raise ContentError(f"{where}: value must be a text, a number or a date")
        facts[key] = Fact(**{**fields, "as_of": str(fields["as_of"])}, key=key, line=line)
    return facts


def load_entries(path: Path = FOLDER / "articles.yml") -> dict[str, Entry]:
    """Read articles.yml. Raises ContentError naming file and line."""
    entries = {}
    for key, line, fields in _records(path):
        try:
            entries[key] = Entry(
                key,
                fields["category"],
                bool(fields["urgent"]),
                tuple(fields["related"]),
                tuple(fields["sources"]),
                fields["checked"],
                fields["check_again"],
                bool(fields.get("draft")),
                line,
            )
        except (KeyError, TypeError) as error:
            raise ContentError(f"{path}:{line}: article '{key}': {error} missing") from None
    return entries


def read_article(path: Path) -> Article:
    """Read one Markdown article. Raises ContentError naming file and line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise ContentError(f"{path}:1: not UTF-8") from None
    if not lines or not lines[0].startswith("# "):
        raise ContentError(f"{path}:1: the first line must be '# ' and the title")
    sections: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, line in enumerate(lines[1:], start=2):
        if line.startswith("## "):
            name = line[3:].strip()
            if name not in SECTIONS or name in sections:
                raise ContentError(f"{path}:{number}: section '{name}' not expected here")
            current = sections[name] = []
        elif current is not None:
            current.append(line)
        elif line.strip():
            raise ContentError(f"{path}:{number}: text before the first section")
    texts = {name: "\n".join(body).strip() for name, body in sections.items()}
    for name in ("SMS", "Message"):
        if not texts.get(name):
            raise ContentError(f"{path}:{len(lines)}: section '{name}' is missing or empty")
    return Article(
        path.stem,
        path.parent.name,
        lines[0][2:].strip(),
        " ".join(texts["SMS"].split()),
        texts["Message"],
        texts.get("Details") or None,
        path,
    )


def fill(text: str, facts: Facts, language: str, later: Collection[str] = ()) -> str:
    """Replace each `{key}` by its fact, but not those filled in later.

    Raises ContentError for an unknown key.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] in later:
            return match[0]
        fact = facts.get(match[1])
        if fact is None:
            raise ContentError(f"unknown fact '{{{match[1]}}}'")
        return fact.format(language)

    known = load_languages().get(language)
    filled = PLACEHOLDER.sub(value, text)
    if known is None or known.direction == "ltr":
        return filled
    return "\n".join(map(_right_to_left, filled.split("\n")))


def _right_to_left(line: str) -> str:
    """Messengers lay a line out by its first letter (Unicode Standard Annex 9, P2): one that
    begins with a French word gets an invisible mark."""
    first = next((d for d in map(unicodedata.bidirectional, line) if d in ("L", "R", "AL")), "")
    return f"\u200f{line}" if first == "L" else line


def write_date(day: date, language: str) -> str:
    """The day as the language writes it: "1er mai 2026", "1 May 2026"."""
    known = load_languages().get(language)
    locale = known.locale if known else language
    # Babel's Pashto begins with the year, which nobody writes in France.
    pattern = "d MMMM y" if language == "ps" else "long"
    shown = western(format_date(day, pattern, locale=locale))
    # The first of a month is "1er" in French, which Babel's data do not say.
    return shown.replace("1 ", "1er ", 1) if (locale, day.day) == ("fr", 1) else shown


def western(text: str) -> str:
    """Digits as on French screens, and no invisible marks of direction."""
    kept = (
        str(unicodedata.decimal(char)) if char.isdecimal() else char
        for char in text
        if char not in "\u200e\u200f\u061c"
    )
    return "".join(kept)


def _euros(value: str | int | float | date, locale: str) -> str:
    if not isinstance(value, (int, float)):
        raise ContentError(f"an amount in EUR must be a number, not '{value}'")
    whole = float(value).is_integer()
    pattern = None if not whole else _whole_pattern(locale)
    text = format_currency(value, "EUR", pattern, locale=locale, currency_digits=not whole)
    return western(text).replace("\N{NO-BREAK SPACE}", " ").replace("\u202f", " ").strip()


def _whole_pattern(locale: str) -> str:
    return "¤#,##0" if locale in ("en_GB", "zh_Hans") else "#,##0 ¤"


def compose(path: Path) -> yaml.MappingNode:
    """A YAML file as nodes, which know their lines. Raises ContentError naming file and line."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise ContentError(f"{path}:1: the file is missing") from None
    except UnicodeDecodeError:
        raise ContentError(f"{path}:1: not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ContentError(f"{path}:{line}: {error.problem}") from None
    if not isinstance(node, yaml.MappingNode):
        raise ContentError(f"{path}:1: a mapping is expected")
    return node


def _records(path: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """`(key, line, fields)` of a YAML mapping of mappings; a key may stand once only."""
    node = compose(path)
    constructor = yaml.SafeLoader("")
    seen: set[str] = set()
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = str(key_node.value)
        if key in seen:
            raise ContentError(f"{path}:{line}: '{key}' stands twice")
        seen.add(key)
        fields = constructor.construct_object(value_node, deep=True)
        if not isinstance(fields, dict):
            raise ContentError(f"{path}:{line}: '{key}' must be a mapping")
        yield key, line, fields
