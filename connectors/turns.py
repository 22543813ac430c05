"""One turn of a conversation: from a person's message to the texts that answer it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors import manners, menus
from connectors import media as files
from connectors.channels import Channel, SendNever
from connectors.escalation import WAITING, Escalation, trace_of
from connectors.mailbox import Mailbox
from connectors.menus import REST_PAYLOAD
from connectors.pairing import BUTTON, PAIRED, Pairing
from connectors.rasa import Rasa, RasaFailed
from connectors.records import Conversation, Inbound, Trace
from connectors.renderer import Rendered, Renderer
from connectors.skills import Skills
from connectors.telegram import GROUP
from knowledge_base.dialogue import Word, fold
from knowledge_base.languages import load_languages

logger = logging.getLogger(__name__)

#: Words of the bot's own that work whatever Rasa or an advisor does.
_DIRECT = ("human", "menu", "stop")
#: Answers a person who cannot read our letters; always in these.
LATIN_LINE = "Illisible ? Repondez FRANCAIS."
FRENCH_WORD = "francais"
#: Words that ask for what a counter does, see `words` in bot/responses/.
SKILL_WORDS = {
    "dates": menus.DATES,
    "reminders": "/ask_reminders",
    "cancel_reminders": "/cancel_reminders",
    "letter": menus.LETTER,
    "log_add": "/log_blockage",
    "log": "/ask_log",
    "department": menus.DEPARTMENT,
    "cancel": "/cancel",
    "shorter": "/shorter",
}
#: What Rasa's forms ask for; anything else that is awaited is ours.
FORMS = frozenset({"permit_end", "permit_kind", "department"}) | {
    f"letter_{name}" for name in ("procedure", "since", "tried", "screen")
}
LOG_DETAIL, USEFUL = "log_detail", "useful"
#: So often in a row a person may ask something else before a form is dropped.
MOST_STRAYED = 2
#: A form left for so long is dropped when the person writes again, in seconds.
LEFT_S = 24 * 3600
#: What was read on a picture is shown so far, by style.
SHOWN = {"sms": 100, "chat": 400}


class Turns:
    """Reads a message as a choice, a word of ours, a file or a question, and answers it."""

    def __init__(
        self,
        mailbox: Mailbox,
        rasa: Rasa,
        renderer: Renderer,
        skills: Skills,
        pairing: Pairing,
        escalation: Escalation | None = None,
    ) -> None:
        self._mailbox = mailbox
        self._rasa = rasa
        self._renderer = renderer
        self._skills = skills
        self._pairing = pairing
        self._escalation = escalation

    async def answer(
        self, conversation: str, message: Inbound, before: Conversation, channel: Channel
    ) -> Rendered:
        """The texts and the new state. Raises RasaAway, RasaFailed, SendLater, RedisError."""
        rendered = await self._answer(conversation, message, before, channel)
        state = replace(rendered.conversation, asked_at=time.time())
        rendered = replace(rendered, conversation=state)
        return manners.welcome(rendered, self._renderer, channel.limits)

    async def _answer(
        self, conversation: str, message: Inbound, before: Conversation, channel: Channel
    ) -> Rendered:
        if message.kind == "control":
            # The provider has answered already, and holds back what we would write.
            state = replace(before, stopped=message.control == "stop")
            return Rendered((), (), state)
        if message.kind == "call":
            return await self._ask(conversation, "/menu", message, before, channel)
        if message.kind == "button":
            return await self._button(conversation, message, before, channel)
        if message.media:
            return await self._files(conversation, message, before, channel)
        if message.kind != "text":
            name = "empty" if message.kind == "empty" else "media"
            return self.say(name, before, channel, message)
        return await self._text(conversation, message.text, message, before, channel)

    def say(self, name: str, before: Conversation, channel: Channel, message: Inbound) -> Rendered:
        """A named response, without Rasa."""
        language = self._language(before, message)
        payload = {"type": "response", "name": name, "language": language}
        return self._renderer.render([payload], channel.limits, before)

    async def _text(
        self,
        conversation: str,
        text: str,
        message: Inbound,
        before: Conversation,
        channel: Channel,
    ) -> Rendered:
        folded = fold(text)
        word = self._renderer.texts.words.get(folded)
        if word is not None and word.thing == "delete":
            await self._mailbox.erase(conversation)
            await self._skills.notebook.erase(conversation)
            gone = Conversation(language=word.language or before.language)
            said = self.say("deleted", gone, channel, message)
            return replace(said, trace=Trace(always=True, erased=True))
        if word is not None and word.thing == "resume" and before.stopped:
            return self.say("resumed", replace(before, stopped=False), channel, message)
        option = menus.chosen(text, before.options, self._renderer.texts)
        if option is not None:
            return await self._ask(conversation, option.payload, message, before, channel)
        if folded == FRENCH_WORD:
            before = replace(before, latin_only=True, language="fr")
            payload = '/set_language{"language": "fr"}'
            return await self._ask(conversation, payload, message, before, channel)
        if word is not None and before.language is None and message.language is None:
            before = replace(before, language=word.language or word.first)
        plain = self._plain(text, word, awaited=bool(before.expects))
        if plain.startswith("/") or not any(char.isalnum() for char in plain):
            return await self._ask(conversation, plain, message, before, channel)
        return await self._understand(conversation, plain, message, before, channel)

    async def _understand(
        self,
        conversation: str,
        text: str,
        message: Inbound,
        before: Conversation,
        channel: Channel,
    ) -> Rendered:
        """A text that is no choice and no word of ours: an answer to us, or a question."""
        if before.expects in FORMS and time.time() - before.asked_at > LEFT_S:
            # Whoever comes back after so long has something else in mind.
            before = await self._drop_form(conversation, before)
        decision = await self._rasa.decide(text, before.language, before.expects, before.article)
        payload = self._reply(decision, before)
        if before.expects in FORMS and payload is None:
            if before.strayed == MOST_STRAYED:
                before = await self._drop_form(conversation, before)
            else:
                before = replace(before, strayed=before.strayed + 1)
        if payload == LOG_DETAIL:
            await self._skills.add_to_log(conversation, text)
            return self.say("log_added", before, channel, message)
        if payload in ("useful_yes", "useful_no"):
            return self._was_useful(payload, before, channel, message)
        if payload is not None:
            before = replace(before, strayed=0)
            return await self._ask(conversation, payload, message, before, channel)
        return await self._ask(conversation, text, message, before, channel, decision)

    async def _drop_form(self, conversation: str, before: Conversation) -> Conversation:
        await self._rasa.ask(conversation, "/cancel", before.language)
        return replace(before, expects="", yes="", strayed=0)

    def _reply(self, decision: Mapping[str, Any], before: Conversation) -> str | None:
        """What a message says in answer to what was just asked; None when it does not."""
        answer = decision["expected"]
        if answer is not None:
            if answer["problem"]:
                return f"/form_problem{json.dumps({'problem': answer['problem']})}"
            if before.expects == LOG_DETAIL:
                return LOG_DETAIL
            return f"/inform{json.dumps({before.expects: answer['value']}, ensure_ascii=False)}"
        act = decision["label"] if decision["decision"] == "act" else None
        if before.expects == USEFUL and act in ("affirm", "deny"):
            return "useful_yes" if act == "affirm" else "useful_no"
        if act == "affirm" and before.yes:
            return before.yes
        if decision["date"] is not None and before.expects not in FORMS and act is None:
            dates = {"permit_end": decision["date"], "permit_kind": None}
            return f"/ask_dates{json.dumps(dates)}"
        return None

    def _was_useful(
        self, name: str, before: Conversation, channel: Channel, message: Inbound
    ) -> Rendered:
        said = self.say(name, before, channel, message)
        yes = "/human" if name == "useful_no" else ""
        return replace(
            said,
            conversation=replace(said.conversation, yes=yes),
            trace=Trace(answered=(name,), vote=(name, before.article or "")),
        )

    async def _button(
        self, conversation: str, message: Inbound, before: Conversation, channel: Channel
    ) -> Rendered:
        if message.code == GROUP:
            return self.say("group", before, channel, message)
        if message.channel == "telegram" and message.code.startswith(BUTTON):
            code = message.code.removeprefix(BUTTON)
            if await self._pairing.redeem(code, message.address):
                # An advisor's: nothing of it is a conversation to write down.
                return Rendered((PAIRED,), (), before, trace=Trace(always=True, erased=True))
        payload = menus.payload(message.code)
        if payload is None or not self._renderer.knows(payload):
            # An old button, or somebody's own: the words on it may still be understood. A
            # command (a link to what does not exist) has no words.
            if message.text.strip() and not message.text.startswith("/"):
                return await self._text(conversation, message.text, message, before, channel)
            payload = "/menu"
        return await self._ask(conversation, payload, message, before, channel)

    async def _files(
        self, conversation: str, message: Inbound, before: Conversation, channel: Channel
    ) -> Rendered:
        """Keep what was sent; answer its caption, or what can be read on it."""
        kept, names = await self.keep(conversation, message, channel)
        if kept and before.expects == LOG_DETAIL:
            await self._skills.add_to_log(conversation, message.text, names)
            answered = self.say("log_added", before, channel, message)
        else:
            answered = await self._of_files(conversation, message, before, channel, kept)
        return replace(answered, trace=replace(answered.trace, media=names))

    async def keep(
        self, conversation: str, message: Inbound, channel: Channel
    ) -> tuple[list[files.Kept], tuple[str, ...]]:
        """Fetch what was sent and keep it sealed; the files, and the names they have now."""
        kept: list[files.Kept] = []
        names: list[str] = []
        for number, sent in enumerate(message.media):
            try:
                found = files.look(await channel.fetch(sent, files.LARGEST))
            except SendNever as error:
                logger.warning("a file was not taken: %s", error)
                continue
            if found is not None:
                kept.append(found)
                names.append(f"{message.id}:{number}:{found.content_type}")
                sealed = self._mailbox.vault.cipher.seal(found.content, conversation)
                await self._mailbox.keep_media(conversation, names[-1], sealed)
        return kept, tuple(names)

    async def _of_files(
        self,
        conversation: str,
        message: Inbound,
        before: Conversation,
        channel: Channel,
        kept: list[files.Kept],
    ) -> Rendered:
        if message.text.strip():
            return await self._text(conversation, message.text, message, before, channel)
        if not kept:
            return self.say("media_refused", before, channel, message)
        read = ""
        for found in kept:
            if found.sort == "picture" and files.can_read():
                read = read or await files.read(found.content)
        if read:
            answered = await self._ask(conversation, self._plain(read), message, before, channel)
            return self._with_what_was_read(read, answered, channel)
        name = "voice_kept" if kept[0].sort == "sound" else "media_kept"
        return self.say(name, before, channel, message)

    def _with_what_was_read(self, read: str, answered: Rendered, channel: Channel) -> Rendered:
        style = channel.limits.style
        phrases = self._renderer.texts.phrases(answered.conversation.language)
        shown = " ".join(read.split())
        if len(shown) > SHOWN[style]:
            shown = shown[: SHOWN[style]].rsplit(" ", 1)[0] + "..."
        line = self._renderer.plain(f"{phrases.labels['i_read']} {shown}", channel.limits)
        return replace(answered, parts=(line, *answered.parts))

    async def _ask(
        self,
        conversation: str,
        text: str,
        message: Inbound,
        before: Conversation,
        channel: Channel,
        decision: Mapping[str, Any] | None = None,
    ) -> Rendered:
        """Ask Rasa, with a message or a payload, do what it says, and render it."""
        if text == REST_PAYLOAD:
            return self._renderer.rest(channel.limits, before)
        if not any(char.isalnum() for char in text):
            return self.say("empty", before, channel, message)
        if not text.startswith("/") and decision is None:
            decision = await self._rasa.decide(text, before.language, "", before.article)
        if text.startswith("/") and before.language is None:
            text = _with_language(text, self._language(before, message))
        answer = await self._rasa.ask(conversation, text, before.language, decision)
        before = self._script(answer.payloads, message, before)
        escalated = None
        if self._escalation is not None:
            escalated = await self._escalation.look(
                conversation, message, answer, channel.limits.style
            )
        payloads = escalated.payloads if escalated else answer.payloads
        try:
            done = await self._skills.do(conversation, message, payloads, before)
            said, state = manners.after(done.payloads, done.state)
            rendered = self._renderer.render(said, channel.limits, state)
        except KeyError as error:
            logger.error("Rasa's answer cannot be rendered: %s", error)
            raise RasaFailed("answer not renderable") from None
        trace = trace_of(answer)
        if escalated is not None:
            trace = replace(trace, desk=WAITING, always=True)
        rendered = replace(rendered, document=done.document, trace=trace)
        return self._with_latin_line(rendered, message, channel)

    def _script(
        self, payloads: Sequence[dict[str, Any]], message: Inbound, before: Conversation
    ) -> Conversation:
        """Turn answers to French for a telephone that shows Latin letters only."""
        languages = load_languages()
        if not before.latin_only:
            return before
        for payload in payloads:
            language = languages.get(payload["language"])
            if language is None or language.script == "Latin":
                continue
            if language.written_in(message.text):
                return replace(before, latin_only=False)  # it shows the script after all
            payload["language"] = "fr"
        return before

    def _with_latin_line(self, rendered: Rendered, message: Inbound, channel: Channel) -> Rendered:
        state = rendered.conversation
        language = load_languages().get(state.language or "")
        if (
            channel.limits.style != "sms"
            or state.told_latin
            or state.stopped
            or language is None
            or language.script == "Latin"
            or message.kind != "text"
            or language.written_in(message.text)
            or not any(char.isalpha() for char in message.text)
        ):
            return rendered
        return replace(
            rendered,
            parts=(*rendered.parts, LATIN_LINE),
            conversation=replace(state, told_latin=True),
        )

    def _plain(self, text: str, word: Word | None = None, *, awaited: bool = False) -> str:
        """A person's text, never a payload: `/restart` would drive Rasa.

        A word that stands for a thing in any language ("HUMAIN", "MENU") becomes its
        payload, so that what the answers promise always works.
        """
        if word is not None and word.thing in SKILL_WORDS:
            payload = SKILL_WORDS[word.thing]
            return _with_language(payload, word.language) if word.language else payload
        if word is not None and word.thing in _DIRECT:
            entities = json.dumps({"language": word.language}) if word.language else ""
            return f"/{word.thing}{entities}"
        if word is not None and word.thing == "more":
            return "/ask_details"  # nothing more was offered: of the last article, if any
        folded = fold(text)
        if folded.isdecimal() and len(folded) <= 2 and not awaited:
            return "/menu"  # a number, but nothing was offered under it
        return text.encode("utf-8", "replace").decode().lstrip("/ \t\r\n\N{FULLWIDTH SOLIDUS}")

    def _language(self, before: Conversation, message: Inbound) -> str:
        """The conversation's language; at first contact what the telephone tells."""
        return self._renderer.texts.phrases(before.language or message.language).language


def _with_language(payload: str, language: str) -> str:
    """A payload that also tells the language, where it names none itself."""
    intent, brace, entities = payload.partition("{")
    found: dict[str, Any] = json.loads(brace + entities) if brace else {}
    return intent + json.dumps({"language": language, **found})
