"""The worker: takes messages from the inbox, asks Rasa, renders, sends.

It holds leases on partitions of the mailbox and works through one message of a
conversation at a time, in order, many conversations side by side. Whatever is away,
the message stays in its stream and is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Protocol

import uvloop
from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors.channels import (
    Channel,
    Limits,
    SendLater,
    SendNever,
    Unsubscribed,
    WindowClosed,
)
from connectors.escalation import Escalation
from connectors.handover import Handover, line_of
from connectors.keys import PARTITIONS
from connectors.lookout import Lookout
from connectors.mailbox import Entry, LeaseLost, Mailbox, Turn
from connectors.metrics import WORKERS_KEY
from connectors.notebook import Notebook
from connectors.pairing import Pairing
from connectors.rasa import Rasa, RasaAway, RasaFailed
from connectors.records import Outbound
from connectors.registry import make_channels
from connectors.reminders import Reminders
from connectors.renderer import Renderer
from connectors.skills import Skills
from connectors.telegram import Telegram
from connectors.threads import Threads
from connectors.turns import Turns
from guichet import counters, redis_server
from guichet.logs import configure_logging
from guichet.settings import Settings, load_settings
from guichet.vault import VaultError, unlock
from knowledge_base.blockages import load_blockages
from knowledge_base.content import load_library
from knowledge_base.dialogue import load_texts

logger = logging.getLogger(__name__)

INTRODUCED_KEY = "guichet:telegram-introduced"
LEASE_MS = 5000
BEAT_S = 1.0
READ_MS = 500
#: Seconds between looks for reminders that are due.
REMIND_S = 5.0
#: Entries in hand at most, so that memory stays bounded under any load.
IN_HAND = 2000
#: Waits between tries, in seconds; the last one repeats.
BACKOFF_S = (0.2, 0.5, 1, 2, 4, 8, 15, 30)
#: Turns and sends side by side at most: more would only wait inside Rasa or the provider.
TURNS, SENDS = 32, 256
#: A reply that no provider took for so long is put with the dead letters.
GIVE_UP_S = 24 * 3600
#: A message that makes Rasa fail this often gets an apology instead.
FAILURES = 4


class Worker:
    """Everything between the inbox and the providers."""

    def __init__(
        self,
        redis: Redis,
        mailbox: Mailbox,
        turns: Turns,
        channels: Mapping[str, Channel],
        reminders: Reminders,
        handover: Handover,
        lookout: Lookout,
    ) -> None:
        self.name = secrets.token_hex(8)
        self._redis = redis
        self._mailbox = mailbox
        self._turns = turns
        self._handover = handover
        self._lookout = lookout
        self._channels = channels
        self._reminders = reminders
        self._room = {"in": asyncio.Semaphore(TURNS), "out": asyncio.Semaphore(SENDS)}
        self._counts: counters.Counts = counters.Counts()
        self._positions: dict[tuple[int, str], str] = {}
        self._lanes: dict[tuple[str, str], deque[Entry]] = {}
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._lanes_of: dict[int, set[tuple[str, str]]] = defaultdict(set)
        self._in_hand = 0

    async def run(self) -> None:
        """Work until cancelled, then finish nothing more and give the leases back."""
        beat = asyncio.create_task(self._keep_leases())
        reminding = asyncio.create_task(self._remind_forever())
        try:
            await self._read_forever()
        finally:
            beat.cancel()
            reminding.cancel()
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
                await self._counts.flush(self._redis)
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

    # Reminders

    async def _remind_forever(self) -> None:
        while True:
            try:
                for partition in self._held():
                    self._counts["reminded", ""] += await self._reminders.put_out(partition)
            except RedisError as error:
                logger.warning("redis away: %s", type(error).__name__)
            except VaultError:
                logger.error("a reminder does not open with this secret key")
            await asyncio.sleep(REMIND_S)

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
                async with self._room[entry.box]:
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
        before, marker = await self._mailbox.look_up(entry.conversation)
        channel = self._channels.get(message.channel)
        if channel is None:
            logger.error("no channel %s: message kept as dead letter", message.channel)
            await self._mailbox.bury(entry, "channel off")
            return
        shown = asyncio.create_task(channel.begin(message)) if tries == 0 else None
        try:
            rendered = await self._handover.answer(
                entry.conversation, message, before, marker, channel
            )
        except RasaFailed:
            if tries < FAILURES:
                raise
            logger.error("Rasa fails on a message: apologised")
            rendered = self._turns.say("failed", before, channel, message)
        finally:
            if shown is not None:
                await shown
        last = len(rendered.parts) - 1
        replies = [
            Outbound(
                message.channel,
                message.address,
                part,
                rendered.buttons if index == last else (),
                last_word=rendered.conversation.stopped,
                document=rendered.document if index == last else None,
            )
            for index, part in enumerate(rendered.parts)
        ]
        trace = rendered.trace
        turn = Turn(
            line_of(message, rendered.conversation.language, trace),
            message.address,
            trace.desk,
            trace.always,
        )
        await self._mailbox.finish_turn(
            self.name, entry, rendered.conversation, replies, None if trace.erased else turn
        )
        if marker or trace.desk:
            await self._mailbox.cases.heard(entry.conversation)
        await self._lookout.look(entry.conversation, message, before, rendered)
        self._counts["answered", message.channel] += 1
        if trace.vote is not None:
            self._counts[trace.vote] += 1

    async def _send(self, entry: Entry, tries: int) -> None:
        message = self._mailbox.open_outbound(entry)
        channel = self._channels.get(message.channel)
        if channel is None:
            await self._mailbox.bury(entry, "channel off")
            return
        if time.time() - int(entry.id.partition("-")[0]) / 1000 > GIVE_UP_S:
            await self._mailbox.bury(entry, "given up")
            self._counts["given_up", message.channel] += 1
            return
        limits = channel.limits
        stopped, since = await self._mailbox.standing(entry.conversation)
        if stopped and not message.last_word:
            await self._told(entry, await self._mailbox.sent(entry, "", "stopped"))
            self._counts["silenced", message.channel] += 1
            return
        try:
            if limits.window_s is not None and since > limits.window_s:
                raise WindowClosed("window closed")
            await self._wait_turn(entry.conversation, channel.name, limits)
            id_ = await channel.send(message)
        except Unsubscribed:
            await self._mailbox.silence(entry.conversation)
            await self._told(entry, await self._mailbox.sent(entry, "", "stopped"))
            self._counts["unsubscribed", message.channel] += 1
        except WindowClosed:
            await self._mailbox.hold(entry)
            self._counts["held", message.channel] += 1
            with contextlib.suppress(SendLater, SendNever):
                await channel.remind(message.address)
        except SendNever as error:
            logger.error("not delivered: %s", error)
            await self._mailbox.bury(entry, str(error))
            self._counts["refused", message.channel] += 1
        else:
            await self._told(entry, await self._mailbox.sent(entry, id_))
            self._counts["sent", message.channel] += 1

    async def _told(self, entry: Entry, watched: bool) -> None:
        """An advisor sees what becomes of each message."""
        if watched:
            await self._mailbox.cases.tell("state", entry.conversation)

    async def _wait_turn(self, conversation: str, name: str, limits: Limits) -> None:
        waits = 0.0
        if limits.per_person_per_second:
            waits = await self._mailbox.pace(f"{name}:{conversation}", limits.per_person_per_second)
        if limits.per_second:
            waits = max(waits, await self._mailbox.pace(name, limits.per_second))
        if waits > 0:
            await asyncio.sleep(waits)


class _Step(Protocol):
    """The type of `_answer` and `_send`."""

    async def __call__(self, entry: Entry, tries: int) -> None: ...


async def _introduce(
    settings: Settings, redis: Redis, renderer: Renderer, channels: Mapping[str, Channel]
) -> None:
    """Tell Telegram our commands and webhook, one worker for all, once an hour at most."""
    channel = channels.get(Telegram.name)
    if not isinstance(channel, Telegram):
        return
    public = settings.public_url if settings.telegram_mode == "webhook" else None
    if settings.telegram_mode == "webhook" and public is None:
        return  # nowhere to be called: doctor says so
    while True:
        try:
            if await redis.set(INTRODUCED_KEY, "1", nx=True, ex=3600):
                webhook = f"{public}/telegram/webhook" if public is not None else None
                await channel.introduce(renderer.texts, webhook)
            return
        except (SendLater, SendNever, RedisError) as error:
            logger.warning("Telegram not told of us: %s", type(error).__name__)
            with contextlib.suppress(RedisError):
                await redis.delete(INTRODUCED_KEY)
            await asyncio.sleep(30)


async def main(settings: Settings) -> None:
    """Run one worker until SIGTERM or SIGINT."""
    redis = redis_server.connect(settings.redis_url or redis_server.embedded_url(settings))
    vault = await unlock(redis, settings)
    rasa = Rasa(
        settings.rasa_url or "http://127.0.0.1:5005", settings.kb_url or "http://127.0.0.1:5006"
    )
    library = load_library()
    renderer = Renderer(library, load_texts(library.facts, settings.retention_days))
    channels = make_channels(settings, redis, vault)
    mailbox = Mailbox(redis, vault, settings.retention_days)
    threads = Threads(redis, vault, settings.retention_days)
    escalation = Escalation(redis, vault, mailbox.cases, settings.hours(), renderer.texts)
    notebook = Notebook(redis, vault, settings.retention_days)
    skills = Skills(notebook, library.facts, settings.letter_url)
    turns = Turns(mailbox, rasa, renderer, skills, Pairing(redis, vault), escalation)
    handover = Handover(turns, mailbox.cases, threads, escalation, renderer.texts)
    reminders = Reminders(
        notebook, renderer, {name: each.limits for name, each in channels.items()}
    )
    lookout = Lookout(
        mailbox.cases, mailbox.unanswered, mailbox.observatory, load_blockages(), library.entries
    )
    worker = Worker(redis, mailbox, turns, channels, reminders, handover, lookout)
    work = asyncio.ensure_future(worker.run())
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_, work.cancel)
    introducing = asyncio.create_task(_introduce(settings, redis, renderer, channels))
    logger.info("worker %d ready: %s", os.getpid(), ", ".join(channels))
    with contextlib.suppress(asyncio.CancelledError):
        await work
    introducing.cancel()
    await asyncio.gather(introducing, return_exceptions=True)
    for channel in channels.values():
        await channel.close()
    await rasa.close()
    await redis.aclose()


if __name__ == "__main__":
    configure_logging()
    uvloop.run(main(load_settings()))
