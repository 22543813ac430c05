"""Cases from real traffic of Twilio, the whole way."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import pytest

from bench.twilio_stand_in import NUMBER, post_webhook, sign, webhook_form
from connectors.gateway import REJECT_TWIML
from guichet.sms import measure, to_gsm_7
from knowledge_base.content import load_library
from knowledge_base.dialogue import load_texts
from knowledge_base.languages import load_languages
from tests.conftest import System

TEXTS = load_texts(load_library().facts)
FRENCH = TEXTS.phrases("fr")


async def post(system: System, path: str, form: dict[str, str]) -> httpx.Response:
    url = f"{system.addresses['gateway_url']}/twilio/{path}"
    return await post_webhook(system.client, url, form)


async def delivery(system: System, number: str, sid: str) -> dict[str, str]:
    mailbox = await system.mailbox()
    return await mailbox.delivery(mailbox.pseudonym("sms", number), sid)


async def status(system: System, number: str, sid: str, word: str, **fields: str) -> int:
    form = {"MessageSid": sid, "MessageStatus": word, "To": number, "From": NUMBER, **fields}
    return (await post(system, "status", form)).status_code


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("+33611410001", base64.b64encode(b"ma carte est finie").decode()),
        ("+33611410002", "¡Hola!"),
        ("+33611410003", "x" * 1600),
        ("+33611410004", "😀😀😀 بطاقة 😀"),
        ("+33611410005", "a‮b‏c"),
        ("0611410006", "bonjour"),
        ("36006", "bonjour"),
    ],
    ids=["base64", "¡", "1600", "emoji and rtl", "overrides", "no prefix", "short code"],
)
async def test_odd_texts_and_senders_get_an_answer(system: System, number: str, text: str) -> None:
    answer = await system.text(number, text)
    assert answer
    assert measure(answer).segments <= 4


async def test_several_media_with_a_text_are_one_turn(system: System) -> None:
    number = "+33611410010"
    links: dict[str, Any] = {f"MediaUrl{n}": f"https://elsewhere.example/{n}" for n in range(3)}
    answer = await system.text(number, "bonjour", NumMedia="3", **links)
    assert answer == FRENCH.responses["greet"].sms
    await system.quiet()
    assert len(system.sent_to(number)) == 1


async def test_stop_by_twilio_is_not_answered_and_nothing_more_is_written(
    system: System,
) -> None:
    number = "+33611410020"
    await system.text(number, "bonjour")
    await post(system, "sms", webhook_form(number, "STOP", OptOutType="STOP"))
    await system.quiet()
    mailbox = await system.mailbox()
    stopped, _ = await mailbox.standing(mailbox.pseudonym("sms", number))
    assert stopped
    assert len(system.sent_to(number)) == 1
    await post(system, "sms", webhook_form(number, "START", OptOutType="START"))
    await post(system, "sms", webhook_form(number, "HELP", OptOutType="HELP"))
    assert await system.text(number, "merci") == FRENCH.responses["thanks"].sms
    assert len(system.sent_to(number)) == 2


@pytest.mark.parametrize("language", load_languages())
async def test_a_stop_word_of_any_language_gets_one_last_answer(
    system: System, language: str
) -> None:
    number = f"+336114103{list(load_languages()).index(language):02d}"
    for word in TEXTS.keywords["stop"][language]:
        assert await system.text(number, word) in {
            TEXTS.phrases(code).responses["stop"].sms for code in TEXTS.languages
        } | {to_gsm_7(FRENCH.responses["stop"].sms)}
    await system.quiet()
    mailbox = await system.mailbox()
    assert (await mailbox.standing(mailbox.pseudonym("sms", number)))[0]


async def test_delete_erases_what_was_kept_and_says_so(system: System) -> None:
    number = "+33611410040"
    await system.text(number, "combien coute le timbre pour renouveler")
    mailbox = await system.mailbox()
    conversation = mailbox.pseudonym("sms", number)
    assert (await mailbox.conversation(conversation)).options
    assert await system.text(number, "effacer") == FRENCH.responses["deleted"].sms
    await system.quiet()
    assert (await mailbox.conversation(conversation)).options == ()
    assert await system._redis.exists(f"guichet:{{tracker:{conversation}}}") == 0  # type: ignore[union-attr]
    assert await system.text(number, "repete") == FRENCH.responses["nothing_to_repeat"].sms


async def test_error_21610_ends_writing_to_that_person_until_they_write(system: System) -> None:
    number = "+33611410050"
    system.twilio.opted_out.add(number)
    await post(system, "sms", webhook_form(number, "bonjour"))
    await system.quiet()
    assert system.sent_to(number) == []
    assert (await (await system.mailbox()).lengths())["dead"] == 0
    system.twilio.opted_out.discard(number)
    assert await system.text(number, "merci") == FRENCH.responses["thanks"].sms


@pytest.mark.parametrize(
    ("number", "failure"),
    [
        ("+33611410060", (429, 20429, {"Retry-After": "1"})),
        ("+33611410061", (400, 63018, {})),
        ("+33611410062", (500, 20500, {})),
        ("+33611410063", (503, 20503, {})),
    ],
    ids=["429", "63018", "500", "503"],
)
async def test_a_provider_that_is_away_or_busy_gets_the_message_later(
    system: System, number: str, failure: tuple[int, int, dict[str, str]]
) -> None:
    system.twilio.failures.extend([failure] * 2)
    assert await system.text(number, "merci") == FRENCH.responses["thanks"].sms
    await system.quiet()
    assert len(system.sent_to(number)) == 1


async def test_an_answer_201_without_a_sid_is_sent_again(system: System) -> None:
    system.twilio.without_sid = True
    assert await system.text("+33611410064", "merci") == FRENCH.responses["thanks"].sms


async def test_what_a_provider_refuses_for_good_is_a_dead_letter_to_send_again(
    system: System,
) -> None:
    number = "+33611410065"
    system.twilio.failures.append((400, 30006, {}))
    await post(system, "sms", webhook_form(number, "merci"))
    mailbox = await system.mailbox()
    await system.quiet()
    [(entry, why)] = await mailbox.dead()
    assert why == "out:twilio 30006"
    await mailbox.send_again(entry, why)
    [sent] = await system.twilio.wait_for(1, to=number)
    assert sent.body == FRENCH.responses["thanks"].sms
    assert (await mailbox.lengths())["dead"] == 0


async def test_the_last_state_of_a_message_is_kept_whatever_the_order(system: System) -> None:
    number = "+33611410070"
    await system.text(number, "bonjour")
    await system.quiet()
    sid = system.sent_to(number)[0].sid
    assert (await delivery(system, number, sid))["status"] == "sent"
    for word in ("delivered", "queued", "sent"):
        assert await status(system, number, sid, word) == 204
    assert (await delivery(system, number, sid))["status"] == "delivered"
    assert await status(system, number, sid, "undelivered", ErrorCode="30003") == 204
    last = await delivery(system, number, sid)
    assert (last["status"], last["error"]) == ("undelivered", "30003")


@pytest.mark.parametrize(
    "form",
    [
        {"MessageSid": "SM1", "MessageStatus": "teleported", "To": "+33611410071"},
        {},
        {"MessageSid": "SMnever", "MessageStatus": "delivered", "To": "+33611410072"},
        {"MessageStatus": "delivered"},
    ],
    ids=["unknown word", "no parameters", "never sent", "no sid"],
)
async def test_any_signed_status_is_taken_calmly(system: System, form: dict[str, str]) -> None:
    assert (await post(system, "status", form)).status_code == 204


async def test_an_unsigned_status_is_refused(system: System) -> None:
    url = f"{system.addresses['gateway_url']}/twilio/status"
    answer = await system.client.post(url, data={"MessageSid": "SM1", "MessageStatus": "read"})
    assert answer.status_code == 403


async def test_a_missed_call_is_refused_at_no_cost_and_texted_once_an_hour(
    system: System,
) -> None:
    caller = "+33611410080"
    for number in range(3):
        answer = await post(system, "voice", {"CallSid": f"CA{number}", "From": caller})
        assert answer.text == REJECT_TWIML
    await system.quiet()
    [sent] = system.sent_to(caller)
    assert sent.body.startswith(FRENCH.responses["menu"].sms[:30])
    hidden = await post(system, "voice", {"CallSid": "CA9", "From": "+266696687"})
    assert hidden.text == REJECT_TWIML


async def test_two_messages_within_a_millisecond_keep_their_order(system: System) -> None:
    number = "+33611410090"
    texts = ["bonjour", "merci", "au revoir"]
    for text in texts:
        await post(system, "sms", webhook_form(number, text))
    sent = await system.twilio.wait_for(3, to=number)
    wanted = [FRENCH.responses[name].sms for name in ("greet", "thanks", "goodbye")]
    assert [each.body for each in sent] == wanted


async def test_the_same_message_from_twenty_calls_at_once_is_one_turn(system: System) -> None:
    number = "+33611410091"
    form = webhook_form(number, "merci")
    answers = await asyncio.gather(*(post(system, "sms", form) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    await system.quiet()
    assert len(system.sent_to(number)) == 1


async def test_a_person_on_two_channels_has_two_conversations(system: System) -> None:
    number = "+33611410092"
    await system.text(number, "how much is the tax stamp for renewal")
    answer = await system.whatsapp(number, "repetez svp")
    assert answer.body == FRENCH.responses["nothing_to_repeat"].text


async def test_a_signature_that_stands_twice_is_refused(system: System) -> None:
    url = system.webhook
    form = webhook_form("+33611410093", "bonjour")
    headers = [("X-Twilio-Signature", sign(url, form)), ("X-Twilio-Signature", "x")]
    answer = await system.client.post(url, data=form, headers=headers)
    assert answer.status_code == 403


async def test_more_than_anybody_types_is_not_taken(system: System) -> None:
    number = "+33611410094"
    answers = await asyncio.gather(
        *(post(system, "sms", webhook_form(number, "merci")) for _ in range(70))
    )
    codes = [answer.status_code for answer in answers]
    assert codes.count(200) == 60
    assert codes.count(429) == 10


async def test_arabic_in_latin_letters_is_told_once_how_to_get_french(system: System) -> None:
    number = "+33611410095"
    await system.text(number, "ch7al taman timbre dyal carte sejour", replies=2)
    arabic, line = system.sent_to(number)
    assert measure(arabic.body).alphabet == "UCS-2"
    assert line.body == "Illisible ? Repondez FRANCAIS."
    french = await system.text(number, "FRANCAIS")
    assert measure(french).alphabet == "GSM-7"
    again = await system.text(number, "ch7al taman timbre dyal carte sejour")
    assert measure(again).alphabet == "GSM-7"
    native = await system.text(number, "كم ثمن الطابع لتجديد البطاقة")
    assert measure(native).alphabet == "UCS-2"


async def test_a_slow_client_is_cut_off(system: System) -> None:
    host, port = system.addresses["gateway_url"].removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        "POST /twilio/sms HTTP/1.1\r\nHost: x\r\nX-Twilio-Signature: x\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"
    )
    writer.write(head.encode())
    async with asyncio.timeout(20):
        for _ in range(15):  # a byte a second
            writer.write(b"a")
            if reader.at_eof() or (await _line(reader)).startswith(b"HTTP/1.1 408"):
                break
        else:
            raise AssertionError("still listened to")
    writer.close()


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.readline(), 1)
    except TimeoutError:
        return b""


async def test_metrics_count_and_tell_nothing_of_anybody(system: System) -> None:
    number = "+33611410096"
    await system.text(number, "ma carte est perdue")
    await asyncio.sleep(1.5)
    page = (await system.client.get(f"{system.addresses['gateway_url']}/metrics")).text
    assert 'guichet_events_total{channel="sms",event="sent"}' in page
    assert 'guichet_waiting{queue="out"}' in page
    assert "611410096" not in page
    assert "perdue" not in page


async def test_logs_hold_no_number_and_no_text(system: System) -> None:
    number = "+33611410097"
    system.twilio.failures.append((400, 30006, {}))
    await post(system, "sms", webhook_form(number, "le chat violet de Montauban"))
    await system.quiet()
    for path in (system.settings.data_dir / "log").glob("*.log"):
        written = path.read_text(errors="replace")
        assert "611410097" not in written, path
        assert "violet" not in written, path
