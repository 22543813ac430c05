"""The phrasebook in the chat page: find a sentence, fill it in, see it in both languages."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import PlainTextResponse, Response

from desk.counter import Gone
from desk.guard import Handler, Visit
from desk.opened import case_of, done
from desk.pages import render, view_of
from desk.view import direction
from knowledge_base.dialogue import fold
from knowledge_base.phrasebook import (
    BLANK,
    FIELDS,
    LONGEST_FIELD,
    Phrasebook,
    blanks,
    fill_fields,
)


@dataclass(frozen=True)
class Group:
    """Sentences of one group: key and text in the advisor's language."""

    name: str
    sentences: tuple[tuple[str, str], ...]


def find(book: Phrasebook, query: str, reader: str) -> list[Group]:
    """The sentences that hold each word of the query, accents or not; all for no words."""
    wanted = fold(query).split()
    groups = []
    for name, keys in book.groups.items():
        sentences = ((key, blanks(book.sentence(key, reader))) for key in keys)
        shown = tuple(
            (key, text) for key, text in sentences if all(word in fold(text) for word in wanted)
        )
        if shown:
            groups.append(Group(name, shown))
    return groups


async def search(visit: Visit) -> Response:
    """Sentences by group, in the advisor's language."""
    query = visit.request.query_params.get("q", "")[:200]
    if await case_of(visit) is None:
        return PlainTextResponse("no such conversation", 404)
    groups = find(visit.services.counter.phrasebook, query, visit.advisor.language)
    return render(visit, "_phrases.html", groups=groups, query=query)


async def look(visit: Visit) -> Response:
    """One sentence with its fields as far as they are filled in. Nothing is sent.

    A POST, so that what is typed stays out of addresses.
    """
    book, key = visit.services.counter.phrasebook, visit.form.get("phrase", "")
    if await case_of(visit) is None or key not in book.by_language["fr"]:
        return PlainTextResponse("no such sentence", 404)
    try:
        person = await visit.services.counter.person(visit.conversation)
    except Gone:
        return PlainTextResponse("no such conversation", 404)
    values = {name: visit.form.get(name, "") for name in book.fields(key)}
    ours, told = book.language(visit.advisor.language), book.language(person.language)
    view = await view_of(visit)
    return render(
        visit, "_phrase.html", key=key, values=values, longest=LONGEST_FIELD,
        ours=fill_fields(book.sentence(key, ours), ours, values, BLANK),
        theirs=fill_fields(book.sentence(key, told), told, values, BLANK), same=told == ours,
        translated=told == person.language, language=view.language(person.language),
        direction=direction(told), told=told, conversation=visit.conversation,
    )  # fmt: skip


async def send(visit: Visit) -> Response:
    values = {name: visit.form.get(name, "") for name in FIELDS}
    step = visit.services.counter.send_phrase(
        visit.conversation, visit.advisor, visit.form.get("phrase", ""), values,
        visit.form.get("id", ""),
    )  # fmt: skip
    return await done(visit, step)


STEPS: dict[str, Handler] = {"phrase": send, "phrase-preview": look}
PARTS: dict[str, Handler] = {"phrases": search}
