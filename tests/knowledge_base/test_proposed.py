"""Questions accepted at the desk come into the files, whole or not at all."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
from openpyxl import load_workbook

from knowledge_base import proposed, review
from knowledge_base.content import FOLDER, load_library
from knowledge_base.errors import ContentError
from knowledge_base.review import Taken

DAY = date(2026, 12, 1)
NEW = "le timbre virtuel de ma tante peut il servir au guichet numero neuf"


class Desk:
    """A copy of the knowledge base, and a sheet of the desk's."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder / "kb", folder / "questions.xlsx"
        shutil.copytree(FOLDER, self.folder, ignore=shutil.ignore_patterns("*.py", "lexicon"))

    def take(self, *rows: tuple[str, str, str], write: bool = True) -> Taken:
        self.path.write_bytes(proposed.write(rows, load_library(self.folder)))
        return review.take(self.path, "", on=DAY, write=write, folder=self.folder)

    def faults(self, *rows: tuple[str, str, str]) -> list[str]:
        before = self.all()
        with pytest.raises(ContentError) as error:
            self.take(("fr", "fees", NEW), *rows)
        assert self.all() == before
        return str(error.value).splitlines()

    def lines(self, language: str, id: str) -> list[str]:
        return (self.folder / "questions" / language / f"{id}.txt").read_text().splitlines()

    def all(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in (self.folder / "questions").rglob("*.txt")}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_questions_are_added_at_the_end(desk: Desk) -> None:
    before = desk.lines("fr", "fees")
    rows = [("fr", "fees", NEW), ("fr", "fees", NEW), ("ar", "api", "سؤال جديد تماما عن ورقة عمتي")]
    assert desk.take(*rows, write=False).changes == []
    assert desk.lines("fr", "fees") == before
    taken = desk.take(*rows)
    assert [(q.language, q.label) for q in taken.questions] == [("fr", "fees"), ("ar", "api")]
    assert desk.lines("fr", "fees") == [*before, NEW]
    assert desk.lines("ar", "api")[-1] == rows[2][2]


def test_what_is_known_already_is_refused(desk: Desk) -> None:
    known = desk.lines("fr", "fees")[20]
    [fault] = desk.faults(("fr", "fees", known))
    assert fault.startswith("questions.xlsx:3: the same message as questions/fr/fees.txt:21")
    [fault] = desk.faults(("fr", "fees", NEW.replace("neuf", "dix")))
    assert fault == "questions.xlsx:3: but for a word the same as questions.xlsx:2"


def test_what_measures_is_not_learnt(desk: Desk) -> None:
    path = desk.folder / "evaluation" / "fr.jsonl"
    row = '{"id": "x", "lang": "fr", "kind": "article", "label": "fees", "text": "%s"}\n'
    text = "ma cousine demande combien de pieces jaunes il faut apporter"
    path.write_text(path.read_text() + row % text)
    [fault] = desk.faults(("fr", "fees", text + " ?"))
    assert "nearly the same as questions.xlsx:3, which is learnt from" in fault


def test_rows_that_name_what_is_not_there(desk: Desk) -> None:
    rows = [("xx", "fees", "une question"), ("fr", "nothing", "une question"), ("fr", "fees", "?!")]
    desk.path.write_bytes(proposed.write([("fr", "fees", NEW)], load_library(desk.folder)))
    book = load_workbook(desk.path)
    for row in rows:
        book[proposed.QUESTIONS_SHEET].append(row)
    book.save(desk.path)
    with pytest.raises(ContentError) as error:
        review.take(desk.path, "", on=DAY, folder=desk.folder)
    assert str(error.value).splitlines() == [
        "questions.xlsx:3: unknown language 'xx'",
        "questions.xlsx:4: no article 'nothing'",
        "questions.xlsx:5: no question",
    ]


def test_what_a_person_wrote_is_no_formula(desk: Desk) -> None:
    rows = [("fr", "fees", "=HYPERLINK(1)")]
    desk.path.write_bytes(proposed.write(rows, load_library(desk.folder)))
    cell = load_workbook(desk.path)[proposed.QUESTIONS_SHEET]["C2"]
    assert (cell.data_type, cell.value) == ("s", "=HYPERLINK(1)")
