"""Advisors' accounts: passwords, one-time codes, roles; sealed in Redis.

An advisor is known inside by a pseudonym of the sign-in name. `active` (cases.py) holds those
who may sign in.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import unicodedata
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self, cast

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from redis.asyncio import Redis

from connectors.keys import desk
from guichet.vault import Vault

Role = Literal["advisor", "supervisor"]
ROLES: tuple[Role, ...] = ("advisor", "supervisor")
#: NIST SP 800-63B 3.1.1.2: length is what counts, and no rules of composition.
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 200
#: Wrong passwords before an account, or an address, has to wait.
FAILURES_ACCOUNT, FAILURES_ADDRESS, LOCKED_S = 5, 30, 900
#: The 30 s of RFC 6238, one step earlier or later for clocks that are off.
CODE_STEPS, CODE_S = 1, 30
_NAME = re.compile(r"[\w.@+-]{1,64}")
_KEY = "advisors"

#: argon2-cffi's defaults are RFC 9106's second recommendation: 64 MiB each, so two at a time.
_hasher = PasswordHasher()
_room = asyncio.Semaphore(2)


class AccountError(Exception):
    """An account cannot be made or changed so; the text is a key of the desk's texts."""


class Locked(Exception):
    """Too many wrong passwords: come back later."""


@dataclass(frozen=True)
class Advisor:
    """One account."""

    id: str
    name: str
    role: Role = "advisor"
    password: str = ""  #: argon2id
    totp: str = ""  #: secret of the one-time codes; "": none asked
    disabled: bool = False
    language: str = "fr"  #: of the pages
    subject: str = ""  #: issuer and subject at the organisation's provider; "": none yet
    email: str = ""  #: where to tell of who waits; "": nowhere

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


class Accounts:
    """Reads and changes accounts, and checks who signs in."""

    def __init__(self, redis: Redis, vault: Vault) -> None:
        self._redis = redis
        self._vault = vault

    async def add(self, name: str, password: str, role: Role = "advisor") -> Advisor:
        """Raises AccountError."""
        name = _plain(name)
        if not _NAME.fullmatch(name):
            raise AccountError("name_wrong")
        advisor = Advisor(self._id(name), name, role, await hashed(password))
        added = await self._redis.hsetnx(desk(_KEY), advisor.id, cast(str, self._sealed(advisor)))
        if not added:
            raise AccountError("name_taken")
        await self._redis.sadd(desk("active"), advisor.id)
        return advisor

    async def all(self) -> list[Advisor]:
        """By name."""
        found = cast(dict[bytes, bytes], await self._redis.hgetall(desk(_KEY)))
        advisors = [self._open(id_.decode(), sealed) for id_, sealed in found.items()]
        return sorted(advisors, key=lambda advisor: advisor.name)

    async def find(self, id: str) -> Advisor | None:
        sealed = cast(bytes | None, await self._redis.hget(desk(_KEY), id))
        return self._open(id, sealed) if sealed is not None else None

    async def named(self, name: str) -> Advisor | None:
        return await self.find(self._id(_plain(name)))

    async def change(self, advisor: Advisor, **values: Any) -> Advisor:
        """The account with other values."""
        changed = replace(advisor, **values)
        await self._redis.hset(desk(_KEY), changed.id, cast(str, self._sealed(changed)))
        if changed.disabled:
            await self._redis.srem(desk("active"), changed.id)
        else:
            await self._redis.sadd(desk("active"), changed.id)
        return changed

    async def set_password(self, advisor: Advisor, password: str) -> Advisor:
        """Raises AccountError."""
        return await self.change(advisor, password=await hashed(password))

    async def sign_in(self, name: str, password: str, code: str, address: str) -> Advisor | None:
        """Who signs in; None when anything is wrong, never saying what. Raises Locked.

        A try counts before it is checked, so that many at once are no way around the limit.
        """
        name = _plain(name)
        counts = [
            (self._failures("account", name), FAILURES_ACCOUNT),
            (self._failures("address", address), FAILURES_ADDRESS),
        ]
        for key, most in counts:
            if await self._count(key) > most:
                raise Locked
        advisor = await self.named(name)
        known = advisor.password if advisor is not None else await _nobody()
        right = await matches(known, password)
        if advisor is None or advisor.disabled or not right:
            return None
        if advisor.totp and not await self._code_holds(advisor, code):
            return None
        await self._redis.delete(counts[0][0])
        await self._redis.decr(counts[1][0])
        return advisor

    async def _count(self, key: str) -> int:
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.incr(key)
            pipeline.expire(key, LOCKED_S)
            return int((await pipeline.execute())[0])

    async def _code_holds(self, advisor: Advisor, code: str) -> bool:
        """A code counts once (RFC 6238, 5.2)."""
        digits = "".join(char for char in code if char.isdigit())
        totp, now = pyotp.TOTP(advisor.totp), time.time()
        for step in range(-CODE_STEPS, CODE_STEPS + 1):
            at = int(now) + step * CODE_S
            if pyotp.utils.strings_equal(totp.at(at), digits):
                key = desk(f"code:{advisor.id}:{at // CODE_S}")
                lives = (2 * CODE_STEPS + 1) * CODE_S
                return bool(await self._redis.set(key, "1", nx=True, ex=lives))
        return False

    def _failures(self, sort: str, what: str) -> str:
        return desk(f"failures:{self._vault.pseudonym('sign-in ' + sort, what)}")

    def _id(self, name: str) -> str:
        return self._vault.pseudonym("advisor", name.casefold())

    def _sealed(self, advisor: Advisor) -> bytes:
        return self._vault.seal(json.dumps(asdict(advisor)), f"advisor {advisor.id}")

    def _open(self, id: str, sealed: bytes) -> Advisor:
        return Advisor.from_json(self._vault.open(sealed, f"advisor {id}"))


async def hashed(password: str) -> str:
    """Raises AccountError for one that is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountError("password_short")
    async with _room:
        return await asyncio.to_thread(_hasher.hash, password)


async def matches(hash: str, password: str) -> bool:
    if len(password) > LONGEST_PASSWORD:
        return False
    async with _room:
        try:
            return await asyncio.to_thread(_hasher.verify, hash, password)
        except (VerificationError, InvalidHashError):
            return False


_dummy: str = ""


async def _nobody() -> str:
    """A password hash of no account: an unknown name takes as long as a wrong password."""
    global _dummy
    if not _dummy:
        _dummy = await hashed("nobody has this password")
    return _dummy


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name.strip())
