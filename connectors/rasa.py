"""The worker's side of Rasa's REST channel."""

from __future__ import annotations

from typing import Any

import httpx


class RasaAway(Exception):
    """Rasa or the knowledge base behind it does not answer: wait and try again."""


class RasaFailed(Exception):
    """Rasa is there but this message made it fail."""


class Rasa:
    """One Rasa server, or several behind one address."""

    def __init__(self, url: str, timeout_s: float = 10.0) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=32),
        )

    async def ask(self, conversation: str, text: str, language: str | None) -> list[dict[str, Any]]:
        """What to say: the `custom` payloads of Rasa's answer, in order.

        `text` is a message or a payload (`/intent{…}`); the caller has made sure that
        no person's text begins with a slash. Raises RasaAway or RasaFailed.
        """
        body = {"sender": conversation, "message": text, "metadata": {"language": language}}
        try:
            response = await self._client.post("/webhooks/rest/webhook", json=body)
        except httpx.TransportError as error:
            raise RasaAway(type(error).__name__) from None
        if response.status_code in (502, 503, 504):
            raise RasaAway(str(response.status_code))
        if response.status_code != 200:
            raise RasaFailed(str(response.status_code))
        messages = [message["custom"] for message in response.json() if "custom" in message]
        if not messages:
            raise RasaFailed("no answer")
        return messages

    async def close(self) -> None:
        await self._client.aclose()
