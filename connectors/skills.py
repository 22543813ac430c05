"""What a counter does besides answering: dates, reminders, the letter, the log, the place.

Rasa says what is wanted (`{"type": "dates", "end": "2027-04-03", "kind": "card"}`); a skill
does it and says which response tells it. Done twice, after a crash, it has one effect.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

from connectors import letter as letters
from connectors.letter import Letter, LetterError
from connectors.menus import LETTER
from connectors.notebook import LETTER_DAYS, Line, Notebook, Reminder
from connectors.records import Conversation, Document, Inbound
from guichet.clock import PARIS, now, today
from knowledge_base import renewal
from knowledge_base.content import Facts
from knowledge_base.departments import departments

logger = logging.getLogger(__name__)

#: Reminders go out at this hour in Paris.
HOUR = time(10, 0)
#: A photo or a text belongs to the line of the log that was written so shortly before.
BELONGS_S = 24 * 3600
#: Characters of a line of the log.
LONGEST_LINE = 300
#: Articles that send people to their prefecture.
WITH_CONTACT = frozenset({"prefecture-contact", "substitution", "technical-block"})

Payload = Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """Payloads of type `response` and `article` only, and what else came of it."""

    payloads: list[Payload]
    state: Conversation
    document: Document | None = None


class Skills:
    """Does what Rasa's payloads ask for."""

    def __init__(self, notebook: Notebook, facts: Facts, link: Callable[[str], str]) -> None:
        """`link`: the public address of a letter, from its token."""
        self.notebook = notebook
        self._facts = facts
        self._link = link

    async def do(
        self,
        conversation: str,
        message: Inbound,
        payloads: Sequence[Payload],
        before: Conversation,
    ) -> Done:
        done = Done([], before)
        for payload in payloads:
            made = await self._one(conversation, message, payload, done.state)
            done = Done(
                [*done.payloads, *made.payloads], made.state, made.document or done.document
            )
        return done

    async def _one(
        self, conversation: str, message: Inbound, payload: Payload, before: Conversation
    ) -> Done:
        kind = payload["type"]
        if kind == "dates":
            return Done(self._dates(payload), before)
        if kind == "reminders":
            return Done(await self._reminders(conversation, message, payload), before)
        if kind == "letter":
            return await self._letter(conversation, message, payload, before)
        if kind == "log":
            return await self._log(conversation, message, payload, before)
        if kind == "department":
            state = replace(before, department=payload["code"])
            return Done([_place("department_set", payload["code"], payload)], state)
        if kind == "problem":
            return Done([_response(payload["name"], payload)], before)
        if kind == "article" and payload["id"] in WITH_CONTACT and before.department:
            place = departments()[before.department]
            name = "department_contact" if place.contact else "department_no_contact"
            # Before the answer, whose menu must stay last.
            return Done([_place(name, before.department, payload), payload], before)
        return Done([payload], before)

    # Dates and reminders

    def _dates(self, payload: Payload) -> list[Payload]:
        end, kind = date.fromisoformat(payload["end"]), _kind(payload["kind"])
        window = renewal.window(end, kind, self._facts)
        name = renewal.response(kind, renewal.standing(window, today()))
        told = _response(name, payload, **_window_values(window))
        if payload["kind"] == "unknown" and kind == "card":
            other = renewal.window(end, "other", self._facts)
            extra = _response("dates_not_sure", payload, **_window_values(other))
            first: list[Payload] = [extra] if end >= today() else []
        else:
            first = []
        human = {"label": "human", "payload": "/human"}
        if renewal.moments(window, kind, today()):
            remind = {"label": "remind_me", "payload": "/set_reminder"}
            return [*first, {**told, "buttons": [remind, human], "yes": "/set_reminder"}]
        return [*first, {**told, "buttons": [human]}]

    async def _reminders(
        self, conversation: str, message: Inbound, payload: Payload
    ) -> list[Payload]:
        if payload["do"] == "cancel":
            await self.notebook.cancel_reminders(conversation)
            return [_response("reminders_cancelled", payload)]
        if payload["do"] == "set":
            if payload["end"] in ("None", None):
                return [_response("reminders_none", payload)]
            found = self._due(message, payload)
            if not found:
                return [_response("reminder_none_left", payload)]
            await self.notebook.set_reminders(conversation, found)
            return [_response("reminder_set", payload, dates=_list(found))]
        kept = await self.notebook.reminders(conversation)
        if not kept:
            return [_response("reminders_none", payload)]
        return [_response("reminders_list", payload, dates=_list(kept))]

    def _due(self, message: Inbound, payload: Payload) -> list[Reminder]:
        end, kind = date.fromisoformat(payload["end"]), _kind(payload["kind"])
        window = renewal.window(end, kind, self._facts)
        return [
            Reminder(
                datetime.combine(day, HOUR, PARIS).timestamp(),
                name,
                end.isoformat(),
                window.closes.isoformat(),
                message.channel,
                message.address,
                payload["language"],
            )
            for day, name in renewal.moments(window, kind, today()).items()
        ]

    # The letter

    async def _letter(
        self, conversation: str, message: Inbound, payload: Payload, before: Conversation
    ) -> Done:
        lines = await self.notebook.log(conversation)
        try:
            wanted = Letter(
                payload["department"],
                payload["procedure"],
                date.fromisoformat(payload["since"]),
                [int(number) for number in payload["tried"].split()],
                payload["screen"],
                [datetime.fromtimestamp(line.at, PARIS).date() for line in lines],
            )
            content = await asyncio.to_thread(letters.make, wanted, self._facts)
        except (LetterError, ValueError, TypeError, AttributeError) as error:
            logger.error("no letter made: %s", type(error).__name__)
            return Done([_response("letter_failed", payload)], before)
        token = await self.notebook.keep_letter(conversation, message.id, content)
        state = replace(before, department=payload["department"])
        ready = _response("letter_ready", payload, link=self._link(token), days=str(LETTER_DAYS))
        told = [ready]
        if letters.is_cut(payload["screen"]):
            told = [_response("letter_cut", payload), ready]
        document = Document(
            "lettre-prefecture.pdf", base64.b64encode(content).decode(), self._link(token)
        )
        return Done([*told], state, document)

    # The log of blockages

    async def _log(
        self, conversation: str, message: Inbound, payload: Payload, before: Conversation
    ) -> Done:
        if payload["do"] == "add":
            at = now()
            count = await self.notebook.add_line(conversation, message.id, Line(at.timestamp()))
            noted = _response("log_noted", payload, when=_moment(at), count=str(count))
            return Done([{**noted, "expects": "log_detail"}], before)
        lines = await self.notebook.log(conversation)
        if not lines:
            return Done([_response("log_empty", payload)], before)
        letter = {"label": "letter", "payload": LETTER}
        shown = [_shown(line) for line in lines]
        return Done(
            [{**_response("log_list", payload), "lines": shown, "buttons": [letter]}], before
        )

    async def add_to_log(
        self, conversation: str, text: str = "", photos: Sequence[str] = ()
    ) -> bool:
        """Add to the newest line, if it is fresh; whether there was one."""
        found = await self.notebook.last_line(conversation)
        if found is None or now().timestamp() - found[1].at > BELONGS_S:
            return False
        id, line = found
        added = letters.plain(text)[:LONGEST_LINE]
        if added and added not in line.text:
            line = replace(line, text=f"{line.text} {added}".strip()[:LONGEST_LINE])
        names = tuple(dict.fromkeys([*line.photos, *photos]))
        await self.notebook.change_line(conversation, id, replace(line, photos=names))
        return True


def _kind(kind: str) -> renewal.Kind:
    """What people do not know is mostly a card."""
    if kind == "other":
        return "other"
    return "api" if kind == "api" else "card"


def _response(name: str, payload: Payload, **values: str) -> Payload:
    return {"type": "response", "name": name, "language": payload["language"], "values": values}


def _place(name: str, code: str, payload: Payload) -> Payload:
    place = departments()[code]
    return _response(
        name,
        payload,
        department=place.name,
        prefecture=place.prefecture,
        contact=place.contact.removeprefix("https://"),
    )


def _window_values(window: renewal.Window) -> dict[str, str]:
    return {name: day(getattr(window, name)) for name in ("end", "opens", "closes", "until")}


def day(value: date) -> str:
    """As it stands on the card, whatever the language: 03/04/2027."""
    return f"{value:%d/%m/%Y}"


def _moment(value: datetime) -> str:
    return f"{value:%d/%m/%Y %H:%M}"


def _list(reminders: Sequence[Reminder]) -> str:
    days = [datetime.fromtimestamp(reminder.due, PARIS).date() for reminder in reminders]
    return ", ".join(dict.fromkeys(day(each) for each in days))


def _shown(line: Line) -> tuple[str, str, int]:
    return _moment(datetime.fromtimestamp(line.at, PARIS)), line.text, len(line.photos)


def reminder_values(reminder: Reminder) -> dict[str, str]:
    """What its text names."""
    return {
        "end": day(date.fromisoformat(reminder.end)),
        "closes": day(date.fromisoformat(reminder.closes)),
    }
