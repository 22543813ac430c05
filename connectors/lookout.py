"""What the association learns from a turn, once it is written.

Two lists grow here, neither of which tells who wrote: questions without a sure answer
(unanswered.py) and blockages met (observatory.py). A turn that is done again counts once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from redis.exceptions import RedisError

from connectors.cases import Cases
from connectors.escalation import WAITING
from connectors.observatory import Observatory
from connectors.records import Conversation, Inbound
from connectors.renderer import Rendered
from connectors.turns import LOG_DETAIL
from connectors.unanswered import Unanswered, Why
from guichet.vault import VaultError
from knowledge_base.blockages import Blockages
from knowledge_base.content import Entry

logger = logging.getLogger(__name__)

#: What the bot says when it offers articles to choose from, and when it has none.
UNSURE = ("choose", "fallback")


class Lookout:
    """Looks at each turn of the bot's."""

    def __init__(
        self,
        cases: Cases,
        unanswered: Unanswered,
        observatory: Observatory,
        blockages: Blockages,
        entries: Mapping[str, Entry],
    ) -> None:
        self._cases = cases
        self._unanswered = unanswered
        self._observatory = observatory
        self._blockages = blockages
        self._entries = entries

    async def look(
        self, conversation: str, message: Inbound, before: Conversation, rendered: Rendered
    ) -> None:
        """Never fails: the person has been answered already."""
        if rendered.trace.erased or not rendered.trace.answered:
            return
        try:
            await self._note_question(conversation, message, before, rendered)
            await self._note_blockages(conversation, message, before, rendered)
        except (RedisError, VaultError) as error:
            logger.warning("a turn was not looked at: %s", type(error).__name__)

    async def _note_question(
        self, conversation: str, message: Inbound, before: Conversation, rendered: Rendered
    ) -> None:
        trace, language = rendered.trace, rendered.conversation.language or "fr"
        last = trace.answered[-1]
        if trace.proposal and last in UNSURE:
            why: Why = "choose" if last == "choose" else "fallback"
            await self._unanswered.add(conversation, message.text, language, why, trace.proposal)
        elif _chosen(before, rendered) and last in self._entries:
            await self._unanswered.settle(conversation)
        elif "human" in trace.answered and trace.desk == WAITING:
            packet = (await self._cases.find(conversation)).packet
            if packet is not None:
                await self._unanswered.add(
                    conversation, packet.question, language, "human", packet.proposal
                )

    async def _note_blockages(
        self, conversation: str, message: Inbound, before: Conversation, rendered: Rendered
    ) -> None:
        trace, state = rendered.trace, rendered.conversation
        # Who only leafs through the menu has not met what stands there.
        asked = bool(trace.proposal) or _chosen(before, rendered)
        articles = [id for id in trace.answered if asked and id in self._entries]
        skills = ["letter"] if rendered.document is not None else []
        skills += ["log"] if "log" in trace.answered and state.expects == LOG_DETAIL else []
        for kind in self._blockages.met(articles, skills, message.text):
            subject = self._subject([*articles, before.article or ""])
            await self._observatory.note(
                conversation, kind, state.department, subject, state.language or "fr"
            )

    def _subject(self, articles: list[str]) -> str:
        """What the person wants of the prefecture; an article on the blockage does not tell."""
        for id in articles:
            if id in self._entries and id not in self._blockages.articles:
                return self._entries[id].category
        return ""


def _chosen(before: Conversation, rendered: Rendered) -> bool:
    """Whether the person chose from articles offered: their menu ends with "none of these"."""
    offered = any(option.payload.startswith("/nlu_fallback") for option in before.options)
    return offered and not rendered.trace.proposal
