"""A conversation that an advisor has opened: may they, and what a step on it answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any, cast

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from connectors.case_details import WrongDetail
from connectors.cases import Case, Full, NotYours
from connectors.keys import desk
from desk.counter import Gone, NoPhrase, Silenced, WrongText
from desk.guard import Visit
from knowledge_base.phrasebook import WrongField

ID = re.compile(r"[0-9a-f]{32}")
#: Of a line of the transcript, or of an event.
EVENT_ID = re.compile(r"\d{1,16}(-\d{1,10})?")
#: The same advisor opening the same conversation again so soon is one access in the log.
SAME_ACCESS_S = 300

#: What the page says, by a code, and the status.
_FAULTS: dict[type[Exception], tuple[str, int]] = {
    NotYours: ("not_yours", 409),
    Full: ("full", 409),
    Gone: ("gone", 404),
    Silenced: ("silenced", 409),
    WrongText: ("wrong_text", 400),
    WrongField: ("wrong_field", 400),
    NoPhrase: ("no_phrase", 404),
    WrongDetail: ("wrong_detail", 400),
    KeyError: ("no_article", 404),
}


async def case_of(visit: Visit) -> Case | None:
    """The case, once the access is in the log. Who never asked for a person has none."""
    if not ID.fullmatch(visit.conversation):
        return None
    case = await visit.services.cases.find(visit.conversation)
    if case.status == "none":
        return None
    known = desk(f"opened:{visit.session.id[:16]}:{visit.conversation}")
    if await visit.services.redis.set(known, "1", nx=True, ex=SAME_ACCESS_S):
        await visit.services.audit.add("open", visit.advisor.id, visit.conversation)
    return case


async def done(visit: Visit, step: Awaitable[None]) -> Response:
    """The answer to a form or to the page's own script."""
    here = f"/desk/c/{visit.conversation}"
    if not ID.fullmatch(visit.conversation):
        cast(Any, step).close()
        return PlainTextResponse("no such conversation", 404)
    try:
        await step
    except tuple(_FAULTS) as fault:
        code, status = next(_FAULTS[kind] for kind in type(fault).__mro__ if kind in _FAULTS)
        return answer(visit, f"{here}?wrong={code}", code, status)
    return answer(visit, here, "", 204)


def answer(visit: Visit, where: str, code: str, status: int) -> Response:
    if "X-Requested-With" in visit.request.headers:
        return JSONResponse({"wrong": code}, status) if code else Response(status_code=status)
    return RedirectResponse(where, 303)
