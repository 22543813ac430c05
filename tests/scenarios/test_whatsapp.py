"""WhatsApp through Twilio, the whole way."""

from __future__ import annotations

from bench.twilio_stand_in import post_webhook, webhook_form
from knowledge_base.content import load_library
from knowledge_base.dialogue import load_texts
from tests.conftest import System

LIBRARY = load_library()
TEXTS = load_texts(LIBRARY.facts)


async def test_a_question_is_answered_with_a_numbered_menu(system: System) -> None:
    number = "+33611510001"
    answer = await system.whatsapp(number, "combien coute le timbre pour renouveler")
    assert LIBRARY.fill(LIBRARY.articles["fr", "fees"].message, "fr") in answer.body
    assert "\n1 Plus de détails\n2 Parler à une personne" in answer.body
    human = await system.whatsapp(number, "2")
    assert human.body.startswith(TEXTS.phrases("fr").responses["human"].text[:40])


async def test_a_tapped_reply_is_its_payload(system: System) -> None:
    answer = await system.whatsapp(
        "+33611510002", "Quel prix ?", ButtonPayload="a:fees", ButtonText="Quel prix ?"
    )
    assert LIBRARY.fill(LIBRARY.articles["fr", "fees"].message, "fr")[:60] in answer.body


async def test_a_button_that_is_not_ours_is_read_as_its_words(system: System) -> None:
    answer = await system.whatsapp(
        "+33611510003", "", ButtonPayload="/restart", ButtonText="bonjour"
    )
    assert answer.body == TEXTS.phrases("fr").responses["greet"].text


async def test_a_sender_without_a_number_is_answered(system: System) -> None:
    answer = await system.whatsapp("FR.13491208655302741918", "bonjour")
    assert answer.to == "whatsapp:FR.13491208655302741918"


async def test_a_location_gets_an_honest_answer(system: System) -> None:
    answer = await system.whatsapp("+33611510004", "", Latitude="48.85", Longitude="2.35")
    assert answer.body == TEXTS.phrases("fr").responses["media"].text


async def test_outside_the_window_an_answer_waits_for_the_person_to_write(system: System) -> None:
    number = "+33611510005"
    address = f"whatsapp:{number}"
    system.twilio.closed.add(address)
    url = system.webhook.replace("/sms", "/whatsapp")
    await post_webhook(system.client, url, webhook_form(address, "bonjour"))
    await system.quiet()
    assert system.sent_to(address) == []
    system.twilio.closed.discard(address)
    last = await system.whatsapp(number, "merci", replies=2)
    assert last.body == TEXTS.phrases("fr").responses["greet"].text
