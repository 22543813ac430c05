"""Files that people send: kept sealed, read where they can be, refused where they must."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw, ImageFont

from bench.telegram_stand_in import text_update
from connectors import media
from knowledge_base.content import load_library
from knowledge_base.dialogue import load_texts
from tests.conftest import System

TEXTS = load_texts(load_library().facts)
FRENCH = TEXTS.phrases("fr")
OGG = b"OggS\x00\x02" + bytes(60)


def screenshot(*lines: str) -> bytes:
    """A picture of an error screen."""
    picture = Image.new("RGB", (1100, 120 + 70 * len(lines)), "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=40)
    for number, line in enumerate(lines):
        draw.text((40, 50 + 70 * number), line, fill="black", font=font)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


async def kept(system: System, channel: str, address: str) -> dict[str, bytes]:
    """The files of a person, opened."""
    mailbox = await system.mailbox()
    conversation = mailbox.pseudonym(channel, address)
    return {
        name: mailbox.vault.cipher.open(sealed, conversation)
        for name, sealed in (await mailbox.media(conversation)).items()
    }


async def test_a_photo_is_kept_sealed_and_answered(system: System) -> None:
    number, picture = "+33611610001", screenshot()
    address = system.twilio.hold_media(picture, "image/png")
    answer = await system.text(
        number, "", NumMedia="1", MediaUrl0=address, MediaContentType0="image/png"
    )
    assert answer == FRENCH.responses["media_kept"].sms
    files = await kept(system, "sms", number)
    assert list(files.values()) == [picture]


@pytest.mark.skipif(not media.can_read(), reason="Tesseract is not installed here")
async def test_an_error_screen_is_read_and_answered_as_if_typed(system: System) -> None:
    picture = screenshot("Erreur technique", "Le site ANEF est indisponible", "Veuillez reessayer")
    address = system.twilio.hold_media(picture, "image/png")
    number = "+33611610002"
    await system.whatsapp(
        number, "", 2, NumMedia="1", MediaUrl0=address, MediaContentType0="image/png"
    )
    read, answer = system.sent_to(f"whatsapp:{number}")
    assert read.body.startswith(FRENCH.labels["i_read"])
    assert "ANEF" in read.body
    assert answer.body


async def test_a_caption_is_answered_and_its_photo_kept(system: System) -> None:
    number = "+33611610003"
    address = system.twilio.hold_media(screenshot(), "image/png")
    answer = await system.text(number, "bonjour", NumMedia="1", MediaUrl0=address)
    assert answer == FRENCH.responses["greet"].sms
    assert len(await kept(system, "sms", number)) == 1


async def test_a_voice_note_is_kept_with_an_honest_answer(system: System) -> None:
    chat = 7201
    system.telegram.files["voice1"] = OGG
    voice = {"file_id": "voice1", "file_unique_id": "v", "duration": 3, "mime_type": "audio/ogg"}
    update = text_update(chat, "", voice=voice)
    del update["message"]["text"]
    await system.telegram_update(update)
    [answer] = await system.telegram.wait_for("sendMessage", 1, chat)
    assert answer.fields["text"] == FRENCH.responses["voice_kept"].text
    assert list((await kept(system, "telegram", str(chat))).values()) == [OGG]


@pytest.mark.parametrize(
    ("number", "content", "named"),
    [
        ("+33611610010", b"MZ" + bytes(400), "image/jpeg"),
        ("+33611610011", b"<svg><script>alert(1)</script></svg>", "image/svg+xml"),
        ("+33611610012", bytes(media.LARGEST + 1), "image/png"),
        ("+33611610013", b"PK\x03\x04" + bytes(400), "application/zip"),
        ("+33611610014", b"", "image/png"),
    ],
    ids=["program", "svg", "too large", "zip", "empty"],
)
async def test_what_is_not_a_photo_or_document_is_refused(
    system: System, number: str, content: bytes, named: str
) -> None:
    address = system.twilio.hold_media(content, named)
    answer = await system.text(number, "", NumMedia="1", MediaUrl0=address, MediaContentType0=named)
    assert answer == FRENCH.responses["media_refused"].sms
    assert await kept(system, "sms", number) == {}


async def test_a_link_that_is_not_the_provider_s_is_never_fetched(system: System) -> None:
    before = len(system.twilio.fetched)
    port = system.twilio.url.rpartition(":")[2]
    for number, address in enumerate(
        (
            "http://169.254.169.254/latest/meta-data/",
            f"http://127.0.0.1:{port}/2010-04-01/Accounts/ACother/Messages/MM1/Media/ME1",
            f"http://localhost:{port}/2010-04-01/Accounts/AC/Messages/MM1",
            "file:///etc/passwd",
        )
    ):
        answer = await system.text(f"+3361161002{number}", "", NumMedia="1", MediaUrl0=address)
        assert answer == FRENCH.responses["media_refused"].sms
    assert len(system.twilio.fetched) == before


async def test_a_file_comes_later_when_the_provider_is_away(system: System) -> None:
    address = system.twilio.hold_media(screenshot(), "image/png")
    system.twilio.failures.append((503, 20503, {}))
    answer = await system.text("+33611610030", "", NumMedia="1", MediaUrl0=address)
    assert answer == FRENCH.responses["media_kept"].sms
