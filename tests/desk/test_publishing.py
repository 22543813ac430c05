"""No number that is shown, and no difference of two, tells of one to four people."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from connectors.observatory import Cell, weeks_of
from desk.publishing import DIMENSIONS, FEWEST, OTHER, Published, publish
from knowledge_base.blockages import KINDS

CELLS = st.builds(
    Cell,
    st.sampled_from(KINDS),
    st.sampled_from(["", "13", "69", "75", "93"]),
    st.sampled_from(["", "family", "filing", "study-work"]),
    st.sampled_from(["ar", "fr", "pt"]),
    st.sampled_from(weeks_of(2026)[:6]),
)
COUNTS = st.dictionaries(CELLS, st.integers(1, 30), max_size=40)
FEW = st.dictionaries(CELLS, st.integers(1, 4), max_size=12)


def numbers(shown: list[Published]) -> list[int]:
    tables = [table for each in shown for table in each.tables.values()]
    return [each.people for each in shown] + [n for table in tables for n in table.values()]


@given(COUNTS | FEW)
def test_nothing_under_five_directly_or_by_subtraction(counts: dict[Cell, int]) -> None:
    found = numbers(publish(counts))
    assert all(number >= FEWEST for number in found)
    assert all(abs(a - b) not in range(1, FEWEST) for a, b in combinations(found, 2))


@given(COUNTS | FEW, CELLS)
def test_nor_by_the_figures_of_two_days(counts: dict[Cell, int], one: Cell) -> None:
    later = {**counts, one: counts.get(one, 0) + 1}
    both = numbers(publish(counts)) + numbers(publish(later))
    assert all(abs(a - b) not in range(1, FEWEST) for a, b in combinations(both, 2))


@given(COUNTS | FEW)
def test_a_cell_that_is_withheld_is_not_alone(counts: dict[Cell, int]) -> None:
    """Whoever knows the exact total still cannot tell a small cell: two at least are missing."""
    for each in publish(counts):
        for name, value_of in DIMENSIONS.items():
            true: dict[str, int] = {}
            for cell, count in counts.items():
                if cell.kind == each.kind:
                    true[value_of(cell)] = true.get(value_of(cell), 0) + count
            missing = set(true) - set(each.tables[name])
            assert len(missing) != 1
            assert not any(true[value] < FEWEST for value in set(true) - missing)
            if missing:
                assert each.tables[name][OTHER] <= sum(true[value] for value in missing)


@given(COUNTS | FEW)
def test_nothing_is_overstated(counts: dict[Cell, int]) -> None:
    for each in publish(counts):
        people = sum(count for cell, count in counts.items() if cell.kind == each.kind)
        assert people - FEWEST < each.people <= people
        for table in each.tables.values():
            assert sum(table.values()) <= people


def test_an_example() -> None:
    departments = {"69": 12, "75": 7, "13": 3, "": 21}
    counts = {Cell("site_error", d, "", "fr", "2026-W49"): n for d, n in departments.items()}
    counts[Cell("no_appointment", "69", "", "fr", "2026-W49")] = 4
    [shown] = publish(counts)
    assert shown.kind == "site_error"
    assert shown.people == 40
    assert shown.tables["department"] == {"": 20, "69": 10, OTHER: 10}
    assert shown.tables["week"] == {"2026-W49": 40}
