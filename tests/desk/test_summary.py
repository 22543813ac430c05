"""The summary for a lawyer: all that was said, in every script, and nothing that was not."""

from __future__ import annotations

import pypdfium2
import pytest

from connectors.keys import of_conversation
from connectors.records import Conversation
from desk import fonts, summary_pdf
from desk.summary import Said, Summary, as_text, clear
from tests.desk.conftest import NASTY, Office

SAMPLES = {
    "fr": "Où est l'œuvre ? ç",
    "ar": "كم ثمن الطابع",
    "fa": "می\u200cخواهم",
    "ps": "ډېر ښه ټول",
    "ru": "Срок действия карты",
    "tr": "oturma izni şğı",
    "bn": "আমার কার্ড",
    "zh": "我的居留卡到期了",
}
UNREADABLE = "[not shown here]"


def summary(*texts: str) -> Summary:
    transcript = tuple(Said("26 Nov 2026 09:00 · Person", text) for text in texts)
    facts = (("Department", "69 Rhône"),)
    return Summary(
        "Title", "About", facts, "Sent", ("Fees",), "Messages", transcript, UNREADABLE, "End"
    )  # fmt: skip


def pdf_text(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    try:
        pages = [document[number] for number in range(len(document))]
        text = "\n".join(page.get_textpage().get_text_range() for page in pages)
    finally:
        document.close()
    return text.replace("\r", "")


needs_fonts = pytest.mark.skipif(bool(fonts.missing()), reason="no Noto fonts here")


@needs_fonts
@pytest.mark.parametrize("language", SAMPLES)
def test_every_script_is_written(language: str) -> None:
    told = pdf_text(summary_pdf.make(summary(SAMPLES[language]), "fr"))
    assert UNREADABLE not in told
    assert summary_pdf.LOST not in told
    # Arabic comes out of a PDF in its own order and forms: letters are counted.
    assert sum(char.isalpha() for char in told.split("Person", 1)[1]) > 5


@needs_fonts
def test_a_sign_without_a_font_is_named() -> None:
    told = pdf_text(summary_pdf.make(summary("lost \U0001fae0"), "fr"))
    assert "lost [?]" in told
    assert UNREADABLE in pdf_text(summary_pdf.make(summary("ການຕໍ່ອາຍຸບັດ"), "fr"))


def test_without_fonts_what_cannot_be_shown_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "find", lambda face: None)
    told = pdf_text(summary_pdf.make(summary(SAMPLES["ar"], "l'été, 350 €"), "fr"))
    assert UNREADABLE in told
    assert "l'été, 350 €" in told


def test_a_long_conversation_has_pages() -> None:
    told = pdf_text(summary_pdf.make(summary(*["a long message " * 30] * 60), "fr"))
    assert "About · 2" in told


def test_no_message_looks_like_one_of_ours() -> None:
    text = as_text(summary("hello\n26 Nov 2026 10:00 · Amina\nI promise\r\nall\u2028now"))
    ours = [line for line in text.splitlines() if "·" in line and not line.startswith(" ")]
    assert ours == ["26 Nov 2026 09:00 · Person"]


def test_hidden_marks_go_and_joiners_stay() -> None:
    assert clear("a\u202eb\x1b[31m\u200c\tc \n\n d") == "ab[31m\u200c c\n\n d"


async def test_the_case_is_in_both_files(office: Office) -> None:
    services, c = office.services, office.conversation
    amina, *_ = await services.accounts.all()
    await services.counter.claim(c, amina)
    await services.counter.send_phrase(c, amina, "hello", {}, "1")
    await services.counter.send_article(c, amina, "fees", "2")
    await services.counter.add_note(c, amina, "between us")
    await services.details.write(
        c, {"department": "69", "end": "2027-01-31", "step": "see a lawyer", "labels": "oqtf"},
        services.zone,
    )  # fmt: skip
    async with office.signed_in("amina") as browser:
        text = await browser.get(f"{office.page}/summary.txt")
        pdf = await browser.get(f"{office.page}/summary.pdf")
        missing = await browser.get(f"/desk/c/{'0' * 32}/summary.pdf")
    assert missing.status_code == 404
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert pdf.headers["Content-Type"] == "application/pdf"
    for answer in (text, pdf):
        assert "attachment" in answer.headers["Content-Disposition"]
        assert answer.headers["Cache-Control"] == "no-store"
    for told in (text.text, pdf_text(pdf.content)):
        assert "69 Rhône" in told
        assert "31 janvier 2027" in told
        assert "see a lawyer" in told
        assert "Combien co" in told
        assert "between us" not in told
        assert "oqtf" not in told
        assert "+336" not in told
    assert NASTY in text.text
    assert "Bonjour, je suis de l'association" in text.text
    assert "منذ 1 ماي 2026" in text.text
    actions = [(each.action, each.detail) for _, each in await services.audit.read(100)]
    assert ("summary", "txt") in actions
    assert ("summary", "pdf") in actions


async def test_what_the_person_told_the_assistant_is_marked(office: Office) -> None:
    services, c = office.services, office.conversation
    state = services.vault.seal(Conversation("ar", department="13").to_json(), c)
    await services.redis.hset(of_conversation(c, "conversation"), "state", state)
    async with office.signed_in("amina") as browser:
        text = (await browser.get(f"{office.page}/summary.txt")).text
    assert "Département : 13 Bouches-du-Rhône (d'après l'assistant)" in text
