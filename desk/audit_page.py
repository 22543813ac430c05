"""Who looked at what: for supervisors."""

from __future__ import annotations

import re

from starlette.responses import PlainTextResponse, Response

from desk.guard import Visit
from desk.pages import names, render, view_of
from desk.view import tag

ROWS = 100
_ENTRY = re.compile(r"\d{1,16}-\d{1,10}")


async def show(visit: Visit) -> Response:
    before = visit.request.query_params.get("before", "+")
    if before != "+" and not _ENTRY.fullmatch(before):
        return PlainTextResponse("not an entry", 400)
    view, known = await view_of(visit), await names(visit.services)
    found = await visit.services.audit.read(ROWS, before)
    rows = [
        {
            "at": view.moment(int(id_.partition("-")[0])),
            "advisor": known.get(record.advisor, record.advisor[:8]),
            "action": view.words.get(f"audit_{record.action}", record.action),
            "conversation": tag(record.conversation) if record.conversation else "",
            "detail": known.get(record.detail, record.detail),
        }
        for id_, record in found
    ]
    if before == "+":
        await visit.services.audit.add("audit", visit.advisor.id)
    older = found[-1][0] if len(found) == ROWS else ""
    return render(visit, "audit.html", rows=rows, older=older)
