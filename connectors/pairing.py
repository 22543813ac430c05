"""The Telegram chats of advisors, who are told there that somebody waits.

The account page shows a link with a code; opened in Telegram it sends us `/start desk_CODE`
(https://core.telegram.org/bots/features#deep-linking), and that chat is the advisor's.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import cast

from redis.asyncio import Redis

from connectors.keys import desk
from guichet.vault import Vault

#: Begins what comes after `/start`, and the code of a button that carries it inside.
PARAMETER, BUTTON = "desk_", "p:"
LASTS_S = 900
#: The desk speaks French and English, and whoever opens the link works there.
PAIRED = (
    "C'est fait : vous serez averti ici quand une conversation attend.\n"
    "Done: you will be told here when a conversation waits."
)


class Pairing:
    """Gives codes, takes them back, and knows whose chat is where."""

    def __init__(self, redis: Redis, vault: Vault) -> None:
        self._redis = redis
        self._vault = vault

    async def begin(self, advisor: str) -> str:
        """A code that holds once, for LASTS_S."""
        code = secrets.token_urlsafe(24)
        await self._redis.set(_key(code), advisor, ex=LASTS_S)
        return code

    async def redeem(self, code: str, address: str) -> bool:
        """The chat becomes the advisor's; False for a code that does not hold (any more)."""
        advisor = cast(bytes | None, await self._redis.getdel(_key(code)))
        if advisor is None:
            return False
        sealed = self._vault.seal(address, f"telegram {advisor.decode()}")
        await self._redis.hset(desk("telegram"), advisor.decode(), cast(str, sealed))
        return True

    async def address(self, advisor: str) -> str | None:
        """The chat id. Raises VaultError."""
        sealed = cast(bytes | None, await self._redis.hget(desk("telegram"), advisor))
        return None if sealed is None else self._vault.open(sealed, f"telegram {advisor}")

    async def end(self, advisor: str) -> None:
        await self._redis.hdel(desk("telegram"), advisor)


def _key(code: str) -> str:
    return desk(f"pairing:{hashlib.sha256(code.encode()).hexdigest()}")
