"""Questions without a sure answer: from here the knowledge base grows."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from starlette.responses import PlainTextResponse, RedirectResponse, Response

from connectors.unanswered import ID, LONGEST, Kept
from desk.guard import Visit
from desk.pages import render, view_of
from desk.view import direction
from guichet.clock import today
from knowledge_base import proposed
from knowledge_base.dialogue import fold
from knowledge_base.languages import load_languages

SHOWN = 50
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def show(visit: Visit) -> Response:
    query = visit.request.query_params
    language = query.get("language", "")
    view, articles = await view_of(visit), visit.services.articles
    kept = await visit.services.mailbox.unanswered.all()
    open_ = [each for each in kept if not each.question.accepted]
    chosen = [each for each in open_ if language in ("", each.question.language)]
    reader = visit.advisor.language
    await visit.services.audit.add("unanswered", visit.advisor.id)
    return render(
        visit,
        "unanswered.html",
        rows=[
            {
                "id": each.id,
                "at": view.moment(each.at),
                "text": each.question.text,
                "why": each.question.why,
                "language": view.language(each.question.language),
                "direction": direction(each.question.language),
                "article": articles.title(each.question.article, reader),
                "percent": round(100 * each.question.score),
            }
            for each in chosen[:SHOWN]
        ],
        more=max(0, len(chosen) - SHOWN),
        accepted=[
            {
                "id": each.id,
                "text": each.question.text,
                "language": view.language(each.question.language),
                "article": articles.title(each.question.accepted, reader),
            }
            for each in _accepted(kept)
        ],
        languages={
            code: view.language(code) for code in sorted({e.question.language for e in open_})
        },
        language=language if language in load_languages() else "",
        titles=[articles.title(id, reader) for id in visit.services.library.entries],
        longest=LONGEST,
        wrong=query.get("wrong", ""),
    )


async def accept(visit: Visit) -> Response:
    """It becomes a question of an article, in the words that the supervisor leaves."""
    id, text = visit.form.get("id", ""), " ".join(visit.form.get("text", "").split())
    article = _article(visit, visit.form.get("article", ""))
    if not ID.fullmatch(id):
        return PlainTextResponse("not a question", 400)
    if article is None:
        return _back(visit, "no_article")
    if not any(char.isalnum() for char in text) or len(text) > LONGEST:
        return _back(visit, "wrong_text")
    if not await visit.services.mailbox.unanswered.accept(id, text, article):
        return _back(visit, "question_gone")
    await visit.services.audit.add("accept", visit.advisor.id, detail=article)
    return _back(visit)


async def dismiss(visit: Visit) -> Response:
    id = visit.form.get("id", "")
    if not ID.fullmatch(id):
        return PlainTextResponse("not a question", 400)
    await visit.services.mailbox.unanswered.dismiss(id)
    await visit.services.audit.add("dismiss", visit.advisor.id)
    return _back(visit)


async def sheet(visit: Visit) -> Response:
    """Those accepted, as one file for `guichet kb import`."""
    kept = _accepted(await visit.services.mailbox.unanswered.all())
    rows = [(e.question.language, e.question.accepted, e.question.text) for e in kept]
    content = await asyncio.to_thread(proposed.write, rows, visit.services.library)
    name = f"guichet-questions-{today().isoformat()}.xlsx"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=XLSX, headers=headers)


def _accepted(kept: list[Kept]) -> list[Kept]:
    found = [each for each in kept if each.question.accepted]
    return sorted(found, key=lambda each: (each.question.language, each.question.accepted))


def _article(visit: Visit, wanted: str) -> str | None:
    """The article of a title, as the list on the page has it, or of an id."""
    entries, reader = visit.services.library.entries, visit.advisor.language
    if wanted in entries:
        return wanted
    titles = {fold(visit.services.articles.title(id, reader)): id for id in entries}
    return titles.get(fold(wanted))


def _back(visit: Visit, wrong: str = "") -> Response:
    language = visit.form.get("language", "")
    asked = {"language": language if language in load_languages() else "", "wrong": wrong}
    query = urlencode({name: value for name, value in asked.items() if value})
    return RedirectResponse(f"/desk/unanswered{'?' if query else ''}{query}", 303)
