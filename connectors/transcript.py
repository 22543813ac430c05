"""What was said in a conversation: a stream of sealed lines, for the advisor who takes it.

Lines are written inside the scripts that do what they tell of (mailbox.py, threads.py), so
none is missing and none is there twice. An entry has `m`, the sealed line, and for a message
to the person `o`, its id in the outbox, under which the hash `states` tells what became of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, cast

from redis.asyncio import Redis

from connectors.keys import of_conversation
from guichet.vault import Vault

#: Lines kept of one conversation, about.
KEPT = 2000

#: Entries of a stream as Redis gives them.
Rows = list[tuple[bytes, dict[bytes, bytes]]]
Who = Literal["person", "bot", "advisor", "system"]
#: Article ids with their scores, best first.
Proposal = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Line:
    """One message, or something that happened (`system`: `kind` names it)."""

    who: Who
    text: str = ""
    kind: str = "text"
    channel: str = ""
    language: str | None = None
    advisor: str = ""  #: who wrote, or whom it is about
    media: tuple[str, ...] = ()  #: names of files kept, see Mailbox.media
    buttons: tuple[str, ...] = ()  #: titles under it
    proposal: Proposal = ()  #: what the knowledge base made of a person's message
    answered: tuple[str, ...] = ()  #: what the bot answered: article ids, names of responses
    original: str = ""  #: what an advisor wrote before a machine translated it

    def to_json(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value})

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields: dict[str, Any] = json.loads(text)
        for name in ("media", "buttons", "answered"):
            fields[name] = tuple(fields.get(name, ()))
        fields["proposal"] = tuple((id, score) for id, score in fields.get("proposal", ()))
        return cls(**fields)


@dataclass(frozen=True)
class Entry:
    """A line in its place."""

    id: str  #: of the stream; begins with the time in ms
    line: Line
    state: str = ""  #: of a message to the person: "", "sent", "delivered" …

    @property
    def at_s(self) -> float:
        return int(self.id.partition("-")[0]) / 1000


async def read(
    redis: Redis, vault: Vault, conversation: str, after: str = "", count: int = 200
) -> list[Entry]:
    """The last `count` lines, or the first ones after an entry's id. Raises VaultError."""
    stream = of_conversation(conversation, "transcript")
    if after:
        rows = cast(Rows, await redis.xrange(stream, f"({after}", "+", count))
    else:
        rows = cast(Rows, await redis.xrevrange(stream, "+", "-", count))[::-1]
    return await _entries(redis, vault, conversation, rows)


async def read_one(redis: Redis, vault: Vault, conversation: str, id: str) -> Entry | None:
    """One line by its id. Raises VaultError."""
    stream = of_conversation(conversation, "transcript")
    rows = cast(Rows, await redis.xrange(stream, id, id))
    return next(iter(await _entries(redis, vault, conversation, rows)), None)


async def _entries(redis: Redis, vault: Vault, conversation: str, rows: Rows) -> list[Entry]:
    states = await states_of(redis, conversation, [row[1][b"o"] for row in rows if b"o" in row[1]])
    return [
        Entry(
            id_.decode(),
            Line.from_json(vault.open(fields[b"m"], conversation)),
            states.get(fields.get(b"o", b""), ""),
        )
        for id_, fields in rows
    ]


async def states_of(redis: Redis, conversation: str, out: Sequence[bytes]) -> dict[bytes, str]:
    """What became of messages, by their ids in the outbox."""
    if not out:
        return {}
    found = cast(
        list[bytes | None],
        await redis.hmget(of_conversation(conversation, "states"), cast(list[str], out)),
    )
    return {id_: state.decode() for id_, state in zip(out, found, strict=True) if state}
