"""A Rasa component that asks the knowledge base service what a message means."""

from __future__ import annotations

import http.client
import json
import os
from typing import Any, Dict, List, Text
from urllib.parse import urlsplit

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.constants import INTENT_MESSAGE_PREFIX
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_RANKING_KEY, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message

DECISION_KEY = "knowledge_base"
#: A slot is text or nothing; this word stands for "no third candidate".
NO_CANDIDATE = "none"


class KnowledgeBaseAway(RasaException):
    """The knowledge base service cannot be reached or does not answer properly."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class KnowledgeBaseClassifier(GraphComponent, IntentClassifier):
    """Sets the intent of a message, its confidence, and entities: language, article, candidates.

    The address comes from GUICHET_KB_URL. The language a conversation already has
    travels in the message's metadata under "language"; where the service has been asked
    before, its answer does too, under "decision".
    """

    def __init__(self, config: Dict[Text, Any]) -> None:
        self._timeout: float = config["timeout_s"]
        self._connection: http.client.HTTPConnection | None = None

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"timeout_s": 5.0}

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> KnowledgeBaseClassifier:
        return cls(config)

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            text = message.get(TEXT) or ""
            if text.startswith(INTENT_MESSAGE_PREFIX):
                continue  # a button: Rasa has read the payload already
            metadata = message.get(METADATA) or {}
            # The worker has asked already, without holding up this process; Rasa's own
            # commands (shell, test) have not.
            decision = metadata.get("decision") or self._decide(text, metadata.get("language"))
            _apply(decision, message)
        return messages

    def _decide(self, text: Text, language: Text | None) -> Dict[Text, Any]:
        body = json.dumps({"text": text, "language": language})
        # One retry on a fresh connection: the service may have closed an idle one.
        for attempt in (1, 2):
            try:
                if self._connection is None:
                    self._connection = self._connect()
                self._connection.request(
                    "POST", "/decide", body, {"Content-Type": "application/json"}
                )
                response = self._connection.getresponse()
                content = response.read()
                if response.status != 200:
                    raise KnowledgeBaseAway(f"knowledge base answered {response.status}")
                decision: Dict[Text, Any] = json.loads(content)
                return decision
            except (OSError, http.client.HTTPException, ValueError) as error:
                if self._connection is not None:
                    self._connection.close()
                self._connection = None
                if attempt == 2:
                    raise KnowledgeBaseAway(
                        f"knowledge base away: {type(error).__name__}"
                    ) from None
        raise AssertionError("unreachable")

    def _connect(self) -> http.client.HTTPConnection:
        url = os.environ.get("GUICHET_KB_URL")
        if not url:
            raise KnowledgeBaseAway("GUICHET_KB_URL is not set: start `guichet up`")
        parts = urlsplit(url)
        return http.client.HTTPConnection(
            parts.hostname or "127.0.0.1", parts.port or 80, timeout=self._timeout
        )


def _apply(decision: Dict[Text, Any], message: Message) -> None:
    """Write a decision of the service into a Rasa message."""
    ranking = decision["ranking"]
    certainty = decision["certainty"]
    entities: Dict[Text, Any] = {"language": decision["language"]}
    entities["urgency"] = decision["urgency"]
    if decision["decision"] == "answer":
        intent = "ask_procedure"
        entities["article"] = decision["label"]
        if decision["second"] is not None:
            intent = "ask_two_procedures"
            entities["second_article"] = decision["second"]
    elif decision["decision"] == "choose":
        intent = "choose_procedure"
        candidates = decision["candidates"] + [NO_CANDIDATE]
        for number in (1, 2, 3):
            entities[f"candidate_{number}"] = candidates[number - 1]
    elif decision["decision"] == "act":
        intent = decision["label"]
    else:
        intent = "nlu_fallback"
    length = len(message.get(TEXT) or "")
    message.set(INTENT, {"name": intent, "confidence": certainty}, add_to_output=True)
    message.set(
        INTENT_RANKING_KEY,
        [{"name": intent, "confidence": certainty}],
        add_to_output=True,
    )
    message.set(
        ENTITIES,
        [
            {
                "entity": name,
                "value": value,
                "start": 0,
                "end": length,
                "extractor": "KnowledgeBaseClassifier",
            }
            for name, value in entities.items()
        ],
        add_to_output=True,
    )
    message.set(DECISION_KEY, dict(decision, ranking=ranking), add_to_output=True)
