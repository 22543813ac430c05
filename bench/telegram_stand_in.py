"""A local stand-in for Telegram's Bot API, as https://core.telegram.org/bots/api documents it."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.serving import serving
from bench.welcome import welcomes

TOKEN = "123456:stand-in-token"
SECRET = "stand-in-secret"
LONGEST_TEXT = 4096
_ids = itertools.count(1000)


@dataclass(frozen=True)
class Call:
    """A method of the Bot API that was called."""

    method: str
    fields: dict[str, Any]
    at: float  #: time.perf_counter()


_WELCOMES = welcomes()


@dataclass
class TelegramStandIn:
    """What the API was asked, and what it shall answer next."""

    calls: list[Call] = field(default_factory=list)
    #: What everybody is told first, apart from the answers.
    welcomes: list[Call] = field(default_factory=list)
    #: Chats that have blocked the bot.
    blocked: set[int] = field(default_factory=set)
    #: Answers to give before it works again: (status, description, parameters).
    failures: deque[tuple[int, str, dict[str, Any]]] = field(default_factory=deque)
    files: dict[str, bytes] = field(default_factory=dict)
    waiting: list[dict[str, Any]] = field(default_factory=list)  #: updates for getUpdates
    url: str = ""
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/bot{token}/{method}", self._method, methods=["GET", "POST"]),
                Route("/file/bot{token}/{path:path}", self._file),
            ]
        )

    def of(self, method: str, chat: int | None = None) -> list[Call]:
        return [
            call
            for call in self.calls
            if call.method == method and chat in (None, int(call.fields.get("chat_id", 0)))
        ]

    async def wait_for(
        self, method: str, count: int, chat: int | None = None, timeout_s: float = 30
    ) -> list[Call]:
        """The calls of a method, once there are `count`. Raises TimeoutError."""
        async with self._arrived:
            await asyncio.wait_for(
                self._arrived.wait_for(lambda: len(self.of(method, chat)) >= count), timeout_s
            )
        return self.of(method, chat)

    async def _method(self, request: Request) -> Response:
        if request.path_params["token"] != TOKEN:
            return _error(401, "Unauthorized")
        method = request.path_params["method"]
        async with request.form() as form:
            # Of a file only its name is kept: the upload itself is closed here.
            fields: dict[str, Any] = {
                name: value if isinstance(value, str) else value.filename
                for name, value in form.items()
            }
        if method == "getMe":
            return _result({"id": 1, "is_bot": True, "first_name": "G", "username": "guichet_bot"})
        if method == "getUpdates":
            return await self._updates(int(fields.get("offset", 0)))
        if self.failures:
            status, description, parameters = self.failures.popleft()
            return _error(status, description, parameters)
        fields = {name: _parsed(value) for name, value in fields.items()}
        chat = int(fields.get("chat_id", 0))
        if chat in self.blocked:
            return _error(403, "Forbidden: bot was blocked by the user")
        if method == "sendMessage" and not 0 < len(fields.get("text", "")) <= LONGEST_TEXT:
            return _error(400, "Bad Request: message is too long")
        async with self._arrived:
            welcome = fields.get("text") in _WELCOMES
            call = Call(method, fields, time.perf_counter())
            (self.welcomes if welcome else self.calls).append(call)
            self._arrived.notify_all()
        if method == "sendMessage":
            message = {"message_id": next(_ids), "date": 0, "text": fields["text"]}
            return _result({**message, "chat": {"id": chat, "type": "private"}})
        if method == "getFile":
            file_id = fields["file_id"]
            if file_id not in self.files:
                return _error(400, "Bad Request: wrong file_id")
            size = len(self.files[file_id])
            return _result(
                {"file_id": file_id, "file_unique_id": file_id, "file_size": size,
                 "file_path": f"photos/{file_id}"}
            )  # fmt: skip
        return _result(True)

    async def _updates(self, offset: int) -> Response:
        self.waiting = [update for update in self.waiting if update["update_id"] >= offset]
        if not self.waiting:
            await asyncio.sleep(0.2)
        return _result(list(self.waiting))

    async def _file(self, request: Request) -> Response:
        name = request.path_params["path"].rpartition("/")[2]
        return Response(self.files[name], media_type="application/octet-stream")


@asynccontextmanager
async def serve(stand_in: TelegramStandIn) -> AsyncIterator[TelegramStandIn]:
    """Serve the API on a free loopback port for the while."""
    async with serving(stand_in.app()) as stand_in.url:
        yield stand_in


def text_update(
    person: int, text: str, update_id: int | None = None, **fields: Any
) -> dict[str, Any]:
    """An update that brings a text message, in a private chat unless `fields` say otherwise."""
    message = {
        "message_id": next(_ids),
        "date": 0,
        "chat": {"id": person, "type": "private", "first_name": "A"},
        "from": {"id": person, "is_bot": False, "first_name": "A", "language_code": "fr"},
        "text": text,
        **fields,
    }
    return {"update_id": next(_ids) if update_id is None else update_id, "message": message}


def tap_update(chat: int, data: str, title: str = "", **fields: Any) -> dict[str, Any]:
    """An update that brings a tap on a button."""
    keyboard = {"inline_keyboard": [[{"text": title or data, "callback_data": data}]]}
    query = {
        "id": str(next(_ids)),
        "from": {"id": chat, "is_bot": False, "first_name": "A"},
        "chat_instance": "1",
        "data": data,
        "message": {
            "message_id": next(_ids),
            "date": 1,
            "chat": {"id": chat, "type": "private"},
            "text": "?",
            "reply_markup": keyboard,
        },
        **fields,
    }
    return {"update_id": next(_ids), "callback_query": query}


async def post_update(
    client: httpx.AsyncClient, url: str, update: dict[str, Any], secret: str | None = SECRET
) -> httpx.Response:
    """Call the webhook as Telegram does."""
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret is not None else {}
    return await client.post(url, json=update, headers=headers)


def environment(stand_in: TelegramStandIn) -> dict[str, str]:
    """The settings that make Guichet talk to the stand-in."""
    return {
        "GUICHET_TELEGRAM_TOKEN": TOKEN,
        "GUICHET_TELEGRAM_SECRET": SECRET,
        "GUICHET_TELEGRAM_API_URL": stand_in.url,
    }


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value
    except ValueError:
        return value


def _result(value: Any) -> Response:
    return JSONResponse({"ok": True, "result": value})


def _error(status: int, description: str, parameters: dict[str, Any] | None = None) -> Response:
    body = {"ok": False, "error_code": status, "description": description}
    return JSONResponse({**body, **({"parameters": parameters} if parameters else {})}, status)
