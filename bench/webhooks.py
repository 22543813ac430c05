"""Sends signed webhooks fast enough that the sender is not what is measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from bench.twilio_stand_in import sign, webhook_form

CONNECTIONS = 48


@dataclass
class Message:
    """One webhook, ready to send, and what became of it."""

    sender: str
    text: str
    request: bytes
    due: float = 0.0  #: time.time() at which it was to be sent
    acknowledged_at: float = 0.0
    status: int = 0
    tries: int = 0


@dataclass
class Load:
    """Messages in order; those of one sender are sent one after the other."""

    url: str
    messages: list[Message] = field(default_factory=list)

    def add(self, sender: str, text: str) -> None:
        form = webhook_form(sender, text)
        body = urlencode(form).encode()
        parts = urlsplit(self.url)
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"X-Twilio-Signature: {sign(self.url, form)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.messages.append(Message(sender, text, head.encode() + body))

    async def send(self, rate: float | None = None, again: bool = False) -> float:
        """Send all, at so many a second or as fast as they are taken; seconds it took.

        `again`: what is not acknowledged is sent again, as Twilio's fallback would, until
        it is.
        """
        queues: list[asyncio.Queue[Message | None]] = [
            asyncio.Queue() for _ in range(min(CONNECTIONS, max(1, len(self.messages))))
        ]
        senders = [asyncio.create_task(self._work(queue, again)) for queue in queues]
        began = time.time()
        for number, message in enumerate(self.messages):
            if rate is not None:
                message.due = began + number / rate
                wait = message.due - time.time()
                if wait > 0:
                    await asyncio.sleep(wait)
            else:
                message.due = time.time()
            # One connection a sender: what one person sends stays in order.
            queues[hash(message.sender) % len(queues)].put_nowait(message)
        for queue in queues:
            queue.put_nowait(None)
        await asyncio.gather(*senders)
        return time.time() - began

    async def _work(self, queue: asyncio.Queue[Message | None], again: bool) -> None:
        parts = urlsplit(self.url)
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        while (message := await queue.get()) is not None:
            while True:
                message.tries += 1
                fresh = writer is None
                try:
                    if writer is None or reader is None:
                        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                    writer.write(message.request)
                    message.status = await _status(reader)
                except (OSError, asyncio.IncompleteReadError, ValueError):
                    if writer is not None:
                        writer.close()
                    reader = writer = None
                    message.status = 0
                message.acknowledged_at = time.time()
                if message.status == 0 and not fresh:
                    continue  # the server had closed an idle connection: nothing was sent
                if message.status == 200 or not again:
                    break
                await asyncio.sleep(0.2)
        if writer is not None:
            writer.close()


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length")),
        0,
    )
    if length:
        await reader.readexactly(length)
    return int(lines[0].split(b" ")[1])


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99, in the unit of the values."""
    ordered = sorted(values)
    return {
        name: ordered[min(len(ordered) - 1, int(len(ordered) * share))]
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }


def shown(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {1000 * value:.1f} ms" for name, value in values.items())
