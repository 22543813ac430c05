"""What the pages show, made ready for the templates."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connectors.case_details import Details, labels_of
from connectors.cases import Case
from connectors.threads import Person
from connectors.transcript import Entry, Line
from desk.accounts import Advisor
from desk.articles import Articles
from desk.texts import FOLDER, words
from guichet.clock import today
from knowledge_base.languages import load_languages
from knowledge_base.phrasebook import Phrasebook, blanks

#: A proposal of a lower score says nothing.
SHOWN = 0.02
_NO_DETAILS: Mapping[str, Details] = {}
TEMPLATES = FOLDER.parent / "templates"


@dataclass(frozen=True)
class Row:
    """One conversation in a list."""

    id: str
    tag: str
    status: str
    why: str
    channel: str
    language: str
    subject: str
    since: int
    waited: str
    unread: bool
    advisor: str
    rating: int
    labels: tuple[str, ...]
    due: bool  #: an advisor wanted to see it again by today


@dataclass(frozen=True)
class File:
    """Something a person sent."""

    name: str
    sort: str  #: picture, sound or document


@dataclass(frozen=True)
class Bubble:
    """One line of a conversation."""

    id: str
    who: str
    text: str
    kind: str
    time: str
    stamp: str  #: for machines
    day: str
    state: str
    author: str
    language: str
    files: tuple[File, ...]
    buttons: tuple[str, ...]
    article: str  #: title, in the advisor's language
    phrase: str  #: of the phrasebook, in the advisor's language
    original: str  #: what a colleague wrote before a machine translated it
    foreign: bool  #: in a language that is not the advisor's


class View:
    """Formats for one advisor: language, time zone, names of colleagues."""

    def __init__(
        self,
        advisor: Advisor,
        names: Mapping[str, str],
        articles: Articles,
        phrasebook: Phrasebook,
        zone: ZoneInfo,
    ) -> None:
        self.words = words(advisor.language)
        self._advisor, self._names = advisor, names
        self._articles, self._phrasebook, self._zone = articles, phrasebook, zone

    def row(
        self, case: Case, seen: Mapping[str, int], details: Mapping[str, Details] = _NO_DETAILS
    ) -> Row:
        """`seen`: when the advisor last looked, in ms; `details`: see CaseDetails.of_all."""
        noted = details.get(case.conversation, {})
        packet = case.packet
        subject = packet.question if packet is not None else ""
        return Row(
            case.conversation,
            tag(case.conversation),
            case.status,
            case.why,
            channel_name(packet.channel if packet is not None else ""),
            self.language(packet.language if packet is not None else None),
            " ".join(subject.split())[:140],
            case.since,
            self.waited(case.since),
            case.status == "claimed" and case.heard > seen.get(case.conversation, 0),
            self._names.get(case.advisor, ""),
            case.rating,
            tuple(labels_of(noted.get("labels", ""))),
            case.status != "closed" and "" < noted.get("follow_up", "") <= today().isoformat(),
        )

    def bubbles(self, entries: Sequence[Entry]) -> list[Bubble]:
        return [self._bubble(entry) for entry in entries]

    def _bubble(self, entry: Entry) -> Bubble:
        line, at = entry.line, datetime.fromtimestamp(entry.at_s, self._zone)
        article = line.answered[0] if line.kind == "article" and line.answered else ""
        return Bubble(
            entry.id,
            line.who,
            line.text,
            line.kind,
            format_time(at, "short", locale=self._advisor.language),
            at.isoformat(timespec="seconds"),
            format_date(at, "full", locale=self._advisor.language),
            entry.state or ("queued" if line.who in ("bot", "advisor") else ""),
            self._names.get(line.advisor, ""),
            self.language(line.language) if line.language else "",
            tuple(File(name, _sort(name)) for name in line.media),
            line.buttons,
            self._articles.title(article, self._advisor.language) if article else "",
            self._phrase(line),
            line.original,
            line.language != self._advisor.language,
        )

    def _phrase(self, line: Line) -> str:
        """What was sent in another language, to be read by a colleague."""
        if line.kind != "phrase" or line.language == self._advisor.language:
            return ""
        sentences = self._phrasebook.by_language[self._phrasebook.language(self._advisor.language)]
        return blanks(sentences.get(line.answered[0], "")) if line.answered else ""

    def packet(self, case: Case, entries: Sequence[Entry], person: Person | None) -> dict[str, Any]:
        """Why it came here and what was tried: all from before the advisor took it."""
        begun = [
            entry for entry in entries if entry.at_s * 1000 <= (case.claimed or time.time() * 1000)
        ]
        last = next(
            (e for e in reversed(begun) if e.line.who == "person" and e.line.proposal), None
        )
        proposal = (
            case.packet.proposal
            if case.packet is not None and case.packet.proposal
            else (last.line.proposal if last is not None else ())
        )
        given = {
            id: None
            for entry in begun
            if entry.line.who == "person"
            for id in entry.line.answered
            if self._articles.title(id, "fr") != id
        }
        return {
            "why": self.words.get(f"why_{case.why}", case.why),
            "urgent": case.why in ("urgent", "danger"),
            "question": case.packet.question if case.packet is not None else "",
            "channel": channel_name(person.channel if person is not None else ""),
            "language": self.language(person.language if person is not None else None),
            "waited": self.waited(case.since, case.claimed),
            "since": self.moment(case.since),
            "proposal": [
                {
                    "title": self._articles.title(id, self._advisor.language),
                    "percent": round(score * 100),
                }
                for id, score in proposal
                if score >= SHOWN
            ],
            "given": [self._articles.title(id, self._advisor.language) for id in given],
            "rating": case.rating,
        }

    def notes(self, notes: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
        return [
            {
                "author": self._names.get(note["advisor"], ""),
                "text": note["text"],
                "at": self.moment(note["at"]),
            }
            for note in notes
        ]

    def moment(self, ms: float) -> str:
        at = datetime.fromtimestamp(ms / 1000, self._zone)
        day = format_date(at, "medium", locale=self._advisor.language)
        return f"{day} {format_time(at, 'short', locale=self._advisor.language)}"

    def waited(self, since_ms: int, until_ms: int = 0) -> str:
        minutes = max(0, int(((until_ms or time.time() * 1000) - since_ms) / 60_000))
        if minutes < 1:
            return self.words["just_now"]
        if minutes < 60:
            return self.words["minutes"].format(minutes)
        hours, rest = divmod(minutes, 60)
        if hours < 24:
            return self.words["hours"].format(hours, f"{rest:02}")
        return self.words["days"].format(hours // 24)

    def lasted(self, seconds: float) -> str:
        """A length of time: "12 min"."""
        if seconds < 60:
            return self.words["seconds"].format(round(seconds))
        return self.waited(0, int(seconds * 1000))

    def language(self, code: str | None) -> str:
        return language_name(code or "fr", self._advisor.language)


@cache
def language_name(code: str, reader: str) -> str:
    try:
        return Locale.parse(reader).languages.get(Locale.parse(code, sep="-").language) or code
    except (UnknownLocaleError, ValueError):
        return code


def tag(conversation: str) -> str:
    """Short enough to say aloud: "3F9A"; nobody's number."""
    return conversation[:4].upper()


def channel_name(channel: str) -> str:
    names = {"sms": "SMS", "whatsapp": "WhatsApp", "telegram": "Telegram"}
    return names.get(channel, "Terminal" if channel.startswith("terminal") else channel)


def direction(language: str) -> str:
    known = load_languages().get(language)
    return known.direction if known is not None else "auto"


def _sort(name: str) -> str:
    content_type = name.rpartition(":")[2]
    if content_type.startswith("image/"):
        return "picture"
    return "sound" if content_type.startswith("audio/") else "document"


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return made
