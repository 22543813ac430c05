"""Any sentence-transformers model by name or folder, beside or in place of the default encoder.

`GUICHET_ENCODER=intfloat/multilingual-e5-small` uses that model; `default+NAME` uses both.
A softmax regression over the model's vectors, learnt by `guichet kb train`, says what a
message means; the model itself is not changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from knowledge_base.errors import ContentError
from knowledge_base.linear import Floats, Progress, log_softmax

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Models that want to be told what a text is. Messages are compared with messages, so both
#: sides are queries: https://huggingface.co/intfloat/multilingual-e5-small, "FAQ".
PREFIXES = {"e5": "query: "}
BOTH = "default+"


class NamedEncoder:
    """A loaded model, and the regression over its vectors: weights (dimensions, classes)."""

    def __init__(self, name: str, weights: Floats, bias: Floats) -> None:
        self.name = name
        self.weights, self.bias = weights, bias
        self._model = load(name)

    def scores(self, text: str) -> Floats:
        """Log probabilities, shape (classes,)."""
        vector = encode(self._model, self.name, [text])[0]
        return log_softmax(vector @ self.weights + self.bias)


def split_name(setting: str) -> tuple[str, bool]:
    """`(model, whether the default encoder is used too)` of a GUICHET_ENCODER."""
    return setting.removeprefix(BOTH), setting.startswith(BOTH)


def load(name: str) -> SentenceTransformer:
    """Raises ContentError when there is no such model."""
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(name, device="cpu")
    except (OSError, ValueError) as error:
        raise ContentError(
            f"GUICHET_ENCODER: no sentence-transformers model '{name}' ({type(error).__name__})"
        ) from None


def encode(
    model: SentenceTransformer,
    name: str,
    texts: Sequence[str],
    progress: Progress = lambda share: None,
) -> Floats:
    """Unit vectors, shape (texts, dimensions)."""
    prefix = next((p for part, p in PREFIXES.items() if part in name.lower().split("/")[-1]), "")
    parts = []
    step = 256
    for start in range(0, len(texts), step):
        # A lone surrogate is no text to a tokenizer.
        batch = [
            prefix + text.encode("utf-8", "replace").decode()
            for text in texts[start : start + step]
        ]
        parts.append(
            model.encode(batch, normalize_embeddings=True, show_progress_bar=False).astype(
                np.float32
            )
        )
        progress(min(1.0, (start + step) / len(texts)))
    vectors: Floats = np.vstack(parts)
    return vectors


def train(
    name: str,
    texts: Sequence[str],
    labels: Sequence[str],
    progress: Progress,
    *,
    rounds: int = 300,
    seed: int = 1,
) -> NamedEncoder:
    """Learn the regression. Classes are the sorted labels. Raises ContentError."""
    import torch

    vectors = torch.from_numpy(encode(load(name), name, texts, lambda share: progress(0.8 * share)))
    classes = sorted(set(labels))
    targets = torch.tensor([classes.index(label) for label in labels])
    torch.manual_seed(seed)
    layer = torch.nn.Linear(vectors.shape[1], len(classes))
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.05, weight_decay=1e-3)
    # Unit vectors are short: scaled, so that weights need not grow.
    scale = float(np.sqrt(vectors.shape[1]))
    for number in range(rounds):
        loss = torch.nn.functional.cross_entropy(layer(scale * vectors), targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        progress(0.8 + 0.2 * (number + 1) / rounds)
    return NamedEncoder(
        name,
        (scale * layer.weight.detach().numpy().T).astype(np.float32),
        layer.bias.detach().numpy().astype(np.float32),
    )
