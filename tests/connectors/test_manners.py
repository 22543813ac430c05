"""How a conversation is led."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors import manners
from connectors.channels import Limits
from connectors.records import Conversation, Trace
from connectors.renderer import Renderer
from knowledge_base.content import load_library
from knowledge_base.dialogue import load_texts

LIBRARY = load_library()
RENDERER = Renderer(LIBRARY, load_texts(LIBRARY.facts))
SMS = Limits("sms", part_segments=4)
ARTICLE = {"type": "article", "id": "fees", "language": "fr"}
FALLBACK = {"type": "response", "name": "fallback", "language": "fr"}
THANKS = {"type": "response", "name": "thanks", "language": "fr"}


def after(*payloads: Any, state: Conversation | None = None) -> tuple[list[Any], Conversation]:
    return manners.after(payloads, state or Conversation())


def test_the_first_answer_comes_after_two_short_messages_and_only_once() -> None:
    rendered = RENDERER.render([ARTICLE], SMS, Conversation())
    first = manners.welcome(rendered, RENDERER, SMS)
    assert len(first.parts) == 3
    assert all(len(part) <= 160 for part in first.parts[:2])
    assert "EFFACER" in first.parts[1]
    again = RENDERER.render([ARTICLE], SMS, first.conversation)
    assert manners.welcome(again, RENDERER, SMS).parts == again.parts


def test_who_is_in_danger_gets_numbers_and_no_introduction() -> None:
    danger = {**ARTICLE, "urgency": "danger"}
    rendered = RENDERER.render([danger], SMS, Conversation())
    welcomed = manners.welcome(rendered, RENDERER, SMS)
    assert welcomed.parts == rendered.parts
    assert not welcomed.conversation.welcomed


def test_who_had_everything_deleted_is_told_that_alone() -> None:
    deleted = {"type": "response", "name": "deleted", "language": "fr"}
    rendered = replace(RENDERER.render([deleted], SMS, Conversation()), trace=Trace(erased=True))
    assert manners.welcome(rendered, RENDERER, SMS).parts == rendered.parts


def test_the_second_miss_offers_a_human_and_yes_means_one() -> None:
    payloads, state = after(FALLBACK)
    assert payloads[0]["name"] == "fallback"
    payloads, state = after(FALLBACK, state=state)
    assert (payloads[0]["name"], payloads[0]["yes"]) == ("fallback_again", "/human")
    _, state = after(ARTICLE, state=state)
    assert state.misses == 0


def test_was_it_useful_is_asked_once_a_day_and_after_an_answer() -> None:
    payloads, state = after(THANKS)
    assert len(payloads) == 1  # nothing was answered
    _, state = after(ARTICLE)
    state = RENDERER.render([ARTICLE], SMS, state).conversation
    payloads, state = after(THANKS, state=state)
    assert payloads[-1]["name"] == "useful_ask"
    _, state = after(ARTICLE, state=state)
    payloads, _ = after(THANKS, state=state)
    assert len(payloads) == 1


def test_it_is_not_asked_when_it_is_urgent() -> None:
    state = Conversation(article="fees", answered=1)
    payloads, _ = after({**THANKS, "urgency": "urgent"}, state=state)
    assert len(payloads) == 1
