"""The knowledge base over HTTP: `POST /decide`, `GET /health`, `GET /openapi.json`."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from guichet.logs import configure_logging
from guichet.settings import load_settings
from knowledge_base.content import load_library
from knowledge_base.model import Understanding

logger = logging.getLogger(__name__)

LARGEST_BODY = 64 * 1024

OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Guichet knowledge base",
        "version": "1",
        "description": "Which language a message is in, which article answers it, how sure.",
    },
    "paths": {
        "/decide": {
            "post": {
                "operationId": "decide",
                "summary": "What a message means",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Message"}}
                    },
                },
                "responses": {
                    "200": {
                        "description": "The decision",
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Decision"}
                            }
                        },
                    },
                    "400": {"description": "Not such a message"},
                    "413": {"description": "Body over 64 KB"},
                },
            }
        },
        "/health": {
            "get": {
                "operationId": "health",
                "summary": "Whether the model is loaded",
                "responses": {"200": {"description": "It is"}},
            }
        },
    },
    "components": {
        "schemas": {
            "Message": {
                "type": "object",
                "required": ["text"],
                "properties": {
                    "text": {"type": "string"},
                    "language": {
                        "type": ["string", "null"],
                        "description": "BCP 47; what the conversation has been in so far",
                    },
                },
            },
            "Decision": {
                "type": "object",
                "required": [
                    "language", "script", "decision", "label", "certainty", "candidates",
                    "second", "urgency", "ranking",
                ],
                "properties": {
                    "language": {"type": "string", "description": "base language, as `ar`"},
                    "script": {"type": "string", "enum": ["native", "latin"]},
                    "decision": {"enum": ["answer", "choose", "act", "fallback"]},
                    "label": {
                        "type": ["string", "null"],
                        "description": "article id, name of the act, or null",
                    },
                    "certainty": {"type": "number", "minimum": 0, "maximum": 1},
                    "candidates": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "two or three article ids when the decision is `choose`",
                    },
                    "second": {
                        "type": ["string", "null"],
                        "description": "the article that a second question asks for",
                    },
                    "urgency": {"type": "string", "enum": ["none", "urgent", "danger"]},
                    "ranking": {
                        "type": "array",
                        "description": "articles, best first",
                        "items": {
                            "type": "object",
                            "required": ["id", "score"],
                            "properties": {
                                "id": {"type": "string"},
                                "score": {"type": "number"},
                            },
                        },
                    },
                },
            },
        }
    },
}  # fmt: skip


def create_app(understanding: Understanding) -> Starlette:
    """The ASGI application around a loaded model."""

    async def decide(request: Request) -> Response:
        body = await request.body()
        if len(body) > LARGEST_BODY:
            return JSONResponse({"error": "body over 64 KB"}, 413)
        try:
            message = json.loads(body)
            text, language = message["text"], message.get("language")
            if not isinstance(text, str) or not isinstance(language, (str, type(None))):
                raise TypeError
        except (ValueError, KeyError, TypeError, AttributeError):
            return JSONResponse({"error": 'expected {"text": "…", "language": "…" or null}'}, 400)
        return JSONResponse(understanding.decide(text, language).to_dict())

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok", "articles": len(understanding.articles)})

    async def openapi(request: Request) -> Response:
        return JSONResponse(OPENAPI)

    return Starlette(
        routes=[
            Route("/decide", decide, methods=["POST"]),
            Route("/health", health),
            Route("/openapi.json", openapi),
        ]
    )


def main() -> None:
    """Serve on GUICHET_KB_URL until SIGTERM or SIGINT."""
    configure_logging()
    settings = load_settings()
    address = urlsplit(settings.kb_url or "http://127.0.0.1:5006")
    understanding = Understanding.load(settings.model_dir)
    understanding.published = load_library().published()
    app = create_app(understanding)
    uvicorn.run(
        app,
        host=address.hostname or "127.0.0.1",
        port=address.port or 5006,
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
