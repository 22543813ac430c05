"""What the pages work with, put together once a process."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from connectors.cases import Cases
from connectors.mailbox import Mailbox
from connectors.registry import make_channels
from connectors.threads import Threads
from desk.accounts import Accounts
from desk.articles import Articles
from desk.audit import Audit
from desk.counter import Counter
from desk.live import Hub
from desk.sessions import Sessions
from desk.sweeper import Sweeper
from guichet.settings import Settings
from guichet.vault import Vault
from knowledge_base.content import Library
from knowledge_base.dialogue import Texts


@dataclass(frozen=True)
class Services:
    """One of each."""

    settings: Settings
    redis: Redis
    vault: Vault
    accounts: Accounts
    sessions: Sessions
    audit: Audit
    mailbox: Mailbox
    cases: Cases
    threads: Threads
    counter: Counter
    articles: Articles
    hub: Hub
    sweeper: Sweeper
    zone: ZoneInfo
    library: Library

    async def close(self) -> None:
        await self.articles.close()
        await self.counter.close_channels()


def make_services(
    settings: Settings, redis: Redis, vault: Vault, library: Library, texts: Texts
) -> Services:
    mailbox = Mailbox(redis, vault, settings.retention_days)
    threads = Threads(redis, vault, settings.retention_days)
    audit = Audit(redis, vault)
    counter = Counter(
        mailbox.cases,
        threads,
        audit,
        make_channels(settings, redis, vault),
        library,
        texts,
        settings.desk_capacity,
    )
    return Services(
        settings,
        redis,
        vault,
        Accounts(redis, vault),
        Sessions(redis, vault),
        audit,
        mailbox,
        mailbox.cases,
        threads,
        counter,
        Articles(library, settings.kb_url or "http://127.0.0.1:5006"),
        Hub(redis),
        Sweeper(mailbox.cases, threads, settings.claim_minutes),
        ZoneInfo(settings.desk_timezone),
        library,
    )
