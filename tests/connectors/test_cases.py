"""The queue: one winner, nobody loses the place, nobody has too many."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from connectors.cases import Case, Cases, Full, NotYours, Packet, Why
from connectors.keys import desk
from connectors.tallies import tally_key
from guichet.clock import today
from tests.conftest import vault

PACKET = Packet("sms", "ar", "combien", (("fees", 0.9),))


@pytest.fixture
def cases(redis: Redis) -> Cases:
    return Cases(redis, vault())


async def wait(cases: Cases, *people: str, why: Why = "asked") -> None:
    for person in people:
        await cases.enqueue(person, why, PACKET, f"message of {person}", True)
        await asyncio.sleep(0.002)  # the order is by millisecond


async def order(cases: Cases) -> list[str]:
    return [case.conversation for case in (await cases.waiting(100))[0]]


async def test_urgent_first_then_the_oldest(cases: Cases) -> None:
    await wait(cases, "a", "b")
    await wait(cases, "c", why="urgent")
    await wait(cases, "d", why="danger")
    await wait(cases, "e", why="urgent")
    assert await order(cases) == ["d", "c", "e", "a", "b"]
    assert await cases.place("a") == 4


async def test_the_packet_is_sealed(cases: Cases, redis: Redis) -> None:
    await wait(cases, "a")
    assert (await cases.find("a")).packet == PACKET
    assert b"combien" not in (await redis.hget(desk("case:a"), "packet") or b"")


async def test_asking_twice_keeps_the_place_and_the_same_message_gets_the_same_answer(
    cases: Cases,
) -> None:
    await wait(cases, "a", "b")
    assert await cases.enqueue("a", "asked", PACKET, "message of a", True) == ("none", 1)
    assert await cases.enqueue("a", "asked", PACKET, "another", True) == ("waiting", 1)
    assert await order(cases) == ["a", "b"]


async def test_who_becomes_urgent_moves_ahead_and_never_back(cases: Cases) -> None:
    await wait(cases, "a", "b")
    await wait(cases, "b", why="danger")
    assert await order(cases) == ["b", "a"]
    await wait(cases, "b")
    assert await order(cases) == ["b", "a"]
    assert (await cases.find("b")).why == "danger"


async def test_a_thousand_claims_raced_by_ten_have_one_winner_each(cases: Cases) -> None:
    people = [f"person{number}" for number in range(1000)]
    for person in people:
        await cases.enqueue(person, "asked", PACKET, person, True)

    async def claim(person: str, advisor: str) -> int:
        try:
            await cases.claim(person, advisor, 10_000)
        except NotYours:
            return 0
        return 1

    for person in people:
        wins = await asyncio.gather(*(claim(person, f"advisor{n}") for n in range(10)))
        assert sum(wins) == 1
    assert (await cases.waiting(1))[1] == 0
    mine = [len(await cases.of(f"advisor{number}")) for number in range(10)]
    assert sum(mine) == 1000


async def test_no_advisor_gets_more_than_the_capacity(cases: Cases) -> None:
    await wait(cases, "a", "b", "c")
    claims = (cases.claim(person, "amina", 2) for person in ("a", "b", "c"))
    outcomes = await asyncio.gather(*claims, return_exceptions=True)
    assert sum(isinstance(outcome, Full) for outcome in outcomes) == 1
    assert len(await cases.of("amina")) == 2


async def test_back_to_the_old_place(cases: Cases) -> None:
    await wait(cases, "a", "b", "c")
    await cases.claim("a", "amina", 5)
    await cases.release(await cases.find("a"))
    assert await order(cases) == ["a", "b", "c"]
    assert await cases.of("amina") == []


async def test_an_old_claim_does_nothing(cases: Cases) -> None:
    await wait(cases, "a")
    await cases.claim("a", "amina", 5)
    old = await cases.find("a")
    await cases.release(old)
    token = await cases.claim("a", "paul", 5)
    for step in (cases.release(old), cases.close(old), cases.transfer(old, "amina", 5)):
        with pytest.raises(NotYours):
            await step
    with pytest.raises(NotYours):
        await cases.answered("a", old.token)
    await cases.answered("a", token)
    assert (await cases.find("a")).answered


async def test_what_has_been_answered_does_not_lapse(cases: Cases) -> None:
    await wait(cases, "a")
    token = await cases.claim("a", "amina", 5)
    await cases.answered("a", token)
    with pytest.raises(NotYours):
        await cases.release(await cases.find("a"), unanswered_only=True)


async def test_a_colleague_takes_over_unless_full(cases: Cases) -> None:
    await wait(cases, "a", "b")
    await cases.claim("a", "amina", 1)
    await cases.claim("b", "paul", 1)
    with pytest.raises(Full):
        await cases.transfer(await cases.find("a"), "paul", 1)
    await cases.transfer(await cases.find("a"), "paul", 2)
    assert {case.conversation for case in await cases.of("paul")} == {"a", "b"}
    assert not (await cases.find("a")).answered


async def test_closed_rated_and_opened_again(cases: Cases) -> None:
    await wait(cases, "a")
    await cases.claim("a", "amina", 5)
    await cases.rate("a", 5)  # not before it is closed
    await cases.close(await cases.find("a"))
    await cases.rate("a", 4)
    [done] = await cases.done(10)
    assert (done.status, done.rating) == ("closed", 4)
    await wait(cases, "a")
    assert (await cases.find("a")).rating == 0
    assert await cases.done(10) == []


async def test_the_usual_wait_is_the_median_of_the_last(cases: Cases, redis: Redis) -> None:
    assert await cases.usual_wait_s() is None
    await redis.rpush(desk("waits"), "60", "3000", "120")
    assert await cases.usual_wait_s() == 120
    await cases.enqueue("night", "asked", PACKET, "x", open_now=False)
    await cases.claim("night", "amina", 5)
    assert await redis.llen(desk("waits")) == 3  # a night is no usual wait
    await wait(cases, "day")
    await cases.claim("day", "amina", 5)
    assert await redis.llen(desk("waits")) == 4


@pytest.mark.parametrize("taken", [True, False])
async def test_who_is_forgotten_leaves_nothing(cases: Cases, redis: Redis, taken: bool) -> None:
    await wait(cases, "a")
    await cases.add_note("a", "amina", "called back")
    if taken:
        await cases.claim("a", "amina", 5)
    await cases.forget("a")
    assert (await cases.find("a")) == Case("a")
    keys = {key.decode() for key in await redis.keys("*") if isinstance(key, bytes)}
    assert keys <= {desk("events"), desk("waits"), tally_key(today())}


async def test_a_case_that_expired_is_found_and_dropped(cases: Cases, redis: Redis) -> None:
    await wait(cases, "a", "b")
    await redis.delete(desk("case:a"))
    assert await cases.without_case() == ["a"]


async def test_every_change_is_told(cases: Cases, redis: Redis) -> None:
    await wait(cases, "a")
    await cases.claim("a", "amina", 5)
    await cases.transfer(await cases.find("a"), "paul", 5)
    await cases.heard("a")
    await cases.heard("nobody's")
    await cases.close(replace(await cases.find("a")))
    rows = await redis.xrange(desk("events"))
    assert rows is not None
    told = [(row[1][b"k"], row[1][b"a"]) for row in rows]  # type: ignore[index]
    assert told == [
        (b"queue", b""), (b"queue", b"amina"), (b"queue", b"amina"), (b"given", b"paul"),
        (b"message", b"paul"), (b"queue", b"paul"),
    ]  # fmt: skip
