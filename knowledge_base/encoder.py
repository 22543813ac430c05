"""The default encoder: a static embedding of word pieces, made with sentence-transformers.

A message becomes its features (knowledge_base/features.py), a feature a trained
vector, the message their mean. Training pulls a message towards the other messages of
its label in every language, and away from the rest: in-batch contrast against one
learnt vector a label (a proxy, Movshovitz-Attias et al., 2017, arXiv:1703.07464).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from knowledge_base.features import Vocabulary, features
from knowledge_base.lexicon import Lexicon

UNKNOWN = "[UNK]"
DIMENSIONS = 256
#: Sharpness of the contrast: cosines lie between -1 and 1.
SCALE = 16.0

Floats = NDArray[np.float32]


class Encoder:
    """Texts to unit vectors, shape (texts, DIMENSIONS)."""

    def __init__(self, model: SentenceTransformer, lexicon: Lexicon) -> None:
        self._model = model
        self._lexicon = lexicon

    def encode(self, texts: Sequence[str]) -> Floats:
        # A message without a known piece has no direction; it keeps a zero vector.
        vectors = self._model.encode(
            [" ".join(features(text, self._lexicon)) for text in texts],
            convert_to_numpy=True,
            show_progress_bar=False,
            batch_size=512,
        ).astype(np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Floats = vectors / np.maximum(lengths, 1e-9)
        return unit

    def save(self, folder: Path) -> None:
        self._model.save(str(folder), create_model_card=False)

    @classmethod
    def load(cls, folder: Path, lexicon: Lexicon) -> Encoder:
        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        return cls(model, lexicon)


def train(
    texts: Sequence[str],
    labels: Sequence[int],
    vocabulary: Vocabulary,
    say: Callable[[str], None],
    epochs: int = 12,
    seed: int = 1,
) -> Encoder:
    """Train on labelled texts; `labels` are numbers from 0."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    module = _module(vocabulary)
    rows = [vocabulary.rows(text)[0] + 1 for text in texts]  # row 0 is the unknown
    proxies = torch.nn.Parameter(torch.randn(max(labels) + 1, DIMENSIONS) * 0.1)
    optimizer = torch.optim.Adam(
        [{"params": [module.embedding.weight], "lr": 5e-3}, {"params": [proxies], "lr": 1e-2}]
    )
    batch = 256
    steps = epochs * -(-len(texts) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=[1e-2, 2e-2], total_steps=steps
    )
    targets = torch.tensor(labels)
    for epoch in range(epochs):
        order = random.permutation(len(texts))
        total = 0.0
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            bag = _bag([_thinned(rows[i], random) for i in chosen])
            vectors = torch.nn.functional.normalize(module(bag)["sentence_embedding"])
            logits = SCALE * vectors @ torch.nn.functional.normalize(proxies).T
            loss = torch.nn.functional.cross_entropy(
                logits, targets[torch.from_numpy(chosen)], label_smoothing=0.05
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        say(f"  encoder: round {epoch + 1} of {epochs}, loss {total / len(texts):.3f}")
    return Encoder(SentenceTransformer(modules=[module], device="cpu"), vocabulary.lexicon)


def _module(vocabulary: Vocabulary) -> StaticEmbedding:
    numbers = {UNKNOWN: 0} | {feature: row + 1 for row, feature in enumerate(vocabulary.names)}
    tokenizer = Tokenizer(WordLevel(numbers, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    # Rare features begin with more weight, as in the lexical score.
    weights = torch.randn(len(numbers), DIMENSIONS) * 0.05
    weights[0] = 0
    weights[1:] *= torch.from_numpy(vocabulary.rarity)[:, None] / float(vocabulary.rarity.mean())
    return StaticEmbedding(tokenizer, embedding_weights=weights)


def _thinned(rows: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """A message with a part of its features gone, as in another wording of it."""
    kept = rows[random.random(len(rows)) > 0.3]
    return kept if len(kept) else rows


def _bag(rows: Sequence[NDArray[np.int64]]) -> dict[str, torch.Tensor]:
    lengths = np.array([len(row) for row in rows])
    return {
        "input_ids": torch.from_numpy(np.concatenate(rows)),
        "offsets": torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)[:-1]])),
    }
