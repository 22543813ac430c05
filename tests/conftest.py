"""Real Redis, real Rasa, real HTTP; only Twilio has a stand-in."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bench import telegram_stand_in
from bench.telegram_stand_in import TelegramStandIn
from bench.twilio_stand_in import (
    Sent,
    TwilioStandIn,
    environment,
    post_webhook,
    serve,
    webhook_form,
)
from connectors.mailbox import Mailbox
from guichet import redis_server
from guichet.settings import ROOT, Settings, running
from guichet.vault import Cipher, Vault, unlock

MODEL = ROOT / "var" / "knowledge_base"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything is to be installed, as in CI, a test that is skipped is a fault."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if (
        os.environ.get("GUICHET_NO_SKIPS")
        and reporter is not None
        and reporter.stats.get("skipped")
    ):
        reporter.write_line("GUICHET_NO_SKIPS is set, and tests were skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def vault(*secrets: str) -> Vault:
    """A vault without Redis; its pseudonyms are the same for every secret."""
    return Vault(Cipher(secrets or ("secret",)), b"pseudonym key")


@dataclass
class System:
    """A whole Guichet, started with `guichet up`, and the stand-in it sends to."""

    settings: Settings
    twilio: TwilioStandIn
    telegram: TelegramStandIn
    client: httpx.AsyncClient
    process: asyncio.subprocess.Process
    output: Path
    environment: dict[str, str]
    _redis: Redis | None = None

    @property
    def webhook(self) -> str:
        return f"{self.addresses['gateway_url']}/twilio/sms"

    @property
    def addresses(self) -> dict[str, str]:
        state = running(self.settings)
        assert state is not None
        return state

    async def whatsapp(self, sender: str, text: str, replies: int = 1, **fields: str) -> Sent:
        """Send a WhatsApp message; the last of the replies it brings."""
        address = f"whatsapp:{sender}"
        before = len(self.sent_to(address))
        url = self.webhook.replace("/sms", "/whatsapp")
        form = webhook_form(address, text, **fields)
        answer = await post_webhook(self.client, url, form)
        assert answer.status_code == 200, answer.text
        sent = await self.twilio.wait_for(before + replies, to=address, timeout_s=60)
        return sent[before + replies - 1]

    async def telegram_update(self, update: dict[str, Any]) -> None:
        url = f"{self.addresses['gateway_url']}/telegram/webhook"
        answer = await telegram_stand_in.post_update(self.client, url, update)
        assert answer.status_code == 200, answer.text

    async def telegram_text(self, chat: int, text: str, **fields: Any) -> dict[str, Any]:
        """Send a Telegram message; the message that answers it, once nothing else waits."""
        await self.quiet()
        before = len(self.telegram.of("sendMessage", chat))
        await self.telegram_update(telegram_stand_in.text_update(chat, text, **fields))
        return (await self.telegram.wait_for("sendMessage", before + 1, chat))[before].fields

    async def text(
        self, sender: str, text: str, replies: int = 1, skip: int = 0, **fields: Any
    ) -> str:
        """Send an SMS; the last of the replies it brings, or the one before `skip` others."""
        before = len([sent for sent in self.twilio.sent if sent.to == sender])
        answer = await post_webhook(self.client, self.webhook, webhook_form(sender, text, **fields))
        assert answer.status_code == 200, answer.text
        sent = await self.twilio.wait_for(before + replies, to=sender, timeout_s=60)
        return sent[before + replies - 1 - skip].body

    async def quiet(self, timeout_s: float = 30) -> None:
        """Return once no message waits to be answered or sent."""
        mailbox = await self.mailbox()
        async with asyncio.timeout(timeout_s):
            while (lengths := await mailbox.lengths())["in"] or lengths["out"]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def mailbox(self) -> Mailbox:
        """The mailbox of what runs."""
        if self._redis is None:
            self._redis = redis_server.connect(self.addresses["redis_url"])
        return Mailbox(self._redis, await unlock(self._redis, self.settings))

    async def close(self) -> None:
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = None

    async def stop(self) -> None:
        """Everything of Guichet, as Ctrl-C does; the providers go on."""
        await self.close()
        await stop(self.process)

    async def start(self) -> None:
        """Again, on the same data."""
        self.process = await start(self.settings, self.environment, self.output)

    def sent_to(self, number: str) -> list[Sent]:
        return [sent for sent in self.twilio.sent if sent.to == number]


@asynccontextmanager
async def whole_system(folder: Path, **extra: str) -> AsyncIterator[System]:
    """A Guichet of its own, with stand-ins for the providers."""
    async with (
        serve(TwilioStandIn()) as twilio,
        telegram_stand_in.serve(TelegramStandIn()) as telegram,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        settings = Settings(data_dir=folder / "var", kb_model=MODEL, port=0)
        output = folder / "output.txt"
        providers = {**environment(twilio), **telegram_stand_in.environment(telegram), **extra}
        process = await start(settings, providers, output)
        running_system = System(settings, twilio, telegram, client, process, output, providers)
        try:
            yield running_system
        finally:
            await running_system.stop()


@pytest_asyncio.fixture(scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with whole_system(tmp_path_factory.mktemp("guichet")) as running_system:
        yield running_system


async def start(
    settings: Settings, extra: dict[str, str], output: Path
) -> asyncio.subprocess.Process:
    """`guichet up`, ready."""
    own = {
        "GUICHET_DATA_DIR": str(settings.data_dir),
        "GUICHET_KB_MODEL": str(settings.model_dir),
        "GUICHET_PORT": "0",
        **extra,
    }
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "guichet.cli", "up",
            stdout=file, stderr=file, cwd=ROOT, env={**os.environ, **own},
        )  # fmt: skip
    for _ in range(1200):
        text = output.read_text()
        if "Ready." in text:
            return process
        assert process.returncode is None, text
        await asyncio.sleep(0.1)
    process.kill()
    raise AssertionError(f"not ready: {output.read_text()}")


async def stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        await asyncio.wait_for(process.wait(), 40)


@pytest_asyncio.fixture(scope="session")
async def redis_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("redis"))
    process = await asyncio.create_subprocess_exec(
        *redis_server.embedded_command(settings), stdout=asyncio.subprocess.DEVNULL
    )
    url = redis_server.embedded_url(settings)
    client = redis_server.connect(url)
    for _ in range(100):
        try:
            await client.ping()
            break
        except RedisError:
            await asyncio.sleep(0.05)
    await client.aclose()
    yield url
    process.terminate()
    await process.wait()


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """An empty Redis."""
    client = redis_server.connect(redis_url)
    await client.flushall()
    yield client
    await client.aclose()
