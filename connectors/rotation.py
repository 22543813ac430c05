"""`guichet rotate-key`: what is kept, sealed again under the current secret key.

On one machine, with nothing running, the command makes the new key itself. Elsewhere the
operator sets GUICHET_SECRET_KEY to the new key and GUICHET_PREVIOUS_SECRET_KEYS to the old
one, restarts, and runs it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors.mailbox import Records
from connectors.notebook import LETTER_PREFIX
from guichet import redis_server
from guichet.settings import Settings, SettingsError, running
from guichet.vault import AT_REST, PSEUDONYM_KEY, TRACKERS, Cipher, VaultError


async def run(settings: Settings, say: Callable[[str], None]) -> list[str]:
    """Lines to print at the end. Raises SettingsError."""
    state = running(settings)
    own_key = settings.secret_key is None or not settings.secret_key.get_secret_value()
    if own_key and state is not None:
        raise SettingsError("stop Guichet first: the new key is made here, and read at the start")
    keys = settings.secret_keys()
    if own_key:
        keys = [secrets.token_urlsafe(32), *keys]
    elif len(keys) < 2:
        raise SettingsError(
            "set GUICHET_SECRET_KEY to the new key and GUICHET_PREVIOUS_SECRET_KEYS to the old one"
        )
    async with _redis(settings, state) as redis:
        counts = await reseal(redis, keys, say)
    if own_key:
        path = settings.data_dir / "secret.key"
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(keys[0])
        new.replace(path)  # at once: a crash leaves the old key or the new one
    lines = [f"{counts['sealed']} values sealed again, {counts['unreadable']} not readable"]
    if not own_key:
        lines.append("GUICHET_PREVIOUS_SECRET_KEYS may be emptied now, and Guichet restarted")
    return lines


async def reseal(redis: Redis, keys: list[str], say: Callable[[str], None]) -> dict[str, int]:
    """Seal every value under the first key. Safe to run again, and while Guichet runs."""
    at_rest, trackers = Cipher(keys, AT_REST), Cipher(keys, TRACKERS)
    counts = {"sealed": 0, "unreadable": 0}

    def again(cipher: Cipher, sealed: bytes, context: str) -> bytes | None:
        try:
            value = cipher.reseal(sealed, context)
        except VaultError:
            counts["unreadable"] += 1
            return None
        counts["sealed"] += 1
        if counts["sealed"] % 1000 == 0:
            say(f"  {counts['sealed']} values …")
        return value

    async for raw in redis.scan_iter(match="guichet:*", count=1000):
        key = cast(bytes, raw).decode()
        name = key.rpartition("}:")[2] if "}:" in key else key
        if key == PSEUDONYM_KEY:
            value = again(at_rest, cast(bytes, await redis.get(key)), PSEUDONYM_KEY)
            if value is not None:
                await redis.set(key, value)
        elif key.startswith("guichet:{tracker:"):
            sender = key.removeprefix("guichet:{tracker:").removesuffix("}")
            sealed = cast(bytes | None, await redis.get(key))
            value = again(trackers, sealed, sender) if sealed else None
            if value is not None:
                await redis.set(key, value, keepttl=True)
        elif name.startswith("conversation:"):
            sealed = cast(bytes | None, await redis.hget(key, "state"))
            value = again(at_rest, sealed, name.partition(":")[2]) if sealed else None
            if value is not None:
                await redis.hset(key, "state", value)
        elif name.startswith(("media:", "log:", "reminders:")):
            files = cast(dict[bytes, bytes], await redis.hgetall(key))
            for field, sealed in files.items():
                value = again(at_rest, sealed, name.partition(":")[2])
                if value is not None:
                    await redis.hset(key, field.decode(), value)
        elif name.startswith("held:"):
            waiting = cast(list[bytes], await redis.lrange(key, 0, -1))
            for index, sealed in enumerate(waiting):
                value = again(at_rest, sealed, name.partition(":")[2])
                if value is not None:
                    await redis.lset(key, index, cast(Any, value))
        elif key.startswith(LETTER_PREFIX):
            sealed = cast(bytes | None, await redis.get(key))
            value = again(at_rest, sealed, key.removeprefix(LETTER_PREFIX)) if sealed else None
            if value is not None:
                await redis.set(key, value, keepttl=True)
        elif name in ("in", "out", "dead"):
            await _stream(redis, key, at_rest, again)
    return counts


async def _stream(redis: Redis, key: str, cipher: Cipher, again: Callable[..., Any]) -> None:
    """Entries of a stream cannot be changed: those of dead letters are written anew.

    Messages on their way (in, out) are left: they are gone in seconds, and until then the
    earlier key still opens them.
    """
    if not key.endswith("dead"):
        return
    for id_, fields in cast(Records, await redis.xrange(key)):
        value = again(cipher, fields[b"m"], fields[b"c"].decode())
        if value is None:
            continue
        async with redis.pipeline(transaction=True) as pipeline:
            pipeline.xadd(key, cast(Any, {**fields, b"m": value}))
            pipeline.xdel(key, id_)
            await pipeline.execute()


@asynccontextmanager
async def _redis(settings: Settings, state: dict[str, str] | None) -> Any:
    """The Redis of this installation; the embedded one is started for the while if need be."""
    url = settings.redis_url or (state or {}).get("redis_url")
    process = None
    if url is None:
        url = redis_server.embedded_url(settings)
        process = await asyncio.create_subprocess_exec(
            *redis_server.embedded_command(settings), stdout=asyncio.subprocess.DEVNULL
        )
    redis = redis_server.connect(url)
    try:
        for _ in range(200):
            try:
                await redis.ping()
                break
            except (RedisError, OSError):
                await asyncio.sleep(0.05)
        else:
            raise SettingsError("Redis does not answer")
        yield redis
    finally:
        await redis.aclose()
        if process is not None:
            process.terminate()
            await process.wait()
