"""What passes between channels and the rest: one record in, one record out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

#: text: something was typed. button: a choice was tapped. media, location: it was sent
#: instead of text. call: a missed call. control: the provider has stopped or resumed.
#: empty: nothing readable at all.
Kind = Literal["text", "button", "media", "location", "call", "control", "empty"]
#: What a provider did by itself on a keyword: the person must not be answered twice.
Control = Literal["", "stop", "start", "help"]


@dataclass(frozen=True)
class Media:
    """A file that the provider holds."""

    place: str  #: Twilio: an address; Telegram: a file id
    content_type: str
    size: int = 0  #: bytes, as the provider says; 0 when it does not


@dataclass(frozen=True)
class Inbound:
    """A message from a person, in no channel's own terms."""

    id: str  #: the provider's id; the same id counts once
    channel: str
    address: str  #: the person's number or chat id
    kind: Kind
    text: str  #: also the words under a photo
    code: str = ""  #: of the button tapped, see menus.code
    media: tuple[Media, ...] = ()
    control: Control = ""
    language: str | None = None  #: of the person's telephone, when the provider tells
    callback: str = ""  #: Telegram: the tap to answer, so that the spinner stops
    tapped: str = ""  #: Telegram: the message whose button was tapped

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields: dict[str, Any] = json.loads(text)
        media = tuple(Media(**each) for each in fields.get("media", ()))
        return cls(**{**fields, "media": media})


@dataclass(frozen=True)
class Option:
    """Something a person can choose: a button, a menu number or a word."""

    title: str
    payload: str  #: what Rasa gets, as `/intent{"entity": "value"}`
    words: tuple[str, ...] = ()  #: texts that choose it, besides its number
    numbered: bool = True


@dataclass(frozen=True)
class Button:
    """An option as a channel shows it."""

    title: str
    code: str  #: comes back when it is tapped, see menus.code


@dataclass(frozen=True)
class Document:
    """A file to send; a channel that takes none leaves the link, which the text may name."""

    name: str
    content: str  #: base64
    link: str  #: a public address, good for some days


@dataclass(frozen=True)
class Outbound:
    """One message to a person, ready to send."""

    channel: str
    address: str
    text: str
    buttons: tuple[Button, ...] = ()
    last_word: bool = False  #: goes out although the person has just asked for silence
    document: Document | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields: dict[str, Any] = json.loads(text)
        document = fields.get("document")
        return cls(
            **{
                **fields,
                "buttons": tuple(Button(**each) for each in fields["buttons"]),
                "document": Document(**document) if document else None,
            }
        )


@dataclass(frozen=True)
class Conversation:
    """What is remembered of a conversation between two messages."""

    language: str | None = None
    options: tuple[Option, ...] = ()  #: the menu last shown
    rest: tuple[str, ...] = ()  #: parts of a long answer not yet asked for
    stopped: bool = False  #: the person asked for silence
    told_latin: bool = False  #: has been told how to get answers in Latin letters
    latin_only: bool = False  #: has asked for them: the telephone shows no other script
    welcomed: bool = False  #: has been told who we are
    article: str | None = None  #: the last one given, for "and how much?"
    expects: str = ""  #: what was just asked, see knowledge_base/expected.py
    asked_at: float = 0.0  #: when, in seconds since the epoch
    strayed: int = 0  #: questions in a row that were none of the form's
    yes: str = ""  #: the payload that "yes" means now
    misses: int = 0  #: messages not understood in a row
    department: str = ""  #: code of the department, once told
    answered: int = 0  #: articles given since "was it useful?" was last asked
    asked_useful: str = ""  #: ISO date on which it was

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields: Mapping[str, Any] = json.loads(text)
        options = tuple(
            Option(**{**option, "words": tuple(option["words"])}) for option in fields["options"]
        )
        return cls(**{**fields, "options": options, "rest": tuple(fields["rest"])})


@dataclass(frozen=True)
class Trace:
    """How an answer came about, for the transcript that an advisor reads."""

    media: tuple[str, ...] = ()  #: names of the files kept
    proposal: tuple[tuple[str, float], ...] = ()  #: articles and scores, best first
    answered: tuple[str, ...] = ()  #: article ids and names of responses
    desk: str | None = None  #: how things stand with the desk now; None: as before
    always: bool = False  #: goes out although an advisor has the conversation
    erased: bool = False  #: the person is forgotten: nothing is written down
    vote: tuple[str, str] | None = None  #: "was it useful?": `(useful_yes or _no, article)`


NO_TRACE = Trace()
