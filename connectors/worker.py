"""The worker: takes messages from the inbox, asks Rasa, renders, sends.

It holds leases on partitions of the mailbox and works through one message of a
conversation at a time, in order, many conversations side by side. Whatever is away,
the message stays in its stream and is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors import menus
from connectors.channels import Channel, SendLater, SendNever
from connectors.mailbox import PARTITIONS, Entry, LeaseLost, Mailbox
from connectors.rasa import Rasa, RasaAway, RasaFailed
from connectors.records import Conversation, Inbound, Outbound
from connectors.renderer import REST_PAYLOAD, Rendered, Renderer
from connectors.terminal import Terminal
from connectors.twilio import TwilioSms
from guichet import redis_server
from guichet.logs import configure_logging
from guichet.settings import Settings, load_settings
from guichet.vault import Vault, VaultError
from knowledge_base.content import load_library
from knowledge_base.dialogue import fold, load_texts

logger = logging.getLogger(__name__)

WORKERS_KEY = "guichet:workers"  #: sorted set of worker names by time of last sign of life
LEASE_MS = 5000
BEAT_S = 1.0
READ_MS = 500
#: Entries in hand at most, so that memory stays bounded under any load.
IN_HAND = 2000
#: Waits between tries, in seconds; the last one repeats.
BACKOFF_S = (0.2, 0.5, 1, 2, 4, 8, 15, 30)
#: A message that makes Rasa fail this often gets an apology instead.
FAILURES = 4


class Worker:
    """Everything between the inbox and the providers."""

    def __init__(
        self,
        redis: Redis,
        mailbox: Mailbox,
        rasa: Rasa,
        renderer: Renderer,
        channels: Mapping[str, Channel],
    ) -> None:
        self.name = secrets.token_hex(8)
        self._redis = redis
        self._mailbox = mailbox
        self._rasa = rasa
        self._renderer = renderer
        self._channels = channels
        self._positions: dict[tuple[int, str], str] = {}
        self._lanes: dict[tuple[str, str], deque[Entry]] = {}
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._lanes_of: dict[int, set[tuple[str, str]]] = defaultdict(set)
        self._in_hand = 0

    async def run(self) -> None:
        """Work until cancelled, then finish nothing more and give the leases back."""
        beat = asyncio.create_task(self._keep_leases())
        try:
            await self._read_forever()
        finally:
            beat.cancel()
            await self._stop_lanes(list(self._tasks))
            with contextlib.suppress(RedisError):
                for partition in self._held():
                    await self._mailbox.release_lease(partition, self.name)
                await self._redis.zrem(WORKERS_KEY, self.name)

    # Leases

    def _held(self) -> set[int]:
        return {partition for partition, _ in self._positions}

    async def _keep_leases(self) -> None:
        while True:
            try:
                await self._balance()
            except RedisError as error:
                logger.warning("redis away: %s", type(error).__name__)
            await asyncio.sleep(BEAT_S)

    async def _balance(self) -> None:
        now = time.time()
        await self._redis.zadd(WORKERS_KEY, {self.name: now})
        await self._redis.zremrangebyscore(WORKERS_KEY, 0, now - LEASE_MS / 1000)
        workers = await self._redis.zcard(WORKERS_KEY)
        share = -(-PARTITIONS // max(1, workers))
        for partition in self._held():
            if not await self._mailbox.extend_lease(partition, self.name, LEASE_MS):
                logger.warning("lost the lease of partition %d", partition)
                await self._drop(partition)
        for partition in range(PARTITIONS):
            if len(self._held()) >= share:
                break
            if partition not in self._held() and await self._mailbox.lease(
                partition, self.name, LEASE_MS
            ):
                self._positions[partition, "in"] = self._positions[partition, "out"] = "0"
        for partition in sorted(self._held())[share:]:
            await self._drop(partition)
            await self._mailbox.release_lease(partition, self.name)

    async def _drop(self, partition: int) -> None:
        del self._positions[partition, "in"], self._positions[partition, "out"]
        await self._stop_lanes(list(self._lanes_of[partition]))

    async def _stop_lanes(self, lanes: list[tuple[str, str]]) -> None:
        tasks = [self._tasks[lane] for lane in lanes if lane in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Reading and lanes

    async def _read_forever(self) -> None:
        while True:
            if not self._positions or self._in_hand >= IN_HAND:
                await asyncio.sleep(0.02)
                continue
            asked = dict(self._positions)
            try:
                entries = await self._mailbox.read(asked, 200, READ_MS)
            except RedisError as error:
                logger.warning("redis away: %s", type(error).__name__)
                await asyncio.sleep(BEAT_S)
                continue
            for entry in entries:
                place = entry.partition, entry.box
                # A partition given up and taken again meanwhile is read from its start.
                if self._positions.get(place) == asked[place]:
                    self._positions[place] = asked[place] = entry.id
                    self._enqueue(entry)

    def _enqueue(self, entry: Entry) -> None:
        lane = entry.box, entry.conversation
        self._in_hand += 1
        self._lanes.setdefault(lane, deque()).append(entry)
        if lane not in self._tasks:
            self._lanes_of[entry.partition].add(lane)
            self._tasks[lane] = asyncio.create_task(self._work_through(lane, entry.partition))

    async def _work_through(self, lane: tuple[str, str], partition: int) -> None:
        entries = self._lanes[lane]
        step = self._answer if lane[0] == "in" else self._send
        try:
            while entries:
                await self._until_done(step, entries[0])
                entries.popleft()
                self._in_hand -= 1
        except LeaseLost:
            logger.warning("partition %d has another worker now", partition)
        finally:
            self._in_hand -= len(entries)
            del self._lanes[lane], self._tasks[lane]
            self._lanes_of[partition].discard(lane)

    async def _until_done(self, step: _Step, entry: Entry) -> None:
        tries = 0
        while True:
            try:
                await step(entry, tries)
                return
            except (RasaAway, RasaFailed, SendLater, RedisError) as error:
                wait = BACKOFF_S[min(tries, len(BACKOFF_S) - 1)]
                if isinstance(error, SendLater) and error.after_s is not None:
                    wait = max(wait, error.after_s)
                tries += 1
                logger.warning(
                    "%s: %s; try %d in %.1f s", type(error).__name__, error, tries + 1, wait
                )
                await asyncio.sleep(wait)
            except VaultError:
                # Another secret key: nobody can read it. Keep it for who has the key.
                await self._mailbox.bury(entry, "unreadable")
                return

    # One step

    async def _answer(self, entry: Entry, tries: int) -> None:
        message = self._mailbox.open_inbound(entry)
        before = await self._mailbox.conversation(entry.conversation)
        channel = self._channels.get(message.channel)
        if channel is None:
            logger.error("no channel %s: message kept as dead letter", message.channel)
            await self._mailbox.bury(entry, "channel off")
            return
        try:
            rendered = await self._turn(entry.conversation, message, before, channel)
        except RasaFailed:
            if tries < FAILURES:
                raise
            logger.error("Rasa fails on a message: apologised")
            rendered = self._say("failed", before, channel)
        last = len(rendered.parts) - 1
        replies = [
            Outbound(
                message.channel,
                message.address,
                part,
                rendered.buttons if index == last else (),
            )
            for index, part in enumerate(rendered.parts)
        ]
        await self._mailbox.finish_turn(self.name, entry, rendered.conversation, replies)

    async def _turn(
        self, conversation: str, message: Inbound, before: Conversation, channel: Channel
    ) -> Rendered:
        if message.kind != "text":
            name = "empty" if message.kind == "empty" else "media"
            return self._say(name, before, channel)
        option = menus.chosen(message.text, before.options, self._renderer.texts)
        if option is not None and option.payload == REST_PAYLOAD:
            return self._renderer.rest(channel.limits, before)
        text = option.payload if option is not None else self._plain(message.text)
        if not any(char.isalnum() for char in text):
            return self._say("empty", before, channel)
        payloads = await self._rasa.ask(conversation, text, before.language)
        try:
            return self._renderer.render(payloads, channel.limits, before)
        except KeyError as error:
            logger.error("Rasa's answer cannot be rendered: %s", error)
            raise RasaFailed("answer not renderable") from None

    def _plain(self, text: str) -> str:
        """A person's text, never a payload: `/restart` would drive Rasa.

        A word that stands for a thing in any language ("HUMAIN", "MENU") becomes its
        payload, so that what the answers promise always works.
        """
        folded = fold(text)
        word = self._renderer.texts.words.get(folded)
        if word is not None and word.thing in ("human", "menu"):
            entities = json.dumps({"language": word.language}) if word.language else ""
            return f"/{word.thing}{entities}"
        if word is not None and word.thing == "more":
            return "/ask_details"  # nothing more was offered: of the last article, if any
        if folded.isdecimal() and len(folded) <= 2:
            return "/menu"  # a number, but nothing was offered under it
        return text.encode("utf-8", "replace").decode().lstrip("/ \t\r\n\N{FULLWIDTH SOLIDUS}")

    def _say(self, name: str, before: Conversation, channel: Channel) -> Rendered:
        language = self._renderer.texts.phrases(before.language).language
        payload = {"type": "response", "name": name, "language": language}
        return self._renderer.render([payload], channel.limits, before)

    async def _send(self, entry: Entry, tries: int) -> None:
        message = self._mailbox.open_outbound(entry)
        channel = self._channels.get(message.channel)
        if channel is None:
            await self._mailbox.bury(entry, "channel off")
            return
        try:
            await channel.send(message)
        except SendNever as error:
            logger.error("not delivered: %s", error)
            await self._mailbox.bury(entry, str(error))
            return
        await self._mailbox.sent(entry)


class _Step(Protocol):
    """The type of `_answer` and `_send`."""

    async def __call__(self, entry: Entry, tries: int) -> None: ...


def make_channels(settings: Settings, redis: Redis, vault: Vault) -> dict[str, Channel]:
    """The channels that are configured, by name."""
    channels: list[Channel] = [Terminal(redis, vault, sms) for sms in (False, True)]
    if not settings.sms_missing():
        channels.append(TwilioSms(settings))
    return {channel.name: channel for channel in channels}


async def main(settings: Settings) -> None:
    """Run one worker until SIGTERM or SIGINT."""
    redis = redis_server.connect(settings.redis_url or redis_server.embedded_url(settings))
    vault = Vault(settings.secret())
    rasa = Rasa(settings.rasa_url or "http://127.0.0.1:5005")
    library = load_library()
    renderer = Renderer(library, load_texts(library.facts, settings.retention_days))
    channels = make_channels(settings, redis, vault)
    mailbox = Mailbox(redis, vault, settings.retention_days)
    work = asyncio.ensure_future(Worker(redis, mailbox, rasa, renderer, channels).run())
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_, work.cancel)
    logger.info("worker %d ready: %s", os.getpid(), ", ".join(channels))
    with contextlib.suppress(asyncio.CancelledError):
        await work
    for channel in channels.values():
        await channel.close()
    await rasa.close()
    await redis.aclose()


if __name__ == "__main__":
    configure_logging()
    asyncio.run(main(load_settings()))
