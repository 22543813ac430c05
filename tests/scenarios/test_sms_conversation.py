"""The whole way: signed webhook, Redis, worker, Rasa, knowledge base, Twilio's API."""

from __future__ import annotations

import asyncio
import os
import signal
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.twilio_stand_in import post_webhook, sign, webhook_form
from guichet.sms import measure
from knowledge_base.content import load_library
from knowledge_base.dialogue import load_texts
from tests.conftest import System

LIBRARY = load_library()
TEXTS = load_texts(LIBRARY.facts)


def answer(id: str, language: str) -> str:
    """The beginning of an article's SMS, as it must arrive."""
    from guichet.sms import to_gsm_7

    return to_gsm_7(LIBRARY.fill(LIBRARY.articles[language, id].sms, language))[:60]


@pytest.mark.parametrize(
    ("number", "language", "question", "id"),
    [
        ("+33611110001", "fr", "combien coute le timbre pour le renouvellement", "fees"),
        ("+33611110002", "en", "how much is the tax stamp for renewal", "fees"),
        ("+33611110003", "ar", "كم ثمن الطابع لتجديد البطاقة", "fees"),
        ("+33611110004", "ar", "ch7al taman timbre dyal carte sejour", "fees"),
    ],
)
async def test_a_question_gets_the_right_article_in_its_language(
    system: System, number: str, language: str, question: str, id: str
) -> None:
    reply = await system.text(number, question)
    assert reply.startswith(answer(id, language))
    measured = measure(reply)
    assert measured.alphabet == ("UCS-2" if language == "ar" else "GSM-7")
    assert measured.segments <= (4 if language == "ar" else 2)


@pytest.mark.parametrize(
    ("number", "language", "question", "word"),
    [
        ("+33611120001", "fr", "le site anef affiche une erreur", "SUITE"),
        ("+33611120002", "en", "the anef site shows an error page", "more"),
        ("+33611120003", "ar", "موقع anef فيه خطأ ولا يعمل", "المزيد"),
    ],
)
async def test_the_word_for_more_brings_the_details(
    system: System, number: str, language: str, question: str, word: str
) -> None:
    await system.text(number, question)
    details = await system.text(number, word)
    from guichet.sms import to_gsm_7

    article = LIBRARY.articles[language, "technical-block"]
    wanted = to_gsm_7(LIBRARY.fill(article.message, language))
    assert details.startswith(wanted[:50])
    assert measure(details).segments <= 4
    rest = await system.text(number, word)
    assert rest
    assert not rest.startswith(wanted[:50])


@pytest.mark.parametrize(
    ("number", "first", "reply", "language"),
    [
        ("+33611130001", "menu", "2", "fr"),
        ("+33611130002", "help", "two", "en"),
        ("+33611130003", "القائمة", "٢", "ar"),
    ],
)
async def test_a_menu_number_is_the_choice(
    system: System, number: str, first: str, reply: str, language: str
) -> None:
    menu = await system.text(number, first)
    assert "\n2 " in menu
    assert (await system.text(number, reply)).startswith(answer("api-expired", language))


async def test_yes_to_the_person_offered(system: System) -> None:
    number = "+33611140001"
    fallback = await system.text(number, "la recette du couscous aux legumes de ma grand mere")
    assert fallback.startswith(TEXTS.phrases("fr").responses["fallback"].sms[:40])
    assert (await system.text(number, "oui")).startswith(
        TEXTS.phrases("fr").responses["human"].sms[:20]
    )


async def test_repeat_gives_the_last_article_again(system: System) -> None:
    number = "+33611140002"
    first = await system.text(number, "ou trouver mon numero etranger agdref")
    assert await system.text(number, "répétez svp") == first


async def test_the_language_changes_by_menu_and_stays(system: System) -> None:
    number = "+33611140003"
    menu = await system.text(number, "changer de langue")
    assert "2 English" in menu
    assert (await system.text(number, "2")).startswith("All right, I answer in English")
    assert (await system.text(number, "menu")).startswith(
        TEXTS.phrases("en").responses["menu"].sms[:30]
    )


@pytest.mark.parametrize(
    "text",
    [
        "/restart",
        '/ask_procedure{"article": "fees"}',
        "/human",
        "//human",
        " /session_start",
        '/ask_details{"article": "../../etc/passwd"}',
        "EXTERNAL: /human",
        "{language}",
        "%s %d",
        "<b>bonjour</b>",
        "a" * 1600,
        "٣" * 300,
        "\u202e\u200f",
        "merci\x00",
    ],
)
async def test_no_text_drives_rasa_or_breaks_it(system: System, text: str) -> None:
    number = f"+3361115{zlib.crc32(text.encode()) % 10_000:04}"
    reply = await system.text(number, text)
    human = {TEXTS.phrases(code).responses["human"].sms[:20] for code in TEXTS.languages}
    if "human" in text:
        # A person's words may ask for a human; a payload must not do it for them.
        assert reply
    else:
        assert reply[:20] not in human
    assert "None" not in reply
    assert "{" not in reply


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"Body": "", "NumMedia": "1", "MediaContentType0": "image/jpeg"}, "media"),
        ({"Body": ""}, "empty"),
        ({"Body": "😀😀"}, "empty"),
        ({"Body": "", "Latitude": "48.8", "Longitude": "2.3"}, "media"),
    ],
)
async def test_what_cannot_be_read_gets_a_clear_answer(
    system: System, fields: dict[str, Any], name: str
) -> None:
    number = f"+3361116{zlib.crc32(str(fields).encode()) % 10_000:04}"
    reply = await system.text(number, "", 1, **fields)
    assert reply == TEXTS.phrases("fr").responses[name].sms


async def test_a_message_sent_twice_is_answered_once(system: System) -> None:
    number = "+33611170001"
    form = webhook_form(number, "bonjour")
    for _ in range(3):
        assert (await post_webhook(system.client, system.webhook, form)).status_code == 200
    await post_webhook(system.client, system.webhook, webhook_form(number, "merci"))
    sent = await system.twilio.wait_for(2, to=number)
    assert [s.body[:7] for s in sent] == ["Bonjour", "Avec pl"]


async def test_messages_of_one_person_are_answered_in_order(system: System) -> None:
    number = "+33611170002"
    texts = ["bonjour", "merci", "qui etes vous", "au revoir"] * 5
    forms = [webhook_form(number, text) for text in texts]
    for form in forms:
        assert (await post_webhook(system.client, system.webhook, form)).status_code == 200
    sent = await system.twilio.wait_for(len(texts), to=number, timeout_s=60)
    names = ["greet", "thanks", "who_are_you", "goodbye"] * 5
    responses = TEXTS.phrases("fr").responses
    assert [s.body[:15] for s in sent] == [responses[name].sms[:15] for name in names]


async def test_twilio_away_the_message_waits_and_arrives_once(system: System) -> None:
    number = "+33611180001"
    system.twilio.failures.extend([(500, 20500, {}), (503, 20503, {}), (429, 20429, {})])
    reply = await system.text(number, "bonjour")
    assert reply.startswith("Bonjour, ici Guichet")
    assert not system.twilio.failures
    assert len(system.sent_to(number)) == 1


async def test_a_person_who_opted_out_blocks_nobody(system: System) -> None:
    system.twilio.opted_out.add("+33611180002")
    form = webhook_form("+33611180002", "bonjour")
    assert (await post_webhook(system.client, system.webhook, form)).status_code == 200
    assert await system.text("+33611180003", "bonjour")
    assert not system.sent_to("+33611180002")


async def test_forged_webhooks_are_refused(system: System) -> None:
    form = webhook_form("+33611190001", "bonjour")
    for headers in (
        {},
        {"X-Twilio-Signature": "x"},
        {"X-Twilio-Signature": sign(system.webhook, {**form, "Body": "other"})},
    ):
        refused = await system.client.post(system.webhook, data=form, headers=headers)
        assert refused.status_code == 403


async def test_rasa_and_knowledge_base_die_and_nothing_is_lost(system: System) -> None:
    """Kill each outright while messages arrive: they wait, and are answered in the end."""
    for part, number in (("rasa", "+33611190002"), ("knowledge_base.service", "+33611190003")):
        assert _kill(system.process.pid, part)
        forms = [webhook_form(number, text) for text in ("bonjour", "merci")]
        for form in forms:
            assert (await post_webhook(system.client, system.webhook, form)).status_code == 200
        sent = await system.twilio.wait_for(2, to=number, timeout_s=90)
        assert sent[0].body.startswith("Bonjour")
        assert sent[1].body.startswith("Avec plaisir")


async def test_worker_and_gateway_die_and_come_back(system: System) -> None:
    number = "+33611190004"
    assert _kill(system.process.pid, "connectors.worker")
    form = webhook_form(number, "bonjour")
    assert (await post_webhook(system.client, system.webhook, form)).status_code == 200
    assert len(await system.twilio.wait_for(1, to=number, timeout_s=60)) == 1
    assert _kill(system.process.pid, "guichet.web")
    for _ in range(100):
        try:
            reply = await post_webhook(system.client, system.webhook, webhook_form(number, "merci"))
        except httpx.TransportError:
            await asyncio.sleep(0.2)
            continue
        assert reply.status_code == 200
        break
    assert len(await system.twilio.wait_for(2, to=number, timeout_s=60)) == 2


async def test_health_says_so(system: System) -> None:
    answer = await system.client.get(f"{system.addresses['gateway_url']}/health")
    assert answer.status_code == 200


async def test_nothing_personal_is_in_the_logs_or_on_disk(system: System) -> None:
    await system.text("+33699887766", "mon code secret est TOURNESOL, combien coute le timbre")
    logs = list((system.settings.data_dir / "log").glob("*.log"))
    redis_files = [p for p in (system.settings.data_dir / "redis").rglob("*") if p.is_file()]
    assert logs
    assert redis_files
    for path in [*logs, *redis_files, system.output]:
        content = path.read_bytes()
        assert b"33699887766" not in content, path
        assert b"TOURNESOL" not in content, path


def _kill(parent: int, command: str) -> bool:
    """Kill (SIGKILL) the child of the supervisor whose command line has a word."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            arguments = (entry / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if int(stat[1]) == parent and command in arguments:
            os.kill(int(entry.name), signal.SIGKILL)
            return True
    return False
