"""Review sheets go out, come back, and nothing is marked checked that nobody checked."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from knowledge_base import review
from knowledge_base.content import FOLDER, load_library
from knowledge_base.dialogue import RESPONSES
from knowledge_base.errors import ContentError

DAY = date(2026, 12, 1)


class Sheet:
    """The Arabic sheet of a copy of the knowledge base, edited as in an office program."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.responses = folder / "kb", folder / "responses"
        shutil.copytree(FOLDER, self.folder, ignore=shutil.ignore_patterns("questions", "*.py"))
        shutil.copytree(RESPONSES, self.responses)
        self.path = folder / "ar.xlsx"
        review.export("ar", self.path, self.folder)

    def edit(self, part: str, text: str | None = None, checked: str | None = None) -> None:
        book = load_workbook(self.path)
        sheet = book[review.TEXTS_SHEET]
        assert isinstance(sheet, Worksheet)
        row = next(row for row in sheet.iter_rows() if row[0].value == part)
        if text is not None:
            row[2].value = text
        if checked is not None:
            row[3].value = checked
        book.save(self.path)

    def check_all(self, id: str) -> None:
        for part in ("Title", "SMS", "Message", "Details"):
            self.edit(f"{id} / {part}", checked="x")

    def take(self, by: str = "N. B.", write: bool = True) -> review.Taken:
        return review.take(
            self.path, by, on=DAY, write=write, folder=self.folder, responses=self.responses
        )


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    return Sheet(tmp_path)


def test_a_sheet_that_nobody_edited_changes_nothing(sheet: Sheet) -> None:
    assert sheet.take() == review.Taken([], [], [])
    assert not (sheet.folder / "reviews.yml").exists()


def test_an_arabic_sheet_reads_from_right_to_left(sheet: Sheet) -> None:
    texts = load_workbook(sheet.path)[review.TEXTS_SHEET]
    assert texts.cell(1, 3).value == "Arabic"
    assert texts.cell(2, 3).alignment.readingOrder == 2
    facts = load_workbook(sheet.path)[review.FACTS_SHEET]
    assert any(row[0].value == "{fee_renewal}" for row in facts.iter_rows())


def test_a_mended_title_is_shown_and_written(sheet: Sheet) -> None:
    sheet.edit("fees / Title", text="كم ثمن البطاقة وأين أدفع؟")
    assert sheet.take(write=False).changes[0].part == "fees / Title"
    assert load_library(sheet.folder).articles["ar", "fees"].title != "كم ثمن البطاقة وأين أدفع؟"
    taken = sheet.take()
    assert "+كم ثمن البطاقة وأين أدفع؟" in taken.difference()
    assert load_library(sheet.folder).articles["ar", "fees"].title == "كم ثمن البطاقة وأين أدفع؟"


def test_a_mended_dialogue_text_is_written_and_comments_stay(sheet: Sheet) -> None:
    sheet.edit("response thanks / sms", text="شكرا لكم. اكتبوا هنا إذا احتجتم.")
    sheet.take()
    written = (sheet.responses / "ar.yml").read_text(encoding="utf-8")
    assert "شكرا لكم. اكتبوا هنا إذا احتجتم." in written
    before = (RESPONSES / "ar.yml").read_text(encoding="utf-8")
    assert [line for line in written.splitlines() if "#" in line] == [
        line for line in before.splitlines() if "#" in line
    ]


def test_an_article_is_checked_when_every_part_of_it_is(sheet: Sheet) -> None:
    sheet.edit("fees / SMS", checked="x")
    assert sheet.take().checked == []
    sheet.check_all("fees")
    assert sheet.take().checked == ["fees"]
    reviews = review.load_reviews(sheet.folder / "reviews.yml")
    article = load_library(sheet.folder).articles["ar", "fees"]
    read = review.checked_by_reader(article, reviews)
    assert read is not None
    assert (read.by, read.on) == ("N. B.", DAY)


def test_a_text_changed_after_the_check_counts_as_unchecked(sheet: Sheet) -> None:
    sheet.check_all("fees")
    sheet.take()
    path = sheet.folder / "articles" / "ar" / "fees.md"
    path.write_text(path.read_text(encoding="utf-8").replace("CB", "Carte bleue"))
    reviews = review.load_reviews(sheet.folder / "reviews.yml")
    article = load_library(sheet.folder).articles["ar", "fees"]
    assert review.checked_by_reader(article, reviews) is None


def test_checked_by_nobody_is_refused(sheet: Sheet) -> None:
    sheet.check_all("fees")
    with pytest.raises(ContentError, match="say who checked"):
        sheet.take(by=" ")


@pytest.mark.parametrize(
    ("part", "text", "fault"),
    [
        ("SMS", "الثمن 250 يورو.", "'250' is a bare figure"),
        ("SMS", "الثمن {fee_renewl}.", "unknown fact"),
        ("Details", "الثمن.", r"fact \{fee_card_stamp\} of the French text is missing"),
    ],
)
def test_a_text_with_a_fault_is_refused_and_nothing_is_written(
    sheet: Sheet, part: str, text: str, fault: str
) -> None:
    sheet.edit(f"fees / {part}", text=text)
    sheet.edit("api / Title", text="ما هي شهادة التمديد؟")
    before = load_library(sheet.folder).articles["ar", "api"].title
    with pytest.raises(ContentError, match=fault):
        sheet.take()
    assert load_library(sheet.folder).articles["ar", "api"].title == before


def test_a_part_whose_french_has_changed_is_skipped_and_told(sheet: Sheet) -> None:
    sheet.edit("fees / Title", text="كم الثمن؟")
    path = sheet.folder / "articles" / "fr" / "fees.md"
    lines = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join(["# Combien faut-il payer ?", *lines[1:]]), encoding="utf-8")
    taken = sheet.take()
    assert (taken.changes, taken.skipped) == ([], ["fees / Title"])


def test_a_file_that_is_no_review_sheet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ar.xlsx"
    for content in (b"", b"PK\x03\x04", b"hello"):
        path.write_bytes(content)
        with pytest.raises(ContentError, match=r"ar\.xlsx: not a review sheet"):
            review.take(path, "N. B.", on=DAY)
    with pytest.raises(ContentError, match="no such file"):
        review.take(tmp_path / "nowhere.xlsx", "N. B.", on=DAY)
