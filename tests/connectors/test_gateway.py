"""The gateway refuses before it reads, stores before it acknowledges."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from bench.twilio_stand_in import ACCOUNT_SID, AUTH_TOKEN, NUMBER, post_webhook, sign, webhook_form
from connectors.gateway import EMPTY_TWIML, LARGEST_BODY, create_app
from connectors.mailbox import Mailbox
from guichet.settings import Settings
from tests.conftest import vault

URL = "https://guichet.example/twilio/sms"


def settings(folder: Path, redis_url: str, **fields: object) -> Settings:
    return Settings.model_validate(
        {
            "data_dir": folder,
            "redis_url": redis_url,
            "secret_key": "secret",
            "public_url": "https://guichet.example",
            "twilio_account_sid": ACCOUNT_SID,
            "twilio_auth_token": AUTH_TOKEN,
            "twilio_sms_from": NUMBER,
            **fields,
        }
    )


@asynccontextmanager
async def gateway(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client,
    ):
        yield client


@pytest_asyncio.fixture
async def client(tmp_path: Path, redis: Redis, redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway(settings(tmp_path, redis_url)) as client:
        yield client


async def stored(redis: Redis) -> int:
    return (await Mailbox(redis, vault()).lengths())["in"]


async def test_a_message_is_stored_and_acknowledged(
    client: httpx.AsyncClient, redis: Redis
) -> None:
    answer = await post_webhook(client, URL, webhook_form("+33612345678", "bonjour"))
    assert answer.status_code == 200
    assert answer.text == EMPTY_TWIML
    assert answer.headers["Content-Type"].startswith("text/xml")
    assert await stored(redis) == 1


async def test_the_same_message_sid_counts_once(client: httpx.AsyncClient, redis: Redis) -> None:
    form = webhook_form("+33612345678", "bonjour")
    for _ in range(3):
        assert (await post_webhook(client, URL, form)).status_code == 200
    assert await stored(redis) == 1


async def test_nothing_readable_is_kept_in_redis(client: httpx.AsyncClient, redis: Redis) -> None:
    form = webhook_form("+33612345678", "ma carte est perdue")
    await post_webhook(client, URL, form)
    everything = b""
    for key in await redis.keys("*"):
        assert isinstance(key, bytes)
        everything += key
        if await redis.type(key) == b"stream":
            everything += repr(await redis.xrange(key)).encode()
    for secret in ("33612345678", "carte", form["MessageSid"]):
        assert secret.encode() not in everything


async def test_a_missing_signature_is_refused_without_reading_the_body(
    client: httpx.AsyncClient, redis: Redis
) -> None:
    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    answer = await client.post(URL, content=body())
    assert answer.status_code == 403
    assert await stored(redis) == 0


async def test_a_forged_signature_is_refused(client: httpx.AsyncClient, redis: Redis) -> None:
    form = webhook_form("+33612345678", "bonjour")
    signature = sign(URL, form, token="another")
    answer = await client.post(URL, data=form, headers={"X-Twilio-Signature": signature})
    assert answer.status_code == 403
    assert await stored(redis) == 0


async def test_a_body_over_64_kb_is_refused_by_its_length_and_by_its_bytes(
    client: httpx.AsyncClient,
) -> None:
    headers = {
        "X-Twilio-Signature": "x",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    declared = await client.post(URL, content=b"a" * (LARGEST_BODY + 1), headers=headers)
    assert declared.status_code == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"a" * 1024

    assert (await client.post(URL, content=endless(), headers=headers)).status_code == 413


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("application/json", 415), ("multipart/form-data; boundary=x", 415), ("", 415)],
)
async def test_what_is_not_a_form_is_refused(
    client: httpx.AsyncClient, content_type: str, status: int
) -> None:
    headers = {"X-Twilio-Signature": sign(URL, {}), "Content-Type": content_type}
    answer = await client.post(URL, content=b'{"Body": "hello"}', headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x00=%ff", b"a&b&c" * 400, b"%", b"=" * 900], ids=["bytes", "many", "%", "="]
)
async def test_rubbish_is_refused_and_never_a_500(client: httpx.AsyncClient, body: bytes) -> None:
    headers = {
        "X-Twilio-Signature": "x",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert (await client.post(URL, content=body, headers=headers)).status_code in (400, 403)


async def test_a_signed_form_without_a_sender_is_a_400(client: httpx.AsyncClient) -> None:
    form = webhook_form("", "bonjour")
    assert (await post_webhook(client, URL, form)).status_code == 400


async def test_without_a_public_address_the_request_s_own_is_signed(
    tmp_path: Path, redis: Redis, redis_url: str
) -> None:
    url = "http://127.0.0.1:8080/twilio/sms"
    async with gateway(settings(tmp_path, redis_url, public_url=None)) as client:
        answer = await post_webhook(client, url, webhook_form("+33612345678", "bonjour"))
    assert answer.status_code == 200


async def test_without_credentials_sms_is_off(tmp_path: Path, redis_url: str) -> None:
    async with gateway(settings(tmp_path, redis_url, twilio_auth_token=None)) as client:
        answer = await post_webhook(client, URL, webhook_form("+33612345678", "bonjour"))
    assert answer.status_code == 404


async def test_health_is_200_only_when_redis_takes_writes(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    assert (await client.get("https://guichet.example/health")).status_code == 200
    async with gateway(settings(tmp_path, f"unix://{tmp_path}/nothing.sock")) as other:
        assert (await other.get("http://guichet/health")).status_code == 503
        answer = await post_webhook(other, URL, webhook_form("+33612345678", "bonjour"))
        assert answer.status_code == 503
