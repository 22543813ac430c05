"""The observatory: how many people met which blockage, by week; never who.

Keys, under `guichet:{desk}:`, one of each a week (`2026-W49`):
  observed:<week>      hash: `kind|department|subject|language` to how many people; three years
  counted:<week>       set of digests: one person counts once a kind, subject and week
  counted-salt:<week>  random; a digest is keyed (vault) and salted with it. Both expire a week
                       after the week's end: then nothing tells any more who was counted
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import cast

from redis.asyncio import Redis

from connectors.keys import desk
from guichet.clock import today
from guichet.vault import Vault
from knowledge_base.blockages import KINDS
from knowledge_base.content import load_entries

KEPT_YEARS = 3
KEPT_S = KEPT_YEARS * 366 * 24 * 3600
#: So long after a week has begun nothing is known of who was counted in it.
COUNTED_DAYS = 14

# KEYS counted, observed; ARGV digest, cell, seconds to keep each.
_COUNT = """
if redis.call('SADD', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
redis.call('EXPIRE', KEYS[2], ARGV[4])
return 1
"""


@dataclass(frozen=True)
class Cell:
    """What is counted together; "" where it is not known."""

    kind: str
    department: str  #: its code
    subject: str  #: a category of articles.yml
    language: str
    week: str  #: ISO, `2026-W49`


class Observatory:
    """Counts, and reads the counts. What may be shown of them is for desk/publishing.py."""

    def __init__(self, redis: Redis, vault: Vault) -> None:
        self._redis = redis
        self._vault = vault
        self._count = redis.register_script(_COUNT)

    async def note(
        self,
        conversation: str,
        kind: str,
        department: str,
        subject: str,
        language: str,
        day: date | None = None,
    ) -> bool:
        """Count a person, once a kind, subject and week; whether it was the first time."""
        day = day or today()
        week = week_of(day)
        begun = day - timedelta(days=day.weekday())
        left_s = max(1, COUNTED_DAYS - (today() - begun).days) * 24 * 3600
        digest = self._digest(await self._salt(week, left_s), conversation, kind, subject)
        counted = await self._count(
            keys=[desk(f"counted:{week}"), desk(f"observed:{week}")],
            args=[digest, f"{kind}|{department}|{subject}|{language}", left_s, KEPT_S],
        )
        return bool(counted)

    async def read(self, year: int) -> dict[Cell, int]:
        """The counts of an ISO year, as they are: not to be shown."""
        weeks = weeks_of(year)
        async with self._redis.pipeline(transaction=False) as pipeline:
            for week in weeks:
                pipeline.hgetall(desk(f"observed:{week}"))
            rows = cast(list[Mapping[bytes, bytes]], await pipeline.execute())
        return {
            _cell(name, week): int(count)
            for week, row in zip(weeks, rows, strict=True)
            for name, count in row.items()
        }

    async def years(self) -> list[int]:
        """This ISO year, and the earlier ones that there are counts of; the newest first."""
        this = today().isocalendar().year
        earlier = range(this - 1, this - KEPT_YEARS - 1, -1)
        return [this] + [
            year
            for year in earlier
            if await self._redis.exists(*(desk(f"observed:{week}") for week in weeks_of(year)))
        ]

    async def forget(self, conversation: str) -> None:
        """Nothing tells any more that this person was counted; the counts stay."""
        for week in (week_of(today()), week_of(today() - timedelta(days=7))):
            salt = cast(bytes | None, await self._redis.get(desk(f"counted-salt:{week}")))
            if salt is not None:
                digests = [
                    self._digest(salt, conversation, kind, subject)
                    for kind in KINDS
                    for subject in ("", *_subjects())
                ]
                await self._redis.srem(desk(f"counted:{week}"), *digests)

    async def _salt(self, week: str, left_s: int) -> bytes:
        name = desk(f"counted-salt:{week}")
        await self._redis.set(name, secrets.token_bytes(32), nx=True, ex=left_s)
        return cast(bytes, await self._redis.get(name))

    def _digest(self, salt: bytes, conversation: str, kind: str, subject: str) -> str:
        return self._vault.pseudonym(f"counted {salt.hex()}", f"{conversation}|{kind}|{subject}")


def week_of(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def weeks_of(year: int) -> list[str]:
    """All weeks of an ISO year: 52 or 53."""
    last = date(year, 12, 28).isocalendar().week
    return [f"{year}-W{week:02}" for week in range(1, last + 1)]


def _cell(name: bytes, week: str) -> Cell:
    kind, department, subject, language = name.decode().split("|")
    return Cell(kind, department, subject, language, week)


@cache
def _subjects() -> frozenset[str]:
    return frozenset(entry.category for entry in load_entries().values())
