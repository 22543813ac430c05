"""Questions that the bot had no sure answer to, kept for who makes the knowledge base grow.

Masked (masking.py) and sealed, 1,000 at most, no longer than conversations, and gone when the
person says "delete". Keys, under `guichet:{desk}:`
  questions             sorted set of ids, `<conversation>:<digest of the text>`, by time in ms
  question:<id>         a sealed question; it expires by itself
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self, cast

from redis.asyncio import Redis

from connectors.keys import desk
from connectors.masking import masked
from connectors.transcript import Proposal
from guichet.vault import Vault, VaultError

MOST = 1000
#: Characters kept of one.
LONGEST = 500
#: What became of it: not understood; offered as a choice that nobody chose from; a person was
#: asked for next.
Why = Literal["fallback", "choose", "human"]
ID = re.compile(r"[0-9a-f]{32}:[0-9a-f]{16}")


@dataclass(frozen=True)
class Question:
    """One message, masked, and the article nearest to it."""

    text: str
    language: str
    why: Why
    article: str
    score: float
    accepted: str = ""  #: the article that it becomes a question of

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields: dict[str, Any] = json.loads(text)
        return cls(**fields)


@dataclass(frozen=True)
class Kept:
    """A question in its place."""

    id: str
    at: float  #: ms
    question: Question


class Unanswered:
    """Keeps, lists and forgets them."""

    def __init__(self, redis: Redis, vault: Vault, retention_days: int) -> None:
        self._redis = redis
        self._vault = vault
        self._expiry_s = retention_days * 24 * 3600

    async def add(
        self, conversation: str, text: str, language: str, why: Why, proposal: Proposal
    ) -> None:
        """Keep a message, with what it was nearest to; the same one again changes nothing."""
        plain = masked(text)[:LONGEST]
        if not proposal or not any(char.isalpha() for char in plain):
            return
        article, score = proposal[0]
        id = f"{conversation}:{self._vault.pseudonym('question', plain.casefold())[:16]}"
        question = Question(plain, language, why, article, score)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(_key(id), self._sealed(id, question), nx=True, ex=self._expiry_s)
            # Not whole milliseconds: two within one would be in no order.
            pipeline.zadd(_index(), {id: time.time() * 1000}, nx=True)
            pipeline.expire(_index(), self._expiry_s)
            await pipeline.execute()
        await self._drop(_ids(await self._redis.zrange(_index(), 0, -MOST - 1)))

    async def settle(self, conversation: str) -> None:
        """The person has chosen from what was offered: the last such question is answered."""
        for kept in await self._all(await self._of(conversation)):
            if kept.question.why == "choose" and not kept.question.accepted:
                await self._drop([kept.id])
                return

    async def all(self) -> list[Kept]:
        """All there are, the newest first; what has expired is cleared from the list."""
        oldest = int((time.time() - self._expiry_s) * 1000)
        await self._redis.zremrangebyscore(_index(), "-inf", oldest)
        return await self._all(_ids(await self._redis.zrange(_index(), 0, -1)))

    async def accept(self, id: str, text: str, article: str) -> bool:
        """It becomes a question of an article; False when it is gone."""
        found = await self._all([id])
        if not found:
            return False
        question = replace(found[0].question, text=text, accepted=article)
        # Not if the person has had it deleted meanwhile.
        return bool(
            await self._redis.set(_key(id), self._sealed(id, question), xx=True, keepttl=True)
        )

    async def dismiss(self, id: str) -> None:
        await self._drop([id])

    async def forget(self, conversation: str) -> None:
        """All of a person's."""
        await self._drop(await self._of(conversation))

    async def _of(self, conversation: str) -> list[str]:
        pattern = f"{conversation}:*"
        return [id_.decode() async for id_, _ in self._redis.zscan_iter(_index(), match=pattern)]

    async def _all(self, ids: list[str]) -> list[Kept]:
        if not ids:
            return []
        sealed = cast(list[bytes | None], await self._redis.mget([_key(id) for id in ids]))
        times = await self._redis.zmscore(_index(), ids)
        found = []
        for id, value, at in zip(ids, sealed, times, strict=True):
            if value is None or at is None:
                continue
            try:
                text = self._vault.open(value, id)
            except VaultError:
                continue  # of an earlier secret key that is gone
            found.append(Kept(id, float(at), Question.from_json(text)))
        return sorted(found, key=lambda kept: -kept.at)

    async def _drop(self, ids: list[str]) -> None:
        if ids:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.delete(*(_key(id) for id in ids))
                pipeline.zrem(_index(), *ids)
                await pipeline.execute()

    def _sealed(self, id: str, question: Question) -> bytes:
        return self._vault.seal(json.dumps(asdict(question)), id)


def _index() -> str:
    return desk("questions")


def _key(id: str) -> str:
    return desk(f"question:{id}")


def _ids(found: Any) -> list[str]:
    return [id_.decode() for id_ in found]
