"""Sessions: a random id in a cookie, its hash in Redis. Nothing of them is in the cookie."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import asdict, dataclass
from typing import Self, cast

from redis.asyncio import Redis

from connectors.keys import desk
from guichet.vault import Vault

#: A working day; then one signs in again.
LASTS_S = 12 * 3600


@dataclass(frozen=True)
class Session:
    """Who is signed in, where."""

    id: str  #: hash of what the cookie holds
    advisor: str
    csrf: str  #: goes with every form
    began: float
    agent: str  #: the browser, as it names itself

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))

    def same_token(self, token: str) -> bool:
        return hmac.compare_digest(self.csrf.encode(), token.encode())


class Sessions:
    """Begins, finds and ends them."""

    def __init__(self, redis: Redis, vault: Vault) -> None:
        self._redis = redis
        self._vault = vault

    async def begin(self, advisor: str, agent: str) -> tuple[str, Session]:
        """The secret for the cookie, and the session."""
        secret = secrets.token_urlsafe(32)
        session = Session(
            _hash(secret), advisor, secrets.token_urlsafe(32), time.time(), agent[:200]
        )
        sealed = self._vault.seal(json.dumps(asdict(session)), f"session {session.id}")
        await self._redis.set(desk(f"session:{session.id}"), sealed, ex=LASTS_S)
        await self._redis.sadd(desk(f"sessions:{advisor}"), session.id)
        await self._redis.expire(desk(f"sessions:{advisor}"), LASTS_S)
        return secret, session

    async def find(self, secret: str) -> Session | None:
        return await self._read(_hash(secret))

    async def alive(self, session: Session) -> bool:
        return bool(await self._redis.exists(desk(f"session:{session.id}")))

    async def of(self, advisor: str) -> list[Session]:
        """An advisor's sessions, the newest first."""
        ids = cast(set[bytes], await self._redis.smembers(desk(f"sessions:{advisor}")))
        found = []
        for raw in ids:
            session = await self._read(raw.decode())
            if session is None:
                await self._redis.srem(desk(f"sessions:{advisor}"), raw)
            else:
                found.append(session)
        return sorted(found, key=lambda session: -session.began)

    async def end(self, advisor: str, id: str) -> None:
        """Only one of the advisor's own."""
        if await self._redis.srem(desk(f"sessions:{advisor}"), id):
            await self._redis.delete(desk(f"session:{id}"))

    async def end_all(self, advisor: str, but: str = "") -> None:
        """All of an advisor's sessions, one spared."""
        for session in await self.of(advisor):
            if session.id != but:
                await self.end(advisor, session.id)

    async def _read(self, id: str) -> Session | None:
        sealed = cast(bytes | None, await self._redis.get(desk(f"session:{id}")))
        if sealed is None:
            return None
        return Session.from_json(self._vault.open(sealed, f"session {id}"))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
