"""Encryption at rest and pseudonyms.

Values are sealed under keys derived from GUICHET_SECRET_KEY; GUICHET_PREVIOUS_SECRET_KEYS
still open what was sealed before a rotation. Pseudonyms must outlive a rotation: their key
is random, made once, and kept in Redis, sealed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis.asyncio import Redis

from guichet.settings import Settings, SettingsError

NONCE_BYTES = 12
PSEUDONYM_KEY = "guichet:pseudonym-key"
AT_REST = b"guichet at rest"
#: The purpose under which bot/tracker_store.py seals Rasa's trackers.
TRACKERS = b"guichet tracker"


class VaultError(Exception):
    """A sealed value does not open: another key, another context, or damage."""


class Cipher:
    """AES-256-GCM under the first of some secrets; opens what any of them sealed."""

    def __init__(self, secrets: Sequence[str], purpose: bytes = AT_REST) -> None:
        self._ciphers = [AESGCM(_derive(secret, purpose)) for secret in secrets]

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt; the same context must be given to open it."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt. Raises VaultError."""
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(nonce, rest, context.encode())
            except (InvalidTag, ValueError):
                continue
        raise VaultError("a sealed value does not open with this secret key")

    def reseal(self, sealed: bytes, context: str) -> bytes:
        """The same value under the first secret. Raises VaultError."""
        return self.seal(self.open(sealed, context), context)


class Vault:
    """Seals texts and files for Redis and gives people pseudonyms (HMAC-SHA256)."""

    def __init__(self, cipher: Cipher, pseudonym_key: bytes) -> None:
        self.cipher = cipher
        self._pseudonym_key = pseudonym_key

    def pseudonym(self, channel: str, address: str) -> str:
        """32 hexadecimal characters that stand for a person on a channel."""
        text = f"{channel}\0{address}".encode()
        return hmac.new(self._pseudonym_key, text, hashlib.sha256).hexdigest()[:32]

    def seal(self, text: str, context: str) -> bytes:
        return self.cipher.seal(text.encode("utf-8", "surrogatepass"), context)

    def open(self, sealed: bytes, context: str) -> str:
        """Decrypt. Raises VaultError."""
        return self.cipher.open(sealed, context).decode("utf-8", "surrogatepass")


async def unlock(redis: Redis, settings: Settings) -> Vault:
    """The vault of an installation; its pseudonym key is made on first use.

    Raises SettingsError when the secret key is not the one this Redis was filled with,
    RedisError when Redis is away.
    """
    cipher = Cipher(settings.secret_keys())
    made = cipher.seal(os.urandom(32), PSEUDONYM_KEY)
    await redis.set(PSEUDONYM_KEY, made, nx=True)
    sealed = cast(bytes, await redis.get(PSEUDONYM_KEY))
    try:
        return Vault(cipher, cipher.open(sealed, PSEUDONYM_KEY))
    except VaultError:
        raise SettingsError(
            "GUICHET_SECRET_KEY is not the key this Redis was filled with: set the old key in "
            "GUICHET_PREVIOUS_SECRET_KEYS, then run `guichet rotate-key`"
        ) from None


def _derive(secret: str, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, purpose).derive(secret.encode())
