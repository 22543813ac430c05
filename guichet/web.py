"""What listens on the port: the gateway's webhooks, and the desk beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from guichet.logs import configure_logging
from guichet.settings import Settings, load_settings

if TYPE_CHECKING:
    from starlette.applications import Starlette


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application. Settings are read from the environment when not given."""
    from starlette.applications import Starlette
    from starlette.routing import Mount, Route

    from connectors.gateway import Gateway
    from desk.app import Desk, to_desk

    settings = settings or load_settings()
    gateway, desk = Gateway(settings), Desk(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with gateway.lifespan(), desk.lifespan():
            yield

    return Starlette(
        routes=[*gateway.routes(), Route("/desk", to_desk), Mount("/desk", desk.app())],
        lifespan=lifespan,
    )


def main(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    import uvicorn

    uvicorn.run(
        "guichet.web:create_app",
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
