"""The advisor's side of a conversation: writing to the person, and keeping the bot silent.

The conversation's `desk` field says how things stand: "" (the bot answers), "waiting",
"claim:<token>" (an advisor has it: only who holds this token writes) or "rating" (the person
has been asked how it went). It is a copy of the case (cases.py) beside the conversation, so
that the scripts that end a turn or write a reply can hold to it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from redis.asyncio import Redis

from connectors.cases import NotYours
from connectors.keys import key, of_conversation, partition_of
from connectors.records import Conversation, Outbound
from connectors.transcript import KEPT, Entry, Line, read, read_one
from guichet.vault import Vault

CLAIM = "claim:"
#: A reply sent again by the page within so long, in seconds, is the same reply.
SAME_S = 24 * 3600

# KEYS conversation, said, out, transcript; ARGV marker that must stand, marker to set ("" for
# the same), conversation id, expiry in s, s to remember, transcript kept, then pairs of an
# outbound record ("" for none) and a line. Answers -1 when the marker is another, 0 when it
# was said already.
_SAY = """
if (redis.call('HGET', KEYS[1], 'desk') or '') ~= ARGV[1] then return -1 end
if redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[5]) == false then return 0 end
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'desk', ARGV[2]) end
for i = 7, #ARGV, 2 do
  if ARGV[i] == '' then
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[6], '*', 'm', ARGV[i + 1])
  else
    local id = redis.call('XADD', KEYS[3], '*', 'c', ARGV[3], 'm', ARGV[i])
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[6], '*', 'm', ARGV[i + 1], 'o', id)
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[4], ARGV[4])
return 1
"""

# KEYS conversation, transcript; ARGV marker, marker that must stand ("*" for any), expiry in
# s, transcript kept, line ("" for none).
_MARK = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local now = redis.call('HGET', KEYS[1], 'desk') or ''
if ARGV[2] ~= '*' and now ~= ARGV[2] then return 0 end
if now == ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'desk', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
if ARGV[5] ~= '' then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', 'm', ARGV[5])
  redis.call('EXPIRE', KEYS[2], ARGV[3])
end
return 1
"""


@dataclass(frozen=True)
class Person:
    """Where a person is reached, and how things stand with them."""

    channel: str
    address: str
    state: Conversation
    marker: str

    @property
    def language(self) -> str:
        return self.state.language or "fr"


class Threads:
    """Reads conversations for the desk, and writes to people."""

    def __init__(self, redis: Redis, vault: Vault, retention_days: int = 30) -> None:
        self._redis = redis
        self._vault = vault
        self._expiry_s = retention_days * 24 * 3600
        self._say = redis.register_script(_SAY)
        self._mark = redis.register_script(_MARK)

    async def person(self, conversation: str) -> Person | None:
        """None when the person has been forgotten. Raises VaultError."""
        to, state, marker = cast(
            list[bytes | None],
            await self._redis.hmget(
                of_conversation(conversation, "conversation"), ["to", "state", "desk"]
            ),
        )
        if to is None or state is None:
            return None
        channel, address = json.loads(self._vault.open(to, conversation))
        return Person(
            channel,
            address,
            Conversation.from_json(self._vault.open(state, conversation)),
            (marker or b"").decode(),
        )

    async def lines(self, conversation: str, after: str = "", count: int = 200) -> list[Entry]:
        return await read(self._redis, self._vault, conversation, after, count)

    async def line(self, conversation: str, id: str) -> Entry | None:
        """One line by its id. Raises VaultError."""
        return await read_one(self._redis, self._vault, conversation, id)

    async def say(
        self,
        conversation: str,
        person: Person,
        token: str,
        client_id: str,
        texts: Sequence[str],
        line: Line,
        next_marker: str = "",
    ) -> bool:
        """Write to the person, one message a text, `line` telling who; False: said already.

        Raises NotYours when another claim holds the conversation now.
        """
        pairs: list[bytes] = []
        for number, text in enumerate(texts):
            message = Outbound(person.channel, person.address, text)
            original = line.original if number == 0 else ""
            told = replace(line, text=text, channel=person.channel, original=original)
            pairs += [
                self._vault.seal(message.to_json(), conversation),
                self._vault.seal(told.to_json(), conversation),
            ]
        if next_marker:
            closing = Line("system", kind="closed", advisor=line.advisor)
            pairs += [b"", self._vault.seal(closing.to_json(), conversation)]
        said = self._vault.pseudonym("said", client_id)
        answer = await self._say(
            keys=[
                of_conversation(conversation, "conversation"),
                of_conversation(conversation, f"said:{said}"),
                key(partition_of(conversation), "out"),
                of_conversation(conversation, "transcript"),
            ],
            args=[
                    f"{CLAIM}{token}", next_marker, conversation, self._expiry_s, SAME_S, KEPT,
                    *pairs,
                ],
        )  # fmt: skip
        if answer == -1:
            raise NotYours
        return bool(answer)

    async def mark(
        self, conversation: str, marker: str, line: Line | None = None, standing: str = "*"
    ) -> bool:
        """Set how things stand, with a line that tells of it; False when they stood so."""
        sealed = b"" if line is None else self._vault.seal(line.to_json(), conversation)
        return bool(
            await self._mark(
                keys=[
                    of_conversation(conversation, "conversation"),
                    of_conversation(conversation, "transcript"),
                ],
                args=[marker, standing, self._expiry_s, KEPT, sealed],
            )
        )
