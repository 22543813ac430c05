"""Handing a conversation to an advisor: when, and what the person is told.

A person who asks gets told where they stand; one whose message is urgent is handed over
without asking. Without any advisor's account nothing is promised: the answer stays what the
texts say of other services.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from babel.dates import format_date
from redis.asyncio import Redis

from connectors.cases import Cases, Packet, Why
from connectors.rasa import Answer
from connectors.records import Inbound, Trace
from connectors.transcript import read
from guichet.hours import Hours
from guichet.vault import Vault
from knowledge_base.dialogue import Phrases, Style, Texts
from knowledge_base.languages import load_languages

#: The conversation's `desk` while a person waits; see threads.py.
WAITING = "waiting"
#: Lines looked back on for the question that stands behind "a person, please".
LOOK_BACK = 20
PROPOSED = 3


@dataclass(frozen=True)
class Escalated:
    """What to say now that the person waits for an advisor."""

    payloads: list[dict[str, Any]]


class Escalation:
    """Looks at each answer of the bot's, and hands over where it must be."""

    def __init__(
        self, redis: Redis, vault: Vault, cases: Cases, hours: Hours, texts: Texts
    ) -> None:
        self._redis = redis
        self._vault = vault
        self._cases = cases
        self._hours = hours
        self._texts = texts

    async def look(
        self, conversation: str, message: Inbound, answer: Answer, style: Style
    ) -> Escalated | None:
        """Puts the person into the queue if need be; None when nothing changes."""
        why = reason(answer.payloads)
        if why is None or not await self._cases.staffed():
            return None
        language = answer.payloads[-1]["language"]
        phrases = self._texts.phrases(language)
        now = datetime.now(UTC)
        before, place = await self._cases.enqueue(
            conversation,
            why,
            await self._packet(conversation, message, answer),
            self._vault.pseudonym("id:" + message.channel, message.id),
            self._hours.is_open(now),
        )
        if before == "claimed":
            return None
        asked = any(_is_human(payload) for payload in answer.payloads)
        if before == "waiting" and not asked:
            return None  # the line that the place is kept says enough
        texts = [await self._where(phrases, place, before == "waiting", asked, now, style)]
        if before != "waiting":
            texts.append(phrases.say("desk_prepare", style))
        # After the answer to what was asked; in place of the one that names other services.
        kept = [payload for payload in answer.payloads if not _is_human(payload)]
        told = [{"type": "text", "text": text, "language": language} for text in texts]
        return Escalated([*kept, *told])

    async def kept_line(self, language: str | None, style: Style) -> str:
        """Under each answer of the bot's while the person waits."""
        return self._texts.phrases(language).say("desk_kept", style)

    async def _where(
        self, phrases: Phrases, place: int, again: bool, asked: bool, now: datetime, style: Style
    ) -> str:
        first = "desk_place" if again else ("desk_queued" if asked else "desk_urgent")
        sentences = [phrases.say(first, style, place=str(place))]
        if self._hours.is_open(now):
            usual = await self._cases.usual_wait_s()
            if usual is not None:
                minutes = str(max(1, math.ceil(usual / 60)))
                sentences.append(phrases.say("desk_usual", style, minutes=minutes))
        else:
            opening = self._hours.next_opening(now)
            if opening is not None:
                when = moment(opening, phrases.language)
                sentences.append(phrases.say("desk_closed", style, when=when))
            else:
                sentences.append(phrases.say("desk_closed_long", style))
        return " ".join(sentences)

    async def _packet(self, conversation: str, message: Inbound, answer: Answer) -> Packet:
        """What the person asked: this message, or the last one that was a question."""
        trace = trace_of(answer)
        language = answer.payloads[-1]["language"]
        if trace.proposal and answer.decision.get("decision") != "act":
            return Packet(message.channel, language, message.text, trace.proposal)
        for entry in reversed(await read(self._redis, self._vault, conversation, "", LOOK_BACK)):
            if entry.line.who == "person" and entry.line.proposal:
                return Packet(message.channel, language, entry.line.text, entry.line.proposal)
        return Packet(message.channel, language, message.text)


def reason(payloads: Sequence[Mapping[str, Any]]) -> Why | None:
    """Why an answer calls for an advisor; None when it does not."""
    urgency = _urgency(payloads)
    if urgency == "danger":
        return "danger"
    if urgency == "urgent":
        return "urgent"
    return "asked" if any(map(_is_human, payloads)) else None


def trace_of(answer: Answer) -> Trace:
    """What the knowledge base proposed and what was answered."""
    ranking = answer.decision.get("ranking", ())[:PROPOSED]
    proposal = tuple((str(each["id"]), round(float(each["score"]), 3)) for each in ranking)
    acted = answer.decision.get("decision") == "act"
    answered = tuple(
        str(payload.get("id") or payload.get("name") or payload["type"])
        for payload in answer.payloads
    )
    return Trace(proposal=() if acted else proposal, answered=answered)


def moment(at: datetime, language: str) -> str:
    """A day and hour as the language writes them, in Western digits, as people see them on
    French screens: "lundi 30 novembre 09:00"."""
    known = load_languages().get(language)
    pattern = "EEEE d MMMM"
    day = format_date(at.date(), pattern, locale=known.locale if known else language)
    day = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in day)
    return f"{day}, {at:%H:%M}"


def _urgency(payloads: Sequence[Mapping[str, Any]]) -> str:
    found = {payload.get("urgency") for payload in payloads}
    if found & {"danger", "distress"}:
        return "danger"
    return "urgent" if "urgent" in found else "none"


def _is_human(payload: Mapping[str, Any]) -> bool:
    return payload.get("type") == "response" and payload.get("name") == "human"
