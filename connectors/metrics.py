"""`/metrics` for Prometheus: queues, workers, counts. No person, number or text is in it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.asyncio import Redis

from connectors.mailbox import Mailbox
from guichet import counters

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
WORKERS_KEY = "guichet:workers"  #: sorted set of worker names by time of last sign of life
#: A worker that showed no sign of life for so long is not alive.
ALIVE_S = 5.0


class _Snapshot(Collector):
    def __init__(
        self, lengths: dict[str, int], workers: int, events: dict[tuple[str, str], int]
    ) -> None:
        self._lengths, self._workers, self._events = lengths, workers, events

    def collect(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("guichet_waiting", "Entries in a queue", labels=["queue"])
        for name, length in self._lengths.items():
            waiting.add_metric([name], length)
        yield waiting
        yield GaugeMetricFamily("guichet_workers", "Workers alive", value=self._workers)
        events = CounterMetricFamily(
            "guichet_events", "What happened to messages", labels=["event", "channel"]
        )
        for (event, channel), times in sorted(self._events.items()):
            events.add_metric([event, channel], times)
        yield events


async def page(redis: Redis, mailbox: Mailbox) -> bytes:
    """Raises RedisError."""
    registry = CollectorRegistry()
    registry.register(
        _Snapshot(
            {**await mailbox.lengths(), **await mailbox.cases.lengths()},
            await redis.zcount(WORKERS_KEY, time.time() - ALIVE_S, "+inf"),
            await counters.read(redis),
        )
    )
    return generate_latest(registry)
