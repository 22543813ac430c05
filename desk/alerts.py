"""Tells advisors who are not at the desk that somebody waits: on Telegram or by e-mail.

A link, never a word of the person's. An advisor hears of a wait once, while the desk is open.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors.cases import Case, Cases
from connectors.channels import Channel, SendLater, SendNever, Unsubscribed
from connectors.keys import desk
from connectors.pairing import Pairing
from connectors.records import Outbound
from connectors.telegram import Telegram
from desk import mail
from desk.accounts import Accounts, Advisor
from desk.texts import words
from guichet.hours import Hours
from guichet.settings import Settings

logger = logging.getLogger(__name__)

Way = Literal["telegram", "mail"]
WAYS: tuple[Way, ...] = ("telegram", "mail")
EVERY_S = 5.0
#: Conversations looked at each time, from the head of the queue.
LOOKED_AT = 20
#: A wait is not told of twice within this.
TOLD_S = 7 * 24 * 3600


class Alerts:
    """Safe when several run: a mark in Redis says who has been told of what."""

    def __init__(
        self,
        settings: Settings,
        redis: Redis,
        cases: Cases,
        accounts: Accounts,
        pairing: Pairing,
        channels: Mapping[str, Channel],
    ) -> None:
        self._redis = redis
        self._cases = cases
        self._accounts = accounts
        self._pairing = pairing
        self._telegram = channels.get("telegram")
        self._server = settings.mail_server()
        self._address = settings.desk_url
        self._patience_ms = settings.alert_seconds * 1000
        self._hours: Hours = settings.hours()

    @property
    def by_mail(self) -> bool:
        return self._server is not None

    @property
    def by_telegram(self) -> bool:
        return self._telegram is not None

    async def bot_name(self) -> str:
        """The bot's name on Telegram, for a link to it; "" while Telegram is away."""
        if not isinstance(self._telegram, Telegram):
            return ""
        try:
            return await self._telegram.username()
        except (SendLater, SendNever):
            return ""

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except RedisError as error:
                logger.warning("redis away: %s", type(error).__name__)
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Tell of everybody who has waited long enough; who is urgent has at once."""
        if not (self.by_mail or self.by_telegram) or not self._hours.is_open(datetime.now(UTC)):
            return
        latest = time.time() * 1000 - self._patience_ms
        waiting, _ = await self._cases.waiting(LOOKED_AT)
        due = [case for case in waiting if case.why != "asked" or case.since <= latest]
        if not due:
            return
        for advisor in await self._accounts.all():
            if not advisor.disabled:
                await self._tell(advisor, due)

    async def _tell(self, advisor: Advisor, due: list[Case]) -> None:
        for way in WAYS:
            if not await self.has(advisor, way):
                continue
            marks = [
                desk(f"told:{way}:{advisor.id}:{case.conversation}:{case.since}") for case in due
            ]
            new = [
                (case, mark)
                for case, mark in zip(due, marks, strict=True)
                if await self._redis.set(mark, "1", nx=True, ex=TOLD_S)
            ]
            if not new:
                continue
            try:
                await self.send(advisor, way, *self._text(advisor, [case for case, _ in new]))
            except (SendLater, mail.NotSent) as error:
                await self._redis.delete(*(mark for _, mark in new))  # the next look tries again
                logger.warning("an advisor was not told by %s: %s", way, error)

    async def send(self, advisor: Advisor, way: Way, subject: str, text: str) -> None:
        """One message to an advisor. Raises SendLater, NotSent."""
        if way == "mail":
            assert self._server is not None
            await mail.send(self._server, advisor.email, subject, text)
            return
        address = await self._pairing.address(advisor.id)
        assert self._telegram is not None
        try:
            await self._telegram.send(Outbound("telegram", address or "", f"{subject}\n{text}"))
        except Unsubscribed:
            await self._pairing.end(advisor.id)  # blocked us: not to be told any more
        except SendNever as error:
            logger.warning("Telegram refuses an alert: %s", error)

    async def has(self, advisor: Advisor, way: Way) -> bool:
        """Whether the advisor can be told so."""
        if way == "mail":
            return self.by_mail and bool(advisor.email)
        return self.by_telegram and await self._pairing.address(advisor.id) is not None

    def _text(self, advisor: Advisor, new: list[Case]) -> tuple[str, str]:
        known = words(advisor.language)
        if len(new) > 1:
            return known["alert_several"].format(len(new)), f"{self._address}/"
        [case] = new
        why = "" if case.why == "asked" else f" ({known[case.why]})"
        return known["alert_one"] + why, f"{self._address}/c/{case.conversation}"
