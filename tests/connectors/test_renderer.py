"""Answers fit their channel, in their language, for every article."""

from __future__ import annotations

import re

import pytest

from connectors.channels import Limits
from connectors.menus import REST_PAYLOAD
from connectors.records import Conversation
from connectors.renderer import Renderer
from guichet.sms import measure, to_gsm_7
from knowledge_base.content import load_library
from knowledge_base.dialogue import load_texts
from knowledge_base.languages import load_languages, served

LIBRARY = load_library()
RENDERER = Renderer(LIBRARY, load_texts(LIBRARY.facts))
SMS = Limits("sms", part_segments=4)
CHAT = Limits("chat", part_characters=4000)
ALL = sorted(key for key in LIBRARY.articles if key[0] in served())


@pytest.mark.parametrize(("language", "id"), ALL)
def test_an_article_fits_the_segments_of_its_language(language: str, id: str) -> None:
    payload = {"type": "article", "id": id, "language": language}
    rendered = RENDERER.render([payload], SMS, Conversation())
    [text] = rendered.parts
    measured = measure(text)
    spoken = load_languages()[language]
    assert measured.alphabet == ("GSM-7" if spoken.gsm else "UCS-2")
    assert measured.segments <= spoken.sms_segments
    assert rendered.conversation.language == language
    assert not rendered.buttons


@pytest.mark.parametrize(("language", "id"), ALL)
def test_details_come_in_parts_that_fit_and_lose_nothing(language: str, id: str) -> None:
    payload = {"type": "details", "id": id, "language": language}
    rendered = RENDERER.render([payload], SMS, Conversation())
    parts = list(rendered.parts)
    while any(o.payload == REST_PAYLOAD for o in rendered.conversation.options):
        rendered = RENDERER.rest(SMS, rendered.conversation)
        parts += rendered.parts
    assert all(measure(part).segments <= 4 for part in parts)
    article = LIBRARY.articles[language, id]
    text = "".join("".join(parts).split())
    for line in article.message.splitlines():
        # The last sentence of Chinese, which has no spaces.
        last = re.split("(?<=[。！？])(?=.)", LIBRARY.fill(line, language).split()[-1])[-1]
        assert last in text or to_gsm_7(last) in text


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
def test_candidates_are_numbered_and_the_empty_one_left_out(language: str) -> None:
    payload = {
        "type": "choose",
        "language": language,
        "buttons": [
            {"article": "fees", "payload": '/ask_procedure{"article": "fees"}'},
            {"article": "api", "payload": '/ask_procedure{"article": "api"}'},
            {"article": "none", "payload": '/ask_procedure{"article": "none"}'},
            {"label": "none_of_these", "payload": "/nlu_fallback"},
        ],
    }
    rendered = RENDERER.render([payload], SMS, Conversation())
    text = rendered.parts[0]
    assert "\n1 " in text
    assert "\n3 " in text
    assert "\n4 " not in text
    assert [o.payload for o in rendered.conversation.options][2] == "/nlu_fallback"
    chat = RENDERER.render([payload], CHAT, Conversation())
    assert len(chat.buttons) == 3
    assert "\n1 " not in chat.parts[0]


def test_a_chat_answer_has_title_text_and_buttons() -> None:
    payload = {"type": "article", "id": "fees", "language": "fr"}
    rendered = RENDERER.render([payload], CHAT, Conversation())
    assert rendered.parts[0].startswith(LIBRARY.articles["fr", "fees"].title)
    assert len(rendered.buttons) == 2


def test_an_unknown_language_is_answered_in_french() -> None:
    payload = {"type": "response", "name": "greet", "language": "xx"}
    rendered = RENDERER.render([payload], SMS, Conversation())
    assert rendered.parts[0].startswith("Bonjour")
    assert rendered.conversation.language == "fr"


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "article", "id": "nothing", "language": "fr"},
        {"type": "response", "name": "nothing", "language": "fr"},
        {"type": "nothing", "language": "fr"},
        {"type": "article", "language": "fr"},
    ],
)
def test_what_does_not_exist_is_an_error(payload: dict[str, str]) -> None:
    with pytest.raises(KeyError):
        RENDERER.render([payload], SMS, Conversation())


@pytest.mark.parametrize("limits", [SMS, CHAT])
def test_in_danger_the_emergency_numbers_come_first(limits: Limits) -> None:
    payload = {"type": "article", "id": "legal-help", "language": "fr", "urgency": "danger"}
    first, second = RENDERER.render([payload], limits, Conversation()).parts
    assert "112" in first
    assert "114" in first
    calm = RENDERER.render([{**payload, "urgency": "urgent"}], limits, Conversation())
    assert calm.parts == (second,)
