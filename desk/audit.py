"""Who looked at which conversation, who signed in: a log that supervisors read."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Literal, cast

from redis.asyncio import Redis

from connectors.keys import desk
from guichet.vault import Vault, VaultError

Action = Literal[
    "sign_in", "sign_in_failed", "sign_out", "password", "totp", "open", "file", "claim", "reply",
    "article", "phrase", "note", "details", "summary", "release", "transfer", "close", "audit",
    "unanswered", "accept", "dismiss",
]  # fmt: skip
#: Longer than conversations are kept: what happened must be answerable for.
KEPT_S = 365 * 24 * 3600
MOST = 200_000


@dataclass(frozen=True)
class Record:
    """One access."""

    action: Action
    advisor: str
    conversation: str = ""
    detail: str = ""  #: never anything a person wrote


class Audit:
    """Append and read."""

    def __init__(self, redis: Redis, vault: Vault) -> None:
        self._redis = redis
        self._vault = vault

    async def add(
        self, action: Action, advisor: str, conversation: str = "", detail: str = ""
    ) -> None:
        record = json.dumps(asdict(Record(action, advisor, conversation, detail)))
        oldest = int((time.time() - KEPT_S) * 1000)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.xadd(desk("audit"), {"m": self._vault.seal(record, "audit")}, maxlen=MOST)
            pipeline.xtrim(desk("audit"), minid=str(oldest), approximate=True)
            await pipeline.execute()

    async def read(self, count: int, before: str = "+") -> list[tuple[str, Record]]:
        """The newest first; `before`: an entry's id."""
        most = "+" if before == "+" else f"({before}"
        rows = cast(
            list[tuple[bytes, dict[bytes, bytes]]],
            await self._redis.xrevrange(desk("audit"), most, "-", count),
        )
        found = []
        for id_, fields in rows:
            try:
                text = self._vault.open(fields[b"m"], "audit")
            except VaultError:
                continue  # of an earlier secret key that is gone
            found.append((id_.decode(), Record(**json.loads(text))))
        return found
