"""What may be shown of the observatory's counts: nothing that tells of fewer than five people.

For each blockage there is one table by week, one by department, one by subject, one by
language. A cell under FEWEST is never shown, and the smallest of the others goes with it into
OTHER, so that a total tells no cell by subtraction. Every number is rounded down to a multiple
of FEWEST: "10" is 10 to 14 people. So no two numbers, of one table, of two, or of two days,
differ by less than five either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.observatory import Cell
from knowledge_base.blockages import KINDS

FEWEST = 5
#: The row of what is too small to stand by itself.
OTHER = "other"
#: The tables of each blockage, and what they are by.
DIMENSIONS: Mapping[str, Callable[[Cell], str]] = {
    "week": lambda cell: cell.week,
    "department": lambda cell: cell.department,
    "subject": lambda cell: cell.subject,
    "language": lambda cell: cell.language,
}


@dataclass(frozen=True)
class Published:
    """One blockage in one year. All numbers are multiples of FEWEST, rounded down."""

    kind: str
    people: int
    tables: Mapping[str, Mapping[str, int]]  #: by dimension: value to people; "": not known


def publish(counts: Mapping[Cell, int]) -> list[Published]:
    """What may be shown, in the order of KINDS; a blockage that fewer met is left out."""
    shown = []
    for kind in KINDS:
        of_kind = {cell: count for cell, count in counts.items() if cell.kind == kind}
        people = _rounded(sum(of_kind.values()))
        if people:
            tables = {name: _table(_by(of_kind, value_of)) for name, value_of in DIMENSIONS.items()}
            shown.append(Published(kind, people, tables))
    return shown


def _by(counts: Mapping[Cell, int], value_of: Callable[[Cell], str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for cell, count in counts.items():
        found[value_of(cell)] += count
    return found


def _table(cells: Mapping[str, int]) -> dict[str, int]:
    """The cells in their order, then OTHER."""
    smallest_first = sorted(cells, key=lambda value: (cells[value], value))
    small = sum(count < FEWEST for count in cells.values())
    hidden = smallest_first[: small + 1] if small else []
    kept = {value: _rounded(cells[value]) for value in sorted(cells) if value not in hidden}
    other = _rounded(sum(cells[value] for value in hidden))
    return {**kept, OTHER: other} if other else kept


def _rounded(count: int) -> int:
    return count - count % FEWEST
