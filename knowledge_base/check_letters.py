"""Whether a text is in its language's own letters, and fits an SMS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from guichet import sms
from knowledge_base.content import PLACEHOLDER
from knowledge_base.languages import LETTERS, Language

#: Most of a text's letters that may be Latin where the language has another script.
MOST_LATIN = 0.45
LATIN_WORD = re.compile(rf"[{LETTERS['Latin']}]{{3,}}")
#: Latin words that a text in another script may hold without the French text doing so.
LATIN_TERMS = frozenset(
    "anef guichet sms mms pdf jpg png qr email mail gmail spam whatsapp telegram".split()  # noqa: SIM905
)


def of_sms(text: str, language: Language) -> Iterator[str]:
    """What is wrong with an SMS as it is sent, its last line included."""
    measured = sms.measure(sms.to_gsm_7(text) if language.gsm else text)
    if language.gsm and measured.alphabet != "GSM-7":
        outside = sorted({c for c in sms.to_gsm_7(text) if sms.measure(c).alphabet != "GSM-7"})
        yield f"letters outside GSM-7 that nothing replaces: {' '.join(outside)}"
    if measured.segments > language.sms_segments:
        yield f"{measured.segments} segments, {language.sms_segments} allowed"


def of_texts(
    where: str,
    texts: Mapping[str, str],
    language: Language,
    known: frozenset[str],
    most_latin: float = MOST_LATIN,
) -> Iterator[str]:
    """Texts by name, French terms apart: the Latin words in `known`, see `latin_words`."""
    whole = "\n".join(PLACEHOLDER.sub(" ", text) for text in texts.values())
    foreign = sorted(set(whole) & set(language.foreign_letters))
    if foreign:
        yield f"{where}: letters that {language.name} does not have: {' '.join(foreign)}"
    if language.own_letters and not set(whole.lower()) & set(language.own_letters):
        yield f"{where}: no letter that only {language.name} has; is it in {language.name}?"
    if language.script == "Latin":
        others = "".join(letters for name, letters in LETTERS.items() if name != "Latin")
        found = sorted(set(re.findall(f"[{others}]", whole)))
        if found:
            yield f"{where}: letters of another script: {' '.join(found)}"
        return
    for name, text in texts.items():
        bare = PLACEHOLDER.sub(" ", text)
        latin = len(re.findall(f"[{LETTERS['Latin']}]", bare))
        letters = sum(char.isalpha() for char in bare)
        # A title may be little more than the name of a French paper.
        if name != "Title" and letters and latin / letters > most_latin:
            yield f"{where}: {name}: {latin / letters:.0%} Latin letters, {most_latin:.0%} allowed"
        for word in sorted({word.casefold() for word in LATIN_WORD.findall(bare)} - known):
            yield f"{where}: {name}: '{word}' is neither {language.name} nor in a French text"


def latin_words(texts: Iterable[str]) -> frozenset[str]:
    """Latin words that a text in another script may hold: those of the French texts."""
    words = {word.casefold() for text in texts for word in LATIN_WORD.findall(text)}
    return frozenset(words) | LATIN_TERMS
