"""How a conversation is led: who we are, at first; a human, after two misses; was it useful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.channels import Limits
from connectors.records import Conversation
from connectors.renderer import Rendered, Renderer
from guichet.clock import today

Payload = Mapping[str, Any]

WELCOME = ("welcome_who", "welcome_kept")
#: "Was it useful?" is asked when the person is about to go, once a day at most.
THANKS = frozenset({"thanks", "goodbye"})


def welcome(rendered: Rendered, renderer: Renderer, limits: Limits) -> Rendered:
    """Before the first answer: two short messages on who this is and what is kept."""
    state = rendered.conversation
    silent = state.stopped or not rendered.parts
    # Who is in danger, or has just had everything deleted, hears of nothing else.
    if state.welcomed or silent or rendered.alarmed or rendered.trace.erased:
        return rendered
    phrases = renderer.texts.phrases(state.language)
    lines = [phrases.say(name, limits.style) for name in WELCOME]
    return replace(
        rendered,
        parts=(*(renderer.plain(line, limits) for line in lines), *rendered.parts),
        conversation=replace(state, welcomed=True),
    )


def after(payloads: Sequence[Payload], before: Conversation) -> tuple[list[Payload], Conversation]:
    """The payloads with what good manners add, and the state that remembers it."""
    last = payloads[-1]
    urgent = any(payload.get("urgency", "none") != "none" for payload in payloads)
    if last.get("name") == "fallback":
        misses = before.misses + 1
        if misses > 1:
            payloads = [*payloads[:-1], {**last, "name": "fallback_again", "yes": "/human"}]
        return list(payloads), replace(before, misses=misses)
    state = replace(before, misses=0)
    if any(payload["type"] == "article" for payload in payloads):
        state = replace(state, answered=state.answered + 1)
    if urgent or not _asks_useful(last, state):
        return list(payloads), state
    asked = {"type": "response", "name": "useful_ask", "language": last["language"]}
    return [*payloads, {**asked, "expects": "useful"}], replace(
        state, answered=0, asked_useful=today().isoformat()
    )


def _asks_useful(last: Payload, state: Conversation) -> bool:
    if state.asked_useful == today().isoformat() or state.article is None:
        return False
    return last.get("name") in THANKS and state.answered > 0
