"""Checks every article, language, fact, question and dialogue text; one line a fault."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from babel import UnknownLocaleError

from guichet import sms
from guichet.settings import ROOT
from knowledge_base.content import (
    PLACEHOLDER,
    SECTIONS,
    Article,
    ContentError,
    Library,
    load_library,
)
from knowledge_base.dialogue import RESPONSES, load_texts
from knowledge_base.examples import (
    ACT_NAMES,
    ACTS,
    EVALUATION,
    OUT_OF_SCOPE,
    QUESTIONS,
    Case,
    load_acts,
    load_cases,
    load_questions,
)
from knowledge_base.normalise import normalise

#: Languages whose SMS must keep to GSM-7, and the segments an answer may have.
GSM_LANGUAGES = {"fr", "en", "es", "pt", "tr"}
SEGMENTS = {True: 2, False: 3}
LONGEST_TITLE = 60
MESSAGE_LENGTH = (300, 900)
#: Chinese says the same in a third of the characters.
SHORT_SCRIPTS = {"zh": (110, 900)}
LONGEST_DETAILS = 1000
#: Fewest questions an article has in a language, and acts an act.
FEWEST_QUESTIONS = {"fr": 30, "en": 20, "ar": 20}
FEWEST_QUESTIONS_ELSEWHERE = 24
FEWEST_LATIN = {"ar": 8}
FEWEST_ACTS = 20
#: Names that hold a digit and are no figure.
NAMES_WITH_DIGITS = re.compile(r"\bC2S\b|\b24h\b|\b2D\b")
LIST_NUMBER = re.compile(r"^\d+\. ", re.MULTILINE)
MARKDOWN = re.compile(r"\*\*|\]\(|^#", re.MULTILINE)
#: Two messages with this share of four-letter pieces in common are near-duplicates.
NEAR = 0.8


def run() -> tuple[list[str], str]:
    """All faults, as "file:line: what is wrong", and one line of summary."""
    faults: list[str] = []
    try:
        library = load_library()
    except ContentError as error:
        return [_shown(str(error))], "1 fault; the rest is not checked before it is mended"
    faults += _articles(library)
    faults += _facts(library)
    faults += _dialogue(library)
    faults += _examples(library)
    languages = library.languages
    summary = (
        f"{len(library.entries)} articles in {len(languages)} languages "
        f"({', '.join(languages)}), {len(library.facts)} facts: "
        + (f"{len(faults)} faults" if faults else "all good")
    )
    return [_shown(fault) for fault in faults], summary


def _articles(library: Library) -> Iterator[str]:
    used: set[str] = set()
    for id, entry in library.entries.items():
        where = f"knowledge_base/articles.yml:{entry.line}: {id}"
        for other in entry.related:
            if other not in library.entries:
                yield f"{where}: related article '{other}' does not exist"
            if other == id:
                yield f"{where}: is related to itself"
        if not entry.sources:
            yield f"{where}: no source"
        if entry.check_again <= entry.checked:
            yield f"{where}: check_again is not after checked"
        for language in library.languages:
            article = library.articles.get((language, id))
            if article is None:
                yield f"{where}: missing in language '{language}'"
                continue
            used |= article.placeholders
            yield from _article(article, library)
            french = library.articles.get(("fr", id))
            if french is not None:
                yield from _same_facts(article, french)
    for key in sorted(used - set(library.facts)):
        yield f"knowledge_base/facts.yml:1: fact '{key}' is named by a text and missing"


def _article(article: Article, library: Library) -> Iterator[str]:
    lines = article.path.read_text(encoding="utf-8").splitlines()

    def at(text: str) -> str:
        needle = text.split("\n")[0][:40]
        number = next((n for n, line in enumerate(lines, 1) if needle in line), 1)
        return f"{article.path}:{number}"

    texts = dict(zip(SECTIONS, (article.sms, article.message, article.details or ""), strict=True))
    texts["Title"] = article.title
    for name, text in texts.items():
        if not text:
            continue
        bare = NAMES_WITH_DIGITS.sub("", LIST_NUMBER.sub("", PLACEHOLDER.sub("", text)))
        for figure in re.findall(r"\w*\d\w*", bare):
            yield f"{at(text)}: {name}: '{figure}' is a bare figure: name a fact"
        if MARKDOWN.search(text):
            yield f"{at(text)}: {name}: Markdown does not show in a text message"
    try:
        filled = {name: library.fill(text, article.language) for name, text in texts.items()}
    except ContentError as error:
        yield f"{article.path}:1: {error}"
        return
    except UnknownLocaleError:
        yield f"{article.path}:1: language '{article.language}' is not known"
        return
    if len(filled["Title"]) > LONGEST_TITLE:
        length = len(filled["Title"])
        yield f"{at(article.title)}: title of {length} characters, over {LONGEST_TITLE}"
    low, high = SHORT_SCRIPTS.get(article.language, MESSAGE_LENGTH)
    if not low <= len(filled["Message"]) <= high:
        yield (
            f"{at(article.message)}: Message of {len(filled['Message'])} characters, "
            f"not {low} to {high}"
        )
    if len(filled["Details"]) > LONGEST_DETAILS:
        yield (
            f"{at(article.details or '')}: Details of {len(filled['Details'])} characters, "
            f"over {LONGEST_DETAILS}"
        )
    yield from (f"{at(article.sms)}: SMS: {fault}" for fault in _sms(article, filled["SMS"]))


def _sms(article: Article, text: str) -> Iterator[str]:
    gsm = article.language in GSM_LANGUAGES
    if gsm:
        bare = PLACEHOLDER.sub("", article.sms)
        outside = sorted({c for c in bare if c not in sms.GSM_7 | sms.GSM_7_EXTENSION})
        if outside:
            yield f"letters outside GSM-7: {' '.join(outside)}"
    measured = sms.measure(sms.to_gsm_7(text) if gsm else text)
    if measured.segments > SEGMENTS[gsm]:
        yield f"{measured.segments} segments, {SEGMENTS[gsm]} allowed"


def _same_facts(article: Article, french: Article) -> Iterator[str]:
    for key in sorted(french.placeholders - article.placeholders):
        yield f"{article.path}:1: fact {{{key}}} of the French text is missing"
    for key in sorted(article.placeholders - french.placeholders):
        yield f"{article.path}:1: fact {{{key}}} is not in the French text"


def _facts(library: Library) -> Iterator[str]:
    today = date.today()  # noqa: DTZ011 - a calendar day, wherever the editor is
    for fact in library.facts.values():
        where = f"knowledge_base/facts.yml:{fact.line}: {fact.key}"
        if not re.match(r"https?://", fact.source):
            yield f"{where}: source must be an address"
        if fact.check_again < today:
            yield f"{where}: was to be checked again on {fact.check_again}"
        try:
            fact.format("fr")
        except ContentError as error:
            yield f"{where}: {error}"


def _dialogue(library: Library) -> Iterator[str]:
    try:
        texts = load_texts(library.facts)
    except ContentError as error:
        yield str(error)
        return
    french = texts.phrases("fr")
    for language in library.languages:
        path = RESPONSES / f"{language}.yml"
        if language not in texts.languages:
            yield f"{path}:1: missing"
            continue
        phrases = texts.phrases(language)
        for kind, wanted, have in (
            ("response", french.responses, phrases.responses),
            ("label", french.labels, phrases.labels),
            ("word list", french.words, phrases.words),
        ):
            for name in sorted(set(wanted) - set(have)):
                yield f"{path}:1: {kind} '{name}' is missing"
            for name in sorted(set(have) - set(wanted)):
                yield f"{path}:1: {kind} '{name}' is not in the French file"
        for name, response in phrases.responses.items():
            text = sms.to_gsm_7(response.sms)
            measured = sms.measure(text)
            if language in GSM_LANGUAGES and measured.alphabet != "GSM-7":
                yield f"{path}:1: sms of '{name}' does not fit GSM-7"
            if measured.segments > 3:
                yield f"{path}:1: sms of '{name}' has {measured.segments} segments"


def _examples(library: Library) -> Iterator[str]:
    try:
        questions, acts = load_questions(), load_acts()
        cases = {path: list(load_cases(path)) for path in sorted(EVALUATION.glob("*.jsonl"))}
    except ContentError as error:
        yield str(error)
        return
    counts: dict[tuple[str, str], int] = defaultdict(int)
    latin: dict[tuple[str, str], int] = defaultdict(int)
    pieces: dict[str, list[tuple[frozenset[str], str]]] = defaultdict(list)
    exact: dict[tuple[str, str], str] = {}
    for example in [*questions, *acts]:
        key = example.language, example.label
        counts[key] += 1
        latin[key] += bool(re.search(r"[a-zA-Z]", example.text)) and not re.search(
            r"[^\x00-\u024f\u2000-\u206f\u20ac]", example.text
        )
        if example.kind == "article" and example.label not in library.entries:
            yield f"{example.where}: no article '{example.label}'"
        plain = normalise(example.text)
        before = exact.setdefault((example.language, plain), example.where)
        if before != example.where and example.kind != "act":
            yield f"{example.where}: the same message as {_shown(before)}"
        pieces[example.language].append((_four_letters(plain), example.where))
    for language in library.languages:
        for id in library.entries:
            least = FEWEST_QUESTIONS.get(language, FEWEST_QUESTIONS_ELSEWHERE)
            path = QUESTIONS / language / f"{id}.txt"
            if counts[language, id] < least:
                yield f"{path}:1: {counts[language, id]} questions, at least {least} wanted"
            if latin[language, id] < FEWEST_LATIN.get(language, 0):
                yield f"{path}:1: {latin[language, id]} of them in Latin letters"
        for act in ACT_NAMES:
            if counts[language, act] < FEWEST_ACTS:
                path = ACTS / f"{language}.yml"
                yield f"{path}:1: {counts[language, act]} examples of '{act}', {FEWEST_ACTS} wanted"
        if not counts[language, OUT_OF_SCOPE]:
            yield f"{QUESTIONS / language / OUT_OF_SCOPE}.txt:1: missing"
    for path, rows in cases.items():
        yield from _apart(path, rows, pieces, library)


def _apart(
    path: Path,
    rows: list[Case],
    pieces: dict[str, list[tuple[frozenset[str], str]]],
    library: Library,
) -> Iterator[str]:
    """Evaluation rows are well-formed, and none is nearly a message learnt from."""
    seen: set[str] = set()
    for number, row in enumerate(rows, start=1):
        where = f"{path}:{number}"
        if row.id in seen:
            yield f"{where}: id '{row.id}' stands twice"
        seen.add(row.id)
        if row.kind == "act" and row.label not in ACT_NAMES:
            yield f"{where}: '{row.label}' is no act"
        if row.kind == "act":
            continue  # "merci" is "merci", wherever it was written
        own = _four_letters(normalise(row.text))
        for other, origin in pieces[row.language]:
            if len(own & other) >= NEAR * len(own | other):
                yield f"{where}: nearly the same as {_shown(origin)}, which is learnt from"


def _four_letters(plain: str) -> frozenset[str]:
    return frozenset(plain[i : i + 4] for i in range(max(1, len(plain) - 3)))


def _shown(fault: str) -> str:
    return fault.replace(f"{ROOT}/", "")
