"""Which blockage a person has met, told by what they were answered: blockages.yml."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from knowledge_base.content import FOLDER
from knowledge_base.errors import ContentError
from knowledge_base.lexicon import Lexicon, load_lexicon

BLOCKAGES = FOLDER / "blockages.yml"
KINDS = ("site_error", "no_appointment", "attestation_missing", "no_substitution")
SKILLS = ("log", "letter")


@dataclass(frozen=True)
class Signs:
    """What tells of one blockage."""

    articles: Mapping[str, tuple[str, ...]]  #: to the concepts wanted; none: always
    skills: tuple[str, ...]


@dataclass(frozen=True)
class Blockages:
    """The signs of each kind."""

    signs: Mapping[str, Signs]

    @property
    def articles(self) -> frozenset[str]:
        return frozenset(id for signs in self.signs.values() for id in signs.articles)

    def met(self, articles: Collection[str], skills: Collection[str], text: str) -> list[str]:
        """The kinds that an answer to a text tells of, and what was done for the person."""
        return [
            kind
            for kind, signs in self.signs.items()
            if set(signs.skills) & set(skills)
            or any(self._tells(signs.articles[id], text) for id in articles if id in signs.articles)
        ]

    def _tells(self, concepts: tuple[str, ...], text: str) -> bool:
        return not concepts or bool(set(concepts) & set(_lexicon().find(text)))


@cache
def _lexicon() -> Lexicon:
    return load_lexicon()


@cache
def load_blockages(path: Path = BLOCKAGES) -> Blockages:
    """Raises ContentError."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        signs = {
            kind: Signs(
                {id: tuple(concepts) for id, concepts in fields["articles"].items()},
                tuple(fields["skills"]),
            )
            for kind, fields in data.items()
        }
    except (yaml.YAMLError, TypeError, AttributeError, KeyError) as error:
        raise ContentError(f"{path}:1: {error}") from None
    return Blockages(signs)


def faults(articles: Collection[str], path: Path = BLOCKAGES) -> Iterator[str]:
    """What blockages.yml names and is not there."""
    try:
        found = load_blockages(path)
    except ContentError as error:
        yield str(error)
        return
    if set(found.signs) != set(KINDS):
        yield f"{path}:1: the kinds are {', '.join(KINDS)}"
    concepts = set(load_lexicon().forms)
    for kind, signs in found.signs.items():
        for id, wanted in signs.articles.items():
            if id not in articles:
                yield f"{path}:1: {kind}: no article '{id}'"
            for concept in sorted(set(wanted) - concepts):
                yield f"{path}:1: {kind}: no concept '{concept}' in the lexicon"
        for skill in sorted(set(signs.skills) - set(SKILLS)):
            yield f"{path}:1: {kind}: no skill '{skill}'"
