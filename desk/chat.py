"""The chat page: lists, conversation, handoff, and what an advisor does there."""

from __future__ import annotations

import time
from typing import Any, cast
from urllib.parse import quote

from starlette.responses import (
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from connectors import media
from connectors.cases import Full
from connectors.keys import desk
from desk import case_file
from desk.counter import Gone
from desk.guard import Handler, Visit
from desk.opened import EVENT_ID, ID, answer, case_of, done
from desk.pages import render, view_of
from desk.texts import words
from desk.view import direction, tag

#: Conversations shown of the queue at once; the rest is counted.
SHOWN = 50
LINES = 200
#: What a browser shows by itself; anything else is downloaded.
_INLINE = media.PICTURES | media.SOUNDS


async def home(visit: Visit) -> Response:
    return render(
        visit, "chat.html", **await _lists(visit, ""), chat=None, last_event=await _now(visit)
    )


async def lists(visit: Visit) -> Response:
    return render(
        visit, "_lists.html", **await _lists(visit, visit.request.query_params.get("c", ""))
    )


async def conversation(visit: Visit) -> Response:
    last_event = await _now(visit)  # before reading: what comes meanwhile is told again
    chat = await _chat(visit)
    if chat is None:
        return render(visit, "missing.html", 404)
    values = await _lists(visit, visit.conversation)
    return render(visit, "chat.html", **values, chat=chat, last_event=last_event)


async def pane(visit: Visit) -> Response:
    """The conversation alone: after a claim, a transfer, a note."""
    chat = await _chat(visit)
    if chat is None:
        return PlainTextResponse("no such conversation", 404)
    return render(visit, "_chat.html", chat=chat)


async def lines(visit: Visit) -> Response:
    """The lines after one that the page has."""
    after = visit.request.query_params.get("after", "")
    case = await case_of(visit)
    if case is None or (after and not EVENT_ID.fullmatch(after)):
        return PlainTextResponse("no such conversation", 404)
    await _seen(visit)
    entries = await visit.services.threads.lines(visit.conversation, after, LINES)
    view = await view_of(visit)
    return render(
        visit, "_lines.html", bubbles=view.bubbles(entries), conversation=case.conversation
    )


async def states(visit: Visit) -> Response:
    """What became of the messages shown, by the ids of their lines."""
    if await case_of(visit) is None:
        return PlainTextResponse("no such conversation", 404)
    entries = await visit.services.threads.lines(visit.conversation, "", LINES)
    known = words(visit.advisor.language)
    return JSONResponse(
        {
            entry.id: (entry.state, known.get(f"state_{entry.state}", entry.state))
            for entry in entries
            if entry.state
        }
    )


async def file(visit: Visit) -> Response:
    """A photo or voice note, opened. It is data: nothing in it may run."""
    name = str(visit.request.path_params["name"])
    if await case_of(visit) is None:
        return PlainTextResponse("no such conversation", 404)
    sealed = (await visit.services.mailbox.media(visit.conversation)).get(name)
    if sealed is None:
        return PlainTextResponse("no such file", 404)
    content = visit.services.vault.cipher.open(sealed, visit.conversation)
    found = media.look(content)
    content_type = found.content_type if found is not None else "application/octet-stream"
    await visit.services.audit.add("file", visit.advisor.id, visit.conversation)
    where = "inline" if content_type in _INLINE else "attachment"
    called = f"{tag(visit.conversation)}.{quote(content_type.rpartition('/')[2])}"
    return Response(
        content,
        media_type=content_type,
        headers={
            "Content-Disposition": f'{where}; filename="{called}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-store",
        },
    )


async def claim(visit: Visit) -> Response:
    return await done(visit, visit.services.counter.claim(visit.conversation, visit.advisor))


async def claim_next(visit: Visit) -> Response:
    try:
        found = await visit.services.counter.claim_next(visit.advisor)
    except Full:
        return answer(visit, "/desk/?wrong=full", "full", 409)
    return RedirectResponse(f"/desk/c/{found}" if found else "/desk/", 303)


async def release(visit: Visit) -> Response:
    note = visit.form.get("note", "")
    step = visit.services.counter.release(visit.conversation, visit.advisor, note)
    return await done(visit, step)


async def transfer(visit: Visit) -> Response:
    colleague = await visit.services.accounts.find(visit.form.get("to", ""))
    if colleague is None or colleague.disabled:
        return answer(visit, f"/desk/c/{visit.conversation}?wrong=not_yours", "not_yours", 409)
    step = visit.services.counter.transfer(
        visit.conversation, visit.advisor, colleague, visit.form.get("note", "")
    )
    return await done(visit, step)


async def close(visit: Visit) -> Response:
    return await done(visit, visit.services.counter.close(visit.conversation, visit.advisor))


async def reply(visit: Visit) -> Response:
    step = visit.services.counter.reply(
        visit.conversation, visit.advisor, visit.form.get("text", ""), visit.form.get("id", ""),
        visit.form.get("original", ""),
    )  # fmt: skip
    return await done(visit, step)


async def send_article(visit: Visit) -> Response:
    step = visit.services.counter.send_article(
        visit.conversation, visit.advisor, visit.form.get("article", ""), visit.form.get("id", "")
    )
    return await done(visit, step)


async def note(visit: Visit) -> Response:
    step = visit.services.counter.add_note(
        visit.conversation, visit.advisor, visit.form.get("text", "")
    )
    return await done(visit, step)


async def articles(visit: Visit) -> Response:
    """Articles found by the advisor's words, with what the person would get."""
    query = visit.request.query_params.get("q", "")[:200]
    if await case_of(visit) is None:
        return PlainTextResponse("no such conversation", 404)
    try:
        person = await visit.services.counter.person(visit.conversation)
    except Gone:
        return PlainTextResponse("no such conversation", 404)
    found = await visit.services.articles.search(query, visit.advisor.language, person.language)
    texts = {each.id: visit.services.counter.article_text(each.id, person) for each in found}
    view = await view_of(visit)
    return render(
        visit, "_articles.html", found=found, texts=texts, query=query,
        language=view.language(person.language), direction=direction(person.language),
        conversation=visit.conversation,
    )  # fmt: skip


async def presence(visit: Visit) -> Response:
    """ "reading" or "typing", for colleagues who look at the same conversation."""
    word = visit.form.get("word", "")
    if word not in ("reading", "typing", "away") or await case_of(visit) is None:
        return PlainTextResponse("not a sign of presence", 400)
    cases = visit.services.cases
    await cases.tell(
        "presence", visit.conversation, visit.advisor.id, f"{word} {visit.advisor.name}"
    )
    return Response(status_code=204)


async def events(visit: Visit) -> Response:
    services, query = visit.services, visit.request.query_params
    after = visit.request.headers.get("Last-Event-ID", "") or query.get("after", "")
    watched = query.get("c", "")
    if (after and not EVENT_ID.fullmatch(after)) or (watched and not ID.fullmatch(watched)):
        return PlainTextResponse("not an event", 400)

    async def still_signed_in() -> bool:
        advisor = await services.accounts.find(visit.advisor.id)
        alive = await services.sessions.alive(visit.session)
        return alive and advisor is not None and not advisor.disabled

    stream = services.hub.listen(visit.advisor.id, watched, after, still_signed_in)
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _chat(visit: Visit) -> dict[str, Any] | None:
    case = await case_of(visit)
    if case is None:
        return None
    services, view = visit.services, await view_of(visit)
    person = await services.threads.person(visit.conversation)
    entries = await services.threads.lines(visit.conversation, "", LINES)
    await _seen(visit)
    colleagues = [
        advisor
        for advisor in await services.accounts.all()
        if not advisor.disabled and advisor.id != visit.advisor.id
    ]
    return {
        "id": case.conversation,
        "tag": tag(case.conversation),
        "case": case,
        "mine": case.status == "claimed" and case.advisor == visit.advisor.id,
        "row": view.row(case, {}),
        "bubbles": view.bubbles(entries),
        "packet": view.packet(case, entries, person),
        "translates": services.translator is not None,
        **await case_file.shown(visit, case, person),
        "notes": view.notes(await services.cases.notes(visit.conversation)),
        "colleagues": colleagues,
        "stopped": person is None or person.state.stopped,
        "direction": direction(person.language if person is not None else "fr"),
        "language": person.language if person is not None else "fr",
        "style": services.counter.limits(person).style if person is not None else "chat",
        "wrong": visit.request.query_params.get("wrong", ""),
    }


async def _lists(visit: Visit, current: str) -> dict[str, Any]:
    services, view = visit.services, await view_of(visit)
    label = visit.request.query_params.get("label", "")
    labels = await services.details.labels()
    if label not in labels:
        label = ""
    waiting, total = await (
        services.cases.waiting_with(label, SHOWN) if label else services.cases.waiting(SHOWN)
    )
    mine = await services.cases.of(visit.advisor.id)
    found = cast(dict[bytes, bytes], await services.redis.hgetall(desk(f"seen:{visit.advisor.id}")))
    seen = {id_.decode(): int(at) for id_, at in found.items()}
    taken = [case for case in await services.cases.claimed() if case.advisor != visit.advisor.id]
    done = await services.cases.done(10)
    if label:
        having = await services.details.with_label(label)
        mine, taken, done = (
            [case for case in cases if case.conversation in having] for cases in (mine, taken, done)
        )
    lists = {"waiting": waiting, "mine": mine, "taken": taken[:SHOWN], "done": done}
    details = await services.details.of_all(
        [case.conversation for cases in lists.values() for case in cases]
    )
    return {
        **{
            name: [view.row(case, seen, details) for case in cases] for name, cases in lists.items()
        },
        "total": total,
        "current": current,
        "label": label,
        "labels": labels,
        "capacity": services.settings.desk_capacity,
        "wrong": visit.request.query_params.get("wrong", ""),
    }


async def _seen(visit: Visit) -> None:
    """All of it has been on this advisor's screen now."""
    seen = desk(f"seen:{visit.advisor.id}")
    await visit.services.redis.hset(seen, visit.conversation, int(time.time() * 1000))
    await visit.services.redis.expire(seen, 30 * 24 * 3600)


async def _now(visit: Visit) -> str:
    return await visit.services.hub.newest()


#: What is done with a conversation, by the last part of its address.
STEPS: dict[str, Handler] = {
    "claim": claim, "release": release, "transfer": transfer, "close": close, "reply": reply,
    "article": send_article, "note": note, "presence": presence,
}  # fmt: skip
#: What is shown of one.
PARTS: dict[str, Handler] = {"pane": pane, "lines": lines, "states": states, "articles": articles}
