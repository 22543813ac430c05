"""SMS alphabets and lengths.

GSM 03.38 (3GPP TS 23.038) and segment sizes as Twilio documents them:
https://www.twilio.com/docs/glossary/what-sms-character-limit
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: These take an escape character before them: two septets.
GSM_7_EXTENSION = frozenset("^{}\\[~]|€\f")

#: Length of one segment alone, and of each when there are several.
GSM_7_SINGLE, GSM_7_PART = 160, 153
UCS_2_SINGLE, UCS_2_PART = 70, 67

#: Written out where Unicode decomposition gives no GSM-7 letter.
_REPLACED = {
    "œ": "oe",
    "Œ": "OE",
    "ç": "c",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "«": '"',
    "»": '"',
    "–": "-",
    "—": "-",
    "…": "...",
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
    "→": "->",
    "•": "-",
    "ı": "i",
    "ã": "a",
    "õ": "o",
}

#: French puts a space inside its quotation marks; the plain mark takes none.
_GUILLEMETS = re.compile(r"«\s?|\s?»")

Alphabet = Literal["GSM-7", "UCS-2"]


@dataclass(frozen=True)
class Measure:
    """How a text travels: its alphabet, its length in units of it, and segments."""

    alphabet: Alphabet
    units: int  #: septets for GSM-7, 16-bit units for UCS-2
    segments: int


def measure(text: str) -> Measure:
    """Count segments as the network does: no character is split between two."""
    if all(char in GSM_7 or char in GSM_7_EXTENSION for char in text):
        sizes = [2 if char in GSM_7_EXTENSION else 1 for char in text]
        return Measure("GSM-7", sum(sizes), _segments(sizes, GSM_7_SINGLE, GSM_7_PART))
    sizes = [2 if ord(char) > 0xFFFF else 1 for char in text]
    return Measure("UCS-2", sum(sizes), _segments(sizes, UCS_2_SINGLE, UCS_2_PART))


def to_gsm_7(text: str) -> str:
    """The text in GSM-7 where letters can be replaced; unchanged where they cannot.

    "Être logé à l’hôtel" becomes "Etre logé à l'hotel". A text with even one letter
    that has no replacement (Arabic, an emoji) comes back as it was.
    """
    text = _GUILLEMETS.sub('"', unicodedata.normalize("NFC", text))
    replaced = "".join(_gsm_7_char(char) for char in text)
    return replaced if measure(replaced).alphabet == "GSM-7" else text


def _gsm_7_char(char: str) -> str:
    if char in GSM_7 or char in GSM_7_EXTENSION:
        return char
    if char in _REPLACED:
        return _REPLACED[char]
    bare = "".join(c for c in unicodedata.normalize("NFD", char) if not unicodedata.combining(c))
    return bare if bare and all(c in GSM_7 for c in bare) else char


def split(text: str, segments: int, footer: str = "") -> list[str]:
    """Cut into parts of at most `segments` segments each, between sentences if possible.

    When there is more than one part, each has room for `footer` under it. Falls back
    to cutting between lines, words, and as a last resort characters.
    Raises ValueError when `segments` is less than one.
    """
    if segments < 1:
        raise ValueError("a part has at least one segment")
    parts: list[str] = []
    rest = text.strip()
    while rest:
        if measure(rest).segments <= segments:
            return [*parts, rest]
        head = _longest_head(rest, segments, footer)
        parts.append(rest[:head].rstrip())
        rest = rest[head:].lstrip()
    return parts


#: Ends of a line or a sentence, in the scripts Guichet writes; "2." begins a step.
_SENTENCE_END = re.compile(r"\n+|(?<!\d\.)(?<=[.!?؟。！？।۔])\s+|(?<=[。！？])")


def _longest_head(text: str, segments: int, footer: str) -> int:
    low, high = 1, len(text)
    while low < high:  # the longest prefix that fits
        middle = (low + high + 1) // 2
        if measure(text[:middle] + footer).segments <= segments:
            low = middle
        else:
            high = middle - 1
    fits = low
    # White space after a sentence may overhang: it is cut off.
    sentence_ends = [m.end() for m in _SENTENCE_END.finditer(text) if 0 < m.start() <= fits]
    # A cut that leaves a part nearly empty is worse than one inside a sentence.
    if sentence_ends and sentence_ends[-1] > fits // 3:
        return min(sentence_ends[-1], len(text))
    space = text.rfind(" ", fits // 3, fits + 1)
    return space if space > 0 else fits


def _segments(sizes: list[int], single: int, part: int) -> int:
    if sum(sizes) <= single:
        return 1
    count, room = 1, part
    for size in sizes:
        if size > room:
            count, room = count + 1, part
        room -= size
    return count
