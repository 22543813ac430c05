"""Checks the phrasebook: whole in each language, in its own letters, short enough for an SMS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from knowledge_base import check_letters
from knowledge_base.content import PLACEHOLDER
from knowledge_base.errors import ContentError
from knowledge_base.languages import Language
from knowledge_base.phrasebook import (
    PHRASEBOOK,
    Sentences,
    fields_of,
    fill_fields,
    group_faults,
    key_faults,
    read_groups,
    read_sentences,
)

#: Characters of a French sentence, fields still named: one segment, the fields apart.
LONGEST_FRENCH = 160
#: As in articles, but a sentence may be little more than the French name of a paper.
MOST_LATIN = 0.7
#: What a sentence is measured with: dates and places longer than most.
SAMPLE = {
    "date": "2027-09-30", "time": "14:30", "place": "12 rue de la Mairie, Lyon",
    "document": "contrat de travail", "person": "Maria Gonzales", "number": "06 12 34 56 78",
}  # fmt: skip


def run(
    languages: Sequence[Language], french_words: frozenset[str], folder: Path = PHRASEBOOK
) -> Iterator[str]:
    """Faults of the languages given, as "file:line: what is wrong"."""
    path = folder / "fr.yml"
    try:
        french = read_sentences(path)
        groups = read_groups(folder / "groups.yml")
    except ContentError as error:
        yield str(error)
        return
    yield from group_faults(groups, french, folder / "groups.yml")
    known = french_words | check_letters.latin_words(french.values())
    for language in languages:
        path = folder / f"{language.code}.yml"
        try:
            sentences = read_sentences(path)
        except ContentError as error:
            yield str(error)
            continue
        yield from key_faults(sentences, french, path)
        yield from check_letters.of_texts(f"{path}:1", sentences, language, known, MOST_LATIN)
        yield from _each(sentences, language, path)


def _each(sentences: Sentences, language: Language, path: Path) -> Iterator[str]:
    for key, sentence in sentences.items():
        for figure in re.findall(r"\w*\d\w*", PLACEHOLDER.sub("", sentence)):
            yield f"{path}:1: {key}: '{figure}' is a bare figure"
        if language.code == "fr" and len(sentence) > LONGEST_FRENCH:
            yield f"{path}:1: {key}: {len(sentence)} characters, {LONGEST_FRENCH} allowed"
        if set(PLACEHOLDER.findall(sentence)) == set(fields_of(sentence)):
            yield from (
                f"{path}:1: {key}: {fault}"
                for fault in check_letters.of_sms(
                    fill_fields(sentence, language.code, SAMPLE), language
                )
            )
