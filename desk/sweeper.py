"""What nobody clicks on: claims that lapse, and steps that a dying process left half done."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from redis.exceptions import RedisError

from connectors.cases import Cases, NotYours
from connectors.escalation import WAITING
from connectors.threads import CLAIM, Threads
from connectors.transcript import Line

logger = logging.getLogger(__name__)

EVERY_S = 5.0
#: A claim so young may still be in the middle of its second step.
YOUNG_MS = 2000


class Sweeper:
    """Safe when several run: each step holds only while things stand as it saw them."""

    def __init__(self, cases: Cases, threads: Threads, claim_minutes: float) -> None:
        self._cases = cases
        self._threads = threads
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
        await self._drop_the_forgotten()

    async def _drop_the_forgotten(self) -> None:
        """Who waited so long that the conversation has expired."""
        for conversation in await self._cases.without_case():
            await self._cases.forget(conversation)
