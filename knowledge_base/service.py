"""The knowledge base over HTTP: `POST /decide`, `GET /health`, `GET /openapi.json`."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from guichet.clock import today
from guichet.logs import configure_logging
from guichet.settings import load_settings
from knowledge_base import dates
from knowledge_base.content import load_library
from knowledge_base.expected import expected
from knowledge_base.follow_ups import follow_up
from knowledge_base.model import Understanding

logger = logging.getLogger(__name__)

LARGEST_BODY = 64 * 1024
#: These acts are obeyed whatever was just asked.
COMMANDS = frozenset({"human", "stop", "menu", "change_language"})
#: A message of so many characters may tell the end of a permit: it is the date and hardly
#: anything else, or about these subjects and short.
LONGEST_DATE = 60
MOST_BESIDE = 1
MOST_BESIDE_SUBJECT = 5
DATED = frozenset({"renewal-when", "renewal-how", "permit-expired", "api", "api-expired"})

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
                    "expects": {
                        "type": ["string", "null"],
                        "description": "what was just asked: `permit_end`, `department` …",
                    },
                    "article": {
                        "type": ["string", "null"],
                        "description": "the last article given, for \"and how much?\"",
                    },
                },
            },
            "Decision": {
                "type": "object",
                "required": [
                    "language", "script", "decision", "label", "certainty", "candidates",
                    "second", "urgency", "ranking", "expected", "follows", "date",
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
                    "urgency": {"type": "string", "enum": ["none", "urgent", "danger", "distress"]},
                    "expected": {
                        "type": ["object", "null"],
                        "description": "the answer to what was asked: its value, or its problem",
                        "properties": {
                            "value": {"type": "string"},
                            "problem": {"type": "string"},
                        },
                    },
                    "follows": {
                        "type": "boolean",
                        "description": "the label was found from the last article",
                    },
                    "date": {
                        "type": ["string", "null"],
                        "description": "ISO date, when the message is hardly more than that",
                    },
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


@dataclass(frozen=True)
class Context:
    """What the conversation knows already."""

    language: str | None = None
    expects: str | None = None  #: what was just asked
    article: str | None = None  #: the last one given


def _context(message: Mapping[str, Any]) -> Context:
    """Raises TypeError where a value is no text."""
    values = [message.get(field.name) for field in fields(Context)]
    if not all(isinstance(value, (str, type(None))) for value in values):
        raise TypeError
    return Context(*values)


def in_context(
    understanding: Understanding, text: str, context: Context, day: date
) -> dict[str, Any]:
    """The decision on a message, with what only the conversation so far can tell."""
    decision = understanding.decide(text, context.language)
    answer = None
    if context.expects and not (decision.decision == "act" and decision.label in COMMANDS):
        answer = expected(text, context.expects, decision.language, day)
    follows = None
    if answer is None and context.article:
        follows = follow_up(text, decision, context.article, understanding.vocabulary.lexicon)
    reading = None
    if len(text) <= LONGEST_DATE and any(char.isdecimal() for char in text):
        reading = dates.read(text, decision.language, day)
    subject = decision.label in DATED
    most = MOST_BESIDE_SUBJECT if subject else MOST_BESIDE
    whole = reading is not None and reading.day is not None and reading.rest <= most
    return {
        **decision.to_dict(),
        **({"decision": "answer", "label": follows, "second": None} if follows else {}),
        "expected": asdict(answer) if answer is not None else None,
        "follows": follows is not None,
        "date": reading.day.isoformat() if reading and reading.day and whole else None,
    }


def create_app(understanding: Understanding) -> Starlette:
    """The ASGI application around a loaded model."""

    async def decide(request: Request) -> Response:
        body = await request.body()
        if len(body) > LARGEST_BODY:
            return JSONResponse({"error": "body over 64 KB"}, 413)
        try:
            message = json.loads(body)
            text, context = message["text"], _context(message)
            if not isinstance(text, str):
                raise TypeError
        except (ValueError, KeyError, TypeError, AttributeError):
            return JSONResponse({"error": 'expected {"text": "…", "language": "…" or null}'}, 400)
        return JSONResponse(in_context(understanding, text, context, today()))

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
