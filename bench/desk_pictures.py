"""`python -m bench.desk_pictures FOLDER`: the pictures of docs/desk.md, from a running desk."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from contextlib import AsyncExitStack
from datetime import date, timedelta
from pathlib import Path

import httpx
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from bench.serving import serving
from bench.system import Bench, bench
from bench.translator_stand_in import KEY, TranslatorStandIn
from bench.twilio_stand_in import post_webhook, webhook_form
from connectors.observatory import Observatory
from desk import commands
from guichet import redis_server
from guichet.clock import today
from guichet.settings import running
from guichet.vault import unlock
from knowledge_base.blockages import KINDS

PASSWORD = "correct horse battery"
MESSAGES = (
    ("+33612000001", "mon titre est perime et mon patron me licencie aujourd'hui"),
    ("+33612000002", "كم ثمن الطابع لتجديد البطاقة"),
    ("+33612000002", "أريد التحدث إلى شخص"),
    ("+33612000003", "the anef site shows an error page"),
    ("+33612000003", "I want to talk to a person"),
)
TRANSLATED = {
    ("ar", "fr"): "Combien coûte le timbre pour le renouvellement de la carte",
    ("fr", "ar"): "مرحبا، أنا أمينة، مستشارة. إليكم الأسعار:",
}
#: What nobody has an article for, and what is only nearly understood.
UNSURE = (
    ("+33612000011", "ma carte a un tampon rouge et celle de ma sœur Aminata non"),
    ("+33612000012", "они потеряли мою папку в архиве"),
    ("+33612000013", "je m'appelle Ousmane et la dame du guichet a gardé mon original, normal ?"),
)
#: Department, message and how many people send it: what the observatory counts.
BLOCKED = (
    ("69", "le site anef affiche une erreur", 12),
    ("75", "anef me met toujours la même erreur", 11),
    ("93", "aucun créneau de rendez-vous à la préfecture", 13),
    ("13", "aucun créneau à la préfecture depuis un mois", 6),
    ("69", "mon attestation de prolongation est finie", 8),
    ("34", "اتصلت و موقع anef فيه خطأ", 7),
)


async def run(folder: Path) -> None:
    os.environ.update(GUICHET_DESK_HOURS="mo-su 00:00-24:00", GUICHET_DESK_HOLIDAYS="")
    translator = TranslatorStandIn(lambda text, source, target: TRANSLATED[source, target])
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(translator.app()))
        os.environ.update(
            GUICHET_TRANSLATOR=url,
            GUICHET_TRANSLATOR_KEY=KEY,
            GUICHET_SMTP_URL="smtp://127.0.0.1:9",
            GUICHET_SMTP_FROM="guichet@example.org",
        )
        it = await stack.enter_async_context(bench(0.0))
        playwright = await stack.enter_async_context(async_playwright())
        for name in ("amina", "paul"):
            await commands.add(it.settings, name, PASSWORD, "advisor")
        await commands.add(it.settings, "sophie", PASSWORD, "supervisor")
        async with httpx.AsyncClient(trust_env=False) as client:
            for number, text in (*MESSAGES, *UNSURE):
                await _text(it, client, number, text)
                await asyncio.sleep(0.5)
            await _blocked(it, client)
        await _earlier_weeks(it)
        chromium = shutil.which("chromium")
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        await _pictures(browser, it.gateway, folder)
        await _supervision(browser, it.gateway, folder)
        await browser.close()


async def _text(it: Bench, client: httpx.AsyncClient, number: str, text: str) -> None:
    before = len(it.taken())
    await post_webhook(client, f"{it.gateway}/twilio/sms", webhook_form(number, text))
    await it.count(before + 1, 10)


async def _blocked(it: Bench, client: httpx.AsyncClient) -> None:
    """People who tell their department, then what blocks them."""
    number = 33612100000
    for department, text, people in BLOCKED:
        for _ in range(people):
            number += 1
            for said in ("MA PREFECTURE", department, text):
                await _text(it, client, f"+{number}", said)


async def _earlier_weeks(it: Bench) -> None:
    """The same, some weeks ago: by the step that the worker takes."""
    redis = redis_server.connect((running(it.settings) or {})["redis_url"])
    observatory = Observatory(redis, await unlock(redis, it.settings))
    for back in range(1, 20):
        day = today() - timedelta(weeks=back)
        for person in range((back * 7) % 23):
            kind, department = KINDS[person % 3], ("69", "75", "93", "")[person % 4]
            subject = ("filing", "family", "study-work")[(person // 2) % 3]
            language = ("fr", "ar", "ru")[(person // 3) % 3]
            await observatory.note(f"{person:032x}", kind, department, subject, language, day)
    await redis.aclose()


async def _supervision(browser: Browser, url: str, folder: Path) -> None:
    desktop = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="fr-FR")
    page = await desktop.new_page()
    await page.goto(f"{url}/desk/")
    await page.fill("[name=name]", "sophie")
    await page.fill("[name=password]", PASSWORD)
    await page.click("button.primary")
    await page.locator("#lists").wait_for()
    for name in ("supervisor", "unanswered", "observatory", "audit"):
        await page.goto(f"{url}/desk/{name}")
        await _save(page, folder / f"{name}.png")
        if name == "unanswered":
            await page.locator(".questions button.primary").first.click()
            await page.locator("#h-accepted").wait_for()
    phone = await browser.new_context(
        viewport={"width": 390, "height": 780},
        locale="fr-FR",
        storage_state=await desktop.storage_state(),
    )
    small = await phone.new_page()
    for name in ("supervisor", "unanswered", "observatory", "audit", "account"):
        await small.goto(f"{url}/desk/{name}")
        await _save(small, folder / f"phone-{name}.png")


async def _pictures(browser: Browser, url: str, folder: Path) -> None:
    desktop = await browser.new_context(viewport={"width": 1280, "height": 760}, locale="fr-FR")
    page = await desktop.new_page()
    await page.goto(f"{url}/desk/")
    await _save(page, folder / "sign-in.png")
    await page.fill("[name=name]", "amina")
    await page.fill("[name=password]", PASSWORD)
    await page.click("button.primary")
    await page.locator(".entry").first.wait_for()
    await _save(page, folder / "queue.png")
    await page.locator(".entry").nth(1).click()
    await page.get_by_role("button", name="Prendre la conversation").click()
    await page.locator("#text").fill("Bonjour, je suis Amina, conseillère. Voici les prix :")
    await page.click("#translate")
    await page.locator("#original").wait_for()
    await page.locator("#lines").evaluate("lines => lines.scrollTo(0, 0)")
    await page.locator(".gist .translated").first.wait_for()
    await _save(page, folder / "translation.png")
    await page.get_by_role("button", name="Revenir à mon texte").click()
    await page.keyboard.press("Enter")
    await page.click("#open-articles")
    await page.fill("#article-query", "prix du renouvellement")
    await page.locator(".found").first.wait_for()
    await _save(page, folder / "articles.png")
    await page.locator(".found").first.get_by_role("button").click()
    await page.locator(".bubble.advisor:not(.pending)").nth(1).wait_for()
    await _phrase(page, folder)
    await asyncio.sleep(1)
    await _save(page, folder / "chat.png")
    await _case_notes(page, folder)
    phone = await browser.new_context(
        viewport={"width": 390, "height": 780},
        locale="fr-FR",
        storage_state=await desktop.storage_state(),
    )
    small = await phone.new_page()
    await small.goto(f"{url}/desk/")
    await _save(small, folder / "phone-queue.png")
    await small.goto(page.url)
    await _save(small, folder / "phone.png")
    await small.click("#open-phrases")
    await small.locator(".group summary").nth(1).click()
    await _save(small, folder / "phone-phrases.png")
    await small.keyboard.press("Escape")
    await small.locator("#handoff > summary").click()
    await small.locator("#handoff").evaluate("panel => panel.scrollTo(0, 420)")
    await _save(small, folder / "phone-notes.png")
    await page.goto(f"{url}/desk/account")
    await _save(page, folder / "account.png")


async def _phrase(page: Page, folder: Path) -> None:
    await page.click("#open-phrases")
    await page.fill("#phrase-query", "rendez note")
    await page.locator("[data-phrase=appointment_confirmed]").click()
    day = date.today() + timedelta(days=12)  # noqa: DTZ011
    await page.fill("#phrases [name=date]", day.isoformat())
    await page.fill("#phrases [name=time]", "14:30")
    await page.fill("#phrases [name=place]", "12 rue de la République, Lyon")
    await asyncio.sleep(0.6)
    await _save(page, folder / "phrases.png")
    await page.locator("#phrases button.primary").click()
    await page.locator(".bubble.advisor:not(.pending)").nth(2).wait_for()


async def _case_notes(page: Page, folder: Path) -> None:
    notes = page.locator("form.details")
    await notes.locator("[name=department]").select_option("69")
    await notes.locator("[name=end]").fill("2027-01-31")
    await notes.locator("[name=step]").fill("Voir l'attestation, puis écrire à la préfecture")
    await notes.locator("[name=labels]").fill("renouvellement, timbre")
    day = date.today() + timedelta(days=7)  # noqa: DTZ011
    await notes.locator("[name=follow_up]").fill(day.isoformat())
    await notes.get_by_role("button").click()
    await page.locator(".labels span").first.wait_for()
    await page.locator("#handoff").evaluate("panel => panel.scrollTo(0, 330)")
    await _save(page, folder / "case-notes.png")


async def _save(page: Page, path: Path) -> None:
    await asyncio.sleep(0.3)
    await page.screenshot(path=path)
    # Flat colours: a palette takes a third of the room.
    Image.open(path).convert("P", palette=Image.Palette.ADAPTIVE, colors=96).save(
        path, optimize=True
    )


if __name__ == "__main__":
    where = Path(sys.argv[1])
    where.mkdir(parents=True, exist_ok=True)
    asyncio.run(run(where))
