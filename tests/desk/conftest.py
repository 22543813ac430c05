"""A desk in this process: real Redis, real pages, no browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest_asyncio
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import Mount

from connectors.cases import Packet
from connectors.keys import partition_of
from connectors.mailbox import Mailbox, Turn
from connectors.records import Conversation, Inbound
from connectors.transcript import Line
from desk.app import Desk
from desk.services import Services
from guichet.settings import Settings

PASSWORD = "correct horse battery"
PERSON = "+33612345678"
NASTY = '<script>alert(1)</script><img src=x onerror="alert(2)">'
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


@dataclass
class Office:
    """A desk with two advisors, a supervisor, and one person who waits."""

    app: Starlette
    services: Services
    conversation: str

    def browser(self, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app)
        return httpx.AsyncClient(
            transport=transport, base_url="http://desk.test", headers=headers, trust_env=False
        )

    @asynccontextmanager
    async def signed_in(self, name: str) -> AsyncIterator[httpx.AsyncClient]:
        async with self.browser() as browser:
            answer = await sign_in(browser, name, PASSWORD)
            assert answer.status_code == 303, answer.text
            home = await browser.get("/desk/")
            [token] = re.findall(r'<meta name="csrf" content="([^"]+)">', home.text)
            browser.headers["X-CSRF-Token"] = token
            yield browser

    @property
    def page(self) -> str:
        return f"/desk/c/{self.conversation}"


async def sign_in(
    browser: httpx.AsyncClient, name: str, password: str, code: str = ""
) -> httpx.Response:
    form = await browser.get("/desk/sign-in")
    [token] = re.findall(r'name="form" value="([^"]+)"', form.text)
    fields = {"form": token, "name": name, "password": password, "code": code}
    return await browser.post("/desk/sign-in", data=fields)


@pytest_asyncio.fixture
async def office(redis: Redis, redis_url: str) -> AsyncIterator[Office]:
    settings = Settings.model_validate({"redis_url": redis_url, "secret_key": "secret"})
    made = Desk(settings)
    async with made.lifespan():
        services = await made.open()
        for name in ("amina", "paul"):
            await services.accounts.add(name, PASSWORD)
        await services.accounts.add("sophie", PASSWORD, "supervisor")
        conversation = await _waiting(services)
        yield Office(Starlette(routes=[Mount("/desk", made.app())]), services, conversation)


async def _waiting(services: Services) -> str:
    mailbox: Mailbox = services.mailbox
    await mailbox.accept(Inbound("SM1", "terminal-sms", PERSON, "text", NASTY))
    conversation = mailbox.pseudonym("terminal-sms", PERSON)
    [entry] = await mailbox.read({(partition_of(conversation), "in"): "0"}, 10, 10)
    await mailbox.lease(entry.partition, "w", 5000)
    name = "SM1:0:image/png"
    await mailbox.keep_media(conversation, name, mailbox.vault.cipher.seal(PNG, conversation))
    heard = Line("person", NASTY, channel="terminal-sms", media=(name,))
    await mailbox.finish_turn(
        "w", entry, Conversation("ar"), [], Turn(heard, PERSON, desk="waiting")
    )
    packet = Packet("terminal-sms", "ar", NASTY)
    await services.cases.enqueue(conversation, "asked", packet, "SM1", True)
    return conversation
