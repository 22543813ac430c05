"""The terminal as a channel: answers go to a Redis stream that `guichet chat` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors.channels import Channel, Limits, Refused, SendLater, Webhook
from connectors.mailbox import Rows
from connectors.records import Inbound, Outbound
from guichet.vault import Vault

#: Nobody reads an old terminal's answers.
EXPIRY_S = 3600


class Terminal(Channel):
    """`terminal` shows answers as chat channels do, `terminal-sms` as SMS does."""

    def __init__(self, redis: Redis, vault: Vault, sms: bool) -> None:
        self.name = "terminal-sms" if sms else "terminal"
        self.limits = Limits("sms", part_segments=4) if sms else Limits("chat")
        self._redis = redis
        self._vault = vault

    def admit(self, headers: Mapping[str, str]) -> None:
        raise Refused(404, "a terminal calls no webhook")

    def verify(self, webhook: Webhook) -> None:
        raise Refused(404, "a terminal calls no webhook")

    def parse(self, webhook: Webhook) -> Sequence[Inbound]:
        return []

    async def send(self, message: Outbound) -> str:
        key = stream_key(message.address)
        titles = [button.title for button in message.buttons]
        record = json.dumps({"text": message.text, "buttons": titles})
        try:
            await self._redis.xadd(key, {"m": self._vault.seal(record, key)})
            await self._redis.expire(key, EXPIRY_S)
        except RedisError as error:
            raise SendLater(type(error).__name__) from None
        return ""


async def receive(
    redis: Redis, vault: Vault, address: str, after: str, wait_ms: int
) -> tuple[str, str, list[str]] | None:
    """The next answer after an entry id: `(entry id, text, buttons)`, or None in time."""
    key = stream_key(address)
    answer = cast(Rows, await redis.xread({key: after}, count=1, block=wait_ms))
    if not answer:
        return None
    id_, fields = answer[0][1][0]
    record = json.loads(vault.open(fields[b"m"], key))
    return id_.decode(), record["text"], record["buttons"]


def stream_key(address: str) -> str:
    return f"guichet:{{terminal:{address}}}"
