"""The mailbox keeps what it took, in order, and gives it to one worker."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from connectors.keys import partition_of
from connectors.mailbox import Entry, LeaseLost, Mailbox
from connectors.records import Button, Conversation, Inbound, Option, Outbound
from tests.conftest import vault

PERSON = "+33612345678"


def message(id: str, text: str = "bonjour") -> Inbound:
    return Inbound(id, "sms", PERSON, "text", text)


@pytest.fixture
def mailbox(redis: Redis) -> Mailbox:
    return Mailbox(redis, vault())


async def entries(mailbox: Mailbox, box: str = "in") -> list[Entry]:
    partition = partition_of(mailbox.conversation_id(message("x")))
    return await mailbox.read({(partition, box): "0"}, 100, 10)


async def test_messages_come_back_in_order(mailbox: Mailbox) -> None:
    for number in range(20):
        assert await mailbox.accept(message(f"SM{number}", f"text {number}"))
    texts = [mailbox.open_inbound(entry).text for entry in await entries(mailbox)]
    assert texts == [f"text {number}" for number in range(20)]


async def test_an_id_counts_once_also_on_another_gateway(mailbox: Mailbox, redis: Redis) -> None:
    other = Mailbox(redis, vault())
    assert await mailbox.accept(message("SM1"))
    assert not await mailbox.accept(message("SM1"))
    assert not await other.accept(message("SM1"))
    assert len(await entries(mailbox)) == 1


async def test_a_turn_ends_once_and_whole(mailbox: Mailbox) -> None:
    await mailbox.accept(message("SM1"))
    [entry] = await entries(mailbox)
    assert await mailbox.lease(entry.partition, "worker", 5000)
    state = Conversation("ar", (Option("نعم", "/affirm", ("نعم",)),), ("rest",), False)
    replies = [Outbound("sms", PERSON, "one"), Outbound("sms", PERSON, "two", (Button("b", "h"),))]
    await mailbox.finish_turn("worker", entry, state, replies)
    await mailbox.finish_turn("worker", entry, state, replies)  # again: nothing happens
    assert await entries(mailbox) == []
    sent = [mailbox.open_outbound(entry) for entry in await entries(mailbox, "out")]
    assert sent == replies
    assert await mailbox.conversation(entry.conversation) == state


async def test_a_worker_without_the_lease_cannot_end_a_turn(mailbox: Mailbox) -> None:
    await mailbox.accept(message("SM1"))
    [entry] = await entries(mailbox)
    await mailbox.lease(entry.partition, "other", 5000)
    with pytest.raises(LeaseLost):
        await mailbox.finish_turn("worker", entry, Conversation(), [])
    assert len(await entries(mailbox)) == 1


async def test_a_lease_has_one_holder_and_ends(mailbox: Mailbox) -> None:
    assert await mailbox.lease(3, "one", 5000)
    assert not await mailbox.lease(3, "two", 5000)
    assert not await mailbox.extend_lease(3, "two", 5000)
    await mailbox.release_lease(3, "two")  # not its own: nothing happens
    assert await mailbox.extend_lease(3, "one", 5000)
    await mailbox.release_lease(3, "one")
    assert await mailbox.lease(3, "two", 5000)


async def test_what_cannot_be_delivered_is_kept(mailbox: Mailbox) -> None:
    await mailbox.accept(message("SM1"))
    [entry] = await entries(mailbox)
    await mailbox.bury(entry, "twilio 21610")
    assert await mailbox.lengths() == {"in": 0, "out": 0, "dead": 1}


async def test_keys_of_a_partition_share_a_hash_tag(mailbox: Mailbox, redis: Redis) -> None:
    await mailbox.accept(message("SM1"))
    [entry] = await entries(mailbox)
    await mailbox.lease(entry.partition, "worker", 5000)
    await mailbox.finish_turn("worker", entry, Conversation(), [Outbound("sms", PERSON, "a")])
    keys = [str(key, "ascii") for key in await redis.keys("guichet:*") if isinstance(key, bytes)]
    assert keys
    assert {key[key.index("{") : key.index("}") + 1] for key in keys} == {
        f"{{p{entry.partition:02d}}}"
    }


async def test_conversations_expire(mailbox: Mailbox, redis: Redis) -> None:
    await mailbox.accept(message("SM1"))
    [entry] = await entries(mailbox)
    await mailbox.lease(entry.partition, "worker", 5000)
    await mailbox.finish_turn("worker", entry, Conversation(), [])
    [key] = await redis.keys("*conversation*")
    assert 29 * 86400 < await redis.ttl(key) <= 30 * 86400
