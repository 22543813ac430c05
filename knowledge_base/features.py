"""What of a message the models see: its words, pieces of words, and concepts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from knowledge_base.lexicon import Lexicon
from knowledge_base.normalise import is_han, normalise

#: Lengths of the pieces of a word, its edges marked: "_carte_" has "_ca" and "rte_".
SHORTEST_PIECE, LONGEST_PIECE = 2, 5
#: How a feature says what it is.
WORD, PAIR, CONCEPT = "=", "~", "@"


def features(text: str, lexicon: Lexicon) -> list[str]:
    """The features of a message, repeated as often as they occur.

    Pieces survive typing errors; words and pairs tell neighbours apart; concepts
    stand for words never seen before, in any language.
    """
    words = normalise(text).split()
    found = [WORD + word for word in words]
    for word in words:
        found += [piece for piece, _ in pieces(word)]
    found += [left + PAIR + right for left, right in pairwise(words)]
    found += [CONCEPT + concept for concept in sorted(set(lexicon.find(text)))]
    return found


def pieces(word: str) -> Iterator[tuple[str, int]]:
    """The pieces of a word, with where in the word each begins."""
    marked = f"_{word}_"
    for length in range(SHORTEST_PIECE, LONGEST_PIECE + 1):
        for start in range(len(marked) - length + 1):
            yield marked[start : start + length], max(0, start - 1)


class Vocabulary:
    """The features seen often enough, with how rare each is.

    Words, pieces and concepts are three blocks of equal weight, so that the many
    pieces of a long word do not drown the few concepts.
    """

    def __init__(self, names: Sequence[str], rarity: NDArray[np.float32], lexicon: Lexicon) -> None:
        self.names = list(names)
        self.rarity = rarity  #: inverse document frequency, one a feature
        self.lexicon = lexicon
        self._row = {name: row for row, name in enumerate(names)}
        self._block = np.array([_block(name) for name in names], dtype=np.int8)

    @classmethod
    def learn(cls, texts: Iterable[str], lexicon: Lexicon, least: int = 3) -> Vocabulary:
        """Keep features that stand in at least `least` messages."""
        seen: Counter[str] = Counter()
        count = 0
        for text in texts:
            seen.update(set(features(text, lexicon)))
            count += 1
        kept = sorted(name for name, times in seen.items() if times >= least)
        times = np.array([seen[name] for name in kept], dtype=np.float64)
        rarity = np.log((1 + count) / (1 + times)) + 1
        return cls(kept, rarity.astype(np.float32), lexicon)

    def __len__(self) -> int:
        return len(self.names)

    def rows(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Feature numbers of a message and their weights; a block's weights have length one.

        Weights are (1 + log count) times rarity; both arrays are empty when nothing
        in the message is known.
        """
        counts: Counter[int] = Counter()
        for name in features(text, self.lexicon):
            row = self._row.get(name)
            if row is not None:
                counts[row] += 1
        rows = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
        weights = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
        weights = (1 + np.log(weights)) * self.rarity[rows] if len(rows) else weights
        lengths = np.sqrt(np.bincount(self._block[rows], weights**2, minlength=3))
        return rows, (weights / np.maximum(lengths, 1e-9)[self._block[rows]]).astype(np.float32)

    def placed(
        self, plain: str
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64], NDArray[np.int8]]:
        """Words and pieces of a normalised message in the order of where they begin.

        Feature numbers, their rarity, where each begins, and its block.
        """
        found: list[tuple[int, int]] = []
        start = 0
        for word in plain.split(" "):
            row = self._row.get(WORD + word)
            if row is not None:
                found.append((start, row))
            for piece, inside in pieces(word):
                row = self._row.get(piece)
                if row is not None:
                    # A place to part a message lies between words, in Chinese anywhere.
                    found.append((start + inside if is_han(word) else start, row))
            start += len(word) + 1
        found.sort()
        rows = np.array([row for _, row in found], dtype=np.int64)
        starts = np.array([place for place, _ in found], dtype=np.int64)
        return rows, self.rarity[rows], starts, self._block[rows]

    def matrix(self, texts: Sequence[str]) -> csr_matrix:
        """One row a text."""
        all_rows, all_weights, ends = [], [], [0]
        for text in texts:
            rows, weights = self.rows(text)
            all_rows.append(rows)
            all_weights.append(weights)
            ends.append(ends[-1] + len(rows))
        return csr_matrix(
            (np.concatenate(all_weights), np.concatenate(all_rows), np.array(ends)),
            shape=(len(texts), len(self)),
        )


def _block(name: str) -> int:
    if name.startswith(CONCEPT):
        return 2
    return 1 if name.startswith(WORD) or PAIR in name else 0
