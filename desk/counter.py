"""What an advisor does with a conversation. Pages and tests call this; HTTP is elsewhere.

Every step is safe to repeat: a page that lost the network sends the same again.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping, Sequence

from connectors.case_details import CaseDetails
from connectors.cases import Case, Cases, NotYours
from connectors.channels import Channel, Limits
from connectors.escalation import WAITING
from connectors.handover import RATING
from connectors.renderer import cut
from connectors.threads import CLAIM, Person, Threads
from connectors.transcript import Line
from desk.accounts import Advisor
from desk.audit import Audit
from guichet import sms
from knowledge_base.content import Library
from knowledge_base.dialogue import Texts
from knowledge_base.phrasebook import Phrasebook

#: Characters of one reply: ten SMS segments, as Twilio takes, or a chat message.
LONGEST = {"sms": 1500, "chat": 3500}


class Silenced(Exception):
    """The person has asked for no more messages: they must write first."""


class Gone(Exception):
    """The person has been forgotten, or the conversation was never ours."""


class WrongText(Exception):
    """Empty or too long."""


class NoPhrase(Exception):
    """The phrasebook has no such sentence."""


class Counter:
    """Claims, answers, hands on, closes."""

    def __init__(
        self,
        cases: Cases,
        details: CaseDetails,
        threads: Threads,
        audit: Audit,
        channels: Mapping[str, Channel],
        library: Library,
        texts: Texts,
        phrasebook: Phrasebook,
        capacity: int,
    ) -> None:
        self.cases, self.threads, self._audit = cases, threads, audit
        self._details = details
        self._channels, self._library, self._texts = channels, library, texts
        self.phrasebook = phrasebook
        self._capacity = capacity

    async def claim(self, conversation: str, advisor: Advisor) -> None:
        """Raises Full, NotYours."""
        token = await self.cases.claim(conversation, advisor.id, self._capacity)
        line = Line("system", kind="claimed", advisor=advisor.id)
        await self.threads.mark(conversation, f"{CLAIM}{token}", line)
        await self._audit.add("claim", advisor.id, conversation)

    async def claim_next(self, advisor: Advisor) -> str | None:
        """The head of the queue; None when nobody waits. Raises Full."""
        while True:
            cases, _ = await self.cases.waiting(1)
            if not cases:
                return None
            with contextlib.suppress(NotYours):  # a colleague was faster: the next one
                await self.claim(cases[0].conversation, advisor)
                return cases[0].conversation

    async def release(self, conversation: str, advisor: Advisor, note: str = "") -> None:
        """Back to the queue. Raises NotYours."""
        case = await self._mine(conversation, advisor)
        await self._note(conversation, advisor, note)
        await self.cases.release(case)
        line = Line("system", kind="released", advisor=advisor.id)
        await self.threads.mark(conversation, WAITING, line)
        await self._audit.add("release", advisor.id, conversation)

    async def transfer(
        self, conversation: str, advisor: Advisor, colleague: Advisor, note: str = ""
    ) -> None:
        """Raises NotYours, Full."""
        case = await self._mine(conversation, advisor)
        token = await self.cases.transfer(case, colleague.id, self._capacity)
        await self._note(conversation, advisor, note)
        line = Line("system", kind="transferred", advisor=colleague.id)
        await self.threads.mark(conversation, f"{CLAIM}{token}", line)
        await self._audit.add("transfer", advisor.id, conversation, colleague.id)

    async def reply(
        self, conversation: str, advisor: Advisor, text: str, client_id: str, original: str = ""
    ) -> None:
        """`original`: what was written, where a machine translated it; the person is told so.

        Raises NotYours, Gone, Silenced, WrongText.
        """
        person = await self.person(conversation)
        limits = self.limits(person)
        text = text.replace("\r\n", "\n").strip()
        if not text or max(len(text), len(original)) > LONGEST[limits.style]:
            raise WrongText
        line = Line("advisor", language=None, advisor=advisor.id, original=original.strip())
        if line.original:
            text += f"\n{self._texts.phrases(person.language).labels['machine_translated']}"
        await self._say(conversation, advisor, person, parts(text, limits), line, client_id)
        await self._audit.add("reply", advisor.id, conversation)

    async def send_article(
        self, conversation: str, advisor: Advisor, id: str, client_id: str
    ) -> None:
        """In the person's language and the form of the channel.

        Raises NotYours, Gone, Silenced, KeyError.
        """
        person = await self.person(conversation)
        text = self.article_text(id, person)
        line = Line(
            "advisor", kind="article", language=person.language, advisor=advisor.id, answered=(id,)
        )
        texts = parts(text, self.limits(person))
        await self._say(conversation, advisor, person, texts, line, client_id)
        await self._audit.add("article", advisor.id, conversation, id)

    def article_text(self, id: str, person: Person) -> str:
        """What would be sent. Raises KeyError."""
        article = self._library.article(id, person.language)
        if self.limits(person).style == "sms":
            return self._library.fill(article.sms, article.language)
        return self._library.fill(f"{article.title}\n\n{article.message}", article.language)

    async def send_phrase(
        self,
        conversation: str,
        advisor: Advisor,
        key: str,
        values: Mapping[str, str],
        client_id: str,
    ) -> None:
        """A sentence of the phrasebook, as send_article.

        Raises NotYours, Gone, Silenced, NoPhrase, WrongField.
        """
        person = await self.person(conversation)
        text = self.phrase_text(key, person, values)
        language = self.phrasebook.language(person.language)
        line = Line(
            "advisor", kind="phrase", language=language, advisor=advisor.id, answered=(key,)
        )
        texts = parts(text, self.limits(person))
        await self._say(conversation, advisor, person, texts, line, client_id)
        await self._audit.add("phrase", advisor.id, conversation, key)

    def phrase_text(self, key: str, person: Person, values: Mapping[str, str]) -> str:
        """What would be sent. Raises NoPhrase, WrongField."""
        try:
            return self.phrasebook.say(key, person.language, values)
        except KeyError:
            raise NoPhrase from None

    async def close(self, conversation: str, advisor: Advisor) -> None:
        """Asks how it went and gives the conversation back to the bot. Raises NotYours."""
        case = await self._mine(conversation, advisor)
        person = await self.threads.person(conversation)
        if person is not None:
            limits = self.limits(person)
            question = self._texts.phrases(person.language).say("desk_rate", limits.style)
            texts = [] if person.state.stopped else parts(question, limits)
            await self.threads.say(
                conversation,
                person,
                case.token,
                f"close:{case.token}",
                texts,
                Line("bot", language=person.language, advisor=advisor.id, answered=("desk_rate",)),
                RATING,
            )
        await self.cases.close(case)
        await self._details.followed_up(conversation)
        await self._audit.add("close", advisor.id, conversation)

    async def add_note(self, conversation: str, advisor: Advisor, text: str) -> None:
        """For colleagues only. Raises Gone."""
        if (await self.cases.find(conversation)).status == "none":
            raise Gone
        await self._note(conversation, advisor, text)
        await self.cases.tell("note", conversation, advisor.id)

    async def person(self, conversation: str) -> Person:
        """Raises Gone."""
        person = await self.threads.person(conversation)
        if person is None or person.channel not in self._channels:
            raise Gone
        return person

    def limits(self, person: Person) -> Limits:
        return self._channels[person.channel].limits

    async def close_channels(self) -> None:
        for channel in self._channels.values():
            await channel.close()

    async def _say(
        self,
        conversation: str,
        advisor: Advisor,
        person: Person,
        texts: Sequence[str],
        line: Line,
        client_id: str,
    ) -> None:
        if person.state.stopped:
            raise Silenced
        case = await self._mine(conversation, advisor)
        await self.cases.answered(conversation, case.token)
        # A page cannot guess another advisor's id: it counts once for each advisor.
        said_as = f"{advisor.id}:{client_id or secrets.token_hex(8)}"
        try:
            await self.threads.say(conversation, person, case.token, said_as, texts, line)
        except NotYours:
            # The claim is ours and the copy beside the conversation is old: mend it, once.
            await self.threads.mark(conversation, f"{CLAIM}{case.token}")
            await self.threads.say(conversation, person, case.token, said_as, texts, line)
        await self.cases.tell("message", conversation, advisor.id)

    async def _mine(self, conversation: str, advisor: Advisor) -> Case:
        case = await self.cases.find(conversation)
        if case.status != "claimed" or case.advisor != advisor.id:
            raise NotYours
        return case

    async def _note(self, conversation: str, advisor: Advisor, text: str) -> None:
        if text.strip():
            await self.cases.add_note(conversation, advisor.id, text.strip()[:2000])
            await self._audit.add("note", advisor.id, conversation)


def parts(text: str, limits: Limits) -> list[str]:
    """Messages within the channel's limits, all of them sent."""
    if limits.style == "sms":
        return sms.split(sms.to_gsm_7(text), limits.part_segments)
    return cut(text, limits.part_characters)
