"""Counts of what happened, kept in Redis for `/metrics`: numbers only, never a person."""

from __future__ import annotations

from collections import Counter
from typing import cast

from redis.asyncio import Redis

KEY = "guichet:counters"


class Counts(Counter[tuple[str, str]]):
    """`(event, channel)` to times, collected in a process and added to Redis now and then."""

    async def flush(self, redis: Redis) -> None:
        """Raises RedisError; what was not written is kept."""
        if not self:
            return
        waiting = dict(self)
        async with redis.pipeline(transaction=True) as pipeline:
            for (event, channel), times in waiting.items():
                pipeline.hincrby(KEY, f"{event} {channel}", times)
            await pipeline.execute()
        self.subtract(waiting)
        for key in [key for key, times in self.items() if times <= 0]:
            del self[key]


async def read(redis: Redis) -> dict[tuple[str, str], int]:
    """All counts since this Redis began. Raises RedisError."""
    found = cast(dict[bytes, bytes], await redis.hgetall(KEY))
    return {
        (name.decode().split(" ")[0], name.decode().split(" ")[-1]): int(times)
        for name, times in found.items()
    }
