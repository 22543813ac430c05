"""Search time against the number of questions learnt from: 20,000 and 1,000,000.

The knowledge base keeps one vector a subject, the mean of its questions' directions, so a search
reads as many vectors as there are subjects, however many questions there were. Beside it, what
comparing with every question would cost (exact, NumPy).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from knowledge_base.content import load_library
from knowledge_base.encoder import DIMENSIONS, SCALE
from knowledge_base.linear import Floats, log_softmax

SIZES = (20_000, 1_000_000)
#: Questions lie this far around their subject.
SPREAD = 0.6
SEARCHES, EXACT_SEARCHES = 5000, 15


def run() -> None:
    """Print both, one core, synthetic vectors."""
    subjects = len(load_library().entries)
    random = np.random.default_rng(1)
    centres = _unit(random.normal(size=(subjects, DIMENSIONS)).astype(np.float32))
    asked = _questions(centres, random.integers(subjects, size=SEARCHES), random)
    medians = []
    for size in SIZES:
        labels = np.arange(size) % subjects
        questions = _questions(centres, labels, random)
        index = _unit(
            np.stack([questions[labels == subject].mean(axis=0) for subject in range(subjects)])
        )
        ours = _median_us(partial(_rank, index), asked)
        exact = _median_us(partial(_nearest, questions), asked[:EXACT_SEARCHES])
        medians.append(ours)
        print(
            f"{size:9,} questions of {subjects} subjects: {ours:8.1f} us a search (p50); "
            f"comparing with every question {exact:10.1f} us"
        )
    print(f"a million against twenty thousand: {medians[1] / medians[0]:.2f} times")


def _rank(index: Floats, vector: Floats) -> np.ndarray:
    return np.argsort(-log_softmax(SCALE * (index @ vector)))


def _nearest(questions: Floats, vector: Floats) -> np.intp:
    return np.argmax(questions @ vector)


def _questions(centres: Floats, labels: np.ndarray, random: np.random.Generator) -> Floats:
    noise = random.standard_normal((len(labels), DIMENSIONS), dtype=np.float32)
    return _unit(centres[labels] + SPREAD / np.sqrt(DIMENSIONS) * noise)


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _median_us(search: Callable[[Floats], object], asked: Floats) -> float:
    times = []
    for vector in asked:
        began = time.perf_counter()
        search(vector)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6
