"""Encryption at rest and pseudonyms, both from one secret key."""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


class VaultError(Exception):
    """A sealed value does not open: another key, another context, or damage."""


class Vault:
    """Seals texts for Redis (AES-256-GCM) and gives people pseudonyms (HMAC-SHA256).

    Keys are derived from the secret with HKDF, one a purpose.
    """

    def __init__(self, secret: str) -> None:
        self._cipher = AESGCM(_derive(secret, b"guichet at rest"))
        self._pseudonym_key = _derive(secret, b"guichet pseudonym")

    def pseudonym(self, channel: str, address: str) -> str:
        """32 hexadecimal characters that stand for a person on a channel."""
        text = f"{channel}\0{address}".encode()
        return hmac.new(self._pseudonym_key, text, hashlib.sha256).hexdigest()[:32]

    def seal(self, text: str, context: str) -> bytes:
        """Encrypt; the same context must be given to open it."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(
            nonce, text.encode("utf-8", "surrogatepass"), context.encode()
        )

    def open(self, sealed: bytes, context: str) -> str:
        """Decrypt. Raises VaultError."""
        try:
            plain = self._cipher.decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode()
            )
        except (InvalidTag, ValueError):
            raise VaultError("a sealed value does not open with this secret key") from None
        return plain.decode("utf-8", "surrogatepass")


def _derive(secret: str, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, purpose).derive(secret.encode())
