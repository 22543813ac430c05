"""The desk under measure (`guichet bench desk`): how soon a message is on the screen, how soon a
reply is at the provider, a long queue, many advisors, many claims at once, the weight of a page.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from playwright.async_api import Page, Request, async_playwright

from bench.system import Bench, bench
from bench.twilio_stand_in import post_webhook, webhook_form
from bench.webhooks import percentiles, shown
from connectors.cases import Cases, Packet
from connectors.mailbox import Mailbox
from desk.accounts import Accounts
from desk.guard import COOKIE
from desk.sessions import Sessions
from guichet import redis_server
from guichet.settings import running
from guichet.vault import unlock

MESSAGES, REPLIES, PAGES = 150, 150, 20
ADVISORS, RATE, SECONDS = 50, 20.0, 30
OPEN = 3000
RACES, RACERS = 1000, 10
_HEARD = re.compile(r'class="bubble person".*?<p class="text" dir="auto">(.*?)</p>', re.DOTALL)
#: What a page puts where a message appears, so that the time it is drawn is the browser's own.
_WATCH = """() => {
  window.drawn = [];
  new MutationObserver((changes) => {
    const at = Date.now();
    for (const change of changes) for (const node of change.addedNodes)
      if (node.matches?.(".bubble.person"))
        window.drawn.push([node.querySelector(".text").textContent, at]);
  }).observe(document.getElementById("lines"), { childList: true });
}"""


@dataclass
class Advisor:
    """One who is signed in, and what has come to their screen."""

    client: httpx.AsyncClient
    secret: str
    csrf: str
    conversation: str = ""
    number: str = ""
    seen: dict[str, list[float]] = field(default_factory=dict)  #: text to times, time.time()
    last: str = ""

    async def post(self, step: str, conversation: str = "", **fields: str) -> httpx.Response:
        return await self.client.post(
            f"/desk/c/{conversation or self.conversation}/{step}",
            data={**fields, "csrf": self.csrf},
        )

    async def watch(self, ready: asyncio.Event) -> None:
        """As the page does: at each event that tells of a message, ask for what came since."""
        async with self.client.stream(
            "GET", f"/desk/events?c={self.conversation}", timeout=None
        ) as events:
            kind = ""
            async for line in events.aiter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                if line.startswith("event: hello"):
                    ready.set()
                if line.startswith("data: ") and kind == "message" and self.conversation in line:
                    await self.look()

    async def look(self) -> None:
        answer = await self.client.get(
            f"/desk/c/{self.conversation}/lines", params={"after": self.last}
        )
        now = time.time()
        self.last = (re.findall(r'data-id="([\d-]+)"', answer.text) or [self.last])[-1]
        for text in _HEARD.findall(answer.text):
            self.seen.setdefault(text, []).append(now)


async def run() -> None:
    """Runs a whole Guichet of its own and prints each figure."""
    os.environ.update(
        GUICHET_DESK_HOURS="mo-su 00:00-24:00",
        GUICHET_DESK_HOLIDAYS="",
        GUICHET_DESK_CAPACITY="100",
        GUICHET_CLAIM_MINUTES="600",
    )
    async with bench(0.0) as it, _office(it, ADVISORS) as advisors:
        await _in_a_browser(it, advisors[0])
        await _many(it, advisors)
        await _races(it, advisors[:RACERS])
        await _long_queue(it, advisors[0])


@asynccontextmanager
async def _office(it: Bench, count: int) -> AsyncIterator[list[Advisor]]:
    """Advisors who are signed in, each with one conversation."""
    async with _redis(it) as (accounts, sessions, _, mailbox):
        advisors = []
        for number in range(count):
            account = await accounts.add(f"advisor{number}", secrets.token_urlsafe(12))
            secret, session = await sessions.begin(account.id, "bench")
            client = httpx.AsyncClient(
                base_url=it.gateway,
                cookies={COOKIE: secret},
                headers={"X-Requested-With": "fetch"},
                trust_env=False,
                timeout=30,
            )
            person = f"+3367{number:07d}"
            advisors.append(
                Advisor(client, secret, session.csrf, mailbox.pseudonym("sms", person), person)
            )
        async with httpx.AsyncClient(trust_env=False) as people:
            for advisor in advisors:
                await _text(people, it, advisor.number, "je veux parler à une personne")
            await _until(lambda: _waiting(it), count)
        for advisor in advisors:
            answer = await advisor.post("claim")
            assert answer.status_code == 204, answer.text
            await advisor.look()
    yield advisors
    for advisor in advisors:
        await advisor.client.aclose()


async def _in_a_browser(it: Bench, advisor: Advisor) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        context = await browser.new_context(locale="fr-FR")
        await context.add_cookies(
            [{"name": COOKIE, "value": advisor.secret, "url": f"{it.gateway}/desk"}]
        )
        page = await context.new_page()
        sizes: list[int] = []
        elsewhere: list[str] = []
        tasks: list[asyncio.Task[None]] = []
        page.on(
            "requestfinished",
            lambda request: tasks.append(asyncio.create_task(_weigh(request, sizes))),
        )
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(it.gateway) else elsewhere.append(request.url)
            ),
        )
        await page.goto(f"{it.gateway}/desk/c/{advisor.conversation}")
        await page.locator("#text").wait_for()
        await asyncio.sleep(2)
        await asyncio.gather(*tasks)
        print(
            f"chat page, first load: {sum(sizes) / 1000:.0f} kB on the wire in {len(sizes)} "
            f"requests, {len(elsewhere)} elsewhere"
        )
        await _on_screen(it, page, advisor)
        await browser.close()
    times = []
    for number in range(REPLIES):
        text = f"Réponse {number}."
        began = time.time()
        answer = await advisor.post("reply", text=text, id=secrets.token_hex(8))
        assert answer.status_code == 204, answer.text
        taken = await _taken(it, text)
        times.append(taken - began)
    print(f"an advisor's reply to the provider call: {shown(percentiles(times))}")


async def _weigh(request: Request, sizes: list[int]) -> None:
    if "/desk/events" not in request.url:
        found = await request.sizes()
        sizes.append(found["responseBodySize"] + found["responseHeadersSize"])


async def _on_screen(it: Bench, page: Page, advisor: Advisor) -> None:
    await page.evaluate(_WATCH)
    sent: dict[str, float] = {}
    async with httpx.AsyncClient(trust_env=False) as people:
        for number in range(MESSAGES):
            text = f"message {number}"
            sent[text] = time.time()
            await _text(people, it, advisor.number, text)
            await asyncio.sleep(0.2)
    await asyncio.sleep(2)
    drawn: list[tuple[str, float]] = await page.evaluate("() => window.drawn")
    assert sorted(text for text, _ in drawn) == sorted(sent), "a message is missing or doubled"
    times = [at / 1000 - sent[text] for text, at in drawn]
    print(f"an inbound message to the advisor's screen (Chromium): {shown(percentiles(times))}")


async def _many(it: Bench, advisors: list[Advisor]) -> None:
    for advisor in advisors:
        await advisor.look()  # what was said before
    signs = [asyncio.Event() for _ in advisors]
    watching = [
        asyncio.create_task(advisor.watch(sign))
        for advisor, sign in zip(advisors, signs, strict=True)
    ]
    await asyncio.gather(*(sign.wait() for sign in signs))
    sent: dict[str, float] = {}
    pids = [pid for name, pid in it.supervisor.pids().items() if name.startswith("gateway")]
    before, began = _cpu_s(pids), time.time()
    async with httpx.AsyncClient(trust_env=False) as people:
        for number in range(int(RATE * SECONDS)):
            await asyncio.sleep(max(0.0, began + number / RATE - time.time()))
            text = f"essai {number}"
            sent[text] = time.time()
            await _text(people, it, advisors[number % len(advisors)].number, text)
    await asyncio.sleep(2)
    busy = (_cpu_s(pids) - before) / (time.time() - began)
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    times, missed, doubled = [], 0, 0
    for number, (text, at) in enumerate(sent.items()):
        seen = advisors[number % len(advisors)].seen.get(text, [])
        missed += not seen
        doubled += len(seen) > 1
        times += [seen[0] - at] if seen else []
    print(
        f"{len(advisors)} advisors connected, {RATE:.0f} messages a second for {SECONDS} s: "
        f"missed {missed}, doubled {doubled}, gateway {100 * busy:.0f} % of a core, "
        f"{shown(percentiles(times))}"
    )


async def _races(it: Bench, racers: list[Advisor]) -> None:
    conversations = await _enqueue(it, RACES)
    winners = []
    for conversation in conversations:
        answers = await asyncio.gather(*(each.post("claim", conversation) for each in racers))
        won = [n for n, answer in enumerate(answers) if answer.status_code == 204]
        assert {answer.status_code for answer in answers} <= {204, 409}
        winners.append(len(won))
        for number in won:
            await racers[number].post("close", conversation)
    print(
        f"{RACES} claims raced by {RACERS} clients each: exactly one winner "
        f"{winners.count(1)} times, none {winners.count(0)}, several {sum(w > 1 for w in winners)}"
    )


async def _long_queue(it: Bench, advisor: Advisor) -> None:
    await _enqueue(it, OPEN)
    times, size = [], 0
    for _ in range(PAGES):
        began = time.time()
        answer = await advisor.client.get("/desk/")
        times.append(time.time() - began)
        size = len(answer.content)
    print(
        f"queue page with {OPEN} open conversations: {1000 * statistics.median(times):.0f} ms, "
        f"{size / 1000:.0f} kB"
    )


async def _enqueue(it: Bench, count: int) -> list[str]:
    """People who wait, put there directly: who they are does not matter."""
    async with _redis(it) as (_, _, cases, _):
        ids = [secrets.token_hex(16) for _ in range(count)]
        for id in ids:
            packet = Packet("sms", "ar", "كم ثمن الطابع لتجديد البطاقة؟", (("fees", 0.9),))
            await cases.enqueue(id, "asked", packet, secrets.token_hex(8), True)
    return ids


@asynccontextmanager
async def _redis(it: Bench) -> AsyncIterator[tuple[Accounts, Sessions, Cases, Mailbox]]:
    state = running(it.settings)
    assert state is not None
    redis = redis_server.connect(state["redis_url"])
    vault = await unlock(redis, it.settings)
    mailbox = Mailbox(redis, vault)
    yield Accounts(redis, vault), Sessions(redis, vault), mailbox.cases, mailbox
    await redis.aclose()


async def _text(client: httpx.AsyncClient, it: Bench, number: str, text: str) -> None:
    answer = await post_webhook(client, f"{it.gateway}/twilio/sms", webhook_form(number, text))
    answer.raise_for_status()


async def _waiting(it: Bench) -> int:
    async with _redis(it) as (_, _, cases, _):
        return (await cases.lengths())["advisor"]


async def _until(count: Callable[[], Awaitable[int]], wanted: int) -> None:
    for _ in range(600):
        if await count() >= wanted:
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the people did not come to wait")


async def _taken(it: Bench, text: str) -> float:
    for _ in range(2000):
        for note in reversed(it.taken()):
            if note["body"] == text:
                return float(note["at"])
        await asyncio.sleep(0.005)
    raise RuntimeError("a reply did not come to the provider")


def _cpu_s(pids: list[int]) -> float:
    """Seconds of a processor used so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
