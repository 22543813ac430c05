"""Checks the messages: questions and acts to learn from, evaluation to measure with."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from knowledge_base.content import Library
from knowledge_base.errors import ContentError
from knowledge_base.examples import (
    ACT_NAMES,
    ACTS,
    EVALUATION,
    OUT_OF_SCOPE,
    QUESTIONS,
    Case,
    Example,
    load_acts,
    load_cases,
    load_questions,
)
from knowledge_base.languages import Language
from knowledge_base.lexicon import LEXICON, load_lexicon
from knowledge_base.normalise import normalise

FEWEST_ACTS = 20
FEWEST_OUT_OF_SCOPE = 40
#: Evaluation messages of a language: an article, out of scope, acts.
CASES = (3, 30, 24)
#: Two messages with this share of four-letter pieces in common are near-duplicates.
NEAR = 0.8
#: Questions shorter than this may differ by one word only: "prix timbre", "timbre prix".
SHORT = 5


def run(library: Library, languages: Sequence[Language], drafts: bool) -> Iterator[str]:
    """Faults of the languages given, as "file:line: what is wrong".

    `drafts`: whether articles still being written must have their questions already.
    """
    try:
        load_lexicon()
        examples = [*load_questions(), *load_acts()]
    except ContentError as error:
        yield str(error)
        return
    for language in languages:
        own = [example for example in examples if example.language == language.code]
        wanted = [
            id
            for id, entry in library.entries.items()
            if drafts or not entry.draft or (language.code, id) in library.articles
        ]
        yield from _counts(own, wanted, language)
        yield from alike(own, library)
        path = EVALUATION / f"{language.code}.jsonl"
        try:
            rows = list(load_cases(path))
        except ContentError as error:
            yield str(error)
        except FileNotFoundError:
            yield f"{path}:1: missing"
        else:
            yield from _cases(path, rows, wanted)
            yield from apart(path, rows, own)


def _counts(own: Sequence[Example], wanted: Sequence[str], language: Language) -> Iterator[str]:
    counts = Counter(example.label for example in own)
    latin: Counter[str] = Counter()
    if language.script != "Latin":
        latin.update(example.label for example in own if not language.written_in(example.text))
    for id in wanted:
        path = QUESTIONS / language.code / f"{id}.txt"
        if counts[id] < language.questions:
            yield f"{path}:1: {counts[id]} questions, at least {language.questions} wanted"
        if latin[id] < language.latin_questions:
            yield (
                f"{path}:1: {latin[id]} questions in Latin letters, "
                f"at least {language.latin_questions} wanted"
            )
    for act in ACT_NAMES:
        if counts[act] < FEWEST_ACTS:
            path = ACTS / f"{language.code}.yml"
            yield f"{path}:1: {counts[act]} examples of '{act}', {FEWEST_ACTS} wanted"
    if counts[OUT_OF_SCOPE] < FEWEST_OUT_OF_SCOPE:
        path = QUESTIONS / language.code / f"{OUT_OF_SCOPE}.txt"
        yield f"{path}:1: {counts[OUT_OF_SCOPE]} messages, {FEWEST_OUT_OF_SCOPE} wanted"
    if not (LEXICON / f"{language.code}.yml").exists():
        yield f"{LEXICON / language.code}.yml:1: missing"


def alike(own: Sequence[Example], library: Library) -> Iterator[str]:
    """No message stands twice, and no two of one article are alike but for a word."""
    first: dict[str, Example] = {}
    by_label: dict[str, list[tuple[Counter[str], str]]] = defaultdict(list)
    for example in own:
        if example.kind == "act":
            continue
        if example.kind == "article" and example.label not in library.entries:
            yield f"{example.where}: no article '{example.label}'"
        plain = normalise(example.text)
        before = first.setdefault(plain, example)
        if before is not example:
            yield f"{example.where}: the same message as {before.where}"
            continue
        words = Counter(_words(plain))
        if words.total() >= SHORT:
            for other, where in by_label[example.label]:
                # One word added, dropped, or put in the place of another.
                if (words - other).total() <= 1 and (other - words).total() <= 1:
                    yield f"{example.where}: but for a word the same as {where}"
            by_label[example.label].append((words, example.where))


def _words(plain: str) -> list[str]:
    """Words; pairs of characters in Chinese, which writes no spaces."""
    words = plain.split()
    if re.search(r"[\u4e00-\u9fff]", plain):
        return [plain[i : i + 2] for i in range(0, len(plain) - 1, 2)]
    return words


def _cases(path: Path, rows: Sequence[Case], wanted: Sequence[str]) -> Iterator[str]:
    """Evaluation rows are well-formed, and there are enough of each."""
    counts = Counter(row.label for row in rows if row.kind == "article")
    kinds = Counter(row.kind for row in rows)
    an_article, out_of_scope, acts = CASES
    for id in wanted:
        if counts[id] < an_article:
            yield f"{path}:1: {counts[id]} messages for '{id}', at least {an_article} wanted"
    if kinds["out_of_scope"] < out_of_scope:
        yield f"{path}:1: {kinds['out_of_scope']} messages out of scope, {out_of_scope} wanted"
    if kinds["act"] < acts:
        yield f"{path}:1: {kinds['act']} acts, {acts} wanted"
    seen: set[str] = set()
    for number, row in enumerate(rows, start=1):
        if row.id in seen:
            yield f"{path}:{number}: id '{row.id}' stands twice"
        seen.add(row.id)
        if row.language != path.stem:
            yield f"{path}:{number}: lang '{row.language}' in the file of '{path.stem}'"
        if row.kind == "act" and row.label not in ACT_NAMES:
            yield f"{path}:{number}: '{row.label}' is no act"


def apart(path: Path, rows: Sequence[Case], own: Sequence[Example]) -> Iterator[str]:
    """No evaluation message is nearly one that is learnt from.

    Acts are left out: "merci" is "merci", wherever it was written.
    """
    learnt = [example for example in own if example.kind != "act"]
    measured = [(n, row) for n, row in enumerate(rows, start=1) if row.kind != "act"]
    if not learnt or not measured:
        return
    counter = CountVectorizer(
        analyzer="char", ngram_range=(4, 4), binary=True, preprocessor=_padded, dtype=np.int32
    )
    theirs = counter.fit_transform([example.text for example in learnt])
    ours = counter.transform([row.text for _, row in measured])
    sizes = [len(set(_pieces(row.text))) for _, row in measured]
    common = (ours @ theirs.T).tocsr()
    their_sizes = np.asarray(theirs.sum(axis=1)).ravel()
    for index, (number, _) in enumerate(measured):
        row = common.getrow(index)
        shares = row.data / (sizes[index] + their_sizes[row.indices] - row.data)
        for column in row.indices[shares >= NEAR]:
            yield (
                f"{path}:{number}: nearly the same as {learnt[column].where}, which is learnt from"
            )


def _padded(text: str) -> str:
    return normalise(text).ljust(4, "_")


def _pieces(text: str) -> list[str]:
    padded = _padded(text)
    return [padded[i : i + 4] for i in range(len(padded) - 3)]
