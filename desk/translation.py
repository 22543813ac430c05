"""Machine translation between an advisor and a person, where one is set up; off by default.

Two translators keep one contract (tests/desk/test_translation.py): a LibreTranslate server, and
Argos Translate in this process. What they give is shown beside the original, never in its place.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

import httpx

from guichet.settings import Settings

WAIT_S = 20.0
LONGEST = 5000  #: characters; a transcript has none longer
#: Translations kept in memory, so that a page that is opened again asks nobody.
KEPT = 500
#: Codes that differ from ours: simplified Chinese has had both.
CODES: Mapping[str, tuple[str, ...]] = {"zh": ("zh-Hans", "zh")}


class NotTranslated(Exception):
    """No translation now, or not between these languages; the text is a key of the desk's texts."""


class Translator(Protocol):
    """Translates plain text between two of Guichet's languages."""

    async def translate(self, text: str, source: str, target: str) -> str:
        """Raises NotTranslated."""
        ...

    async def close(self) -> None: ...


class LibreTranslate:
    """A LibreTranslate server: https://docs.libretranslate.com/"""

    def __init__(self, url: str, key: str = "") -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=WAIT_S, trust_env=False)
        self._key = {"api_key": key} if key else {}
        self._pairs: dict[str, set[str]] | None = None

    async def translate(self, text: str, source: str, target: str) -> str:
        pair = await self._pair(source, target)
        answer = await self._ask(
            "POST", "/translate", {"q": text, **pair, "format": "text", **self._key}
        )
        translated = answer.get("translatedText") if isinstance(answer, dict) else None
        if not isinstance(translated, str):
            raise NotTranslated("translator_away")
        return translated

    async def close(self) -> None:
        await self._client.aclose()

    async def _pair(self, source: str, target: str) -> dict[str, str]:
        if self._pairs is None:
            rows = await self._ask("GET", "/languages")
            try:
                self._pairs = {row["code"]: set(row.get("targets", ())) for row in rows}
            except (TypeError, KeyError):
                raise NotTranslated("translator_away") from None
        for ours in CODES.get(source, (source,)):
            for theirs in CODES.get(target, (target,)):
                if theirs in self._pairs.get(ours, ()):
                    return {"source": ours, "target": theirs}
        raise NotTranslated("translator_no_pair")

    async def _ask(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        try:
            answer = await self._client.request(method, path, json=body)
            answer.raise_for_status()
            return answer.json()
        except (httpx.HTTPError, ValueError):
            raise NotTranslated("translator_away") from None


class Argos:
    """Argos Translate with the language packages installed on this machine.

    Raises ImportError where it is not installed.
    """

    def __init__(self) -> None:
        self._argos = import_module("argostranslate.translate")
        self._one = asyncio.Lock()  # a model at work takes all of a core

    async def translate(self, text: str, source: str, target: str) -> str:
        async with self._one:
            return await asyncio.to_thread(self._translate, text, source, target)

    async def close(self) -> None:
        return

    def _translate(self, text: str, source: str, target: str) -> str:
        for ours in CODES.get(source, (source,)):
            for theirs in CODES.get(target, (target,)):
                known = self._argos.get_language_from_code(ours)
                wanted = self._argos.get_language_from_code(theirs)
                way = known.get_translation(wanted) if known and wanted else None
                if way is not None:
                    return str(way.translate(text))
        raise NotTranslated("translator_no_pair")


class Remembering:
    """A translator that is asked once for the same text."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator
        self._kept: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    async def translate(self, text: str, source: str, target: str) -> str:
        asked = (text[:LONGEST], source, target)
        found = self._kept.get(asked)
        if found is None:
            found = await self._translator.translate(*asked)
            self._kept[asked] = found
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    async def close(self) -> None:
        await self._translator.close()


def make_translator(settings: Settings) -> Translator | None:
    """The one that the settings name; None for none. Raises ImportError."""
    if not settings.translator:
        return None
    if settings.translator == "argos":
        return Remembering(Argos())
    key = settings.translator_key
    return Remembering(
        LibreTranslate(settings.translator, key.get_secret_value() if key is not None else "")
    )
