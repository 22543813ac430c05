"""Telegram: updates in by webhook or long polling, its Bot API out (python-telegram-bot)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
import logging
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from telegram import (
    Bot,
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    Update,
)
from telegram.constants import ChatAction, ChatType, MessageLimit
from telegram.error import (
    BadRequest,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.request import HTTPXRequest
from telegram.warnings import PTBUserWarning

from connectors import menus, pairing
from connectors.channels import (
    Channel,
    Limits,
    Refused,
    SendLater,
    SendNever,
    Unsubscribed,
    Webhook,
)
from connectors.records import Inbound, Kind, Media, Outbound
from guichet.settings import Settings, SettingsError
from knowledge_base.dialogue import Texts

logger = logging.getLogger(__name__)

#: Spans of time as timedelta, which python-telegram-bot will do by itself one day.
os.environ.setdefault("PTB_TIMEDELTA", "true")

API_URL = "https://api.telegram.org"
#: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
PER_SECOND, PER_CHAT_PER_SECOND = 30.0, 1.0
#: https://core.telegram.org/bots/api#getfile: bots may download so much.
LARGEST_FILE = 20 * 1024 * 1024
POLL_S = 25
SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - a header's name
#: The updates that are for us; all others are acknowledged and left.
WANTED_UPDATES = [Update.MESSAGE, Update.CALLBACK_QUERY]
#: Commands under the menu button, with their payloads; labels are `command_<name>`.
COMMANDS = {
    "start": "/greet",
    "menu": "/menu",
    "human": "/human",
    "dates": menus.DATES,
    "letter": menus.LETTER,
    "language": "/change_language",
    "repeat": "/repeat",
    "stop": "/stop",
}
_COMMAND = re.compile(r"/(\w+)(?:@\w+)?(?:\s+(\S+))?\s*")
#: A group that talks to us gets one polite line; the rest of what is said there is not ours.
GROUP = "group"


class Telegram(Channel):
    """One bot."""

    name = "telegram"
    limits = Limits(
        "chat",
        menu="buttons",
        part_characters=MessageLimit.MAX_TEXT_LENGTH,
        per_second=PER_SECOND,
        per_person_per_second=PER_CHAT_PER_SECOND,
    )

    def __init__(self, settings: Settings) -> None:
        missing = settings.telegram_missing()
        if missing or settings.telegram_token is None:
            raise SettingsError(f"Telegram is off: {', '.join(missing)} not set")
        secret = settings.telegram_secret
        self._secret = secret.get_secret_value() if secret is not None else ""
        api = settings.telegram_api_url or API_URL
        self._requests = (_request(), _request())
        self.bot = Bot(
            settings.telegram_token.get_secret_value(),
            base_url=f"{api}/bot",
            base_file_url=f"{api}/file/bot",
            request=self._requests[0],
            get_updates_request=self._requests[1],
        )
        self._ready = asyncio.Lock()

    def admit(self, headers: Mapping[str, str]) -> None:
        given = headers.get(SECRET_HEADER, "")
        if not self._secret:
            raise Refused(403, "no secret token is set here")
        if not hmac.compare_digest(given.encode(), self._secret.encode()):
            raise Refused(403, "secret token missing or wrong")

    def verify(self, webhook: Webhook) -> None:
        self.admit(webhook.headers)  # Telegram signs nothing: the token is all there is

    def parse(self, webhook: Webhook) -> Sequence[Inbound]:
        try:
            data = json.loads(webhook.body)
            if not isinstance(data, dict) or not isinstance(data.get("update_id"), int):
                raise TypeError
        except (ValueError, TypeError, RecursionError):
            raise Refused(400, "not an update") from None
        message = parse_update(data)
        return [message] if message is not None else []

    async def send(self, message: Outbound) -> str:
        keyboard = (
            InlineKeyboardMarkup(
                [[InlineKeyboardButton(b.title, callback_data=b.code)] for b in message.buttons]
            )
            if message.buttons
            else None
        )
        if message.document is not None:
            content = base64.b64decode(message.document.content)
            await self._call(
                self.bot.send_document,
                int(message.address),
                InputFile(content, message.document.name),
            )
        # Plain text, no parse mode: whatever a person's words hold, nothing is interpreted.
        sent = await self._call(
            self.bot.send_message, int(message.address), message.text, reply_markup=keyboard
        )
        return str(sent.message_id)

    async def begin(self, message: Inbound) -> None:
        """Stop the spinner of a tapped button, take the menu away, show typing."""
        with contextlib.suppress(SendLater, SendNever):
            if message.callback:
                await self._call(self.bot.answer_callback_query, message.callback)
            if message.tapped:
                # What was chosen stays readable; it can be chosen once.
                await self._call(
                    self.bot.edit_message_reply_markup,
                    chat_id=int(message.address),
                    message_id=int(message.tapped),
                    reply_markup=_taken(message.text),
                )
            await self._call(self.bot.send_chat_action, int(message.address), ChatAction.TYPING)

    async def fetch(self, media: Media, most: int) -> bytes:
        if max(media.size, 0) > min(most, LARGEST_FILE):
            raise SendNever("media too large")
        file = await self._call(self.bot.get_file, media.place)
        if (file.file_size or 0) > most:
            raise SendNever("media too large")
        content = await self._call(file.download_as_bytearray)
        if len(content) > most:
            raise SendNever("media too large")
        return bytes(content)

    async def introduce(self, texts: Texts, webhook: str | None) -> None:
        """Tell Telegram our commands in each language, and where to call. Raises SendLater."""
        for language in texts.languages:
            labels = texts.phrases(language).labels
            commands = [BotCommand(name, labels[f"command_{name}"]) for name in COMMANDS]
            # Two letters, or none for everybody else: https://core.telegram.org/bots/api
            await self._call(self.bot.set_my_commands, commands, language_code=language[:2])
            if language == "fr":
                await self._call(self.bot.set_my_commands, commands)
        if webhook is not None:
            await self._call(
                self.bot.set_webhook,
                webhook,
                secret_token=self._secret,
                allowed_updates=WANTED_UPDATES,
                max_connections=40,
            )
        else:
            await self._call(self.bot.delete_webhook)

    async def updates(self, after: int) -> list[dict[str, Any]]:
        """Long polling: updates after an id; they are acknowledged by the next call."""
        # As they came: a field that the library does not know must not stop the polling.
        arguments = {"offset": after, "timeout": POLL_S, "allowed_updates": WANTED_UPDATES}
        with warnings.catch_warnings():
            # It would rather we used get_updates, which fails on the whole batch.
            warnings.simplefilter("ignore", PTBUserWarning)
            found = await self._call(
                self.bot.do_api_request, "getUpdates", arguments, read_timeout=POLL_S + 15
            )
        return [update for update in found if isinstance(update.get("update_id"), int)]

    async def username(self) -> str:
        """The bot's name, as in t.me/NAME. Raises SendLater or SendNever."""
        me = await self._call(self.bot.get_me)
        return str(me.username or "")

    async def close(self) -> None:
        # Not only bot.shutdown(): it leaves connections open when Telegram never answered.
        with contextlib.suppress(TelegramError, RuntimeError):
            await self.bot.shutdown()
        for request in self._requests:
            await request.shutdown()

    async def _call(self, method: Any, *arguments: Any, **options: Any) -> Any:
        """One call of the Bot API, its errors in our terms."""
        try:
            async with self._ready:
                await self.bot.initialize()
            return await method(*arguments, **options)
        except RetryAfter as error:
            wait = error.retry_after
            seconds = wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
            raise SendLater("telegram 429", seconds) from None
        except Forbidden:
            raise Unsubscribed("telegram 403") from None
        except InvalidToken:
            raise SendLater("telegram refuses the token", 60) from None
        except BadRequest:
            raise SendNever("telegram 400") from None
        except NetworkError as error:  # TimedOut is one
            raise SendLater(f"telegram {type(error).__name__}") from None
        except TelegramError as error:
            raise SendNever(f"telegram {type(error).__name__}") from None


def parse_update(data: dict[str, Any]) -> Inbound | None:
    """An update as an inbound record; None for what is not a person talking to us.

    Edited messages are no new turn; channel posts, member changes and kinds of update
    that do not exist yet are left. https://core.telegram.org/bots/api#update
    """
    try:
        update = Update.de_json(data, None)
    except (TypeError, KeyError, ValueError, AttributeError):
        return None
    if update is None:
        return None
    id_ = str(update.update_id)
    try:
        if update.callback_query is not None:
            return _tap(id_, update)
        if update.message is not None:
            return _message(id_, update)
    except (TypeError, AttributeError, ValueError):
        return None  # fields of types that the Bot API does not have
    return None


def _tap(id_: str, update: Update) -> Inbound | None:
    query = update.callback_query
    assert query is not None
    if query.message is None or query.message.chat.type != ChatType.PRIVATE:
        return None
    code = query.data if isinstance(query.data, str) else ""
    return Inbound(
        id_,
        "telegram",
        str(int(query.message.chat.id)),
        "button",
        _title(query.message, code),
        code=code,
        language=_language(query.from_user),
        callback=str(query.id),
        tapped=str(int(query.message.message_id)),
    )


def _message(id_: str, update: Update) -> Inbound | None:
    message = update.message
    assert message is not None
    if message.from_user is None or message.from_user.is_bot:
        return None
    address = str(int(message.chat.id))
    text = str(message.text or message.caption or "").strip()
    language = _language(message.from_user)
    if message.chat.type != ChatType.PRIVATE:
        # Only who calls us by a command gets the one polite line.
        if not text.startswith("/"):
            return None
        return Inbound(id_, "telegram", address, "button", text, code=GROUP, language=language)
    command = _COMMAND.fullmatch(text) if message.text else None
    if command is not None and command[1] in COMMANDS:
        code = menus.code(COMMANDS[command[1]])
        if command[1] == "start" and command[2]:  # t.me/bot?start=fees
            code = f"a:{command[2]}"
            if command[2].startswith(pairing.PARAMETER):
                code = pairing.BUTTON + command[2].removeprefix(pairing.PARAMETER)
        return Inbound(id_, "telegram", address, "button", text, code=code, language=language)
    media = _media(message)
    kind: Kind = "text" if text else "empty"
    if media is not None:
        kind = "media"
    elif message.location is not None or message.venue is not None:
        kind = "location"
    elif not text and (message.sticker or message.contact or message.poll or message.dice):
        kind = "media"
    return Inbound(
        id_, "telegram", address, kind, text,
        media=(media,) if media is not None else (), language=language,
    )  # fmt: skip


def _media(message: Any) -> Media | None:
    if message.photo:
        best = message.photo[-1]  # sizes grow
        return Media(best.file_id, "image/jpeg", best.file_size or 0)
    for name, default in (
        ("voice", "audio/ogg"), ("document", ""), ("audio", "audio/mpeg"),
        ("video", "video/mp4"), ("video_note", "video/mp4"),
    ):  # fmt: skip
        file = getattr(message, name, None)
        if file is not None:
            mime = getattr(file, "mime_type", None) or default
            return Media(file.file_id, mime, file.file_size or 0)
    return None


def _title(message: Any, code: str) -> str:
    """The words on the button that was tapped."""
    markup = getattr(message, "reply_markup", None)
    for row in markup.inline_keyboard if markup is not None else ():
        for button in row:
            if button.callback_data == code:
                return str(button.text)
    return ""


def _taken(title: str) -> InlineKeyboardMarkup | None:
    if not title:
        return None
    return InlineKeyboardMarkup([[InlineKeyboardButton(f"✓ {title}", callback_data="taken")]])


def _language(user: Any) -> str | None:
    code = getattr(user, "language_code", None)
    return str(code)[:2].lower() if isinstance(code, str) and code else None


def _request() -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=64,
        read_timeout=15,
        write_timeout=15,
        connect_timeout=10,
        pool_timeout=10,
        httpx_kwargs={"trust_env": False},
    )
