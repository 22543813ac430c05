"""The conversation in a terminal, by the same way as SMS: inbox, worker, Rasa, renderer."""

from __future__ import annotations

import contextlib
import locale
import sys
import uuid
from collections.abc import AsyncIterator

from prompt_toolkit import PromptSession
from prompt_toolkit.patch_stdout import patch_stdout
from redis.asyncio import Redis
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from connectors.mailbox import Mailbox
from connectors.records import Inbound
from connectors.terminal import receive
from guichet import redis_server, supervisor
from guichet import sms as sms_lengths
from guichet.settings import Settings, SettingsError, running
from guichet.vault import Vault, unlock
from knowledge_base.content import load_library
from knowledge_base.dialogue import Texts, load_texts

#: Longest wait for an answer before saying so, and for one more part, in ms.
ANSWER_MS = 20_000
PART_MS = 150


async def run(settings: Settings, sms: bool) -> None:
    """Talk to what runs on this data folder; start it first, and stop it after, if needed.

    Raises SettingsError or StartFailed.
    """
    state, started = running(settings), None
    if state is None:
        _say("Guichet starts …")
        started = await supervisor.up(settings, _say)
        state = running(settings)
    if state is None:
        raise SettingsError("Guichet did not start")
    redis = redis_server.connect(state["redis_url"])
    try:
        await _Conversation(settings, redis, await unlock(redis, settings), sms).run()
    finally:
        await redis.aclose()
        if started is not None:
            await supervisor.down(settings, started)


class _Conversation:
    def __init__(self, settings: Settings, redis: Redis, vault: Vault, sms: bool) -> None:
        library = load_library()
        self._texts: Texts = load_texts(library.facts, settings.retention_days)
        self._mailbox = Mailbox(redis, vault, settings.retention_days)
        self._redis, self._vault, self._sms = redis, vault, sms
        self._channel = "terminal-sms" if sms else "terminal"
        self._address = uuid.uuid4().hex
        self._after = "0"
        self._plain = not sys.stdin.isatty()
        self._console = Console(highlight=False, soft_wrap=self._plain)
        self._language = (locale.getlocale()[0] or "fr")[:2]

    async def run(self) -> None:
        if not self._plain:
            self._console.print(Text(self._label("chat_hint"), style="dim"))
        async for text in self._lines():
            if not text.strip():
                continue
            await self._ask(text.strip())
            state = await self._mailbox.conversation(
                self._vault.pseudonym(self._channel, self._address)
            )
            self._language = state.language or self._language

    async def _lines(self) -> AsyncIterator[str]:
        if self._plain:
            for line in sys.stdin:
                print(f"> {line.rstrip()}")
                yield line
            return
        session: PromptSession[str] = PromptSession()
        while True:
            with patch_stdout():
                try:
                    yield await session.prompt_async("› ")
                except (EOFError, KeyboardInterrupt):
                    return

    async def _ask(self, text: str) -> None:
        message = Inbound(uuid.uuid4().hex, self._channel, self._address, "text", text)
        await self._mailbox.accept(message)
        thinking = (
            contextlib.nullcontext()
            if self._plain
            else self._console.status(Text(self._label("chat_thinking"), style="dim"))
        )
        with thinking:
            answer = await self._receive(ANSWER_MS)
        if answer is None:
            self._console.print(Text(self._label("chat_waiting"), style="yellow"))
        while answer is not None:
            self._show(*answer)
            answer = await self._receive(PART_MS)

    async def _receive(self, wait_ms: int) -> tuple[str, list[str]] | None:
        answer = await receive(self._redis, self._vault, self._address, self._after, wait_ms)
        if answer is None:
            return None
        self._after, text, buttons = answer
        return text, buttons

    def _show(self, text: str, buttons: list[str]) -> None:
        lines = [text]
        if not self._sms and buttons:  # an SMS has its numbers in the text already
            lines += ["", *(f"{number} {title}" for number, title in enumerate(buttons, 1))]
        shown = "\n".join(lines)
        note = ""
        if self._sms:
            measure = sms_lengths.measure(text)
            note = f"{measure.segments} SMS, {measure.units} {measure.alphabet}"
        if self._plain:
            print(shown)
            if note:
                print(f"[{note}]")
            sys.stdout.flush()
            return
        width = 44 if self._sms else min(78, self._console.width)
        self._console.print(
            Panel(Text(shown), width=width, subtitle=note or None, border_style="green")
        )

    def _label(self, name: str) -> str:
        return self._texts.phrases(self._language).labels[name]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
