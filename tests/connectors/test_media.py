"""Files are what their bytes say, and no picture unpacks without end."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from connectors import media


def picture(size: tuple[int, int], form: str) -> bytes:
    out = io.BytesIO()
    Image.new("1", size).convert("L" if form == "JPEG" else "1").save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "sort"),
    [
        (picture((8, 8), "PNG"), "picture"),
        (picture((8, 8), "JPEG"), "picture"),
        (b"%PDF-1.7\n" + bytes(300), "document"),
        (b"OggS\x00\x02" + bytes(60), "sound"),
        (b"#!AMR\n" + bytes(60), "sound"),
    ],
)
def test_what_is_kept(content: bytes, sort: str) -> None:
    found = media.look(content)
    assert found is not None
    assert (found.sort, found.content) == (sort, content)


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a" + bytes(99), b"<html>", b"PK\x03\x04" + bytes(99), b"\x7fELF" + bytes(99)],
)
def test_what_is_not(content: bytes) -> None:
    assert media.look(content) is None


async def test_a_picture_that_unpacks_to_too_much_is_not_read() -> None:
    bomb = picture((20_000, 20_000), "PNG")
    assert len(bomb) < 200_000
    assert await media.read(bomb) == ""


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" + bytes(50), b"rubbish"])
async def test_a_broken_picture_reads_as_nothing(content: bytes) -> None:
    assert await media.read(content) == ""


def test_what_was_read_is_tidied() -> None:
    assert media.tidy("  Erreur   technique \n\n|||| ~~\nLe site est en panne") == (
        "Erreur technique\nLe site est en panne"
    )
    assert media.tidy("a b c 12") == ""
