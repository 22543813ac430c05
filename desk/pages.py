"""Rendering: the frame that every page has, and the names of colleagues."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse, Response

from desk.guard import Visit
from desk.services import Services
from desk.texts import words
from desk.view import View, environment

STATIC = Path(__file__).resolve().parent / "static"


@cache
def version() -> str:
    """Changes with the files, so that browsers may keep them for good."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


async def names(services: Services) -> dict[str, str]:
    return {advisor.id: advisor.name for advisor in await services.accounts.all()}


async def view_of(visit: Visit) -> View:
    services = visit.services
    return View(
        visit.advisor,
        await names(services),
        services.articles,
        services.counter.phrasebook,
        services.zone,
    )


def render(visit: Visit, template: str, status: int = 200, **values: Any) -> Response:
    """A page or a fragment for who is signed in."""
    page = environment().get_template(template)
    html = page.render(
        t=words(visit.advisor.language),
        me=visit.advisor,
        csrf=visit.session.csrf,
        version=version(),
        **values,
    )
    return HTMLResponse(html, status)


def render_outside(template: str, language: str, status: int = 200, **values: Any) -> Response:
    """A page for who is not signed in."""
    page = environment().get_template(template)
    html = page.render(
        t=words(language), language=language, me=None, csrf="", version=version(), **values
    )
    return HTMLResponse(html, status)
