"""What of a turn goes into the two lists, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from connectors.cases import Cases, Packet
from connectors.lookout import Lookout
from connectors.observatory import Cell, Observatory
from connectors.records import Conversation, Document, Inbound, Option, Trace
from connectors.renderer import Rendered
from connectors.unanswered import Unanswered
from guichet.clock import today
from knowledge_base.blockages import load_blockages
from knowledge_base.content import load_entries
from tests.conftest import vault

WHO = "a" * 32
NEAR = (("technical-block", 0.4), ("account-access", 0.2))
OFFERED = Conversation(
    language="fr", options=(Option("Autre chose", '/nlu_fallback{"urgency": "none"}'),)
)


class Watch:
    """The lookout with its two lists."""

    def __init__(self, redis: Redis) -> None:
        self.cases = Cases(redis, vault())
        self.unanswered = Unanswered(redis, vault(), 30)
        self.observatory = Observatory(redis, vault())
        self.lookout = Lookout(
            self.cases, self.unanswered, self.observatory, load_blockages(), load_entries()
        )

    async def turn(
        self,
        text: str,
        trace: Trace,
        before: Conversation | None = None,
        after: Conversation | None = None,
        document: Document | None = None,
    ) -> None:
        message = Inbound("SM1", "sms", "+33612345678", "text", text)
        before = before or Conversation(language="fr")
        rendered = Rendered(("…",), (), after or before, document=document, trace=trace)
        await self.lookout.look(WHO, message, before, rendered)

    async def questions(self) -> list[tuple[str, str]]:
        kept = await self.unanswered.all()
        return [(each.question.why, each.question.text) for each in kept]

    async def counted(self) -> list[tuple[str, str, str]]:
        cells = await self.observatory.read(today().isocalendar().year)
        return sorted((cell.kind, cell.department, cell.subject) for cell in cells)


@pytest.fixture
def watch(redis: Redis) -> Watch:
    return Watch(redis)


async def test_what_was_not_understood(watch: Watch) -> None:
    await watch.turn("mon truc marche pas", Trace(proposal=NEAR, answered=("fallback",)))
    await watch.turn("le timbre ?", Trace(proposal=NEAR, answered=("fees",)))
    await watch.turn("oui", Trace(answered=("greet",)))
    assert await watch.questions() == [("fallback", "mon truc marche pas")]


@pytest.mark.parametrize(
    ("answered", "left"),
    [(("technical-block",), []), (("fallback",), ["choose"]), (("menu",), ["choose"])],
)
async def test_a_choice(watch: Watch, answered: tuple[str, ...], left: list[str]) -> None:
    await watch.turn("ça bloque", Trace(proposal=NEAR, answered=("choose",)))
    await watch.turn("1", Trace(answered=answered), OFFERED)
    assert [why for why, _ in await watch.questions()] == left
    # Who chose it has met it.
    assert bool(await watch.counted()) == (left == [])


async def test_what_came_before_an_advisor_was_asked_for(watch: Watch) -> None:
    asked = Trace(answered=("human",), desk="waiting")
    await watch.turn("une personne", asked)
    assert await watch.questions() == []
    await watch.cases.enqueue(WHO, "asked", Packet("sms", "fr", "le timbre ?", NEAR), "SM1", True)
    await watch.turn("une personne", asked)
    assert await watch.questions() == [("human", "le timbre ?")]


async def test_nothing_of_whoever_is_forgotten(watch: Watch) -> None:
    trace = Trace(proposal=NEAR, answered=("technical-block", "fallback"), erased=True)
    await watch.turn("effacer", trace)
    assert await watch.questions() == []
    assert await watch.counted() == []


async def test_blockages(watch: Watch) -> None:
    told = Conversation(language="fr", department="69", article="family-reunification")
    block = Trace(proposal=NEAR, answered=("technical-block",))
    for _ in range(2):
        await watch.turn("erreur 500", block, told)
    await watch.turn("les horaires de la prefecture", Trace(
        proposal=(("prefecture-contact", 0.9),), answered=("prefecture-contact",)))  # fmt: skip
    assert await watch.counted() == [("site_error", "69", "family")]
    await watch.turn("aucun créneau a la prefecture", Trace(
        proposal=(("prefecture-contact", 0.9),), answered=("prefecture-contact",)))  # fmt: skip
    log = Conversation(language="fr", expects="log_detail")
    await watch.turn("encore bloque", Trace(answered=("log",)), after=log)
    await watch.turn("mon journal", Trace(answered=("log",)))
    letter = Document("l.pdf", "", "")
    await watch.turn("3", Trace(answered=("letter",)), told, document=letter)
    assert await watch.counted() == [
        ("no_appointment", "", ""),
        ("no_substitution", "69", "family"),
        ("site_error", "", ""),
        ("site_error", "69", "family"),
    ]


async def test_leafing_through_the_menu_is_no_blockage(watch: Watch) -> None:
    await watch.turn("1", Trace(answered=("technical-block",)))
    assert await watch.counted() == []


async def test_a_redis_that_is_away_harms_nobody(watch: Watch) -> None:
    away = Redis(host="127.0.0.1", port=1)
    lookout = Watch(away)
    await lookout.turn("erreur", Trace(proposal=NEAR, answered=("fallback",)))
    await away.aclose()


async def test_languages_are_counted_apart(watch: Watch) -> None:
    trace = Trace(proposal=NEAR, answered=("technical-block",))
    await watch.turn("erreur", trace, replace(OFFERED, language="ar"))
    [cell] = await watch.observatory.read(today().isocalendar().year)
    assert isinstance(cell, Cell)
    assert cell.language == "ar"
