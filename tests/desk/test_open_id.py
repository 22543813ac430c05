"""Signing in by an organisation's provider: a real one, on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from oidc_provider_mock import User, run_server_in_thread
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import Mount

from desk.app import Desk
from desk.services import Services
from guichet.settings import Settings

PASSWORD = "correct horse battery"
MAIL = "amina@example.org"


@pytest.fixture
def provider() -> Iterator[str]:
    users = [
        User(sub="amina", claims={"email": MAIL, "email_verified": True}),
        User(sub="impostor", claims={"email": MAIL, "email_verified": True}),
        User(sub="unsure", claims={"email": MAIL, "email_verified": False}),
        User(sub="nobody", claims={"email": "nobody@example.org", "email_verified": True}),
    ]
    with run_server_in_thread(user_claims=users) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@asynccontextmanager
async def desk(
    redis_url: str, issuer: str | None
) -> AsyncIterator[tuple[httpx.AsyncClient, Services]]:
    settings = Settings.model_validate(
        {
            "redis_url": redis_url,
            "secret_key": "secret",
            "public_url": "https://desk.test",
            "open_id_issuer": issuer,
            "open_id_client_id": "guichet",
            "open_id_client_secret": "shared",
        }
    )
    made = Desk(settings)
    async with made.lifespan():
        services = await made.open()
        await services.accounts.add(MAIL, PASSWORD)
        transport = httpx.ASGITransport(app=Starlette(routes=[Mount("/desk", made.app())]))
        async with httpx.AsyncClient(
            transport=transport, base_url="https://desk.test", trust_env=False
        ) as browser:
            yield browser, services


async def through(browser: httpx.AsyncClient, sub: str) -> httpx.Response:
    """To the provider, sign in there as `sub`, and back."""
    away = await browser.get("/desk/open-id/go")
    assert away.status_code == 302
    asked = parse_qs(urlsplit(away.headers["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["https://desk.test/desk/open-id/back"]
    async with httpx.AsyncClient(trust_env=False) as there:
        back = await there.post(away.headers["Location"], data={"sub": sub})
    assert back.status_code == 302, back.text
    return await browser.get(back.headers["Location"])


async def test_in_by_the_provider(redis: Redis, redis_url: str, provider: str) -> None:
    async with desk(redis_url, provider) as (browser, services):
        assert "/desk/open-id/go" in (await browser.get("/desk/sign-in")).text
        answer = await through(browser, "amina")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/desk/")
        assert (await browser.get("/desk/")).status_code == 200
        advisor = await services.accounts.named(MAIL)
        assert advisor is not None
        assert advisor.subject == f"{provider} amina"


@pytest.mark.parametrize("sub", ["unsure", "nobody"])
async def test_who_stays_out(redis: Redis, redis_url: str, provider: str, sub: str) -> None:
    async with desk(redis_url, provider) as (browser, _):
        answer = await through(browser, sub)
        assert answer.headers["Location"] == "/desk/sign-in?wrong=open_id_unknown"
        assert (await browser.get("/desk/")).status_code == 303
        assert 'role="alert"' in (await browser.get(answer.headers["Location"])).text


async def test_an_address_that_has_changed_hands_stays_out(
    redis: Redis, redis_url: str, provider: str
) -> None:
    async with desk(redis_url, provider) as (browser, _):
        await through(browser, "amina")
        browser.cookies.clear()
        answer = await through(browser, "impostor")
        assert answer.headers["Location"] == "/desk/sign-in?wrong=open_id_unknown"


async def test_who_is_disabled_stays_out(redis: Redis, redis_url: str, provider: str) -> None:
    async with desk(redis_url, provider) as (browser, services):
        advisor = await services.accounts.named(MAIL)
        assert advisor is not None
        await services.accounts.change(advisor, disabled=True)
        assert "unknown" in (await through(browser, "amina")).headers["Location"]


async def test_an_answer_that_we_did_not_ask_for(
    redis: Redis, redis_url: str, provider: str
) -> None:
    async with desk(redis_url, provider) as (browser, _):
        for query in ("", "?code=x&state=y", "?error=access_denied"):
            answer = await browser.get(f"/desk/open-id/back{query}")
            assert answer.headers["Location"] == "/desk/sign-in?wrong=open_id_failed"
        assert (await browser.get("/desk/")).status_code == 303


async def test_a_provider_that_is_away(redis: Redis, redis_url: str) -> None:
    async with desk(redis_url, "http://127.0.0.1:9") as (browser, _):
        answer = await browser.get("/desk/open-id/go")
        assert answer.headers["Location"] == "/desk/sign-in?wrong=open_id_away"


async def test_without_a_provider_there_is_no_such_way(redis: Redis, redis_url: str) -> None:
    async with desk(redis_url, None) as (browser, _):
        assert "open-id" not in (await browser.get("/desk/sign-in")).text
        assert (await browser.get("/desk/open-id/go")).status_code == 404
        assert (await browser.get("/desk/open-id/back?code=x&state=y")).status_code == 404


@pytest.mark.parametrize("issuer", ["http://sso.example.org", "ftp://127.0.0.1", "sso"])
def test_a_provider_in_the_clear_is_refused(issuer: str) -> None:
    with pytest.raises(ValueError, match="GUICHET_OPEN_ID_ISSUER"):
        Settings.model_validate({"open_id_issuer": issuer, "open_id_client_id": "guichet"})
