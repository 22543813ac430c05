"""Counts by day: right to a tenth, once each, of nobody."""

from __future__ import annotations

from collections import Counter

import pytest
from redis.asyncio import Redis

from connectors import tallies
from connectors.cases import Cases, Packet
from connectors.keys import desk
from connectors.tallies import Ratings, Tally, Times
from guichet.clock import today
from tests.conftest import vault

PACKET = Packet("sms", "fr", "combien")


def test_median_and_ninth_decile() -> None:
    assert Tally(Counter()).times("wait") == Times(0)
    # 1.2 ** 20 is 38 s, 1.2 ** 35 is 590 s.
    times = Tally(Counter({"wait:20": 8, "wait:35": 2, "reply:3": 1})).times("wait")
    assert times.count == 10
    assert times.median_s == pytest.approx(42, abs=1)
    assert times.ninth_decile_s == pytest.approx(647, abs=1)


def test_ratings() -> None:
    assert Tally(Counter()).ratings() == Ratings(0)
    assert Tally(Counter({"rating:5": 3, "rating:1": 1, "wait:1": 9})).ratings() == Ratings(4, 4.0)


async def test_a_claim_and_the_first_reply_count_once(redis: Redis) -> None:
    cases = Cases(redis, vault())
    await cases.enqueue("a", "asked", PACKET, "SM1", True)
    await redis.hincrby(desk("case:a"), "since", -100_000)
    token = await cases.claim("a", "amina", 5)
    await redis.hincrby(desk("case:a"), "claimed", -3_000)
    for _ in range(2):
        await cases.answered("a", token)
    # A night or a Sunday is no wait.
    await cases.enqueue("b", "urgent", PACKET, "SM2", False)
    await cases.claim("b", "amina", 5)
    [tally] = (await tallies.read(redis, [today()])).values()
    assert tally.counts == {"wait:25": 1, "reply:6": 1}
    assert tallies.together([tally, tally]).times("wait").count == 2
    assert 0 < await redis.ttl(tallies.tally_key(today())) <= tallies.KEPT_DAYS * 24 * 3600


async def test_who_waits_by_urgency(redis: Redis) -> None:
    cases = Cases(redis, vault())
    assert await cases.waiting_by_urgency() == {}
    for conversation, why in (("a", "asked"), ("b", "danger"), ("c", "asked"), ("d", "urgent")):
        await cases.enqueue(conversation, why, PACKET, conversation, True)  # type: ignore[arg-type]
    found = await cases.waiting_by_urgency()
    counts = {why: count for why, (count, _) in found.items()}
    assert counts == {"asked": 2, "urgent": 1, "danger": 1}
    for conversation, why in (("a", "asked"), ("b", "danger"), ("d", "urgent")):
        assert found[why][1] == (await cases.find(conversation)).since  # type: ignore[index]
