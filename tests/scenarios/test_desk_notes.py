"""Phrases, case notes and the summary in a real browser, against the whole running system."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from connectors.keys import desk
from guichet import redis_server
from guichet.clock import today
from knowledge_base.phrasebook import load_phrasebook
from tests.scenarios.office import (
    FRENCH,
    Office,
    audited,
    close,
    needs_browser,
    open_first,
    take_first,
)
from tests.scenarios.office import office as office

pytestmark = needs_browser

BOOK = load_phrasebook()
DAY = "2027-05-01"


async def choose(page: Page, words: str, key: str) -> None:
    await page.click("#open-phrases")
    await page.fill("#phrase-query", words)
    await page.locator(f"[data-phrase={key}]").click()


async def test_a_phrase_arrives_in_the_persons_language(office: Office) -> None:
    number = "+33612100001"
    await office.ask(number, "كم ثمن الطابع لتجديد البطاقة", "أريد التحدث إلى شخص")
    async with office.advisor("amina") as page:
        await take_first(page)
        await page.click("#open-phrases")
        await expect(page.locator(".group")).to_have_count(len(BOOK.groups))
        await page.keyboard.press("Escape")
        await expect(page.locator("#open-phrases")).to_be_focused()
        # Without accents, in any order.
        await choose(page, "note RENDEZ", "appointment_confirmed")
        form = page.locator("#phrases form")
        await expect(form.locator("[name=date]")).to_be_focused()
        await form.get_by_role("button", name="Envoyer").click()
        assert len(office.system.sent_to(number)) == 3  # a field is empty
        values = {"date": DAY, "time": "14:30", "place": "12 rue <b>{date}"}
        for name, value in values.items():
            await form.locator(f"[name={name}]").fill(value)
        preview = page.locator("#phrase-preview")
        await expect(preview).to_contain_text("1er mai 2027, 14:30, 12 rue <b>{date}")
        arabic = BOOK.say("appointment_confirmed", "ar", values)
        await expect(preview.locator("[lang=ar]")).to_have_text(arabic)
        await page.context.set_offline(True)
        await form.get_by_role("button", name="Envoyer").click()
        await expect(page.locator(".pending")).to_have_count(1)
        await page.context.set_offline(False)
        await expect(page.locator(".pending")).to_have_count(0)
        assert (await office.sent(number, 4))[-1] == arabic
        await office.quiet(number, 4)
        bubble = page.locator("#lines .bubble.advisor").last
        await expect(bubble).to_contain_text("Phrase : Votre rendez-vous est noté : …")
        await close(page)


async def test_case_notes_of_two_advisors(office: Office, tmp_path: Path) -> None:
    number = "+33612100002"
    await office.ask(number, "combien coute le timbre", "je veux parler a une personne")
    async with office.advisor("amina") as amina, office.advisor("paul") as paul:
        await take_first(amina)
        await paul.goto(amina.url)
        theirs, ours = paul.locator("form.details"), amina.locator("form.details")
        await expect(ours).to_contain_text("d'après l'assistant")
        # Paul is in the middle of it while Amina saves another field.
        await theirs.locator("[name=step]").fill("écrire <b>")
        await ours.locator("[name=department]").select_option("69")
        await ours.locator("[name=labels]").fill("#OQTF, Famille  nombreuse")
        await ours.get_by_role("button").click()
        await expect(amina.locator("#lists .labels").first).to_have_text("oqtffamille nombreuse")
        await expect(theirs.locator("[name=step]")).to_have_value("écrire <b>")
        await theirs.get_by_role("button").click()
        for page in (amina, paul):
            form = page.locator("form.details")
            await expect(form.locator("[name=step]")).to_have_value("écrire <b>")
            await expect(form.locator("[name=department]")).to_have_value("69")
            await expect(form.locator("[name=labels]")).to_have_value("oqtf, famille nombreuse")
        # The filter.
        await amina.locator("#label").select_option(label="oqtf")
        await expect(amina.locator("#lists .entry")).to_have_count(1)
        await amina.locator("#label").select_option("")
        # The summary.
        for kind, begin in (("PDF", b"%PDF"), ("texte", "Résumé".encode())):
            async with amina.expect_download() as started:
                await amina.get_by_role("link", name=kind).click()
            path = tmp_path / kind
            await (await started.value).save_as(path)
            assert path.read_bytes().startswith(begin)
        await close(amina)


async def test_a_closed_case_comes_back_on_its_day(office: Office) -> None:
    number = "+33612100003"
    await office.ask(number, "combien coute le timbre", "je veux parler a une personne")
    async with office.advisor("amina") as page:
        await take_first(page)
        conversation = page.url.rpartition("/")[2]
        form = page.locator("form.details")
        await form.locator("[name=follow_up]").fill((today() + timedelta(days=3)).isoformat())
        await form.get_by_role("button").click()
        await expect(form.locator("[name=follow_up]")).not_to_have_value("")
        await close(page)
        count = len(await office.sent(number, 4))
        redis = redis_server.connect(office.system.addresses["redis_url"])
        await redis.zadd(desk("follow-ups"), {conversation: 1})
        await redis.aclose()
        await expect(page.get_by_role("button", name="Prendre la conversation")).to_be_visible(
            timeout=15_000
        )
        await expect(page.locator("#handoff")).to_contain_text("À revoir aujourd'hui")
        await office.quiet(number, count)
        # The bot answers as ever, and speaks of no queue.
        answer = await office.system.text(number, "combien coute le timbre")
        assert FRENCH["desk_kept"].sms not in answer
        await page.get_by_role("button", name="Prendre la conversation").click()
        await page.locator("#text").wait_for()
        await close(page)


@pytest.mark.parametrize("phone", [False, True])
async def test_no_new_part_has_a_fault_of_accessibility(office: Office, phone: bool) -> None:
    number = f"+3361210010{int(phone)}"
    await office.ask(number, "كم ثمن الطابع لتجديد البطاقة", "أريد التحدث إلى شخص")
    async with office.advisor("sophie", phone) as page:
        await open_first(page)
        await page.get_by_role("button", name="Prendre la conversation").click()
        await page.locator("#text").wait_for()
        await page.click("#open-phrases")
        await page.locator(".group summary").first.click()
        await audited(page, "phrases")
        await choose_again(page)
        await audited(page, "a phrase")
        await page.keyboard.press("Escape")
        if phone:
            await page.locator("#handoff > summary").click()
        form = page.locator("form.details")
        await form.locator("[name=labels]").fill("oqtf")
        await form.get_by_role("button").click()
        await audited(page, "case notes")
        await page.goto(f"{office.url}/")
        await expect(page.locator("#label")).to_be_visible()
        await audited(page, "labels")


async def choose_again(page: Page) -> None:
    await page.fill("#phrase-query", "adresse")
    await page.locator("[data-phrase=appointment_place]").click()
    await page.locator("#phrases [name=place]").wait_for()
