"""The inbox and outbox of every conversation, in Redis streams.

A conversation belongs to one of PARTITIONS partitions. All keys of a partition share
a hash tag, so each step that must be whole is one Lua script on one slot of a
cluster. A partition is leased to one worker at a time; what is not finished stays in
the streams, and whoever holds the lease next begins with it.

Keys, under `guichet:{<partition>}:`
  in, out          streams of sealed records; an entry is deleted once done with
  dead             stream of what could not be delivered, with the reason
  seen:<id>        a provider's message id that has been counted
  lease            the worker that holds the partition
  conversation:<id>  hash: `state` (sealed), `turns`
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import Redis

from connectors.records import Conversation, Inbound, Outbound
from guichet.vault import Vault

PARTITIONS = 16
#: What XREAD answers: streams, each with its entries.
Rows = list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]
#: Twilio repeats a webhook for hours at most; Telegram for 24 hours.
SEEN_S = 3 * 24 * 3600

_ACCEPT = """
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then
  redis.call('XADD', KEYS[2], '*', 'c', ARGV[2], 'm', ARGV[3])
  return 1
end
return 0
"""

# KEYS lease, in, out, conversation; ARGV worker, entry, conversation id, state,
# expiry in s, outbound records.
_FINISH_TURN = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if redis.call('XDEL', KEYS[2], ARGV[2]) == 0 then return 0 end
redis.call('HSET', KEYS[4], 'state', ARGV[4])
redis.call('HINCRBY', KEYS[4], 'turns', 1)
redis.call('EXPIRE', KEYS[4], ARGV[5])
for i = 6, #ARGV do
  redis.call('XADD', KEYS[3], '*', 'c', ARGV[3], 'm', ARGV[i])
end
return 1
"""

_BURY = """
redis.call('XADD', KEYS[2], 'MAXLEN', '~', '100000', '*',
  'c', ARGV[2], 'm', ARGV[3], 'why', ARGV[4])
return redis.call('XDEL', KEYS[1], ARGV[1])
"""

_EXTEND_LEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""

_RELEASE_LEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class LeaseLost(Exception):
    """Another worker holds the partition now; the entry is its business."""


@dataclass(frozen=True)
class Entry:
    """A record in a stream, still sealed."""

    partition: int
    box: str  #: "in" or "out"
    id: str
    conversation: str
    sealed: bytes


class Mailbox:
    """Reads and writes the streams. Texts and addresses are sealed by the vault."""

    def __init__(self, redis: Redis, vault: Vault, retention_days: int = 30) -> None:
        self._redis = redis
        self._vault = vault
        self._expiry_s = retention_days * 24 * 3600
        self._accept = redis.register_script(_ACCEPT)
        self._finish_turn = redis.register_script(_FINISH_TURN)
        self._bury = redis.register_script(_BURY)
        self._extend = redis.register_script(_EXTEND_LEASE)
        self._release = redis.register_script(_RELEASE_LEASE)

    def conversation_id(self, message: Inbound) -> str:
        """The pseudonym under which Rasa, logs and keys know the person."""
        return self._vault.pseudonym(message.channel, message.address)

    async def accept(self, message: Inbound) -> bool:
        """Store a message; False when its id was stored before.

        It is on disk, as far as Redis promises, when this returns.
        """
        conversation = self.conversation_id(message)
        partition = partition_of(conversation)
        seen = self._vault.pseudonym("id:" + message.channel, message.id)
        stored = await self._accept(
            keys=[_key(partition, f"seen:{seen}"), _key(partition, "in")],
            args=[SEEN_S, conversation, self._vault.seal(message.to_json(), conversation)],
        )
        return bool(stored)

    def open_inbound(self, entry: Entry) -> Inbound:
        return Inbound.from_json(self._vault.open(entry.sealed, entry.conversation))

    def open_outbound(self, entry: Entry) -> Outbound:
        return Outbound.from_json(self._vault.open(entry.sealed, entry.conversation))

    async def conversation(self, conversation: str) -> Conversation:
        sealed = cast(
            bytes | None, await self._redis.hget(_conversation_key(conversation), "state")
        )
        if sealed is None:
            return Conversation()
        return Conversation.from_json(self._vault.open(sealed, conversation))

    async def finish_turn(
        self, worker: str, entry: Entry, state: Conversation, replies: Sequence[Outbound]
    ) -> None:
        """Take a message out of the inbox and put its replies into the outbox, at once.

        Raises LeaseLost when `worker` holds the partition no more.
        """
        conversation = entry.conversation
        done = await self._finish_turn(
            keys=[
                _key(entry.partition, "lease"),
                _key(entry.partition, "in"),
                _key(entry.partition, "out"),
                _conversation_key(conversation),
            ],
            args=[
                worker,
                entry.id,
                conversation,
                self._vault.seal(state.to_json(), conversation),
                self._expiry_s,
                *(self._vault.seal(reply.to_json(), conversation) for reply in replies),
            ],
        )
        if done == -1:
            raise LeaseLost

    async def sent(self, entry: Entry) -> None:
        """The provider has it: forget it."""
        await self._redis.xdel(_key(entry.partition, entry.box), entry.id)

    async def bury(self, entry: Entry, why: str) -> None:
        """Move an entry to the dead-letter stream. `why` is a code, never a text."""
        await self._bury(
            keys=[_key(entry.partition, entry.box), _key(entry.partition, "dead")],
            args=[entry.id, entry.conversation, entry.sealed, f"{entry.box}:{why}"],
        )

    async def read(
        self, positions: Mapping[tuple[int, str], str], count: int, block_ms: int
    ) -> list[Entry]:
        """The next entries after the given positions, `{(partition, box): last id}`."""
        streams: dict[Any, Any] = {
            _key(partition, box): last for (partition, box), last in positions.items()
        }
        answer = cast(Rows, await self._redis.xread(streams, count=count, block=block_ms))
        return [
            Entry(*_place(key), id_.decode(), fields[b"c"].decode(), fields[b"m"])
            for key, rows in answer
            for id_, fields in rows
        ]

    async def lease(self, partition: int, worker: str, ms: int) -> bool:
        """Take a free partition for a while."""
        return bool(await self._redis.set(_key(partition, "lease"), worker, nx=True, px=ms))

    async def extend_lease(self, partition: int, worker: str, ms: int) -> bool:
        return bool(await self._extend(keys=[_key(partition, "lease")], args=[worker, ms]))

    async def release_lease(self, partition: int, worker: str) -> None:
        await self._release(keys=[_key(partition, "lease")], args=[worker])

    async def lengths(self) -> dict[str, int]:
        """How many entries wait in all inboxes, outboxes and dead-letter streams."""
        totals = {"in": 0, "out": 0, "dead": 0}
        for partition in range(PARTITIONS):
            for box in totals:
                totals[box] += await self._redis.xlen(_key(partition, box))
        return totals


def partition_of(conversation: str) -> int:
    return zlib.crc32(conversation.encode()) % PARTITIONS


def _key(partition: int, name: str) -> str:
    return f"guichet:{{p{partition:02d}}}:{name}"


def _conversation_key(conversation: str) -> str:
    return _key(partition_of(conversation), f"conversation:{conversation}")


def _place(key: bytes) -> tuple[int, str]:
    tag, box = key.decode().removeprefix("guichet:{p").split("}:")
    return int(tag), box
