"""`guichet rotate-key`: what is kept, sealed again under the current secret key.

On one machine, with nothing running, the command makes the new key itself. Elsewhere the
operator sets GUICHET_SECRET_KEY to the new key and GUICHET_PREVIOUS_SECRET_KEYS to the old
one, restarts, and runs it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors.mailbox import Records
from connectors.notebook import LETTER_PREFIX
from guichet import redis_server
from guichet.settings import Settings, SettingsError, running
from guichet.vault import AT_REST, PSEUDONYM_KEY, TRACKERS, Cipher, VaultError

#: Of a conversation and a case: the fields that are sealed.
SEALED = ("state", "to", "packet")


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
        elif name.startswith(("conversation:", "case:")):
            context = name.partition(":")[2]
            await _fields(redis, key, partial(_one, again, at_rest, context), SEALED)
        elif name.startswith(("media:", "log:", "reminders:", "details:")):
            context = name.partition(":")[2]
            await _fields(redis, key, partial(_one, again, at_rest, context))
        elif name == "advisors":
            await _fields(
                redis, key, lambda field, value: again(at_rest, value, f"advisor {field}")
            )
        elif name.startswith(("held:", "notes:")):
            waiting = cast(list[bytes], await redis.lrange(key, 0, -1))
            for index, sealed in enumerate(waiting):
                value = again(at_rest, sealed, name.partition(":")[2])
                if value is not None:
                    await redis.lset(key, index, cast(Any, value))
        elif key.startswith(LETTER_PREFIX) or name.startswith("question:"):
            context = key.removeprefix(LETTER_PREFIX).rpartition("}:question:")[2]
            sealed = cast(bytes | None, await redis.get(key))
            value = again(at_rest, sealed, context) if sealed else None
            if value is not None:
                await redis.set(key, value, keepttl=True)
        elif name.startswith("transcript:") or name == "audit":
            await _history(redis, key, partial(again, at_rest), name.partition(":")[2] or name)
        elif name in ("in", "out", "dead"):
            await _stream(redis, key, at_rest, again)
    return counts


Again = Callable[[Cipher, bytes, str], bytes | None]


def _one(again: Again, cipher: Cipher, context: str, field: str, sealed: bytes) -> bytes | None:
    return again(cipher, sealed, context)


async def _fields(
    redis: Redis,
    key: str,
    again: Callable[[str, bytes], bytes | None],
    only: Collection[str] | None = None,
) -> None:
    """The sealed fields of a hash."""
    for field, sealed in cast(dict[bytes, bytes], await redis.hgetall(key)).items():
        if only is None or field.decode() in only:
            value = again(field.decode(), sealed)
            if value is not None:
                await redis.hset(key, field.decode(), cast(Any, value))


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


# KEYS stream, its copy; ARGV the last id copied. What came meanwhile is copied as it is: it was
# sealed under the new key, or the earlier one opens it until the next run.
_REPLACE = """
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+')) do
  redis.call('XADD', KEYS[2], entry[1], unpack(entry[2]))
end
local lives = redis.call('PTTL', KEYS[1])
redis.call('RENAME', KEYS[2], KEYS[1])
if lives > 0 then redis.call('PEXPIRE', KEYS[1], lives) end
"""


async def _history(
    redis: Redis, key: str, again: Callable[[bytes, str], bytes | None], context: str
) -> None:
    """A stream that is read by the ids of its entries: written anew under the same ids."""
    copy = key.replace("}:", "}:resealed:", 1)
    await redis.delete(copy)
    rows = cast(Records, await redis.xrange(key))
    for id_, fields in rows:
        value = again(fields[b"m"], context)
        if value is not None:
            await redis.xadd(copy, cast(Any, {**fields, b"m": value}), id=id_.decode())
    if await redis.exists(copy):
        await redis.register_script(_REPLACE)(keys=[key, copy], args=[rows[-1][0]])


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
