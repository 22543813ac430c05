"""Cases: conversations that wait for an advisor, have one, or had one.

All keys share one hash tag, so each step is one Lua script: of two advisors who claim, one
wins. The case is the truth; the conversation's `desk` field (threads.py) is a copy of it that
lets the worker's own scripts keep the bot silent.

Keys, under `guichet:{desk}:`
  queue         sorted set of conversations that wait: urgent first, then the oldest
  claims        sorted set of those that have an advisor, by time of the claim in ms
  closed        sorted set of those that are done with, by time in ms
  of:<advisor>  set of an advisor's conversations
  case:<id>     hash, see Case; `packet` is sealed
  notes:<id>    list of sealed notes from advisor to advisor
  details:<id>  and what belongs to it: see case_details.py
  waits         list of seconds that the last people waited while the desk was open
  events        stream of what changed, for the pages: ids and names of kinds, no more
  tally:<day>   hash of counts, see tallies.py
  active        set of advisors who may sign in: while it is empty nobody is promised one
"""

from __future__ import annotations

import json
import secrets
import statistics
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, cast

from redis.asyncio import Redis

from connectors import case_scripts as scripts
from connectors.keys import desk
from connectors.tallies import tally_key
from connectors.transcript import Proposal
from guichet.clock import today
from guichet.vault import Vault

Status = Literal["none", "waiting", "claimed", "closed"]
#: follow_up: an advisor has set a day on which it comes back, see case_details.py.
Why = Literal["asked", "urgent", "danger", "follow_up"]

#: Waits that "usually" looks back on, and events that a page may catch up with.
WAITS, EVENTS = 50, 20_000
#: Places in the queue begin with these, in ms: what is dangerous goes before what is urgent.
_AHEAD: dict[Why, int] = {"asked": 0, "follow_up": 0, "urgent": -(10**13), "danger": -2 * 10**13}


@dataclass(frozen=True)
class Packet:
    """What the advisor sees before opening the conversation."""

    channel: str
    language: str | None
    question: str
    proposal: Proposal = ()

    @classmethod
    def from_json(cls, text: str) -> Self:
        found: dict[str, Any] = json.loads(text)
        return cls(**{**found, "proposal": tuple((id, score) for id, score in found["proposal"])})


@dataclass(frozen=True)
class Case:
    """Where a conversation stands with the desk."""

    conversation: str
    status: Status = "none"
    why: Why = "asked"
    since: int = 0  #: ms; when the person began to wait
    advisor: str = ""
    token: str = ""  #: of this claim: who holds another one may write nothing
    claimed: int = 0  #: ms
    answered: bool = False
    heard: int = 0  #: ms; the person's last message
    closed: int = 0  #: ms
    rating: int = 0  #: 1 to 5; 0: none given
    packet: Packet | None = None


class Full(Exception):
    """The advisor has as many conversations as one may have."""


class NotYours(Exception):
    """The conversation is not, or not any more, what the advisor took it for."""


class Cases:
    """The queue. Every change is told to the pages in the stream of events."""

    def __init__(self, redis: Redis, vault: Vault, retention_days: int = 30) -> None:
        self._redis = redis
        self._vault = vault
        self._expiry_s = retention_days * 24 * 3600
        self._enqueue = redis.register_script(scripts.ENQUEUE)
        self._claim = redis.register_script(scripts.CLAIM)
        self._release = redis.register_script(scripts.RELEASE)
        self._transfer = redis.register_script(scripts.TRANSFER)
        self._close = redis.register_script(scripts.CLOSE)
        self._forget = redis.register_script(scripts.FORGET)
        self._heard = redis.register_script(scripts.HEARD)
        self._answered = redis.register_script(scripts.ANSWERED)
        self._rate = redis.register_script(scripts.RATE)

    async def staffed(self) -> bool:
        """Whether there is any advisor at all."""
        return bool(await self._redis.exists(desk("active")))

    async def find(self, conversation: str) -> Case:
        """The case; its status is "none" where there is none. Raises VaultError."""
        found = await self._redis.hgetall(desk(f"case:{conversation}"))
        return self._case(conversation, cast(dict[bytes, bytes], found))

    async def find_all(self, conversations: list[str]) -> list[Case]:
        """Several cases at once, those that are gone left out."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for conversation in conversations:
                pipeline.hgetall(desk(f"case:{conversation}"))
            rows = await pipeline.execute()
        return [
            self._case(conversation, row)
            for conversation, row in zip(conversations, rows, strict=True)
            if row
        ]

    async def enqueue(
        self, conversation: str, why: Why, packet: Packet, by: str, open_now: bool
    ) -> tuple[Status, int]:
        """Where the person stood before, and the place in the queue now.

        The same message (`by`) again has one effect and the first answer. Somebody who waits
        already keeps the place, or moves ahead when it has become urgent.
        """
        now = _now_ms()
        answer = await self._enqueue(
            keys=[desk("queue"), desk(f"case:{conversation}"), desk("events"), desk("closed")],
            args=[
                conversation, why, now, now + _AHEAD[why], int(open_now), by,
                self._vault.seal(json.dumps(asdict(packet)), conversation), self._expiry_s, EVENTS,
            ],
        )  # fmt: skip
        return cast(Status, answer[0].decode()), int(answer[1])

    async def place(self, conversation: str) -> int:
        """The place in the queue, from 1; 0 for who does not wait."""
        rank = cast(int | None, await self._redis.zrank(desk("queue"), conversation))
        return 0 if rank is None else rank + 1

    async def lengths(self) -> dict[str, int]:
        """How many people wait for an advisor, and how many have one."""
        waiting, claimed = desk("queue"), desk("claims")
        return {
            "advisor": await self._redis.zcard(waiting),
            "with_advisor": await self._redis.zcard(claimed),
        }

    async def waiting_by_urgency(self) -> dict[Why, tuple[int, int]]:
        """How many wait, and since when (ms) the first of them; where nobody waits, left out.

        Who is to be followed up stands among those who asked.
        """
        found: dict[Why, tuple[int, int]] = {}
        for why, ahead in _AHEAD.items():
            if why == "follow_up":
                continue
            least, most = ahead, ahead - _AHEAD["urgent"]
            count = await self._redis.zcount(desk("queue"), least, f"({most}")
            first = await self._redis.zrange(
                desk("queue"), least, f"({most}", byscore=True, withscores=True, offset=0, num=1
            )
            if first:
                found[why] = count, int(first[0][1]) - ahead
        return found

    async def usual_wait_s(self) -> float | None:
        """The median of the last waits; None before there are any."""
        waits = cast(list[bytes], await self._redis.lrange(desk("waits"), 0, -1))
        return statistics.median(float(each) for each in waits) if waits else None

    async def waiting_with(self, label: str, count: int) -> tuple[list[Case], int]:
        """As `waiting`, of those that have a label (its id, see case_details.py)."""
        weights = {desk("queue"): 1, desk(f"label:{label}"): 0}
        ids = _ids(await self._redis.zinter(cast(Any, weights)))
        return await self.find_all(ids[:count]), len(ids)

    async def waiting(self, count: int, start: int = 0) -> tuple[list[Case], int]:
        """So many of the queue from its head, and how many there are in all."""
        ids = _ids(await self._redis.zrange(desk("queue"), start, start + count - 1))
        total = await self._redis.zcard(desk("queue"))
        return await self.find_all(ids), total

    async def of(self, advisor: str) -> list[Case]:
        """An advisor's conversations, those with the newest message first."""
        ids = _ids(await self._redis.smembers(desk(f"of:{advisor}")))
        cases = await self.find_all(ids)
        return sorted(cases, key=lambda case: -case.heard)

    async def done(self, count: int) -> list[Case]:
        """Those closed last."""
        ids = _ids(await self._redis.zrevrange(desk("closed"), 0, count - 1))
        return await self.find_all(ids)

    async def claimed(self, before_ms: float | None = None) -> list[Case]:
        """Those that have an advisor, or had one by a time."""
        most = "+inf" if before_ms is None else before_ms
        ids = _ids(await self._redis.zrangebyscore(desk("claims"), "-inf", most))
        return await self.find_all(ids)

    async def without_case(self, look_at: int = 100) -> list[str]:
        """Those at the head of the queue, or claimed longest ago, whose case has expired."""
        ids = _ids(await self._redis.zrange(desk("queue"), 0, look_at - 1))
        ids += _ids(await self._redis.zrange(desk("claims"), 0, look_at - 1))
        known = {case.conversation for case in await self.find_all(ids)}
        return [id_ for id_ in ids if id_ not in known]

    async def claim(self, conversation: str, advisor: str, capacity: int) -> str:
        """Take a waiting conversation; the claim's token. Raises Full, NotYours."""
        token = secrets.token_hex(8)
        answer = await self._claim(
            keys=[
                desk("queue"), desk(f"case:{conversation}"), desk(f"of:{advisor}"),
                desk("claims"), desk("waits"), desk("events"), tally_key(today()),
            ],
            args=[conversation, advisor, token, _now_ms(), capacity, WAITS, EVENTS],
        )  # fmt: skip
        _raise(answer)
        return token

    async def release(self, case: Case, unanswered_only: bool = False) -> None:
        """Back to its old place in the queue. Raises NotYours when the claim has changed."""
        answer = await self._release(
            keys=[
                desk("queue"), desk(f"case:{case.conversation}"), desk(f"of:{case.advisor}"),
                desk("claims"), desk("events"),
            ],
            args=[case.conversation, case.token, int(unanswered_only), EVENTS],
        )  # fmt: skip
        _raise(answer)

    async def transfer(self, case: Case, advisor: str, capacity: int) -> str:
        """Give it to a colleague; the new claim's token. Raises Full, NotYours."""
        token = secrets.token_hex(8)
        answer = await self._transfer(
            keys=[
                desk(f"case:{case.conversation}"), desk(f"of:{case.advisor}"),
                desk(f"of:{advisor}"), desk("claims"), desk("events"),
            ],
            args=[case.conversation, case.token, advisor, token, _now_ms(), capacity, EVENTS],
        )  # fmt: skip
        _raise(answer)
        return token

    async def close(self, case: Case) -> None:
        """Done with. Raises NotYours."""
        answer = await self._close(
            keys=[
                desk(f"case:{case.conversation}"), desk(f"of:{case.advisor}"), desk("claims"),
                desk("closed"), desk("events"),
            ],
            args=[case.conversation, case.token, _now_ms(), self._expiry_s, EVENTS],
        )  # fmt: skip
        _raise(answer)

    async def answered(self, conversation: str, token: str) -> None:
        """The advisor writes: the claim stays. Raises NotYours."""
        keys = [desk(f"case:{conversation}"), tally_key(today())]
        _raise(await self._answered(keys=keys, args=[token, _now_ms()]))

    async def heard(self, conversation: str) -> None:
        """The person has written: tell the pages."""
        await self._heard(
            keys=[
                desk(f"case:{conversation}"),
                desk("events"),
                desk(f"details:{conversation}"),
                desk(f"tags:{conversation}"),
            ],
            args=[conversation, _now_ms(), self._expiry_s, EVENTS],
        )

    async def rate(self, conversation: str, rating: int) -> None:
        await self._rate(
            keys=[desk(f"case:{conversation}"), desk("events"), tally_key(today())],
            args=[conversation, rating, EVENTS],
        )

    async def forget(self, conversation: str) -> None:
        """Nothing is left of it: the person wants it so, or has gone silent."""
        case = await self.find(conversation)
        await self._forget(
            keys=[
                desk("queue"), desk("claims"), desk("closed"), desk("follow-ups"),
                desk(f"of:{case.advisor}"), desk(f"tags:{conversation}"), desk("labels"),
                desk("events"), desk(f"case:{conversation}"), desk(f"notes:{conversation}"),
                desk(f"details:{conversation}"),
            ],
            args=[conversation, EVENTS, desk("label:")],
        )  # fmt: skip

    async def add_note(self, conversation: str, advisor: str, text: str) -> None:
        note = json.dumps({"advisor": advisor, "text": text, "at": _now_ms()})
        notes = desk(f"notes:{conversation}")
        await self._redis.rpush(notes, cast(str, self._vault.seal(note, conversation)))
        await self._redis.expire(notes, self._expiry_s)

    async def notes(self, conversation: str) -> list[dict[str, Any]]:
        """`advisor`, `text` and `at` (ms) of each, oldest first."""
        rows = cast(list[bytes], await self._redis.lrange(desk(f"notes:{conversation}"), 0, -1))
        return [json.loads(self._vault.open(row, conversation)) for row in rows]

    async def tell(self, kind: str, conversation: str, advisor: str = "", word: str = "") -> None:
        """An event for the pages."""
        event: dict[Any, Any] = {"k": kind, "c": conversation, "a": advisor, "w": word}
        await self._redis.xadd(desk("events"), event, maxlen=EVENTS)

    def _case(self, conversation: str, found: dict[bytes, bytes]) -> Case:
        values: dict[str, Any] = {}
        for field in fields(Case):
            raw = found.get(field.name.encode())
            if raw is None or field.name == "conversation":
                continue
            if field.name == "packet":
                values["packet"] = Packet.from_json(self._vault.open(raw, conversation))
            elif field.type == "int":
                values[field.name] = int(raw)
            elif field.type == "bool":
                values[field.name] = raw == b"1"
            else:
                values[field.name] = raw.decode()
        return Case(conversation, **values)


def _ids(found: object) -> list[str]:
    return [id_.decode() for id_ in cast(Iterable[bytes], found)]


def _now_ms() -> int:
    return int(time.time() * 1000)


def _raise(answer: bytes) -> None:
    if answer == b"full":
        raise Full
    if answer != b"ok":
        raise NotYours
