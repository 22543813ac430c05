"""Trains the model from the questions, the acts and the messages out of scope."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import yaml
from scipy.sparse import csr_matrix, diags
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from knowledge_base import encoder as encoders
from knowledge_base.content import FOLDER
from knowledge_base.errors import ContentError
from knowledge_base.examples import QUESTIONS, Example, load_acts, load_questions
from knowledge_base.features import CONCEPT, Vocabulary
from knowledge_base.languages import load_languages
from knowledge_base.lexicon import load_lexicon
from knowledge_base.model import LATIN, Linear, Thresholds, Understanding


def run(data: Path | None, out: Path, say: Callable[[str], None]) -> None:
    """Train on this repository's data, or on a folder of questions, and write the model.

    Raises ContentError when a file is broken or there is too little to learn from.
    """
    began = time.monotonic()
    examples = load_questions(data or QUESTIONS)
    if data is None:
        examples += load_acts()
    if len({example.label for example in examples}) < 2:
        raise ContentError(f"{data or QUESTIONS}: fewer than two labels to learn")
    say(f"Knowledge base: learning from {len(examples)} messages …")
    fit(examples, load_thresholds(), say).save(out)
    say(f"Knowledge base: trained in {time.monotonic() - began:.0f} s, written to {out}")


def load_thresholds(path: Path = FOLDER / "decision.yml") -> Thresholds:
    """Read the thresholds. Raises ContentError."""
    try:
        return Thresholds(**yaml.safe_load(path.read_text()))
    except (yaml.YAMLError, TypeError) as error:
        raise ContentError(f"{path}:1: {error}") from None


def fit(
    examples: Sequence[Example], thresholds: Thresholds, say: Callable[[str], None]
) -> Understanding:
    """Train every part on the examples."""
    texts = [example.text for example in examples]
    vocabulary = Vocabulary.learn(texts, load_lexicon())
    matrix = vocabulary.matrix(texts)
    classes = sorted({example.label for example in examples})
    numbers = [classes.index(example.label) for example in examples]
    say(f"  lexical score: {len(vocabulary)} features, {len(classes)} meanings …")
    meaning = _linear(matrix, [example.label for example in examples], 20.0)
    # Concepts are the same in every language: they tell nothing about which it is.
    spelling = matrix @ diags([float(not n.startswith(CONCEPT)) for n in vocabulary.names])
    language = _linear(spelling.tocsr(), [variant(example) for example in examples], 20.0)
    encoder = encoders.train(texts, numbers, vocabulary, say)
    vectors = encoder.encode(texts)
    prototypes = np.stack(
        [vectors[np.array(numbers) == row].mean(axis=0) for row in range(len(classes))]
    )
    prototypes /= np.linalg.norm(prototypes, axis=1, keepdims=True)
    return Understanding(
        vocabulary,
        encoder,
        meaning,
        prototypes.astype(np.float32),
        encoders.SCALE,
        language,
        thresholds,
    )


def variant(example: Example) -> str:
    """The language of an example, "ar-Latn" when another script's language is in Latin letters."""
    language = load_languages().get(example.language)
    if language and language.script != "Latin" and not language.written_in(example.text):
        return example.language + LATIN
    return example.language


def _linear(matrix: csr_matrix, labels: Sequence[str], strength: float) -> Linear:
    if len(set(labels)) == 1:  # nothing to tell apart
        return Linear(
            list(labels[:1]),
            np.zeros((matrix.shape[1], 1), dtype=np.float16),
            np.zeros(1, dtype=np.float32),
        )
    # Messages of rare classes count as much together as those of frequent ones.
    model = LogisticRegression(C=strength, max_iter=60, class_weight="balanced", tol=1e-3)
    with warnings.catch_warnings():
        # A few more rounds change nothing that is measured.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(matrix, labels)
    weights, bias = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one column for two classes
        weights, bias = np.hstack([-weights, weights]), np.array([-bias[0], bias[0]])
    return Linear(
        [str(name) for name in model.classes_],
        weights.astype(np.float16),
        bias.astype(np.float32),
    )
