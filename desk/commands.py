"""`guichet advisors` and `guichet observatory`: for who has the machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors.observatory import Observatory
from desk.accounts import AccountError, Accounts, Role
from desk.observatory import as_csv
from desk.sessions import Sessions
from desk.texts import words
from guichet import redis_server
from guichet.clock import today
from guichet.settings import Settings, SettingsError, running
from guichet.vault import Vault, unlock

T = TypeVar("T")


async def add(settings: Settings, name: str, password: str, role: Role) -> None:
    """Raises SettingsError."""

    async def step(accounts: Accounts, sessions: Sessions) -> None:
        await accounts.add(name, password, role)

    await _with_accounts(settings, step)


async def listed(settings: Settings) -> list[str]:
    """One line an account. Raises SettingsError."""

    async def step(accounts: Accounts, sessions: Sessions) -> list[str]:
        lines = []
        for advisor in await accounts.all():
            notes = [advisor.role, *(["one-time code"] if advisor.totp else [])]
            if advisor.disabled:
                notes.append("disabled")
            signed_in = len(await sessions.of(advisor.id))
            lines.append(f"{advisor.name:24} {', '.join(notes)}, {signed_in} sessions")
        return lines or ["no advisors yet: guichet advisors add NAME"]

    return await _with_accounts(settings, step)


async def disable(settings: Settings, name: str, disabled: bool) -> None:
    """Ends the account's sessions. Raises SettingsError."""

    async def step(accounts: Accounts, sessions: Sessions) -> None:
        advisor = await accounts.named(name)
        if advisor is None:
            raise SettingsError(f"no advisor '{name}'")
        await accounts.change(advisor, disabled=disabled)
        await sessions.end_all(advisor.id)

    await _with_accounts(settings, step)


async def set_password(settings: Settings, name: str, password: str, no_code: bool) -> None:
    """A new password; without the one-time code for who has lost it. Raises SettingsError."""

    async def step(accounts: Accounts, sessions: Sessions) -> None:
        advisor = await accounts.named(name)
        if advisor is None:
            raise SettingsError(f"no advisor '{name}'")
        advisor = await accounts.set_password(advisor, password)
        if no_code:
            await accounts.change(advisor, totp="")
        await sessions.end_all(advisor.id)

    await _with_accounts(settings, step)


async def observatory(settings: Settings, year: int | None, language: str) -> str:
    """The CSV of an ISO year, by default this one. Raises SettingsError."""

    async def step(redis: Redis, vault: Vault) -> str:
        day = today()
        return await as_csv(
            Observatory(redis, vault), year or day.isocalendar().year, language, day
        )

    return await _with_redis(settings, step)


async def _with_accounts(
    settings: Settings, step: Callable[[Accounts, Sessions], Awaitable[T]]
) -> T:
    async def with_both(redis: Redis, vault: Vault) -> T:
        return await step(Accounts(redis, vault), Sessions(redis, vault))

    return await _with_redis(settings, with_both)


async def _with_redis(settings: Settings, step: Callable[[Redis, Vault], Awaitable[T]]) -> T:
    url = settings.redis_url or (running(settings) or {}).get("redis_url")
    if url is None:
        raise SettingsError("Guichet is not running here: start it with `guichet up`")
    redis = redis_server.connect(url)
    try:
        return await step(redis, await unlock(redis, settings))
    except AccountError as error:
        raise SettingsError(_MEANING.get(str(error)) or words("en")[str(error)]) from None
    except RedisError as error:
        raise SettingsError(f"Redis: {type(error).__name__}") from None
    finally:
        await redis.aclose()


_MEANING = {
    "name_wrong": "a name is up to 64 letters, digits and . @ + - _, without spaces",
    "name_taken": "there is an advisor of that name",
}
