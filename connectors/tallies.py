"""How long people wait, and how they rate the help: numbers by day, of nobody in particular.

`guichet:{desk}:tally:<day>` is a hash of counts: `wait:<bucket>` (from asking to the claim,
while the desk was open), `reply:<bucket>` (from the claim to the first reply) and
`rating:<1 to 5>`. The scripts of cases.py count in the step that they count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, cast

from redis.asyncio import Redis

from connectors.keys import desk

#: A bucket ends at so many times its beginning: what is read is right to a tenth.
STEP = 1.2
KEPT_DAYS = 90
Sort = Literal["wait", "reply"]
SORTS: tuple[Sort, ...] = ("wait", "reply")


def tally_key(day: date) -> str:
    return desk(f"tally:{day.isoformat()}")


@dataclass(frozen=True)
class Times:
    """How long something took; seconds, about."""

    count: int
    median_s: float = 0.0
    ninth_decile_s: float = 0.0  #: nine of ten took no longer


@dataclass(frozen=True)
class Ratings:
    """What people said after the close, 1 to 5."""

    count: int
    mean: float = 0.0


@dataclass(frozen=True)
class Tally:
    """The counts of some days together."""

    counts: Counter[str]

    def times(self, sort: Sort) -> Times:
        buckets = {
            int(name.partition(":")[2]): count
            for name, count in self.counts.items()
            if name.startswith(f"{sort}:")
        }
        count = sum(buckets.values())
        return Times(count, _quantile(buckets, 0.5), _quantile(buckets, 0.9)) if count else Times(0)

    def ratings(self) -> Ratings:
        given = {number: self.counts[f"rating:{number}"] for number in range(1, 6)}
        count = sum(given.values())
        return Ratings(count, sum(n * c for n, c in given.items()) / count if count else 0.0)


def _quantile(buckets: dict[int, int], share: float) -> float:
    """The middle of the bucket in which a share of all is reached, in seconds."""
    wanted, seen = share * sum(buckets.values()), 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if seen >= wanted:
            break
    return float(STEP ** (bucket + 0.5))


async def read(redis: Redis, days: Sequence[date]) -> dict[date, Tally]:
    """The counts of each day. Raises RedisError."""
    async with redis.pipeline(transaction=False) as pipeline:
        for day in days:
            pipeline.hgetall(tally_key(day))
        rows = cast(list[dict[bytes, bytes]], await pipeline.execute())
    return {
        day: Tally(Counter({name.decode(): int(count) for name, count in row.items()}))
        for day, row in zip(days, rows, strict=True)
    }


def together(tallies: Sequence[Tally]) -> Tally:
    return Tally(sum((tally.counts for tally in tallies), Counter()))
