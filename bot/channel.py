"""Rasa's REST channel, with answers that tell the worker what to do on failure.

The stock channel answers 200 and an empty list whatever went wrong, and logs the
person's text. This one answers 503 when the knowledge base is away (wait and try
again) and 500 for anything else, and logs the kind of error only.
"""

from __future__ import annotations

import logging
from typing import Any, Awaitable, Callable, Iterator, Text

from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from nlu.knowledge_base import KnowledgeBaseAway

logger = logging.getLogger(__name__)


class GuichetInput(InputChannel):
    """`POST /webhooks/rest/webhook` with `{"sender", "message", "metadata"}`.

    Answers as stock Rasa does: a list of `{"recipient_id", "text" | "custom", …}`.
    """

    @classmethod
    def name(cls) -> Text:
        return "rest"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        webhook = Blueprint("guichet_rest", __name__)

        @webhook.route("/", methods=["GET"])
        async def health(request: Request) -> HTTPResponse:
            return response.json({"status": "ok"})

        @webhook.route("/webhook", methods=["POST"])
        async def receive(request: Request) -> HTTPResponse:
            body = request.json
            sender, text = body.get("sender"), body.get("message")
            if not isinstance(sender, str) or not isinstance(text, str):
                return response.json({"error": "sender and message must be text"}, 400)
            output = CollectingOutputChannel()
            try:
                await on_new_message(
                    UserMessage(
                        text,
                        output,
                        sender,
                        input_channel=self.name(),
                        metadata=body.get("metadata"),
                    )
                )
            except Exception as error:
                away = any(isinstance(cause, KnowledgeBaseAway) for cause in _causes(error))
                kind = "KnowledgeBaseAway" if away else type(error).__name__
                # Never the message: error texts may hold it.
                logger.error("turn failed: %s", kind)
                return response.json({"error": kind}, 503 if away else 500)
            return response.json(output.messages)

        return webhook


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
