"""Long polling takes every update once, and none before Redis has it."""

from __future__ import annotations

import asyncio
import contextlib

from redis.asyncio import Redis

from bench import telegram_stand_in as stand_in
from connectors.mailbox import Mailbox
from connectors.telegram import Telegram
from connectors.telegram_polling import poll
from guichet.settings import Settings
from tests.conftest import vault


async def test_updates_are_stored_once_and_then_acknowledged(redis: Redis) -> None:
    async with stand_in.serve(stand_in.TelegramStandIn()) as telegram:
        settings = Settings.model_validate(
            {
                "telegram_token": stand_in.TOKEN,
                "telegram_mode": "polling",
                "telegram_api_url": telegram.url,
            }
        )
        channel, mailbox = Telegram(settings), Mailbox(redis, vault())
        telegram.waiting += [stand_in.text_update(chat, "bonjour") for chat in (1, 2, 3)]
        telegram.waiting.append({"update_id": 10**6, "poll": {"id": "1"}})
        polling = asyncio.create_task(poll(channel, mailbox, redis))
        async with asyncio.timeout(20):
            while telegram.waiting:  # noqa: ASYNC110 - gone once acknowledged
                await asyncio.sleep(0.05)
        polling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await polling
        assert (await mailbox.lengths())["in"] == 3
        await channel.close()
