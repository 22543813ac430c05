"""Who may open what: sessions, forms that are ours, roles, headers. Fails closed."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from redis.exceptions import RedisError
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.channels import Refused
from connectors.gateway import read_body
from connectors.keys import desk
from connectors.twilio import Form, parse_form
from desk.accounts import Advisor, Role
from desk.services import Services
from desk.sessions import LASTS_S, Session
from guichet.settings import SettingsError
from guichet.vault import VaultError

COOKIE = "guichet_desk"
#: Proves that the sign-in form came from our page, before there is a session.
FORM_COOKIE = "guichet_form"
FORM_S = 3600
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Open(Protocol):
    """Gives the services, once Redis can be reached."""

    async def __call__(self) -> Services: ...


@dataclass(frozen=True)
class Visit:
    """One request of somebody who is signed in."""

    request: Request
    services: Services
    advisor: Advisor
    session: Session
    form: Form

    @property
    def conversation(self) -> str:
        return str(self.request.path_params["conversation"])


Handler = Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Guard:
    """Makes endpoints of handlers. There is no other way to a page."""

    def __init__(self, open: Open, secure: bool) -> None:
        self._open = open
        self._secure = secure

    def page(self, handler: Handler, role: Role = "advisor") -> Endpoint:
        """For who is signed in, with that role at least; a POST must carry the token."""

        async def endpoint(request: Request) -> Response:
            try:
                services = await self._open()
                found = await self._who(request, services)
                if found is None:
                    return self._sign_in_first(request)
                advisor, session = found
                await services.redis.hset(desk("last-seen"), advisor.id, int(time.time() * 1000))
                form = Form()
                if request.method == "POST":
                    form = await read_form(request)
                    token = form.get("csrf") or request.headers.get("X-CSRF-Token", "")
                    if not from_us(request) or not session.same_token(token):
                        return PlainTextResponse("this form is not ours", 403)
                if role == "supervisor" and advisor.role != "supervisor":
                    return PlainTextResponse("for supervisors", 403)
                return await handler(Visit(request, services, advisor, session, form))
            except Refused as refusal:
                return PlainTextResponse(refusal.reason, refusal.status)
            except (RedisError, SettingsError, VaultError):
                return PlainTextResponse("not available now: try again", 503)

        return endpoint

    async def _who(self, request: Request, services: Services) -> tuple[Advisor, Session] | None:
        session = await services.sessions.find(request.cookies.get(COOKIE, ""))
        if session is None:
            return None
        advisor = await services.accounts.find(session.advisor)
        return None if advisor is None or advisor.disabled else (advisor, session)

    def _sign_in_first(self, request: Request) -> Response:
        if request.method == "GET" and "X-Requested-With" not in request.headers:
            answer: Response = RedirectResponse("/desk/sign-in", 303)
        else:
            answer = PlainTextResponse("sign in first", 401)
        return answer

    def set_session(self, response: Response, secret: str) -> None:
        # Lax: a link in a notification must open the conversation.
        response.set_cookie(
            COOKIE, secret, max_age=LASTS_S, path="/desk", secure=self._secure, httponly=True,
            samesite="lax",
        )  # fmt: skip
        response.delete_cookie(FORM_COOKIE, path="/desk/sign-in")

    def clear_session(self, response: Response) -> None:
        response.delete_cookie(COOKIE, path="/desk")

    def set_form(self, response: Response, token: str) -> None:
        response.set_cookie(
            FORM_COOKIE, token, max_age=FORM_S, path="/desk/sign-in", secure=self._secure,
            httponly=True, samesite="strict",
        )  # fmt: skip


def same_form(request: Request, form: Form) -> bool:
    known = request.cookies.get(FORM_COOKIE, "")
    return bool(known) and hmac.compare_digest(known.encode(), form.get("form", "").encode())


def from_us(request: Request) -> bool:
    """What the browser itself says of where a POST comes from; every one says it today.

    https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site
    """
    return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")


async def read_form(request: Request) -> Form:
    """Raises Refused."""
    try:
        return parse_form(await read_body(request))
    except (ValueError, ClientDisconnect):
        raise Refused(400, "not a form") from None


class SecureHeaders:
    """Headers of every answer under /desk; one that a page has set itself stays."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self.app = app
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if self._secure:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        if scope["type"] == "http":
            await self.app(scope, receive, send_with_headers)
        else:
            await self.app(scope, receive, send)
