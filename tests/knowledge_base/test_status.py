"""The tables and the printed book show what is there."""

from __future__ import annotations

from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from guichet.settings import ROOT
from knowledge_base import book, status
from knowledge_base.content import load_library
from knowledge_base.dialogue import load_texts
from knowledge_base.languages import load_languages, served
from knowledge_base.review import Review, fingerprint

LIBRARY = load_library()
TEXTS = load_texts(LIBRARY.facts)
LANGUAGES = list(load_languages().values())


def row(table: str, id: str) -> list[str]:
    return next(line for line in table.splitlines() if line[1:].split()[:1] == [id]).split()


def test_an_article_is_present_checked_or_missing() -> None:
    article = LIBRARY.articles["fr", "fees"]
    reviews = {"fr": {"fees": Review("A. B.", date(2026, 12, 1), fingerprint(article))}}
    today = date(2026, 12, 2)
    table = status.table(LIBRARY, LANGUAGES, reviews, today)
    assert row(table, "fees")[1:3] == [status.CHECKED, status.PRESENT]
    assert status.MISSING in table or all((x.code, "fees") in LIBRARY.articles for x in LANGUAGES)
    late = status.table(LIBRARY, LANGUAGES, reviews, date(2099, 1, 1))
    assert "!fees" in late
    assert "phone_ccc" in late.splitlines()[-1]


def test_the_readme_has_the_table_as_it_is_now() -> None:
    table = status.markdown(LIBRARY, LANGUAGES, {})
    assert table.rpartition("\n")[0] in (ROOT / "README.md").read_text(encoding="utf-8")


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text, self.direction = "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "html":
            self.direction = dict(attrs).get("dir") or ""

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("code", served())
def test_the_book_holds_every_article_of_its_language(tmp_path: Path, code: str) -> None:
    out = tmp_path / "book.html"
    count = book.write(LIBRARY, TEXTS, load_languages()[code], out, date(2026, 12, 1))
    page = _Texts()
    page.feed(out.read_text(encoding="utf-8"))
    own = [article for (language, _), article in LIBRARY.articles.items() if language == code]
    assert count == len(own)
    assert page.direction == load_languages()[code].direction
    for article in own:
        assert LIBRARY.fill(article.title, code) in page.text
        assert LIBRARY.fill(article.message, code) in page.text
    assert "{" not in page.text.partition("</style>")[2]
