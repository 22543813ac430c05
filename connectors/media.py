"""Files that people send: looked at, kept sealed for an advisor, read where they can be.

Nothing is executed and nothing is believed: not the type the provider names, but the
bytes say what a file is, and a picture is read only within bounds.
"""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import warnings
from dataclasses import dataclass
from typing import Literal

import filetype
from PIL import Image, UnidentifiedImageError

#: WhatsApp's own limit for pictures; an MMS is smaller.
#: https://www.twilio.com/docs/whatsapp/guidance-whatsapp-media-messages
LARGEST = 5 * 1024 * 1024
#: Types that are kept, as their first bytes tell them.
PICTURES = frozenset({"image/jpeg", "image/png", "image/webp"})
DOCUMENTS = frozenset({"application/pdf"})
SOUNDS = frozenset(
    {"audio/ogg", "audio/mpeg", "audio/mp4", "audio/m4a", "audio/x-m4a", "audio/aac", "audio/amr"}
)
#: A picture unpacks to this many points at most: a phone's camera takes 50 million.
MOST_POINTS = 50_000_000
#: Longest side that is read, in points: more tells Tesseract nothing.
READ_SIDE = 2400
READ_S = 20
#: Fewer letters than this are noise on a photo of a wall.
FEWEST_LETTERS = 12
LONGEST_READ = 600

Sort = Literal["picture", "document", "sound"]


@dataclass(frozen=True)
class Kept:
    """A file worth keeping."""

    sort: Sort
    content_type: str
    content: bytes


def look(content: bytes) -> Kept | None:
    """What the bytes are; None for what is not kept."""
    kind = filetype.guess(content)
    content_type = kind.mime if kind is not None else ""
    if content.startswith(b"OggS"):
        content_type = "audio/ogg"
    sorts: tuple[tuple[Sort, frozenset[str]], ...] = (
        ("picture", PICTURES),
        ("document", DOCUMENTS),
        ("sound", SOUNDS),
    )
    for sort, types in sorts:
        if content_type in types:
            return Kept(sort, content_type, content)
    return None


def can_read() -> bool:
    """Whether Tesseract is installed here."""
    return shutil.which("tesseract") is not None


async def read(picture: bytes) -> str:
    """The words on a picture; "" when there are none, or it cannot be read."""
    return await asyncio.to_thread(_read, picture)


def _read(picture: bytes) -> str:
    import pytesseract

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(picture), formats=("JPEG", "PNG", "WEBP")) as opened:
                if opened.width * opened.height > MOST_POINTS:
                    return ""
                opened.draft("L", (READ_SIDE, READ_SIDE))
                opened.thumbnail((READ_SIDE, READ_SIDE))
                grey = opened.convert("L")
        text = pytesseract.image_to_string(grey, lang=_languages(), timeout=READ_S)
    except (
        UnidentifiedImageError, OSError, ValueError, SyntaxError, RuntimeError,
        Image.DecompressionBombError, Image.DecompressionBombWarning,
        pytesseract.TesseractError,
    ):  # fmt: skip
        return ""  # RuntimeError is pytesseract's time-out
    return tidy(text)


def tidy(text: str) -> str:
    """Lines with words in them, one space between; "" when there is too little."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    kept = [line for line in lines if len(re.findall(r"\w", line)) >= 0.5 * len(line) > 1]
    joined = "\n".join(kept)[:LONGEST_READ]
    return joined if len(re.findall(r"[^\W\d_]", joined)) >= FEWEST_LETTERS else ""


def _languages() -> str:
    """French and English, as far as their data is installed."""
    import pytesseract

    installed = set(pytesseract.get_languages(config=""))
    wanted = [code for code in ("fra", "eng") if code in installed]
    return "+".join(wanted) or "eng"
