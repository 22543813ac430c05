"""What of a message the models see: words, pairs of words and pieces of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from knowledge_base.normalise import normalise

#: Lengths of the pieces of a word, its edges marked: "_carte_" has "_ca" and "rte_".
SHORTEST_PIECE, LONGEST_PIECE = 2, 5


def pieces(text: str) -> list[str]:
    """The features of a message, repeated as often as they occur.

    Pieces survive typing errors; words and pairs tell neighbours apart.
    """
    words = normalise(text).split()
    found: list[str] = []
    for word in words:
        marked = f"_{word}_"
        found.append(f"={word}")
        for length in range(SHORTEST_PIECE, LONGEST_PIECE + 1):
            found += [marked[i : i + length] for i in range(len(marked) - length + 1)]
    found += [f"{left}~{right}" for left, right in pairwise(words)]
    return found


class Vocabulary:
    """The features seen often enough, with how rare each is."""

    def __init__(self, features: Sequence[str], rarity: NDArray[np.float32]) -> None:
        self.features = list(features)
        self.rarity = rarity  #: inverse document frequency, one a feature
        self._row = {feature: row for row, feature in enumerate(features)}

    @classmethod
    def learn(cls, texts: Iterable[str], least: int = 2) -> Vocabulary:
        """Keep features that stand in at least `least` messages."""
        seen: Counter[str] = Counter()
        count = 0
        for text in texts:
            seen.update(set(pieces(text)))
            count += 1
        kept = sorted(feature for feature, times in seen.items() if times >= least)
        times = np.array([seen[feature] for feature in kept], dtype=np.float64)
        rarity = np.log((1 + count) / (1 + times)) + 1
        return cls(kept, rarity.astype(np.float32))

    def __len__(self) -> int:
        return len(self.features)

    def rows(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Feature numbers of a message and their weights, of length one together.

        Weights are (1 + log count) times rarity; both arrays are empty when nothing
        in the message is known.
        """
        counts: Counter[int] = Counter()
        for piece in pieces(text):
            row = self._row.get(piece)
            if row is not None:
                counts[row] += 1
        rows = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
        weights = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
        weights = (1 + np.log(weights)) * self.rarity[rows] if len(rows) else weights
        norm = float(np.linalg.norm(weights))
        return rows, weights / norm if norm else weights

    def matrix(self, texts: Sequence[str]) -> csr_matrix:
        """One row a text."""
        all_rows, all_weights, ends = [], [], [0]
        for text in texts:
            rows, weights = self.rows(text)
            all_rows.append(rows)
            all_weights.append(weights)
            ends.append(ends[-1] + len(rows))
        return csr_matrix(
            (
                np.concatenate(all_weights) if all_weights else np.zeros(0, np.float32),
                np.concatenate(all_rows) if all_rows else np.zeros(0, np.int64),
                np.array(ends),
            ),
            shape=(len(texts), len(self)),
        )
