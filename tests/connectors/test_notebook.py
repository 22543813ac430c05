"""Reminders, the log and letters, in Redis."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import cast

import pytest
from redis.asyncio import Redis

from connectors.keys import partition_of
from connectors.notebook import MOST_LINES, Line, Notebook, Reminder
from connectors.records import Outbound
from tests.conftest import vault

PERSON, OTHER = "a" * 32, "b" * 32
OUT = Outbound("sms", "+33600000001", "Rappel")


def reminder(due: float, name: str = "remind_opens") -> Reminder:
    return Reminder(due, name, "2027-04-03", "2027-02-02", "sms", "+33600000001", "fr")


@pytest.fixture
def notebook(redis: Redis) -> Notebook:
    return Notebook(redis, vault(), retention_days=30)


async def in_outbox(redis: Redis) -> int:
    return await redis.xlen(f"guichet:{{p{partition_of(PERSON):02d}}}:out")


async def test_the_same_reminder_ten_times_is_one(notebook: Notebook) -> None:
    later = time.time() + 1000
    for _ in range(10):
        await notebook.set_reminders(PERSON, [reminder(later)])
    assert await notebook.reminders(PERSON) == [reminder(later)]
    assert await notebook.due(partition_of(PERSON)) == []


async def test_what_fell_due_while_all_was_down_goes_out_once(
    redis: Redis, notebook: Notebook
) -> None:
    await notebook.set_reminders(PERSON, [reminder(time.time() - 3600)])
    restarted = Notebook(redis, vault(), retention_days=30)
    due = await restarted.due(partition_of(PERSON))
    assert [(conversation, each.name) for conversation, _, each in due] == [
        (PERSON, "remind_opens")
    ]
    # Two workers at once, as when a lease has just changed hands.
    put = await asyncio.gather(
        *(each.put_out(PERSON, due[0][1], OUT) for each in (notebook, restarted, notebook))
    )
    assert sorted(put) == [False, False, True]
    assert await in_outbox(redis) == 1
    assert await restarted.due(partition_of(PERSON)) == []
    assert await notebook.reminders(PERSON) == []


async def test_cancelled_ones_do_not_come(redis: Redis, notebook: Notebook) -> None:
    await notebook.set_reminders(PERSON, [reminder(time.time() - 1)])
    await notebook.cancel_reminders(PERSON)
    assert await notebook.due(partition_of(PERSON)) == []
    assert await notebook.reminders(PERSON) == []


async def test_reminders_outlive_the_retention_of_messages(
    redis: Redis, notebook: Notebook
) -> None:
    in_a_year = time.time() + 365 * 24 * 3600
    await notebook.set_reminders(PERSON, [reminder(in_a_year), reminder(in_a_year - 9, "b")])
    key = f"guichet:{{p{partition_of(PERSON):02d}}}:reminders:{PERSON}"
    assert await redis.ttl(key) > 365 * 24 * 3600


async def test_a_line_of_the_log_can_be_added_to(notebook: Notebook) -> None:
    assert await notebook.add_line(PERSON, "m1", Line(1000.0)) == 1
    assert await notebook.add_line(PERSON, "m1", Line(1000.0)) == 1  # the turn done again
    assert await notebook.add_line(PERSON, "m2", Line(2000.0)) == 2
    found = await notebook.last_line(PERSON)
    assert found is not None
    await notebook.change_line(
        PERSON, found[0], replace(found[1], text="erreur 500", photos=("a",))
    )
    assert await notebook.log(PERSON) == [Line(1000.0), Line(2000.0, "erreur 500", ("a",))]
    assert await notebook.log(OTHER) == []


async def test_the_log_keeps_the_newest_lines(notebook: Notebook) -> None:
    for number in range(MOST_LINES + 3):
        count = await notebook.add_line(PERSON, f"m{number}", Line(float(number)))
    assert count == MOST_LINES
    assert (await notebook.log(PERSON))[0].at == 3.0


async def test_a_letter_opens_with_its_link_only(redis: Redis, notebook: Notebook) -> None:
    token = await notebook.keep_letter(PERSON, "m1", b"%PDF")
    assert token == await notebook.keep_letter(PERSON, "m1", b"%PDF")
    assert await notebook.letter(token) == b"%PDF"
    assert await notebook.letter("x" * 22) is None
    stored = [cast(bytes, await redis.get(key)) async for key in redis.scan_iter("*letter:*")]
    assert stored
    assert all(b"PDF" not in value for value in stored)
    keys = [cast(bytes, key).decode() async for key in redis.scan_iter("*letter*")]
    assert all(token not in key for key in keys)


async def test_erased_is_erased(redis: Redis, notebook: Notebook) -> None:
    await notebook.add_line(PERSON, "m1", Line(1.0, "secret"))
    await notebook.set_reminders(PERSON, [reminder(time.time() + 50)])
    token = await notebook.keep_letter(PERSON, "m1", b"%PDF")
    await notebook.erase(PERSON)
    assert await notebook.letter(token) is None
    assert [key async for key in redis.scan_iter("guichet:*")] == []
