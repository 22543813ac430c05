"""Words of people in danger, from `danger.yml`: found whatever the article is."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from guichet.settings import ROOT
from knowledge_base.languages import load_languages
from knowledge_base.normalise import normalise

WORDS = ROOT / "knowledge_base" / "danger.yml"
Alarm = Literal["danger", "distress"]


def alarm(text: str, language: str) -> Alarm | None:
    """What the words of a message tell: of danger in its language or in French, of suicide in
    any, for that must not hang on knowing the language.
    """
    plain = normalise(text)
    if any(_says(plain, code, "distress") for code in _load()):
        return "distress"
    if any(_says(plain, code, "danger") for code in (language, "fr")):
        return "danger"
    return None


def _says(plain: str, language: str, name: Alarm) -> bool:
    return any(
        all(part.search(plain) for part in parts)
        for parts in _load().get(language, {}).get(name, ())
    )


@cache
def _load(path: Path = WORDS) -> dict[str, dict[str, list[list[re.Pattern[str]]]]]:
    """By language and alarm: patterns of which all must be found, in any of the lists."""
    languages = load_languages()
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        language: {
            name: _compiled(forms, languages[language].script == "Han")
            for name, forms in kinds.items()
        }
        for language, kinds in data.items()
    }


def _compiled(forms: list[str], unspaced: bool) -> list[list[re.Pattern[str]]]:
    """Forms of one part become one pattern: every message is looked at."""
    split = [form.split(" + ") for form in forms]
    single = "|".join(_pattern(parts[0], unspaced) for parts in split if len(parts) == 1)
    several = [
        [re.compile(_pattern(part, unspaced)) for part in parts]
        for parts in split
        if len(parts) > 1
    ]
    return [[re.compile(single)], *several] if single else several


def _pattern(part: str, unspaced: bool) -> str:
    stem = part.endswith("*")
    written = re.escape(normalise(part.replace("*", " ").strip())).replace(r"\ ", r"\s+")
    if unspaced:
        return written
    # Words are parted by spaces; Bengali vowel signs are no letters to Python.
    return rf"(?<!\S){written}" + ("" if stem else r"(?!\S)")
