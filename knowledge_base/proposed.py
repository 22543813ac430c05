"""Questions that people asked and a supervisor accepted: a sheet, and from there into the files.

The desk writes the sheet (`Language`, `Article`, `Question`, and the article's title for who
reads it); `guichet kb import` takes it in through review.py. A question goes into
`questions/<language>/<article>.txt`, under the same checks as `guichet kb check`.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font

from knowledge_base import check_examples
from knowledge_base.content import Library
from knowledge_base.examples import Example, load_cases, load_questions
from knowledge_base.languages import load_languages
from knowledge_base.normalise import LONGEST

QUESTIONS_SHEET = "Questions"
HEADS = ("Language", "Article", "Question", "The article's title")


def write(questions: Iterable[tuple[str, str, str]], library: Library) -> bytes:
    """A sheet of `(language, article id, text)`, as XLSX; what stands twice stands once."""
    book = Workbook()
    book.remove(book.worksheets[0])
    sheet = book.create_sheet(QUESTIONS_SHEET)
    sheet.append(HEADS)
    for language, id, text in dict.fromkeys(questions):
        title = library.fill(library.articles["fr", id].title, "fr")
        sheet.append([language, id, text, title])
    for letter, width in zip("ABCD", (10, 26, 80, 60), strict=True):
        sheet.column_dimensions[letter].width = width
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for row in sheet.iter_rows(min_row=2):
        for cell in row:
            # As text: what a person wrote is never a formula.
            cell.data_type = "s"
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    sheet.freeze_panes = "A2"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def read(book: Workbook, name: str) -> list[Example]:
    """The questions of a sheet; none where it has no such page. `name`: the file's."""
    if QUESTIONS_SHEET not in book.sheetnames:
        return []
    found = []
    rows = book[QUESTIONS_SHEET].iter_rows(min_row=2, max_col=3, values_only=True)
    for number, cells in enumerate(rows, start=2):
        language, id, text = (" ".join(str(cell or "").split()) for cell in cells)
        if language or id or text:
            found.append(Example(text, id, language, "article", f"{name}:{number}"))
    return found


def faults(questions: Sequence[Example], library: Library, folder: Path) -> list[str]:
    """Why they cannot be taken in, a line each. Raises ContentError for files of ours."""
    found = [
        f"{question.where}: {fault}"
        for question in questions
        for fault in _of_one(question, library)
    ]
    if found:
        return found
    by_language: dict[str, list[Example]] = defaultdict(list)
    for question in questions:
        by_language[question.language].append(question)
    known = load_questions(folder / "questions")
    for language, new in by_language.items():
        mine = {question.where for question in new}
        both = [*(each for each in known if each.language == language), *new]
        # A fault names first the later one of two, and ours come last.
        found += [
            fault
            for fault in check_examples.alike(both, library)
            if fault.partition(": ")[0] in mine
        ]
        path = folder / "evaluation" / f"{language}.jsonl"
        if path.exists():
            found += check_examples.apart(path, list(load_cases(path)), new)
    return [fault.replace(f"{folder}/", "") for fault in found]


def add(questions: Iterable[Example], folder: Path) -> None:
    """Write them at the end of their files."""
    for question in questions:
        path = folder / "questions" / question.language / f"{question.label}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        ending = "" if before.endswith("\n") or not before else "\n"
        path.write_text(f"{before}{ending}{question.text}\n", encoding="utf-8")


def _of_one(question: Example, library: Library) -> list[str]:
    found = []
    if question.language not in load_languages():
        found.append(f"unknown language '{question.language}'")
    if question.label not in library.entries:
        found.append(f"no article '{question.label}'")
    if not any(char.isalnum() for char in question.text):
        found.append("no question")
    if len(question.text) > LONGEST:
        found.append(f"{len(question.text)} characters, {LONGEST} at most")
    return found
