"""What advisors note of a case: department, subject, dates, next step, labels, follow-up.

Each field is written by itself, so that of two advisors who change different ones neither
undoes what the other wrote.

Keys, under `guichet:{desk}:`
  details:<id>   hash of sealed fields, see FIELDS
  tags:<id>      set of the ids of a conversation's labels
  label:<id>     set of the conversations that have a label
  labels         sorted set of the ids of labels by last use in ms
  follow-ups     sorted set of conversations by the day they come back, in ms
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, cast
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from connectors import case_scripts as scripts
from connectors.cases import EVENTS
from connectors.keys import desk, of_conversation
from connectors.letter import plain
from guichet.clock import today
from guichet.vault import Vault
from knowledge_base.departments import departments

Field = Literal["department", "subject", "end", "step", "labels", "follow_up"]
FIELDS: tuple[Field, ...] = ("department", "subject", "end", "step", "labels", "follow_up")
LONGEST_STEP = 300
#: Labels of one case, and characters of one.
MOST_LABELS, LONGEST_LABEL = 10, 30
#: Labels offered as a filter: those used last.
OFFERED = 30
#: Conversations looked at to find out how a label is spelled.
LOOKED_AT = 5
#: Follow-ups brought back at once.
BATCH = 100
#: Permits end within these years.
YEARS = range(2000, 2100)

Details = Mapping[str, str]


class WrongDetail(Exception):
    """What was given is not of the field's kind; the argument is the field."""


class CaseDetails:
    """Reads and writes them."""

    def __init__(self, redis: Redis, vault: Vault, retention_days: int = 30) -> None:
        self._redis = redis
        self._vault = vault
        self._expiry_s = retention_days * 24 * 3600
        self._write = redis.register_script(scripts.DETAILS)
        self._come_back = redis.register_script(scripts.COME_BACK)

    async def read(self, conversation: str) -> dict[str, str]:
        """The fields an advisor has written, "" for one that was emptied. Raises VaultError."""
        found = await self._redis.hgetall(desk(f"details:{conversation}"))
        return {
            name.decode(): self._vault.open(sealed, conversation)
            for name, sealed in cast(dict[bytes, bytes], found).items()
        }

    async def of_all(self, conversations: Sequence[str]) -> dict[str, dict[str, str]]:
        """Labels and follow-up of several conversations at once."""
        names = ["labels", "follow_up"]
        async with self._redis.pipeline(transaction=False) as pipeline:
            for conversation in conversations:
                pipeline.hmget(desk(f"details:{conversation}"), names)
            rows = await pipeline.execute()
        return {
            conversation: {
                name: self._vault.open(sealed, conversation)
                for name, sealed in zip(names, row, strict=True)
                if sealed is not None
            }
            for conversation, row in zip(conversations, rows, strict=True)
        }

    async def write(self, conversation: str, changed: Mapping[Field, str], zone: ZoneInfo) -> bool:
        """Set the fields given, checked with `clean` before; False when there is no case."""
        due, ids = "-", None
        if "follow_up" in changed:
            due = str(_morning_ms(changed["follow_up"], zone)) if changed["follow_up"] else ""
        if "labels" in changed:
            ids = [self.label_id(label) for label in labels_of(changed["labels"])]
        sealed: list[str | bytes] = []
        for name, value in changed.items():
            sealed += [name, self._vault.seal(value, conversation)]
        return bool(
            await self._write(
                keys=[
                    desk(f"case:{conversation}"), desk(f"details:{conversation}"),
                    desk(f"tags:{conversation}"), desk("labels"), desk("follow-ups"),
                    desk("events"),
                ],
                args=[
                    conversation, int(time.time() * 1000), self._expiry_s, EVENTS, due,
                    desk("label:"), -1 if ids is None else len(ids), *(ids or ()), *sealed,
                ],
            )
        )  # fmt: skip

    # Labels

    def label_id(self, label: str) -> str:
        """What a label is called where it stands unsealed."""
        return self._vault.pseudonym("label", label)

    async def with_label(self, id: str) -> set[str]:
        """The conversations that have a label."""
        found = cast(set[bytes], await self._redis.smembers(desk(f"label:{id}")))
        return {conversation.decode() for conversation in found}

    async def labels(self) -> dict[str, str]:
        """`{id: label}` of those used last; a label of no living case is dropped."""
        latest = await self._redis.zrevrange(desk("labels"), 0, OFFERED - 1)
        ids = [id.decode() for id in cast(list[bytes], latest)]
        async with self._redis.pipeline(transaction=False) as pipeline:
            for id in ids:
                pipeline.srandmember(desk(f"label:{id}"), LOOKED_AT)
            samples = [[each.decode() for each in found] for found in await pipeline.execute()]
        details = await self.of_all([each for sample in samples for each in sample])
        named = {}
        for id, sample in zip(ids, samples, strict=True):
            if not sample:
                await self._redis.zrem(desk("labels"), id)
            for conversation in sample:
                known = labels_of(details[conversation].get("labels", ""))
                spelled = next((label for label in known if self.label_id(label) == id), None)
                if spelled is None:  # the case has expired
                    await self._redis.srem(desk(f"label:{id}"), conversation)
                else:
                    named[id] = spelled
        return dict(sorted(named.items(), key=lambda each: each[1]))

    # Follow-up

    async def due(self) -> list[str]:
        """Conversations whose day has come, BATCH at most."""
        found = await self._redis.zrange(
            desk("follow-ups"), "-inf", int(time.time() * 1000), byscore=True, offset=0, num=BATCH
        )  # fmt: skip
        return [conversation.decode() for conversation in cast(list[bytes], found)]

    async def keeps_until(self, conversation: str, zone: ZoneInfo) -> date:
        """The last whole day on which there is still a conversation to come back to."""
        left_ms = [
            await self._redis.pttl(key)
            for key in (desk(f"case:{conversation}"), of_conversation(conversation, "conversation"))
        ]
        ends = datetime.now(zone) + timedelta(milliseconds=max(0, min(left_ms)))
        return ends.date() - timedelta(days=1)

    async def followed_up(self, conversation: str) -> None:
        """Its day has come and it has been seen to."""
        if (await self.read(conversation)).get("follow_up", "9999") <= today().isoformat():
            await self._redis.hdel(desk(f"details:{conversation}"), "follow_up")

    async def come_back(self, conversation: str) -> str:
        """Put a closed case that is due back into the queue, once.

        Answers the status it had, "later" when it is not due (any more), "gone" without a case.
        Who waits keeps the place; an advisor who has it keeps it, and is told.
        """
        answer = await self._come_back(
            keys=[
                desk("follow-ups"), desk("queue"), desk(f"case:{conversation}"), desk("closed"),
                desk("events"),
            ],
            args=[conversation, int(time.time() * 1000), EVENTS],
        )  # fmt: skip
        return cast(bytes, answer).decode()


def clean(field: Field, value: str, subjects: Iterable[str], last_day: date) -> str:
    """The value as it is kept, "" for none. Raises WrongDetail.

    `subjects`: ids of articles; `last_day`: the last one on which the conversation is kept.
    """
    value = plain(value)
    if not value:
        return ""
    if field == "labels":
        return ", ".join(_labels(value))
    known = {
        "department": value in departments(),
        "subject": value in subjects,
        "step": len(value) <= LONGEST_STEP,
    }
    if not known.get(field, True):
        raise WrongDetail(field)
    if field in ("end", "follow_up"):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise WrongDetail(field) from None
        if field == "end" and day.year not in YEARS:
            raise WrongDetail(field)
        if field == "follow_up" and not today() < day <= last_day:
            raise WrongDetail(field)
    return value


def labels_of(kept: str) -> list[str]:
    return kept.split(", ") if kept else []


def _labels(text: str) -> list[str]:
    """Small letters, one space, no sign before; each once, in order. Raises WrongDetail."""
    parts = (plain(part.strip().lstrip("#")).casefold() for part in re.split("[,;،；，、]", text))
    found = list(dict.fromkeys(part for part in parts if part))
    if len(found) > MOST_LABELS or any(len(label) > LONGEST_LABEL for label in found):
        raise WrongDetail("labels")
    return found


def _morning_ms(day: str, zone: ZoneInfo) -> int:
    return (
        int(datetime.combine(date.fromisoformat(day), datetime.min.time(), zone).timestamp()) * 1000
    )
