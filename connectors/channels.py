"""What every channel has: a name, limits, and a way to send."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from connectors.records import Outbound


class SendLater(Exception):
    """The provider is away or asks to slow down."""

    def __init__(self, why: str, after_s: float | None = None) -> None:
        super().__init__(why)
        self.after_s = after_s


class SendNever(Exception):
    """The provider refuses this message for good; the text is a code."""


@dataclass(frozen=True)
class Limits:
    """How an answer must be cut and shown."""

    style: Literal["sms", "chat"]
    part_segments: int = 0  #: SMS segments of one part at most
    part_characters: int = 4000  #: for chat channels


class Channel(ABC):
    """One way to reach people. Sending is the only thing the worker asks of it."""

    name: str
    limits: Limits

    @abstractmethod
    async def send(self, message: Outbound) -> None:
        """Give one message to the provider. Raises SendLater or SendNever."""

    async def close(self) -> None:  # noqa: B027 - most channels hold nothing
        """Free connections."""
