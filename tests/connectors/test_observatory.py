"""One person counts once, and nothing tells who it was."""

from __future__ import annotations

from datetime import date, timedelta

from redis.asyncio import Redis

from connectors.keys import desk
from connectors.observatory import Cell, Observatory, week_of, weeks_of
from guichet.clock import today
from tests.conftest import vault

DAY = date(2026, 12, 2)
WHO = "a" * 32


async def test_once_a_kind_subject_and_week(redis: Redis) -> None:
    observatory = Observatory(redis, vault())

    async def note(kind: str, subject: str, day: date = DAY, department: str = "69") -> bool:
        return await observatory.note(WHO, kind, department, subject, "ar", day)

    assert await note("site_error", "family")
    assert not await note("site_error", "family", DAY + timedelta(days=1))
    assert not await note("site_error", "family", department="75")
    assert await note("site_error", "filing")
    assert await note("no_appointment", "family")
    assert await note("site_error", "family", DAY + timedelta(days=7))
    assert await observatory.read(2026) == {
        Cell("site_error", "69", "family", "ar", "2026-W49"): 1,
        Cell("site_error", "69", "filing", "ar", "2026-W49"): 1,
        Cell("no_appointment", "69", "family", "ar", "2026-W49"): 1,
        Cell("site_error", "69", "family", "ar", "2026-W50"): 1,
    }


async def test_nothing_kept_names_a_person_and_each_week_is_salted_anew(redis: Redis) -> None:
    observatory = Observatory(redis, vault())
    for day in (today(), today() - timedelta(days=7)):
        await observatory.note(WHO, "site_error", "", "", "fr", day)
    digests: set[bytes | str] = set()
    async for key in redis.scan_iter():
        assert WHO.encode() not in key
        kind = await redis.type(key)
        if kind == b"set":
            digests |= await redis.smembers(key)
        lives = await redis.ttl(key)
        assert 0 < lives <= (14 if b"counted" in key else 3 * 366) * 24 * 3600, key
    assert len(digests) == 2
    assert all(WHO.encode() not in digest for digest in digests if isinstance(digest, bytes))


async def test_whoever_is_forgotten_is_counted_and_not_known(redis: Redis) -> None:
    observatory = Observatory(redis, vault())
    await observatory.note(WHO, "site_error", "", "family", "fr")
    await observatory.note("b" * 32, "site_error", "", "family", "fr")
    await observatory.forget(WHO)
    assert await redis.scard(desk(f"counted:{week_of(today())}")) == 1
    assert sum((await observatory.read(today().isocalendar().year)).values()) == 2


def test_weeks_of_a_year() -> None:
    assert len(weeks_of(2026)) == 53
    assert len(weeks_of(2027)) == 52
    assert week_of(date(2027, 1, 3)) == "2026-W53"
