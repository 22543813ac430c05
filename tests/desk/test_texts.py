"""Both languages say all there is to say."""

from __future__ import annotations

import re

from desk.audit import Action
from desk.texts import LANGUAGES, words
from desk.view import TEMPLATES


def test_each_language_has_the_same_words() -> None:
    first, *others = (words(language) for language in LANGUAGES)
    for other in others:
        assert set(other) == set(first)
        for key, text in first.items():
            assert set(re.findall(r"\{\d\}", text)) == set(re.findall(r"\{\d\}", other[key])), key


def test_pages_use_words_that_there_are() -> None:
    for path in TEMPLATES.glob("*.html"):
        for key in re.findall(r"\bt\.(\w+)", path.read_text(encoding="utf-8")):
            assert key in words("fr") or key == "get", f"{path.name}: {key}"


def test_every_action_has_a_name() -> None:
    for action in Action.__args__:  # type: ignore[attr-defined]
        assert f"audit_{action}" in words("fr")
