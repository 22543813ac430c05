"""Departments and prefectures: from a postcode, a number or a town.

`departments.csv` holds the prefectures and, where one has been checked, their contact with
source and date. `towns.csv` holds the towns of 10,000 people and more and the seats of
prefectures and sub-prefectures, from the state's list of communes (Etalab,
@etalab/decoupage-administratif 6.0.0 of March 2026); names that two departments share are
left out. `towns_in_scripts.csv` has the towns where most foreign nationals live as people write
them in Arabic, Cyrillic, Chinese and Bengali letters; by us.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache

from guichet.settings import ROOT
from knowledge_base.normalise import is_han, normalise

FOLDER = ROOT / "knowledge_base"
_POSTCODE = re.compile(r"(?<!\d)(\d{2})\s?(\d{3})(?!\d)")
#: Tunisia and Venice end as Nice does in Chinese.
_ELSEWHERE = ("突尼斯", "威尼斯")
_NUMBER = re.compile(r"(?<![\w])(2[abAB]|97[1-6]|\d{1,2})(?![\w])")


@dataclass(frozen=True)
class Department:
    """A department; `contact` is empty where none has been checked."""

    code: str  #: "69", "2A", "974"
    name: str
    prefecture: str  #: the town where it is
    contact: str
    as_of: str  #: when the contact was seen, ISO date


@cache
def departments() -> dict[str, Department]:
    """All, by code."""
    with (FOLDER / "departments.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["code"]: Department(
                row["code"], row["department"], row["prefecture"], row["contact"], row["as_of"]
            )
            for row in csv.DictReader(file)
        }


def find(text: str) -> Department | None:
    """The department that a message names by postcode, number, name or town."""
    plain = normalise(text)
    postcode = _POSTCODE.search(plain)
    if postcode is not None:
        return departments().get(_of_postcode(postcode[1] + postcode[2]))
    names = _names()
    words = plain.split()
    for length in range(min(6, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            name = " ".join(words[start : start + length])
            # So short a name in another script may be a word: نيس is Nice, and "is not".
            code = names.get(name) if name.isascii() or len(name) > 3 or name == plain else None
            if code is not None:
                return departments()[code]
    for elsewhere in _ELSEWHERE:
        plain = plain.replace(elsewhere, " ")
    for name in _chinese_names():
        if name in plain:
            return departments()[names[name]]
    # Last, for "Paris 18" is in Paris.
    number = _NUMBER.search(plain)
    return departments().get(number[1].upper().zfill(2)) if number is not None else None


def _of_postcode(postcode: str) -> str:
    if postcode.startswith(("97", "98")):
        return postcode[:3]
    if postcode.startswith("20"):
        return "2A" if postcode < "20200" else "2B"
    return postcode[:2]


@cache
def _names() -> dict[str, str]:
    """`{normalised name of a town or department: code}`; a town before a department."""
    found = {normalise(each.name): each.code for each in departments().values()}
    with (FOLDER / "towns.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name = normalise(row["town"])
            found[name] = row["department"]
            found[re.sub(r"\bsaint(e?)\b", r"st\1", name)] = row["department"]
    with (FOLDER / "towns_in_scripts.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(normalise(row["name"]), row["department"])
    return found


@cache
def _chinese_names() -> list[str]:
    """Chinese parts no words: its names are looked for anywhere, the longest first."""
    return sorted((name for name in _names() if is_han(name)), key=len, reverse=True)
