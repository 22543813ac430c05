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
  conversation:<id>  hash: `state`, `to` (sealed), `turns`, `heard` (ms), `stopped`, `desk`
  held:<id>          list of sealed replies that wait until the person writes again
  media:<id>         hash of sealed files that the person sent
  delivery:<id>      hash: `status`, `error`, `out` of a message sent, by the provider's id
  transcript:<id>    stream of sealed lines, and states:<id>, see transcript.py
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import Redis

from connectors import mailbox_scripts as scripts
from connectors.cases import Cases
from connectors.keys import PARTITIONS, key, of_conversation, partition_of
from connectors.observatory import Observatory
from connectors.records import Conversation, Inbound, Outbound
from connectors.transcript import KEPT, Line
from connectors.unanswered import Unanswered
from guichet.vault import Vault

#: What XREAD answers: streams, each with its entries.
Records = list[tuple[bytes, dict[bytes, bytes]]]
Rows = list[tuple[bytes, Records]]
#: Twilio repeats a webhook for hours at most; Telegram for 24 hours.
SEEN_S = 3 * 24 * 3600
#: Replies that wait for a person to write again, at most.
MOST_HELD = 20


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


@dataclass(frozen=True)
class Turn:
    """What a turn means for the advisor: what the person said, and how things stand now."""

    heard: Line | None = None
    address: str = ""  #: the person's, so that an advisor can write
    desk: str | None = None  #: see threads.py; None: as it was
    always: bool = False  #: the replies go out although an advisor has the conversation


class Mailbox:
    """Reads and writes the streams. Texts and addresses are sealed by the vault."""

    def __init__(
        self, redis: Redis, vault: Vault, retention_days: int = 30, most_a_minute: int = 60
    ) -> None:
        self._redis = redis
        self.vault = vault
        self.cases = Cases(redis, vault, retention_days)
        self.unanswered = Unanswered(redis, vault, retention_days)
        self.observatory = Observatory(redis, vault)
        self._most_a_minute = most_a_minute
        self._expiry_s = retention_days * 24 * 3600
        self._accept = redis.register_script(scripts.ACCEPT)
        self._finish_turn = redis.register_script(scripts.FINISH_TURN)
        self._bury = redis.register_script(scripts.BURY)
        self._sent = redis.register_script(scripts.SENT)
        self._delivered = redis.register_script(scripts.DELIVERED)
        self._hold = redis.register_script(scripts.HOLD)
        self._bury_back = redis.register_script(scripts.BURY_BACK)
        self._pace = redis.register_script(scripts.PACE)
        self._extend = redis.register_script(scripts.EXTEND_LEASE)
        self._release = redis.register_script(scripts.RELEASE_LEASE)

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
                key(partition, f"seen:{seen}"),
                key(partition, "in"),
                key(partition, f"pace:{conversation}"),
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
        return (await self.look_up(conversation))[0]

    async def look_up(self, conversation: str) -> tuple[Conversation, str]:
        """What is remembered, and what the desk has to do with it (threads.py)."""
        sealed, marker = cast(
            list[bytes | None],
            await self._redis.hmget(_conversation(conversation), ["state", "desk"]),
        )
        state = (
            Conversation()
            if sealed is None
            else Conversation.from_json(self.vault.open(sealed, conversation))
        )
        return state, (marker or b"").decode()

    async def finish_turn(
        self,
        worker: str,
        entry: Entry,
        state: Conversation,
        replies: Sequence[Outbound],
        turn: Turn | None = None,
    ) -> None:
        """Take a message out of the inbox and put its replies into the outbox, at once.

        Without a `turn` nothing of it goes into the transcript. Raises LeaseLost when
        `worker` holds the partition no more.
        """
        conversation = entry.conversation

        def seal(text: str) -> bytes:
            return self.vault.seal(text, conversation)

        written = turn or Turn()
        to = json.dumps([written.heard.channel, written.address]) if written.heard else ""
        records: list[bytes] = []
        for reply in replies:
            titles = tuple(button.title for button in reply.buttons)
            line = Line("bot", reply.text, language=state.language, buttons=titles)
            records += [seal(reply.to_json()), seal(line.to_json())]
        done = await self._finish_turn(
            keys=[
                key(entry.partition, "lease"),
                key(entry.partition, "in"),
                key(entry.partition, "out"),
                _conversation(conversation),
                key(entry.partition, f"held:{conversation}"),
                *_told(conversation),
            ],
            args=[
                worker,
                entry.id,
                conversation,
                seal(state.to_json()),
                self._expiry_s,
                int(time.time() * 1000),
                int(state.stopped),
                seal(to) if to else "",
                seal(written.heard.to_json()) if written.heard else "",
                "-" if written.desk is None else written.desk,
                int(written.always),
                KEPT,
                *records,
            ],
        )
        if done == -1:
            raise LeaseLost

    async def sent(self, entry: Entry, id: str, outcome: str = "sent") -> bool:
        """The provider has it, under its `id`: forget it, and wait to hear what became of it.

        True when somebody at the desk may want to know.
        """
        conversation = entry.conversation
        keys = [
            key(entry.partition, entry.box), _conversation(conversation),
            *reversed(_told(conversation)),
        ]  # fmt: skip
        if id:
            keys.append(self._delivery_key(conversation, id))
        answer = await self._sent(keys=keys, args=[entry.id, outcome, self._expiry_s])
        return bool(answer == 2)

    async def delivered(
        self, channel: str, address: str, id: str, status: str, error: str, order: Sequence[str]
    ) -> bool:
        """What the provider says of a message; `order`: all its statuses, the last wins.

        True when somebody at the desk may want to know.
        """
        conversation = self.vault.pseudonym(channel, address)
        answer = await self._delivered(
            keys=[
                self._delivery_key(conversation, id), _conversation(conversation),
                *reversed(_told(conversation)),
            ],
            args=[status, error, self._expiry_s, *order],
        )  # fmt: skip
        return bool(answer == 2)

    async def delivery(self, conversation: str, id: str) -> dict[str, str]:
        """`status` and `error` of a message sent; empty when nothing is known."""
        name = self._delivery_key(conversation, id)
        found = cast(dict[bytes, bytes], await self._redis.hgetall(name))
        return {name.decode(): value.decode() for name, value in found.items()}

    async def hold(self, entry: Entry) -> None:
        """Keep a reply until the person writes again."""
        await self._hold(
            keys=[
                key(entry.partition, "out"),
                key(entry.partition, f"held:{entry.conversation}"),
                *reversed(_told(entry.conversation)),
            ],
            args=[entry.id, entry.sealed, self._expiry_s, MOST_HELD],
        )

    async def standing(self, conversation: str) -> tuple[bool, float]:
        """`(the person asked for silence, seconds since they last wrote)`."""
        stopped, heard = await self._redis.hmget(_conversation(conversation), ["stopped", "heard"])
        since = time.time() - int(heard) / 1000 if heard else float("inf")
        return stopped == b"1", since

    async def silence(self, conversation: str) -> None:
        """Write nothing more to this person until they write."""
        await self._redis.hset(_conversation(conversation), "stopped", "1")
        await self._redis.expire(_conversation(conversation), self._expiry_s)

    async def pace(self, name: str, per_second: float) -> float:
        """Seconds to wait for one's turn; the turn is taken by asking."""
        step = 1000 / per_second
        waits = await self._pace(keys=[f"guichet:pace:{name}"], args=[time.time() * 1000, step])
        return float(waits) / 1000

    async def keep_media(self, conversation: str, name: str, sealed: bytes) -> None:
        """Keep a sealed file for the advisor, for as long as the conversation."""
        files = of_conversation(conversation, "media")
        await self._redis.hset(files, name, sealed)
        await self._redis.expire(files, self._expiry_s)

    async def media(self, conversation: str) -> dict[str, bytes]:
        """The files kept, still sealed, by name."""
        files = of_conversation(conversation, "media")
        found = cast(dict[bytes, bytes], await self._redis.hgetall(files))
        return {name.decode(): sealed for name, sealed in found.items()}

    async def erase(self, conversation: str) -> None:
        """Forget a person: all that was said and kept, their case, Rasa's memory of them."""
        names = ("conversation", "media", "held", "pace", "transcript", "states")
        await self._redis.delete(*(of_conversation(conversation, name) for name in names))
        await self.cases.forget(conversation)
        await self.unanswered.forget(conversation)
        await self.observatory.forget(conversation)
        await self._redis.delete(f"guichet:{{tracker:{conversation}}}")

    async def dead(self) -> list[tuple[Entry, str]]:
        """What could not be delivered or answered, oldest first, each with its reason."""
        found = []
        for partition in range(PARTITIONS):
            rows = cast(Records, await self._redis.xrange(key(partition, "dead")))
            for id_, fields in rows:
                entry = Entry(partition, "dead", id_.decode(), fields[b"c"].decode(), fields[b"m"])
                found.append((entry, fields[b"why"].decode()))
        return sorted(found, key=lambda each: each[0].id)

    async def send_again(self, entry: Entry, why: str) -> None:
        """Put a dead letter back where it came from."""
        box = why.partition(":")[0]
        await self._bury_back(
            keys=[key(entry.partition, "dead"), key(entry.partition, box)],
            args=[entry.id, entry.conversation, entry.sealed],
        )

    def _delivery_key(self, conversation: str, id: str) -> str:
        pseudonym = self.vault.pseudonym("delivery", id)
        return key(partition_of(conversation), f"delivery:{pseudonym}")

    async def bury(self, entry: Entry, why: str) -> None:
        """Move an entry to the dead-letter stream. `why` is a code, never a text."""
        await self._bury(
            keys=[
                key(entry.partition, entry.box),
                key(entry.partition, "dead"),
                *reversed(_told(entry.conversation)),
            ],
            args=[
                entry.id,
                entry.conversation,
                entry.sealed,
                f"{entry.box}:{why}",
                self._expiry_s,
            ],
        )

    async def read(
        self, positions: Mapping[tuple[int, str], str], count: int, block_ms: int
    ) -> list[Entry]:
        """The next entries after the given positions, `{(partition, box): last id}`."""
        streams: dict[Any, Any] = {
            key(partition, box): last for (partition, box), last in positions.items()
        }
        answer = cast(Rows, await self._redis.xread(streams, count=count, block=block_ms))
        return [
            Entry(*_place(stream), id_.decode(), fields[b"c"].decode(), fields[b"m"])
            for stream, rows in answer
            for id_, fields in rows
        ]

    async def lease(self, partition: int, worker: str, ms: int) -> bool:
        """Take a free partition for a while."""
        return bool(await self._redis.set(key(partition, "lease"), worker, nx=True, px=ms))

    async def extend_lease(self, partition: int, worker: str, ms: int) -> bool:
        return bool(await self._extend(keys=[key(partition, "lease")], args=[worker, ms]))

    async def release_lease(self, partition: int, worker: str) -> None:
        await self._release(keys=[key(partition, "lease")], args=[worker])

    async def lengths(self) -> dict[str, int]:
        """How many entries wait in all inboxes, outboxes and dead-letter streams."""
        totals = {"in": 0, "out": 0, "dead": 0}
        for partition in range(PARTITIONS):
            for box in totals:
                totals[box] += await self._redis.xlen(key(partition, box))
        return totals


def _conversation(conversation: str) -> str:
    return of_conversation(conversation, "conversation")


def _told(conversation: str) -> tuple[str, str]:
    return of_conversation(conversation, "transcript"), of_conversation(conversation, "states")


def _place(stream: bytes) -> tuple[int, str]:
    tag, box = stream.decode().removeprefix("guichet:{p").split("}:")
    return int(tag), box
