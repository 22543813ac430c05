"""The inbox and outbox of every conversation, in Redis streams.

A conversation belongs to one of PARTITIONS partitions. All keys of a partition share
a hash tag, so each step that must be whole is one Lua script on one slot of a
cluster. A partition is leased to one worker at a time; what is not finished stays in
the streams, and whoever holds the lease next begins with it.

Keys, under `guichet:{<partition>}:`
  in, out            streams of sealed records; an entry is deleted once done with
  dead               stream of what could not be delivered, with the reason
  seen:<id>          a provider's message id that has been counted
  pace:<id>          messages of a conversation in the current minute, for the limit
  lease              the worker that holds the partition
  conversation:<id>  hash: `state` (sealed), `turns`, `heard` (ms), `stopped`
  held:<id>          list of sealed replies that wait until the person writes again
  media:<id>         hash of sealed files that the person sent
  delivery:<id>      hash: `status`, `error` of a message sent, by the provider's id
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import Redis

from connectors.records import Conversation, Inbound, Outbound
from guichet.vault import Vault

PARTITIONS = 16
#: What XREAD answers: streams, each with its entries.
Records = list[tuple[bytes, dict[bytes, bytes]]]
Rows = list[tuple[bytes, Records]]
#: Twilio repeats a webhook for hours at most; Telegram for 24 hours.
SEEN_S = 3 * 24 * 3600
#: Replies that wait for a person to write again, at most.
MOST_HELD = 20

# KEYS seen, in, pace; ARGV seconds to remember, conversation id, record, most a minute.
_ACCEPT = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local count = redis.call('INCR', KEYS[3])
if count == 1 then redis.call('EXPIRE', KEYS[3], 60) end
if tonumber(ARGV[4]) > 0 and count > tonumber(ARGV[4]) then return -1 end
redis.call('SET', KEYS[1], '1', 'EX', ARGV[1])
redis.call('XADD', KEYS[2], '*', 'c', ARGV[2], 'm', ARGV[3])
return 1
"""

# KEYS lease, in, out, conversation, held; ARGV worker, entry, conversation id, state,
# expiry in s, now in ms, stopped (0 or 1), outbound records.
_FINISH_TURN = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if redis.call('XDEL', KEYS[2], ARGV[2]) == 0 then return 0 end
redis.call('HSET', KEYS[4], 'state', ARGV[4], 'heard', ARGV[6], 'stopped', ARGV[7])
redis.call('HINCRBY', KEYS[4], 'turns', 1)
redis.call('EXPIRE', KEYS[4], ARGV[5])
for i = 8, #ARGV do
  redis.call('XADD', KEYS[3], '*', 'c', ARGV[3], 'm', ARGV[i])
end
-- The person has written: what waited for that goes out now, after the answer.
for _, waiting in ipairs(redis.call('LRANGE', KEYS[5], 0, -1)) do
  redis.call('XADD', KEYS[3], '*', 'c', ARGV[3], 'm', waiting)
end
redis.call('DEL', KEYS[5])
return 1
"""

# KEYS out, delivery; ARGV entry, status, expiry in s.
_SENT = """
if #KEYS > 1 then
  if redis.call('HSETNX', KEYS[2], 'status', ARGV[2]) == 1 then
    redis.call('EXPIRE', KEYS[2], ARGV[3])
  end
end
return redis.call('XDEL', KEYS[1], ARGV[1])
"""

# KEYS delivery; ARGV status, error, expiry in s, all statuses in order.
_DELIVERED = """
local function rank(status)
  for i = 4, #ARGV do if ARGV[i] == status then return i end end
  return 0
end
if rank(ARGV[1]) <= rank(redis.call('HGET', KEYS[1], 'status') or '') then return 0 end
redis.call('HSET', KEYS[1], 'status', ARGV[1], 'error', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""

# KEYS out, held; ARGV entry, record, expiry in s, most that wait.
_HOLD = """
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('LTRIM', KEYS[2], -ARGV[4], -1)
redis.call('EXPIRE', KEYS[2], ARGV[3])
return 1
"""

# Generic cell rate: the ms to wait before the turn that is taken now.
# KEYS bucket; ARGV now in ms, ms between two.
_PACE = """
local due = tonumber(redis.call('GET', KEYS[1]) or '0')
local now, step = tonumber(ARGV[1]), tonumber(ARGV[2])
if due < now then due = now end
redis.call('SET', KEYS[1], due + step, 'PX', math.ceil(due + step - now) + 1000)
return math.ceil(due - now)
"""

_BURY = """
redis.call('XADD', KEYS[2], 'MAXLEN', '~', '100000', '*',
  'c', ARGV[2], 'm', ARGV[3], 'why', ARGV[4])
return redis.call('XDEL', KEYS[1], ARGV[1])
"""

_BURY_BACK = """
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', 'c', ARGV[2], 'm', ARGV[3])
return 1
"""

_EXTEND_LEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""

_RELEASE_LEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class TooFast(Exception):
    """More messages a minute than anybody types; this one was not taken."""


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

    def __init__(
        self, redis: Redis, vault: Vault, retention_days: int = 30, most_a_minute: int = 60
    ) -> None:
        self._redis = redis
        self.vault = vault
        self._most_a_minute = most_a_minute
        self._expiry_s = retention_days * 24 * 3600
        self._accept = redis.register_script(_ACCEPT)
        self._finish_turn = redis.register_script(_FINISH_TURN)
        self._bury = redis.register_script(_BURY)
        self._sent = redis.register_script(_SENT)
        self._delivered = redis.register_script(_DELIVERED)
        self._hold = redis.register_script(_HOLD)
        self._bury_back = redis.register_script(_BURY_BACK)
        self._pace = redis.register_script(_PACE)
        self._extend = redis.register_script(_EXTEND_LEASE)
        self._release = redis.register_script(_RELEASE_LEASE)

    def conversation_id(self, message: Inbound) -> str:
        """The pseudonym under which Rasa, logs and keys know the person."""
        return self.pseudonym(message.channel, message.address)

    def pseudonym(self, channel: str, address: str) -> str:
        return self.vault.pseudonym(channel, address)

    async def accept(self, message: Inbound, remember_s: int = SEEN_S) -> bool:
        """Store a message; False when its id was stored in the last `remember_s` seconds.

        It is on disk, as far as Redis promises, when this returns. Raises TooFast.
        """
        conversation = self.conversation_id(message)
        partition = partition_of(conversation)
        seen = self.vault.pseudonym("id:" + message.channel, message.id)
        stored = await self._accept(
            keys=[
                _key(partition, f"seen:{seen}"),
                _key(partition, "in"),
                _key(partition, f"pace:{conversation}"),
            ],
            args=[
                remember_s,
                conversation,
                self.vault.seal(message.to_json(), conversation),
                self._most_a_minute,
            ],
        )
        if stored == -1:
            raise TooFast
        return bool(stored)

    def open_inbound(self, entry: Entry) -> Inbound:
        return Inbound.from_json(self.vault.open(entry.sealed, entry.conversation))

    def open_outbound(self, entry: Entry) -> Outbound:
        return Outbound.from_json(self.vault.open(entry.sealed, entry.conversation))

    async def conversation(self, conversation: str) -> Conversation:
        sealed = cast(
            bytes | None, await self._redis.hget(_conversation_key(conversation), "state")
        )
        if sealed is None:
            return Conversation()
        return Conversation.from_json(self.vault.open(sealed, conversation))

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
                _key(entry.partition, f"held:{conversation}"),
            ],
            args=[
                worker,
                entry.id,
                conversation,
                self.vault.seal(state.to_json(), conversation),
                self._expiry_s,
                int(time.time() * 1000),
                int(state.stopped),
                *(self.vault.seal(reply.to_json(), conversation) for reply in replies),
            ],
        )
        if done == -1:
            raise LeaseLost

    async def sent(self, entry: Entry, id: str) -> None:
        """The provider has it, under its `id`: forget it, and wait to hear what became of it."""
        keys = [_key(entry.partition, entry.box)]
        if id:
            keys.append(self._delivery_key(entry.conversation, id))
        await self._sent(keys=keys, args=[entry.id, "sent", self._expiry_s])

    async def delivered(
        self, channel: str, address: str, id: str, status: str, error: str, order: Sequence[str]
    ) -> None:
        """What the provider says of a message; `order`: all its statuses, the last wins."""
        conversation = self.vault.pseudonym(channel, address)
        await self._delivered(
            keys=[self._delivery_key(conversation, id)],
            args=[status, error, self._expiry_s, *order],
        )

    async def delivery(self, conversation: str, id: str) -> dict[str, str]:
        """`status` and `error` of a message sent; empty when nothing is known."""
        key = self._delivery_key(conversation, id)
        found = cast(dict[bytes, bytes], await self._redis.hgetall(key))
        return {name.decode(): value.decode() for name, value in found.items()}

    async def hold(self, entry: Entry) -> None:
        """Keep a reply until the person writes again."""
        await self._hold(
            keys=[
                _key(entry.partition, "out"),
                _key(entry.partition, f"held:{entry.conversation}"),
            ],
            args=[entry.id, entry.sealed, self._expiry_s, MOST_HELD],
        )

    async def standing(self, conversation: str) -> tuple[bool, float]:
        """`(the person asked for silence, seconds since they last wrote)`."""
        stopped, heard = await self._redis.hmget(
            _conversation_key(conversation), ["stopped", "heard"]
        )
        since = time.time() - int(heard) / 1000 if heard else float("inf")
        return stopped == b"1", since

    async def silence(self, conversation: str) -> None:
        """Write nothing more to this person until they write."""
        await self._redis.hset(_conversation_key(conversation), "stopped", "1")
        await self._redis.expire(_conversation_key(conversation), self._expiry_s)

    async def pace(self, name: str, per_second: float) -> float:
        """Seconds to wait for one's turn; the turn is taken by asking."""
        step = 1000 / per_second
        waits = await self._pace(keys=[f"guichet:pace:{name}"], args=[time.time() * 1000, step])
        return float(waits) / 1000

    async def keep_media(self, conversation: str, name: str, sealed: bytes) -> None:
        """Keep a sealed file for the advisor, for as long as the conversation."""
        key = _key(partition_of(conversation), f"media:{conversation}")
        await self._redis.hset(key, name, sealed)
        await self._redis.expire(key, self._expiry_s)

    async def media(self, conversation: str) -> dict[str, bytes]:
        """The files kept, still sealed, by name."""
        key = _key(partition_of(conversation), f"media:{conversation}")
        found = cast(dict[bytes, bytes], await self._redis.hgetall(key))
        return {name.decode(): sealed for name, sealed in found.items()}

    async def erase(self, conversation: str) -> None:
        """Forget a person: state, files, waiting replies, and Rasa's memory of them."""
        partition = partition_of(conversation)
        await self._redis.delete(
            _conversation_key(conversation),
            _key(partition, f"media:{conversation}"),
            _key(partition, f"held:{conversation}"),
            _key(partition, f"pace:{conversation}"),
        )
        await self._redis.delete(f"guichet:{{tracker:{conversation}}}")

    async def dead(self) -> list[tuple[Entry, str]]:
        """What could not be delivered or answered, oldest first, each with its reason."""
        found = []
        for partition in range(PARTITIONS):
            rows = cast(Records, await self._redis.xrange(_key(partition, "dead")))
            for id_, fields in rows:
                entry = Entry(partition, "dead", id_.decode(), fields[b"c"].decode(), fields[b"m"])
                found.append((entry, fields[b"why"].decode()))
        return sorted(found, key=lambda each: each[0].id)

    async def send_again(self, entry: Entry, why: str) -> None:
        """Put a dead letter back where it came from."""
        box = why.partition(":")[0]
        await self._bury_back(
            keys=[_key(entry.partition, "dead"), _key(entry.partition, box)],
            args=[entry.id, entry.conversation, entry.sealed],
        )

    def _delivery_key(self, conversation: str, id: str) -> str:
        pseudonym = self.vault.pseudonym("delivery", id)
        return _key(partition_of(conversation), f"delivery:{pseudonym}")

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
