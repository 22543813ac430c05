"""The transcript, the advisor's replies, and the bot's silence: real scripts, real Redis."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from connectors.cases import NotYours
from connectors.keys import of_conversation, partition_of
from connectors.mailbox import Entry, Mailbox, Turn
from connectors.records import Conversation, Inbound, Outbound
from connectors.threads import Person, Threads
from connectors.transcript import KEPT, Line
from tests.conftest import vault

PERSON = "+33612345678"
HEARD = Turn(Line("person", "bonjour", channel="sms", language="fr"), PERSON)


@pytest.fixture
def mailbox(redis: Redis) -> Mailbox:
    return Mailbox(redis, vault())


@pytest.fixture
def threads(redis: Redis) -> Threads:
    return Threads(redis, vault())


async def turn(mailbox: Mailbox, number: int, *texts: str, told: Turn | None = HEARD) -> str:
    """One turn of the bot's; the conversation."""
    await mailbox.accept(Inbound(f"SM{number}", "sms", PERSON, "text", "bonjour"))
    conversation = mailbox.pseudonym("sms", PERSON)
    partition = partition_of(conversation)
    entry = (await mailbox.read({(partition, "in"): "0"}, 10, 10))[0]
    await mailbox.lease(partition, "w", 5000)
    replies = [Outbound("sms", PERSON, text) for text in texts]
    await mailbox.finish_turn("w", entry, Conversation("fr"), replies, told)
    return conversation


async def out(mailbox: Mailbox, conversation: str) -> list[Entry]:
    return await mailbox.read({(partition_of(conversation), "out"): "0"}, 100, 10)


async def person(threads: Threads, conversation: str) -> Person:
    found = await threads.person(conversation)
    assert found is not None
    return found


async def test_a_turn_is_written_down_whole(mailbox: Mailbox, threads: Threads) -> None:
    conversation = await turn(mailbox, 1, "one", "two")
    lines = [entry.line for entry in await threads.lines(conversation)]
    assert [(line.who, line.text) for line in lines] == [
        ("person", "bonjour"), ("bot", "one"), ("bot", "two"),
    ]  # fmt: skip
    found = await person(threads, conversation)
    assert (found.channel, found.address, found.language) == ("sms", PERSON, "fr")


async def test_nothing_of_it_is_readable_in_redis(mailbox: Mailbox, redis: Redis) -> None:
    conversation = await turn(mailbox, 1, "a secret")
    for name in ("transcript", "conversation", "states"):
        dump = await redis.dump(of_conversation(conversation, name))
        assert b"bonjour" not in (dump or b"")
        assert PERSON.encode() not in (dump or b"")


async def test_a_turn_without_a_trace_leaves_none(mailbox: Mailbox, threads: Threads) -> None:
    conversation = await turn(mailbox, 1, "deleted", told=None)
    assert await threads.lines(conversation) == []
    assert [mailbox.open_outbound(each).text for each in await out(mailbox, conversation)] == [
        "deleted"
    ]


async def test_lines_after_one(mailbox: Mailbox, threads: Threads) -> None:
    conversation = await turn(mailbox, 1, "one")
    last = (await threads.lines(conversation))[-1].id
    assert await threads.lines(conversation, last) == []
    await turn(mailbox, 2, "two")
    new = await threads.lines(conversation, last)
    assert [entry.line.text for entry in new] == ["bonjour", "two"]


async def test_what_became_of_each_message(mailbox: Mailbox, threads: Threads) -> None:
    conversation = await turn(mailbox, 1, "a", "b", "c", "d")
    first, second, third, fourth = await out(mailbox, conversation)
    assert not await mailbox.sent(first, "SMa")  # nobody at the desk looks
    # The provider may tell before we have noted that it took the message.
    await mailbox.delivered("sms", PERSON, "SMb", "delivered", "", ("sent", "delivered"))
    await mailbox.sent(second, "SMb")
    await mailbox.hold(third)
    await mailbox.bury(fourth, "twilio 30006")
    assert not await mailbox.delivered("sms", PERSON, "SMa", "read", "", ("sent", "read"))
    states = [entry.state for entry in await threads.lines(conversation)]
    assert states == ["", "read", "delivered", "held", "failed"]
    await turn(mailbox, 2)
    assert (await threads.lines(conversation))[3].state == "sent"
    await threads.mark(conversation, "waiting")
    assert await mailbox.delivered("sms", PERSON, "SMa", "x", "", ("sent", "read", "x"))


async def test_states_go_with_their_lines(mailbox: Mailbox, threads: Threads, redis: Redis) -> None:
    conversation = await turn(mailbox, 1, "a")
    old: dict[Any, Any] = {f"{number}-0": "sent" for number in range(1, 3000)}
    await redis.hset(of_conversation(conversation, "states"), mapping=old)
    [entry] = await out(mailbox, conversation)
    await mailbox.sent(entry, "SMa")
    assert await redis.hlen(of_conversation(conversation, "states")) == 1


async def test_the_transcript_stays_short(mailbox: Mailbox, redis: Redis) -> None:
    for number in range(KEPT // 50 + 10):
        conversation = await turn(mailbox, number, *["x"] * 50)
    length = await redis.xlen(of_conversation(conversation, "transcript"))
    assert KEPT <= length <= KEPT * 1.1


async def test_from_claim_to_close_the_bot_is_silent(mailbox: Mailbox, threads: Threads) -> None:
    conversation = await turn(mailbox, 1)
    await threads.mark(conversation, "claim:t1")
    await turn(mailbox, 2, "an answer begun before the claim")
    assert await out(mailbox, conversation) == []
    await turn(mailbox, 3, "stopped", told=Turn(HEARD.heard, PERSON, always=True))
    assert len(await out(mailbox, conversation)) == 1
    # A turn cannot undo a claim that came meanwhile.
    await turn(mailbox, 4, told=Turn(HEARD.heard, PERSON, desk="waiting"))
    assert (await person(threads, conversation)).marker == "claim:t1"


async def test_a_reply_goes_out_once_and_only_under_the_claim(
    mailbox: Mailbox, threads: Threads
) -> None:
    conversation = await turn(mailbox, 1)
    await threads.mark(conversation, "claim:t1")
    to = await person(threads, conversation)
    line = Line("advisor", advisor="amina")
    for _ in range(3):
        await threads.say(conversation, to, "t1", "client 1", ["hello", "again"], line)
    with pytest.raises(NotYours):
        await threads.say(conversation, to, "t2", "client 2", ["hello"], line)
    sent = [mailbox.open_outbound(entry) for entry in await out(mailbox, conversation)]
    assert [(message.text, message.address) for message in sent] == [
        ("hello", PERSON), ("again", PERSON),
    ]  # fmt: skip
    assert [entry.line.text for entry in await threads.lines(conversation)][1:] == [
        "hello", "again",
    ]  # fmt: skip


async def test_closing_says_so_once_and_frees_the_bot(mailbox: Mailbox, threads: Threads) -> None:
    conversation = await turn(mailbox, 1)
    await threads.mark(conversation, "claim:t1")
    to = await person(threads, conversation)
    line = Line("bot", advisor="amina")
    assert await threads.say(conversation, to, "t1", "close", ["how was it?"], line, "rating")
    assert (await person(threads, conversation)).marker == "rating"
    kinds = [(entry.line.who, entry.line.kind) for entry in await threads.lines(conversation)]
    assert kinds[1:] == [("bot", "text"), ("system", "closed")]
    await turn(mailbox, 2, "an answer")
    assert len(await out(mailbox, conversation)) == 2


async def test_a_mark_holds_only_where_things_stand_so(mailbox: Mailbox, threads: Threads) -> None:
    conversation = await turn(mailbox, 1)
    assert not await threads.mark(conversation, "waiting", standing="claim:t1")
    assert await threads.mark(conversation, "claim:t1")
    assert not await threads.mark(conversation, "claim:t1")  # no second line for it
    assert not await threads.mark("0" * 32, "claim:t1")  # nobody is made up


async def test_who_is_forgotten_has_no_transcript(
    mailbox: Mailbox, threads: Threads, redis: Redis
) -> None:
    conversation = await turn(mailbox, 1, "a")
    [entry] = await out(mailbox, conversation)
    await mailbox.sent(entry, "SMa")
    await mailbox.erase(conversation)
    assert await threads.person(conversation) is None
    assert await threads.lines(conversation) == []
    assert not await redis.exists(of_conversation(conversation, "states"))
