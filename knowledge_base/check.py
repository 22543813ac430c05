"""Checks every article, language, fact, question and dialogue text; one line a fault."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from babel import UnknownLocaleError

from guichet import sms
from guichet.settings import ROOT
from knowledge_base import blockages, check_examples, check_letters, check_phrasebook
from knowledge_base.content import (
    PLACEHOLDER,
    SECTIONS,
    Article,
    Library,
    load_library,
)
from knowledge_base.dialogue import RESPONSES, Texts, load_texts
from knowledge_base.errors import ContentError
from knowledge_base.languages import Language, load_languages, served

LONGEST_TITLE = 60
LONGEST_MESSAGE = 900
LONGEST_DETAILS = 1000
#: Segments that a dialogue text may have by SMS.
LONGEST_RESPONSE = 3
#: Names that hold a digit and are no figure.
NAMES_WITH_DIGITS = re.compile(r"\bC2S\b|\b24h\b|\b2D\b")
LIST_NUMBER = re.compile(r"^\d+\. ", re.MULTILINE)
MARKDOWN = re.compile(r"\*\*|\]\(|^#", re.MULTILINE)


def run(languages: Collection[str] | None = None) -> tuple[list[str], str]:
    """All faults, as "file:line: what is wrong", and one line of summary.

    `languages`: check these only, also before they are served, drafts included; default:
    all that are served, where a draft may still be missing.
    """
    wanted = [load_languages()[code] for code in languages or served()]
    faults: list[str] = []
    try:
        library = load_library()
        texts = load_texts(library.facts, languages={"fr", *(lang.code for lang in wanted)})
    except ContentError as error:
        return [_shown(str(error))], "1 fault; the rest is not checked before it is mended"
    faults += _entries(library)
    for language in wanted:
        faults += _articles(library, language, texts, drafts=languages is not None)
        faults += _dialogue(texts, language)
    faults += check_phrasebook.run(wanted, _french_words(library))
    faults += _facts(library)
    faults += blockages.faults(library.entries)
    faults += check_examples.run(library, wanted, drafts=languages is not None)
    summary = (
        f"{len(library.entries)} articles in {len(wanted)} languages "
        f"({', '.join(language.code for language in wanted)}), {len(library.facts)} facts: "
        + (f"{len(faults)} faults" if faults else "all good")
    )
    return [_shown(fault) for fault in faults], summary


def _entries(library: Library) -> Iterator[str]:
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


def _articles(library: Library, language: Language, texts: Texts, drafts: bool) -> Iterator[str]:
    for id, entry in library.entries.items():
        article = library.articles.get((language.code, id))
        if article is None:
            if entry.draft and not drafts:
                continue
            yield f"knowledge_base/articles.yml:{entry.line}: {id}: missing in '{language.code}'"
        else:
            yield from of_article(article, library, language, texts)


def of_article(
    article: Article, library: Library, language: Language, texts: Texts
) -> Iterator[str]:
    """What is wrong with one article in one language, as "file:line: what is wrong"."""
    labels = texts.phrases(language.code).labels
    footer = f"\n{labels['sms_more']}. {labels['sms_human']}"
    yield from _article(article, library, language, footer)
    yield from check_letters.of_texts(
        f"{article.path}:1", _sections(article), language, _french_words(library)
    )
    french = library.articles.get(("fr", article.id))
    if french is not None:
        yield from _same_facts(article, french)


def _article(article: Article, library: Library, language: Language, footer: str) -> Iterator[str]:
    lines = article.path.read_text(encoding="utf-8").splitlines()

    def at(text: str) -> str:
        needle = text.split("\n")[0][:40]
        number = next((n for n, line in enumerate(lines, 1) if needle in line), 1)
        return f"{article.path}:{number}"

    texts = _sections(article)
    for name, text in texts.items():
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
    for name, least, most in (
        ("Title", 1, LONGEST_TITLE),
        ("Message", language.message, LONGEST_MESSAGE),
        ("Details", 0, LONGEST_DETAILS),
    ):
        length = len(filled.get(name, ""))
        if not least <= length <= most:
            yield f"{at(texts[name])}: {name} of {length} characters, not {least} to {most}"
    yield from (
        f"{at(article.sms)}: SMS: {fault}"
        for fault in check_letters.of_sms(filled["SMS"] + footer, language)
    )


def _sections(article: Article) -> dict[str, str]:
    texts = dict(zip(SECTIONS, (article.sms, article.message, article.details or ""), strict=True))
    texts["Title"] = article.title
    return {name: text for name, text in texts.items() if text}


@lru_cache(maxsize=1)
def _french_words(library: Library) -> frozenset[str]:
    """Latin words that a text in another script may hold: those of the French texts."""
    texts = [
        text
        for (language, _), article in library.articles.items()
        if language == "fr"
        for text in _sections(article).values()
    ]
    texts += [str(fact.value) for fact in library.facts.values()]
    return check_letters.latin_words(texts)


def _same_facts(article: Article, french: Article) -> Iterator[str]:
    for key in sorted(french.placeholders - article.placeholders):
        yield f"{article.path}:1: fact {{{key}}} of the French text is missing"
    for key in sorted(article.placeholders - french.placeholders):
        yield f"{article.path}:1: fact {{{key}}} is not in the French text"


def _facts(library: Library) -> Iterator[str]:
    for fact in library.facts.values():
        where = f"knowledge_base/facts.yml:{fact.line}: {fact.key}"
        if not re.match(r"https?://", fact.source):
            yield f"{where}: source must be an address"
        try:
            fact.format("fr")
        except ContentError as error:
            yield f"{where}: {error}"


def _dialogue(texts: Texts, language: Language) -> Iterator[str]:
    path = RESPONSES / f"{language.code}.yml"
    if language.code not in texts.languages:
        yield f"{path}:1: missing"
        return
    french, phrases = texts.phrases("fr"), texts.phrases(language.code)
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
        measured = sms.measure(sms.to_gsm_7(response.sms) if language.gsm else response.sms)
        if language.gsm and measured.alphabet != "GSM-7":
            yield f"{path}:1: sms of '{name}' does not fit GSM-7"
        if measured.segments > LONGEST_RESPONSE:
            yield f"{path}:1: sms of '{name}' has {measured.segments} segments"


def _shown(fault: str) -> str:
    return fault.replace(f"{ROOT}/", "")
