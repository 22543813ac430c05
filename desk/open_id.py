"""Signing in with the organisation's own provider (OpenID Connect), beside passwords.

Authlib does the protocol: authorization code with PKCE, state, nonce, signature of the ID
token. Who may come in is decided here: an account must exist, named as the claim says.
"""

from __future__ import annotations

import logging
from typing import Any

from authlib.integrations.starlette_client import OAuth
from redis.exceptions import RedisError
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from desk.accounts import Advisor
from desk.guard import Guard, Open
from desk.services import Services
from guichet.settings import Settings, SettingsError
from guichet.vault import VaultError

logger = logging.getLogger(__name__)

#: The way to the provider and back, in a cookie of its own.
COOKIE, LASTS_S = "guichet_open_id", 600


class OpenId:
    """Off unless the settings name a provider."""

    def __init__(self, open: Open, guard: Guard, settings: Settings, secure: bool) -> None:
        self._open = open
        self._guard = guard
        self._settings = settings
        self._secure = secure
        self._back = f"{settings.desk_url}/open-id/back"
        self._provider: Any = None
        if settings.open_id_issuer:
            secret = settings.open_id_client_secret
            self._provider = OAuth().register(
                "organisation",
                server_metadata_url=f"{settings.open_id_issuer}/.well-known/openid-configuration",
                client_id=settings.open_id_client_id,
                client_secret=secret.get_secret_value() if secret is not None else None,
                client_kwargs={
                    "scope": "openid email profile",
                    "code_challenge_method": "S256",
                    "timeout": 10,
                    "trust_env": False,
                },
            )

    def mount(self) -> Mount:
        session = Middleware(
            SessionMiddleware,
            secret_key=f"open-id {self._settings.secret()}",
            session_cookie=COOKIE,
            max_age=LASTS_S,
            path="/desk/open-id",
            same_site="lax",  # the provider sends the browser back from its own site
            https_only=self._secure,
        )
        return Mount(
            "/open-id",
            routes=[Route("/go", self.go), Route("/back", self.back)],
            middleware=[session],
        )

    async def go(self, request: Request) -> Response:
        if self._provider is None:
            return PlainTextResponse("not found", 404)
        try:
            answer: Response = await self._provider.authorize_redirect(request, self._back)
            return answer
        except Exception as error:  # whatever fails over there, nobody comes in
            logger.warning("the sign-in provider fails: %s", type(error).__name__)
            return _sign_in("open_id_away")

    async def back(self, request: Request) -> Response:
        if self._provider is None:
            return PlainTextResponse("not found", 404)
        try:
            token = await self._provider.authorize_access_token(request)
            claims: dict[str, Any] = dict(token["userinfo"])
        except Exception as error:  # as above
            logger.warning("a sign-in by the provider failed: %s", type(error).__name__)
            return _sign_in("open_id_failed")
        try:
            services = await self._open()
            advisor = await self._account(services, claims)
            if advisor is None:
                return _sign_in("open_id_unknown")
            secret, _ = await services.sessions.begin(
                advisor.id, request.headers.get("User-Agent", "")
            )
            await services.audit.add("sign_in", advisor.id, detail="OpenID Connect")
            answer = RedirectResponse("/desk/", 303)
            self._guard.set_session(answer, secret)
            return answer
        except (RedisError, SettingsError, VaultError):
            return PlainTextResponse("not available now: try again", 503)

    async def _account(self, services: Services, claims: dict[str, Any]) -> Advisor | None:
        """The account that the claims name; the provider's subject is tied to it at the first time.

        A later owner of the same e-mail address is somebody else.
        """
        claim = self._settings.open_id_claim
        name, subject = claims.get(claim), f"{claims['iss']} {claims['sub']}"
        if not isinstance(name, str) or not name:
            return None
        if claim == "email" and claims.get("email_verified") is not True:
            return None
        advisor = await services.accounts.named(name)
        if advisor is None or advisor.disabled:
            return None
        if not advisor.subject:
            return await services.accounts.change(advisor, subject=subject)
        return advisor if advisor.subject == subject else None


def _sign_in(wrong: str) -> Response:
    return RedirectResponse(f"/desk/sign-in?wrong={wrong}", 303)
