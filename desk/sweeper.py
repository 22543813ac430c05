"""What nobody clicks on: claims that lapse, follow-ups whose day has come, and steps that a
dying process left half done."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from datetime import UTC, datetime

from redis.exceptions import RedisError

from connectors.case_details import CaseDetails
from connectors.cases import Cases, NotYours
from connectors.escalation import WAITING
from connectors.threads import CLAIM, Threads
from connectors.transcript import Line
from guichet.hours import Hours

logger = logging.getLogger(__name__)

EVERY_S = 5.0
#: A claim so young may still be in the middle of its second step.
YOUNG_MS = 2000


class Sweeper:
    """Safe when several run: each step holds only while things stand as it saw them."""

    def __init__(
        self,
        cases: Cases,
        details: CaseDetails,
        threads: Threads,
        hours: Hours,
        claim_minutes: float,
    ) -> None:
        self._cases, self._details, self._threads = cases, details, threads
        self._hours = hours
        self._patience_ms = claim_minutes * 60_000

    async def run(self) -> None:
        while True:
            try:
                await self.sweep()
            except RedisError as error:
                logger.warning("redis away: %s", type(error).__name__)
            await asyncio.sleep(EVERY_S)

    async def sweep(self) -> None:
        now = time.time() * 1000
        for case in await self._cases.claimed(now - YOUNG_MS):
            marker = f"{CLAIM}{case.token}"
            if case.claimed < now - self._patience_ms and not case.answered:
                with contextlib.suppress(NotYours):
                    await self._cases.release(case, unanswered_only=True)
                    line = Line("system", kind="lapsed", advisor=case.advisor)
                    await self._threads.mark(case.conversation, WAITING, line, standing=marker)
            elif (await self._cases.find(case.conversation)).token == case.token:
                await self._threads.mark(case.conversation, marker)
        if self._hours.is_open(datetime.now(UTC)):
            await self._bring_back()
        await self._drop_the_forgotten()

    async def _bring_back(self) -> None:
        """Closed cases that an advisor wanted to see again today. The person is not told."""
        for conversation in await self._details.due():
            if await self._details.come_back(conversation) != "closed":
                continue
            person = await self._threads.person(conversation)
            standing = person.marker if person is not None else ""
            if not standing.startswith(CLAIM):  # somebody was as quick as that
                line = Line("system", kind="follow_up")
                await self._threads.mark(conversation, WAITING, line, standing=standing)

    async def _drop_the_forgotten(self) -> None:
        """Who waited so long that the conversation has expired."""
        for conversation in await self._cases.without_case():
            await self._cases.forget(conversation)
