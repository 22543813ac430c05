"""Bars for the observatory, as numbers that a template draws as SVG: no script, no picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: The drawing of the weeks, in its own units.
WIDTH, HEIGHT = 636, 120
#: Room above the highest bar, and under all for the numbers of the weeks.
ABOVE, UNDER = 16, 18


@dataclass(frozen=True)
class Bar:
    """One week."""

    x: float
    y: float
    width: float
    height: float
    count: int
    name: str  #: its number, where there is room to write it


def bars(counts: Mapping[str, int], weeks: Sequence[str]) -> list[Bar]:
    """One bar a week of the year; nothing is drawn where nothing is shown."""
    step = WIDTH / len(weeks)
    most = max((counts.get(week, 0) for week in weeks), default=0)
    room = HEIGHT - ABOVE - UNDER
    drawn = []
    for number, week in enumerate(weeks):
        height = room * counts.get(week, 0) / most if most else 0.0
        name = str(number + 1) if number % 4 == 0 else ""
        place = round(number * step + 1, 1), round(HEIGHT - UNDER - height, 1)
        drawn.append(Bar(*place, round(step - 2, 1), round(height, 1), counts.get(week, 0), name))
    return drawn


def shares(counts: Mapping[str, int]) -> dict[str, int]:
    """Each count as a share of the highest, in hundredths."""
    most = max(counts.values(), default=0)
    return {name: round(100 * count / most) for name, count in counts.items()} if most else {}
