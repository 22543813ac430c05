"""One spelling for what people type in many."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from opencc import OpenCC

#: Letters that one keyboard writes and another does not.
_LETTERS = str.maketrans(
    {
        # Arabic, Persian and Pashto forms of one letter.
        "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا",
        "ى": "ي", "ی": "ي", "ې": "ي", "ۍ": "ي", "ئ": "ي",
        "ؤ": "و", "ة": "ه", "ۀ": "ه", "ك": "ک", "گ": "ک", "ګ": "ک", "ڭ": "ک",
        "پ": "ب", "ڤ": "ف", "ڥ": "ف", "ڨ": "ق",
        "ـ": None, "\u200c": " ", "\u200d": None,
        "œ": "oe", "æ": "ae", "ß": "ss", "ı": "i",
        "’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'",
        # Russian and Ukrainian habits of the keyboard.
        "ё": "е", "ґ": "г",
    }
)  # fmt: skip

#: French of telephones, word by word; only what means one thing.
_SHORT = {
    "g": "j ai", "jai": "j ai", "ki": "qui", "ke": "que", "koi": "quoi", "pk": "pourquoi",
    "pkoi": "pourquoi", "pq": "pourquoi", "pr": "pour", "ds": "dans", "tt": "tout",
    "bcp": "beaucoup", "svp": "s il vous plait", "stp": "s il te plait", "qd": "quand",
    "qql": "quelqu", "qqn": "quelqu un", "mtn": "maintenant", "ojd": "aujourd hui",
    "rdv": "rendez vous", "pb": "probleme", "tds": "titre de sejour", "ts": "titre sejour",
    "prefecture": "prefecture", "pref": "prefecture", "prefa": "prefecture", "dmd": "demande",
    "doc": "document", "docs": "documents", "msg": "message", "tel": "telephone",
    "num": "numero", "att": "attestation", "recep": "recepisse", "u": "you", "ur": "your",
    "pls": "please", "plz": "please", "w8": "wait", "wat": "what", "wen": "when",
    "hw": "how", "bcz": "because", "cuz": "because", "thx": "thanks", "appt": "appointment",
    "tit2sej": "titre de sejour", "titre2sejour": "titre de sejour", "titsej": "titre de sejour",
    "2main": "demain", "keske": "qu est ce que", "slt": "salut", "bjr": "bonjour",
    "oci": "aussi", "tjrs": "toujours", "tjs": "toujours", "pdt": "pendant", "qq": "quelque",
}  # fmt: skip

_HAN = re.compile("[\u4e00-\u9fff]")
#: Chinese goes together with foreign words: 我的récépissé过期了.
_HAN_EDGE = re.compile(r"(?<=[\u4e00-\u9fff])(?=[a-z\d])|(?<=[a-z\d])(?=[\u4e00-\u9fff])")
_PART = re.compile(r"[\u4e00-\u9fff]|[^\s\u4e00-\u9fff]+")
_REPEATED = re.compile(r"(.)\1{2,}")
#: Vowel signs are part of a Bengali word, though Unicode calls them marks.
_BENGALI = ("\u0980", "\u09ff")
_NOT_WORD = re.compile(rf"[^\w'{_BENGALI[0]}-{_BENGALI[1]}]+|_")
LONGEST = 1000  #: characters read; a message says what it wants before that


def normalise(text: str) -> str:
    """Lower case, no diacritics, one form a letter, short forms written out.

    Returns words parted by single spaces; empty when there is no letter or digit.
    Never fails, whatever the text.
    """
    text = _REPEATED.sub(r"\1\1", letters(text))
    parted = _HAN_EDGE.sub(" ", _NOT_WORD.sub(" ", text)).replace("'", " ").split()
    return " ".join(_SHORT.get(word, word) for word in parted)


def words(text: str) -> list[str]:
    """The words of a normalised message; Chinese, which parts none, character by character."""
    return _PART.findall(normalise(text))


def length(text: str) -> int:
    """About how many words a message has: two Chinese characters make one."""
    parts = words(text)
    han = sum(map(is_han, parts))
    return len(parts) - han + (han + 1) // 2


def is_han(word: str) -> bool:
    """Whether a word is Chinese, and so perhaps several."""
    return _HAN.match(word) is not None


def letters(text: str) -> str:
    """Lower case, no diacritics, one form a letter, western digits; marks stay."""
    text = unicodedata.normalize("NFKC", text[: 2 * LONGEST].casefold())[:LONGEST]
    if _HAN.search(text):
        text = _simplified().convert(text.encode("utf-8", "ignore").decode())
    text = "".join(
        char
        for char in unicodedata.normalize("NFKD", text.translate(_LETTERS))
        if unicodedata.category(char) not in ("Mn", "Cf", "Cs", "Cc")
        or char in "\n\t"
        or _BENGALI[0] <= char <= _BENGALI[1]
    )
    return _western(unicodedata.normalize("NFC", text))


@cache
def _simplified() -> OpenCC:
    """Traditional to simplified characters, as Taiwan and Hong Kong write and we do not."""
    return OpenCC("t2s")


def _western(word: str) -> str:
    if not any(char.isdecimal() and char > "9" for char in word):
        return word
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in word)
