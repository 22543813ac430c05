"""Trains the model from the questions, the acts and the messages out of scope."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import yaml
from scipy.sparse import diags

from knowledge_base import encoder as encoders
from knowledge_base import linear, named_encoder
from knowledge_base.content import FOLDER
from knowledge_base.errors import ContentError
from knowledge_base.examples import (
    ACT_NAMES,
    OUT_OF_SCOPE,
    QUESTIONS,
    Example,
    load_everything,
    load_questions,
)
from knowledge_base.features import CONCEPT, Vocabulary
from knowledge_base.languages import load_languages, served
from knowledge_base.lexicon import load_lexicon
from knowledge_base.model import LATIN, Thresholds, Understanding

THRESHOLDS = FOLDER / "decision.yml"

#: Trainings whose mean is the lexical score.
TRAININGS = 3
OUTSIDE_TIMES = 5
#: A message counts so often at most: a hundred of them do not make a language.
MOST_TIMES = 5.0
#: Called with the name of a step; the context is given what to call with its share done.
Steps = Callable[[str], AbstractContextManager[linear.Progress]]


@contextmanager
def silent(name: str) -> Iterator[linear.Progress]:
    """Steps without a progress bar."""
    yield lambda share: None


def run(
    data: Path | None,
    out: Path,
    say: Callable[[str], None],
    steps: Steps = silent,
    encoder: str | None = None,
) -> None:
    """Train on this repository's data, or on a folder of questions, and write the model.

    Raises ContentError when a file is broken or there is too little to learn from.
    """
    began = time.monotonic()
    examples = load_everything() if data is None else load_questions(data)
    if len({example.label for example in examples}) < 2:
        raise ContentError(f"{data or QUESTIONS}: fewer than two labels to learn")
    say(f"Knowledge base: learning from {len(examples)} messages …")
    fit(examples, load_thresholds(), steps, encoder).save(out)
    say(f"Knowledge base: trained in {time.monotonic() - began:.0f} s, written to {out}")


def load_thresholds(path: Path = THRESHOLDS) -> Thresholds:
    """Read the thresholds. Raises ContentError."""
    try:
        return Thresholds(**yaml.safe_load(path.read_text()))
    except (yaml.YAMLError, TypeError) as error:
        raise ContentError(f"{path}:1: {error}") from None


def fit(
    examples: Sequence[Example],
    thresholds: Thresholds,
    steps: Steps = silent,
    encoder_name: str | None = None,
) -> Understanding:
    """Train every part on the examples. `encoder_name` is a GUICHET_ENCODER."""
    examples = _not_drowned(examples)
    texts = [example.text for example in examples]
    labels = [example.label for example in examples]
    vocabulary = Vocabulary.learn(texts, load_lexicon())
    matrix = vocabulary.matrix(texts)
    with steps(f"lexical score, {len(vocabulary)} features") as progress:
        meaning = linear.train_several(matrix, labels, progress, TRAININGS)
    # Concepts are the same in every language: they tell nothing about which it is.
    spelling = matrix @ diags([float(not n.startswith(CONCEPT)) for n in vocabulary.names])
    # Nobody is taken for a speaker of a language that is not offered yet.
    offered = set(served())
    known = [n for n, e in enumerate(examples) if e.language in offered] or range(len(examples))
    known = _balanced(known, [variant(examples[n]) for n in known])
    with steps("languages") as progress:
        variants = [variant(examples[n]) for n in known]
        language = linear.train(spelling.tocsr()[known], variants, progress, epochs=4)
    numbers = [meaning.classes.index(label) for label in labels]
    rows = np.split(matrix.indices.astype(np.int64), matrix.indptr[1:-1])
    with steps("encoder") as progress:
        encoder, prototypes = encoders.train(rows, numbers, vocabulary, progress)
    understanding = Understanding(
        vocabulary, encoder, meaning, prototypes, encoders.SCALE, language, thresholds
    )
    if encoder_name:
        name, both = named_encoder.split_name(encoder_name)
        with steps(f"encoder {Path(name).name}") as progress:
            understanding.named = named_encoder.train(name, texts, labels, progress)
        understanding.named_only = not both
    return understanding


def _not_drowned(examples: Sequence[Example]) -> list[Example]:
    """Messages out of scope, in each language and script, only so many times an article's.

    Where there are many more, a language's unusual words all sound as if out of scope.
    """
    articles = {e.label for e in examples} - {OUT_OF_SCOPE, *ACT_NAMES}
    asked = Counter(variant(example) for example in examples if example.label in articles)
    outside: dict[str, list[int]] = {}
    for number, example in enumerate(examples):
        if example.label == OUT_OF_SCOPE:
            outside.setdefault(variant(example), []).append(number)
    random = np.random.default_rng(1)
    dropped: set[int] = set()
    for code, numbers in outside.items():
        most = int(OUTSIDE_TIMES * asked[code] / max(1, len(articles))) + 1
        dropped |= {int(number) for number in random.permutation(numbers)[most:]}
    return [example for number, example in enumerate(examples) if number not in dropped]


def _balanced(numbers: Sequence[int], labels: Sequence[str]) -> list[int]:
    """Each number as often as makes every label about as frequent as the rest.

    There are few messages of a language in Latin letters, and they must not be taken for
    French because of it.
    """
    times = Counter(labels)
    wanted = len(labels) / len(times)
    random = np.random.default_rng(1)
    found: list[int] = []
    for number, label in zip(numbers, labels, strict=True):
        share = min(MOST_TIMES, wanted / times[label])
        found += [number] * (int(share) + (random.random() < share % 1))
    return found


def variant(example: Example) -> str:
    """The language of an example, "ar-Latn" when another script's language is in Latin letters."""
    language = load_languages().get(example.language)
    if language and language.script != "Latin" and not language.written_in(example.text):
        return example.language + LATIN
    return example.language
