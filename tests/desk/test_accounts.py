"""Accounts: who gets in, and who does not."""

from __future__ import annotations

import asyncio

import pyotp
import pytest
from redis.asyncio import Redis

from connectors.keys import desk
from desk.accounts import FAILURES_ACCOUNT, FAILURES_ADDRESS, AccountError, Accounts, Locked
from tests.conftest import vault

PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(redis: Redis) -> Accounts:
    return Accounts(redis, vault())


async def sign_in(accounts: Accounts, name: str, password: str, code: str = "") -> bool:
    return await accounts.sign_in(name, password, code, "203.0.113.7") is not None


async def test_the_right_password_only(accounts: Accounts, redis: Redis) -> None:
    await accounts.add("Amina", PASSWORD)
    assert await sign_in(accounts, " amina ", PASSWORD)
    for name, password in (
        ("amina", "Correct horse battery"), ("amina", ""), ("amina", "x" * 10_000),
        ("nobody", PASSWORD),
    ):  # fmt: skip
        assert not await sign_in(accounts, name, password)
    stored = await redis.hgetall(desk("advisors"))
    assert b"mina" not in b"".join(v for v in stored.values() if isinstance(v, bytes))


@pytest.mark.parametrize(
    ("name", "password", "fault"),
    [
        ("amina", PASSWORD, "name_taken"),
        ("AMINA", PASSWORD, "name_taken"),
        ("two words", PASSWORD, "name_wrong"),
        ("<b>", PASSWORD, "name_wrong"),
        ("", PASSWORD, "name_wrong"),
        ("paul", "short", "password_short"),
        ("paul", "x" * 201, "password_short"),
    ],
)
async def test_what_is_no_account(accounts: Accounts, name: str, password: str, fault: str) -> None:
    await accounts.add("amina", PASSWORD)
    with pytest.raises(AccountError, match=fault):
        await accounts.add(name, password)


async def test_who_is_disabled_is_out_and_no_longer_counts(
    accounts: Accounts, redis: Redis
) -> None:
    amina = await accounts.add("amina", PASSWORD)
    assert await redis.scard(desk("active")) == 1
    disabled = await accounts.change(amina, disabled=True)
    assert await redis.scard(desk("active")) == 0
    assert not await sign_in(accounts, "amina", PASSWORD)
    await accounts.change(disabled, disabled=False)
    assert await sign_in(accounts, "amina", PASSWORD)


async def test_an_account_locks_and_the_right_password_waits_too(
    accounts: Accounts, redis: Redis
) -> None:
    await accounts.add("amina", PASSWORD)
    tries = (sign_in(accounts, "amina", "wrong") for _ in range(FAILURES_ACCOUNT + 3))
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert outcomes.count(False) == FAILURES_ACCOUNT
    with pytest.raises(Locked):
        await sign_in(accounts, "amina", PASSWORD)
    await accounts.add("paul", PASSWORD)
    assert await sign_in(accounts, "paul", PASSWORD)
    for key in await redis.keys(desk("failures:*")):
        assert 0 < await redis.ttl(key) <= 900


async def test_an_address_that_tries_many_names_locks(accounts: Accounts) -> None:
    await accounts.add("amina", PASSWORD)
    for number in range(FAILURES_ADDRESS):
        assert not await sign_in(accounts, f"name{number}", "x" * 300)
    with pytest.raises(Locked):
        await sign_in(accounts, "amina", PASSWORD)
    assert await accounts.sign_in("amina", PASSWORD, "", "203.0.113.8") is not None


async def test_a_code_counts_once(accounts: Accounts) -> None:
    amina = await accounts.add("amina", PASSWORD)
    secret = pyotp.random_base32()
    await accounts.change(amina, totp=secret)
    code = pyotp.TOTP(secret).now()
    assert not await sign_in(accounts, "amina", PASSWORD)
    assert not await sign_in(accounts, "amina", PASSWORD, "000000" if code != "000000" else "1")
    assert await sign_in(accounts, "amina", PASSWORD, f"{code[:3]} {code[3:]}")
    assert not await sign_in(accounts, "amina", PASSWORD, code)


async def test_a_changed_password_is_the_only_one(accounts: Accounts) -> None:
    amina = await accounts.add("amina", PASSWORD)
    await accounts.set_password(amina, "a new one, quite long")
    assert not await sign_in(accounts, "amina", PASSWORD)
    assert await sign_in(accounts, "amina", "a new one, quite long")
