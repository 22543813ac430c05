"""The words of the pages, in French and English, from desk/texts/<language>.yml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parent / "texts"
LANGUAGES = ("fr", "en")


@cache
def words(language: str) -> Mapping[str, str]:
    """All texts of a language; French for one that the pages do not speak."""
    name = language if language in LANGUAGES else "fr"
    found: dict[str, str] = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
    return found
