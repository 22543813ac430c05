"""What every channel is: how its webhooks are checked and read, its limits, and sending.

A connector is one module with one class: see docs/connectors.md.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.records import Inbound, Media, Outbound


class Refused(Exception):
    """A webhook that is not taken: the HTTP status, and a reason for the provider's log."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class SendLater(Exception):
    """The provider is away or asks to slow down."""

    def __init__(self, why: str, after_s: float | None = None) -> None:
        super().__init__(why)
        self.after_s = after_s


class SendNever(Exception):
    """The provider refuses this message for good; the text is a code."""


class Unsubscribed(SendNever):
    """The person has stopped or blocked us: nothing more is written to them."""


class WindowClosed(SendNever):
    """WhatsApp takes no free text from us before the person writes again."""


@dataclass(frozen=True)
class Limits:
    """How an answer must be cut and shown, and how fast it may go out."""

    style: Literal["sms", "chat"]
    menu: Literal["numbers", "buttons"] = "numbers"
    part_segments: int = 0  #: SMS segments of one part at most
    part_characters: int = 4000  #: for chat channels
    title_characters: int = 64  #: of a button
    per_second: float = 0.0  #: messages to all people together; 0: as fast as it can
    per_person_per_second: float = 0.0
    #: Free text is taken for so long after the person's last message; None: always.
    window_s: float | None = None


@dataclass(frozen=True)
class Webhook:
    """A provider's call, before anything in it is believed."""

    url: str  #: the address that the provider called, with its query
    headers: Mapping[str, str]  #: names in lower case
    body: bytes


class Channel(ABC):
    """One way to reach people."""

    name: str
    limits: Limits

    @abstractmethod
    def admit(self, headers: Mapping[str, str]) -> None:
        """Raises Refused for what is forged by its headers alone: the body is not even read."""

    @abstractmethod
    def verify(self, webhook: Webhook) -> None:
        """Raises Refused unless the provider signed it. Nothing is parsed before."""

    @abstractmethod
    def parse(self, webhook: Webhook) -> Sequence[Inbound]:
        """The messages in a verified call; none for what is not for us. Raises Refused."""

    @abstractmethod
    async def send(self, message: Outbound) -> str:
        """Give one message to the provider; its id for it ("" when it has none).

        Raises SendLater or SendNever.
        """

    async def begin(self, message: Inbound) -> None:  # noqa: B027 - most have nothing to do
        """Show that the message is being looked at. Never raises."""

    async def fetch(self, media: Media, most: int) -> bytes:
        """The bytes of a file, at most so many. Raises SendLater, or SendNever for good."""
        raise SendNever("no media on this channel")

    async def remind(self, address: str) -> None:
        """Ask a person to write again, where a window has closed. Raises as `send` does."""
        raise SendNever("nothing to remind with on this channel")

    async def close(self) -> None:  # noqa: B027 - most channels hold nothing
        """Free connections."""
