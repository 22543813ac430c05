"""Long polling for Telegram: for a laptop, where no provider can call.

An update is acknowledged to Telegram, by asking for the next, only once Redis has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors.channels import SendLater, SendNever
from connectors.mailbox import Mailbox, TooFast
from connectors.telegram import Telegram, parse_update
from guichet import redis_server
from guichet.logs import configure_logging
from guichet.settings import Settings, load_settings
from guichet.vault import unlock

logger = logging.getLogger(__name__)

#: A sign of life for the supervisor, and how long it holds, in seconds.
ALIVE_KEY, ALIVE_S = "guichet:telegram-polling", 60
PAUSE_S = 2.0


async def poll(channel: Telegram, mailbox: Mailbox, redis: Redis) -> None:
    """Take updates until cancelled."""
    after = 0
    while True:
        try:
            await redis.set(ALIVE_KEY, "1", ex=ALIVE_S)
            for update in await channel.updates(after):
                message = parse_update(update)
                if message is not None:
                    with contextlib.suppress(TooFast):
                        await mailbox.accept(message)
                after = update["update_id"] + 1
        except (SendLater, SendNever, RedisError) as error:
            wait = error.after_s if isinstance(error, SendLater) and error.after_s else PAUSE_S
            logger.warning("polling: %s", type(error).__name__)
            await asyncio.sleep(wait)


async def main(settings: Settings) -> None:
    """Poll until SIGTERM or SIGINT."""
    redis = redis_server.connect(settings.redis_url or redis_server.embedded_url(settings))
    mailbox = Mailbox(redis, await unlock(redis, settings), settings.retention_days)
    channel = Telegram(settings)
    work = asyncio.ensure_future(poll(channel, mailbox, redis))
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work
    await channel.close()
    await redis.aclose()


if __name__ == "__main__":
    configure_logging()
    asyncio.run(main(load_settings()))
