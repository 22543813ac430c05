"""The worker's side of Rasa's REST channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp


class RasaAway(Exception):
    """Rasa or the knowledge base behind it does not answer: wait and try again."""


class RasaFailed(Exception):
    """Rasa is there but this message made it fail."""


@dataclass(frozen=True)
class Answer:
    """What to say, and what the knowledge base made of the message (empty for a payload)."""

    payloads: list[dict[str, Any]]
    decision: Mapping[str, Any]


class Rasa:
    """One Rasa server, or several behind one address."""

    def __init__(self, url: str, kb_url: str, timeout_s: float = 10.0) -> None:
        self._url = f"{url}/webhooks/rest/webhook"
        self._decide = f"{kb_url}/decide"
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def decide(
        self, text: str, language: str | None, expects: str = "", article: str | None = None
    ) -> dict[str, Any]:
        """What the knowledge base makes of a message. Raises RasaAway or RasaFailed."""
        question = {
            "text": text,
            "language": language,
            "expects": expects or None,
            "article": article,
        }
        decision: dict[str, Any] = await self._post(self._decide, question)
        return decision

    async def ask(
        self,
        conversation: str,
        text: str,
        language: str | None,
        decision: Mapping[str, Any] | None = None,
    ) -> Answer:
        """What to say: the `custom` payloads of Rasa's answer, in order.

        `text` is a message or a payload (`/intent{…}`); the caller has made sure that
        no person's text begins with a slash. `decision`: what `decide` made of it, asked
        there and not by Rasa's component, which would hold up every other turn of that
        process meanwhile. Raises RasaAway or RasaFailed.
        """
        metadata: dict[str, Any] = {"language": language}
        if decision is not None:
            metadata["decision"] = {**decision, "ranking": []}  # Rasa's tracker keeps it
        body = {"sender": conversation, "message": text, "metadata": metadata}
        answer = await self._post(self._url, body)
        messages = [message["custom"] for message in answer if "custom" in message]
        if not messages:
            raise RasaFailed("no answer")
        return Answer(messages, decision or {})

    async def _post(self, url: str, body: dict[str, Any]) -> Any:
        if self._session is None:  # here, not in __init__: it belongs to the running loop
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, connector=aiohttp.TCPConnector(limit=64)
            )
        try:
            async with self._session.post(url, json=body) as response:
                if response.status in (502, 503, 504):
                    raise RasaAway(str(response.status))
                if response.status != 200:
                    raise RasaFailed(str(response.status))
                return await response.json()
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            raise RasaAway(type(error).__name__) from None
        except (aiohttp.ClientError, ValueError) as error:
            raise RasaFailed(type(error).__name__) from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
