"""Twilio: signed webhooks in, its REST API out."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from starlette.datastructures import ImmutableMultiDict
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from connectors.channels import Channel, Limits, SendLater, SendNever
from connectors.records import Inbound, Kind, Outbound
from guichet.settings import Settings

API_URL = "https://api.twilio.com"
#: https://www.twilio.com/docs/api/errors: too many requests, by account and by channel.
SLOW_DOWN = {20429, 63018, 14107, 30022}
WHATSAPP_PREFIX = "whatsapp:"
#: Patience with one call, in seconds.
SEND_S = 15

#: What the last answer to this task said, in seconds.
_retry_after_s: ContextVar[float | None] = ContextVar("retry_after_s", default=None)


class FormError(ValueError):
    """A signed webhook is not what Twilio documents; the text says what is wrong."""


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


def parse_message(form: Form, channel: str) -> Inbound:
    """A message webhook as an inbound record. Raises FormError.

    https://www.twilio.com/docs/messaging/guides/webhook-request
    """
    id_, sender = form.get("MessageSid") or form.get("SmsMessageSid"), form.get("From")
    if not id_:
        raise FormError("MessageSid is missing")
    if not sender:
        raise FormError("From is missing")
    text = form.get("Body", "").strip()
    return Inbound(id_, channel, sender.removeprefix(WHATSAPP_PREFIX), _kind(form, text), text)


def _kind(form: Form, text: str) -> Kind:
    if text:
        return "text"
    if form.get("NumMedia", "0").strip() not in ("", "0"):
        return "media"
    if form.get("Latitude"):
        return "location"
    return "empty"


class TwilioSms(Channel):
    """Sends SMS from the configured number or messaging service."""

    name = "sms"
    limits = Limits(style="sms", part_segments=4)

    def __init__(self, settings: Settings) -> None:
        missing = settings.sms_missing()
        if missing or settings.twilio_auth_token is None:
            raise ValueError(f"SMS is off: {', '.join(missing)} not set")
        self._from = settings.twilio_sms_from or ""
        self._http = _HttpClient(settings.twilio_api_url or API_URL)
        self._client = Client(
            settings.twilio_account_sid,
            settings.twilio_auth_token.get_secret_value(),
            http_client=self._http,
        )

    async def send(self, message: Outbound) -> None:
        sender = (
            {"messaging_service_sid": self._from}
            if self._from.startswith("MG")
            else {"from_": self._from}
        )
        try:
            sent = await self._client.messages.create_async(
                to=message.address, body=message.text, **sender
            )
        except TwilioRestException as error:
            # Never str(error): it holds the number. The code is on Twilio's error pages.
            if error.status == 429 or error.status >= 500 or error.code in SLOW_DOWN:
                raise SendLater(f"twilio {error.status}", _retry_after_s.get()) from None
            raise SendNever(f"twilio {error.code or error.status}") from None
        except (TwilioException, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SendLater(f"twilio {type(error).__name__}") from None
        if not sent.sid:
            raise SendLater("twilio answered without a sid")

    async def close(self) -> None:
        await self._http.close()


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
