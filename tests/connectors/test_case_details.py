"""Case notes: field by field, labels that leave no trace, follow-ups that come back once."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from redis.asyncio import Redis

from connectors.case_details import CaseDetails, Field, WrongDetail, clean
from connectors.cases import Cases, Packet
from connectors.keys import desk
from connectors.transcript import Rows
from guichet.clock import today
from tests.conftest import vault

ZONE = ZoneInfo("Europe/Paris")
C = "a" * 32
PACKET = Packet("sms", "fr", "question", (("fees", 0.9),))
LAST = today() + timedelta(days=20)


async def opened(redis: Redis, conversation: str = C) -> tuple[Cases, CaseDetails]:
    cases = Cases(redis, vault())
    await cases.enqueue(conversation, "asked", PACKET, "SM1", True)
    return cases, CaseDetails(redis, vault())


async def close(cases: Cases, conversation: str = C) -> None:
    await cases.claim(conversation, "amina", 5)
    await cases.close(await cases.find(conversation))


async def make_due(redis: Redis, conversation: str = C) -> None:
    await redis.zadd(desk("follow-ups"), {conversation: 1})


async def test_two_who_change_different_fields_lose_nothing(redis: Redis) -> None:
    _, details = await opened(redis)
    changes: list[dict[Field, str]] = [
        {"department": "69"},
        {"step": "call"},
        {"end": "2027-01-31"},
    ]
    await asyncio.gather(*(details.write(C, each, ZONE) for each in changes))
    await details.write(C, {"step": "write"}, ZONE)
    assert await details.read(C) == {"department": "69", "step": "write", "end": "2027-01-31"}


async def test_nothing_is_kept_of_a_conversation_without_a_case(redis: Redis) -> None:
    details = CaseDetails(redis, vault())
    assert not await details.write(C, {"step": "call", "labels": "oqtf"}, ZONE)
    assert await redis.keys("*") == []


async def test_what_is_kept_is_sealed(redis: Redis) -> None:
    _, details = await opened(redis)
    await details.write(C, {"step": "call Mrs Diallo", "labels": "famille diallo"}, ZONE)
    for key in await redis.keys("*"):
        assert b"iallo" not in key
        assert b"iallo" not in (await redis.dump(key) or b"")


async def test_forgotten_with_the_conversation(redis: Redis) -> None:
    cases, details = await opened(redis)
    day = (today() + timedelta(days=3)).isoformat()
    await details.write(C, {"labels": "oqtf, famille", "follow_up": day, "step": "x"}, ZONE)
    await cases.forget(C)
    assert await redis.keys("*") == [desk("events").encode()]


async def test_it_lives_as_long_as_the_case(redis: Redis) -> None:
    cases, details = await opened(redis)
    await details.write(C, {"labels": "oqtf"}, ZONE)
    for name in (f"details:{C}", f"tags:{C}", f"label:{details.label_id('oqtf')}"):
        assert await redis.ttl(desk(name)) > 29 * 24 * 3600, name
    await redis.expire(desk(f"details:{C}"), 60)
    await cases.heard(C)
    assert await redis.ttl(desk(f"details:{C}")) > 29 * 24 * 3600


async def test_labels_filter_the_queue_in_its_order(redis: Redis) -> None:
    cases, details = await opened(redis)
    others = [f"{number:032x}" for number in range(3)]
    for other in others:
        await cases.enqueue(other, "asked", PACKET, "x", True)
    for conversation in (others[2], others[0]):
        await details.write(conversation, {"labels": "oqtf, urgent"}, ZONE)
    label = details.label_id("oqtf")
    assert await details.labels() == {label: "oqtf", details.label_id("urgent"): "urgent"}
    found, total = await cases.waiting_with(label, 1)
    assert ([case.conversation for case in found], total) == ([others[0]], 2)
    await details.write(others[0], {"labels": "urgent"}, ZONE)
    await details.write(others[2], {"labels": ""}, ZONE)
    assert await details.labels() == {details.label_id("urgent"): "urgent"}
    assert await cases.waiting_with(label, 1) == ([], 0)


async def test_a_label_of_expired_cases_is_not_offered(redis: Redis) -> None:
    _, details = await opened(redis)
    await details.write(C, {"labels": "oqtf"}, ZONE)
    await redis.delete(desk(f"case:{C}"), desk(f"details:{C}"))
    assert await details.labels() == {}
    assert await details.labels() == {}
    assert not await redis.exists(desk("labels"))


async def test_a_closed_case_comes_back_once(redis: Redis) -> None:
    cases, details = await opened(redis)
    await close(cases)
    await details.write(C, {"follow_up": (today() + timedelta(days=1)).isoformat()}, ZONE)
    assert await details.due() == []
    assert await details.come_back(C) == "later"
    await make_due(redis)
    assert await details.due() == [C]
    answers = await asyncio.gather(*(details.come_back(C) for _ in range(5)))
    assert sorted(answers) == ["closed", "later", "later", "later", "later"]
    case = await cases.find(C)
    assert (case.status, case.why, case.advisor, case.packet) == (
        "waiting",
        "follow_up",
        "",
        PACKET,
    )
    assert await cases.place(C) == 1
    assert await cases.done(5) == []
    # It is no wait of anybody's.
    await cases.claim(C, "paul", 5)
    assert len(await redis.lrange(desk("waits"), 0, -1)) == 1


@pytest.mark.parametrize("claimed", [False, True])
async def test_who_waits_or_is_answered_stays_where_they_are(redis: Redis, claimed: bool) -> None:
    cases, details = await opened(redis)
    if claimed:
        await cases.claim(C, "amina", 5)
    before = await cases.find(C)
    await make_due(redis)
    assert await details.come_back(C) == before.status
    assert await cases.find(C) == before
    [(_, event)] = cast(Rows, await redis.xrevrange(desk("events"), count=1))
    assert (event[b"k"], event[b"a"]) == (b"due", b"amina" if claimed else b"")


async def test_a_case_that_is_gone_does_not_come_back(redis: Redis) -> None:
    details = CaseDetails(redis, vault())
    await make_due(redis)
    assert await details.come_back(C) == "gone"
    assert await details.due() == []


async def test_who_asks_after_a_follow_up_is_somebody_who_asks(redis: Redis) -> None:
    cases, details = await opened(redis)
    await close(cases)
    await make_due(redis)
    await details.come_back(C)
    assert await cases.enqueue(C, "asked", PACKET, "SM2", True) == ("none", 1)
    assert (await cases.find(C)).why == "asked"


async def test_an_emptied_day_does_not_come(redis: Redis) -> None:
    _, details = await opened(redis)
    await details.write(C, {"follow_up": (today() + timedelta(days=1)).isoformat()}, ZONE)
    await details.write(C, {"follow_up": ""}, ZONE)
    assert not await redis.exists(desk("follow-ups"))


@pytest.mark.parametrize(
    ("field", "text", "kept"),
    [
        ("labels", " #OQTF,  Famille   nombreuse ; oqtf,,", "oqtf, famille nombreuse"),
        ("labels", "ＯＱＴＦ، لجوء", "oqtf, لجوء"),
        ("labels", "", ""),
        ("department", "2A", "2A"),
        ("subject", "fees", "fees"),
        ("step", " call\nback ", "call back"),
        ("end", "2027-03-31", "2027-03-31"),
        ("follow_up", LAST.isoformat(), LAST.isoformat()),
    ],
)
def test_what_is_kept(field: Field, text: str, kept: str) -> None:
    assert clean(field, text, ["fees"], LAST) == kept


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("labels", ",".join(map(str, range(11)))),
        ("labels", "x" * 31),
        ("department", "99"),
        ("subject", "nothing"),
        ("step", "x" * 301),
        ("end", "31/03/2027"),
        ("end", date(1990, 1, 1).isoformat()),
        ("follow_up", today().isoformat()),
        ("follow_up", (LAST + timedelta(days=1)).isoformat()),
    ],
)
def test_what_is_refused(field: Field, text: str) -> None:
    with pytest.raises(WrongDetail):
        clean(field, text, ["fees"], LAST)
