"""The desk as an ASGI application, mounted at /desk on the gateway's port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from desk import (
    account,
    audit_page,
    case_file,
    chat,
    gist,
    observatory,
    phrases,
    summary,
    supervisor,
    unanswered,
)
from desk.guard import Guard, SecureHeaders
from desk.open_id import OpenId
from desk.pages import STATIC
from desk.services import Services, make_services
from desk.sign_in import SignIn
from guichet import redis_server
from guichet.settings import Settings
from guichet.vault import unlock
from knowledge_base.content import load_library
from knowledge_base.dialogue import load_texts
from knowledge_base.phrasebook import load_phrasebook


class Desk:
    """Every page of the desk, and what runs beside them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redis = redis_server.connect(
            settings.redis_url or redis_server.embedded_url(settings)
        )
        self._library = load_library()
        self._texts = load_texts(self._library.facts, settings.retention_days)
        self._phrasebook = load_phrasebook()
        self._services: Services | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._secure = (settings.public_url or "").startswith("https://")

    def app(self) -> Starlette:
        guard = Guard(self.open, self._secure)
        sign_in = SignIn(self.open, guard, bool(self._settings.open_id_issuer))
        open_id = OpenId(self.open, guard, self._settings, self._secure)
        page = guard.page
        return Starlette(
            routes=[
                Route("/", page(chat.home)),
                Route("/lists", page(chat.lists)),
                Route("/events", page(chat.events)),
                Route("/next", page(chat.claim_next), methods=["POST"]),
                Route("/c/{conversation}", page(chat.conversation)),
                *(
                    Route(f"/c/{{conversation}}/{n}", page(h))
                    for n, h in (chat.PARTS | phrases.PARTS | gist.PARTS | summary.PARTS).items()
                ),
                *(
                    Route(f"/c/{{conversation}}/{n}", page(h), methods=["POST"])
                    for n, h in (chat.STEPS | phrases.STEPS | case_file.STEPS | gist.STEPS).items()
                ),
                Route("/c/{conversation}/file/{name:path}", page(chat.file)),
                Route("/sign-in", sign_in.show),
                Route("/sign-in", sign_in.submit, methods=["POST"]),
                Route("/sign-out", page(sign_in.leave), methods=["POST"]),
                Route("/account", page(account.show)),
                Route("/account/password", page(account.change_password), methods=["POST"]),
                Route("/account/language", page(account.change_language), methods=["POST"]),
                Route("/account/session", page(account.end_session), methods=["POST"]),
                Route("/account/mail", page(account.change_mail), methods=["POST"]),
                Route("/account/telegram", page(account.begin_telegram), methods=["POST"]),
                Route("/account/telegram/end", page(account.end_telegram), methods=["POST"]),
                Route("/account/try", page(account.try_alerts), methods=["POST"]),
                Route("/account/codes", page(account.begin_codes), methods=["POST"]),
                Route("/account/codes/confirm", page(account.confirm_codes), methods=["POST"]),
                Route("/account/codes/end", page(account.end_codes), methods=["POST"]),
                Route("/audit", page(audit_page.show, "supervisor")),
                open_id.mount(),
                Route("/supervisor", page(supervisor.show, "supervisor")),
                Route("/unanswered", page(unanswered.show, "supervisor")),
                Route("/unanswered/file", page(unanswered.sheet, "supervisor")),
                Route(
                    "/unanswered/accept", page(unanswered.accept, "supervisor"), methods=["POST"]
                ),
                Route(
                    "/unanswered/dismiss", page(unanswered.dismiss, "supervisor"), methods=["POST"]
                ),
                Route("/observatory", page(observatory.show, "supervisor")),
                Route("/observatory/file", page(observatory.sheet, "supervisor")),
                Mount("/static", _Static(directory=STATIC)),
            ],
            middleware=[Middleware(SecureHeaders, secure=self._secure)],
        )

    async def open(self) -> Services:
        """The services, once Redis can be reached. Raises RedisError or SettingsError."""
        if self._services is None:
            vault = await unlock(self._redis, self._settings)
            if self._services is None:  # another request was as early
                self._services = make_services(
                    self._settings, self._redis, vault, self._library, self._texts,
                    self._phrasebook,
                )  # fmt: skip
                self._tasks = [
                    asyncio.create_task(self._services.hub.run()),
                    asyncio.create_task(self._services.sweeper.run()),
                    asyncio.create_task(self._services.alerts.run()),
                ]
        return self._services

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Runs what is beside the pages; the sweeper also when nobody looks at a page."""
        starting = asyncio.create_task(self._start())
        try:
            yield
        finally:
            if self._services is not None:
                self._services.hub.stop()
            for task in (starting, *self._tasks):
                await _end(task)
            if self._services is not None:
                await self._services.close()
            await self._redis.aclose()

    async def _start(self) -> None:
        while True:
            with contextlib.suppress(Exception):  # Redis away, or another key: pages say so
                await self.open()
                return
            await asyncio.sleep(1)


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel until it ends: a Redis client that is just connecting may swallow the first."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.2)


async def to_desk(request: Request) -> Response:
    return RedirectResponse("/desk/", 308)


class _Static(StaticFiles):
    """Addressed with their version: browsers may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer
