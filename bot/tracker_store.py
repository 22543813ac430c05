"""A tracker store that keeps the tail of each conversation, encrypted, in Redis.

Rasa's own stores read and write the whole conversation at each turn: the 600th
message of one took 640 ms. Here the cost of a turn does not depend on the length.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import zlib
from typing import Any, Iterable, List, Optional, Text

import redis.asyncio
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

logger = logging.getLogger(__name__)

#: Turns kept: rules look back one; slots and an active form are restored besides.
TAIL_TURNS = 2
#: Turns at which the tail is cut again, so that most turns copy nothing.
CUT_AT_TURNS = 4
NONCE_BYTES = 12


class TailTrackerStore(TrackerStore):
    """Redis at GUICHET_REDIS_URL; values encrypted under GUICHET_SECRET_KEY (AES-GCM).

    Keys are `guichet:{tracker:<sender>}`; they expire after GUICHET_RETENTION_DAYS
    days (30). Without GUICHET_REDIS_URL, as under `rasa shell` on a bare machine,
    trackers live in the process only.
    """

    def __init__(
        self,
        domain: Optional[Domain],
        host: Optional[EndpointConfig] = None,
        event_broker: Optional[EventBroker] = None,
        **kwargs: Any,
    ) -> None:
        url = os.environ.get("GUICHET_REDIS_URL")
        secret = os.environ.get("GUICHET_SECRET_KEY")
        if url and not secret:
            raise ValueError("GUICHET_SECRET_KEY must be set when GUICHET_REDIS_URL is")
        self._url = url
        self._redis: Optional[redis.asyncio.Redis] = None
        self._memory: dict[Text, bytes] = {}
        earlier = os.environ.get("GUICHET_PREVIOUS_SECRET_KEYS", "").split(",")
        secrets = [secret or base64.b64encode(os.urandom(32)).decode(), *filter(None, earlier)]
        self._ciphers = [AESGCM(_derive(each)) for each in secrets]
        self._expiry_s = int(float(os.environ.get("GUICHET_RETENTION_DAYS", "30")) * 86400)
        super().__init__(domain, event_broker, **kwargs)

    async def save(self, tracker: DialogueStateTracker) -> None:
        events = cut_to_tail(tracker.sender_id, list(tracker.events), self.domain)
        if len(events) != len(tracker.events):
            tracker.events.clear()
            tracker.events.extend(events)
        plain = zlib.compress(json.dumps([event.as_dict() for event in events]).encode(), 1)
        nonce = os.urandom(NONCE_BYTES)
        value = nonce + self._ciphers[0].encrypt(nonce, plain, tracker.sender_id.encode())
        client = self._client()
        if client is None:
            self._memory[tracker.sender_id] = value
        else:
            await client.set(_key(tracker.sender_id), value, ex=self._expiry_s)

    async def retrieve(self, sender_id: Text) -> Optional[DialogueStateTracker]:
        client = self._client()
        value = self._memory.get(sender_id) if client is None else await client.get(_key(sender_id))
        if value is None:
            return None
        plain = self._open(value, sender_id)
        if plain is None:
            return None  # another key, or damage: better a fresh start than no answer at all
        return DialogueStateTracker.from_dict(
            sender_id, json.loads(zlib.decompress(plain)), self.domain.slots
        )

    async def delete(self, sender_id: Text) -> None:
        client = self._client()
        if client is None:
            self._memory.pop(sender_id, None)
        else:
            await client.delete(_key(sender_id))

    async def keys(self) -> Iterable[Text]:
        client = self._client()
        if client is None:
            return list(self._memory)
        prefix, suffix = _key("").split("}")[0], "}"
        return [
            key.decode()[len(prefix) : -len(suffix)]
            async for key in client.scan_iter(match=_key("*"))
        ]

    def _open(self, value: bytes, sender_id: Text) -> Optional[bytes]:
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(value[:NONCE_BYTES], value[NONCE_BYTES:], sender_id.encode())
            except InvalidTag:
                continue
        logger.error("a tracker does not open with this secret key")
        return None

    def _client(self) -> Optional[redis.asyncio.Redis]:
        # Made on first use: the event loop that runs the turns must own it.
        if self._redis is None and self._url:
            self._redis = redis.asyncio.Redis.from_url(self._url)
        return self._redis


def cut_to_tail(sender_id: Text, events: List[Event], domain: Domain) -> List[Event]:
    """The last turns of a conversation, after events that restore slots and active form.

    Returns `events` itself while there are fewer than CUT_AT_TURNS turns.
    """
    starts = [index for index, event in enumerate(events) if isinstance(event, UserUttered)]
    if len(starts) < CUT_AT_TURNS:
        return events
    cut = starts[-TAIL_TURNS]
    before = DialogueStateTracker.from_events(sender_id, events[:cut], domain.slots)
    state: List[Event] = [ActionExecuted(ACTION_SESSION_START_NAME), SessionStarted()]
    state += [
        SlotSet(name, slot.value)
        for name, slot in before.slots.items()
        if slot.value != slot.initial_value
    ]
    if before.active_loop_name:
        state.append(ActiveLoop(before.active_loop_name))
    state.append(ActionExecuted(ACTION_LISTEN_NAME))
    return state + events[cut:]


def _key(sender_id: Text) -> Text:
    return f"guichet:{{tracker:{sender_id}}}"


def _derive(secret: Text) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, b"guichet tracker").derive(secret.encode())
