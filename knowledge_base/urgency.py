"""Whether a message cannot wait: flagged whatever its article.

Danger (violence, arrest, nowhere to sleep, nothing to eat) and distress (words of suicide)
are answered with the numbers for them first. The rest of what is urgent is flagged for who
reads after the machine. What words alone tell, in each language, stands in danger.yml.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

Urgency = Literal["none", "urgent", "danger", "distress"]

#: Articles whose readers are in danger, and the probability of them together that tells it.
DANGER_ARTICLES = ("violence-victim", "emergency-shelter", "detention")
DANGER = 0.35
#: Concepts of the lexicon that tell danger by themselves, where the word is sure.
DANGER_CONCEPTS = frozenset({"violence", "forced_marriage", "detention"})
#: Less sure words, and the probability of a danger article that makes them so.
SUPPORTED_CONCEPTS = frozenset({"arrested", "deport", "shelter", "food"})
SUPPORT = 0.05
#: Today or tomorrow, together with one of these, is urgent.
NOW = "today_urgent"
URGENT_TODAY = frozenset(
    {"fired", "suspended", "plane", "travel", "police", "court", "oqtf", "appeal", "expired"}
    | SUPPORTED_CONCEPTS
)


def urgency(concepts: Collection[str], certainties: Mapping[str, float]) -> Urgency:
    """`concepts`: those that the message names word for word; `certainties`: by article."""
    danger = sum(certainties.get(id, 0.0) for id in DANGER_ARTICLES)
    if (
        danger >= DANGER
        or (danger >= SUPPORT and not SUPPORTED_CONCEPTS.isdisjoint(concepts))
        or not DANGER_CONCEPTS.isdisjoint(concepts)
    ):
        return "danger"
    if NOW in concepts and not URGENT_TODAY.isdisjoint(concepts):
        return "urgent"
    return "none"
