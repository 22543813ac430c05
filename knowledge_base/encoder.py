"""The default encoder: a static embedding of word pieces, made with sentence-transformers.

A message becomes its features (knowledge_base/features.py), a feature a trained
vector, the message their mean. Training pulls a message towards the other messages of
its label in every language, and away from the rest: contrast against one learnt vector
a label (a proxy, Movshovitz-Attias et al., 2017, arXiv:1703.07464).

What is saved is a sentence-transformers model (`StaticEmbedding`) that anybody can load.
The service reads only its table of vectors: a mean of rows needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load_file

from knowledge_base.features import Vocabulary
from knowledge_base.linear import Floats, Progress, Rows, batches, schedule, step

if TYPE_CHECKING:
    import torch
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

UNKNOWN = "[UNK]"
DIMENSIONS = 96
#: Sharpness of the contrast: cosines lie between -1 and 1.
SCALE = 16.0


class Encoder:
    """Messages to unit vectors, shape (DIMENSIONS,)."""

    def __init__(self, vectors: Floats) -> None:
        self._vectors = vectors  #: one a feature of the vocabulary

    def encode(self, rows: Rows) -> Floats:
        """The vector of a message by its feature numbers; zero when it has none."""
        if not len(rows):
            return np.zeros(self._vectors.shape[1], dtype=np.float32)
        mean = self._vectors[rows].astype(np.float32).mean(axis=0)
        unit: Floats = mean / max(float(np.linalg.norm(mean)), 1e-9)
        return unit

    @classmethod
    def load(cls, folder: Path) -> Encoder:
        """Read the vectors. Raises FileNotFoundError or ValueError."""
        table = load_file(folder / "model.safetensors")["embedding.weight"]
        return cls(table[1:])  # row 0 is for what is unknown

    def save(self, folder: Path, vocabulary: Vocabulary) -> None:
        """Write a sentence-transformers model; its tokens are feature names."""
        from sentence_transformers import SentenceTransformer

        module = _module(vocabulary, self._vectors).half()
        SentenceTransformer(modules=[module], device="cpu").save(
            str(folder), create_model_card=False
        )


def train(
    rows: Sequence[Rows],
    labels: Sequence[int],
    vocabulary: Vocabulary,
    progress: Progress,
    *,
    epochs: int = 8,
    rate: float = 0.01,
    dropped: float = 0.4,
    seed: int = 1,
) -> tuple[Encoder, Floats]:
    """Train on labelled messages; `labels` are numbers from 0.

    Returns the encoder and one unit vector a label, shape (labels, DIMENSIONS).
    """
    import torch

    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    module = _module(vocabulary, random.normal(0, 0.05, (len(vocabulary), DIMENSIONS)))
    module.embedding.sparse = True
    proxies = torch.nn.Parameter(torch.randn(max(labels) + 1, DIMENSIONS) * 0.1)
    optimizers = (
        torch.optim.SparseAdam([module.embedding.weight], lr=rate),
        torch.optim.Adam([proxies], lr=rate),
    )
    targets = torch.tensor(labels)
    for chosen, share in batches(len(labels), epochs, random):
        bag = _bag([_thinned(rows[i], dropped, random) for i in chosen])
        vectors = torch.nn.functional.normalize(module(bag)["sentence_embedding"])
        cosines = vectors @ torch.nn.functional.normalize(proxies).T
        loss = torch.nn.functional.cross_entropy(
            SCALE * cosines, targets[torch.from_numpy(chosen)], label_smoothing=0.05
        )
        step(optimizers, loss, schedule(rate, share))
        progress(share)
    table = module.embedding.weight.detach().numpy()[1:]
    unit = torch.nn.functional.normalize(proxies.detach()).numpy()
    return Encoder(table.astype(np.float16)), unit.astype(np.float32)


def _module(vocabulary: Vocabulary, vectors: np.ndarray) -> StaticEmbedding:
    import torch
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    numbers = {UNKNOWN: 0} | {feature: row + 1 for row, feature in enumerate(vocabulary.names)}
    tokenizer = Tokenizer(WordLevel(numbers, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    table = np.vstack([np.zeros((1, vectors.shape[1])), vectors]).astype(np.float32)
    return StaticEmbedding(tokenizer, embedding_weights=torch.from_numpy(table))


def _thinned(rows: Rows, dropped: float, random: np.random.Generator) -> Rows:
    """A message with a part of its features gone, as in another wording of it."""
    kept = rows[random.random(len(rows)) > dropped]
    return kept if len(kept) else rows


def _bag(rows: Sequence[Rows]) -> dict[str, torch.Tensor]:
    import torch

    lengths = [0, *(len(row) for row in rows)]
    return {
        "input_ids": torch.from_numpy(np.concatenate(rows) + 1),
        "offsets": torch.from_numpy(np.cumsum(lengths)[:-1]),
    }
