"""The time where the prefectures are."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


def now() -> datetime:
    """The time in Paris, aware."""
    return datetime.now(PARIS)


def today() -> date:
    """The day in Paris."""
    return now().date()
