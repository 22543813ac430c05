"""For who is responsible for the desk: who waits, who works, how it went, what is due."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, cast

from starlette.responses import Response

from connectors import tallies
from connectors.keys import desk
from connectors.observatory import week_of
from connectors.tallies import Tally, Times
from desk.guard import Visit
from desk.pages import render, view_of
from desk.view import View
from guichet import counters
from guichet.clock import today

#: The periods of the waits, in days, today included.
PERIODS = (1, 7, 30)
#: Weeks of ratings shown.
WEEKS = 8
VOTES = ("useful_yes", "useful_no")


async def show(visit: Visit) -> Response:
    view, day = await view_of(visit), today()
    days = [day - timedelta(days=back) for back in range(7 * WEEKS)]
    tally = await tallies.read(visit.services.redis, days)
    return render(
        visit,
        "supervisor.html",
        waiting=await _waiting(visit, view),
        advisors=await _advisors(visit, view),
        capacity=visit.services.settings.desk_capacity,
        periods=_periods(tally, days, view),
        ratings=_ratings(tally),
        votes=_votes(await counters.read(visit.services.redis), visit),
        due=_due(visit, day),
        unanswered=len(await visit.services.mailbox.unanswered.all()),
    )


async def _waiting(visit: Visit, view: View) -> list[dict[str, Any]]:
    """By urgency: how many, and how long the first of them has waited."""
    found = await visit.services.cases.waiting_by_urgency()
    rows = []
    for why in ("danger", "urgent", "asked"):
        count, since = found.get(why, (0, 0))
        rows.append({"why": why, "count": count, "longest": view.waited(since) if count else ""})
    return rows


async def _advisors(visit: Visit, view: View) -> list[dict[str, Any]]:
    services = visit.services
    seen = cast(dict[bytes, bytes], await services.redis.hgetall(desk("last-seen")))
    rows = []
    for advisor in await services.accounts.all():
        at = int(seen.get(advisor.id.encode(), 0))
        rows.append(
            {
                "name": advisor.name,
                "role": advisor.role,
                "disabled": advisor.disabled,
                "open": len(await services.cases.of(advisor.id)),
                "codes": bool(advisor.totp),
                "seen": view.moment(at) if at else "",
                "now": time.time() * 1000 - at < 5 * 60_000,
            }
        )
    return rows


def _periods(tally: Mapping[date, Tally], days: list[date], view: View) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for length in PERIODS:
        found = tallies.together([tally[day] for day in days[:length]])
        wait, reply = (_took(found.times(sort), view) for sort in tallies.SORTS)
        rows.append({"days": length, "wait": wait, "reply": reply})
    return rows


def _took(times: Times, view: View) -> dict[str, Any]:
    return {
        "count": times.count,
        "median": view.lasted(times.median_s),
        "most": view.lasted(times.ninth_decile_s),
    }


def _ratings(tally: Mapping[date, Tally]) -> list[dict[str, Any]]:
    """By week, the newest first; weeks without any left out."""
    weeks: dict[str, list[Tally]] = {}
    for day, found in tally.items():
        weeks.setdefault(week_of(day), []).append(found)
    rows = []
    for week, of_week in weeks.items():
        ratings = tallies.together(of_week).ratings()
        if ratings.count:
            rows.append({"week": week, "count": ratings.count, "mean": round(ratings.mean, 1)})
    return rows


def _votes(counts: Mapping[tuple[str, str], int], visit: Visit) -> list[dict[str, Any]]:
    """ "Was it useful?" by article: those with the most "no" first."""
    articles = {article for event, article in counts if event in VOTES}
    rows = [
        {
            "title": visit.services.articles.title(article, visit.advisor.language),
            "yes": counts.get(("useful_yes", article), 0),
            "no": counts.get(("useful_no", article), 0),
        }
        for article in articles
    ]
    return sorted(rows, key=lambda row: (-cast(int, row["no"]), row["title"]))


def _due(visit: Visit, day: date) -> dict[str, Any]:
    """Articles and facts to compare with their sources again."""
    library = visit.services.library
    due = [(entry.check_again, id) for id, entry in library.entries.items()]
    return {
        "articles": [
            {
                "title": visit.services.articles.title(id, visit.advisor.language),
                "since": at.isoformat(),
                "sources": library.entries[id].sources,
            }
            for at, id in sorted(due)
            if at <= day
        ],
        "facts": sorted(fact.key for fact in library.facts.values() if fact.check_again <= day),
    }
