"""Telegram, the whole way: webhook, Redis, worker, Rasa, Bot API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.telegram_stand_in import tap_update, text_update
from knowledge_base.content import load_library
from knowledge_base.dialogue import load_texts
from tests.conftest import System

LIBRARY = load_library()
TEXTS = load_texts(LIBRARY.facts)


def filled(id: str, language: str = "fr") -> str:
    return LIBRARY.fill(LIBRARY.articles[language, id].message, language)


def codes(message: dict[str, Any]) -> list[str]:
    rows = message["reply_markup"]["inline_keyboard"]
    return [button["callback_data"] for row in rows for button in row]


async def test_a_question_is_answered_with_buttons(system: System) -> None:
    answer = await system.telegram_text(7001, "combien coute le timbre pour renouveler")
    assert filled("fees") in answer["text"]
    assert codes(answer) == ["d:fees", "h"]
    assert "parse_mode" not in answer


async def test_a_tap_is_answered_and_the_menu_taken_away(system: System) -> None:
    chat = 7002
    await system.telegram_text(chat, "menu")
    tap = tap_update(chat, "a:api-expired", "Mon API est finie")
    before = len(system.telegram.of("sendMessage", chat))
    await system.telegram_update(tap)
    answer = (await system.telegram.wait_for("sendMessage", before + 1, chat))[before]
    assert filled("api-expired") in answer.fields["text"]
    [stopped] = await system.telegram.wait_for("answerCallbackQuery", 1)
    assert stopped.fields["callback_query_id"] == tap["callback_query"]["id"]
    [edited] = system.telegram.of("editMessageReplyMarkup", chat)
    assert edited.fields["message_id"] == str(tap["callback_query"]["message"]["message_id"])
    assert "✓ Mon API est finie" in json.dumps(edited.fields, ensure_ascii=False)


async def test_typing_is_shown_while_the_answer_takes_time(system: System) -> None:
    await system.telegram_text(7003, "bonjour")
    assert system.telegram.of("sendChatAction", 7003)[0].fields["action"] == "typing"


@pytest.mark.parametrize(
    ("chat", "text", "language", "response"),
    [
        (7101, "/start", "ar", "greet"),
        (7102, "/menu", "en", "menu"),
        (7103, "/human", "fr", "human"),
        (7104, "/language@guichet_bot", "fr", "languages"),
    ],
)
async def test_commands_answer_in_the_language_of_the_telephone(
    system: System, chat: int, text: str, language: str, response: str
) -> None:
    person = {"id": chat, "is_bot": False, "first_name": "A", "language_code": language}
    answer = await system.telegram_text(chat, text, **{"from": person})
    assert answer["text"] == TEXTS.phrases(language).responses[response].text


async def test_a_deep_link_opens_its_article(system: System) -> None:
    answer = await system.telegram_text(7034, "/start fees")
    assert filled("fees") in answer["text"]
    unknown = await system.telegram_text(7034, "/start ../../etc")
    assert unknown["text"].startswith(TEXTS.phrases("fr").responses["menu"].text[:30])


async def test_the_same_update_counts_once(system: System) -> None:
    update = text_update(7005, "bonjour", update_id=990001)
    for _ in range(3):
        await system.telegram_update(update)
    await system.telegram_text(7005, "merci")
    assert len(system.telegram.of("sendMessage", 7005)) == 2


async def test_groups_are_left_alone(system: System) -> None:
    group = {"id": -7006, "type": "supergroup", "title": "Voisins"}
    await system.telegram_update(text_update(7006, "combien coute le timbre", chat=group))
    await system.telegram_update(text_update(7006, "/menu", chat=group))
    [answer] = await system.telegram.wait_for("sendMessage", 1, -7006)
    assert answer.fields["text"] == TEXTS.phrases("fr").responses["group"].text


async def test_a_person_who_blocked_us_is_written_to_no_more_until_they_write(
    system: System,
) -> None:
    chat = 7007
    await system.telegram_text(chat, "bonjour")
    system.telegram.blocked.add(chat)
    await system.telegram_update(text_update(chat, "merci"))
    await system.quiet()
    assert len(system.telegram.of("sendMessage", chat)) == 1
    system.telegram.blocked.discard(chat)
    answer = await system.telegram_text(chat, "au revoir")
    assert answer["text"] == TEXTS.phrases("fr").responses["goodbye"].text


async def test_asked_to_slow_down_the_message_waits_as_long_as_told(system: System) -> None:
    chat = 7009
    await system.telegram_text(chat, "bonjour")
    system.telegram.failures.extend(
        [(429, "Too Many Requests: retry after 2", {"retry_after": 2})] * 2
    )
    answer = await system.telegram_text(chat, "merci")
    assert answer["text"] == TEXTS.phrases("fr").responses["thanks"].text


async def test_text_of_markup_is_a_text(system: System) -> None:
    answer = await system.telegram_text(7010, "<b>bonjour</b> [x](tg://user?id=1) & <")
    assert answer["text"]


async def test_4096_characters_are_a_message(system: System) -> None:
    answer = await system.telegram_text(7011, "mon titre " * 409)
    assert 0 < len(answer["text"]) <= 4096


async def test_every_article_fits_a_telegram_message(system: System) -> None:
    for id in ("fees", "api", "substitution"):
        answer = await system.telegram_text(7012, f"/start {id}")
        assert len(answer["text"]) <= 4096
        assert all(len(code.encode()) <= 64 for code in codes(answer))
