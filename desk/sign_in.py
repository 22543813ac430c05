"""Signing in and out."""

from __future__ import annotations

import secrets

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from connectors.channels import Refused
from desk.accounts import Locked
from desk.guard import COOKIE, Guard, Open, Visit, from_us, read_form, same_form
from desk.pages import render_outside
from desk.texts import LANGUAGES
from guichet.settings import SettingsError
from guichet.vault import VaultError

#: What may be said of a sign-in elsewhere that has failed (desk/open_id.py).
FAULTS = frozenset({"open_id_away", "open_id_failed", "open_id_unknown"})


class SignIn:
    """The one page that opens without a session."""

    def __init__(self, open: Open, guard: Guard, open_id: bool) -> None:
        self._open = open
        self._guard = guard
        self._open_id = open_id

    async def show(self, request: Request) -> Response:
        try:
            services = await self._open()
            if await services.sessions.find(request.cookies.get(COOKIE, "")) is not None:
                return RedirectResponse("/desk/", 303)
            wrong = request.query_params.get("wrong", "")
            return self._form(request, wrong if wrong in FAULTS else "")
        except (RedisError, SettingsError, VaultError):
            return PlainTextResponse("not available now: try again", 503)

    async def submit(self, request: Request) -> Response:
        try:
            services = await self._open()
            form = await read_form(request)
            if not from_us(request) or not same_form(request, form):
                return self._form(request, "form_old", 403)
            address = request.client.host if request.client is not None else ""
            name, password = form.get("name", ""), form.get("password", "")
            advisor = await services.accounts.sign_in(name, password, form.get("code", ""), address)
            if advisor is None:
                known = await services.accounts.named(name)
                if known is not None:
                    await services.audit.add("sign_in_failed", known.id)
                return self._form(request, "sign_in_wrong", 403)
            secret, _ = await services.sessions.begin(
                advisor.id, request.headers.get("User-Agent", "")
            )
            await services.audit.add("sign_in", advisor.id)
            answer = RedirectResponse("/desk/", 303)
            self._guard.set_session(answer, secret)
            return answer
        except Locked:
            return self._form(request, "locked", 429)
        except Refused as refusal:
            return PlainTextResponse(refusal.reason, refusal.status)
        except (RedisError, SettingsError, VaultError):
            return PlainTextResponse("not available now: try again", 503)

    async def leave(self, visit: Visit) -> Response:
        await visit.services.sessions.end(visit.advisor.id, visit.session.id)
        await visit.services.audit.add("sign_out", visit.advisor.id)
        answer = RedirectResponse("/desk/sign-in", 303)
        # Drafts stay in the browser; on a shared machine they must not outlive the session.
        answer.headers["Clear-Site-Data"] = '"storage"'
        self._guard.clear_session(answer)
        return answer

    def _form(self, request: Request, wrong: str = "", status: int = 200) -> Response:
        token = secrets.token_urlsafe(24)
        language = _language(request)
        answer = render_outside(
            "sign_in.html", language, status, form=token, wrong=wrong, open_id=self._open_id
        )
        self._guard.set_form(answer, token)
        return answer


def _language(request: Request) -> str:
    """English for a browser that does not speak French, else French."""
    wanted = request.headers.get("Accept-Language", "")
    first = [part.strip()[:2].lower() for part in wanted.split(",")]
    return next((language for language in first if language in LANGUAGES), "fr")
