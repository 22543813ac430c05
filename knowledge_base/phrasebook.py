"""Sentences that advisors send, the same in each language, from `desk/phrasebook/`.

`<language>.yml` holds `key: "sentence"`; `groups.yml` the keys of each group, in order. A
sentence may name fields that the advisor fills in.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

import yaml
from babel.dates import format_time

from guichet.settings import ROOT
from knowledge_base.content import PLACEHOLDER, compose, western, write_date
from knowledge_base.errors import ContentError
from knowledge_base.languages import load_languages, served

PHRASEBOOK = ROOT / "desk" / "phrasebook"
#: What a sentence may name: a day and an hour are written as its language writes them, the rest
#: stands as the advisor types it.
FIELDS = ("date", "time", "place", "document", "person", "number")
#: What stands where a field is still empty.
BLANK = "…"
#: Characters of a field.
LONGEST_FIELD = 120

#: LEFT-TO-RIGHT MARK: unseen; digits and signs after it stay with the Latin text they belong to.
LRM = "\u200e"

Sentences = Mapping[str, str]


class WrongField(Exception):
    """A field is empty, too long, or no day or hour."""


@dataclass(frozen=True)
class Phrasebook:
    """Each sentence in each language there is a file for; French is always there."""

    groups: Mapping[str, tuple[str, ...]]
    by_language: Mapping[str, Sentences]

    def language(self, person: str) -> str:
        """The language a person is written to in: French where theirs has no file."""
        return person if person in self.by_language else "fr"

    def sentence(self, key: str, language: str) -> str:
        """Fields still named. Raises KeyError."""
        return self.by_language[self.language(language)][key]

    def fields(self, key: str) -> tuple[str, ...]:
        """What the advisor fills in, in the order of FIELDS. Raises KeyError."""
        return fields_of(self.by_language["fr"][key])

    def say(self, key: str, language: str, values: Mapping[str, str]) -> str:
        """The sentence with its fields filled in. Raises KeyError, WrongField.

        `values`: what a form gives, `date` as 2027-04-03 and `time` as 14:30.
        """
        told = self.language(language)
        return fill_fields(self.sentence(key, told), told, values)


def fields_of(sentence: str) -> tuple[str, ...]:
    named = set(PLACEHOLDER.findall(sentence))
    return tuple(name for name in FIELDS if name in named)


def fill_fields(
    sentence: str, language: str, values: Mapping[str, str], blank: str | None = None
) -> str:
    """As Phrasebook.say, of any sentence; with `blank` for what is not filled in yet.

    Raises WrongField, but not where there is a `blank`.
    """

    def written(match: re.Match[str]) -> str:
        try:
            return _written(match[1], values.get(match[1], ""), language)
        except WrongField:
            if blank is None:
                raise
            return blank

    # In one pass: braces in a value are the advisor's own.
    return PLACEHOLDER.sub(written, sentence)


def blanks(sentence: str) -> str:
    """A sentence with dots for its fields."""
    return PLACEHOLDER.sub(BLANK, sentence)


def load_phrasebook(folder: Path = PHRASEBOOK, languages: Collection[str] = ()) -> Phrasebook:
    """French, and the languages given (default: all served) that have a file.

    Raises ContentError where keys, fields or groups do not agree with the French file.
    """
    wanted = dict.fromkeys(["fr", *(languages or served())])
    files = {code: folder / f"{code}.yml" for code in wanted}
    found = {
        code: read_sentences(path) for code, path in files.items() if code == "fr" or path.exists()
    }
    groups = read_groups(folder / "groups.yml")
    faults = group_faults(groups, found["fr"], folder / "groups.yml")
    for code, sentences in found.items():
        faults += key_faults(sentences, found["fr"], files[code])
    if faults:
        raise ContentError(faults[0])
    return Phrasebook(groups, found)


def read_sentences(path: Path) -> dict[str, str]:
    """One language's file. Raises ContentError."""
    sentences = {}
    for key, sentence in _read(path).items():
        if not isinstance(sentence, str) or not sentence.strip():
            raise ContentError(f"{path}:1: '{key}' must be a sentence")
        sentences[key] = sentence.strip()
    return sentences


def read_groups(path: Path) -> dict[str, tuple[str, ...]]:
    """The keys of each group. Raises ContentError."""
    groups = {}
    for name, keys in _read(path).items():
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise ContentError(f"{path}:1: '{name}' must be a list of keys")
        groups[name] = tuple(keys)
    return groups


def group_faults(groups: Mapping[str, tuple[str, ...]], french: Sentences, path: Path) -> list[str]:
    """Each sentence stands in one group, and each group names sentences that there are."""
    keys = [key for group in groups.values() for key in group]
    faults = [f"{path}:1: '{key}' stands twice" for key in sorted(set(keys)) if keys.count(key) > 1]
    faults += [f"{path}:1: no sentence '{key}'" for key in sorted(set(keys) - set(french))]
    faults += [f"{path}:1: '{key}' is in no group" for key in sorted(set(french) - set(keys))]
    return faults


def key_faults(sentences: Sentences, french: Sentences, path: Path) -> list[str]:
    """The same keys, and in each sentence the same fields."""
    faults = [f"{path}:1: '{key}' is missing" for key in sorted(set(french) - set(sentences))]
    faults += [
        f"{path}:1: '{key}' is not in the French file"
        for key in sorted(set(sentences) - set(french))
    ]
    for key in (key for key in french if key in sentences):
        ours, theirs = (sorted(PLACEHOLDER.findall(text[key])) for text in (sentences, french))
        if ours != theirs:
            faults.append(f"{path}:1: '{key}' has the fields {ours}, not {theirs}")
        if set(theirs) - set(FIELDS):
            faults.append(f"{path}:1: '{key}' names what is no field")
    return faults


def _written(name: str, value: str, language: str) -> str:
    value = " ".join(value.split())
    if not value or len(value) > LONGEST_FIELD:
        raise WrongField(name)
    try:
        if name == "date":
            return write_date(date.fromisoformat(value), language)
        if name == "time":
            return _hour(time.fromisoformat(value), language)
    except ValueError:
        raise WrongField(name) from None
    known = load_languages()[language]
    # A French address or number among Arabic letters would turn round: "rue Hugo 12".
    return value if known.direction == "ltr" or known.written_in(value) else f"{LRM}{value}"


def _hour(hour: time, language: str) -> str:
    return western(format_time(hour, "short", locale=load_languages()[language].locale))


def _read(path: Path) -> dict[str, object]:
    constructor = yaml.SafeLoader("")
    found: dict[str, object] = {}
    for key_node, value_node in compose(path).value:
        key = str(key_node.value)
        if key in found:
            raise ContentError(f"{path}:{key_node.start_mark.line + 1}: '{key}' stands twice")
        found[key] = constructor.construct_object(value_node, deep=True)
    return found
