"""What a counter does, the whole way: dates, reminders, the letter, the log, manners."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pypdfium2
import pytest

from connectors.keys import of_conversation
from connectors.notebook import Notebook, Reminder
from guichet import sms
from guichet.clock import today
from guichet.vault import unlock
from knowledge_base.content import load_library
from knowledge_base.dialogue import fold, load_texts
from knowledge_base.languages import served
from tests.conftest import System, whole_system

TEXTS = load_texts(load_library().facts)
END = today() + timedelta(days=300)
LANGUAGES = sorted(served())


def number(index: int, kind: str = "1") -> str:
    return f"+336{kind}{index:07d}"


def says(language: str, name: str, text: str) -> bool:
    """Whether a text is a response, whatever its variables are filled with."""
    pattern = re.escape(sms.to_gsm_7(TEXTS.phrases(language).responses[name].sms))
    return re.match(re.sub(r"\\{\w+\\}", ".+", pattern), text) is not None


def word(language: str, thing: str) -> str:
    """A word for a thing that no other language has, so that it tells the language too."""
    words = TEXTS.phrases(language).words[thing]
    return next(word for word in words if TEXTS.words[fold(word)].language == language)


def yes(language: str) -> str:
    return {
        "fr": "oui", "en": "yes", "ar": "نعم", "es": "sí", "pt": "sim", "tr": "evet",
        "ru": "да", "uk": "так", "fa": "بلی", "ps": "هو", "zh": "是的", "bn": "হ্যাঁ",
    }[language]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
async def test_my_dates_and_a_reminder_in_every_language(system: System, language: str) -> None:
    sender = number(LANGUAGES.index(language), "1")
    asked = await system.text(sender, word(language, "dates"))
    assert says(language, "ask_permit_end", asked)
    assert says(language, "date_impossible", await system.text(sender, "31/02/2027", 2, skip=1))
    asked = await system.text(sender, f"{END:%d/%m/%Y}")
    assert says(language, "ask_permit_kind", asked)
    told = await system.text(sender, "1")
    assert says(language, "dates_early", told)
    assert f"{END:%d/%m/%Y}" in told
    assert says(language, "reminder_set", await system.text(sender, yes(language)))
    listed = await system.text(sender, word(language, "reminders"))
    assert says(language, "reminders_list", listed)
    assert says(
        language,
        "reminders_cancelled",
        await system.text(sender, word(language, "cancel_reminders")),
    )


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_letter_in_every_language(system: System, language: str) -> None:
    sender = number(LANGUAGES.index(language), "2")
    assert says(language, "ask_department", await system.text(sender, word(language, "letter"), 2))
    assert says(language, "ask_letter_procedure", await system.text(sender, "69003"))
    assert says(language, "ask_letter_since", await system.text(sender, "1"))
    since = today() - timedelta(days=60)
    assert says(language, "ask_letter_tried", await system.text(sender, f"{since:%d/%m/%Y}"))
    assert says(language, "ask_letter_screen", await system.text(sender, "1 3"))
    ready = await system.text(sender, "Erreur 500 : réessayez plus tard")
    link = re.search(r"http://\S+/l/\S+?(?=[\s،.)]|$)", ready)
    assert link is not None, ready
    # The gateway's port was chosen at the start.
    path = "/l/" + link[0].rpartition("/")[2]
    answer = await system.client.get(f"{system.addresses['gateway_url']}{path}")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    with pypdfium2.PdfDocument(answer.content) as pdf:
        page = pdf[0].get_textpage()
        text = " ".join(page.get_text_range().split())
        page.close()
        assert len(pdf) == 1
    assert "Préfecture de Lyon" in text
    assert "Erreur 500 : réessayez plus tard" in text
    assert (await system.client.get(f"{system.addresses['gateway_url']}{path}x")).status_code == 404


async def test_a_question_beside_the_form_is_answered_and_the_form_goes_on(
    system: System,
) -> None:
    sender = number(1, "3")
    await system.text(sender, "mes dates")
    again = await system.text(sender, "combien coûte le timbre fiscal ?", 2)
    assert says("fr", "ask_permit_end", again)
    assert says("fr", "ask_permit_kind", await system.text(sender, f"{END:%d/%m/%Y}"))
    assert says("fr", "form_dropped", await system.text(sender, "annuler"))
    assert says("fr", "nothing_to_drop", await system.text(sender, "annuler"))


async def test_a_form_left_for_a_week_does_not_swallow_a_question(system: System) -> None:
    sender = number(10, "3")
    await system.text(sender, "mes dates")
    await system.quiet()
    mailbox = await system.mailbox()
    conversation = mailbox.pseudonym("sms", sender)
    before = await mailbox.conversation(conversation)
    assert before.expects == "permit_end"
    week_ago = replace(before, asked_at=before.asked_at - 7 * 24 * 3600)
    assert system._redis is not None
    await system._redis.hset(
        of_conversation(conversation, "conversation"),
        "state",
        mailbox.vault.seal(week_ago.to_json(), conversation),
    )
    answer = await system.text(sender, "combien coûte le timbre fiscal ?")
    assert "timbre" in answer.casefold()
    await system.quiet()
    assert says("fr", "nothing_to_drop", await system.text(sender, "annuler"))


async def test_a_date_alone_begins_the_form(system: System) -> None:
    sender = number(2, "3")
    assert says(
        "fr", "ask_permit_kind", await system.text(sender, f"ma carte finit le {END:%d/%m/%Y}")
    )


async def test_my_dates_by_sms_are_six_segments_at_most(system: System) -> None:
    sender = number(3, "3")
    await system.text(sender, "bonjour")
    before = len(system.sent_to(sender))
    for text in ("mes dates", f"{END:%d/%m/%Y}", "1", "oui"):
        await system.text(sender, text)
    sent = system.sent_to(sender)[before:]
    assert sum(sms.measure(each.body).segments for each in sent) <= 6


async def test_the_log_of_blockages_is_kept_and_given_back(system: System) -> None:
    sender = number(4, "3")
    assert says("fr", "log_empty", await system.text(sender, "mon journal"))
    assert says("fr", "log_noted", await system.text(sender, "encore bloqué"))
    assert says("fr", "log_added", await system.text(sender, "page blanche, code 503"))
    listed = await system.text(sender, "mon journal")
    assert "page blanche, code 503" in listed
    assert f"{today():%d/%m/%Y}" in listed
    await system.text(sender, "effacer")
    assert says("fr", "log_empty", await system.text(sender, "mon journal"))


async def test_the_department_is_remembered_in_answers(system: System) -> None:
    sender = number(5, "3")
    await system.text(sender, "ma préfecture")
    assert says("fr", "department_unknown", await system.text(sender, "atlantis", 2, skip=1))
    assert says("fr", "department_set", await system.text(sender, "bobigny"))
    await system.text(sender, "comment joindre la préfecture pour un rendez-vous ?", 2)
    contact = system.sent_to(sender)[-2].body
    assert "seine-saint-denis.gouv.fr" in contact


async def test_short_questions_lean_on_the_last_answer(system: System) -> None:
    sender = number(6, "3")
    await system.text(sender, "comment renouveler ma carte de séjour en ligne ?")
    price = await system.text(sender, "et combien ?")
    assert "timbre" in price.casefold()
    await system.text(sender, "comment demander l'asile ?")
    refused = await system.text(sender, "et si c'est refusé ?")
    assert "CNDA" in refused


async def test_reminders_due_while_all_was_down_are_sent_once(tmp_path: Path) -> None:
    senders = [number(index, "7") for index in range(5)]
    async with whole_system(tmp_path) as own:
        for sender in senders:
            await own.text(sender, "bonjour")
        await own.quiet()
        mailbox = await own.mailbox()
        assert own._redis is not None
        notebook = Notebook(own._redis, await unlock(own._redis, own.settings), 30)
        due = time.time() + 15
        for sender in senders:
            reminder = Reminder(
                due, "remind_opens", "2027-04-03", "2027-02-02", "sms", sender, "fr"
            )
            await notebook.set_reminders(mailbox.pseudonym("sms", sender), [reminder])
        before = len(own.twilio.sent)
        await own.stop()
        assert time.time() < due
        await asyncio.sleep(due - time.time() + 1)
        assert len(own.twilio.sent) == before
        await own.start()
        await own.twilio.wait_for(before + len(senders), timeout_s=30)
        await own.quiet()
        await own.stop()
        await own.start()
        await own.quiet()
        await asyncio.sleep(2)
        reminded = own.twilio.sent[before:]
        assert sorted(each.to for each in reminded) == senders
        assert all(says("fr", "remind_opens", each.body) for each in reminded)


async def test_thanks_after_an_answer_asks_whether_it_was_useful(system: System) -> None:
    sender = number(8, "3")
    await system.text(sender, "combien coûte le timbre fiscal ?")
    assert says("fr", "useful_ask", await system.text(sender, "merci", 2))
    assert says("fr", "useful_no", await system.text(sender, "non"))
    await system.text(sender, "oui")  # a person, then
    await system.text(sender, "combien coûte le timbre fiscal ?")
    assert says("fr", "thanks", await system.text(sender, "merci"))  # once a day


async def test_telegram_gets_the_letter_as_a_file(system: System) -> None:
    chat = 990_001
    for text in ("lettre", "93", "renouvellement", "12/09/2026", "1", "0"):
        await system.telegram_text(chat, text)
    await system.quiet()
    (sent,) = system.telegram.of("sendDocument", chat)
    assert sent.fields["document"]


async def test_first_contact_is_told_who_we_are_in_two_messages(system: System) -> None:
    sender = number(9, "3")
    await system.text(sender, "bonjour")
    await system.text(sender, "combien coûte le timbre fiscal ?")
    told = [each.body for each in system.twilio.welcomes if each.to == sender]
    assert len(told) == 2
    assert "l'Etat" in told[0]
    assert "EFFACER" in told[1]
