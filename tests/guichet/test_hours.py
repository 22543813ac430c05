"""When the desk is open, and when it opens next."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from guichet.hours import parse
from guichet.settings import Settings

WEEK = "mo-fr 09:00-12:30,13:30-17:00; sa 10:00-12:00"


def paris(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+01:00")


@pytest.mark.parametrize(
    ("at", "open"),
    [
        ("2026-11-30T08:59", False),
        ("2026-11-30T09:00", True),
        ("2026-11-30T12:30", False),  # lunch
        ("2026-11-30T13:30", True),
        ("2026-12-05T11:59", True),  # Saturday
        ("2026-12-06T11:00", False),  # Sunday
        ("2026-12-25T10:00", False),  # a public holiday, a Friday
        ("2026-12-28T10:00", False),  # absent
        ("2027-01-04T10:00", True),
    ],
)
def test_open_or_not(at: str, open: bool) -> None:
    hours = parse(WEEK, "FR", "2026-12-26/2027-01-03")
    assert hours.is_open(paris(at)) == open


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-11-30T08:00", "2026-11-30T09:00"),
        ("2026-11-30T12:45", "2026-11-30T13:30"),
        ("2026-12-24T18:00", "2027-01-04T09:00"),
    ],
)
def test_the_next_opening(at: str, opens: str) -> None:
    hours = parse(WEEK, "FR", "2026-12-26/2027-01-03")
    assert hours.next_opening(paris(at)) == paris(opens)


def test_the_clock_is_that_of_paris_also_in_summer() -> None:
    hours = parse("mo-su 09:00-17:00")
    assert hours.is_open(datetime(2026, 7, 1, 7, 30, tzinfo=UTC))
    assert not hours.is_open(datetime(2026, 7, 1, 15, 30, tzinfo=UTC))


def test_a_desk_that_never_opens_promises_no_hour() -> None:
    assert parse("").next_opening(paris("2026-11-30T08:00")) is None


def test_all_day_and_all_week() -> None:
    hours = parse("mo-su 00:00-24:00")
    assert hours.is_open(paris("2026-12-06T23:59"))


@pytest.mark.parametrize(
    ("week", "holidays", "absences"),
    [
        ("mon-fri 9-17", "", ""),
        ("mo-fr 17:00-09:00", "", ""),
        ("xx 09:00-17:00", "", ""),
        ("mo 09:00-17:00", "Atlantis", ""),
        ("mo 09:00-17:00", "", "2026-13-01"),
        ("mo 09:00-17:00", "", "2027-01-02/2026-12-24"),
    ],
)
def test_what_cannot_be_read_is_refused(week: str, holidays: str, absences: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(week, holidays, absences)


def test_settings_say_which_variable() -> None:
    with pytest.raises(ValueError, match="GUICHET_DESK_HOURS"):
        Settings(desk_hours="always")
    with pytest.raises(ValueError, match="TIMEZONE"):
        Settings(desk_timezone="Europe/Atlantis")
