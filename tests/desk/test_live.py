"""Server-sent events: nothing missing, nothing twice, nobody else's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest_asyncio
from redis.asyncio import Redis

from connectors.cases import Cases
from connectors.keys import desk
from desk import live
from desk.live import Hub
from tests.conftest import vault


@pytest_asyncio.fixture
async def hub(redis: Redis) -> AsyncIterator[Hub]:
    hub = Hub(redis)
    task = asyncio.create_task(hub.run())
    yield hub
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def always() -> bool:
    return True


class Tab:
    """A browser tab: collects what it is told."""

    def __init__(self, hub: Hub, advisor: str, watched: str = "", after: str = "") -> None:
        self.kinds: list[tuple[str, str]] = []
        self.last = after
        self._stream = hub.listen(advisor, watched, after, always)
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for block in self._stream:
            fields = dict(line.split(": ", 1) for line in block.strip().split("\n"))
            self.last = fields.get("id", self.last)
            kind = fields.get("event", "")
            if kind not in ("", "hello"):
                self.kinds.append((kind, json.loads(fields["data"]).get("c", "")))

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def until(self, count: int) -> list[tuple[str, str]]:
        async with asyncio.timeout(5):
            while len(self.kinds) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.kinds


async def test_each_is_told_what_concerns_them(hub: Hub, redis: Redis) -> None:
    cases = Cases(redis, vault())
    mine, looking, other = Tab(hub, "amina"), Tab(hub, "paul", "c1"), Tab(hub, "paul", "c2")
    await asyncio.sleep(0.1)
    await cases.tell("message", "c1", "amina")
    await cases.tell("presence", "c1", "amina", "typing Amina")
    await cases.tell("queue", "c3")
    assert await mine.until(2) == [("message", "c1"), ("queue", "c3")]
    assert await looking.until(3) == [("message", "c1"), ("presence", "c1"), ("queue", "c3")]
    assert await other.until(1) == [("queue", "c3")]
    for tab in (mine, looking, other):
        await tab.close()


async def test_a_lost_network_misses_nothing_and_doubles_nothing(hub: Hub, redis: Redis) -> None:
    cases = Cases(redis, vault())
    seen: list[tuple[str, str]] = []
    last = ""
    written = 0

    async def write() -> None:
        nonlocal written
        for number in range(300):
            await cases.tell("message", f"c{number}", "amina")
            written += 1
            if number % 10 == 0:
                await asyncio.sleep(0.005)

    first = Tab(hub, "amina")
    await asyncio.sleep(0.05)
    last = first.last
    await first.close()
    writing = asyncio.create_task(write())
    while len(seen) < 300:
        tab = Tab(hub, "amina", after=last)
        await asyncio.sleep(0.03)
        await tab.close()
        seen += tab.kinds
        last = tab.last
        if writing.done() and not tab.kinds:
            break
    await writing
    assert seen == [("message", f"c{number}") for number in range(300)]


async def test_who_comes_back_too_late_begins_anew(hub: Hub, redis: Redis) -> None:
    cases = Cases(redis, vault())
    await cases.tell("queue", "c1")
    old = await hub.newest()
    await cases.tell("queue", "c2")
    await redis.xtrim(desk("events"), maxlen=1, approximate=False)
    tab = Tab(hub, "amina", after=old)
    assert ("resync", "") in await tab.until(2)
    await tab.close()


async def test_a_slow_browser_is_let_go(hub: Hub, redis: Redis) -> None:
    cases = Cases(redis, vault())
    stream = hub.listen("amina", "", "", always)
    await anext(stream)
    await cases.tell("queue", "c0")
    assert "queue" in await anext(stream)
    for number in range(live.LAG + 10):
        await cases.tell("queue", f"c{number}")
    await asyncio.sleep(0.3)
    left = [block async for block in stream]
    assert len(left) < live.LAG


async def test_the_stream_ends_with_the_session(hub: Hub, redis: Redis) -> None:
    async def never() -> bool:
        return False

    beat, live.BEAT_S = live.BEAT_S, 0.05
    try:
        told = [block async for block in hub.listen("amina", "", "", never)]
    finally:
        live.BEAT_S = beat
    assert "event: signed-out" in told[-1]
