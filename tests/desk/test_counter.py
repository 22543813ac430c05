"""What advisors do, step by step, also half done and twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.cases import Full, NotYours, Packet
from connectors.keys import desk, of_conversation, partition_of
from connectors.records import Conversation
from connectors.threads import CLAIM
from desk.accounts import Advisor
from desk.counter import Gone, NoPhrase, Silenced
from desk.sweeper import Sweeper
from guichet.clock import today
from guichet.hours import parse
from knowledge_base.phrasebook import WrongField
from tests.desk.conftest import Office


async def advisors(office: Office) -> tuple[Advisor, Advisor]:
    amina, paul, _ = await office.services.accounts.all()
    return amina, paul


async def marker(office: Office) -> str:
    person = await office.services.threads.person(office.conversation)
    assert person is not None
    return person.marker


async def sent(office: Office) -> list[str]:
    mailbox, partition = office.services.mailbox, partition_of(office.conversation)
    entries = await mailbox.read({(partition, "out"): "0"}, 100, 10)
    return [mailbox.open_outbound(entry).text for entry in entries]


async def kinds(office: Office) -> list[str]:
    lines = await office.services.threads.lines(office.conversation)
    return [entry.line.kind for entry in lines if entry.line.who == "system"]


async def test_from_claim_to_rating(office: Office) -> None:
    amina, _ = await advisors(office)
    counter, c = office.services.counter, office.conversation
    await counter.claim(c, amina)
    assert (await marker(office)).startswith(CLAIM)
    for _ in range(2):
        await counter.reply(c, amina, "Bonjour, être là", "id 1")
    await counter.send_article(c, amina, "fees", "id 2")
    await counter.close(c, amina)
    with pytest.raises(NotYours):
        await counter.close(c, amina)
    texts = await sent(office)
    assert texts[0] == "Bonjour, etre là"  # GSM-7
    assert texts[1].startswith("منذ 1 ماي")
    assert texts[2].startswith("انتهت المحادثة")
    assert len(texts) == 3
    assert await marker(office) == "rating"
    assert await kinds(office) == ["claimed", "closed"]
    lines = await office.services.threads.lines(c)
    assert [e.line.answered for e in lines if e.line.kind == "article"] == [("fees",)]


async def test_handed_on_with_a_note(office: Office) -> None:
    amina, paul = await advisors(office)
    counter, c = office.services.counter, office.conversation
    await counter.claim(c, amina)
    await counter.transfer(c, amina, paul, "speaks Arabic")
    with pytest.raises(NotYours):
        await counter.reply(c, amina, "hello", "1")
    await counter.reply(c, paul, "hello", "1")
    await counter.release(c, paul)
    assert await marker(office) == "waiting"
    assert await office.services.cases.place(c) == 1
    [note] = await office.services.cases.notes(c)
    assert note["text"] == "speaks Arabic"
    assert await kinds(office) == ["claimed", "transferred", "released"]


async def test_who_said_stop_is_not_written_to(office: Office) -> None:
    amina, _ = await advisors(office)
    counter, c = office.services.counter, office.conversation
    await counter.claim(c, amina)
    state = office.services.vault.seal(Conversation("fr", stopped=True).to_json(), c)
    await office.services.redis.hset(of_conversation(c, "conversation"), "state", state)
    with pytest.raises(Silenced):
        await counter.reply(c, amina, "hello", "1")
    await counter.close(c, amina)  # without a question
    assert await sent(office) == []
    assert await marker(office) == "rating"


async def test_who_is_forgotten_cannot_be_written_to(office: Office) -> None:
    amina, _ = await advisors(office)
    counter, c = office.services.counter, office.conversation
    await counter.claim(c, amina)
    await office.services.mailbox.erase(c)
    with pytest.raises(Gone):
        await counter.reply(c, amina, "hello", "1")
    with pytest.raises(Gone):
        await counter.add_note(c, amina, "hello")
    assert await office.services.cases.of(amina.id) == []


async def test_the_next_one_until_full(office: Office) -> None:
    amina, _ = await advisors(office)
    counter = office.services.counter
    assert await counter.claim_next(amina) == office.conversation
    assert await counter.claim_next(amina) is None
    packet = (await office.services.cases.find(office.conversation)).packet
    assert packet is not None
    for number in range(5):
        await office.services.cases.enqueue(f"{number:032x}", "asked", packet, "x", True)
    for _ in range(4):
        await counter.claim_next(amina)
    with pytest.raises(Full):
        await counter.claim_next(amina)


def sweeper(office: Office, hours: str = "mo-su 00:00-24:00") -> Sweeper:
    services = office.services
    return Sweeper(services.cases, services.details, services.threads, parse(hours), 15)


async def age(office: Office, ms: int) -> None:
    """Make the claim so much older."""
    redis, c = office.services.redis, office.conversation
    await redis.hincrby(desk(f"case:{c}"), "claimed", -ms)
    await redis.zincrby(desk("claims"), -ms, c)


async def test_a_claim_without_a_reply_lapses(office: Office) -> None:
    amina, _ = await advisors(office)
    services, c = office.services, office.conversation
    sweepers = [sweeper(office) for _ in range(2)]
    await services.counter.claim(c, amina)
    await age(office, 14 * 60_000)
    for each in sweepers:
        await each.sweep()
    assert (await services.cases.find(c)).status == "claimed"
    await age(office, 2 * 60_000)
    for each in sweepers:
        await each.sweep()
    assert (await services.cases.find(c)).status == "waiting"
    assert await marker(office) == "waiting"
    assert await kinds(office) == ["claimed", "lapsed"]
    with pytest.raises(NotYours):
        await services.counter.reply(c, amina, "too late", "1")


async def test_a_claim_with_a_reply_stays(office: Office) -> None:
    amina, _ = await advisors(office)
    services, c = office.services, office.conversation
    await services.counter.claim(c, amina)
    await services.counter.reply(c, amina, "hello", "1")
    await age(office, 24 * 3600_000)
    await sweeper(office).sweep()
    assert (await services.cases.find(c)).status == "claimed"


async def test_a_claim_half_done_is_finished(office: Office) -> None:
    """A process died between the case and its copy beside the conversation."""
    amina, _ = await advisors(office)
    services, c = office.services, office.conversation
    token = await services.cases.claim(c, amina.id, 5)
    assert await marker(office) == "waiting"
    await services.counter.reply(c, amina, "hello", "1")  # mends it by itself
    assert await marker(office) == f"{CLAIM}{token}"
    await services.threads.mark(c, "waiting")
    await age(office, 5000)
    await sweeper(office).sweep()
    assert await marker(office) == f"{CLAIM}{token}"


async def test_a_follow_up_comes_back_when_the_desk_is_open(office: Office) -> None:
    amina, paul = await advisors(office)
    services, c = office.services, office.conversation
    await services.counter.claim(c, amina)
    await services.counter.close(c, amina)
    before = await sent(office)
    day = (today() + timedelta(days=1)).isoformat()
    await services.details.write(c, {"follow_up": day}, services.zone)
    await sweeper(office).sweep()
    assert (await services.cases.find(c)).status == "closed"
    await services.redis.zadd(desk("follow-ups"), {c: 1})
    await sweeper(office, hours="").sweep()
    assert (await services.cases.find(c)).status == "closed"
    for _ in range(2):
        await sweeper(office).sweep()
    case = await services.cases.find(c)
    assert (case.status, case.why) == ("waiting", "follow_up")
    assert await marker(office) == "waiting"
    assert await kinds(office) == ["claimed", "closed", "follow_up"]
    assert await sent(office) == before  # the person is not disturbed
    await services.counter.claim(c, paul)
    assert (await marker(office)).startswith(CLAIM)


async def test_closing_ends_a_follow_up_whose_day_has_come(office: Office) -> None:
    amina, _ = await advisors(office)
    services, c = office.services, office.conversation
    for day, kept in ((today(), {}), (today() + timedelta(days=2), True)):
        await services.cases.enqueue(
            c, "asked", (await services.cases.find(c)).packet or Packet("sms", "fr", "x"), "x", True
        )
        await services.details.write(c, {"follow_up": day.isoformat()}, services.zone)
        await services.counter.claim(c, amina)
        await services.counter.close(c, amina)
        assert bool(await services.details.read(c)) is bool(kept)


async def test_a_phrase_goes_once_in_the_persons_language(office: Office) -> None:
    amina, _ = await advisors(office)
    counter, c = office.services.counter, office.conversation
    await counter.claim(c, amina)
    values = {"date": "2027-05-01", "time": "14:30", "place": "12 rue {date} [🏠"}
    for _ in range(2):
        await counter.send_phrase(c, amina, "appointment_confirmed", values, "id 1")
    with pytest.raises(NoPhrase):
        await counter.send_phrase(c, amina, "nothing", {}, "id 2")
    with pytest.raises(WrongField):
        await counter.send_phrase(c, amina, "appointment_confirmed", {}, "id 3")
    [text] = await sent(office)
    language = counter.phrasebook.language("ar")
    assert text == counter.phrasebook.say("appointment_confirmed", language, values)
    assert "12 rue {date} [🏠" in text
    lines = await office.services.threads.lines(c)
    assert [e.line.answered for e in lines if e.line.kind == "phrase"] == [
        ("appointment_confirmed",)
    ]
