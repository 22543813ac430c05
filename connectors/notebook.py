"""What a person asked us to keep: reminders, the log of blockages, letters.

Keys, of the conversation's partition unless said otherwise (see connectors/mailbox.py):
  log:<conversation>         hash: id to a sealed line of the log
  reminders                  sorted set of `<conversation> <id>` by the second they are due
  reminders:<conversation>   hash: id to a sealed reminder
  letters:<conversation>     set of the keys of letters made
  guichet:letter:<digest>    a sealed letter, under the digest of its link's token
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self, cast

from redis.asyncio import Redis

from connectors.keys import key as _partition_key
from connectors.keys import partition_of
from connectors.records import Outbound
from guichet.vault import Vault

LETTER_PREFIX = "guichet:letter:"
#: How long the link to a letter works.
LETTER_DAYS = 7
#: Lines of a log, and reminders of a person, at most: the oldest lines go.
MOST_LINES = 100
MOST_REMINDERS = 12
#: Reminders put out at once.
BATCH = 100

# KEYS reminders, reminders of the conversation, out; ARGV member, id, conversation, record.
_PUT_OUT = """
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('XADD', KEYS[3], '*', 'c', ARGV[3], 'm', ARGV[4])
return 1
"""


@dataclass(frozen=True)
class Line:
    """A line of the log of blockages."""

    at: float  #: seconds since the epoch
    text: str = ""
    photos: tuple[str, ...] = ()  #: their names, see Turns.keep: one that comes again is one

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields = json.loads(text)
        return cls(**{**fields, "photos": tuple(fields["photos"])})


@dataclass(frozen=True)
class Reminder:
    """A message to send on a day."""

    due: float  #: seconds since the epoch
    name: str  #: of the response
    end: str  #: ISO date of the permit's end
    closes: str
    channel: str
    address: str
    language: str

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


class Notebook:
    """Reads and writes it; everything is sealed."""

    def __init__(self, redis: Redis, vault: Vault, retention_days: int) -> None:
        self._redis = redis
        self._vault = vault
        self._expiry_s = retention_days * 24 * 3600
        self._put_out = redis.register_script(_PUT_OUT)

    # The log

    async def add_line(self, conversation: str, id: str, line: Line) -> int:
        """Write or replace the line `id`; how many there are."""
        key = _key(conversation, f"log:{conversation}")
        sealed = self._vault.seal(json.dumps(asdict(line)), conversation)
        await self._redis.hset(key, self._vault.pseudonym("log", id), sealed)
        await self._redis.expire(key, self._expiry_s)
        lines = await self._lines(conversation)
        for old in sorted(lines, key=lambda each: lines[each].at)[:-MOST_LINES]:
            await self._redis.hdel(key, old)
        return min(len(lines), MOST_LINES)

    async def last_line(self, conversation: str) -> tuple[str, Line] | None:
        """The newest line and the id under which `change_line` finds it."""
        lines = await self._lines(conversation)
        return max(lines.items(), key=lambda each: each[1].at) if lines else None

    async def change_line(self, conversation: str, id: str, line: Line) -> None:
        sealed = self._vault.seal(json.dumps(asdict(line)), conversation)
        await self._redis.hset(_key(conversation, f"log:{conversation}"), id, sealed)

    async def log(self, conversation: str) -> list[Line]:
        """Oldest first."""
        return sorted((await self._lines(conversation)).values(), key=lambda line: line.at)

    async def _lines(self, conversation: str) -> dict[str, Line]:
        key = _key(conversation, f"log:{conversation}")
        found = cast(dict[bytes, bytes], await self._redis.hgetall(key))
        return {
            id.decode(): Line.from_json(self._vault.open(sealed, conversation))
            for id, sealed in found.items()
        }

    # Reminders

    async def set_reminders(self, conversation: str, reminders: Sequence[Reminder]) -> None:
        """Keep them; the same one twice is one."""
        for reminder in reminders[:MOST_REMINDERS]:
            id = f"{reminder.name}:{reminder.end}"
            sealed = self._vault.seal(json.dumps(asdict(reminder)), conversation)
            key = _key(conversation, f"reminders:{conversation}")
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(key, id, sealed)
                # Not the retention: a reminder is kept until its day.
                pipe.expireat(key, int(reminder.due) + self._expiry_s, gt=True)
                pipe.expireat(key, int(reminder.due) + self._expiry_s, nx=True)
                pipe.zadd(_key(conversation, "reminders"), {f"{conversation} {id}": reminder.due})
                await pipe.execute()

    async def reminders(self, conversation: str) -> list[Reminder]:
        """Those to come, soonest first."""
        key = _key(conversation, f"reminders:{conversation}")
        found = cast(dict[bytes, bytes], await self._redis.hgetall(key))
        opened = [
            Reminder.from_json(self._vault.open(sealed, conversation)) for sealed in found.values()
        ]
        return sorted(opened, key=lambda reminder: reminder.due)

    async def cancel_reminders(self, conversation: str) -> None:
        key = _key(conversation, f"reminders:{conversation}")
        for id in cast(list[bytes], await self._redis.hkeys(key)):
            await self._redis.zrem(_key(conversation, "reminders"), f"{conversation} {id.decode()}")
        await self._redis.delete(key)

    async def due(self, partition: int) -> list[tuple[str, str, Reminder]]:
        """`(conversation, id, reminder)` of what is due in a partition, BATCH at most."""
        members = cast(
            list[bytes],
            await self._redis.zrange(
                _partition_key(partition, "reminders"),
                "-inf",
                time.time(),
                byscore=True,
                offset=0,
                num=BATCH,
            ),
        )
        found = []
        for member in members:
            conversation, id = member.decode().split(" ", 1)
            key = _key(conversation, f"reminders:{conversation}")
            sealed = cast(bytes | None, await self._redis.hget(key, id))
            if sealed is None:
                await self._redis.zrem(_partition_key(partition, "reminders"), member)
                continue
            opened = Reminder.from_json(self._vault.open(sealed, conversation))
            found.append((conversation, id, opened))
        return found

    async def put_out(self, conversation: str, id: str, message: Outbound) -> bool:
        """Move a reminder to the outbox, in one step: it is sent once, whoever dies."""
        moved = await self._put_out(
            keys=[
                _key(conversation, "reminders"),
                _key(conversation, f"reminders:{conversation}"),
                _key(conversation, "out"),
            ],
            args=[
                f"{conversation} {id}",
                id,
                conversation,
                self._vault.seal(message.to_json(), conversation),
            ],
        )
        return bool(moved)

    # Letters

    async def keep_letter(self, conversation: str, id: str, content: bytes) -> str:
        """Keep a letter for LETTER_DAYS days; the token of its link, the same for one `id`."""
        token = self._vault.pseudonym("letter", f"{conversation}:{id}")[:22]
        digest = _digest(token)
        await self._redis.set(
            LETTER_PREFIX + digest,
            self._vault.cipher.seal(content, digest),
            ex=LETTER_DAYS * 24 * 3600,
        )
        key = _key(conversation, f"letters:{conversation}")
        await self._redis.sadd(key, digest)
        await self._redis.expire(key, LETTER_DAYS * 24 * 3600)
        return token

    async def letter(self, token: str) -> bytes | None:
        """The letter behind a link; None when there is none, or no more."""
        digest = _digest(token)
        sealed = cast(bytes | None, await self._redis.get(LETTER_PREFIX + digest))
        return self._vault.cipher.open(sealed, digest) if sealed is not None else None

    async def erase(self, conversation: str) -> None:
        """Forget all of it."""
        await self.cancel_reminders(conversation)
        key = _key(conversation, f"letters:{conversation}")
        for digest in cast(set[bytes], await self._redis.smembers(key)):
            await self._redis.delete(LETTER_PREFIX + digest.decode())
        await self._redis.delete(key, _key(conversation, f"log:{conversation}"))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _key(conversation: str, name: str) -> str:
    return _partition_key(partition_of(conversation), name)
