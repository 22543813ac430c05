"""Review sheets: the texts of a language beside the French, out to a spreadsheet and back.

A native reader edits a sheet in any office program. What comes back is checked before
anything is written; who checked which article, and when, stands in `reviews.yml` with a
fingerprint of the text, so that a text changed later counts as unchecked again.
"""

from __future__ import annotations

import difflib
import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from zipfile import BadZipFile

import yaml
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Alignment, Font, PatternFill, Protection
from openpyxl.utils.exceptions import InvalidFileException
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from knowledge_base import check, proposed
from knowledge_base.content import (
    FOLDER,
    PLACEHOLDER,
    SECTIONS,
    Article,
    Library,
    load_library,
    read_article,
)
from knowledge_base.dialogue import RESPONSES, load_texts
from knowledge_base.errors import ContentError
from knowledge_base.examples import Example
from knowledge_base.languages import Language, load_languages

REVIEWS = FOLDER / "reviews.yml"
TEXTS_SHEET, FACTS_SHEET, HELP_SHEET = "Texts", "Facts", "Read me"
HEADS = ("Part", "French", "Your language", "Checked")
YES = {"x", "yes", "oui", "ok", "1", "✓"}

HELP = """\
Thank you for reading these texts. People in trouble will get them on a small phone.

1. On the sheet "Texts", read column C beside the French in column B.
2. Mend column C where a person you know would not understand it, or where it is wrong.
3. Put an x into column D of each line that you have read and find right as it stands now.
4. Words in braces, such as {fee_renewal}, are filled in by the program: keep each one, exactly
   as it is. The sheet "Facts" shows what it becomes.
5. Never write a price, a date or a telephone number as figures.
6. Keep the short text of "SMS" short: every letter costs.
7. Save the file and send it back. Lines without an x change nothing if column C is unchanged.
"""


@dataclass(frozen=True)
class Review:
    """Somebody who reads the language has read this text."""

    by: str
    on: date
    text: str  #: fingerprint of what was read


@dataclass(frozen=True)
class Change:
    """One text part that the sheet has otherwise than the repository."""

    part: str
    before: str
    after: str


@dataclass(frozen=True)
class Taken:
    """What an import did."""

    changes: list[Change]
    checked: list[str]  #: ids of articles now marked checked
    skipped: list[str]  #: parts whose French has changed since the export
    questions: list[Example] = field(default_factory=list)  #: added, see proposed.py

    def difference(self) -> str:
        """The changes as a unified difference, for people."""
        lines: list[str] = []
        for change in self.changes:
            lines += difflib.unified_diff(
                change.before.splitlines(),
                change.after.splitlines(),
                f"{change.part}, before",
                f"{change.part}, after",
                lineterm="",
                n=0,
            )
        return "\n".join(lines)


def fingerprint(article: Article) -> str:
    text = "\0".join((article.title, article.sms, article.message, article.details or ""))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_reviews(path: Path = REVIEWS) -> dict[str, dict[str, Review]]:
    """`{language: {article id: review}}`. Raises ContentError."""
    if not path.exists():
        return {}
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return {
            language: {id: Review(**fields) for id, fields in rows.items()}
            for language, rows in data.items()
        }
    except (yaml.YAMLError, TypeError, AttributeError) as error:
        raise ContentError(f"{path}:1: {error}") from None


def checked_by_reader(
    article: Article, reviews: Mapping[str, Mapping[str, Review]]
) -> Review | None:
    """Who read this text as it stands now; None when nobody did."""
    review = reviews.get(article.language, {}).get(article.id)
    return review if review is not None and review.text == fingerprint(article) else None


def export(language: str, out: Path, folder: Path = FOLDER) -> int:
    """Write the review sheet of a language; the number of text parts in it."""
    library, spoken = load_library(folder), _language(language)
    book = Workbook()
    book.remove(book.worksheets[0])
    help_ = book.create_sheet(HELP_SHEET)
    for line in HELP.splitlines():
        help_.append([line])
    help_.column_dimensions["A"].width = 100
    sheet = book.create_sheet(TEXTS_SHEET)
    sheet.append([*HEADS[:2], spoken.name, HEADS[3]])
    count = 0
    for part, french, text in _parts(library, language):
        sheet.append([part, french, text, ""])
        count += 1
    for letter, width in zip("ABCD", (34, 70, 70, 10), strict=True):
        sheet.column_dimensions[letter].width = width
    for cell in sheet[1]:
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="DDE7F3")
    right_to_left = 2  # readingOrder of ECMA-376, 18.8.1
    for row in sheet.iter_rows(min_row=2):
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
        row[2].protection = row[3].protection = Protection(locked=False)
        if spoken.direction == "rtl":
            row[2].alignment = Alignment(
                wrap_text=True, vertical="top", horizontal="right", readingOrder=right_to_left
            )
    sheet.freeze_panes = "A2"
    sheet.protection.sheet = True  # no password: it only keeps a hand from slipping
    facts = book.create_sheet(FACTS_SHEET)
    facts.append(["In the text", "What people read", "Source", "Check again"])
    for fact in library.facts.values():
        facts.append(
            [f"{{{fact.key}}}", fact.format(language), fact.source, fact.check_again.isoformat()]
        )
    for letter, width in zip("ABCD", (40, 50, 60, 14), strict=True):
        facts.column_dimensions[letter].width = width
    book.active = 1
    out.parent.mkdir(parents=True, exist_ok=True)
    book.save(out)
    return count


def take(
    path: Path,
    by: str,
    *,
    on: date,
    write: bool = True,
    folder: Path = FOLDER,
    responses: Path = RESPONSES,
) -> Taken:
    """Take an edited sheet back. Nothing is written unless all of it can be.

    `by` is the reader's name or initials, for the texts marked checked.
    Raises ContentError with one line a fault.
    """
    book = _open(path)
    questions = proposed.read(book, path.name)
    only_questions = bool(questions) and TEXTS_SHEET not in book.sheetnames
    language, rows = ("fr", {}) if only_questions else _read(book, path)
    library = load_library(folder)
    here = {part: (french, text) for part, french, text in _parts(library, language, responses)}
    unknown = sorted(set(rows) - set(here))
    if unknown:
        raise ContentError("\n".join(f"{path.name}: no text part '{part}'" for part in unknown))
    skipped = [part for part, row in rows.items() if row.french != here[part][0]]
    kept = {part: row for part, row in rows.items() if part not in skipped}
    changes = [
        Change(part, here[part][1], row.text)
        for part, row in kept.items()
        if row.text and row.text != here[part][1]
    ]
    articles, faults = _changed_articles(library, language, changes)
    faults += _response_faults(language, changes, responses)
    faults += proposed.faults(questions, library, folder)
    if faults:
        raise ContentError("\n".join(faults))
    read = [
        id
        for id in library.entries
        if (parts := [part for part in here if part.startswith(f"{id} / ")])
        and all(part in kept and kept[part].checked for part in parts)
    ]
    if read and not by.strip():
        raise ContentError("texts are marked checked: say who checked them, with --by")
    if write:
        for article, text in articles.values():
            article.path.parent.mkdir(parents=True, exist_ok=True)
            article.path.write_text(text, encoding="utf-8")
        _write_responses(language, changes, responses)
        proposed.add(questions, folder)
        _write_reviews(load_library(folder), language, read, Review(by.strip(), on, ""), folder)
    return Taken(changes, read, skipped, questions)


@dataclass(frozen=True)
class _Row:
    french: str
    text: str
    checked: bool


def _parts(
    library: Library, language: str, responses: Path = RESPONSES
) -> Iterator[tuple[str, str, str]]:
    """`(part, French text, text of the language or "")` of every text there is."""
    for id in library.entries:
        french = library.articles.get(("fr", id))
        if french is None:
            continue  # a draft
        other = library.articles.get((language, id))
        for name, text in _sections(french).items():
            yield f"{id} / {name}", text, _sections(other).get(name, "") if other else ""
    french_texts, own = _raw_responses("fr", responses), _raw_responses(language, responses)
    for part, text in french_texts.items():
        yield part, text, own.get(part, "")


def _sections(article: Article) -> dict[str, str]:
    texts = dict(zip(SECTIONS, (article.sms, article.message, article.details or ""), strict=True))
    return {"Title": article.title, **{name: text for name, text in texts.items() if text}}


def _raw_responses(language: str, responses: Path) -> dict[str, str]:
    """The dialogue texts with facts still named, by part."""
    path = responses / f"{language}.yml"
    if not path.exists():
        return {}
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    parts = {
        f"response {name} / {kind}": str(text).strip()
        for name, fields in data["responses"].items()
        for kind, text in fields.items()
    }
    return parts | {f"label {name} / text": str(text) for name, text in data["labels"].items()}


def _open(path: Path) -> Workbook:
    """Raises ContentError."""
    try:
        return load_workbook(path)
    except FileNotFoundError:
        raise ContentError(f"{path}: no such file") from None
    except (InvalidFileException, BadZipFile, KeyError, OSError, ValueError) as error:
        raise _no_sheet(path, type(error).__name__) from None


def _no_sheet(path: Path, why: str) -> ContentError:
    return ContentError(f"{path}: not a review sheet of `guichet kb export` or of the desk ({why})")


def _read(book: Workbook, path: Path) -> tuple[str, dict[str, _Row]]:
    """The language and the rows of a sheet. Raises ContentError."""
    if TEXTS_SHEET not in book.sheetnames:
        raise _no_sheet(path, f"no page '{TEXTS_SHEET}'")
    sheet = book[TEXTS_SHEET]
    names = {language.name: code for code, language in load_languages().items()}
    language = names.get(str(sheet.cell(1, 3).value))
    if language is None:
        raise ContentError(f"{path}: column C must be headed by the language's English name")
    rows: dict[str, _Row] = {}
    for number, cells in enumerate(sheet.iter_rows(min_row=2, values_only=True), start=2):
        part, french, text, checked = (str(cell or "").strip() for cell in cells[:4])
        if not part:
            continue
        if part in rows:
            raise ContentError(f"{path}:{number}: '{part}' stands twice")
        rows[part] = _Row(french, text.replace("\r\n", "\n"), checked.casefold() in YES)
    return language, rows


def _changed_articles(
    library: Library, language: str, changes: list[Change]
) -> tuple[dict[str, tuple[Article, str]], list[str]]:
    """The articles as they would be, each with its file's text, and what is wrong in them."""
    wanted: dict[str, dict[str, str]] = {}
    for change in changes:
        id, name = change.part.split(" / ")
        if id in library.entries:
            wanted.setdefault(id, {})[name] = change.after
    found: dict[str, tuple[Article, str]] = {}
    faults: list[str] = []
    texts = load_texts(library.facts, languages={"fr", language})
    with tempfile.TemporaryDirectory() as scratch:
        for id, sections in wanted.items():
            before = library.articles.get((language, id))
            parts = {**(_sections(before) if before else {}), **sections}
            text = f"# {' '.join(parts.pop('Title', '').split())}\n" + "".join(
                f"\n## {name}\n{parts[name]}\n" for name in SECTIONS if name in parts
            )
            path = Path(scratch) / language / f"{id}.md"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            try:
                article = read_article(path)
            except ContentError as error:
                faults.append(str(error).replace(str(path), f"{id}"))
                continue
            faults += [
                fault.replace(str(path), id)
                for fault in check.of_article(article, library, _language(language), texts)
            ]
            place = library.articles["fr", id].path.parent.parent / language / f"{id}.md"
            found[id] = (
                Article(
                    id,
                    language,
                    article.title,
                    article.sms,
                    article.message,
                    article.details,
                    place,
                ),
                text,
            )
    return found, faults


def _response_faults(language: str, changes: list[Change], responses: Path) -> list[str]:
    french = _raw_responses("fr", responses)
    return [
        f"{change.part}: the words in braces must be those of the French text"
        for change in changes
        if change.part in french
        and set(PLACEHOLDER.findall(change.after)) != set(PLACEHOLDER.findall(french[change.part]))
    ]


def _write_responses(language: str, changes: list[Change], responses: Path) -> None:
    wanted = [c for c in changes if c.part.startswith(("response ", "label "))]
    if not wanted:
        return
    path = responses / f"{language}.yml"
    editor = YAML()  # keeps comments and quoting
    editor.preserve_quotes = True
    editor.width = 10_000
    editor.indent(mapping=2, sequence=4, offset=2)
    data = editor.load(path.read_text(encoding="utf-8"))
    for change in wanted:
        place, _, kind = change.part.partition(" / ")
        group, name = place.split(" ", 1)
        text = LiteralScalarString(change.after + "\n") if "\n" in change.after else change.after
        if group == "label":
            data["labels"][name] = text
        else:
            data["responses"][name][kind] = text
    with path.open("w", encoding="utf-8") as file:
        editor.dump(data, file)


def _write_reviews(
    library: Library, language: str, read: list[str], review: Review, folder: Path
) -> None:
    if not read:
        return
    path = folder / "reviews.yml"
    reviews = load_reviews(path)
    rows = reviews.setdefault(language, {})
    for id in read:
        rows[id] = Review(review.by, review.on, fingerprint(library.articles[language, id]))
    data = {
        code: {id: vars(found) for id, found in sorted(rows.items())}
        for code, rows in sorted(reviews.items())
    }
    head = "# Who has read which article in their own language. Written by `guichet kb import`.\n"
    path.write_text(
        head + yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8"
    )


def _language(code: str) -> Language:
    language = load_languages().get(code)
    if language is None:
        raise ContentError(f"unknown language '{code}': one of {', '.join(load_languages())}")
    return language
