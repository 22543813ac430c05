"""Questions without a sure answer: masked, sealed, few, and gone with the person."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from connectors import unanswered
from connectors.keys import desk
from connectors.masking import MASK
from connectors.unanswered import Unanswered, Why
from tests.conftest import vault

WHO, OTHER = "a" * 32, "b" * 32
NEAR = (("fees", 0.41), ("api", 0.2))


@pytest.fixture
def kept(redis: Redis) -> Unanswered:
    return Unanswered(redis, vault(), 30)


async def add(kept: Unanswered, who: str, text: str, why: Why = "fallback") -> None:
    await kept.add(who, text, "fr", why, NEAR)


async def texts(kept: Unanswered) -> list[str]:
    return [each.question.text for each in await kept.all()]


async def test_a_question_is_masked_and_sealed(kept: Unanswered, redis: Redis) -> None:
    await add(kept, WHO, "je suis Ousmane, 0612345678, prix du timbre ?")
    [found] = await kept.all()
    assert found.question.text == f"je suis {MASK}, prix du timbre ?"
    assert (found.question.article, found.question.score) == ("fees", 0.41)
    value = await redis.get(desk(f"question:{found.id}"))
    assert isinstance(value, bytes)
    assert b"timbre" not in value
    assert 0 < await redis.ttl(desk(f"question:{found.id}")) <= 30 * 24 * 3600


async def test_the_same_again_is_one_and_nothing_is_none(kept: Unanswered) -> None:
    for text in ("Le prix ?", "le prix ?", "0612345678", "", "?!"):
        await add(kept, WHO, text)
    await kept.add(WHO, "sans proposition", "fr", "fallback", ())
    assert len(await texts(kept)) == 1


async def test_a_choice_made_is_an_answer(kept: Unanswered) -> None:
    await add(kept, WHO, "pas compris")
    await add(kept, WHO, "le premier choix", "choose")
    await add(kept, OTHER, "un autre choix", "choose")
    await kept.settle(WHO)
    await kept.settle(WHO)
    assert await texts(kept) == ["un autre choix", "pas compris"]


async def test_whoever_is_forgotten_leaves_none(kept: Unanswered, redis: Redis) -> None:
    for who in (WHO, OTHER):
        await add(kept, who, "le prix du timbre")
        await add(kept, who, "la date de fin")
    [*mine] = [each.id for each in await kept.all() if each.id.startswith(WHO)]
    assert await kept.accept(mine[0], "le prix", "fees")
    await kept.forget(WHO)
    assert {each.id[:32] for each in await kept.all()} == {OTHER}
    assert not [key async for key in redis.scan_iter(match=f"*{WHO}*")]
    # A supervisor's click a moment later brings nothing back.
    assert not await kept.accept(mine[0], "le prix", "fees")
    assert len(await kept.all()) == 2


async def test_the_newest_are_kept(kept: Unanswered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unanswered, "MOST", 3)
    for word in ("un", "deux", "trois", "quatre", "cinq"):
        await add(kept, WHO, f"question {word}")
    assert await texts(kept) == ["question cinq", "question quatre", "question trois"]


async def test_what_has_expired_is_not_listed(kept: Unanswered, redis: Redis) -> None:
    await add(kept, WHO, "ancienne question")
    [found] = await kept.all()
    await redis.zadd(desk("questions"), {found.id: 1})
    assert await kept.all() == []
    assert await redis.zcard(desk("questions")) == 0


async def test_accepted_keeps_its_end(kept: Unanswered, redis: Redis) -> None:
    await add(kept, WHO, "le prix du timbre")
    [found] = await kept.all()
    await redis.expire(desk(f"question:{found.id}"), 100)
    assert await kept.accept(found.id, "prix d'un timbre", "fees")
    [found] = await kept.all()
    assert (found.question.text, found.question.accepted) == ("prix d'un timbre", "fees")
    assert await redis.ttl(desk(f"question:{found.id}")) <= 100
