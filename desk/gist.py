"""Across languages: what a person's message is about, and machine translation both ways."""

from __future__ import annotations

from starlette.responses import JSONResponse, PlainTextResponse, Response

from desk.counter import Gone
from desk.guard import Handler, Visit
from desk.opened import EVENT_ID, case_of
from desk.pages import render, view_of
from desk.translation import LONGEST, NotTranslated


async def gist(visit: Visit) -> Response:
    """What a message of the person's is about, for who does not read its language."""
    services, id = visit.services, visit.request.query_params.get("line", "")
    if not EVENT_ID.fullmatch(id) or await case_of(visit) is None:
        return PlainTextResponse("no such line", 404)
    entry = await services.threads.line(visit.conversation, id)
    if entry is None or entry.line.who != "person" or not entry.line.text:
        return PlainTextResponse("no such line", 404)
    text, reader = entry.line.text, visit.advisor.language
    person = await services.threads.person(visit.conversation)
    habit = entry.line.language or (person.language if person is not None else None)
    language, nearest = await services.articles.gist(text, reader, habit)
    translated, wrong = "", ""
    if services.translator is not None and language != reader:
        try:
            translated = await services.translator.translate(text, language, reader)
        except NotTranslated as fault:
            wrong = str(fault)
    view = await view_of(visit)
    return render(
        visit, "_gist.html", language=view.language(language), nearest=nearest,
        translated=translated, wrong=wrong,
    )  # fmt: skip


async def translate(visit: Visit) -> Response:
    """The advisor's words in the person's language, to be looked at before they are sent."""
    text = visit.form.get("text", "").strip()[:LONGEST]
    if visit.services.translator is None or not text or await case_of(visit) is None:
        return JSONResponse({"wrong": "translator_away"}, 404)
    try:
        person = await visit.services.counter.person(visit.conversation)
        translated = await visit.services.translator.translate(
            text, visit.advisor.language, person.language
        )
    except Gone:
        return JSONResponse({"wrong": "gone"}, 404)
    except NotTranslated as fault:
        return JSONResponse({"wrong": str(fault)}, 502)
    return JSONResponse({"text": translated})


STEPS: dict[str, Handler] = {"translate": translate}
PARTS: dict[str, Handler] = {"gist": gist}
