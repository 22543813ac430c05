"""Short questions that only make sense after an article: "and for my wife?", "how much?"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from guichet.settings import ROOT
from knowledge_base.content import load_library
from knowledge_base.errors import ContentError
from knowledge_base.lexicon import Lexicon
from knowledge_base.model import Decision
from knowledge_base.normalise import length

FOLLOW_UPS = ROOT / "knowledge_base" / "follow_ups.yml"
SAME = "same"
#: A longer message tells its subject itself.
MOST_WORDS = 7
#: Concepts that frame a question and name no subject.
FRAME = frozenset(
    {"want", "may", "must", "how", "when", "who", "why", "what_is", "apply", "today_urgent"}
    | {"rights", "help", "request", "card", "euros"}
)


@dataclass(frozen=True)
class FollowUps:
    """Where each concept leads, by article."""

    rules: Mapping[str, Mapping[str, str]]

    def article(self, concepts: list[str], last: str) -> str | None:
        """The article that a message naming these concepts asks for after `last`."""
        rules = self.rules.get(last, {})
        for concept in concepts:
            found = rules.get(concept)
            if found is not None:
                return last if found == SAME else found
        return None


@cache
def load_follow_ups(path: Path = FOLLOW_UPS) -> FollowUps:
    """Read and check the rules. Raises ContentError for an article that is not there."""
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    entries = load_library().entries
    rules = {
        id: {
            **data["default"],
            **data["categories"].get(entry.category, {}),
            **data["articles"].get(id, {}),
        }
        for id, entry in entries.items()
    }
    unknown = {target for by in rules.values() for target in by.values()} - {SAME, *entries}
    unknown |= set(data["articles"]) - set(entries)
    if unknown:
        raise ContentError(f"{path}:1: no article {', '.join(sorted(unknown))}")
    return FollowUps(rules)


def follow_up(text: str, decision: Decision, last: str, lexicon: Lexicon) -> str | None:
    """The article that a short question asks for after `last`; None when it stands alone."""
    if not 0 < length(text) <= MOST_WORDS or decision.decision == "act":
        return None
    named = [concept for concept in lexicon.find(text) if concept not in FRAME]
    rules = load_follow_ups()
    if not named or not all(rules.article([concept], last) for concept in named):
        return None
    return rules.article(named, last)
