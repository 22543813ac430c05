"""When a conversation goes to the desk, and what the person hears of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from connectors.cases import Cases
from connectors.channels import Limits
from connectors.escalation import Escalation, moment, reason
from connectors.keys import desk
from connectors.rasa import Answer
from connectors.records import Conversation, Inbound
from connectors.renderer import Renderer
from guichet import sms
from guichet.hours import parse
from knowledge_base.content import load_library
from knowledge_base.dialogue import load_texts
from tests.conftest import vault

LIBRARY = load_library()
TEXTS = load_texts(LIBRARY.facts)
ALWAYS, NEVER = (
    parse("mo-su 00:00-24:00"),
    parse("mo-fr 09:00-17:00", absences="2000-01-01/2999-12-31"),
)
HUMAN: dict[str, Any] = {"type": "response", "name": "human", "language": "fr"}
FEES: dict[str, Any] = {"type": "article", "id": "fees", "language": "fr", "urgency": "none"}
DECIDED = {
    "decision": "answer",
    "ranking": [{"id": "fees", "score": 0.91234}, {"id": "api", "score": 0.04}],
}
WHO = "0123456789abcdef" * 2


def message(id: str = "SM1", text: str = "combien") -> Inbound:
    return Inbound(id, "sms", "+33612345678", "text", text)


@pytest.fixture
async def cases(redis: Redis) -> Cases:
    await redis.sadd(desk("active"), "amina")
    return Cases(redis, vault())


def escalation(redis: Redis, cases: Cases, open: bool = True) -> Escalation:
    return Escalation(redis, vault(), cases, ALWAYS if open else NEVER, TEXTS)


def texts(payloads: list[dict[str, Any]]) -> list[str]:
    return [payload["text"] for payload in payloads if payload["type"] == "text"]


@pytest.mark.parametrize(
    ("payloads", "why"),
    [
        ([HUMAN], "asked"),
        ([FEES], None),
        ([{**FEES, "urgency": "urgent"}], "urgent"),
        ([{**FEES, "urgency": "danger"}, FEES], "danger"),
    ],
)
def test_why(payloads: list[dict[str, Any]], why: str | None) -> None:
    assert reason(payloads) == why


async def test_without_advisors_nothing_is_promised(redis: Redis) -> None:
    cases = Cases(redis, vault())
    look = escalation(redis, cases).look
    assert await look(WHO, message(), Answer([HUMAN], {}), "sms") is None
    assert await cases.place(WHO) == 0


async def test_the_place_the_wait_and_what_to_prepare(redis: Redis, cases: Cases) -> None:
    await redis.rpush(desk("waits"), "290")
    look = escalation(redis, cases).look
    escalated = await look(WHO, message(), Answer([HUMAN], {}), "chat")
    assert escalated is not None
    first, second = texts(escalated.payloads)
    assert "numéro 1 " in first
    assert "environ 5 minutes" in first
    assert second.startswith("En attendant, préparez")
    assert not any(payload.get("name") == "human" for payload in escalated.payloads)


async def test_asked_again_tells_the_place_again_and_no_more(redis: Redis, cases: Cases) -> None:
    look = escalation(redis, cases).look
    await look(WHO, message("SM1"), Answer([HUMAN], {}), "sms")
    again = await look(WHO, message("SM2"), Answer([HUMAN], {}), "sms")
    assert again is not None
    [text] = texts(again.payloads)
    assert text.startswith("Votre demande attend")
    # The worker died before it answered: the same message gets the whole answer.
    repeated = await look(WHO, message("SM1"), Answer([HUMAN], {}), "sms")
    assert repeated is not None
    assert len(texts(repeated.payloads)) == 2


async def test_closed_says_when_it_opens(redis: Redis, cases: Cases) -> None:
    weekdays = Escalation(redis, vault(), cases, parse("mo 00:00-00:01"), TEXTS)
    escalated = await weekdays.look(WHO, message(), Answer([HUMAN], {}), "sms")
    assert escalated is not None
    assert "Retour : lundi " in texts(escalated.payloads)[0]
    long = await escalation(redis, cases, open=False).look(
        WHO, message("SM2"), Answer([HUMAN], {}), "sms"
    )
    assert long is not None
    assert "absents pour le moment" in texts(long.payloads)[0]


async def test_urgent_is_answered_and_handed_over(redis: Redis, cases: Cases) -> None:
    urgent = {**FEES, "urgency": "danger"}
    look = escalation(redis, cases).look
    escalated = await look(WHO, message(), Answer([urgent], DECIDED), "chat")
    assert escalated is not None
    assert escalated.payloads[0] == urgent
    assert texts(escalated.payloads)[0].startswith("Votre message semble urgent")
    case = await cases.find(WHO)
    assert (case.why, case.status) == ("danger", "waiting")
    assert case.packet is not None
    assert case.packet.proposal == (("fees", 0.912), ("api", 0.04))
    # Once it waits, urgent again says nothing new.
    assert await look(WHO, message("SM2"), Answer([urgent], DECIDED), "chat") is None


async def test_the_menu_of_an_urgent_answer_still_works(redis: Redis, cases: Cases) -> None:
    choose = {
        "type": "choose",
        "language": "fr",
        "urgency": "urgent",
        "buttons": [
            {"article": "fees", "payload": '/ask_procedure{"article": "fees"}'},
            {"label": "none_of_these", "payload": '/nlu_fallback{"urgency": "none"}'},
        ],
    }
    look = escalation(redis, cases).look
    escalated = await look(WHO, message(), Answer([choose], DECIDED), "sms")
    assert escalated is not None
    limits = Limits("sms", part_segments=4)
    rendered = Renderer(LIBRARY, TEXTS).render(escalated.payloads, limits, Conversation())
    assert len(rendered.parts) == 3
    assert len(rendered.conversation.options) == 2


async def test_the_question_behind_a_person_please(redis: Redis, cases: Cases) -> None:
    from connectors.mailbox import Mailbox, Turn
    from connectors.transcript import Line

    mailbox = Mailbox(redis, vault())
    await mailbox.accept(message())
    who = mailbox.pseudonym("sms", "+33612345678")
    from connectors.keys import partition_of

    [entry] = await mailbox.read({(partition_of(who), "in"): "0"}, 10, 10)
    await mailbox.lease(entry.partition, "w", 5000)
    heard = Line("person", "combien", channel="sms", proposal=(("fees", 0.9),))
    await mailbox.finish_turn("w", entry, Conversation(), [], Turn(heard, "+33612345678"))
    look = escalation(redis, cases).look
    await look(who, message("SM2", "un humain"), Answer([HUMAN], {"decision": "act"}), "sms")
    packet = (await cases.find(who)).packet
    assert packet is not None
    assert (packet.question, packet.proposal) == ("combien", (("fees", 0.9),))


@pytest.mark.parametrize("language", TEXTS.languages)
@pytest.mark.parametrize("first", ["desk_queued", "desk_urgent", "desk_place"])
def test_what_is_said_fits_three_segments(language: str, first: str) -> None:
    when = moment(datetime(2026, 9, 30, 9, 0), language)  # noqa: DTZ001 - a Wednesday: long
    responses = TEXTS.phrases(language).responses
    for second, value in (("desk_closed", when), ("desk_usual", "120"), ("desk_closed_long", "")):
        text = f"{responses[first].sms} {responses[second].sms}".replace("{place}", "120")
        text = text.replace("{when}", value).replace("{minutes}", value)
        measured = sms.measure(sms.to_gsm_7(text))
        assert measured.segments <= 3
        assert "{" not in text


def test_days_are_written_with_western_digits() -> None:
    at = datetime(2026, 11, 30, 9, 0)  # noqa: DTZ001
    assert moment(at, "fr") == "lundi 30 novembre, 09:00"
    assert "30" in moment(at, "ar")
    assert "30" in moment(at, "fa")
