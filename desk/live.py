"""Live pages: one reader of the event stream a process, fanned out over server-sent events.

An event carries ids only; a page fetches what it shows with its own session. The id of an
event is its id in the stream, so a browser that lost the network goes on where it was:
nothing is missing and nothing comes twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors.keys import desk
from connectors.transcript import Rows

logger = logging.getLogger(__name__)

READ_MS = 5000
#: A sign of life for proxies, and the time to see whether the session still stands.
BEAT_S = 15.0
#: Events that a slow browser may lag behind; then it has to come again.
LAG = 1000
#: Told to everybody; the rest to the advisor whose conversation it is and to who looks at it.
PUBLIC = ("queue", "given", "gone")


@dataclass(frozen=True)
class Event:
    """One change: its kind, conversation, the advisor concerned, and a word."""

    id: str
    kind: str
    conversation: str
    advisor: str
    word: str

    def concerns(self, advisor: str, watched: str) -> bool:
        return (
            self.kind in PUBLIC
            or (self.advisor == advisor and self.kind != "presence")
            or self.conversation == watched
        )

    def sse(self) -> str:
        data = {"c": self.conversation, "a": self.advisor, "w": self.word}
        return f"id: {self.id}\nevent: {self.kind}\ndata: {json.dumps(data)}\n\n"


@dataclass(eq=False)
class Listener:
    """One browser tab."""

    queue: asyncio.Queue[Event | None] = field(default_factory=lambda: asyncio.Queue(LAG))


class Hub:
    """Reads the stream once for all the tabs of this process."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._listeners: set[Listener] = set()
        self._last = ""

    async def run(self) -> None:
        while True:
            try:
                self._last = self._last or await self.newest()
                rows = await self._redis.xread({desk("events"): self._last}, block=READ_MS)
                for _, entries in cast(list[tuple[bytes, Rows]], rows):
                    for event in _events(entries):
                        self._last = event.id
                        self._pass_on(event)
            except RedisError as error:
                logger.warning("redis away: %s", type(error).__name__)
                await asyncio.sleep(1)

    def stop(self) -> None:
        """Let every tab go, so that the server can end."""
        for listener in self._listeners:
            _put(listener, None)

    async def newest(self) -> str:
        rows = cast(Rows, await self._redis.xrevrange(desk("events"), count=1))
        return rows[0][0].decode() if rows else "0-0"

    async def listen(
        self,
        advisor: str,
        watched: str,
        after: str,
        still_signed_in: Callable[[], Awaitable[bool]],
    ) -> AsyncIterator[str]:
        """Server-sent events for one tab, from an event's id on ("": from now)."""
        listener = Listener()
        self._listeners.add(listener)  # first: what comes while we look back is not missed
        try:
            last = after or await self.newest()
            yield f"retry: 1500\nid: {last}\nevent: hello\ndata: {{}}\n\n"
            rows = cast(Rows, await self._redis.xrange(desk("events"), f"({last}", "+"))
            if after and await self._cut_off(after):
                yield "event: resync\ndata: {}\n\n"
            for event in _events(rows):
                last = event.id
                if event.concerns(advisor, watched):
                    yield event.sse()
            while True:
                try:
                    # Not wait_for: before Python 3.12 it may swallow a cancellation.
                    async with asyncio.timeout(BEAT_S):
                        found = await listener.queue.get()
                except TimeoutError:
                    if not await still_signed_in():
                        yield "event: signed-out\ndata: {}\n\n"
                        return
                    yield f"id: {last}\n\n"
                    continue
                if found is None:
                    return
                if _order(found.id) <= _order(last):
                    continue
                last = found.id
                if found.concerns(advisor, watched):
                    yield found.sse()
        finally:
            self._listeners.discard(listener)

    def _pass_on(self, event: Event) -> None:
        for listener in self._listeners:
            _put(listener, event)

    async def _cut_off(self, after: str) -> bool:
        """Whether the stream no longer reaches back so far."""
        rows = cast(Rows, await self._redis.xrange(desk("events"), count=1))
        return bool(rows) and _order(rows[0][0].decode()) > _order(after) and after != "0-0"


def _put(listener: Listener, event: Event | None) -> None:
    try:
        listener.queue.put_nowait(event)
    except asyncio.QueueFull:
        # Too slow: it comes again and catches up from its last event.
        while not listener.queue.empty():
            listener.queue.get_nowait()
        listener.queue.put_nowait(None)


def _events(rows: Rows) -> list[Event]:
    return [
        Event(id_.decode(), *(fields.get(name, b"").decode() for name in (b"k", b"c", b"a", b"w")))
        for id_, fields in rows
    ]


def _order(id: str) -> tuple[int, int]:
    milliseconds, _, number = id.partition("-")
    return int(milliseconds), int(number or 0)
