"""The gateway: takes webhooks, checks them, stores them, answers.

A message is acknowledged only once Redis has it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from connectors import twilio
from connectors.mailbox import Mailbox
from guichet import redis_server
from guichet.logs import configure_logging
from guichet.settings import Settings, load_settings
from guichet.vault import Vault

logger = logging.getLogger(__name__)

LARGEST_BODY = 64 * 1024
EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
HEALTH_KEY = "guichet:health"


class TooLarge(Exception):
    """A request body over LARGEST_BODY bytes."""


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application. Settings are read from the environment when not given."""
    settings = settings or load_settings()
    redis = redis_server.connect(settings.redis_url or redis_server.embedded_url(settings))
    mailbox = Mailbox(redis, Vault(settings.secret()), settings.retention_days)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await redis.aclose()

    async def health(request: Request) -> Response:
        try:
            await redis.set(HEALTH_KEY, "1", ex=60)
        except RedisError:
            return JSONResponse({"status": "redis takes no writes"}, 503)
        return JSONResponse({"status": "ok"})

    async def twilio_sms(request: Request) -> Response:
        if settings.sms_missing() or settings.twilio_auth_token is None:
            return PlainTextResponse("SMS is off here", 404)
        signature = request.headers.get("X-Twilio-Signature")
        if not signature:
            return PlainTextResponse("signature missing", 403)
        try:
            body = await read_body(request)
        except TooLarge:
            return PlainTextResponse("body over 64 KB", 413)
        except ClientDisconnect:
            return PlainTextResponse("", 400)
        content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if content_type != "application/x-www-form-urlencoded":
            return PlainTextResponse("a urlencoded form is expected", 415)
        try:
            form = twilio.parse_form(body)
        except ValueError:
            return PlainTextResponse("not a form", 400)
        url = public_url(request, settings.public_url)
        if not twilio.signature_holds(
            settings.twilio_auth_token.get_secret_value(), url, form, signature
        ):
            logger.warning("a webhook with a wrong signature was refused")
            return PlainTextResponse("signature wrong", 403)
        try:
            message = twilio.parse_message(form, "sms")
        except twilio.FormError as error:
            return PlainTextResponse(str(error), 400)
        try:
            await mailbox.accept(message)
        except RedisError as error:
            # Twilio calls the fallback address, or shows the failure to the operator.
            logger.error("message not taken: %s", type(error).__name__)
            return PlainTextResponse("not stored, try again", 503)
        return Response(EMPTY_TWIML, media_type="text/xml")

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/twilio/sms", twilio_sms, methods=["POST"]),
        ],
        lifespan=lifespan,
    )


async def read_body(request: Request) -> bytes:
    """The body, if it is not over LARGEST_BODY bytes. Raises TooLarge, ClientDisconnect."""
    declared = request.headers.get("Content-Length", "")
    if declared.isdigit() and int(declared) > LARGEST_BODY:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise TooLarge
    return bytes(body)


def public_url(request: Request, public: str | None) -> str:
    """The address the provider called, which it signed: behind a proxy, not our own."""
    if public is None:
        return str(request.url)
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{public}{request.url.path}{query}"


def main(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    uvicorn.run(
        "connectors.gateway:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.gateway_processes,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=5,
        limit_concurrency=2000,
    )


if __name__ == "__main__":
    configure_logging()
    main(load_settings())
