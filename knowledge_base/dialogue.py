"""The named responses of the assistant, from `bot/responses/<language>.yml`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Literal

import yaml

from guichet.settings import ROOT
from knowledge_base.content import Fact, Facts, fill
from knowledge_base.errors import ContentError
from knowledge_base.languages import load_languages, served

RESPONSES = ROOT / "bot" / "responses"
KEYWORDS = ROOT / "bot" / "keywords.yml"
#: What a response may name besides facts: filled in when it is said.
VARIABLES = frozenset(
    {"closes", "contact", "count", "dates", "days", "department", "end", "link", "minutes"}
    | {"opens", "place", "prefecture", "until", "when"}
)


_VARIABLE = re.compile(r"\{(\w+)\}")
Style = Literal["sms", "chat"]


@dataclass(frozen=True)
class Response:
    """One named response: its text for chats, and for SMS where that differs."""

    text: str
    sms: str


@dataclass(frozen=True)
class Phrases:
    """All dialogue texts of one language, facts filled in."""

    language: str
    name: str  #: the language's own name for itself
    responses: Mapping[str, Response]
    labels: Mapping[str, str]  #: short titles of buttons
    words: Mapping[str, tuple[str, ...]]  #: whole messages that mean a thing, by thing

    def say(self, name: str, style: Style, **values: str) -> str:
        """A response in a style, its variables filled in. Raises KeyError for an unknown one."""
        response = self.responses[name]
        text = response.sms if style == "sms" else response.text
        # In one pass: braces in a value are the person's own.
        return _VARIABLE.sub(lambda match: values.get(match[1], match[0]), text)


@dataclass(frozen=True)
class Word:
    """A whole message with a fixed meaning."""

    thing: str
    language: str | None  #: None when several languages write it so
    first: str = ""  #: one of them, for who has written nothing else yet


class Texts:
    """The dialogue texts of every language there is a file for."""

    def __init__(
        self,
        by_language: Mapping[str, Phrases],
        keywords: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
    ) -> None:
        self._by_language = by_language
        #: Whole messages by thing and language, offered or not: "stop", "delete".
        self.keywords = keywords or {}

    @property
    def languages(self) -> list[str]:
        return list(self._by_language)

    def phrases(self, language: str | None) -> Phrases:
        """The texts of a language; French where there are none."""
        return self._by_language.get(language or "fr") or self._by_language["fr"]

    @cached_property
    def words(self) -> dict[str, Word]:
        """`{folded message: what it stands for}` over all languages: "more", "المزيد"."""
        found: dict[str, Word] = {}
        every: list[tuple[str, str, Sequence[str]]] = [
            (language, thing, words)
            for language, phrases in self._by_language.items()
            for thing, words in phrases.words.items()
        ]
        every += [
            (language, thing, words)
            for thing, by_language in self.keywords.items()
            for language, words in by_language.items()
        ]
        for language, thing, words in every:
            for word in map(fold, words):
                known = found.get(word)
                shared = known is not None and known.language != language
                first = known.first if known is not None else language
                found[word] = Word(thing, None if shared else language, first)
        return found


def load_texts(
    facts: Facts,
    retention_days: int = 30,
    folder: Path = RESPONSES,
    languages: Collection[str] | None = None,
) -> Texts:
    """Read the languages given, or those served. Raises ContentError with file and reason."""
    wanted = served() if languages is None else languages
    facts = {**facts, "retention_days": _own_fact("retention_days", retention_days)}
    texts = {
        path.stem: _load(path, facts)
        for path in sorted(folder.glob("*.yml"))
        if path.stem in wanted
    }
    if "fr" not in texts:
        raise ContentError(f"{folder}/fr.yml is missing")
    # The languages most written to the counter first, then the alphabet.
    first = [code for code in ("fr", "en", "ar") if code in texts]
    ordered = {code: texts[code] for code in [*first, *sorted(set(texts) - set(first))]}
    return Texts(ordered, _keywords())


def _keywords(path: Path = KEYWORDS) -> dict[str, dict[str, list[str]]]:
    """Raises ContentError unless every language has every word."""
    try:
        found: dict[str, dict[str, list[str]]] = yaml.safe_load(path.read_text(encoding="utf-8"))
        for thing, by_language in found.items():
            missing = sorted(set(load_languages()) - set(by_language))
            if missing:
                raise ContentError(f"{path}:1: '{thing}' is missing in {', '.join(missing)}")
    except (yaml.YAMLError, AttributeError, TypeError) as error:
        raise ContentError(f"{path}:1: {error}") from None
    return found


def fold(text: str) -> str:
    """A message reduced to letters and digits, for comparing with known words."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        "".join(
            char if char.isalnum() else " " for char in plain if not unicodedata.combining(char)
        ).split()
    )


def _load(path: Path, facts: Facts) -> Phrases:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        language = path.stem
        return Phrases(
            language,
            data["name"],
            {
                name: Response(
                    fill(value["text"], facts, language, VARIABLES).strip(),
                    fill(value.get("sms", value["text"]), facts, language, VARIABLES).strip(),
                )
                for name, value in data["responses"].items()
            },
            data["labels"],
            {thing: tuple(words) for thing, words in data["words"].items()},
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ContentError(f"{path}: {type(error).__name__}: {error}") from None


def _own_fact(key: str, value: int) -> Fact:
    """A fact about this installation, from its settings."""
    return Fact(key, value, "days", "GUICHET_RETENTION_DAYS", "undated", "high", date.max, 0)
