"""Machine translation at the desk, in a real browser, against the whole running system."""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from bench.serving import serving
from bench.translator_stand_in import KEY, TranslatorStandIn
from tests.scenarios.office import NASTY, needs_browser, open_office, take_first

pytestmark = needs_browser

WORDS = {"ar": "Combien coûte le timbre ?", "fr": "السعر مكتوب في الموقع"}


async def test_both_ways_beside_the_original(tmp_path: Path) -> None:
    translator = TranslatorStandIn(lambda text, source, target: WORDS[source] + NASTY)
    number = "+33612200001"
    async with (
        serving(translator.app()) as url,
        open_office(tmp_path, GUICHET_TRANSLATOR=url, GUICHET_TRANSLATOR_KEY=KEY) as office,
    ):
        await office.ask(number, "كم ثمن الطابع لتجديد البطاقة", "أريد التحدث إلى شخص")
        async with office.advisor("amina") as page:
            await take_first(page)
            first = page.locator(".bubble.person").first
            await expect(first.locator(".gist")).to_contain_text("Combien coûte le timbre ?")
            await expect(first.locator(".gist")).to_contain_text("En arabe")
            await expect(first.locator(".gist")).to_contain_text("<script>")
            await expect(first.locator(".text")).to_contain_text("كم ثمن الطابع")
            await page.fill("#text", "Le prix est sur le site.")
            await page.click("#translate")
            await expect(page.locator("#text")).to_have_value(WORDS["fr"] + NASTY)
            await expect(page.locator("#original")).to_contain_text("Le prix est sur le site.")
            await page.get_by_role("button", name="Revenir à mon texte").click()
            await expect(page.locator("#text")).to_have_value("Le prix est sur le site.")
            await page.click("#translate")
            await expect(page.locator("#text")).to_have_value(WORDS["fr"] + NASTY)
            found = await Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            await page.fill("#text", WORDS["fr"])
            await page.keyboard.press("Enter")
            await expect(page.locator(".bubble.advisor").last).to_contain_text(
                "Traduit par une machine depuis : Le prix est sur le site."
            )
            sent = (await office.sent(number, 4))[-1]
            assert sent == f"{WORDS['fr']}\n(ترجمة آلية)"
            translator.status = 429
            await page.fill("#text", "Encore une question.")
            await page.click("#translate")
            await expect(page.locator("#wrong")).to_contain_text("Le traducteur ne répond pas")
            await expect(page.locator("#text")).to_have_value("Encore une question.")
