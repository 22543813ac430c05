"""Finding an article in the advisor's own words, to send it in the person's language."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import aiohttp

from knowledge_base.content import Library
from knowledge_base.dialogue import fold

MOST, GIST = 6, 2
PATIENCE_S = 2.0


@dataclass(frozen=True)
class Found:
    """An article, as the advisor reads it, and as the person would get it."""

    id: str
    title: str
    summary: str
    translated: bool  #: there is a text in the person's language


class Articles:
    """Titles that hold the words first, then what the knowledge base takes them to mean."""

    def __init__(self, library: Library, kb_url: str) -> None:
        self._library = library
        self._url = f"{kb_url}/decide"
        self._session: aiohttp.ClientSession | None = None
        self._titles = {
            language: {
                id: fold(article.title)
                for (other, id), article in library.articles.items()
                if other == language
            }
            for language in ("fr", "en")
        }

    def title(self, id: str, reader: str) -> str:
        """The title for who reads `reader`; the id where there is no such article."""
        article = self._library.articles.get((reader, id)) or self._library.articles.get(("fr", id))
        return self._library.fill(article.title, article.language) if article else id

    @property
    def ids(self) -> Collection[str]:
        return self._library.entries.keys()

    def titles(self, reader: str) -> list[tuple[str, str]]:
        """`(id, title)` of every article, by title."""
        titles = [(id, self.title(id, reader)) for id in self._library.entries]
        return sorted(titles, key=lambda each: fold(each[1]))

    async def search(self, query: str, reader: str, person: str) -> list[Found]:
        """`reader`: the advisor's language, `person`: the one it would be sent in."""
        words = fold(query).split()
        if not words:
            return []
        titles = self._titles.get(reader) or self._titles["fr"]
        ids = [id for id, title in titles.items() if all(word in title for word in words)]
        _, meant = await self._meant(query, reader)
        ids += [id for id in meant if id not in ids]
        return [self._found(id, reader, person) for id in ids[:MOST]]

    def _found(self, id: str, reader: str, person: str) -> Found:
        article = self._library.articles.get((reader, id)) or self._library.articles["fr", id]
        sent = self._library.article(id, person)
        return Found(
            id,
            self._library.fill(article.title, article.language),
            self._library.fill(article.sms, article.language),
            sent.language == person,
        )

    async def gist(self, text: str, reader: str, habit: str | None) -> tuple[str, list[str]]:
        """The language of a person's message, and the titles of the nearest articles for `reader`.

        `habit`: the language that the conversation has.
        """
        language, meant = await self._meant(text, habit)
        return language or habit or "fr", [self.title(id, reader) for id in meant[:GIST]]

    async def _meant(self, query: str, language: str | None) -> tuple[str, list[str]]:
        """Nothing when the knowledge base is away: titles are found all the same."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE_S))
        try:
            question = {"text": query, "language": language}
            async with self._session.post(self._url, json=question) as answer:
                if answer.status != 200:
                    return "", []
                decision = await answer.json()
                ids = [str(each["id"]) for each in decision["ranking"]]
                spoken = str(decision["language"])
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError):
            return "", []
        return spoken, [id for id in ids if ("fr", id) in self._library.articles]

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
