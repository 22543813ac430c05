"""A turn while the desk has to do with the conversation: waiting, claimed, or just closed."""

from __future__ import annotations

import time
from dataclasses import replace

from connectors import menus
from connectors.cases import Case, Cases
from connectors.channels import Channel
from connectors.escalation import WAITING, Escalation
from connectors.records import Conversation, Inbound, Trace
from connectors.renderer import Rendered
from connectors.threads import CLAIM, Threads
from connectors.transcript import Line
from connectors.turns import Turns
from knowledge_base.dialogue import Texts, fold

#: The conversation's `desk` once the person has been asked how it went.
RATING = "rating"
#: A number is a rating for so long after the question.
RATING_MS = 48 * 3600 * 1000
#: What a person can always do, whoever has the conversation.
_ALWAYS = ("stop", "resume", "delete")


class Handover:
    """Between the worker and the bot's turns: the bot is silent while an advisor talks."""

    def __init__(
        self,
        turns: Turns,
        cases: Cases,
        threads: Threads,
        escalation: Escalation,
        texts: Texts,
    ) -> None:
        self._turns = turns
        self._cases = cases
        self._threads = threads
        self._escalation = escalation
        self._texts = texts

    async def answer(
        self,
        conversation: str,
        message: Inbound,
        before: Conversation,
        marker: str,
        channel: Channel,
    ) -> Rendered:
        """As Turns.answer; `marker` is the conversation's `desk`, see threads.py."""
        if not marker:
            return await self._turns.answer(conversation, message, before, channel)
        case = await self._cases.find(conversation)
        if marker.startswith(CLAIM) and case.status != "claimed":
            # A desk that died between two steps: the case is the truth.
            await self._threads.mark(conversation, "", standing=marker)
        word = self._texts.words.get(fold(message.text)) if message.kind == "text" else None
        always = message.kind == "control" or (word is not None and word.thing in _ALWAYS)
        if case.status == "claimed" and not always:
            _, names = await self._turns.keep(conversation, message, channel)
            # An older menu is not what a number answers any more.
            state = replace(before, options=(), rest=(), stopped=False)
            trace = Trace(media=names, desk=f"{CLAIM}{case.token}")
            return Rendered((), (), state, trace=trace)
        if case.status == "closed" and marker == RATING and not always:
            rated = await self._rated(message, before, case, channel)
            if rated is not None:
                return rated
        answered = await self._turns.answer(conversation, message, before, channel)
        trace = replace(answered.trace, always=answered.trace.always or always)
        if trace.desk is None and not trace.erased:
            trace = replace(trace, desk=self._standing(case, marker, answered))
        if answered.conversation.stopped and case.status == "waiting":
            # Who wants to be left alone cannot be answered by an advisor either.
            await self._cases.forget(conversation)
            return replace(answered, trace=replace(trace, desk=""))
        answered = replace(answered, trace=trace)
        # Who is to be followed up has not asked: nothing is said of a place.
        asked = case.status == "waiting" and case.why != "follow_up"
        if asked and answered.trace.desk == WAITING and answered.parts:
            if answered.trace.always:
                return answered  # the place was just told
            return await self._with_place_kept(answered, channel)
        return answered

    def _standing(self, case: Case, marker: str, answered: Rendered) -> str:
        if case.status == "claimed":
            return f"{CLAIM}{case.token}"
        if case.status == "waiting":
            return WAITING
        menu = any(option.numbered for option in answered.conversation.options)
        return RATING if marker == RATING and case.status == "closed" and not menu else ""

    async def _rated(
        self, message: Inbound, before: Conversation, case: Case, channel: Channel
    ) -> Rendered | None:
        rating = menus.number(message.text, self._texts) if message.kind == "text" else None
        recent = time.time() * 1000 - case.closed < RATING_MS
        if rating is None or not 1 <= rating <= 5 or not recent:
            return None
        await self._cases.rate(case.conversation, rating)
        said = self._turns.say("desk_rated", replace(before, options=()), channel, message)
        return replace(said, trace=Trace(answered=("desk_rated",), desk=""))

    async def _with_place_kept(self, answered: Rendered, channel: Channel) -> Rendered:
        line = await self._escalation.kept_line(
            answered.conversation.language, channel.limits.style
        )
        *others, last = answered.parts
        return replace(answered, parts=(*others, f"{last}\n{line}"))


def line_of(message: Inbound, language: str | None, trace: Trace) -> Line:
    """What the person said, for the transcript."""
    return Line(
        "person",
        message.text,
        message.kind,
        message.channel,
        language,
        media=trace.media,
        proposal=trace.proposal,
        answered=trace.answered,
    )
