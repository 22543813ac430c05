"""What is there: every article in every language, and who has read it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from guichet import sms
from knowledge_base.content import Library
from knowledge_base.dialogue import Texts
from knowledge_base.languages import Language
from knowledge_base.review import Review, checked_by_reader

CHECKED, PRESENT, MISSING = "✓", "·", "–"
LEGEND = f"{PRESENT} present   {CHECKED} checked by a native reader   {MISSING} missing"


def cell(library: Library, language: str, id: str, reviews: dict[str, dict[str, Review]]) -> str:
    article = library.articles.get((language, id))
    if article is None:
        return MISSING
    return CHECKED if checked_by_reader(article, reviews) else PRESENT


def table(
    library: Library,
    languages: Sequence[Language],
    reviews: dict[str, dict[str, Review]],
    today: date,
) -> str:
    """Article by language, for a terminal; "!" before an article due for checking again."""
    width = max(map(len, library.entries), default=0) + 2
    lines = [" " * width + "".join(f"{language.code:>4}" for language in languages)]
    for id, entry in library.entries.items():
        due = "!" if entry.check_again <= today else " "
        cells = [cell(library, language.code, id, reviews) for language in languages]
        lines.append(f"{due}{id:{width - 1}}" + "".join(f"{c:>4}" for c in cells))
    for name, mark in (("present", PRESENT + CHECKED), ("checked", CHECKED)):
        counts = [
            sum(cell(library, language.code, id, reviews) in mark for id in library.entries)
            for language in languages
        ]
        lines.append(f" {name:{width - 1}}" + "".join(f"{count:>4}" for count in counts))
    lines += ["", f"{LEGEND}   ! due for checking again"]
    due_facts = sorted(fact.key for fact in library.facts.values() if fact.check_again <= today)
    lines.append(f"Facts due for checking again: {', '.join(due_facts) or 'none'}")
    return "\n".join(lines)


def segments(library: Library, texts: Texts, languages: Sequence[Language]) -> str:
    """What an answer costs by SMS: mean segments of the articles, as they are sent."""
    parts = []
    for language in languages:
        labels = texts.phrases(language.code).labels
        footer = f"\n{labels['sms_more']}. {labels['sms_human']}"
        counts = []
        for (code, _), article in library.articles.items():
            if code == language.code:
                text = library.fill(article.sms, code) + footer
                text = sms.to_gsm_7(text) if language.gsm else text
                counts.append(sms.measure(text).segments)
        if counts:
            parts.append(f"{language.code} {sum(counts) / len(counts):.2f}")
    return f"Mean SMS segments of an answer: {', '.join(parts)}"


def markdown(
    library: Library, languages: Sequence[Language], reviews: dict[str, dict[str, Review]]
) -> str:
    """The same for a README: a row a category, the articles present (and checked) of each."""
    heads = ["subjects", *(language.code for language in languages)]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "--:|" * len(languages)]
    categories: dict[str, list[str]] = {}
    for id, entry in library.entries.items():
        categories.setdefault(entry.category, []).append(id)
    rows = {**categories, "all present": list(library.entries)}
    for name, ids in rows.items():
        counts = [
            sum(cell(library, language.code, id, reviews) != MISSING for id in ids)
            for language in languages
        ]
        lines.append(f"| {name} | {' | '.join(map(str, counts))} |")
    read = [
        sum(cell(library, language.code, id, reviews) == CHECKED for id in library.entries)
        for language in languages
    ]
    lines.append(f"| checked by a native reader | {' | '.join(map(str, read))} |")
    return "\n".join(lines)
