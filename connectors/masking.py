"""A message without what tells who wrote it, so that it can be kept to learn from.

What goes: addresses of e-mail and web, numbers of five digits and more, names after "my name
is" and the like in twelve languages, and words with a capital letter that nobody writes small
in our own questions. A name written small, with nothing before it, stays: whoever takes a
message over reads it first.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from knowledge_base.examples import load_acts, load_questions

MASK = "[…]"
#: Words of a name after an introduction, at most.
LONGEST_NAME = 4
#: A word that is written small so often in our questions is no name: "karim" stands there once.
FEWEST = 3

_ADDRESS = re.compile(r"\S+@\S+|@\w{3,}|(?:https?://|www\.)\S+", re.IGNORECASE)
_NUMBER = re.compile(r"\+?\d(?:[\s./()_-]{0,2}\d){4,}")
#: Numbers of papers: letters and three digits or more.
_CODE = re.compile(r"\b(?=(?:\w*\d){3})(?=\w*[^\W\d])\w{6,}\b")
_WORD = re.compile(r"[^\W\d_]+")
_INTRODUCTIONS = (
    "je m'appelle", "je m appelle", "je mappelle", "mon nom est", "mon nom c'est",
    "mon nom complet est", "mon prénom est", "my name is", "my name's", "i am called",
    "اسمي الكامل", "اسمي", "إسمي", "انا اسمي", "me llamo", "mi nombre es", "chamo-me", "me chamo",
    "meu nome é", "o meu nome é", "benim adım", "adım", "ismim", "меня зовут", "мое имя",
    "моё имя", "мене звати", "моє ім'я", "نام من", "اسم من", "زما نوم", "我叫", "我的名字是",
    "আমার নাম", "smiti", "ismi", "menya zovut", "monsieur", "madame", "mlle", "mme", "mr", "mrs",
    "señor", "señora", "senhor", "senhora",
)  # fmt: skip
_INTRODUCTION = re.compile(
    rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(_INTRODUCTIONS, key=len, reverse=True)))})"
    r"(?:\s*[:.]\s*|\s+|(?<=[\u4e00-\u9fff]))",
    re.IGNORECASE,
)
_MASKS = re.compile(rf"{re.escape(MASK)}(?:[\s,.'-]*{re.escape(MASK)})+")


def masked(text: str) -> str:
    """The message in one line, with MASK in the place of what was taken out."""
    text = " ".join(text.encode("utf-8", "replace").decode().split())
    text = _ADDRESS.sub(MASK, text.replace("’", "'"))
    text = _CODE.sub(MASK, text)
    text = _NUMBER.sub(MASK, text)
    text = _without_introduced(text)
    text = _WORD.sub(_known_or_masked, text)
    return _MASKS.sub(MASK, text)


def _without_introduced(text: str) -> str:
    """The first word after an introduction goes, then those that our questions do not know."""
    for match in reversed(list(_INTRODUCTION.finditer(text))):
        end = match.end()
        for number, word in enumerate(_WORD.finditer(text, match.end())):
            apart = text[end : word.start()].strip("-' ")
            known = word[0].casefold() in _known()
            if apart or number == LONGEST_NAME or (known and (number or _is_title(match[0]))):
                break
            end = word.end()
        if end > match.end():
            text = f"{text[: match.end()]}{MASK}{text[end:]}"
    return text


def _is_title(introduction: str) -> bool:
    """After "monsieur" there may be no name: "monsieur le préfet"."""
    return introduction.strip(" .:").casefold().startswith(("m", "se")) and (
        " " not in introduction.strip() and "'" not in introduction
    )


def _known_or_masked(match: re.Match[str]) -> str:
    word = match[0]
    capital = word[0].isupper() and len(word) > 1
    return MASK if capital and word.casefold() not in _known() else word


@cache
def _known() -> frozenset[str]:
    """Words that our questions write with a small letter, or in a script that has no other."""
    examples = [*load_questions(), *load_acts()]
    words = (word for example in examples for word in _WORD.findall(example.text))
    times = Counter(word.casefold() for word in words if not word[0].isupper())
    return frozenset(word for word, count in times.items() if count >= FEWEST)
