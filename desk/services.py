"""What the pages work with, put together once a process."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from connectors.case_details import CaseDetails
from connectors.cases import Cases
from connectors.mailbox import Mailbox
from connectors.notebook import Notebook
from connectors.pairing import Pairing
from connectors.registry import make_channels
from connectors.threads import Threads
from desk.accounts import Accounts
from desk.alerts import Alerts
from desk.articles import Articles
from desk.audit import Audit
from desk.counter import Counter
from desk.live import Hub
from desk.sessions import Sessions
from desk.sweeper import Sweeper
from desk.translation import Translator, make_translator
from guichet.settings import Settings
from guichet.vault import Vault
from knowledge_base.content import Library
from knowledge_base.dialogue import Texts
from knowledge_base.phrasebook import Phrasebook


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
    details: CaseDetails
    notebook: Notebook
    threads: Threads
    counter: Counter
    articles: Articles
    translator: Translator | None
    hub: Hub
    sweeper: Sweeper
    pairing: Pairing
    alerts: Alerts
    zone: ZoneInfo
    library: Library

    async def close(self) -> None:
        await self.articles.close()
        if self.translator is not None:
            await self.translator.close()
        await self.counter.close_channels()


def make_services(
    settings: Settings,
    redis: Redis,
    vault: Vault,
    library: Library,
    texts: Texts,
    phrasebook: Phrasebook,
) -> Services:
    mailbox = Mailbox(redis, vault, settings.retention_days)
    threads = Threads(redis, vault, settings.retention_days)
    audit = Audit(redis, vault)
    accounts = Accounts(redis, vault)
    pairing = Pairing(redis, vault)
    channels = make_channels(settings, redis, vault)
    details = CaseDetails(redis, vault, settings.retention_days)
    counter = Counter(
        mailbox.cases,
        details,
        threads,
        audit,
        channels,
        library,
        texts,
        phrasebook,
        settings.desk_capacity,
    )
    return Services(
        settings,
        redis,
        vault,
        accounts,
        Sessions(redis, vault),
        audit,
        mailbox,
        mailbox.cases,
        details,
        Notebook(redis, vault, settings.retention_days),
        threads,
        counter,
        Articles(library, settings.kb_url or "http://127.0.0.1:5006"),
        make_translator(settings),
        Hub(redis),
        Sweeper(mailbox.cases, details, threads, settings.hours(), settings.claim_minutes),
        pairing,
        Alerts(settings, redis, mailbox.cases, accounts, pairing, channels),
        ZoneInfo(settings.desk_timezone),
        library,
    )
