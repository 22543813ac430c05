"""How an answer reads on a channel, in a language.

Rasa says what to say: `{"type": "article", "id": "fees", "language": "fr"}`. The
renderer turns it into messages within the channel's limits, and into the menu that
the next reply may choose from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors import menus
from connectors.channels import Limits
from connectors.menus import DATES, LETTER, REST_PAYLOAD
from connectors.records import NO_TRACE, Button, Conversation, Document, Option, Trace
from guichet import sms
from knowledge_base.content import Library
from knowledge_base.dialogue import Phrases, Texts

HUMAN_PAYLOAD = "/human"
#: What Rasa writes where there is no third candidate.
NO_CANDIDATE = "none"
#: Urgencies whose numbers come first; each has a response of its name.
ALARMS = ("danger", "distress")
#: What may have been tried before a letter is written, in the order of letter.yml.
TRIED = (
    "tried_contact_centre",
    "tried_digital_point",
    "tried_message",
    "tried_counter",
    "tried_association",
    "tried_other_device",
)
#: Buttons of chats under the articles that a skill continues: labels and payloads.
SKILLS = {
    "renewal-when": (("my_dates", DATES),),
    "renewal-how": (("my_dates", DATES),),
    "permit-expired": (("my_dates", DATES),),
    "substitution": (("letter", LETTER),),
    "technical-block": (("log_add", "/log_blockage"), ("letter", LETTER)),
    "proof-of-blockage": (("log_add", "/log_blockage"), ("letter", LETTER)),
}


@dataclass(frozen=True)
class Rendered:
    """Messages to send, in order, and what to remember for the next reply."""

    parts: tuple[str, ...]
    buttons: tuple[Button, ...]  #: under the last part
    conversation: Conversation
    document: Document | None = None  #: goes with the last part
    alarmed: bool = False  #: emergency numbers come first
    trace: Trace = NO_TRACE


@dataclass
class _Draft:
    text: str
    options: list[Option]
    heading: str = ""


class Renderer:
    """Renders Rasa's `custom` payloads with the library and the dialogue texts."""

    def __init__(self, library: Library, texts: Texts) -> None:
        self._library = library
        self.texts = texts

    def render(
        self, payloads: Sequence[Mapping[str, Any]], limits: Limits, before: Conversation
    ) -> Rendered:
        """Several payloads become messages one after the other; the last one's menu holds.

        Raises KeyError for a payload that names what does not exist.
        """
        parts: list[str] = []
        state = replace(before, expects="", yes="")
        buttons: tuple[Button, ...] = ()
        for payload in payloads:
            language = self.texts.phrases(payload["language"]).language
            if payload.get("urgency") in ALARMS:
                parts.append(self._alarm(payload["urgency"], language, limits))
            draft = self._draft(payload, self.texts.phrases(language), limits)
            rendered = self._lay_out(draft, language, limits, state)
            parts += rendered.parts
            if payload["type"] == "text" and len(parts) > len(rendered.parts):
                continue  # said besides an answer: its menu still holds
            buttons = rendered.buttons
            state = replace(
                rendered.conversation,
                expects=payload.get("expects", ""),
                yes=payload.get("yes", ""),
                article=payload["id"] if payload["type"] == "article" else state.article,
            )
        stopped = any(payload.get("name") == "stop" for payload in payloads)
        alarmed = any(payload.get("urgency") in ALARMS for payload in payloads)
        return Rendered(tuple(parts), buttons, replace(state, stopped=stopped), alarmed=alarmed)

    def knows(self, payload: str) -> bool:
        """Whether a button's payload names an article or a language that there is."""
        entities = json.loads(payload[payload.index("{") :]) if "{" in payload else {}
        article, language = entities.get("article"), entities.get("language")
        return (article is None or ("fr", article) in self._library.articles) and (
            language is None or language in self.texts.languages
        )

    def response(self, name: str, language: str, limits: Limits, values: Mapping[str, str]) -> str:
        """A named response by itself."""
        text = self.texts.phrases(language).say(name, limits.style, **values)
        return self.plain(text, limits)

    def plain(self, text: str, limits: Limits) -> str:
        """A text in the letters of the channel."""
        return sms.to_gsm_7(text) if limits.style == "sms" else text

    def rest(self, limits: Limits, before: Conversation) -> Rendered:
        """The next part of a long answer that was cut."""
        language = self.texts.phrases(before.language).language
        return self._page(list(before.rest), [], language, limits, before)

    def _draft(self, payload: Mapping[str, Any], phrases: Phrases, limits: Limits) -> _Draft:
        kind = payload["type"]
        if kind == "article":
            return self._article(payload["id"], phrases, limits, bool(payload.get("short")))
        if kind == "details":
            return self._details(payload["id"], phrases, limits)
        if kind == "choose":
            text = phrases.say("choose", limits.style)
            return _Draft(text, list(self._buttons(payload["buttons"], phrases)))
        if kind == "languages":
            options = [
                Option(
                    self.texts.phrases(code).name,
                    f'/set_language{{"language": "{code}"}}',
                    (code,),
                )
                for code in self.texts.languages
            ]
            return _Draft(phrases.say("languages", limits.style), options)
        if kind == "tried":
            lines = [f"{number} {phrases.labels[name]}" for number, name in enumerate(TRIED, 1)]
            return _Draft("\n".join([phrases.say("ask_letter_tried", limits.style), *lines]), [])
        if kind == "text":  # made here already, in this channel's style
            return _Draft(payload["text"], [])
        if kind == "response":
            text = phrases.say(payload["name"], limits.style, **payload.get("values", {}))
            lines = [_line(phrases, *line) for line in payload.get("lines", ())]
            buttons = self._buttons(payload.get("buttons", ()), phrases)
            return _Draft("\n".join([text, *lines]), list(buttons))
        raise KeyError(f"unknown payload type '{kind}'")

    def _alarm(self, urgency: str, language: str, limits: Limits) -> str:
        """Emergency numbers: before anything else, in a message of their own."""
        return self.plain(self.texts.phrases(language).say(urgency, limits.style), limits)

    def _article(self, id: str, phrases: Phrases, limits: Limits, short: bool) -> _Draft:
        article = self._library.article(id, phrases.language)
        if short and limits.style == "chat":
            text = self._library.fill(article.sms, article.language)
            return _Draft(text, self._details_and_human(id, phrases, limits))
        if limits.style == "sms":
            text = self._library.fill(article.sms, article.language)
            footer = [phrases.labels["sms_more"], phrases.labels["sms_human"]]
            text = f"{text}\n{'. '.join(footer)}"
            heading = ""
        else:
            text = self._library.fill(article.message, article.language)
            heading = self._library.fill(article.title, article.language)
        return _Draft(text, self._details_and_human(id, phrases, limits), heading)

    def _details(self, id: str, phrases: Phrases, limits: Limits) -> _Draft:
        article = self._library.article(id, phrases.language)
        # By SMS the first answer was the short one: the details begin with the long one.
        texts = [article.message] if limits.style == "sms" else []
        if article.details:
            texts.append(article.details)
        if not texts:
            return _Draft(phrases.say("no_details", limits.style), [_human(phrases, limits)])
        text = self._library.fill("\n".join(texts), article.language)
        return _Draft(text, [_human(phrases, limits)])

    def _details_and_human(self, id: str, phrases: Phrases, limits: Limits) -> list[Option]:
        details = Option(
            phrases.labels["details"],
            f'/ask_details{{"article": "{id}"}}',
            ("more",),
            numbered=limits.style != "sms",
        )
        skills = (
            [Option(phrases.labels[label], payload) for label, payload in SKILLS.get(id, ())]
            if limits.style == "chat"
            else []
        )
        return [*skills, details, _human(phrases, limits)]

    def _buttons(self, buttons: Iterable[Mapping[str, str]], phrases: Phrases) -> Iterable[Option]:
        for button in buttons:
            if button.get("article") == NO_CANDIDATE:
                continue
            if "article" in button:
                article = self._library.article(button["article"], phrases.language)
                title = self._library.fill(article.title, article.language)
                yield Option(title, button["payload"])
            else:
                label = button["label"]
                words = ("human",) if label == "human" else ()
                yield Option(phrases.labels[label], button["payload"], words)

    def _lay_out(
        self, draft: _Draft, language: str, limits: Limits, before: Conversation
    ) -> Rendered:
        numbered = menus.numbered(draft.options)
        if limits.style == "sms":
            text = sms.to_gsm_7("\n".join([draft.text, *numbered]))
            parts = sms.split(text, limits.part_segments, _footer(self.texts.phrases(language)))
        else:
            text = f"{draft.heading}\n\n{draft.text}" if draft.heading else draft.text
            parts = cut(text, limits.part_characters)
        return self._page(parts, draft.options, language, limits, before)

    def _page(
        self,
        parts: list[str],
        options: list[Option],
        language: str,
        limits: Limits,
        before: Conversation,
    ) -> Rendered:
        """The first part now; the rest when asked for."""
        first, rest = parts[0], tuple(parts[1:])
        phrases = self.texts.phrases(language)
        if rest:
            more = Option(
                phrases.labels["continued"],
                REST_PAYLOAD,
                ("more",),
                numbered=limits.style != "sms",
            )
            options = [*options, more] if limits.style == "chat" else [more, *options]
            if limits.style == "sms":
                first += _footer(phrases)
        buttons = menus.buttons(options)
        state = replace(before, language=language, options=tuple(options), rest=rest)
        return Rendered((first,), buttons, state)


def _human(phrases: Phrases, limits: Limits) -> Option:
    return Option(
        phrases.labels["human"], HUMAN_PAYLOAD, ("human",), numbered=limits.style != "sms"
    )


def _footer(phrases: Phrases) -> str:
    return sms.to_gsm_7(f"\n{phrases.labels['sms_continued']}")


def _line(phrases: Phrases, when: str, text: str, photos: int) -> str:
    photo = f" [{phrases.labels['photo']} x{photos}]" if photos else ""
    return f"{when} {text}{photo}".rstrip()


def cut(text: str, length: int) -> list[str]:
    """Parts of at most `length` characters, between paragraphs or words."""
    parts = []
    while len(text) > length:
        cut = max(text.rfind("\n", 0, length), text.rfind(" ", 0, length))
        cut = cut if cut > length // 2 else length
        parts.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*parts, text]
