"""What passes between channels and the rest: one record in, one record out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

#: text: something was typed. media, location: it was sent instead of text.
#: empty: nothing readable at all.
Kind = Literal["text", "media", "location", "empty"]


@dataclass(frozen=True)
class Inbound:
    """A message from a person, in no channel's own terms."""

    id: str  #: the provider's id; the same id counts once
    channel: str
    address: str  #: the person's number or chat id
    kind: Kind
    text: str

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Option:
    """Something a person can choose: a button, a menu number or a word."""

    title: str
    payload: str  #: what Rasa gets, as `/intent{"entity": "value"}`
    words: tuple[str, ...] = ()  #: texts that choose it, besides its number
    numbered: bool = True


@dataclass(frozen=True)
class Outbound:
    """One message to a person, ready to send."""

    channel: str
    address: str
    text: str
    buttons: tuple[str, ...] = ()  #: titles, for channels that show real buttons

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields: dict[str, Any] = json.loads(text)
        return cls(**{**fields, "buttons": tuple(fields["buttons"])})


@dataclass(frozen=True)
class Conversation:
    """What is remembered of a conversation between two messages."""

    language: str | None = None
    options: tuple[Option, ...] = ()  #: the menu last shown
    rest: tuple[str, ...] = ()  #: parts of a long answer not yet asked for
    stopped: bool = False  #: the person asked for silence

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields: Mapping[str, Any] = json.loads(text)
        options = tuple(
            Option(**{**option, "words": tuple(option["words"])}) for option in fields["options"]
        )
        return cls(fields["language"], options, tuple(fields["rest"]), fields["stopped"])
