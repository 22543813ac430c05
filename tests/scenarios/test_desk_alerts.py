"""An advisor who is away is told on Telegram, the whole way: account page, bot, queue."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import expect

from bench.telegram_stand_in import text_update
from connectors.pairing import PAIRED
from tests.scenarios.office import needs_browser, open_office

pytestmark = needs_browser


async def test_told_on_telegram_that_somebody_waits(tmp_path: Path) -> None:
    chat, number = 99001, "+33612300001"
    async with open_office(tmp_path, GUICHET_ALERT_SECONDS="0") as office:
        telegram = office.system.telegram
        async with office.advisor("amina") as page:
            await page.goto(f"{office.url}/account")
            await page.get_by_role("button", name="Être averti sur Telegram").click()
            command = await page.locator("#told code").inner_text()
            code = re.fullmatch(r"/start (\S+)", command)
            assert code is not None
            link = await page.locator("#told a").get_attribute("href")
            assert link is not None
            assert link.endswith(f"?start={code[1]}")
            await office.system.telegram_update(text_update(chat, command))
            [paired] = await telegram.wait_for("sendMessage", 1, chat)
            assert paired.fields["text"] == PAIRED
            await page.reload()
            await page.goto(f"{office.url}/account")
            await expect(page.locator("#told")).to_contain_text("Telegram vous avertit.")
        await office.ask(number, "mon titre est perime", "je veux parler à une personne")
        told = (await telegram.wait_for("sendMessage", 2, chat))[1].fields["text"]
        assert "attend un conseiller" in told
        assert "perime" not in told
        address = told.split()[-1]
        async with office.advisor("amina") as page:
            await page.goto(address)
            await expect(page.locator("#lines")).to_contain_text("mon titre est perime")
