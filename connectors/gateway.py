"""The gateway: takes webhooks, checks them, stores them, answers.

A message is acknowledged only once Redis has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from connectors import metrics, twilio
from connectors.channels import Channel, Refused, Webhook
from connectors.mailbox import Mailbox, TooFast
from connectors.notebook import Notebook
from connectors.openapi import OPENAPI
from connectors.records import Inbound
from connectors.registry import webhook_channels
from guichet import redis_server
from guichet.counters import Counts
from guichet.settings import Settings, SettingsError, load_settings
from guichet.vault import VaultError, unlock

logger = logging.getLogger(__name__)

LARGEST_BODY = 64 * 1024
#: A client may take so long to send a body.
BODY_S = 10.0
EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
#: Refuses the call at no cost, https://www.twilio.com/docs/voice/twiml/reject.
REJECT_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response><Reject reason="busy"/></Response>'
#: One caller is texted once in so many seconds.
CALL_S = 3600
#: A letter is for whoever has the link, and for nobody's cache or index.
LETTER_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
NO_LETTER = "Ce lien ne marche plus. This link no longer works."
HEALTH_KEY = "guichet:health"
FLUSH_S = 1.0

Accept = Callable[[Inbound], Awaitable[None]]


class Gateway:
    """The webhooks of every configured channel."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redis = redis_server.connect(
            settings.redis_url or redis_server.embedded_url(settings)
        )
        self._channels = webhook_channels(settings)
        self._counts = Counts()
        self._mailbox: Mailbox | None = None
        self._notebook: Notebook | None = None

    def app(self) -> Starlette:
        """The webhooks alone."""

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            async with self.lifespan():
                yield

        return Starlette(routes=self.routes(), lifespan=lifespan)

    def routes(self) -> list[Route]:
        return [
            Route("/health", self.health),
            Route("/metrics", self.metrics),
            Route("/openapi.json", self.openapi),
            Route("/l/{token}", self.letter),
            Route("/twilio/sms", self.messages("sms", EMPTY_TWIML), methods=["POST"]),
            Route("/twilio/whatsapp", self.messages("whatsapp", EMPTY_TWIML), methods=["POST"]),
            Route("/twilio/status", self.twilio_status, methods=["POST"]),
            Route("/twilio/voice", self.twilio_voice, methods=["POST"]),
            Route("/telegram/webhook", self.messages("telegram", ""), methods=["POST"]),
        ]

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        flushing = asyncio.create_task(self._flush_forever())
        yield
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
        with contextlib.suppress(RedisError):
            await self._counts.flush(self._redis)
        for channel in self._channels.values():
            await channel.close()
        await self._redis.aclose()

    async def health(self, request: Request) -> Response:
        """200 only when messages can be accepted."""
        try:
            await self._redis.set(HEALTH_KEY, "1", ex=60)
            await self._open()
        except RedisError:
            return JSONResponse({"status": "redis takes no writes"}, 503)
        except SettingsError:
            return JSONResponse({"status": "the secret key does not open this redis"}, 503)
        return JSONResponse({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        try:
            return Response(
                await metrics.page(self._redis, await self._open()), media_type=metrics.CONTENT_TYPE
            )
        except (RedisError, SettingsError):
            return PlainTextResponse("redis is away", 503)

    async def openapi(self, request: Request) -> Response:
        return JSONResponse(OPENAPI)

    def messages(self, name: str, answer: str) -> Callable[[Request], Awaitable[Response]]:
        """The webhook of a channel: verified, parsed, stored, acknowledged."""

        async def receive(request: Request) -> Response:
            try:
                channel = self._channel(name)
                webhook = await self._read(request, channel)
                for message in channel.parse(webhook):
                    await self._accept(message)
            except Refused as refusal:
                return self._refuse(name, refusal)
            return Response(answer, media_type="text/xml" if answer else "text/plain")

        return receive

    async def twilio_status(self, request: Request) -> Response:
        """What became of a message; 200 for anything signed, so that nothing is repeated."""
        try:
            webhook = await self._read(request, self._twilio())
            delivery = twilio.parse_status(twilio.read_form(webhook.body))
            if delivery is not None:
                await self._delivered(delivery)
        except Refused as refusal:
            return self._refuse("status", refusal)
        return Response(status_code=204)

    async def twilio_voice(self, request: Request) -> Response:
        """A call: refused at no cost, and the caller gets the menu by SMS."""
        try:
            webhook = await self._read(request, self._channel("sms"))
            call = twilio.parse_call(twilio.read_form(webhook.body), "sms")
            if call is not None:
                await self._accept(call, remember_s=CALL_S)
        except Refused as refusal:
            return self._refuse("voice", refusal)
        return Response(REJECT_TWIML, media_type="text/xml")

    async def letter(self, request: Request) -> Response:
        """The PDF behind a private link; 404 when there is none, or no more."""
        token = request.path_params["token"]
        try:
            await self._open()
            assert self._notebook is not None
            content = await self._notebook.letter(token)
        except (RedisError, SettingsError) as error:
            logger.error("letter not read: %s", type(error).__name__)
            return PlainTextResponse("try again in a minute", 503)
        except VaultError:
            content = None
        if content is None:
            return PlainTextResponse(NO_LETTER, 404, LETTER_HEADERS)
        disposition = {"Content-Disposition": 'inline; filename="lettre-prefecture.pdf"'}
        return Response(content, 200, LETTER_HEADERS | disposition, "application/pdf")

    def _channel(self, name: str) -> Channel:
        channel = self._channels.get(name)
        if channel is None:
            raise Refused(404, f"{name} is off here")
        return channel

    def _twilio(self) -> Channel:
        return self._channels.get("sms") or self._channel("whatsapp")

    async def _read(self, request: Request, channel: Channel) -> Webhook:
        """The call, once it is known to be the provider's. Raises Refused."""
        # A header that stands twice is joined, as RFC 9110 5.2 has it: no signature is both.
        headers: dict[str, str] = {}
        for name, value in request.headers.items():
            known = headers.get(name.lower())
            headers[name.lower()] = value if known is None else f"{known}, {value}"
        channel.admit(headers)
        try:
            async with asyncio.timeout(BODY_S):
                body = await read_body(request)
        except TimeoutError:
            raise Refused(408, "the body took too long") from None
        except ClientDisconnect:
            raise Refused(400, "the client went away") from None
        webhook = Webhook(public_url(request, self._settings.public_url), headers, body)
        channel.verify(webhook)
        return webhook

    async def _accept(self, message: Inbound, **options: int) -> None:
        try:
            new = await (await self._open()).accept(message, **options)
        except TooFast:
            self._counts["too_fast", message.channel] += 1
            raise Refused(429, "too many messages a minute from one sender") from None
        except (RedisError, SettingsError) as error:
            # The provider tries again, calls its fallback, or shows it to the operator.
            logger.error("message not taken: %s", type(error).__name__)
            raise Refused(503, "not stored, try again") from None
        self._counts["accepted" if new else "repeated", message.channel] += 1

    async def _delivered(self, delivery: twilio.Delivery) -> None:
        try:
            mailbox = await self._open()
            watched = await mailbox.delivered(
                delivery.channel,
                delivery.address,
                delivery.id,
                delivery.status,
                delivery.error,
                twilio.STATUSES,
            )
            if watched:
                conversation = mailbox.pseudonym(delivery.channel, delivery.address)
                await mailbox.cases.tell("state", conversation)
            if delivery.error == str(twilio.OPTED_OUT):
                await mailbox.silence(mailbox.pseudonym(delivery.channel, delivery.address))
        except (RedisError, SettingsError) as error:
            logger.error("status not taken: %s", type(error).__name__)
            raise Refused(503, "not stored, try again") from None
        self._counts[f"status_{delivery.status}", delivery.channel] += 1

    def _refuse(self, name: str, refusal: Refused) -> Response:
        if refusal.status == 403:
            logger.warning("%s: a webhook was refused: %s", name, refusal.reason)
        self._counts[f"refused_{refusal.status}", name] += 1
        return PlainTextResponse(refusal.reason, refusal.status)

    async def _open(self) -> Mailbox:
        """The mailbox, once Redis can be reached. Raises RedisError or SettingsError."""
        if self._mailbox is None:
            vault = await unlock(self._redis, self._settings)
            self._notebook = Notebook(self._redis, vault, self._settings.retention_days)
            self._mailbox = Mailbox(
                self._redis,
                vault,
                self._settings.retention_days,
                self._settings.messages_a_minute,
            )
        return self._mailbox

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            with contextlib.suppress(RedisError):
                await self._counts.flush(self._redis)


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application. Settings are read from the environment when not given."""
    return Gateway(settings or load_settings()).app()


async def read_body(request: Request) -> bytes:
    """The body, if it is not over LARGEST_BODY bytes. Raises Refused, ClientDisconnect."""
    declared = request.headers.get("Content-Length", "")
    if declared.isdigit() and int(declared) > LARGEST_BODY:
        raise Refused(413, "body over 64 KB")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Refused(413, "body over 64 KB")
    return bytes(body)


def public_url(request: Request, public: str | None) -> str:
    """The address the provider called, which it signed: behind a proxy, not our own."""
    if public is None:
        return str(request.url)
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{public}{request.url.path}{query}"
