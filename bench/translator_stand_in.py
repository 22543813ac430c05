"""A local stand-in for a LibreTranslate server: https://docs.libretranslate.com/

It knows Arabic, Chinese and French, and translates as it is told to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "a key"
TARGETS = {"ar": ["fr"], "zh-Hans": ["fr"], "fr": ["ar", "zh-Hans"]}


class TranslatorStandIn:
    """`translate(text, source, target)` gives the words; codes are Guichet's."""

    def __init__(self, translate: Callable[[str, str, str], str]) -> None:
        self._translate = translate
        self.asked: list[dict[str, Any]] = []
        self.status = 200  #: of the next answers to /translate

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/languages", self._languages),
                Route("/translate", self._answer, methods=["POST"]),
            ]
        )

    async def _languages(self, request: Request) -> Response:
        return JSONResponse(
            [{"code": code, "name": code, "targets": known} for code, known in TARGETS.items()]
        )

    async def _answer(self, request: Request) -> Response:
        body = await request.json()
        if self.status != 200:
            return JSONResponse({"error": "Slowdown: 10 per 1 minute"}, self.status)
        if body.get("api_key") != KEY:
            return JSONResponse({"error": "Invalid API key"}, 403)
        if body["target"] not in TARGETS.get(body["source"], ()):
            return JSONResponse({"error": f"{body['target']} is not supported"}, 400)
        self.asked.append(body)
        source, target = (body[side].removesuffix("-Hans") for side in ("source", "target"))
        return JSONResponse({"translatedText": self._translate(body["q"], source, target)})
