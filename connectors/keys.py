"""Names of keys in Redis. What must change at once shares a hash tag, for Redis Cluster."""

from __future__ import annotations

import zlib

PARTITIONS = 16


def partition_of(conversation: str) -> int:
    return zlib.crc32(conversation.encode()) % PARTITIONS


def key(partition: int, name: str) -> str:
    return f"guichet:{{p{partition:02d}}}:{name}"


def of_conversation(conversation: str, name: str) -> str:
    """A key beside the conversation's own: `conversation`, `transcript`, `media` …"""
    return key(partition_of(conversation), f"{name}:{conversation}")


def desk(name: str) -> str:
    return f"guichet:{{desk}}:{name}"
