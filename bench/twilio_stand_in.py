"""A local stand-in for Twilio: its Messages API, and its signed webhooks.

Behaves as https://www.twilio.com/docs/messaging/api/message-resource says, errors
included (https://www.twilio.com/docs/api/errors).
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from bench.serving import serving
from bench.welcome import welcomes
from guichet.sms import measure

ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "stand-in-token"
NUMBER = "+33757900000"
WHATSAPP_NUMBER = "whatsapp:+33757900001"
LONGEST_BODY = 1600
_BASIC = "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()


@dataclass(frozen=True)
class Sent:
    """A message the API took."""

    to: str
    body: str
    at: float  #: time.perf_counter()
    sid: str = ""
    content_sid: str = ""
    variables: str = ""
    callback: str = ""
    media: str = ""


_WELCOMES = welcomes()


@dataclass
class TwilioStandIn:
    """The API's state: what it took, and what it shall do next."""

    sent: list[Sent] = field(default_factory=list)
    #: What everybody is told first, apart from the answers.
    welcomes: list[Sent] = field(default_factory=list)
    latency_s: float = 0.0
    opted_out: set[str] = field(default_factory=set)
    #: Answers to give before it works again: (status, error code, headers).
    failures: deque[tuple[int, int, Mapping[str, str]]] = field(default_factory=deque)
    #: Numbers that wrote too long ago for free text: error 63016.
    closed: set[str] = field(default_factory=set)
    #: Files by path, as media of messages: (content type, bytes).
    media: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    without_sid: bool = False  #: answer 201 without a sid, once
    url: str = ""
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/2010-04-01/Accounts/{sid}/Messages.json", self._create, methods=["POST"]),
                Route("/2010-04-01/Accounts/{sid}/Messages/{rest:path}", self._media),
            ]
        )

    def hold_media(self, content: bytes, content_type: str) -> str:
        """Keep a file as a message's media; the address for MediaUrl0."""
        message, file = (letters + secrets.token_hex(16) for letters in ("MM", "ME"))
        path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{message}/Media/{file}"
        self.media[path] = content_type, content
        return self.url + path

    async def wait_for(
        self, count: int, to: str | None = None, timeout_s: float = 30
    ) -> list[Sent]:
        """The messages taken (to one number), once there are `count`. Raises TimeoutError."""

        def some() -> list[Sent]:
            return [sent for sent in self.sent if to is None or sent.to == to]

        async with self._arrived:
            await asyncio.wait_for(self._arrived.wait_for(lambda: len(some()) >= count), timeout_s)
        return some()

    async def _media(self, request: Request) -> Response:
        self.fetched.append(request.url.path)
        if request.headers.get("Authorization") != _BASIC:
            return _error(401, 20003, "Authenticate")
        if self.failures:
            status, code, headers = self.failures.popleft()
            return _error(status, code, "Too Many Requests", headers)
        if request.url.path not in self.media:
            return _error(404, 20404, "The requested resource was not found")
        content_type, content = self.media[request.url.path]
        return Response(content, media_type=content_type)

    async def _create(self, request: Request) -> Response:
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        sid = request.path_params["sid"]
        if sid != ACCOUNT_SID or request.headers.get("Authorization") != _BASIC:
            return _error(401, 20003, "Authenticate")
        if self.failures:
            status, code, headers = self.failures.popleft()
            return _error(status, code, "Too Many Requests", headers)
        form = await request.form()
        to, body = str(form.get("To", "")), str(form.get("Body", ""))
        if not to:
            return _error(400, 21604, "A 'To' phone number is required.")
        whatsapp, template = to.startswith("whatsapp:"), str(form.get("ContentSid", ""))
        if not whatsapp and not to.removeprefix("+").isdigit():
            return _error(400, 21211, f"Invalid 'To' Phone Number: {to}")
        if not form.get("From") and not form.get("MessagingServiceSid"):
            return _error(400, 21603, "A 'From' phone number is required.")
        if whatsapp != str(form.get("From", "")).startswith("whatsapp:"):
            return _error(400, 21910, "Invalid From and To pair: both must be of one channel")
        if not body and not template:
            return _error(400, 21602, "Message body is required.")
        if len(body) > LONGEST_BODY:
            return _error(400, 21617, "The concatenated message body exceeds the limit")
        if to in self.opted_out:
            return _error(400, 21610, "Attempt to send to unsubscribed recipient")
        if to in self.closed and not template:
            return _error(400, 63016, "Outside the allowed window: use a template")
        if self.without_sid:
            self.without_sid = False
            return JSONResponse({"status": "queued"}, 201)
        message_sid = "SM" + secrets.token_hex(16)
        async with self._arrived:
            taken = Sent(
                to, body, time.perf_counter(), message_sid, template,
                str(form.get("ContentVariables", "")), str(form.get("StatusCallback", "")),
                str(form.get("MediaUrl", "")),
            )  # fmt: skip
            (self.welcomes if body in _WELCOMES else self.sent).append(taken)
            self._arrived.notify_all()
        message = {
            "sid": message_sid,
            "account_sid": sid,
            "to": to,
            "from": form.get("From"),
            "body": body,
            "status": "queued",
            "direction": "outbound-api",
            "num_segments": str(measure(body).segments),
            "num_media": "0",
            "price": None,
            "price_unit": "USD",
            "error_code": None,
            "error_message": None,
            "date_created": "Tue, 24 Nov 2026 12:00:00 +0000",
            "date_updated": "Tue, 24 Nov 2026 12:00:00 +0000",
            "date_sent": None,
            "api_version": "2010-04-01",
            "uri": f"/2010-04-01/Accounts/{sid}/Messages/SM.json",
            "subresource_uris": {},
        }
        return JSONResponse(message, 201)


@asynccontextmanager
async def serve(stand_in: TwilioStandIn) -> AsyncIterator[TwilioStandIn]:
    """Serve the API on a free loopback port for the while."""
    async with serving(stand_in.app()) as stand_in.url:
        yield stand_in


def webhook_form(sender: str, text: str, **fields: str) -> dict[str, str]:
    """The form of an SMS webhook as Twilio sends it."""
    return {
        "MessageSid": "SM" + secrets.token_hex(16),
        "AccountSid": ACCOUNT_SID,
        "From": sender,
        "To": NUMBER,
        "Body": text,
        "NumMedia": "0",
        "NumSegments": "1",
        "FromCountry": "FR",
        "FromCity": "",
        "ApiVersion": "2010-04-01",
        **fields,
    }


def sign(url: str, form: Mapping[str, str], token: str = AUTH_TOKEN) -> str:
    """X-Twilio-Signature for a webhook."""
    return str(RequestValidator(token).compute_signature(url, dict(form)))


async def post_webhook(
    client: httpx.AsyncClient, url: str, form: Mapping[str, str]
) -> httpx.Response:
    """Call a webhook as Twilio does."""
    headers = {
        "X-Twilio-Signature": sign(url, form),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return await client.post(url, data=dict(form), headers=headers)


def environment(stand_in: TwilioStandIn) -> dict[str, str]:
    """The settings that make Guichet talk to the stand-in."""
    return {
        "GUICHET_TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "GUICHET_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "GUICHET_TWILIO_SMS_FROM": NUMBER,
        "GUICHET_TWILIO_SMS_PER_SECOND": "0",
        "GUICHET_TWILIO_WHATSAPP_FROM": WHATSAPP_NUMBER,
        "GUICHET_TWILIO_API_URL": stand_in.url,
    }


def _error(
    status: int, code: int, message: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return JSONResponse(body, status, headers=dict(headers or {}))
