"""`python -m bench.desk_pictures FOLDER`: the pictures of docs/desk.md, from a running desk."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from datetime import date, timedelta
from pathlib import Path

import httpx
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from bench.system import bench
from bench.twilio_stand_in import post_webhook, webhook_form
from desk import commands

PASSWORD = "correct horse battery"
MESSAGES = (
    ("+33612000001", "mon titre est perime et mon patron me licencie aujourd'hui"),
    ("+33612000002", "كم ثمن الطابع لتجديد البطاقة"),
    ("+33612000002", "أريد التحدث إلى شخص"),
    ("+33612000003", "the anef site shows an error page"),
    ("+33612000003", "I want to talk to a person"),
)


async def run(folder: Path) -> None:
    os.environ.update(GUICHET_DESK_HOURS="mo-su 00:00-24:00", GUICHET_DESK_HOLIDAYS="")
    async with bench(0.0) as it, async_playwright() as playwright:
        for name in ("amina", "paul"):
            await commands.add(it.settings, name, PASSWORD, "advisor")
        async with httpx.AsyncClient(trust_env=False) as client:
            for number, text in MESSAGES:
                before = len(it.taken())
                form = webhook_form(number, text)
                await post_webhook(client, f"{it.gateway}/twilio/sms", form)
                await it.count(before + 1, 10)
                await asyncio.sleep(0.5)
        chromium = shutil.which("chromium")
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        await _pictures(browser, it.gateway, folder)
        await browser.close()


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
