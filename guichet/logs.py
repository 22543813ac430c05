"""Logging without personal data."""

from __future__ import annotations

import logging
import sys

#: Libraries that log addresses, tokens or bodies below WARNING.
TALKATIVE = ("httpx", "httpcore", "twilio", "telegram", "aiohttp", "sentence_transformers")


def configure_logging() -> None:
    """One line an event on standard error: time, level, part, words."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
