"""The trained model decides on anything, and says how sure it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from knowledge_base.errors import ContentError
from knowledge_base.examples import load_questions
from knowledge_base.languages import served
from knowledge_base.model import ModelError, Understanding
from knowledge_base.service import OPENAPI, create_app
from knowledge_base.training import run
from tests.conftest import MODEL


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return Understanding.load(MODEL)


@pytest.mark.parametrize(
    ("text", "language", "decision", "label"),
    [
        ("combien coûte le timbre fiscal pour renouveler", "fr", "answer", "fees"),
        ("how much does the tax stamp cost for a renewal", "en", "answer", "fees"),
        ("كم ثمن الطابع الجبائي لتجديد البطاقة", "ar", "answer", "fees"),
        ("bonjour", "fr", "act", "greet"),
        ("oui", "fr", "act", "affirm"),
        ("nope", "en", "act", "deny"),
        ("thank you very much", "en", "act", "thanks"),
        ("السلام عليكم", "ar", "act", "greet"),
        ("je veux parler à une vraie personne", "fr", "act", "human"),
        ("quel temps fait il demain à la plage", "fr", "fallback", None),
    ],
)
def test_plain_messages(
    understanding: Understanding, text: str, language: str, decision: str, label: str | None
) -> None:
    found = understanding.decide(text)
    assert (found.language, found.decision, found.label) == (language, decision, label)


@pytest.mark.parametrize(
    "text",
    ["", "a", "?", "😀", "\u200b", "\ud83d", "aaaa " * 1000, "٣٣٣", "a" * 5000, "\x00", "{}", "/x"],
)
def test_anything_gets_a_decision(understanding: Understanding, text: str) -> None:
    decision = understanding.decide(text, "ar")
    assert decision.decision in ("answer", "choose", "act", "fallback")
    assert 0 <= decision.certainty <= 1.0001
    assert decision.language in served()


@given(st.text(alphabet=st.characters(), max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_text_makes_it_fail(text: str) -> None:
    decision = _loaded().decide(text)
    assert (decision.label is not None) == (decision.decision in ("answer", "act"))
    assert (len(decision.candidates) in (2, 3)) == (decision.decision == "choose")


_cache: list[Understanding] = []


def _loaded() -> Understanding:
    if not _cache:
        _cache.append(Understanding.load(MODEL))
    return _cache[0]


def test_nothing_readable_keeps_the_language_of_the_conversation(
    understanding: Understanding,
) -> None:
    assert understanding.decide("😀", "ar").language == "ar"
    assert understanding.decide("😀", None).language == "fr"


@pytest.mark.parametrize("text", ["2", "12.", "٢", "?!", "2026"])
def test_figures_alone_tell_no_language(understanding: Understanding, text: str) -> None:
    assert understanding.decide(text).language == "fr"
    assert understanding.decide(text, "en").language == "en"


def test_the_service_answers_as_its_description_says(understanding: Understanding) -> None:
    validate(OPENAPI)
    with TestClient(create_app(understanding)) as client:
        assert client.get("/health").json()["articles"] == len(understanding.articles)
        assert client.get("/openapi.json").json() == OPENAPI
        answer = client.post("/decide", json={"text": "combien coute le timbre", "language": None})
        wanted = OPENAPI["components"]["schemas"]["Decision"]["required"]
        assert set(answer.json()) == set(wanted)
        for body in (b"", b"[]", b"{}", b'{"text": 1}', b'{"text": "a", "language": 1}', b"\xff"):
            assert client.post("/decide", content=body).status_code == 400
        assert client.post("/decide", content=b"a" * 70_000).status_code == 413


def test_a_missing_or_damaged_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="guichet kb train"):
        Understanding.load(tmp_path)
    (tmp_path / "model.json").write_text('{"format": 0}')
    with pytest.raises(ModelError, match="another version"):
        Understanding.load(tmp_path)


def test_any_folder_of_questions_can_be_learnt(tmp_path: Path) -> None:
    lines = {
        "weather": ["will it rain", "is it sunny today", "rain tomorrow", "sunny or rain"],
        "music": ["play a song", "next song please", "play music", "louder music please"],
    }
    for label, questions in lines.items():
        path = tmp_path / "data" / "en" / f"{label}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(questions * 3))
    run(tmp_path / "data", tmp_path / "model", lambda text: None)
    decision = Understanding.load(tmp_path / "model").decide("play the next song")
    assert decision.ranking[0][0] == "music"


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("fees.txt", b"one\n\ntwo\n", r"fees.txt:2: empty line"),
        ("fees.txt", b"one\n\xff\n", r"fees.txt:2: not UTF-8"),
    ],
)
def test_a_broken_question_file_is_told_with_file_and_line(
    tmp_path: Path, name: str, content: bytes, fault: str
) -> None:
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / name).write_bytes(content)
    with pytest.raises(ContentError, match=fault):
        load_questions(tmp_path)
    with pytest.raises(ContentError, match=fault):
        run(tmp_path, tmp_path / "model", lambda text: None)
