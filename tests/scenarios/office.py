"""Guichet with advisors in real browsers, for the tests of the desk."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import (
    Browser,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)

from desk.accounts import Accounts
from guichet import redis_server
from guichet.vault import unlock
from knowledge_base.content import load_library
from knowledge_base.dialogue import load_texts
from tests.conftest import System, whole_system

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")

LIBRARY = load_library()
TEXTS = load_texts(LIBRARY.facts)
ARABIC, FRENCH = TEXTS.phrases("ar").responses, TEXTS.phrases("fr").responses
PASSWORD = "correct horse battery"
DESKTOP: ViewportSize = {"width": 1360, "height": 820}
PHONE: ViewportSize = {"width": 390, "height": 780}
NASTY = "<script>document.title='gone'</script><img src=x onerror=\"document.title='gone'\">"


@dataclass
class Office:
    """Guichet, open day and night, with advisors in real browsers."""

    system: System
    browser: Browser

    @property
    def url(self) -> str:
        return f"{self.system.addresses['gateway_url']}/desk"

    @asynccontextmanager
    async def advisor(self, name: str, phone: bool = False) -> AsyncIterator[Page]:
        """A browser of one's own, signed in. Nothing may fail in it or leave the server."""
        viewport = PHONE if phone else DESKTOP
        context = await self.browser.new_context(
            viewport=viewport,
            locale="fr-FR",
            has_touch=phone,
        )
        page = await context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: self._leaving(request.url, faults))
        try:
            await page.goto(f"{self.url}/")
            await page.fill("[name=name]", name)
            await page.fill("[name=password]", PASSWORD)
            await page.click("button.primary")
            await expect(page.locator("#lists")).to_be_attached()
            yield page
        finally:
            await context.close()
        assert faults == []

    def _leaving(self, url: str, faults: list[str]) -> None:
        if not url.startswith(self.system.addresses["gateway_url"]):
            faults.append(url)

    async def ask(self, number: str, text: str, person: str) -> str:
        """Ask a question, then for a person; the answer's last message."""
        await self.system.text(number, text)
        return await self.system.text(number, person, replies=2)

    async def sent(self, number: str, count: int) -> list[str]:
        return [sent.body for sent in await self.system.twilio.wait_for(count, to=number)]

    async def quiet(self, number: str, count: int) -> None:
        """Nothing more is sent to a number."""
        await self.system.quiet()
        await asyncio.sleep(0.3)
        assert len(self.system.sent_to(number)) == count


@asynccontextmanager
async def open_office(folder: Path, **settings: str) -> AsyncIterator[Office]:
    """Guichet with two advisors and a supervisor, open day and night."""
    hours = {"GUICHET_DESK_HOURS": "mo-su 00:00-24:00", "GUICHET_DESK_HOLIDAYS": ""}
    async with (
        whole_system(folder, **hours, **settings) as system,
        async_playwright() as playwright,
    ):
        redis = redis_server.connect(system.addresses["redis_url"])
        accounts = Accounts(redis, await unlock(redis, system.settings))
        for name in ("amina", "paul"):
            await accounts.add(name, PASSWORD)
        await accounts.add("sophie", PASSWORD, "supervisor")
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield Office(system, browser)
        await browser.close()
        await redis.aclose()


@pytest_asyncio.fixture(scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with open_office(tmp_path_factory.mktemp("desk")) as opened:
        yield opened


async def take_first(page: Page) -> None:
    await open_first(page)
    await page.get_by_role("button", name="Prendre la conversation").click()
    await page.locator("#text").wait_for()


async def open_first(page: Page) -> None:
    await page.locator("section[aria-labelledby=h-waiting] .entry").first.click()
    await expect(page.locator("#lines")).to_be_visible()


async def close(page: Page) -> None:
    await page.get_by_text("Clore", exact=True).click()
    await page.get_by_role("button", name="Confirmer").click()
    await expect(page.locator("#composer")).to_contain_text("Cette conversation est terminée")


async def audited(page: Page, where: str) -> None:
    results = await Axe().run(page)
    faults = [
        (violation["id"], [node["html"][:120] for node in violation["nodes"]])
        for violation in results.response["violations"]
    ]
    assert faults == [], where
