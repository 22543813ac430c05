"""Two questions in one message: where it parts best into two that ask different things.

No list of joining words: what counts is whether two subjects explain the two parts much better
than one explains both. A rough look at every place costs one pass over the features; only the
best places are looked at with the whole model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from knowledge_base.linear import Floats, Linear, Rows, log_softmax
from knowledge_base.normalise import length, normalise

if TYPE_CHECKING:
    from knowledge_base.features import Vocabulary

#: A message has so many words at least (two Chinese characters are one), a part so many letters.
FEWEST_WORDS, SHORTEST_PART = 7, 8
#: The first subject is no surer than this, and the second no less likely.
SUREST, LEAST = 0.95, 0.01
#: Both are among so many best of the whole message.
AMONG = 6
#: Probability of each part's subject, and how much better two explain it (difference of logs).
SURE, BETTER = 0.3, 4.0
#: The same by the rough look, and places looked at closely.
ROUGHLY_BETTER, CLOSELY = 3.0, 3

Certainties = Callable[[str], Floats]


def two_questions(
    text: str,
    ranking: Sequence[tuple[str, float]],
    vocabulary: Vocabulary,
    lexical: Linear,
    rows: Rows,
    certainties: Certainties,
) -> tuple[str, str] | None:
    """The two articles asked for, in order; None where the message asks one thing.

    `ranking`: articles of the whole message, best first; `rows`: numbers of the classes that
    are articles; `certainties`: the whole model, a probability a class.
    """
    if len(ranking) < 2 or ranking[0][1] > SUREST or ranking[1][1] < LEAST:
        return None
    if length(text) < FEWEST_WORDS:
        return None
    plain = normalise(text)
    near = {id for id, _ in ranking[:AMONG]}
    best: tuple[float, tuple[str, str] | None] = (BETTER, None)
    for place in _places(plain, vocabulary, lexical, rows):
        left, right = certainties(plain[:place])[rows], certainties(plain[place:])[rows]
        first, second = int(np.argmax(left)), int(np.argmax(right))
        ids = lexical.classes[rows[first]], lexical.classes[rows[second]]
        better = _better(np.log(left + 1e-9), np.log(right + 1e-9))
        sure = min(float(left[first]), float(right[second])) >= SURE
        if first != second and near.issuperset(ids) and sure and better >= best[0]:
            best = better, ids
    return best[1]


def _places(plain: str, vocabulary: Vocabulary, lexical: Linear, rows: Rows) -> list[int]:
    """The places of a normalised message that a rough look finds worth a close one."""
    left, right, starts = _rough(plain, vocabulary, lexical, rows)
    if not len(starts):
        return []
    worth = left.max(axis=1) + right.max(axis=1) - (left + right).max(axis=1)
    inside = (starts >= SHORTEST_PART) & (starts <= len(plain) - SHORTEST_PART)
    worth = np.where(inside, worth, 0.0)
    order = np.argsort(-worth)[:CLOSELY]
    return [int(starts[number]) for number in order if worth[number] >= ROUGHLY_BETTER]


def _rough(
    plain: str, vocabulary: Vocabulary, lexical: Linear, rows: Rows
) -> tuple[Floats, Floats, Rows]:
    """Lexical log probabilities of what stands before and from each place, one row a place.

    Concepts are left out, and a feature that occurs twice counts twice: it is a rough look.
    """
    features, weights, starts, blocks = vocabulary.placed(plain)
    if not len(features):
        nothing = np.zeros((0, len(rows)), dtype=np.float32)
        return nothing, nothing, starts
    places = np.unique(starts)[1:]
    ends = np.searchsorted(starts, places)
    weighted = lexical.weighted(features, weights)[:, rows]
    before = np.zeros((len(places), len(rows)), dtype=np.float32)
    after = before.copy()
    for block in np.unique(blocks):
        mine = blocks == block
        running = np.cumsum(np.where(mine[:, None], weighted, 0), axis=0)
        energy = np.cumsum(np.where(mine, weights**2, 0))
        head, square = running[ends - 1], energy[ends - 1]
        before += head / np.sqrt(np.maximum(square, 1e-9))[:, None]
        after += (running[-1] - head) / np.sqrt(np.maximum(energy[-1] - square, 1e-9))[:, None]
    bias = lexical.bias[rows]
    return log_softmax(before + bias), log_softmax(after + bias), places


def _better(left: Floats, right: Floats) -> float:
    return float(left.max() + right.max() - (left + right).max())
