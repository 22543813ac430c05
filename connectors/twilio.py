"""Twilio: signed webhooks in, its REST API out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import httpx
from starlette.datastructures import ImmutableMultiDict
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from connectors.channels import (
    Channel,
    Limits,
    Refused,
    SendLater,
    SendNever,
    Unsubscribed,
    Webhook,
    WindowClosed,
)
from connectors.records import Control, Inbound, Kind, Media, Outbound
from guichet.settings import Settings, SettingsError

API_URL = "https://api.twilio.com"
SIGNATURE_HEADER = "x-twilio-signature"
#: https://www.twilio.com/docs/api/errors: too many requests, by account and by channel.
SLOW_DOWN = {20429, 63018, 14107, 30022}
OPTED_OUT = 21610
WINDOW_CLOSED = 63016
WHATSAPP_PREFIX = "whatsapp:"
#: https://www.twilio.com/docs/whatsapp/api: what one WhatsApp message may hold.
LONGEST_WHATSAPP = 1600
WHATSAPP_WINDOW_S = 24 * 3600.0
LONGEST_QUICK_REPLY = 20
MOST_MEDIA = 10
#: Patience with one call, in seconds.
SEND_S = 15

#: What the last answer to this task said, in seconds.
_retry_after_s: ContextVar[float | None] = ContextVar("retry_after_s", default=None)


Form = ImmutableMultiDict[str, str]


def parse_form(body: bytes) -> Form:
    """An urlencoded body, empty values and repeated keys kept: both are signed."""
    pairs = parse_qsl(
        body.decode("utf-8", "replace"),
        keep_blank_values=True,
        max_num_fields=1000,
        errors="replace",
    )
    return ImmutableMultiDict(pairs)


def signature_holds(auth_token: str, url: str, form: Form, signature: str) -> bool:
    """Twilio's X-Twilio-Signature over the public address and the form."""
    return bool(RequestValidator(auth_token).validate(url, form, signature))


def read_form(body: bytes) -> Form:
    """The form of a call. Raises Refused."""
    try:
        return parse_form(body)
    except ValueError:
        raise Refused(400, "not a form") from None


def parse_message(form: Form, channel: str) -> Inbound:
    """A message webhook as an inbound record. Raises Refused.

    https://www.twilio.com/docs/messaging/guides/webhook-request
    """
    id_, sender = form.get("MessageSid") or form.get("SmsMessageSid"), form.get("From")
    if not id_:
        raise Refused(400, "MessageSid is missing")
    if not sender or sender == WHATSAPP_PREFIX:
        raise Refused(400, "From is missing")
    text = form.get("Body", "").strip()
    code = form.get("ButtonPayload") or form.get("ListId") or ""
    control = _control(form)
    media = _media(form)
    kind: Kind = _kind(form, text, bool(media))
    if control:
        kind = "control"
    elif code:
        kind, text = "button", form.get("ButtonText") or form.get("ListTitle") or text
    return Inbound(
        id_, channel, sender.removeprefix(WHATSAPP_PREFIX), kind, text,
        code=code, media=media, control=control,
    )  # fmt: skip


def parse_call(form: Form, channel: str) -> Inbound | None:
    """A call to the number as an inbound record; None when the caller hides.

    https://www.twilio.com/docs/voice/twiml: an anonymous caller has no usable number.
    """
    id_, caller = form.get("CallSid"), form.get("From", "")
    if not id_:
        raise Refused(400, "CallSid is missing")
    if not (caller.startswith("+") and caller[1:].isdigit() and len(caller) > 9):
        return None
    if caller in ANONYMOUS:
        return None
    return Inbound(f"call:{caller}", channel, caller, "call", "")


#: Numbers that stand for "anonymous" and the like.
#: https://www.twilio.com/docs/voice/api/call-resource: "+266696687" spells ANONYMOUS.
ANONYMOUS = frozenset({"+266696687", "+8566696687", "+86282452253", "+7378742833", "+2562533"})


@dataclass(frozen=True)
class Delivery:
    """What became of a message that was sent."""

    channel: str
    address: str
    id: str
    status: str
    error: str


#: Later states win over earlier ones, in whatever order they arrive.
#: https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
STATUSES = (
    "accepted", "scheduled", "queued", "sending", "sent", "delivered", "read",
    "undelivered", "failed", "canceled",
)  # fmt: skip


def parse_status(form: Form) -> Delivery | None:
    """A status callback; None for one that says nothing we keep."""
    id_, status, person = (form.get(name, "") for name in ("MessageSid", "MessageStatus", "To"))
    if not id_ or status not in STATUSES or not person:
        return None
    channel = "whatsapp" if person.startswith(WHATSAPP_PREFIX) else "sms"
    return Delivery(
        channel, person.removeprefix(WHATSAPP_PREFIX), id_, status, form.get("ErrorCode", "")
    )


def _control(form: Form) -> Control:
    """https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out: OptOutType."""
    names: Mapping[str, Control] = {"STOP": "stop", "START": "start", "HELP": "help"}
    return names.get(form.get("OptOutType", "").upper(), "")


def _media(form: Form) -> tuple[Media, ...]:
    count = form.get("NumMedia", "0").strip()
    found = []
    for number in range(min(int(count), MOST_MEDIA) if count.isdecimal() else 0):
        place = form.get(f"MediaUrl{number}")
        if place:
            found.append(Media(place, form.get(f"MediaContentType{number}", "")))
    return tuple(found)


def _kind(form: Form, text: str, media: bool) -> Kind:
    if media:
        return "media"
    if text:
        return "text"
    if form.get("NumMedia", "0").strip() not in ("", "0"):
        return "media"
    return "location" if form.get("Latitude") else "empty"


class _Twilio(Channel):
    """What SMS and WhatsApp have in common: signed webhooks and the Messages API."""

    def __init__(self, settings: Settings, sender: str) -> None:
        if settings.twilio_auth_token is None or not settings.twilio_account_sid or not sender:
            raise SettingsError(f"{self.name} is off: Twilio's settings are not complete")
        self._sender = sender
        self._account = settings.twilio_account_sid
        self._token = settings.twilio_auth_token.get_secret_value()
        self._api_url = settings.twilio_api_url or API_URL
        self._callback = (
            f"{settings.public_url}/twilio/status" if settings.public_url is not None else None
        )
        self._http = _HttpClient(self._api_url)
        self._client = Client(self._account, self._token, http_client=self._http)
        self._files = httpx.AsyncClient(timeout=SEND_S, trust_env=False, max_redirects=3)

    def admit(self, headers: Mapping[str, str]) -> None:
        if not headers.get(SIGNATURE_HEADER):
            raise Refused(403, "signature missing")
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/x-www-form-urlencoded":
            raise Refused(415, "a urlencoded form is expected")

    def verify(self, webhook: Webhook) -> None:
        self.admit(webhook.headers)
        form = read_form(webhook.body)
        signature = webhook.headers[SIGNATURE_HEADER]
        if not signature_holds(self._token, webhook.url, form, signature):
            raise Refused(403, "signature wrong")

    def parse(self, webhook: Webhook) -> Sequence[Inbound]:
        return [parse_message(read_form(webhook.body), self.name)]

    async def send(self, message: Outbound) -> str:
        parameters: dict[str, Any] = {"to": self._to(message.address), **self._content(message)}
        if self._sender.startswith("MG"):
            parameters["messaging_service_sid"] = self._sender
        else:
            parameters["from_"] = self._to(self._sender)
        if self._callback is not None:
            parameters["status_callback"] = self._callback
        try:
            sent = await self._client.messages.create_async(**parameters)
        except TwilioRestException as error:
            # Never str(error): it holds the number. The code is on Twilio's error pages.
            if error.code == OPTED_OUT:
                raise Unsubscribed(f"twilio {error.code}") from None
            if error.code == WINDOW_CLOSED:
                raise WindowClosed(f"twilio {error.code}") from None
            if error.status == 429 or error.status >= 500 or error.code in SLOW_DOWN:
                raise SendLater(f"twilio {error.status}", _retry_after_s.get()) from None
            raise SendNever(f"twilio {error.code or error.status}") from None
        except (TwilioException, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SendLater(f"twilio {type(error).__name__}") from None
        if not sent.sid:
            raise SendLater("twilio answered without a sid")
        return str(sent.sid)

    async def fetch(self, media: Media, most: int) -> bytes:
        if not self._is_ours(media.place):
            raise SendNever("not an address of the provider")
        try:
            async with self._files.stream(
                "GET", media.place, auth=(self._account, self._token), follow_redirects=True
            ) as answer:
                if answer.status_code >= 500 or answer.status_code == 429:
                    raise SendLater(f"media {answer.status_code}")
                if answer.status_code != 200:
                    raise SendNever(f"media {answer.status_code}")
                content = bytearray()
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > most:
                        raise SendNever("media too large")
                return bytes(content)
        except (httpx.TransportError, httpx.TooManyRedirects) as error:
            raise SendLater(f"media {type(error).__name__}") from None

    async def close(self) -> None:
        await self._http.close()
        await self._files.aclose()

    def _to(self, address: str) -> str:
        return address

    def _content(self, message: Outbound) -> dict[str, Any]:
        return {"body": message.text}

    def _is_ours(self, address: str) -> bool:
        """Whether a media address is this account's at Twilio: no other is ever fetched."""
        wanted, given = urlsplit(self._api_url), urlsplit(address)
        return (given.scheme, given.netloc) == (wanted.scheme, wanted.netloc) and (
            given.path.startswith(f"/2010-04-01/Accounts/{self._account}/Messages/")
        )


class TwilioSms(_Twilio):
    """SMS from the configured number or messaging service."""

    name = "sms"

    def __init__(self, settings: Settings) -> None:
        missing = settings.sms_missing()
        if missing:
            raise SettingsError(f"SMS is off: {', '.join(missing)} not set")
        super().__init__(settings, settings.twilio_sms_from or "")
        self.limits = Limits(
            "sms",
            part_segments=settings.sms_segments,
            per_second=settings.twilio_sms_per_second
            if settings.twilio_sms_per_second is not None
            else sms_per_second(self._sender),
        )


class TwilioWhatsApp(_Twilio):
    """WhatsApp: numbered menus, or quick replies where content templates are configured."""

    name = "whatsapp"

    def __init__(self, settings: Settings) -> None:
        missing = settings.whatsapp_missing()
        if missing:
            raise SettingsError(f"WhatsApp is off: {', '.join(missing)} not set")
        super().__init__(settings, settings.twilio_whatsapp_from or "")
        self._quick_replies = settings.twilio_whatsapp_quick_replies
        self._reminder = settings.twilio_whatsapp_reminder
        self.limits = Limits(
            "chat",
            part_characters=LONGEST_WHATSAPP - 300,  # room for the menu under the text
            per_second=80.0,  # https://www.twilio.com/docs/whatsapp/api
            window_s=WHATSAPP_WINDOW_S,
        )

    def _to(self, address: str) -> str:
        return WHATSAPP_PREFIX + address.removeprefix(WHATSAPP_PREFIX)

    def _content(self, message: Outbound) -> dict[str, Any]:
        template = self._quick_replies.get(str(len(message.buttons)))
        if template is not None:
            variables = {"1": message.text}
            for number, button in enumerate(message.buttons):
                variables[str(2 + 2 * number)] = button.title[:LONGEST_QUICK_REPLY]
                variables[str(3 + 2 * number)] = button.code
            return {
                "content_sid": template,
                "content_variables": json.dumps(variables, ensure_ascii=False),
            }
        menu = [f"{number} {button.title}" for number, button in enumerate(message.buttons, 1)]
        text = "\n".join([message.text, "", *menu]) if menu else message.text
        content: dict[str, Any] = {"body": text[:LONGEST_WHATSAPP]}
        # Twilio fetches the file: from an address on this machine it cannot.
        if message.document is not None and message.document.link.startswith("https://"):
            content["media_url"] = [message.document.link]
        return content

    async def remind(self, address: str) -> None:
        """Ask a person, by the configured template, to write again. Raises as `send` does."""
        if self._reminder is None:
            raise SendNever("no reminder template")
        try:
            await self._client.messages.create_async(
                to=self._to(address), from_=self._to(self._sender), content_sid=self._reminder
            )
        except TwilioRestException as error:
            raise SendNever(f"twilio {error.code or error.status}") from None
        except (TwilioException, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SendLater(f"twilio {type(error).__name__}") from None


def sms_per_second(sender: str) -> float:
    """How many SMS a second a sender may give to Twilio.

    https://www.twilio.com/docs/messaging/scaling: short codes and messaging services 100,
    European mobile numbers 10.
    """
    return 100.0 if sender.startswith("MG") or len(sender.lstrip("+")) <= 6 else 10.0


class _HttpClient(AsyncTwilioHttpClient):  # type: ignore[misc]
    """Twilio's client with one pooled session, which may be pointed elsewhere."""

    def __init__(self, api_url: str) -> None:
        super().__init__(pool_connections=False)
        self.session: aiohttp.ClientSession | None = None
        self._api_url = api_url

    async def request(self, method: str, url: str, *args: Any, **options: Any) -> Response:
        if self.session is None:  # here, not in __init__: it belongs to the running loop
            self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SEND_S))
        options["timeout"] = SEND_S
        response = await super().request(
            method, url.replace(API_URL, self._api_url, 1), *args, **options
        )
        waits = (response.headers or {}).get("Retry-After", "")
        _retry_after_s.set(float(waits) if waits.isdigit() else None)
        return response
