"""When a permit can be renewed: the dates between which the request opens and closes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from dateutil.relativedelta import relativedelta

from knowledge_base.content import Facts

#: card: a permit renewed on ANEF. other: one that is not. api: an attestation or récépissé.
Kind = Literal["card", "other", "api"]
Standing = Literal["early", "now", "late", "expired", "long_expired"]


@dataclass(frozen=True)
class Window:
    """The dates of one permit; all inclusive."""

    end: date
    opens: date
    closes: date
    until: date  #: after this a late request counts as a first one


def window(end: date, kind: Kind, facts: Facts) -> Window:
    """CESEDA R. 431-5; an attestation has no window, only its end."""
    until = end + relativedelta(months=_number(facts, "new_visa_needed_after_expiry_months"))
    if kind == "card":
        opens = end - timedelta(days=_number(facts, "renewal_opens_days_before"))
        closes = end - timedelta(days=_number(facts, "renewal_closes_days_before"))
        return Window(end, opens, closes, until)
    if kind == "other":
        months = _number(facts, "renewal_window_non_anef_months_before")
        return Window(end, end - relativedelta(months=months), end, until)
    return Window(end, end - timedelta(days=7), end, until)


def standing(window: Window, today: date) -> Standing:
    """Where today lies."""
    if today < window.opens:
        return "early"
    if today <= window.closes:
        return "now"
    if today <= window.end:
        return "late"
    return "expired" if today <= window.until else "long_expired"


def response(kind: Kind, standing: Standing) -> str:
    """The name of the dialogue text that tells it."""
    if kind == "api":
        return "dates_api" if standing in ("early", "now") else "dates_api_expired"
    if kind == "other" and standing in ("early", "now"):
        return f"dates_other_{standing}"
    return f"dates_{standing}"


def moments(window: Window, kind: Kind, today: date) -> dict[date, str]:
    """When a reminder is due and the text it says; none that is not after today."""
    if kind == "api":
        found = {window.end - timedelta(days=7): "remind_attestation"}
    else:
        found = {
            window.opens: "remind_opens",
            window.closes - timedelta(days=14): "remind_closes",
        }
    return {day: name for day, name in sorted(found.items()) if day > today}


def _number(facts: Facts, key: str) -> int:
    value = facts[key].value
    assert isinstance(value, int), key
    return value
