"""The languages of Guichet, from languages.yml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from knowledge_base.errors import ContentError

PATH = Path(__file__).resolve().parent / "languages.yml"

Script = Literal["Latin", "Arabic", "Cyrillic", "Han", "Bengali"]

#: The letters of each script, as ranges of a character class.
LETTERS: dict[Script, str] = {
    "Latin": "a-zA-Z\u00c0-\u024f",
    "Arabic": "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc",
    "Cyrillic": "\u0400-\u052f",
    "Han": "\u3400-\u4dbf\u4e00-\u9fff",
    "Bengali": "\u0980-\u09ff",
}


@dataclass(frozen=True)
class Language:
    """One language. The fields are explained in languages.yml."""

    code: str
    name: str
    locale: str
    script: Script
    served: bool
    questions: int
    latin_questions: int = 0
    message: int = 300
    own_letters: str = ""
    foreign_letters: str = ""

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        return "rtl" if self.script == "Arabic" else "ltr"

    @property
    def gsm(self) -> bool:
        """Whether its SMS keep to the GSM-7 alphabet."""
        return self.script == "Latin"

    @property
    def sms_segments(self) -> int:
        """Most segments of an article's SMS, https://www.twilio.com/docs/glossary/what-is-gsm-7."""
        return 2 if self.gsm else 3

    def written_in(self, text: str) -> bool:
        """Whether a text has letters of the language's script."""
        return re.search(f"[{LETTERS[self.script]}]", text) is not None


@cache
def load_languages(path: Path = PATH) -> dict[str, Language]:
    """Every language by its code. Raises ContentError."""
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        languages = {code: Language(code, **fields) for code, fields in rows.items()}
    except (yaml.YAMLError, TypeError, AttributeError) as error:
        raise ContentError(f"{path}:1: {error}") from None
    for language in languages.values():
        if language.script not in LETTERS:
            raise ContentError(f"{path}:1: {language.code}: script '{language.script}' not known")
    return languages


def served() -> list[str]:
    """Codes of the languages that people are answered in."""
    return [code for code, language in load_languages().items() if language.served]
