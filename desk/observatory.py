"""The observatory: which blockages people met, as charts and CSV, never of fewer than five."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date

from starlette.responses import PlainTextResponse, Response

from connectors.observatory import Observatory, weeks_of
from desk.charts import HEIGHT, WIDTH, bars, shares
from desk.guard import Visit
from desk.pages import render
from desk.publishing import DIMENSIONS, FEWEST, OTHER, Published, publish
from desk.texts import words
from desk.view import language_name
from guichet.clock import today
from knowledge_base.departments import departments

_YEAR = re.compile(r"20\d\d")


async def show(visit: Visit) -> Response:
    year = _year(visit)
    if year is None:
        return PlainTextResponse("not a year", 400)
    reader = visit.advisor.language
    found = publish(await visit.services.mailbox.observatory.read(year))
    weeks = weeks_of(year)
    return render(
        visit,
        "observatory.html",
        year=year,
        years=await visit.services.mailbox.observatory.years(),
        found=[
            {
                "kind": each.kind,
                "people": each.people,
                "other_weeks": each.tables["week"].get(OTHER, 0),
                "bars": bars(each.tables["week"], weeks),
                "tables": [
                    {
                        "by": dimension,
                        "rows": [
                            {
                                "name": name_of(dimension, value, reader),
                                "people": people,
                                "share": shares(table)[value],
                            }
                            for value, people in _largest_first(dimension, table)
                        ],
                    }
                    for dimension, table in each.tables.items()
                    if table
                ],
            }
            for each in found
        ],
        width=WIDTH,
        height=HEIGHT,
        fewest=FEWEST,
    )


async def sheet(visit: Visit) -> Response:
    year = _year(visit)
    if year is None:
        return PlainTextResponse("not a year", 400)
    text = await as_csv(visit.services.mailbox.observatory, year, visit.advisor.language, today())
    headers = {"Content-Disposition": f'attachment; filename="guichet-observatory-{year}.csv"'}
    return Response(text.encode("utf-8-sig"), media_type="text/csv", headers=headers)


async def as_csv(observatory: Observatory, year: int, reader: str, day: date) -> str:
    """What may be shown of a year, with lines before it that say what it is."""
    t = words(reader)
    file = io.StringIO()
    rows = csv.writer(file)
    for line in (
        f"{t['observatory']}, {year}",
        t["observatory_what"],
        t["observatory_rule"].format(FEWEST),
        t["observatory_made"].format(day.isoformat()),
    ):
        rows.writerow([f"# {line}"])
    rows.writerow(["blockage", "by", "value", "name", "people_at_least"])
    for found in publish(await observatory.read(year)):
        rows.writerow([found.kind, "all", "", t[f"blockage_{found.kind}"], found.people])
        for row in _rows(found, reader):
            rows.writerow(row)
    return file.getvalue()


def name_of(dimension: str, value: str, reader: str) -> str:
    """A cell's name, for who reads `reader`."""
    t = words(reader)
    if value == OTHER:
        return t["observatory_other"]
    if not value:
        return t["observatory_unknown"]
    if dimension == "department":
        place = departments().get(value)
        return f"{value} {place.name}" if place is not None else value
    if dimension == "subject":
        return t.get(f"subject_{value}", value)
    return language_name(value, reader) if dimension == "language" else value


def _rows(found: Published, reader: str) -> list[Sequence[str | int]]:
    return [
        (found.kind, dimension, value or "unknown", name_of(dimension, value, reader), people)
        for dimension in DIMENSIONS
        for value, people in found.tables[dimension].items()
    ]


def _largest_first(dimension: str, table: Mapping[str, int]) -> list[tuple[str, int]]:
    """Weeks in their order; the rest by size, what is withheld last."""
    if dimension == "week":
        return list(table.items())
    return sorted(table.items(), key=lambda row: (row[0] == OTHER, -row[1], row[0]))


def _year(visit: Visit) -> int | None:
    asked = visit.request.query_params.get("year", str(today().isocalendar().year))
    return int(asked) if _YEAR.fullmatch(asked) else None
