"""`guichet outbox`: what waits, and what could not be delivered."""

from __future__ import annotations

from datetime import UTC, datetime

from redis.exceptions import RedisError

from connectors.mailbox import Mailbox
from guichet import redis_server
from guichet.settings import Settings, SettingsError, running
from guichet.vault import unlock


async def run(settings: Settings, send_again: bool) -> list[str]:
    """Lines to print: no number and no text, only when, why and in which queue.

    Raises SettingsError when Redis cannot be reached.
    """
    state = running(settings)
    url = settings.redis_url or (state or {}).get("redis_url")
    if url is None:
        raise SettingsError("Guichet is not running here: start it with `guichet up`")
    redis = redis_server.connect(url)
    try:
        mailbox = Mailbox(redis, await unlock(redis, settings), settings.retention_days)
        lengths = await mailbox.lengths()
        lines = [f"to answer {lengths['in']}, to send {lengths['out']}, dead {lengths['dead']}"]
        for entry, why in await mailbox.dead():
            when = datetime.fromtimestamp(int(entry.id.partition("-")[0]) / 1000, UTC)
            box, _, reason = why.partition(":")
            lines.append(
                f"  {when:%Y-%m-%d %H:%M} UTC  {'answer' if box == 'in' else 'send'}  "
                f"{entry.conversation[:8]}  {reason}"
            )
            if send_again:
                await mailbox.send_again(entry, why)
        if send_again:
            lines.append(f"{lengths['dead']} put back")
        return lines
    except RedisError as error:
        raise SettingsError(f"Redis: {type(error).__name__}") from None
    finally:
        await redis.aclose()
