"""All articles of a language as one HTML page, to proof-read and to print."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from guichet import sms
from knowledge_base.content import FOLDER, Entry, Library
from knowledge_base.dialogue import RESPONSES, Texts
from knowledge_base.errors import ContentError
from knowledge_base.languages import Language


@dataclass(frozen=True)
class Page:
    """One article, facts filled in."""

    id: str
    entry: Entry
    title: str
    sms: str
    sms_segments: int
    message: str
    details: str
    checked: str  #: the date, as the language writes it


def write(library: Library, texts: Texts, language: Language, out: Path, made: date) -> int:
    """Write the page; the number of articles on it. Raises ContentError."""
    labels = texts.phrases(language.code).labels
    categories = {f"category_{entry.category}" for entry in library.entries.values()}
    missing = sorted(categories - set(labels))
    if missing:
        path = RESPONSES / f"{language.code}.yml"
        raise ContentError(f"{path}:1: label '{missing[0]}' is missing")
    chapters: dict[str, list[Page]] = {}
    for id, entry in library.entries.items():
        if (language.code, id) in library.articles:
            page = _page(library, language, id, entry, labels["sms_more"], labels["sms_human"])
            chapters.setdefault(labels[f"category_{entry.category}"], []).append(page)
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined
    )
    html = environment.get_template("book.html").render(
        language=language,
        name=texts.phrases(language.code).name,
        chapters=chapters,
        labels=labels,
        who=texts.phrases(language.code).responses["who_are_you"].text,
        made=format_date(made, "long", locale=language.locale),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(html, encoding="utf-8")
    return sum(map(len, chapters.values()))


def _page(library: Library, language: Language, id: str, entry: Entry, *footer: str) -> Page:
    article = library.articles[language.code, id]
    short = library.fill(article.sms, language.code) + f"\n{'. '.join(footer)}"
    if language.gsm:
        short = sms.to_gsm_7(short)
    return Page(
        id,
        entry,
        library.fill(article.title, language.code),
        short,
        sms.measure(short).segments,
        library.fill(article.message, language.code),
        library.fill(article.details or "", language.code),
        format_date(entry.checked, "long", locale=language.locale),
    )
