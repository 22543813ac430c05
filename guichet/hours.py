"""When advisors are there: opening hours, public holidays, absences, in one time zone."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

_DAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")
_PART = re.compile(r"(?P<days>[a-z,-]+) (?P<spans>[\d:,-]+)")
_SPAN = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
#: Nobody is told of an opening further away than this.
HORIZON_DAYS = 60

Span = tuple[time, time]


@dataclass(frozen=True)
class Hours:
    """Parsed from settings with `parse`; asked with times that know their zone."""

    week: tuple[tuple[Span, ...], ...]  #: Monday first
    holidays: str = ""  #: country, or country and region ("FR-67"), whose holidays are kept
    absences: tuple[tuple[date, date], ...] = ()  #: first and last day
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Paris"))

    def is_open(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        return any(start <= local.time() < end for start, end in self._spans(local.date()))

    def next_opening(self, at: datetime) -> datetime | None:
        """The next time the desk opens after `at`; None when it is not soon."""
        local = at.astimezone(self.zone)
        for days in range(HORIZON_DAYS):
            day = local.date() + timedelta(days)
            for start, _ in self._spans(day):
                opening = datetime.combine(day, start, self.zone)
                if opening > local:
                    return opening
        return None

    def _spans(self, day: date) -> tuple[Span, ...]:
        if any(first <= day <= last for first, last in self.absences):
            return ()
        return () if day in self._holidays else self.week[day.weekday()]

    @cached_property
    def _holidays(self) -> Container[date]:
        if not self.holidays:
            return frozenset[date]()
        import holidays  # here: it takes its time to load

        country, _, region = self.holidays.partition("-")
        return holidays.country_holidays(country, subdiv=region or None)


def parse(week: str, days_off: str = "", absences: str = "", zone: str = "Europe/Paris") -> Hours:
    """From "mo-fr 09:00-12:30,13:30-17:00; sa 10:00-12:00", "FR" and
    "2026-12-24/2027-01-02, 2027-05-07". Raises ValueError.
    """
    spans: list[tuple[Span, ...]] = [()] * 7
    for part in filter(None, (part.strip().lower() for part in week.split(";"))):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"'{part}' is not like 'mo-fr 09:00-17:00'")
        found = tuple(_span(span) for span in match["spans"].split(","))
        for number in _numbers(match["days"]):
            spans[number] = found
    if days_off:
        _known_holidays(days_off)
    return Hours(
        tuple(spans), days_off, tuple(_days(part) for part in absences.split(",") if part.strip()),
        ZoneInfo(zone),
    )  # fmt: skip


def _span(text: str) -> Span:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not like '09:00-17:00'")
    start = time.fromisoformat(match[1])
    # 24:00 is how people write the end of a day; Python's clock stops a moment before.
    end = time.max if match[2] == "24:00" else time.fromisoformat(match[2])
    if start >= end:
        raise ValueError(f"'{text}' ends before it begins")
    return start, end


def _numbers(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            raise ValueError(f"'{part}': the days are {', '.join(_DAYS)}")
        yield from range(_DAYS.index(first), _DAYS.index(last or first) + 1)


def _days(text: str) -> tuple[date, date]:
    first, _, last = text.strip().partition("/")
    days = date.fromisoformat(first), date.fromisoformat(last or first)
    if days[0] > days[1]:
        raise ValueError(f"'{text.strip()}' ends before it begins")
    return days


def _known_holidays(text: str) -> None:
    import holidays

    country, _, region = text.partition("-")
    try:
        holidays.country_holidays(country, subdiv=region or None)
    except NotImplementedError:
        raise ValueError(f"no public holidays are known for '{text}'") from None
