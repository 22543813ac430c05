"""What a counter does besides answering."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from connectors.notebook import Notebook
from connectors.records import Conversation, Inbound
from connectors.skills import Skills, day
from guichet.clock import today
from knowledge_base.content import load_library
from tests.conftest import vault

PERSON = "a" * 32
FACTS = load_library().facts


@pytest.fixture
def skills(redis: Redis) -> Skills:
    return Skills(Notebook(redis, vault(), 30), FACTS, lambda token: f"https://g.example/l/{token}")


def message(id: str = "m1") -> Inbound:
    return Inbound(id, "sms", "+33600000001", "text", "…")


async def do(
    skills: Skills, payload: dict[str, Any], state: Conversation | None = None, id: str = "m1"
) -> Any:
    payload = {"language": "fr", **payload}
    return await skills.do(PERSON, message(id), [payload], state or Conversation())


def end(days: int) -> str:
    return (today() + timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("days", "kind", "name", "reminds"),
    [
        (300, "card", "dates_early", True),
        (100, "card", "dates_now", True),
        (70, "card", "dates_now", False),
        (30, "card", "dates_late", False),
        (-10, "card", "dates_expired", False),
        (-800, "card", "dates_long_expired", False),
        (300, "other", "dates_other_early", True),
        (20, "other", "dates_other_now", True),
        (20, "api", "dates_api", True),
        (3, "api", "dates_api", False),
        (-1, "api", "dates_api_expired", False),
    ],
)
async def test_dates_tell_what_today_means(
    skills: Skills, days: int, kind: str, name: str, reminds: bool
) -> None:
    done = await do(skills, {"type": "dates", "end": end(days), "kind": kind})
    assert [payload["name"] for payload in done.payloads] == [name]
    assert done.payloads[0]["values"]["end"] == day(today() + timedelta(days=days))
    offered = {button["label"] for button in done.payloads[0]["buttons"]}
    assert "human" in offered
    assert ("remind_me" in offered) == reminds


async def test_who_does_not_know_the_kind_hears_both_ways(skills: Skills) -> None:
    done = await do(skills, {"type": "dates", "end": end(300), "kind": "unknown"})
    assert [payload["name"] for payload in done.payloads] == ["dates_not_sure", "dates_early"]


async def test_reminders_are_set_listed_and_cancelled(skills: Skills) -> None:
    wanted = {"type": "reminders", "do": "set", "end": end(300), "kind": "card"}
    for id in ("m1", "m1", "m2"):
        done = await do(skills, wanted, id=id)
        assert done.payloads[0]["name"] == "reminder_set"
    listed = await do(skills, {"type": "reminders", "do": "list"})
    assert listed.payloads[0]["values"]["dates"].count("/") == 4  # two dates
    await do(skills, {"type": "reminders", "do": "cancel"})
    listed = await do(skills, {"type": "reminders", "do": "list"})
    assert listed.payloads[0]["name"] == "reminders_none"


async def test_no_reminder_for_what_is_past_or_unknown(skills: Skills) -> None:
    past = {"type": "reminders", "do": "set", "end": end(30), "kind": "card"}
    assert (await do(skills, past)).payloads[0]["name"] == "reminder_none_left"
    unknown = {"type": "reminders", "do": "set", "end": "None", "kind": "None"}
    assert (await do(skills, unknown)).payloads[0]["name"] == "reminders_none"


async def test_the_letter_comes_with_its_link_and_sets_the_department(skills: Skills) -> None:
    told = {
        "type": "letter", "department": "69", "procedure": "renewal", "since": "2026-09-12",
        "tried": "1 3", "screen": "Erreur 500",
    }  # fmt: skip
    done = await do(skills, told)
    assert done.payloads[0]["name"] == "letter_ready"
    assert done.state.department == "69"
    assert base64.b64decode(done.document.content).startswith(b"%PDF")
    token = done.document.link.rpartition("/")[2]
    assert await skills.notebook.letter(token) == base64.b64decode(done.document.content)
    again = await do(skills, told)
    assert again.document.link == done.document.link  # the turn done again
    broken = await do(skills, {**told, "since": "None"})
    assert broken.payloads[0]["name"] == "letter_failed"
    assert broken.document is None


async def test_a_long_text_is_told_to_be_cut(skills: Skills) -> None:
    told = {
        "type": "letter", "department": "69", "procedure": "renewal", "since": "2026-09-12",
        "tried": "1", "screen": "mot " * 1250,
    }  # fmt: skip
    done = await do(skills, told)
    assert [payload["name"] for payload in done.payloads] == ["letter_cut", "letter_ready"]


async def test_the_log_notes_adds_and_lists(skills: Skills) -> None:
    assert (await do(skills, {"type": "log", "do": "list"})).payloads[0]["name"] == "log_empty"
    assert not await skills.add_to_log(PERSON, "erreur")
    noted = await do(skills, {"type": "log", "do": "add"})
    assert noted.payloads[0]["values"]["count"] == "1"
    assert noted.payloads[0]["expects"] == "log_detail"
    assert await skills.add_to_log(PERSON, "erreur 500 \u202e")
    assert await skills.add_to_log(PERSON, "erreur 500")  # the turn done again
    assert await skills.add_to_log(PERSON, photos=["m3:0:image/jpeg"])
    assert await skills.add_to_log(PERSON, photos=["m3:0:image/jpeg"])
    listed = await do(skills, {"type": "log", "do": "list"})
    assert [line[1:] for line in listed.payloads[0]["lines"]] == [("erreur 500", 1)]


async def test_answers_carry_the_prefecture_once_it_is_known(skills: Skills) -> None:
    article = {"type": "article", "id": "prefecture-contact"}
    assert len((await do(skills, article)).payloads) == 1
    known = await do(skills, {"type": "department", "code": "93"})
    first, second = (await do(skills, article, known.state)).payloads
    assert first["name"] == "department_contact"
    assert "seine-saint-denis.gouv.fr" in first["values"]["contact"]
    assert second["id"] == "prefecture-contact"
    without = await do(skills, {"type": "department", "code": "01"})
    first, _ = (await do(skills, article, without.state)).payloads
    assert first["name"] == "department_no_contact"
